"""What the benchmarks share: the size, the rival processes, and figures printed side by side."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "system"))

from process import Done, Vendors, Workspace, watched  # noqa: E402 - the path is set first

SCALE = float(os.environ.get("BENCH_SCALE", "1"))


def rows(number: int) -> int:
    """So many rows, by the scale asked for: BENCH_SCALE=0.1 is a tenth."""
    return max(200, int(number * SCALE))


def wanted(name: str, otherwise: int) -> int:
    """A size that the environment may set by that name."""
    return int(os.environ.get(name, otherwise))


def rival(script: str, *words: object) -> Done:
    """Another program on the same sandbox, as a process of its own."""
    started = time.perf_counter()
    command = [sys.executable, str(HERE / script), *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return watched(process, started)


def timed(world: Vendors, crm: Workspace, *words: str, profile: Path | None = None) -> tuple[Done, dict[str, int]]:
    """A command with its calls; it must have come to its end."""
    world.forget_calls()
    done = crm.run(*words, profile=profile)
    assert done.code in (0, 3), f"{words}: {done.code}\n{done.err}\n{done.out[:2000]}"
    return done, {system: calls for system, calls in world.totals().items() if calls}


def tell(what: str, done: Done, calls: dict[str, int] | None = None) -> None:
    """One line of figures."""
    asked = f"  calls {calls}" if calls is not None else ""
    print(f"{what:<44}{done.seconds:8.1f} s wall {done.cpu_s:8.1f} s CPU {done.peak_mb:6.0f} MB{asked}", flush=True)


def ratio(what: str, ours: float, theirs: float) -> None:
    """One line with a factor."""
    print(f"{what:<44}{ours / theirs if theirs else float('nan'):8.2f} x", flush=True)

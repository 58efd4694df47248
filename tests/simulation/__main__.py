"""`python -m tests.simulation --histories N --seed S`: runs histories, prints the figures and the shortest history of each broken law."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.history import History, Outcome, generate
from tests.simulation.shrink import shrink

LAWS = ("L1", "L2", "L3", "L4", "L5", "L6", "L8", "L9", "L16", "L17")
CHUNK = 10


def main() -> int:
    """Runs the campaign; 1 if a law was broken."""
    arguments = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    arguments.add_argument("--histories", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=0, help="of the first history; each next has the next number")
    arguments.add_argument("--length", type=int, default=24, help="steps of a history, beside the filling and the rest")
    arguments.add_argument("--processes", type=int, default=1)
    arguments.add_argument("--shrink", type=int, default=4, help="how many broken histories to shorten")
    asked = arguments.parse_args()
    started, broken = time.monotonic(), {}
    counts, met, laws, calm = Counter[str](), Counter[str](), Counter[str](), Counter[int]()
    for history, outcome in outcomes(asked.seed, asked.histories, asked.length, asked.processes):
        counts.update(outcome.counts, histories=1, failing=int(bool(outcome.violations)), steps=len(history.steps))
        met.update(outcome.met)
        calm[outcome.calm_runs] += 1
        laws.update({violation.law for violation in outcome.violations})
        for violation in outcome.violations:
            broken.setdefault((violation.law, violation.what.split(" ")[0]), history)
    _tell(counts, met, laws, calm, time.monotonic() - started)
    for (law, _), history in list(broken.items())[: asked.shrink]:
        short = shrink(history, law)
        print(f"\n{law}: {[v for v in short.run().violations if v.law == law]}\n{short}")
    return int(bool(broken))


def outcomes(first: int, number: int, length: int, processes: int) -> Iterator[tuple[History, Outcome]]:
    """The histories of consecutive seeds and what they came to."""
    histories = [generate(seed, length) for seed in range(first, first + number)]
    if processes == 1:
        yield from ((history, history.run()) for history in histories)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from zip(histories, pool.map(History.run, histories, chunksize=CHUNK), strict=True)


def _tell(counts: Counter[str], met: Counter[str], laws: Counter[str], calm: Counter[int], seconds: float) -> None:
    print(
        f"{counts['histories']} histories, {counts['steps']} steps, {counts['runs']} runs, {counts['edits']} edits by people,"
        f" {counts['writes']} rows written, {counts['crashes']} crashes, {seconds:.0f} s"
    )
    print("faults met: " + ", ".join(f"{name} {number}" for name, number in sorted(met.items())))
    print(f"histories that broke a law: {counts['failing']} ({', '.join(f'{law} {laws[law]}' for law in LAWS)})")
    print("healthy runs until nothing more was written: " + ", ".join(f"{n}: {calm[n]}" for n in sorted(calm)))
    share = counts["false losers"] / max(1, counts["losers"])
    print(
        f"values that lost: {counts['losers']}, of them not truly in conflict: {share:.1%};"
        f" edits within the window of a write: {counts['excused']};"
        f" writes per edit: {counts['writes'] / max(1, counts['edits']):.2f}"
    )


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.consent --histories N --seed S`: runs histories of consent, prints the figures and the shortest history of each broken law."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from sync.sandbox.start import Sandbox
from tests.consent.history import History, Outcome, generate, shrink
from tests.consent.town import open_sandbox

LAWS = ("turned", "stated", "untold", "gate", "unlogged")


def main() -> int:
    """Runs the campaign; 1 if a law was broken."""
    arguments = argparse.ArgumentParser(prog="python -m tests.consent", description=__doc__)
    arguments.add_argument("--histories", type=int, default=100)
    arguments.add_argument("--seed", type=int, default=0, help="of the first history; each next has the next number")
    arguments.add_argument("--length", type=int, default=18, help="steps of a history, beside the filling and the rest")
    arguments.add_argument("--processes", type=int, default=1)
    arguments.add_argument("--shrink", type=int, default=3, help="how many broken histories to shorten")
    asked = arguments.parse_args()
    started, broken = time.monotonic(), {}
    counts, met, acts, laws = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for history, outcome in outcomes(asked.seed, asked.histories, asked.length, asked.processes):
        counts.update(outcome.counts)
        counts.update(histories=1, steps=len(history.steps), failing=int(bool(outcome.violations)))
        met.update(outcome.met)
        acts.update(outcome.acts)
        for violation in outcome.violations:
            laws[violation.law] += 1
            broken.setdefault(violation.law, history)
            print(f"seed {history.seed}: {violation}", flush=True)
    _tell(counts, met, acts, laws, time.monotonic() - started)
    with open_sandbox() as sandbox:
        for law, history in list(broken.items())[: asked.shrink]:
            short = shrink(history, sandbox, law)
            print(f"\n{law}: {[v.what for v in short.run(sandbox).violations if v.law == law]}\n{short}")
    return int(bool(broken))


def outcomes(first: int, number: int, length: int, processes: int) -> Iterator[tuple[History, Outcome]]:
    """The histories of consecutive seeds and what they came to; each process has a sandbox of its own."""
    histories = [generate(seed, length) for seed in range(first, first + number)]
    if processes == 1:
        with open_sandbox() as sandbox:
            yield from ((history, history.run(sandbox)) for history in histories)
        return
    with ProcessPoolExecutor(processes, initializer=_open) as pool:
        yield from zip(histories, pool.map(_run, histories, chunksize=5), strict=True)


_sandboxes: list[Sandbox] = []


def _open() -> None:
    _sandboxes.append(open_sandbox().start())


def _run(history: History) -> Outcome:
    return history.run(_sandboxes[0])


def _tell(counts: Counter[str], met: Counter[str], acts: Counter[str], laws: Counter[str], seconds: float) -> None:
    print(
        f"{counts['histories']} histories, {counts['steps']} steps, {counts['runs']} runs ({counts['grants']} of them grants),"
        f" {sum(acts.values())} acts of people, {acts['optout']} of them opt-outs, {counts['crashes']} crashes, {seconds:.0f} s"
    )
    for title, found in (("seen at the servers", counts), ("acts", acts), ("faults met", met)):
        print(f"{title}: " + ", ".join(f"{name} {number}" for name, number in sorted(found.items())))
    print(f"histories that broke a law: {counts['failing']} ({', '.join(f'{law} {laws[law]}' for law in LAWS)})")


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.simulation --histories N --seed S`: runs histories, prints a summary and the shortest of each broken law."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.simulation.history import generate, shrink


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    arguments.add_argument("--histories", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--length", type=int, default=24, help="steps of a history")
    asked = arguments.parse_args()
    started, totals, broken = time.monotonic(), Counter[str](), {}
    for seed in range(asked.seed, asked.seed + asked.histories):
        history = generate(seed, asked.length)
        outcome = history.run()
        totals.update(histories=1, runs=outcome.runs, crashes=outcome.crashes, writes=outcome.writes)
        for violation in outcome.violations:
            totals[violation.law] += 1
            broken.setdefault((violation.law, violation.what.split(" ")[0]), history)
        totals["failing"] += bool(outcome.violations)
    print(dict(totals), f"{time.monotonic() - started:.1f} s")
    for (law, _), history in list(broken.items())[:6]:
        short = shrink(history)
        print(f"\n{law}: {[v for v in short.run().violations if v.law == law]}\n{short}")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())

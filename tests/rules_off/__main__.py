"""`python -m tests.rules_off`: switches off one rule at a time and shows what catches it; 1 if a rule is missed by none."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys

from tests.rules_off.rules import RULES, Rule
from tests.simulation.corpus import CORPUS, violations
from tests.simulation.history import generate


def main() -> int:
    """Prints a line per rule, as the table of docs/reliability.md has it."""
    arguments = argparse.ArgumentParser(prog="python -m tests.rules_off", description=__doc__)
    arguments.add_argument("--histories", type=int, default=250, help="at most so many for each rule")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("rules", nargs="*", metavar="RULE", help="all by default")
    asked = arguments.parse_args()
    missed = 0
    for rule in RULES:
        if not asked.rules or rule.name in asked.rules:
            caught = caught_by(rule, asked.seed, asked.histories)
            missed += caught is None
            print(f"| {rule.name} | {rule.says} | {caught or '**nothing**'} |", flush=True)
    return int(missed > 0)


def caught_by(rule: Rule, seed: int, histories: int) -> str | None:
    """What breaks without the rule: a law, and after how many histories; or a test."""
    return _suite(rule) if rule.suite else simulated(rule, seed, histories)


def simulated(rule: Rule, seed: int, histories: int) -> str | None:
    """The first law that a history breaks: those that once went wrong first, then those of consecutive seeds."""
    with rule.off():
        for what in CORPUS:
            if broken := violations(what):
                return f"{broken[0].law}, history of the corpus: {what}"
        for number in range(histories):
            if broken := generate(seed + number).run().violations:
                return f"{broken[0].law}, history {number + 1}"
    return None


def _suite(rule: Rule) -> str | None:
    """The first test that fails with an assertion; one that fails because the patch makes it crash shows nothing."""
    words = ["-q", "-n", "0", "-x", "-p", "tests.rules_off.plugin", "--rule-off", rule.name, *rule.suite]
    command = [sys.executable, "-m", "pytest", *words]
    wide = os.environ | {"COLUMNS": "500"}  # else the reasons are cut off
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=wide)
    failed = re.search(r"^FAILED (\S+) - (?:assert |AssertionError|Failed: DID NOT RAISE)", done.stdout, re.MULTILINE)
    return failed[1] if failed else None


if __name__ == "__main__":
    sys.exit(main())

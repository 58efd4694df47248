"""The shortest history that can be found which breaks a law too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.simulation.history import History, Step


def shrink(history: History, law: str | None = None, tries: int = 300) -> History:
    """Steps and faults are left out, one after the other, as long as the law stays broken."""
    best, left = history, tries
    law = law or history.run().violations[0].law
    changed = True
    while changed and left:
        changed = False
        for candidate in _shorter(best):
            left -= 1
            if not left:
                break
            if any(v.law == law for v in candidate.run().violations):
                best, changed = candidate, True
                break
    return best


def _shorter(history: History) -> list[History]:
    found = [replace(history, steps=steps) for steps in _fewer(history.steps)]
    calm = [
        ("skew_s", 0.0),
        ("lag_s", 0.0),
        ("dead", None),
        ("deleted", "ignore"),
        ("blank", "clear"),
        ("conflict", "prefer"),
    ]
    for name, value in calm:
        if getattr(history.setting, name) != value:
            found.append(replace(history, setting=replace(history.setting, **{name: value})))
    return found


def _fewer(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    size = len(steps)
    found = [tuple(steps[:at]) + tuple(steps[at + n :]) for n in (12, 6, 3, 1) for at in range(0, size - n + 1, n)]
    for at, step in enumerate(steps):
        if step[0] == "run":
            found += [(*steps[:at], calmer, *steps[at + 1 :]) for calmer in _calmer(step)]
    return found


def _calmer(step: Step) -> list[Step]:
    _, full, calls, commits, disks = step
    found: list[Step] = [
        ("run", full, (*calls[:n], *calls[n + 1 :]), commits, disks)  # type: ignore[index]
        for n in range(len(calls))  # type: ignore[arg-type]
    ]
    if commits or disks:
        found.append(("run", full, calls, (), ()))
    if full:
        found.append(("run", False, calls, commits, disks))
    return found

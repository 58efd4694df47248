"""A history: a seeded list of steps, run from an empty state; what it broke; and the shortest list that still breaks it."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sync.connectors.memory import Trouble
from tests.simulation.laws import Violation, after_each, at_rest
from tests.simulation.machine import HORIZON, Faults, Machine
from tests.simulation.world import IN, OUT, SYSTEMS, Setting, World

Step = tuple[object, ...]
TROUBLES = (*Trouble, "crash")


@dataclass
class Outcome:
    """What a history came to."""

    violations: list[Violation]
    runs: int = 0
    crashes: int = 0
    writes: int = 0


@dataclass(frozen=True)
class History:
    """``steps``: (“act”, system, kind, person, …), (“wait”, seconds) and (“run”, full, calls, commits)."""

    seed: int
    setting: Setting
    steps: tuple[Step, ...] = field(default=())

    def run(self) -> Outcome:
        with tempfile.TemporaryDirectory(prefix="sim-", dir=_memory()) as folder:
            return _Play(self, Path(folder)).run()

    def __str__(self) -> str:
        lines = "".join(f"    {step!r},\n" for step in self.steps)
        return f"History({self.seed}, {self.setting!r}, (\n{lines}))"


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


class _Play:
    def __init__(self, history: History, folder: Path) -> None:
        self.history = history
        self.world = World(history.setting)
        self.machine = Machine(self.world, folder)
        self.out = Outcome([])

    def run(self) -> Outcome:
        for step in self.history.steps:
            self.world.clock.sleep(1)
            kind, args = step[0], step[1:]
            if kind == "act":
                self.world.act(*args)
            elif kind == "wait":
                self.world.clock.sleep(args[0])
            else:
                self._run(Faults(dict(args[1]), frozenset(args[2])), full=bool(args[0]))
        self._heal()
        return self.out

    def _run(self, faults: Faults, *, full: bool) -> None:
        done = self.machine.run(faults, full=full)
        self.out.runs += 1
        self.out.crashes += done.ran is None
        self.out.writes += done.pushed
        self.out.violations += after_each(self.world, done)

    def _heal(self) -> None:
        """Edits and faults stop, the horizon passes; three runs; then a quiet one."""
        for _ in range(3):
            self.world.clock.sleep(HORIZON.total_seconds() + 1)
            self._run(Faults(), full=True)
        self.world.clock.sleep(1)
        quiet = self.machine.run(Faults())
        store = self.machine.open(Faults())
        try:
            self.out.violations += at_rest(self.world, store, quiet)
        finally:
            store.close()


def generate(seed: int, length: int = 24) -> History:
    """The history of a seed."""
    dice = random.Random(seed)
    setting = Setting(
        conflict=dice.choice(["prefer", "latest", "manual"]),
        blank=dice.choice(["clear", "clear", "keep", "hold"]),
        deleted=dice.choice(["ignore", "ignore", "delete"]),
        keyed=dice.random() < 0.5,
        lag_s=dice.choice([0.0, 0.0, 30.0]),
        tells=dice.random() < 0.5,
    )
    people = dice.randint(1, 3)
    steps = [_step(dice, people, number) for number in range(length)]
    return History(seed, setting, tuple(steps))


def _step(dice: random.Random, people: int, number: int) -> Step:
    what = dice.choices(["act", "run", "wait"], [5, 3, 1])[0]
    if what == "act":
        return ("act", dice.choice(SYSTEMS), *_act(dice, people, number))
    if what == "wait":
        return ("wait", dice.choice([5, 20, 60, 400]))
    return ("run", dice.random() < 0.3, tuple(_calls(dice, people, number)), tuple(_commits(dice)))


def _act(dice: random.Random, people: int, number: int) -> Step:
    person = dice.randrange(people)
    kind = dice.choices(["create", "edit", "clear", "optout", "optin", "move", "delete"], [6, 10, 2, 1.5, 1, 0.7, 0.7])[
        0
    ]
    if kind == "create":
        return ("create", person, f"t{number}")
    if kind == "edit":
        return ("edit", person, *_value(dice, number))
    if kind == "clear":
        return ("edit", person, dice.choice(["title", "city"]), None)
    if kind == "move":
        return ("move", person, f"p{person}.{number}@example.com")
    return (kind, person)


def _value(dice: random.Random, number: int) -> tuple[str, object]:
    name = dice.choice(["title", "title", "city", "score"])
    if name == "score":
        return name, number
    long = dice.random() < 0.2 and name == "title"
    return name, f"{name[0]}{number}" + ("-a long one" if long else "")


def _calls(dice: random.Random, people: int, number: int) -> list[tuple[tuple[str, str, int], object]]:
    found = []
    for _ in range(dice.choice([0, 0, 1, 2])):
        verb = dice.choices(["push", "fetch", "pull", "lookup"], [6, 3, 2, 1])[0]
        place = (dice.choice(SYSTEMS), verb, dice.randint(1, 4))
        what: object = dice.choice(TROUBLES)
        if verb != "push":
            what = dice.choice(["crash", Trouble.UNREACHABLE, _act(dice, people, 100 + number)])
        found.append((place, what))
    return found


def _commits(dice: random.Random) -> list[int]:
    return [dice.choice([1, -1]) * dice.randint(1, 40)] if dice.random() < 0.3 else []


def shrink(history: History, tries: int = 400) -> History:
    """A shorter history that breaks a law too: steps and faults left out one after the other."""
    best, left = history, tries
    law = next(iter(history.run().violations)).law
    changed = True
    while changed and left:
        changed = False
        for steps in _shorter(best.steps):
            left -= 1
            if not left:
                break
            candidate = History(best.seed, best.setting, steps)
            if any(v.law == law for v in candidate.run().violations):
                best, changed = candidate, True
                break
    return best


def _shorter(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    size = len(steps)
    found = [tuple(steps[:at]) + tuple(steps[at + n :]) for n in (8, 4, 2, 1) for at in range(0, size - n + 1, n)]
    for at, step in enumerate(steps):
        if step[0] == "run":
            for number in range(len(step[2])):
                calls = (*step[2][:number], *step[2][number + 1 :])
                found.append((*steps[:at], ("run", step[1], calls, step[3]), *steps[at + 1 :]))
            if step[3]:
                found.append((*steps[:at], ("run", step[1], step[2], ()), *steps[at + 1 :]))
            if step[1]:
                found.append((*steps[:at], ("run", False, step[2], step[3]), *steps[at + 1 :]))
    return found


__all__ = ["IN", "OUT", "History", "Outcome", "generate", "shrink"]

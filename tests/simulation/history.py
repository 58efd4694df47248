"""A history: a seeded list of steps, run from an empty state; what it came to, and what it broke.

First the systems are filled, then people and faults take turns with runs (safety). At last edits and faults stop; if one system is
dead, the others must come to rest without it first (liveness), then it returns.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from sync.connectors.memory import Trouble
from tests.simulation.laws import Violation, after_each, at_rest, false_conflicts, foreign
from tests.simulation.machine import HORIZON, Done, Faults, Machine
from tests.simulation.people import World
from tests.simulation.world import PATHS, SYSTEMS, Setting

Step = tuple[object, ...]
PUSHES = (*Trouble, "crash", "crash after")
CALM_RUNS = 3


@dataclass
class Outcome:
    """What a history came to."""

    violations: list[Violation]
    counts: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    calm_runs: int = 0
    """Healthy runs until one wrote nothing."""
    trace: str = ""


@dataclass(frozen=True)
class History:
    """``steps``: (“act”, system, kind, person, …), (“wait”, seconds) and (“run”, full, calls, commits, full disks)."""

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
                self._run(Faults(dict(args[1]), frozenset(args[2]), frozenset(args[3])), full=bool(args[0]))
        if self.history.setting.dead:
            self._rest(self.history.setting.dead)
        self._rest(None)
        self.out.counts.update(edits=len(self.world.edits), excused=len(self.world.excused))
        self.out.trace = hashlib.sha256(repr(self.machine.trace).encode()).hexdigest()
        return self.out

    def _run(self, faults: Faults, *, full: bool) -> Done:
        done = self.machine.run(faults, full=full)
        self.out.counts.update(
            runs=1, writes=done.pushed, crashes=sum(n for name, n in faults.met.items() if "crash" in name)
        )
        self.out.met.update(faults.met)
        self.out.violations += [*after_each(self.world, done), *foreign(self.world, self.machine.file)]
        return done

    def _rest(self, dead: str | None) -> None:
        """Edits and faults stop, the horizon passes; three runs; then a quiet one."""
        self.out.calm_runs = 0
        for number in range(CALM_RUNS):
            self.world.clock.sleep(HORIZON.total_seconds() + 1)
            if self._run(Faults(dead=dead), full=True).pushed:
                self.out.calm_runs = number + 1
        self.world.clock.sleep(1)
        quiet = self.machine.run(Faults(dead=dead))
        store = self.machine.open(Faults())
        try:
            self.out.violations += at_rest(self.world, store, quiet, dead)
            if dead is None:
                self.out.counts.update(false_conflicts(self.world, store))
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
        skew_s=dice.choice([0.0, 0.0, 0.0, 7200.0, -7200.0, 86400.0]),
        dead=dice.choice(SYSTEMS) if dice.random() < 0.25 else None,
        leaves=seed % 3 == 0,
    )
    people = dice.randint(1, 3)
    first = [step for person in range(people) for step in _arrival(dice, person)]
    return History(seed, setting, (*first, *(_step(dice, people, number) for number in range(length))))


def _arrival(dice: random.Random, person: int) -> list[Step]:
    """A person in some systems at once, told alike there or with small differences."""
    title, city = f"a{person}", f"home {person}"
    found: list[Step] = []
    for system in dice.sample(SYSTEMS, dice.randint(0, 3)):
        told = title if dice.random() < 0.5 else f"{system[0]}{title}"
        found.append(("act", system, "create", person, told, city if dice.random() < 0.7 else None))
        if dice.random() < 0.1:
            found.append(("act", system, "optout", person))
    return found


def _step(dice: random.Random, people: int, number: int) -> Step:
    what = dice.choices(["act", "run", "wait"], [5, 3, 1])[0]
    if what == "act":
        return ("act", dice.choice(SYSTEMS), *_act(dice, people, number))
    if what == "wait":
        return ("wait", dice.choice([5, 20, 60, 400]))
    commits, full = _commits(dice)
    return ("run", dice.random() < 0.3, tuple(_calls(dice, people, number)), commits, full)


def _act(dice: random.Random, people: int, number: int) -> Step:
    person = dice.randrange(people)
    weights = {"create": 3, "edit": 12, "clear": 2, "copy": 1, "optout": 1.5, "optin": 1, "move": 0.7, "delete": 0.8}
    weights |= {"undelete": 0.5, "back": 0.5, "merge": 0.4}
    kind = dice.choices(list(weights), list(weights.values()))[0]
    if kind in ("create", "back"):
        return (kind, person, f"t{number}")
    if kind == "edit":
        return ("edit", person, *_value(dice, number))
    if kind == "clear":
        return ("edit", person, dice.choice(["title", "city", "size"]), None)
    if kind == "copy":
        return ("copy", person, dice.choice(["title", "city"]))
    if kind == "move":
        return ("move", person, f"p{person}.{number}@example.com")
    if kind == "merge":
        return ("merge", person, dice.randrange(people))
    return (kind, person)


def _value(dice: random.Random, number: int) -> tuple[str, object]:
    name = dice.choice(["title", "title", "title", "city", "city", "size", "size", "score"])
    if name == "score":
        return name, number
    if name == "size":
        return name, dice.choice([number + 1, number + 12, number + 60, number + 300])
    if dice.random() < 0.08:
        return name, f"{name[0]}-again"
    return name, f"{name[0]}{number}" + ("-a long one" if dice.random() < 0.2 and name == "title" else "")


def _calls(dice: random.Random, people: int, number: int) -> list[tuple[tuple[str, str, object], object]]:
    found: list[tuple[tuple[str, str, object], object]] = []
    for _ in range(dice.choice([0, 0, 1, 2, 3])):
        verb = dice.choices(["push", "fetch", "pull", "lookup", "hide"], [6, 3, 2, 1, 0.5])[0]
        system = dice.choice(SYSTEMS)
        if verb == "hide":
            found.append(((system, "hide", dice.choice(list(PATHS[system]))), "hidden"))
            continue
        what: object = dice.choice(PUSHES)
        if verb != "push" or dice.random() < 0.15:
            what = dice.choice(["crash", Trouble.UNREACHABLE, _act(dice, people, 100 + number)])
        found.append(((system, verb, dice.choice([1, 1, 1, 2, 2, 3, 4])), what))
    return found


def _commits(dice: random.Random) -> tuple[tuple[int, ...], tuple[int, ...]]:
    chance = dice.random()
    if chance < 0.3:
        return (dice.choice([1, -1]) * dice.randint(1, 60),), ()
    return (), ((dice.randint(1, 60),) if chance < 0.35 else ())

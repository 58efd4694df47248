"""A history of consent: a seeded list of steps in five systems, run from an empty state; what it came to, and what it broke.

People opt out, files of old are loaded over them, addresses change hands, rows go and return; runs take turns with them, and are killed,
cut off and refused. At last everything calms down, and after three healthy runs every linked system must have been told.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sync.sandbox.start import Sandbox
from tests.consent.judge import Judge, Violation
from tests.consent.program import HORIZON_S, Done, Program, Trouble
from tests.consent.town import ADDRESSES, SYSTEMS, Setting, Town
from tests.simulation.machine import Faults

Step = tuple[object, ...]
CALM_RUNS = 3
ACTS = {"optout": 5.0, "import": 5.0, "move": 3.0, "create": 2.5, "edit": 2.0, "delete": 1.5, "swap": 1.0, "undelete": 0.6, "merge": 0.6, "discover": 0.8}  # fmt: skip
VENDORS = (
    ("status", {"status": 500}),
    ("status", {"status": 503, "commit": True}),
    ("status", {"status": 503, "times": 4}),
    ("status", {"status": 429, "headers": {"retry-after": "2"}}),
    ("status", {"status": 429, "times": 4}),
    ("drop_before", {}),
    ("drop_after", {}),
    ("drop_after", {"times": 3}),
    ("malformed", {}),
    ("rows", {"rows": (0,), "error": "UNABLE_TO_LOCK_ROW"}),
)


@dataclass
class Outcome:
    """What a history came to."""

    violations: list[Violation]
    counts: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)
    trace: str = ""


@dataclass(frozen=True)
class History:
    """``steps``: ("act", system, kind, address, …), ("wait", seconds), ("run", full, requests, commits, full disks, faults of vendors)
    and ("grant", address, …) with the troubles of a run."""

    seed: int
    setting: Setting
    steps: tuple[Step, ...] = ()

    def run(self, sandbox: Sandbox) -> Outcome:
        with tempfile.TemporaryDirectory(prefix="consent-", dir=_memory()) as folder:
            return _Play(self, sandbox, Path(folder)).run()

    def __str__(self) -> str:
        lines = "".join(f"    {step!r},\n" for step in self.steps)
        return f"History({self.seed}, {self.setting!r}, (\n{lines}))"


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


class _Play:
    def __init__(self, history: History, sandbox: Sandbox, folder: Path) -> None:
        self.history = history
        self.town = Town(sandbox, history.setting)
        self.judge = Judge(self.town)
        self.program = Program(self.town, folder)
        self.out = Outcome(self.judge.violations)

    def run(self) -> Outcome:
        for kind, *args in self.history.steps:
            self.town.clock.sleep(1)
            if kind == "act":
                self.town.act(*args)
            elif kind == "wait":
                self.town.clock.sleep(args[0])
            else:
                self._run(_trouble(args[1:]), full=args[0] is True, grant=args[0] if kind == "grant" else None)
        for _ in range(CALM_RUNS):
            self.town.clock.sleep(HORIZON_S + 1)
            self._run(Trouble(), full=True)
        store = self.program.open(Faults())
        self.judge.at_rest(store)
        store.close()
        self.judge.woke(self.program.tempt(self.judge.linked_and_out))
        self.out.counts.update(self.judge.counts)
        self.out.acts.update(self.town.done)
        self.out.trace = hashlib.sha256(repr(self.judge.trace).encode()).hexdigest()
        return self.out

    def _run(self, trouble: Trouble, *, full: bool, grant: str | None = None) -> Done:
        if grant is not None:
            self.judge.granted(grant)
        self.judge.begins()
        done = self.program.run(trouble, full=full, grant=grant)
        if done.ran is None:
            self.judge.crashed(done.refusals)
        else:
            store = self.program.open(Faults())
            self.judge.ended(store, set(done.unread), done.refusals)
            store.close()
        crashes = sum(number for name, number in trouble.met.items() if "crash" in name)
        self.out.counts.update(runs=1, grants=int(grant is not None), crashes=crashes)
        self.out.met.update(trouble.met)
        return done


def _trouble(args: Sequence[object]) -> Trouble:
    requests, commits, full, faults = args
    return Trouble(dict(requests), frozenset(commits), frozenset(full), tuple(faults))  # type: ignore[call-overload,arg-type]


# generated -------------------------------------------------------------------------------------------------------------------


def generate(seed: int, length: int = 16) -> History:
    """The history of a seed: people arrive, then random steps, and among them plots that take several steps to come about."""
    dice = random.Random(seed)
    setting = Setting(
        abmatic=dice.choice(["flag", "word"]),
        leads=dice.random() < 0.4,
        eager=dice.random() < 0.4,
        bulk=dice.random() < 0.25,
    )
    steps = [step for address in ADDRESSES[: dice.randint(1, 3)] for step in _arrival(dice, setting, address)]
    steps.append(_calm(full=True))
    end = len(steps) + length
    while len(steps) < end:
        plot = dice.choice(PLOTS) if dice.random() < 0.12 else None
        steps += plot(dice, setting, len(steps)) if plot is not None else [_step(dice, setting, len(steps))]
    return History(seed, setting, tuple(steps))


def _arrival(dice: random.Random, setting: Setting, address: str) -> list[Step]:
    """Somebody in some systems at once."""
    systems = dice.sample([*SYSTEMS, "letrics"], dice.randint(1, 3))
    return [_made(dice, setting, system, address, 0) for system in systems]


def _made(dice: random.Random, setting: Setting, system: str, address: str, number: int) -> Step:
    said = dice.choices([None, "in", "out"], [5, 5, 1])[0]
    return ("act", system, "create", address, said, number, setting.leads and dice.random() < 0.4)


def _calm(*, full: bool) -> Step:
    return ("run", full, (), (), (), ())


def _step(dice: random.Random, setting: Setting, number: int) -> Step:
    what = dice.choices(["act", "run", "wait", "grant"], [10, 6, 1, 0.6])[0]
    if what == "act":
        return _act(dice, setting, number)
    if what == "wait":
        return ("wait", dice.choice([5, 60, 400, 90_000]))
    if what == "run":
        return _run(dice, setting, number)
    return ("grant", _address(dice), *_troubles(dice, setting, number))


def _act(dice: random.Random, setting: Setting, number: int) -> Step:
    system, address = dice.choice(SYSTEMS), _address(dice)
    kind = dice.choices(list(ACTS), list(ACTS.values()))[0]
    if kind == "discover":
        return ("act", "letrics", "create", address, None, number)
    if kind == "create":
        return _made(dice, setting, system, address, number)
    if kind in ("swap", "merge"):
        return ("act", system, kind, address, dice.choice([a for a in ADDRESSES if a != address]))
    if kind == "move":
        return (
            "act",
            system,
            kind,
            address,
            dice.choice([*ADDRESSES, f"fresh.{address}", f"fresh{number}.{address}"]),
            number,
        )
    return ("act", system, kind, address) if kind == "undelete" else ("act", system, kind, address, number)


def _heir(dice: random.Random, setting: Setting, number: int) -> list[Step]:
    """Whoever is out goes to a fresh address; somebody else gets the one that is left, subscribed."""
    address, (one, other) = dice.choice(ADDRESSES), dice.sample(SYSTEMS, 2)
    out, gone = ("act", one, "optout", address, number), ("act", one, "move", address, f"fresh.{address}", 0)
    return [out, _run(dice, setting, number), gone, _run(dice, setting, number), ("act", other, "create", address, "in", number, False), _run(dice, setting, number)]  # fmt: skip


def _return(dice: random.Random, setting: Setting, number: int) -> list[Step]:
    """Whoever is out is deleted everywhere, forgotten by the systems, and comes back by a list, subscribed, or by a collector."""
    address = dice.choice(ADDRESSES)
    deleted = [("act", system, "delete", address, copy) for system in SYSTEMS for copy in (0, 0)]
    gone: list[Step] = [*deleted, _calm(full=True), ("wait", 60), _calm(full=True)]
    back: Step = ("act", dice.choice(SYSTEMS), "create", address, "in", number, False)
    if dice.random() < 0.3:
        back = ("act", "letrics", "create", address, None, number)
    return [("act", dice.choice(SYSTEMS), "optout", address, number), _run(dice, setting, number), *gone, back, _run(dice, setting, number)]  # fmt: skip


def _old_file(dice: random.Random, setting: Setting, number: int) -> list[Step]:
    """Whoever is out is set back in some systems at once, by a file of old."""
    address = dice.choice(ADDRESSES)
    loaded: list[Step] = [
        ("act", system, "import", address, number) for system in dice.sample(SYSTEMS, dice.randint(1, 3))
    ]
    return [("act", dice.choice(SYSTEMS), "optout", address, number), _run(dice, setting, number), *loaded, _run(dice, setting, number)]  # fmt: skip


PLOTS = (_heir, _return, _old_file)


def _run(dice: random.Random, setting: Setting, number: int) -> Step:
    return ("run", dice.random() < 0.35, *_troubles(dice, setting, number))


def _address(dice: random.Random) -> str:
    address = dice.choice(ADDRESSES)
    return f"fresh.{address}" if dice.random() < 0.15 else address


def _troubles(dice: random.Random, setting: Setting, number: int) -> tuple[Step, ...]:
    requests: list[tuple[int, object]] = []
    faults: list[object] = []
    commits: tuple[int, ...] = ()
    full: tuple[int, ...] = ()
    chance = dice.random()
    if chance < 0.15:
        requests.append((dice.randint(1, 45), dice.choice(["crash", "crash after"])))
    elif chance < 0.3:
        commits = (dice.choice([1, -1]) * dice.randint(1, 45),)
    elif chance < 0.33:
        full = (dice.randint(1, 45),)
    if dice.random() < 0.2:
        requests.append((dice.randint(1, 45), _act(dice, setting, 100 + number)[1:]))
    for _ in range(dice.choice([0, 0, 0, 1, 2])):
        kind, more = dice.choice(VENDORS)
        faults.append((dice.choice([*SYSTEMS, "letrics"]), dice.randint(0, 12), kind, more))
    return tuple(requests), commits, full, tuple(faults)


# shortened -------------------------------------------------------------------------------------------------------------------


def shrink(history: History, sandbox: Sandbox, law: str, tries: int = 120) -> History:
    """The shortest history that can be found which breaks the law too."""
    best, changed = history, True
    while changed and tries > 0:
        changed = False
        for candidate in _shorter(best):
            tries -= 1
            if tries < 0:
                break
            if any(v.law == law for v in candidate.run(sandbox).violations):
                best, changed = candidate, True
                break
    return best


def _shorter(history: History) -> list[History]:
    steps, size = history.steps, len(history.steps)
    found = [(*steps[:at], *steps[at + n :]) for n in (8, 4, 2, 1) for at in range(0, size - n + 1, n)]
    for at, step in enumerate(steps):
        found += [(*steps[:at], calmer, *steps[at + 1 :]) for calmer in _calmer(step)]
    plain = [replace(history, setting=replace(history.setting, **{name: False})) for name in ("leads", "eager", "bulk") if getattr(history.setting, name)]  # fmt: skip
    return [*(replace(history, steps=fewer) for fewer in found), *plain]


def _calmer(step: Step) -> list[Step]:
    """A run with one trouble less."""
    if step[0] not in ("run", "grant"):
        return []
    found: list[Step] = []
    for place in range(2, len(step)):
        troubles: tuple[object, ...] = step[place]  # type: ignore[assignment]
        found += [
            (*step[:place], (*troubles[:n], *troubles[n + 1 :]), *step[place + 1 :]) for n in range(len(troubles))
        ]
    return found

"""What one run works with: the systems at hand, the mappings, the state, the clock, and how it tells of its progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sync.connectors.base import Connector
from sync.engine.guard import Limits
from sync.errors import AbortError, QuotaError
from sync.mapping import EntityMapping, Mappings, SystemMapping
from sync.mapping.load import STREAM
from sync.model.clock import Clock
from sync.model.remote import Feed
from sync.runner.between import Between
from sync.state import Store


class Progress(Protocol):
    """Where a person watches a run. All methods are cheap and may be called from the main thread only."""

    def start(self, task: str, total: int | None) -> None:
        """Begins a task, e.g. ``read salesforce``; `total` rows, where known."""

    def advance(self, task: str, rows: int, calls_left: int | None = None) -> None:
        """`rows` more are done."""

    def note(self, text: str) -> None:
        """One line for a person."""


class Silence:
    """Progress for nobody."""

    def start(self, task: str, total: int | None) -> None:
        """Nothing."""

    def advance(self, task: str, rows: int, calls_left: int | None = None) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""


class Surroundings(Protocol):
    """The process in which a run takes place, as the run sees it. Called on the thread that owns the state."""

    def safe_point(self) -> None:
        """Between two steps of a run: no transaction is open, and what was done so far stands.

        Raises:
            StoppedError: the process was asked to end.
        """

    def interlude(self, context: Context, *, due: bool = False) -> None:
        """At a safe point of a long run: the place for what is more urgent than a backlog (`live`).

        ``due``: after this the run makes its plan, in which urgent things would wait; whatever the last time was, now is one.
        """

    def gives_way(self) -> bool:
        """Whether interludes come in runs that begin now: such a run leaves part of every system's rate to them."""

    def patience_s(self, system: str) -> float | None:
        """How long the others wait for a system that sends nothing; None: as long as its own time-outs last."""

    def bite(self) -> int | None:
        """The largest number of rows to hand to a system at once; None: as many as its connector likes."""


class Alone:
    """A command that runs by itself: nothing interrupts it, it waits for every system, and takes bites as large as it likes."""

    def safe_point(self) -> None:
        """Nothing."""

    def interlude(self, context: Context, *, due: bool = False) -> None:
        """Nothing."""

    def gives_way(self) -> bool:
        """No."""
        return False

    def bite(self) -> int | None:
        """As large as the connector likes."""
        return None

    def patience_s(self, system: str) -> float | None:
        """For ever."""
        del system
        return None


@dataclass(frozen=True, slots=True)
class System:
    """One configured system with its connector and the settings that the runner needs."""

    name: str
    kind: str
    connector: Connector
    writes: bool
    horizon: timedelta
    verify_delays: tuple[float, ...]
    clock_margin: timedelta
    credentials: str
    """A digest of address and credentials: a change of it makes the runner ask whose data this is."""
    settings: str = ""
    """A digest of all settings: with others, what the system can do is asked again."""


@dataclass(slots=True)
class Context:
    """Everything a run needs. ``failed`` maps a system that is out of this run to the reason, ``errors`` to the error behind it."""

    store: Store
    mappings: Mappings
    systems: Mapping[str, System]
    clock: Clock
    limits: Limits
    progress: Progress = field(default_factory=Silence)
    failed: dict[str, str] = field(default_factory=dict)
    entities: tuple[str, ...] = ()
    blind: set[tuple[str, str]] = field(default_factory=set)
    """(entity, system) where a row does not show its match key: nothing is created there, for it may be the very one."""
    errors: dict[str, AbortError] = field(default_factory=dict)
    around: Surroundings = field(default_factory=Alone)
    calls_before: Mapping[str, int] = field(default_factory=dict)
    """Requests that connectors which are older than this run had made before it."""
    run: str = ""
    ripe: frozenset[str] | None = None
    """The entities that had been read to their end, everywhere, before this run began to read all anew (None: it does not)."""
    seen_before: Mapping[str, datetime] = field(default_factory=dict)
    """When each system had last been read before this run, where it had."""
    touched: set[tuple[str, str, str, str]] | None = None
    """Where it is wanted: the rows that this run's pull brought (entity, system, object, remote id)."""
    between: Between = field(default_factory=Between)
    """What looks for news within this run have done, and what they must leave alone."""

    def breathe(self) -> None:
        """A safe point: the run may be told to end here, and what is more urgent is done here. No transaction is open."""
        self.around.safe_point()
        self.around.interlude(self)

    def chosen(self) -> list[EntityMapping]:
        """The record entities of this run, parents first."""
        return [e for name, e in self.mappings.entities.items() if not self.entities or name in self.entities]

    def streaming(self) -> bool:
        """Whether this run handles events: it does unless it is for some record entities alone."""
        return not self.entities or STREAM in self.entities

    def alive(self, system: str) -> bool:
        """Whether a system is configured and takes part in this run."""
        return system in self.systems and system not in self.failed

    def hears(self, system: str) -> bool:
        """Whether an opt-out can be told there: it takes part, or is merely out of its allowance, which does not hold up consent."""
        spent = isinstance(self.errors.get(system), QuotaError)
        return self.alive(system) or (system in self.systems and spent)

    def fail(self, system: str, why: str | AbortError) -> None:
        """Takes a system out of this run; the others go on."""
        if system in self.failed:
            return
        if isinstance(why, AbortError):
            self.errors[system] = why
        self.failed[system] = why.message if isinstance(why, AbortError) else why
        self.progress.note(f"{system}: {self.failed[system].removeprefix(f'{system}: ')}")


def feeds(mapping: SystemMapping) -> list[Feed]:
    """What to read of one entity in one system: one feed for each native object."""
    paths = tuple(dict.fromkeys([*mapping.paths, *([mapping.external_id] if mapping.external_id else [])]))
    return [Feed(name, paths, mapping.where, mapping.params) for name in mapping.objects]


def feed_of(mapping: SystemMapping, name: str) -> Feed:
    """The feed of one native object."""
    return next(feed for feed in feeds(mapping) if feed.object == name)

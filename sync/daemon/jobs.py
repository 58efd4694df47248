"""What the worker does: runs (with their deaths counted), events taken in, upkeep. All on the worker's thread.

Crash: what a run is about is noted in the state before it begins and struck out after it, so that a process that is killed counts
the death at its next start; everything else is as after any run that dies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

from sync.config import Config
from sync.daemon.isolation import ALL, STRIKES, Group, Isolation
from sync.daemon.lanes import Lanes
from sync.daemon.spool import Spool
from sync.errors import StateError, SyncError
from sync.mapping import Mappings
from sync.mapping.load import STREAM
from sync.model.clock import Clock
from sync.model.report import RunReport
from sync.runner import upkeep
from sync.runner.upkeep import Wanted

_LEVELS: Final = {"ok": "info", "attention": "info", "stopped": "warning", "failed": "warning"}
_EVENTS: Final = {"stopped": "run.stopped", "failed": "run.failed"}
EVENTS_AT_ONCE: Final = 500
_log = structlog.get_logger()

Bug = Callable[[BaseException], Path | None]
"""Writes a report about a bug of ours; answers where it is."""


class Jobs:
    """The service's work.

    Args:
        clock: time.
        lanes: told of what each run came to.
        spool: where events wait.
        write_report: for bugs.
    """

    def __init__(
        self, config: Config, mappings: Mappings, clock: Clock, lanes: Lanes, spool: Spool, write_report: Bug
    ) -> None:
        self.config = config
        self.mappings = mappings
        self.isolation = Isolation()
        self.bugs: dict[Group, str] = {}
        self._clock = clock
        self._lanes = lanes
        self._spool = spool
        self._write_report = write_report

    # life ------------------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Opens the state and remembers what the last process was doing when it ended."""
        noted = upkeep.noted(self.config, self.mappings, "isolation")
        self.isolation = Isolation.from_json(orjson.loads(noted) if noted else None)
        if self.isolation.working is not None:
            group = self.isolation.working
            self.isolation.died(group, self._clock.now())
            _log.warning("run.interrupted", entities=list(group), times=self.isolation.deaths.get(group, 0))
            self._note_isolation()

    def _note_isolation(self) -> None:
        self._note("isolation", self.isolation.to_json())

    def _note(self, key: str, value: Any) -> None:
        upkeep.note(self.config, self.mappings, key, orjson.dumps(value).decode())

    # runs --------------------------------------------------------------------------------------------------------------------

    def run(self, kind: str = "sync", *, full: bool = False, look_share: float = 0.0) -> bool:
        """One pass over everything, in one run, or entity by entity where that dies. Whether all of it lived."""
        groups = self.isolation.groups(self._entities(), self._clock.now())
        lived = [self._group(group, Wanted(kind, full, group, look_share)) for group in groups]
        if self.isolation.split() and all(lived) and len(lived) == len(self._entities()):
            self.isolation.together()
            self._note_isolation()
        return all(lived)

    def _entities(self) -> Sequence[str]:
        return [*self.mappings.entities, *([STREAM] if self.mappings.routes else [])]

    def _group(self, group: Group, wanted: Wanted) -> bool:
        self.isolation.begin(group)
        self._note_isolation()
        before = frozenset(self._lanes.outside())
        try:
            done = upkeep.run(self.config, self.mappings, wanted)
        except SyncError:
            # not a bug: a state that cannot be written, or a process that is to end; nobody counts it as a death
            self.isolation.end()
            with suppress(StateError):
                self._note_isolation()
            raise
        except Exception as error:  # noqa: BLE001 - a bug stops this run, not the service
            self._died(group, error)
            return False
        self.isolation.lived(group)
        self.bugs.pop(group, None)
        self._note_isolation()
        self._lanes.note(done.failures, before)
        _tell(done, wanted)
        return True

    def _died(self, group: Group, error: BaseException) -> None:
        self.isolation.died(group, self._clock.now())
        report = self.report(error)
        self.bugs[group] = f"{type(error).__name__}" + (f"; the report is {report}" if report else "")
        times = self.isolation.deaths[group]
        _log.error("bug", entities=list(group), error=type(error).__name__, report=str(report), times=times)
        if group != ALL and times >= STRIKES:
            self._take_apart(group)

    def _take_apart(self, group: Group) -> None:
        """The records that kill every run of an entity are set aside; without them it goes on at once."""
        found = upkeep.set_aside_poison(self.config, self.mappings, group[0])
        if found:
            _log.warning("run.poisoned", entities=list(group), records=found)
            self.isolation.lived(group)

    def report(self, error: BaseException) -> Path | None:
        """Writes a report about a bug."""
        return self._write_report(error)

    # events ------------------------------------------------------------------------------------------------------------------

    def take_in(self) -> int:
        """Moves events from the spool into the state's inbox; how many are new."""
        new, files, events = 0, [], []
        for file, each in self._spool.waiting():
            files.append(file)
            events.append((each.system, each.event, each.kind, each.body))
            if len(files) == EVENTS_AT_ONCE:
                new += self._store_events(files, events)
                files, events = [], []
        return new + self._store_events(files, events)

    def _store_events(self, files: list[Path], events: list[tuple[str, str, str, str]]) -> int:
        if not files:
            return 0
        new = upkeep.take_in(self.config, self.mappings, events)
        self._spool.done(files)
        return new

    # upkeep --------------------------------------------------------------------------------------------------------------------

    def tidy(self) -> None:
        """Throws away old history."""
        gone = {name: rows for name, rows in upkeep.tidy(self.config, self.mappings).items() if rows}
        _log.info("state.tidied", **{name.replace(" ", "_"): rows for name, rows in gone.items()})

    def back_up(self) -> None:
        """Makes a backup."""
        target = upkeep.back_up(self.config, self.mappings)
        _log.info("state.backed_up", file=target.name)


def _tell(done: RunReport, wanted: Wanted) -> None:
    written = sum(c.created + c.updated + c.deleted for c in done.systems.values())
    level = "debug" if done.status == "ok" and not written else _LEVELS[done.status]
    told = {
        "entities": list(wanted.entities) if wanted.entities != ALL else None,
        "failed": [failure.system for failure in done.failures] or None,
    }
    getattr(_log, level)(
        _EVENTS.get(done.status, "run.finished"),
        run=done.run,
        kind=wanted.kind,
        status=done.status,
        seconds=round(done.seconds, 3),
        written=written,
        **{name: value for name, value in told.items() if value},
    )

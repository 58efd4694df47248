"""The jobs of the service, as its timetable, its webhooks and its files ask for them; and what each means for the calls for help.

Everything here but `ask`, `prompted` and `probe` runs on the worker's thread.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import orjson
import structlog

from sync.config import Config
from sync.daemon.alerts import Seen
from sync.daemon.crier import Crier
from sync.daemon.cron import missed
from sync.daemon.jobs import Jobs
from sync.daemon.lanes import Lanes, probe
from sync.daemon.notify import Channel, channels
from sync.daemon.reload import Watch, refuse_fixed
from sync.daemon.sdnotify import Systemd
from sync.daemon.spool import Spool
from sync.daemon.stopping import Interrupts
from sync.daemon.timetable import REVERIFY, Timetable, zone
from sync.daemon.worker import Rank, Worker
from sync.errors import ConfigError, StateError, StoppedError, SyncError
from sync.mapping import Mappings
from sync.model.clock import Clock
from sync.runner import upkeep
from sync.runner.context import Context
from sync.runner.hold import Hold
from sync.runner.live import carry_news

PROMPT_GAP_S: Final = 5.0
CRY_GAP_S: Final = 10.0
Files = Callable[[], tuple[Config, Mappings]]
"""Reads configuration and mappings as they are now. Raises ConfigError."""
_log = structlog.get_logger()


class Tasks:
    """Knows what to do when; `worker` does it. ``reload_error`` says what is wrong with files that were not taken."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        lanes: Lanes,
        spool: Spool,
        crier: Crier,
        worker: Worker,
        interrupts: Interrupts,
        hold: Hold,
        systemd: Systemd,
        files: Files,
        clock: Clock,
    ) -> None:
        self.reload_error: str | None = None
        self._jobs = jobs
        self._lanes = lanes
        self._spool = spool
        self._crier = crier
        self._worker = worker
        self._interrupts = interrupts
        self._hold = hold
        self._systemd = systemd
        self._files = files
        self._clock = clock
        self.timetable = Timetable(self._asks())
        self.watch = Watch(jobs.config)
        self._facts: Callable[[], Mapping[str, Any]] = dict
        self._cried_at = -math.inf
        self._prompted_at = -math.inf
        self._later: threading.Timer | None = None

    @property
    def config(self) -> Config:
        """In force."""
        return self._jobs.config

    @property
    def mappings(self) -> Mappings:
        """In force."""
        return self._jobs.mappings

    def begin(self, facts: Callable[[], Mapping[str, Any]]) -> None:
        """Opens the state and remembers what the last process knew; `facts` are kept in the state for `status`."""
        self._facts = facts
        self._interrupts.news = self._news
        self._jobs.begin()
        told = upkeep.noted(self.config, self.mappings, "alerts")
        self._crier.remember(orjson.loads(told) if told else None)
        last = upkeep.last_started(self.config, self.mappings, "reconcile")
        schedule = self.config.schedule
        if missed(schedule.reconcile, zone(schedule.timezone), last, self._clock.now()):
            _log.warning("schedule.missed", job="reconcile")
            self._worker.ask("reconcile", Rank.RECONCILE, self._reconcile)

    def _news(self, context: Context) -> None:
        """In the middle of a long run: events are taken in, and what changed is carried at once."""
        for file, each in self._spool.waiting():
            context.store.receive(each.system, each.event, each.kind, each.body)
            self._spool.done([file])
        try:
            done = carry_news(context, self._hold.second())
        except SyncError:
            raise
        except Exception as error:  # noqa: BLE001 - a bug here must not end the long run: it goes on without looks for news
            self._interrupts.news = None
            _log.error("bug", where="live", error=type(error).__name__, report=str(self._jobs.report(error)))
            return
        if any(counts.created + counts.updated + counts.deleted for counts in done.systems.values()):
            _log.info("run.finished", run=done.run, kind="live", status=done.status, seconds=round(done.seconds, 3))

    # asking ------------------------------------------------------------------------------------------------------------------

    def ask_poll(self) -> None:
        """A poll, soon."""
        self._worker.ask("poll", Rank.POLL, self._poll)

    def ask_cry(self) -> None:
        """A look at what is wrong, when nothing else is to be done."""
        self._worker.ask("cry", Rank.UPKEEP, self._cry)

    def ask_reload(self) -> None:
        """The files are read again, between two jobs."""
        self._worker.ask("reload", Rank.RELOAD, self._reload)

    def prompted(self) -> None:
        """An event arrived."""
        self._worker.ask("events", Rank.PROMPTED, self._events)

    def probe(self, name: str) -> None:
        """Tries a system that is out, on a thread of its own: it is in no run, so nobody else uses its connector."""
        system = self._hold.peek(name)
        error = probe(system.connector.identify, name) if system else None
        self._lanes.probed(name, error)
        if error is None:
            self.ask_poll()

    def _asks(self) -> Mapping[str, Callable[[], object]]:
        return {
            "poll": lambda: self._ask("poll", Rank.POLL, self._poll),
            "reconcile": lambda: self._ask("reconcile", Rank.RECONCILE, self._reconcile),
            "reverify": lambda: self._ask("reverify", Rank.REVERIFY, self._reverify),
            "tidy": lambda: self._ask("tidy", Rank.UPKEEP, self._jobs.tidy),
            "backup": lambda: self._ask("backup", Rank.UPKEEP, self._back_up),
        }

    def _ask(self, name: str, rank: Rank, act: Callable[[], object]) -> None:
        if self._worker.is_asked(name):
            _log.debug("schedule.overrun", job=name)
        self._worker.ask(name, rank, act)

    def _poll(self) -> None:
        self._jobs.take_in()
        self._interrupts.hasty = True
        try:
            self._jobs.run()
        finally:
            self._interrupts.hasty = False
            self._interrupts.looked()
        self._ran()

    def _events(self) -> None:
        """Events that arrived prompt a poll, but not more often than polls may be prompted."""
        wait_s = self._prompted_at + PROMPT_GAP_S - time.monotonic()
        if wait_s > 0:
            self._prompt_later(wait_s)
        elif self._jobs.take_in():
            self._prompted_at = time.monotonic()
            self._poll()

    def _prompt_later(self, wait_s: float) -> None:
        """Once, however many events arrive meanwhile."""
        if self._later is None or not self._later.is_alive():
            self._later = threading.Timer(wait_s, self.prompted)
            self._later.daemon = True
            self._later.start()

    def _reconcile(self) -> None:
        self._interrupts.news = self._news
        self._jobs.run("reconcile", full=True)
        self._ran()

    def _reverify(self) -> None:
        self._jobs.run(look_share=min(1.0, REVERIFY / self.config.schedule.reverify))
        self._ran()

    def _back_up(self) -> None:
        try:
            self._jobs.back_up()
        except (SyncError, OSError) as error:
            why = error.message if isinstance(error, SyncError) else type(error).__name__
            self._crier.raise_own(
                "backup", f"The last backup failed: {why}.", "Look at [state] backups: folder, rights, free space."
            )
            _log.error("state.refused", why=why, what="backup")
        else:
            self._crier.clear_own("backup")

    def _ran(self) -> None:
        self._crier.clear_own("state", "bug")
        for group, what in self._jobs.bugs.items():
            about = group[0] if group else "run"
            self._crier.raise_own(
                f"bug:{about}",
                f"A mistake in crm-sync stops {'everything' if not group else f'the entity {about}'}: {what}.",
                "Send the report; it holds no values and no secrets. It is tried again with growing pauses, the rest goes on.",
            )
        if time.monotonic() - self._cried_at >= CRY_GAP_S:
            self._cry()

    def _cry(self) -> None:
        self._cried_at = time.monotonic()
        found = upkeep.condition(self.config, self.mappings)
        seen = Seen(
            found.status,
            self._lanes.rows(),
            found.oldest_conflict,
            found.oldest_quarantined,
            found.oldest_doubt,
            found.quotas,
            self._spool.count(),
        )
        if self._crier.cry(self.config.workspace, seen):
            upkeep.note(self.config, self.mappings, "alerts", orjson.dumps(self._crier.memory()).decode())
        upkeep.note(self.config, self.mappings, "facts", orjson.dumps(self._kept_facts()).decode())

    def _kept_facts(self) -> dict[str, Any]:
        """What `status` tells of the service without asking it."""
        return {
            name: value
            for name, value in self._facts().items()
            if name in ("version", "reload_error", "alerts", "lanes")
        }

    def after_failure(self, name: str, error: BaseException) -> None:
        """A job raised. What the state is in after an error of its own, or a bug, nobody knows: it is opened anew."""
        if isinstance(error, StoppedError) or (isinstance(error, SyncError) and not isinstance(error, StateError)):
            return
        if isinstance(error, StateError):
            self._crier.raise_own("state", f"The state cannot be used: {error.message}.", error.remedy)
            _log.error("state.refused", job=name, why=error.message, remedy=error.remedy)
            self._crier.cry(self.config.workspace)
        else:
            report = self._jobs.report(error)
            _log.error("bug", job=name, error=type(error).__name__, report=str(report))
        with suppress(Exception):
            self._hold.close()

    def _reload(self) -> None:
        """On the worker, between two jobs: all of it is taken, or nothing."""
        self._systemd.reloading()
        try:
            config, mappings = self._files()
            refuse_fixed(self.config, config)
            senders = channels(config.notify.urls, str(config.file))
        except ConfigError as error:
            self._keep_old(str(error))
        else:
            self._take(config, mappings, senders)
        self._systemd.ready("works" if self.reload_error is None else "works with the files of before")
        self._cry()

    def _keep_old(self, why: str) -> None:
        self.reload_error = why
        remedy = "Correct it; the files are read again as soon as they change. `crm-sync check --offline` shows every mistake."
        self._crier.raise_own("reload", f"Changed files were not taken, those of before stay in force: {why}", remedy)
        _log.error("config.refused", why=why)

    def _take(self, config: Config, mappings: Mappings, senders: Sequence[Channel]) -> None:
        if config != self.config:
            self._hold.swap(config)
            self._lanes.keep(config.systems)
            self.timetable.set(config.schedule, backups=config.state.backups is not None)
        self._jobs.config, self._jobs.mappings = config, mappings
        self._crier.notifier.use(senders)
        self.watch.follow(config)
        self.reload_error = None
        self._crier.clear_own("reload")
        _log.info("config.reloaded", file=config.file.name, entities=list(mappings.entities))
        self.ask_poll()

"""The service: holds the state for its life, works by a timetable, answers the dashboard, reloads, calls for help, and ends when asked.

Threads: the main one waits for signals and keeps the watchdog; the worker alone touches the state for writing; the scheduler only
asks the worker; probes, messages and the dashboard have threads of their own.

Crash: killed at any instruction, the state is as after any command that dies; the lock is gone with the process, events that were
acknowledged lie in the spool or in the inbox, and the next start goes on from there.
"""

from __future__ import annotations

import itertools
import logging
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeVar

import structlog

from sync.config import Config
from sync.daemon.crier import Crier
from sync.daemon.isolation import STRIKES
from sync.daemon.jobs import Bug, Jobs
from sync.daemon.lanes import Lanes
from sync.daemon.notify import Notifier, channels
from sync.daemon.sdnotify import Systemd
from sync.daemon.spool import Spool
from sync.daemon.stopping import Ending, EndingClock, Interrupts
from sync.daemon.tasks import Files, Tasks
from sync.daemon.webhooks import BUSY, Fate, judge
from sync.daemon.worker import Rank, Worker
from sync.errors import StateError
from sync.mapping import Mappings
from sync.runner.wire import hold
from sync.state import state_file

T = TypeVar("T")
GRACE_S: Final = 15.0
"""How long the work under way may take to come to a safe point; after it the process ends all the same, as by a crash."""
LOOK_S: Final = 1.0
STUCK_S: Final = 1800.0
_END: Final = frozenset({int(signal.SIGTERM), int(signal.SIGINT)})
_log = structlog.get_logger()


class Surface(Protocol):
    """What the service is seen through."""

    def start(self) -> None:
        """Listens."""

    def stop(self) -> None:
        """Answers nobody any more."""


class Daemon:
    """A `Desk` (sync.runner.desk) with its own life. ``run`` is that life, on the thread that calls it.

    Args:
        config, mappings: in force at the start.
        files: reads both again.
        write_report: for bugs.
        version: the program's, for people.
    """

    def __init__(self, config: Config, mappings: Mappings, *, files: Files, write_report: Bug, version: str) -> None:
        self._ending = Ending()
        self._clock = EndingClock(self._ending)
        self._version = version
        self._started_at = self._clock.now()
        self._systemd = Systemd()
        self._lanes = Lanes(self._clock)
        self._lanes.keep(config.systems)
        self._spool = Spool(state_file(config.state.url))
        self._jobs = Jobs(config, mappings, self._clock, self._lanes, self._spool, write_report)
        self._crier = Crier(Notifier(channels(config.notify.urls, str(config.file))), self._clock)
        self._worker = Worker()
        interrupts = Interrupts(self._ending, self._worker.moves, self._lanes.patience_s)
        self._hold = hold(config, self._clock, "crm-sync run", interrupts, self._lanes.outside)
        self._tasks = Tasks(
            jobs=self._jobs,
            lanes=self._lanes,
            spool=self._spool,
            crier=self._crier,
            worker=self._worker,
            interrupts=interrupts,
            hold=self._hold,
            systemd=self._systemd,
            files=files,
            clock=self._clock,
        )
        self._webhooks: Counter[str] = Counter()
        self._commands = itertools.count(1)
        self._deaths = 0

    # the desk ----------------------------------------------------------------------------------------------------------------

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._jobs.config

    @property
    def mappings(self) -> Mappings:
        """The mappings in force."""
        return self._jobs.mappings

    def perform(self, job: Callable[[], T]) -> T:
        """Runs a command on the worker, before any poll that waits; answers and raises what it does."""
        done: Future[T] = self._worker.ask(f"command {next(self._commands)}", Rank.COMMAND, job)
        found = done.result()
        self._tasks.ask_cry()
        return found

    def facts(self) -> Mapping[str, Any]:
        """The life of the service."""
        times = self._tasks.timetable.times()
        return {
            "started_at": spelled(self._started_at),
            "version": self._version,
            "pid": os.getpid(),
            "next_poll_at": spelled(times.poll),
            "next_reconcile_at": spelled(times.reconcile),
            "busy": self._worker.running,
            "reload_error": self._tasks.reload_error,
            "alerts": self._crier.rows(),
            "lanes": self._lanes.rows(),
            "notify": dict(self._crier.counts()),
            "webhooks": dict(self._webhooks),
            "spooled": self._spool.count(),
        }

    def receive(self, system: str, headers: Mapping[str, str], body: bytes, secret_path: str | None) -> int:
        """Takes a webhook: verified, durable, then answered; the worker looks at it soon."""
        judged = judge(self.config.systems.get(system), headers, body, secret_path, self._clock.now())
        self._webhooks[judged.fate.value] += 1
        if judged.arrived is None:
            _log.info(
                "webhook.refused", system=system if judged.fate is not Fate.UNKNOWN else None, why=judged.fate.value
            )
            return judged.status
        try:
            kept = self._spool.keep(judged.arrived)
        except StateError as error:
            _log.error("webhook.refused", system=system, why=error.message)
            return BUSY
        if not kept:
            _log.warning("webhook.refused", system=system, why="too many events wait")
            return BUSY
        _log.info("webhook.accepted", system=system, kind=judged.arrived.kind, digest=judged.arrived.event[:12])
        self._tasks.prompted()
        return judged.status

    # life ----------------------------------------------------------------------------------------------------------------------

    def run(self, surface: Surface) -> int:
        """Until SIGTERM or SIGINT. Answers the exit code. Raises LockedError, StateError, ConfigError where it cannot begin."""
        signals = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        try:
            with self._hold.lock:
                self._begin(surface)
                try:
                    code = self._live(signals)
                finally:
                    ended = self._end(surface, signals)
                if not ended:
                    self._give_up(code)
                _log.info("daemon.stopped", code=code)
                return code
        finally:
            while _heard(signals, 0.0):  # what was asked for once more is done: the process ends with its own code
                pass
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _begin(self, surface: Surface) -> None:
        self._crier.notifier.start()
        self._worker.start(self._with_state, self._tasks.after_failure)
        try:
            self._worker.ask("begin", Rank.RELOAD, lambda: self._tasks.begin(self.facts)).result()
            surface.start()
        except BaseException:
            self._ending.begin()
            self._worker.stop(GRACE_S)
            raise
        self._hold.lock.tell({"url": address(surface, self.config), "started_at": spelled(self._started_at) or ""})
        self._tasks.timetable.start(self.config.schedule, backups=self.config.state.backups is not None)
        self._systemd.ready("works")
        _log.info("daemon.started", pid=os.getpid(), systems=list(self.config.systems), version=self._version)

    def _live(self, signals: set[signal.Signals]) -> int:
        while True:
            number = _heard(signals, LOOK_S)
            if number in _END:
                _log.info("daemon.stopping", signal=signal.Signals(number).name)
                return 0
            if number == signal.SIGHUP or self._tasks.watch.changed():
                self._tasks.ask_reload()
            for name in self._lanes.due():
                threading.Thread(target=self._tasks.probe, args=(name,), name=f"probe {name}", daemon=True).start()
            if not self._keeps_going():
                return 1

    def _keeps_going(self) -> bool:
        """Looks after the worker, and the watchdog."""
        if not self._worker.alive:
            self._deaths += 1
            _log.error("bug", where="worker", times=self._deaths)
            if self._deaths >= STRIKES:
                return False
            self._worker.start(self._with_state, self._tasks.after_failure)
        if self._worker.running is None or time.monotonic() - self._worker.moved_at < STUCK_S:
            self._systemd.alive()
        return True

    def _end(self, surface: Surface, signals: set[signal.Signals]) -> bool:
        """Comes to a safe point; whether that worked within the grace. A second signal ends the patience."""
        self._systemd.stopping()
        self._ending.begin()
        self._tasks.timetable.stop()
        until = time.monotonic() + GRACE_S
        ended = self._worker.stop(0.0)
        while not ended and time.monotonic() < until and _heard(signals, 0.0) not in _END:
            ended = self._worker.stop(0.2)
        surface.stop()
        self._crier.notifier.stop()
        return ended

    def _give_up(self, code: int) -> None:
        """The work under way did not come to a safe point: the process ends as by a crash, which loses nothing."""
        _log.warning("daemon.stopped", code=code, why="the work under way did not end within the grace")
        logging.shutdown()
        os._exit(code)

    @contextmanager
    def _with_state(self) -> Iterator[None]:
        """What the worker's thread lives in: the state is opened and closed by it alone."""
        try:
            with self._hold.taken():
                yield
        finally:
            self._hold.close()


def _heard(signals: set[signal.Signals], wait_s: float) -> int:
    """The signal that came within that time; 0 for none: a process that was stopped and goes on wakes up with none."""
    got = signal.sigtimedwait(signals, wait_s)
    return got.si_signo if got is not None else 0


def spelled(at: datetime | None) -> str | None:
    """A time for people and programs."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def address(surface: Surface, config: Config) -> str:
    """Where the service answers programs on this machine."""
    told = getattr(surface, "url", None)
    if isinstance(told, str):
        return told
    listen = config.server.listen
    host = "127.0.0.1" if listen.host in ("0.0.0.0", "localhost") else "[::1]" if listen.host == "::" else listen.host  # noqa: S104
    return f"http://{host}:{listen.port}"

"""The desk: what the dashboard and its API ask of the service in whose process they live, and all that they ask of it.

The daemon implements it; `StillDesk` is one without a daemon, for a demonstration, for tests and for looking at a state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Lock
from typing import Any, Final, Protocol, TypeVar

from sync.config import Config
from sync.mapping import Mappings
from sync.model.clock import Clock, SystemClock

T = TypeVar("T")
_UNAVAILABLE: Final = 503


class Desk(Protocol):
    """The service, as those who sit in front of it see it. Every method may be called from any thread."""

    @property
    def config(self) -> Config:
        """The configuration in force; a reload swaps it, so it is asked for anew at every use."""

    @property
    def mappings(self) -> Mappings:
        """The mappings in force."""

    def perform(self, job: Callable[[], T]) -> T:
        """Runs a command that writes between two cycles, on the thread that owns the state's lock.

        Answers what the job answers and raises what it raises.
        """

    def facts(self) -> Mapping[str, Any]:
        """The life of the service, JSON-shaped.

        ``started_at``, ``next_poll_at``, ``next_reconcile_at``: ISO times or None. ``version``. ``reload_error``: what is
        wrong with files that were not taken, or None. ``alerts``: rows of ``what``, ``since``, ``remedy``. ``lanes``: by
        system. ``notify``: counts of messages. ``spooled``: webhook events that wait outside the state.
        """

    def receive(self, system: str, headers: Mapping[str, str], body: bytes, secret_path: str | None) -> int:
        """Takes a webhook: what is accepted is durable before the answer. Header names are in lower case.

        Answers the HTTP status, never 410: that would switch the vendor's hook off for good.
        """


class StillDesk:
    """A desk without a daemon: nothing polls, nothing reloads, webhooks are turned away; commands run at once, one by one."""

    def __init__(self, config: Config, mappings: Mappings, *, version: str = "", clock: Clock | None = None) -> None:
        self._config = config
        self._mappings = mappings
        self._version = version
        self._started_at = (clock or SystemClock()).now()
        self._turn = Lock()

    @property
    def config(self) -> Config:
        """As it was given."""
        return self._config

    @property
    def mappings(self) -> Mappings:
        """As they were given."""
        return self._mappings

    def perform(self, job: Callable[[], T]) -> T:
        """At once, in the thread that asks; the next one waits."""
        with self._turn:
            return job()

    def facts(self) -> Mapping[str, Any]:
        """That it was started, and that nothing is planned."""
        return {
            "started_at": _iso(self._started_at),
            "version": self._version,
            "next_poll_at": None,
            "next_reconcile_at": None,
            "reload_error": None,
            "alerts": [],
            "lanes": {},
            "notify": {},
        }

    def receive(self, system: str, headers: Mapping[str, str], body: bytes, secret_path: str | None) -> int:
        """Nobody is here to handle an event: the vendor is told to come again."""
        del system, headers, body, secret_path
        return _UNAVAILABLE


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")

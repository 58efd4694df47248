"""Each system's lane: one that failed is left out of the runs, so that nobody waits for its time-outs, and tried again on the side.

The breaker of one lane: in -> (a failure) -> out -> (a probe that answers) -> in again. The pause before the next probe doubles from
failure to failure up to a minute; only a run that served the system forgets the failures. A system that is merely out of its
allowance stays in: consent still flows there, and it costs nobody time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from sync.errors import AbortError, AuthError, TenantError, UnreachableError
from sync.model.clock import Clock
from sync.model.report import Failure

PAUSE_S: Final = 1.0
PAUSE_MAX_S: Final = 60.0
PATIENCE_S: Final = 20.0
PATIENCE_MAX_S: Final = 600.0
"""More than any page takes; a system that was left out for its silence is waited for twice as long the next time."""
_KINDS: Final[Mapping[str, type[AbortError]]] = {
    "unreachable": UnreachableError,
    "auth": AuthError,
    "tenant": TenantError,
}
_log = structlog.get_logger()


@dataclass(slots=True)
class Lane:
    """One system. ``since``: when it failed first, in a row."""

    failures: int = 0
    since: datetime | None = None
    error: AbortError | None = None
    kind: str = ""
    out: bool = False
    due: float = 0.0
    probing: bool = False


class Lanes:
    """All systems' lanes. May be asked from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lanes: dict[str, Lane] = {}
        self._lock = threading.Lock()

    def keep(self, names: Iterable[str]) -> None:
        """The systems of the configuration in force; others are forgotten, and all are in again: something was changed."""
        with self._lock:
            self._lanes = {name: Lane() for name in names}

    def outside(self) -> Mapping[str, AbortError]:
        """The systems that take no part in the next run, and why."""
        with self._lock:
            return {name: lane.error for name, lane in self._lanes.items() if lane.out and lane.error}

    def patience_s(self, name: str) -> float:
        """How long the others wait for a silent system."""
        with self._lock:
            failures = self._lanes[name].failures if name in self._lanes else 0
        return float(min(PATIENCE_MAX_S, PATIENCE_S * 2.0**failures))

    def note(self, failures: Iterable[Failure], before: Iterable[str]) -> None:
        """What a run came to. ``before``: the systems that were out of it from the start, of whom it says nothing new."""
        failed = {failure.system: failure for failure in failures}
        with self._lock:
            for name, lane in self._lanes.items():
                if name in before:
                    continue
                if name not in failed:
                    _recovered(name, lane)
                elif failed[name].kind in _KINDS:
                    self._fail(name, lane, failed[name])

    def _fail(self, name: str, lane: Lane, failure: Failure) -> None:
        error = _KINDS[failure.kind](failure.message, remedy=failure.remedy, system=name)
        self._out(name, lane, error, failure.kind)

    def _out(self, name: str, lane: Lane, error: AbortError, kind: str) -> None:
        lane.failures += 1
        lane.since = lane.since or self._clock.now()
        lane.error, lane.kind, lane.out, lane.probing = error, kind, True, False
        pause_s = min(PAUSE_MAX_S, PAUSE_S * 2.0 ** (lane.failures - 1))
        lane.due = self._clock.monotonic() + pause_s
        _log.warning("lane.out", system=name, why=error.message, failures=lane.failures, again_in_s=pause_s)

    def due(self) -> list[str]:
        """The systems to probe now; each is taken once."""
        now = self._clock.monotonic()
        with self._lock:
            found = [n for n, lane in self._lanes.items() if lane.out and not lane.probing and lane.due <= now]
            for name in found:
                self._lanes[name].probing = True
        return found

    def probed(self, name: str, error: AbortError | None) -> None:
        """What a probe came to."""
        with self._lock:
            lane = self._lanes.get(name)
            if lane is None or not lane.out:
                return
            if error is None:
                lane.out = lane.probing = False
                _log.info("lane.in", system=name)
            else:
                self._out(name, lane, error, _kind(error))

    def rows(self) -> dict[str, dict[str, Any]]:
        """For people: by system ``state`` (in, out), ``failures``, ``since``, ``why``."""
        with self._lock:
            return {
                name: {
                    "state": "out" if lane.out else "in",
                    "failures": lane.failures,
                    "kind": lane.kind,
                    "since": lane.since.isoformat() if lane.since else None,
                    "why": lane.error.message if lane.error else None,
                    "remedy": lane.error.remedy if lane.error else None,
                }
                for name, lane in self._lanes.items()
            }


def _recovered(name: str, lane: Lane) -> None:
    if lane.failures:
        _log.info("lane.well", system=name, failures=lane.failures)
    lane.failures, lane.since, lane.error, lane.kind, lane.out = 0, None, None, "", False


def _kind(error: AbortError) -> str:
    return next((kind for kind, of in _KINDS.items() if isinstance(error, of)), "unreachable")


def probe(identify: Callable[[], object], name: str) -> AbortError | None:
    """Asks a system for one small thing; the error, if there is one."""
    try:
        identify()
    except AbortError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a connector that was closed under the probe, or a bug: not reachable either way
        return UnreachableError(f"{name} could not be asked ({type(error).__name__})", system=name)
    return None

"""The pulse of a workspace: rows read and written, lag and opt-out latency over time, from the runs that the state remembers.

Pure but for `pulse`, which opens the state. Series are lists with one number for each of the equal spans of the window, oldest first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

from sync.config import Config
from sync.mapping import Mappings
from sync.model.clock import Clock, SystemClock
from sync.model.values import UNSUBSCRIBED
from sync.runner.wire import reading
from sync.state import Delivery, RunRow, Store

SPANS: Final = 48
RUNS_MAX: Final = 20_000
_BEFORE: Final = timedelta(days=1)
"""How far before the window runs are looked at, for the lag at its beginning."""
_SILENT: Final = frozenset({"resolve", "grant"})
"""Runs that look at no system: they say nothing about the lag."""
_WRITTEN: Final = ("created", "updated", "deleted")
OPT_OUT_WINDOW: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is looked at, in spans of equal length."""

    since: datetime
    until: datetime

    @property
    def span(self) -> timedelta:
        """The length of one."""
        return (self.until - self.since) / SPANS

    def place(self, at: datetime) -> int | None:
        """The span that a time falls into; None outside the window."""
        if not self.since <= at <= self.until:
            return None
        return min(SPANS - 1, int((at - self.since) / self.span))


def pulse(config: Config, mappings: Mappings, *, hours: int = 24, clock: Clock | None = None) -> dict[str, Any]:
    """`{"since", "until", "span_seconds", "read", "written", "failed", "lag", "opt_outs"}`; lag by system, in seconds."""
    clock = clock or SystemClock()
    with reading(config, clock) as store:
        now = clock.now()
        since = now - timedelta(hours=hours)
        runs = store.runs_since(since - _BEFORE, RUNS_MAX)
        if len(runs) == RUNS_MAX:  # what is not looked at is not told as nothing
            since = max(since, runs[-1].started_at)
        window = Window(since, now)
        return series(runs, config.systems, window) | {"opt_outs": opt_outs(store, mappings, now)}


def series(runs: Sequence[RunRow], systems: Iterable[str], window: Window) -> dict[str, Any]:
    """What was done, and how far behind each system was, over the window. `runs` newest first."""
    return {
        "since": window.since.isoformat(timespec="seconds"),
        "until": window.until.isoformat(timespec="seconds"),
        "span_seconds": round(window.span.total_seconds()),
        "read": _sums(runs, window, lambda counts: counts.get("read", 0)),
        "written": _sums(runs, window, lambda counts: sum(counts.get(name, 0) for name in _WRITTEN)),
        "failed": _sums(runs, window, lambda counts: counts.get("failed", 0)),
        "lag": {name: _lag(looks(runs, name), window) for name in systems},
    }


def _sums(runs: Iterable[RunRow], window: Window, of: Callable[[Mapping[str, int]], int]) -> list[int]:
    found = [0] * SPANS
    for run in runs:
        place = window.place(run.started_at)
        if place is not None:
            found[place] += sum(of(counts) for counts in run.systems.values())
    return found


def looks(runs: Iterable[RunRow], system: str) -> list[datetime]:
    """When a system was looked at with success, oldest first."""
    return sorted(
        run.started_at
        for run in runs
        if run.kind not in _SILENT and run.seconds is not None and system not in run.failed and system in run.systems
    )


def _lag(seen: Sequence[datetime], window: Window) -> list[int | None]:
    """The worst lag in each span: just before a look, or at the span's end; None before the first look ever."""
    return [_worst(seen, window.since + window.span * place, window.span) for place in range(SPANS)]


def _worst(seen: Sequence[datetime], begin: datetime, span: timedelta) -> int | None:
    first, end = bisect_right(seen, begin), begin + span
    last = bisect_right(seen, end)
    waits = [
        at - before for before, at in zip(seen[max(first - 1, 0) : last], seen[max(first, 1) : last], strict=False)
    ]
    if last:
        waits.append(end - seen[last - 1])
    return round(max(waits).total_seconds()) if waits else None


# opt-outs ----------------------------------------------------------------------------------------------------------------


def opt_outs(store: Store, mappings: Mappings, now: datetime) -> dict[str, Any]:
    """How long opt-outs of the last seven days took to be everywhere, in seconds, and those that are not yet."""
    fields = [e.consent_field for e in mappings.entities.values() if e.consent_field]
    found = store.deliveries(fields, UNSUBSCRIBED, now - OPT_OUT_WINDOW) if fields else []
    took = sorted(_seconds(each) for each in found if each.arrived and not each.waiting)
    waiting = [(now - each.began_at).total_seconds() for each in found if each.waiting]
    return {
        "count": len(found),
        "median_seconds": round(median(took), 1) if took else None,
        "worst_seconds": round(took[-1], 1) if took else None,
        "waiting": len(waiting),
        "oldest_waiting_seconds": round(max(waiting), 1) if waiting else None,
    }


def _seconds(each: Delivery) -> float:
    return max(0.0, (max(each.arrived.values()) - each.began_at).total_seconds())

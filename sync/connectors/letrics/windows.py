"""Closed windows of time: which companies a search asks for, by when they were added (both edges included, T-L5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_SECOND: Final = timedelta(seconds=1)
_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Where a window without a lower edge is taken to begin when it is halved and no row tells better; it stays open below."""


def moment(value: Any) -> datetime | None:
    """A time of the API in UTC; one without a zone is taken as UTC (`apis/` 0.1)."""
    try:
        at = datetime.fromisoformat(value)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def spell(at: datetime) -> str:
    """As the API spells it: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def whole(at: datetime) -> datetime:
    """The second that a time lies in: edges have no fractions."""
    return at.replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Window:
    """Companies added from ``after`` (None: ever) until ``before``; both belong to it."""

    after: datetime | None
    before: datetime

    def holds(self, at: datetime) -> bool:
        """Whether a company added then belongs to it; fractions of the last second do."""
        return (self.after is None or at >= self.after) and at < self.before + _SECOND

    def within(self, after: datetime | None, before: datetime | None) -> Window | None:
        """What of it lies between two more edges; None for nothing."""
        low = max(filter(None, (self.after, after)), default=None)
        high = self.before if before is None else min(self.before, before)
        return Window(low, high) if low is None or low <= high else None

    def pieces(self, span: Span) -> tuple[Window, ...]:
        """Smaller windows, newest first, that together are this one; none where it is too small for that.

        It is cut in the middle of what was seen of it. Where all that was seen came at once, that moment is cut out, alone.
        """
        low = self.after or min(_FIRST, self.before - 4 * _SECOND)
        if self.before - low <= 2 * _SECOND:
            return ()
        first, last = span.oldest or low, span.newest or self.before
        middle = whole(first + (last - first) / 2)
        at_once = span.oldest is not None and last - first <= 2 * _SECOND
        edges = [middle - _SECOND, middle + _SECOND] if at_once else [middle]
        inner = [edge for edge in edges if low < edge < self.before] or [whole(low + (self.before - low) / 2)]
        highs, lows = [*inner, self.before], [self.after, *inner]
        return tuple(Window(a, b) for a, b in zip(lows, highs, strict=True))[::-1]

    def rest(self, span: Span) -> tuple[Window, ...]:
        """What of it is still to be read after a walk that saw `span` and was stopped.

        Rows that came in the order of their companies' time tell it; else it is cut, so that one day a piece fits.
        """
        low, high = span.newest and whole(span.newest), span.oldest and whole(span.oldest) + _SECOND
        if span.falling and high is not None and high < self.before:
            return (Window(self.after, high),)
        if span.rising and low is not None and (self.after is None or low > self.after):
            return (Window(low, self.before),)
        return self.pieces(span) or (self,)


@dataclass(slots=True)
class Span:
    """What a walk saw of its window: the oldest and the newest time told, and whether they came in order."""

    oldest: datetime | None = None
    newest: datetime | None = None
    falling: bool = True
    rising: bool = True
    _last: datetime | None = field(default=None)

    def take(self, times: Iterable[datetime | None]) -> None:
        """The times of a page, in its order. A row that tells none makes the order worthless."""
        for at in times:
            if at is None:
                self.falling = self.rising = False
                continue
            self.falling &= self._last is None or at <= self._last
            self.rising &= self._last is None or at >= self._last
            self.oldest = min(self.oldest or at, at)
            self.newest = max(self.newest or at, at)
            self._last = at

"""How the process is told to end, and how its work hears of it: at the safe points of a run, and in every wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from sync.errors import StoppedError
from sync.runner.context import Context

NEWS_GAP_S: Final = 10.0
BITE: Final = 1000
"""Rows: fewer than make a system choose its bulk interface, whose jobs last for minutes."""
_NAP_S: Final = 0.05


class Ending:
    """Whether the process is asked to end. May be asked from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def begin(self) -> None:
        """From now on work comes to its next safe point and stops."""
        self._event.set()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits, at most until the end begins; whether it has."""
        return self._event.wait(seconds)


class EndingClock:
    """The host's clock, whose waits are over when the process is to end: nobody waits for a retry then."""

    def __init__(self, ending: Ending) -> None:
        self._ending = ending

    def now(self) -> datetime:
        """The present, UTC-aware."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Waits; in the end only for a nap, since who waits in a loop must not spin."""
        if self._ending:
            time.sleep(min(seconds, _NAP_S))
        else:
            self._ending.wait(seconds)


class Interrupts:
    """What surrounds the service's runs.

    ``hasty``: the run under way is a poll: it does not wait for silent systems, and is itself the look for news.
    ``news``: carries news in the middle of any other run.
    """

    def __init__(self, ending: Ending, moves: Callable[[], None], patience_s: Callable[[str], float]) -> None:
        self.hasty = False
        self.news: Callable[[Context], None] | None = None
        self._looked_at = time.monotonic()
        self._ending = ending
        self._moves = moves
        self._patience_s = patience_s

    def safe_point(self) -> None:
        """A sign of life; the place where a run ends when the process does."""
        self._moves()
        if self._ending:
            raise StoppedError("the run stopped at a safe point", remedy="The next start goes on from there.")

    def interlude(self, context: Context, *, due: bool = False) -> None:
        """In a long run: a look for news, as often as a poll would be, if it is due or the last one was long enough ago."""
        if self.hasty or self.news is None or not (due or time.monotonic() - self._looked_at >= NEWS_GAP_S):
            return
        self.news(context)
        self.looked()

    def gives_way(self) -> bool:
        """Every run but a poll does."""
        return self.news is not None and not self.hasty

    def looked(self) -> None:
        """There was a look for news just now."""
        self._looked_at = time.monotonic()

    def bite(self) -> int | None:
        """A long run takes bites that news need not wait for."""
        return BITE

    def patience_s(self, system: str) -> float | None:
        """How long the others wait for a silent system."""
        return self._patience_s(system) if self.hasty else None

"""How the process is told to end, and how its work hears of it: at the safe points of a run, and in every wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from sync.errors import StoppedError

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
    """What surrounds the service's runs. ``hasty``: the run under way does not wait for silent systems."""

    def __init__(self, ending: Ending, moves: Callable[[], None], patience_s: Callable[[str], float]) -> None:
        self.hasty = False
        self._ending = ending
        self._moves = moves
        self._patience_s = patience_s

    def safe_point(self) -> None:
        """A sign of life; the place where a run ends when the process does."""
        self._moves()
        if self._ending:
            raise StoppedError("the run stopped at a safe point", remedy="The next start goes on from there.")

    def patience_s(self, system: str) -> float | None:
        """How long the others wait for a silent system."""
        return self._patience_s(system) if self.hasty else None

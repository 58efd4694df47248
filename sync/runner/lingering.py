"""The readers of looks for news: a system that lists slowly is read on from look to look, and holds up no other.

ActiveCampaign, for one, may filter by day alone: after a bulk load each reading of what changed takes minutes.

Crash: a cursor is stored with its last page, so a reading that was broken off is done again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sync.model.clock import Clock
from sync.runner.fetching import Fetched, Fetching, Read

WAIT_S: Final = 5.0
"""So long a look waits for the readings that it begins."""
PAGES_AHEAD: Final = 64
_LOOK_S: Final = 0.5


class Lingering:
    """Of one long run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._fetching = Fetching(clock, PAGES_AHEAD)
        self._begun: list[str] = []

    @property
    def fetching(self) -> Fetching:
        """The readers."""
        return self._fetching

    def begin(self, wanted: Iterable[Read]) -> None:
        """Begins to read the systems that are not being read."""
        by_system: dict[str, list[Read]] = {}
        for read in wanted:
            by_system.setdefault(read.system.name, []).append(read)
        self._begun = [system for system in by_system if system not in self._fetching.reading]
        for system in self._begun:
            self._fetching.start(system, by_system[system])

    def pages(self) -> Iterator[Fetched]:
        """What comes until all that were begun last are read or the wait is over; of the others, what is there."""
        ends = self._clock.monotonic() + WAIT_S
        while self._is_awaited() and self._clock.monotonic() < ends:
            item = self._fetching.take(_LOOK_S)
            if item is not None:
                yield item
        while (item := self._fetching.take(0.0)) is not None:
            yield item

    def _is_awaited(self) -> bool:
        return any(system in self._fetching.reading for system in self._begun)

    def close(self) -> None:
        """The long run is over: nothing is read any more."""
        self._fetching.close(wait=True)

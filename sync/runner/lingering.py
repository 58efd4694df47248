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
"""So long a look waits for the readings that it began."""
PAGES_AHEAD: Final = 64
_LOOK_S: Final = 0.5


class Lingering:
    """Of one long run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._fetching = Fetching(clock, PAGES_AHEAD)

    @property
    def fetching(self) -> Fetching:
        """The readers."""
        return self._fetching

    def begin(self, wanted: Iterable[Read]) -> None:
        """Begins to read the systems that are not being read."""
        by_system: dict[str, list[Read]] = {}
        for read in wanted:
            by_system.setdefault(read.system.name, []).append(read)
        for system, reads in by_system.items():
            if system not in self._fetching.reading:
                self._fetching.start(system, reads)

    def pages(self) -> Iterator[Fetched]:
        """What comes until all are read or the wait is over."""
        ends = self._clock.monotonic() + WAIT_S
        while self._fetching.reading and self._clock.monotonic() < ends:
            item = self._fetching.take(_LOOK_S)
            if item is not None:
                yield item

    def close(self) -> None:
        """The long run is over: nothing is read any more."""
        self._fetching.close(wait=True)

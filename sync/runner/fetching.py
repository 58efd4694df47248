"""Reading ahead: a thread for each system, whose pages wait in one queue for the thread that owns the state.

Crash: a page that nobody has stored yet was never read.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from sync.mapping import EntityMapping, SystemMapping
from sync.model.clock import Clock
from sync.model.remote import Feed, Page

if TYPE_CHECKING:
    from sync.runner.context import System

END_S: Final = 60.0
"""A reader that is no longer wanted ends with the request that it is in."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Read:
    """One object of one system to pull for one entity. ``sweep`` names a complete enumeration."""

    entity: EntityMapping
    mapping: SystemMapping
    system: System
    feed: Feed
    key: str
    cursor: str | None
    full: bool
    sweep: str | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page, an error that ended a system's reading, or (neither) the end of it.

    ``asked_at``: the time (monotonic) before which the page was not asked for. ``last``: the last page of its read.
    """

    system: str
    read: Read | None = None
    page: Page | None = None
    asked_at: float = 0.0
    error: Exception | None = None
    last: bool = False


class Fetching:
    """The readers. ``reading`` names the systems whose end was not taken yet; so many pages (``ahead``) wait at most."""

    def __init__(self, clock: Clock, ahead: int) -> None:
        self.reading: list[str] = []
        self._clock = clock
        self._pages: queue.Queue[Fetched] = queue.Queue(ahead)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, system: str, reads: Sequence[Read]) -> None:
        """Begins to read one system, one object after the other."""
        self.reading.append(system)
        thread = threading.Thread(target=self._fetch, args=(system, reads), daemon=True)
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]
        thread.start()

    def take(self, wait_s: float) -> Fetched | None:
        """What comes next; None if nothing does in that time."""
        try:
            found = self._pages.get(timeout=wait_s) if wait_s > 0 else self._pages.get_nowait()
        except queue.Empty:
            return None
        if found.page is None and found.error is None and found.system in self.reading:
            self.reading.remove(found.system)
        return found

    def forget(self, system: str) -> None:
        """Nobody waits for this one any longer."""
        self.reading.remove(system)

    def close(self, *, wait: bool = False) -> None:
        """Nothing more is wanted. With ``wait`` no request is under way afterwards, or only one that hangs."""
        self._stop.set()
        self._drain()
        for thread in self._threads if wait else ():
            thread.join(END_S)

    def _drain(self) -> None:
        while True:
            try:
                self._pages.get_nowait()
            except queue.Empty:
                return

    def _fetch(self, system: str, reads: Sequence[Read]) -> None:
        try:
            for read in reads:
                for (page, asked_at), last in _with_end(self._stamped(read)):
                    if not self._put(Fetched(system, read, page, asked_at, last=last)):
                        return
        except Exception as error:  # noqa: BLE001 - it crosses to the main thread, which decides
            self._put(Fetched(system, error=error))
        self._put(Fetched(system, last=True))

    def _put(self, found: Fetched) -> bool:
        """Waits for a place in the queue; False where nobody wants it any longer."""
        while not self._stop.is_set():
            try:
                self._pages.put(found, timeout=1.0)
            except queue.Full:
                continue
            return True
        return False

    def _stamped(self, read: Read) -> Iterator[tuple[Page, float]]:
        walk = iter(read.system.connector.pull(read.feed, read.cursor, full=read.full))
        while True:
            asked_at = self._clock.monotonic()
            page = next(walk, None)
            if page is None:
                return
            yield page, asked_at


def _with_end(pages: Iterable[_T]) -> Iterator[tuple[_T, bool]]:
    """Each page with whether it is the last."""
    held: _T | None = None
    for page in pages:
        if held is not None:
            yield held, False
        held = page
    if held is not None:
        yield held, True

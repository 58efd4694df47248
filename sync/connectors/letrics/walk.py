"""One pull: closed windows read page by page to their end, cut where a walk over them cannot be believed.

Nothing promises an order (`apis/` 3.2), so pages may overlap and skip. A window that fits on one page cannot; a walk over more is
believed if no row came twice (but for rows pushed over a page's edge by new ones) and as many came as were told. Else the window is
cut into smaller ones; what cannot be cut any more is walked again until a walk brings nothing new.

Crash paragraph. Invariant: a cursor owes every window that was not read to its end. A walk that breaks off anywhere begins its
window again; rows come twice then, and none is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from sync.connectors.letrics.budget import Budget
from sync.connectors.letrics.filters import Filters
from sync.connectors.letrics.place import Place, Tier
from sync.connectors.letrics.rows import Reading, Row, added_at
from sync.connectors.letrics.search import Listing, Search
from sync.connectors.letrics.windows import Span, Window, whole
from sync.model.remote import Feed, NativeRecord, Page

WALKS_MAX: Final = 5
PAGES_DEEP: Final = 200
"""A window of more pages is cut: a search may cap its depth, and a break costs less."""
KEYS_KNOWN: Final = 200_000
"""So many keys of one pull are remembered, to find out that nothing new comes any more."""
_SKEW: Final = timedelta(seconds=60)


class End(Enum):
    """How a walk over a window came to an end."""

    CLEAN = "clean"
    SHAKY = "shaky"
    """Rows may have been skipped."""
    DEEP = "deep"
    """It has more pages than may, or should, be asked for."""
    STOPPED = "stopped"
    """The budget is spent."""
    SKEWED = "skewed"
    """The server's clock is another than was thought."""


@dataclass(slots=True)
class Walked:
    """What the walks over one window have seen. ``first`` and ``total``: rows told on the first and on the last page.

    ``shaky``: rows may have been skipped. ``outside``: the server showed a row that is not in the window. ``known``: the keys that
    the pull has seen in all its windows; ``news``: how many this window added.
    """

    name: str
    window: Window
    key: Callable[[Row], str]
    known: set[str]
    seen: set[str] = field(default_factory=set)
    span: Span = field(default_factory=Span)
    first: int | None = None
    total: int | None = None
    shaky: bool = False
    pages: int = 0
    fresh: int = 0
    news: int = 0
    outside: bool = False
    _before: list[str] = field(default_factory=list)
    _walked: set[str] = field(default_factory=set)

    def again(self) -> None:
        """Another walk over the same window begins."""
        self.first = self.total = None
        self.shaky, self.pages, self.fresh = False, 0, 0
        self._before, self._walked = [], set()

    def take(self, listing: Listing) -> list[tuple[str, Row]]:
        """The rows of a page that were not seen in this window before, with their keys."""
        keys = [self.key(row) for row in listing.rows]
        self.pages += 1
        self._note(listing, keys)
        times = [added_at(self.name, row) for row in listing.rows]
        self.outside |= any(at is not None and not self.window.holds(at) for at in times)
        self.span.take(at for at in times if at is None or self.window.holds(at))
        fresh = {key: row for key, row in zip(keys, listing.rows, strict=True) if key not in self.seen}
        self.seen |= fresh.keys()
        self.fresh += len(fresh)
        self.news += len(fresh.keys() - self.known)
        if len(self.known) < KEYS_KNOWN:
            self.known |= fresh.keys()
        return list(fresh.items())

    def ends(self, listing: Listing) -> bool:
        """Whether this page is past the end: empty, or the last one once more (some servers clamp)."""
        return not listing.rows or (self.pages > 0 and {self.key(row) for row in listing.rows} == set(self._before))

    def was_full(self, per_page: int) -> bool:
        """Whether the page before was full, so that there may be more."""
        return len(self._before) >= per_page

    def is_all(self, per_page: int) -> bool:
        """Whether a short page and the total agree that nothing follows; either alone proves nothing."""
        return not self.was_full(per_page) and self.total is not None and len(self._walked) >= self.total

    def judged(self) -> End:
        """The end was reached: were there as many rows as were told at the start?"""
        self.shaky |= self.pages > 1 and self.first is not None and len(self._walked) < self.first
        return End.SHAKY if self.shaky else End.CLEAN

    def _note(self, listing: Listing, keys: list[str]) -> None:
        self.shaky |= self.total is not None and listing.total is not None and listing.total < self.total
        self.total = listing.total
        self.first = listing.total if self.pages == 1 else self.first
        twice = [key for key in keys if key in self._walked]
        pushed = bool(twice) and twice == keys[: len(twice)] == self._before[-len(twice) :]
        self.shaky |= bool(twice) and not pushed
        self._walked |= set(keys)
        self._before = keys


@dataclass(slots=True)
class Pull:
    """One pull of one feed. ``key`` names a row, None for one without identity; ``now`` is the server's time, as far as it is known."""

    search: Search
    filters: Filters
    feed: Feed
    reading: Reading
    budget: Budget
    place: Place
    overlap: timedelta
    tiers: Sequence[Tier]
    now: Callable[[], datetime]
    learn: Callable[[datetime], None]
    nameless: int = 0
    _pages: int = 0
    _known: set[str] = field(default_factory=set)
    _leaf: frozenset[str] = frozenset()
    _heeded: bool = True

    def run(self, *, full: bool) -> Iterator[Page]:
        """All pages; the last has no rows and the cursor of the whole."""
        self._today()
        self.budget.learn(self.place.day, self.feed.object, self.place.spent)
        if self._may():
            yield from self._windows(full=full)
        yield Page((), self.place.dump())

    def _windows(self, *, full: bool) -> Iterator[Page]:
        origin = self.place
        self.place = self._begun(origin, full=full)
        while self.place.owed and self._may():
            window = self.filters.clip(self.place.owed[0])
            if window is None:
                self.place = self.place.settle()
            elif (yield from self._window(window)):
                self.place = replace(self._begun(origin, full=full), day=self.place.day, spent=self.place.spent)

    def _begun(self, origin: Place, *, full: bool) -> Place:
        return origin.begin(whole(self.now()), self.overlap, self.tiers, full=full)

    # one window ------------------------------------------------------------------------------------------------------------

    def _window(self, window: Window) -> Generator[Page, None, bool]:
        """Reads one window, and settles it. True: the clock was wrong, and the pull must begin again."""
        walked = Walked(self.feed.object, window, self._track, self._known)
        for left in reversed(range(WALKS_MAX)):
            end = yield from self._walk(window, walked)
            if end is End.SKEWED:
                return True
            if self._settled(window, walked, end, last=left == 0):
                break
            walked.again()
        return False

    def _walk(self, window: Window, walked: Walked) -> Generator[Page, None, End]:
        """One walk over a window."""
        while True:
            listing = self._ask(window, walked.pages + 1)
            if self._pages == 1 and self._misjudged(listing):
                return End.SKEWED
            if listing.refused:
                return End.DEEP if walked.was_full(self.search.per_page) else walked.judged()
            if walked.ends(listing):
                return walked.judged()
            yield self._page(window, walked, listing)
            if walked.shaky:
                return End.SHAKY
            if walked.is_all(self.search.per_page):
                return End.CLEAN
            if walked.pages >= PAGES_DEEP and self._heeded and window.rest(walked.span) != (window,):
                return End.DEEP
            if not self._may():
                return End.STOPPED

    def _ask(self, window: Window, page: int) -> Listing:
        listing = self.search.page(self.feed.object, self.filters.request(window), page)
        self._pages += 1
        self._today()
        spent = self.budget.spend(self.place.day, self.feed.object, len(listing.rows))
        self.place = replace(self.place, spent=spent)
        return listing

    def _page(self, window: Window, walked: Walked, listing: Listing) -> Page:
        fresh = walked.take(listing)
        alone = len(self.place.owed) == 1
        return Page(self._records(window, fresh), self.place.dump(), total=listing.total if alone else None)

    def _settled(self, window: Window, walked: Walked, end: End, *, last: bool) -> bool:
        """Whether this window is done with, be it in pieces; else it is walked again."""
        if end is End.CLEAN:
            self._leaf = frozenset(walked.seen)
            self.place = self.place.settle()
            return True
        pieces = self._pieces(window, walked, end)
        if pieces and pieces != (window,):
            self.place = self.place.settle(pieces)
            return True
        if not self._may():
            # It would be begun again and again: the others have their turn first.
            self.place = self.place.postpone()
            return True
        if last or end is End.DEEP or walked.fresh == 0 or not (self._heeded or walked.news):
            self._leaf = frozenset(walked.seen)
            self.place = self.place.settle()
            return True
        return False

    def _pieces(self, window: Window, walked: Walked, end: End) -> tuple[Window, ...]:
        """Smaller windows, unless the server does not heed them: it showed rows outside, or the neighbour's rows once more."""
        again = len(walked.seen & self._leaf) * 2 > len(walked.seen)
        self._heeded = self._heeded and not (walked.outside or again)
        if not self._heeded:
            return ()
        return window.pieces(walked.span) if end is End.SHAKY else window.rest(walked.span)

    # the rest --------------------------------------------------------------------------------------------------------------

    def _records(self, window: Window, rows: Sequence[tuple[str, Row]]) -> tuple[NativeRecord, ...]:
        fit = [
            row for _, row in rows if self.filters.passes(row, window) and not self.reading.withholds(self.feed, row)
        ]
        wanted = [(self.reading.key(self.feed.object, row), row) for row in fit]
        self.nameless += sum(key is None for key, _ in wanted)
        return tuple(self.reading.record(self.feed, key, row) for key, row in wanted if key is not None)

    def _track(self, row: Row) -> str:
        """What tells rows apart in one walk, those without identity too."""
        return self.reading.key(self.feed.object, row) or repr(sorted(row.items(), key=lambda pair: pair[0]))

    def _misjudged(self, listing: Listing) -> bool:
        """Whether the server's clock is far from what was assumed; a little off, `through` goes by the server's."""
        if listing.date is None:
            return False
        if abs(listing.date - self.now()) > _SKEW:
            self.learn(listing.date)
            return True
        if self.place.through is not None:
            self.place = replace(self.place, through=min(self.place.through, listing.date))
        return False

    def _may(self) -> bool:
        """Whether another page may be asked for: a whole one must fit into what is left of the day."""
        left = self.budget.left(self.place.day)
        return self._pages < self.budget.pages_max and (left is None or left >= self.search.per_page)

    def _today(self) -> None:
        """Turns the page of the day's count."""
        day = self.now().date().isoformat()
        if self.place.day != day:
            self.place = replace(self.place, day=day, spent=0)

"""The walks of one pull: repeated until one is clean, so that a cursor is only offered where nothing was skipped.

The vendor's samples show a few columns of a row in a list, and "full details" where it is read alone (`apis/` 1.2). So where a list
shows of no row what it would be found by (a website, an address), or not half of what is mapped, one row is read alone: if that shows
more, each row is. What came of it is kept in the cursor.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from sync.connectors.abmatic.filters import passes
from sync.connectors.abmatic.listing import Listing, Tally, pages
from sync.connectors.abmatic.place import Place
from sync.connectors.abmatic.profiles import Endpoint
from sync.connectors.abmatic.rows import READ_ONLY, Row, moment, read, record
from sync.connectors.abmatic.side import WALKS_MAX, Memberships, analytics
from sync.connectors.abmatic.tenancy import find
from sync.connectors.http import Client
from sync.errors import DriftError, UnreachableError
from sync.model.clock import Clock
from sync.model.remote import Feed, NativeRecord, Page
from sync.model.values import MISSING

WHOLE, SPARSE = "whole", "sparse"

Fresh = list[tuple[str, Row]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How one pull goes.

    ``filters``: one walk each, with its query parameters. ``everything``: the walks enumerate the object.
    ``floor``: where a walk sorted by change time, newest first, may end. ``resume``: go on from the place's page.
    ``pages_offered``: the page reached may be stored, because there is no older watermark to lose.
    """

    place: Place
    filters: list[dict[str, str]]
    everything: bool
    floor: datetime | None = None
    resume: bool = False
    pages_offered: bool = False
    with_analytics: bool = False
    groups: Memberships | None = None


@dataclass(slots=True)
class Walks:
    """The walks of one pull. Of the rows that went by only the ids are kept."""

    client: Client
    endpoint: Endpoint
    feed: Feed
    plan: Plan
    clock: Clock
    _known: dict[str, int] = field(default_factory=dict)
    _number: int = 0
    _start: datetime | None = None
    _undated: bool = False
    _shown: str = ""

    def run(self) -> Iterator[Page]:
        """All pages, the cursor of the whole on the last one if every walk was clean in the end."""
        self._start = self.plan.place.began if self.plan.resume else None
        self._shown = self.plan.place.rows
        clean = True
        for left, filters in zip(reversed(range(len(self.plan.filters))), self.plan.filters, strict=True):
            for attempt in range(1, WALKS_MAX + 1):
                tally, fresh = yield from self._walk(filters)
                good = self._believed(tally)
                over = good or tally.ignored or attempt == WALKS_MAX
                settled = clean and good and left == 0
                yield self._last(fresh, filters, tally, settled=settled)
                if over:
                    break
            clean = clean and good

    def _walk(self, filters: dict[str, str]) -> Generator[Page, None, tuple[Tally, Fresh]]:
        """One walk: yields all pages but the last, whose rows it returns with the count."""
        self._number += 1
        place = self.plan.place
        resumed = self.plan.resume and self._number == 1
        tally = Tally(self.endpoint, self._known, self._number, place.count if resumed else None)
        for listing in pages(self.client, self.endpoint.route, filters, first=place.page + 1 if resumed else 1):
            self._start = self._start or listing.at
            fresh = tally.take(listing)
            if listing.last or self._below(listing):
                break
            records = self._records(fresh, filters)
            yield Page(records, self._halfway(tally, listing), total=tally.count.total)
        return tally, fresh

    def _below(self, listing: Listing) -> bool:
        """Whether a walk by change time, newest first, has reached what is known."""
        floor = self.plan.floor
        if floor is None or listing.ignored:
            return False
        stamps = [moment(row.get("updated_at")) for row in listing.rows]
        return any(stamp is not None and stamp < floor for stamp in stamps)

    def _believed(self, tally: Tally) -> bool:
        """Whether nothing can have been skipped. A walk that ends early has no count, but no row may leave."""
        if self.plan.floor is not None:
            return not (tally.shrank or tally.ignored)
        return tally.clean

    def _halfway(self, tally: Tally, listing: Listing) -> str | None:
        if not self.plan.pages_offered or tally.shrank:
            return None
        place = replace(self.plan.place, page=listing.page, began=self._start, count=tally.count, rows=self._shown)
        return replace(place, by_creation=place.by_creation or tally.undated).dump()

    def _last(self, fresh: Fresh, filters: dict[str, str], tally: Tally, *, settled: bool) -> Page:
        self._undated = self._undated or tally.undated
        records = self._records(fresh, filters)
        complete = settled and self.plan.everything and not self.plan.resume and tally.complete
        return Page(records, self._done(tally).dump() if settled else None, complete=complete, total=tally.count.total)

    def _done(self, tally: Tally) -> Place:
        """The place after a clean pull: everything before its first answer is known."""
        old = self.plan.place
        swept = self.plan.everything and self.plan.with_analytics
        return Place(
            old.feed,
            watermark=self._start,
            side=old.side,
            swept_at=self.clock.now() if swept else old.swept_at,
            size=tally.count.total if swept else old.size,
            by_creation=old.by_creation or self._undated,
            rows=self._shown,
        )

    def _records(self, fresh: Fresh, filters: dict[str, str]) -> tuple[NativeRecord, ...]:
        wanted = [(key, row) for key, row in fresh if passes(row, filters)]
        self._shown = self._shown or self._judged(wanted)
        whole = [(key, self._whole(key, row)) for key, row in wanted]
        return tuple(record(self.feed, key, row) for key, row in whole if passes(row, filters))

    def _judged(self, rows: Fresh) -> str:
        """Whether the list shows whole rows, or less than a row that is read alone; empty where there is none to tell by."""
        if not rows or self.endpoint.one is None or self.endpoint.projects:
            return ""
        asked = [path for path in self.feed.paths if not READ_ONLY.fullmatch(path)]
        unseen = [path for path in asked if not any(read(row, path) is not MISSING for _, row in rows)]
        if not (set(unseen) & set(self.endpoint.lookups) or 2 * len(unseen) > len(asked)):
            return WHOLE
        with suppress(DriftError, UnreachableError):  # no such endpoint for this key: the list is all there is
            alone = find(self.client, self.endpoint, rows[0][0]) or {}
            return SPARSE if any(read(alone, path) is not MISSING for path in unseen) else WHOLE
        return WHOLE

    def _whole(self, key: str, row: Row) -> Row:
        """The row with what is kept elsewhere."""
        if self._shown == SPARSE:
            row = {**row, **(find(self.client, self.endpoint, key) or {})}
        if self.plan.groups is not None:
            row = {**row, "groups": self.plan.groups.of(key)}
        if self.plan.with_analytics:
            row = {**row, "analytics": analytics(self.client, self.endpoint, key)}
        return row

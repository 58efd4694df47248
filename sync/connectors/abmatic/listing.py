"""Lists page by page, and the book-keeping that tells whether a walk over drifting pages saw everything.

Page numbers drift: a row that is deleted before the current page shifts the others left and one is skipped. The API
has no sort (A1) and no upper bound on its date filters, so a walk is only believed when its counts agree
(`apis/` 5.1, T-A1, T-A3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sync.connectors.abmatic.profiles import PER_PAGE, Endpoint
from sync.connectors.abmatic.rows import Row, key_of, moment
from sync.connectors.http import Client
from sync.errors import UnreachableError

_PAST_END: Final = (400, 404)
"""A page after the last may be refused; that ends the walk as an empty page does."""

_YOUNG: Final = timedelta(seconds=5)
"""Rows created this long after a walk opened were not there before: room for clocks that disagree."""

_NO_FILTERS: Final = frozenset({"sort_by", "order_by", "fields"})

_DIGITS_MAX: Final = 16

Params = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Listing:
    """One page.

    ``total`` is None past the end. ``at`` is the server's time: its ``date``, or where it tells none a guess on the safe
    side. ``ignored`` means that the server says a filter or sort did not run.
    """

    rows: tuple[Row, ...]
    page: int
    last: bool
    total: int | None
    at: datetime
    date: datetime | None = None
    ignored: bool = False


def pages(
    client: Client, route: str, params: Params, *, parts: Mapping[str, str] | None = None, first: int = 1
) -> Iterator[Listing]:
    """The pages of a list from page `first` on; the last says so. Raises UnreachableError for a list without end."""
    page, page_max = first, 0
    while True:
        asked = {**params, "page": page, "per_page": PER_PAGE}
        answer = client.read(route, parts=parts, params=asked, shape=is_list, accept=_PAST_END if page > 1 else ())
        at = client.server_time(answer)
        if not answer.done or _other_page(answer.data["pagination"], page):
            yield Listing((), page, last=True, total=None, at=at)
            return
        rows = tuple(answer.data["data"])
        total, count = _counts(answer.data["pagination"]) or (0, 0)
        page_max = page_max or 2 * count + PER_PAGE
        if page > page_max:
            raise UnreachableError(f"{client.system}: the pages of {route} do not end", system=client.system)
        client.meter.add(read=len(rows))
        last = page >= count or not rows
        ignored = _ignores(answer.data.get("applied"), params)
        yield Listing(rows, page, last, total, at, answer.date, ignored)
        if last:
            return
        page += 1


@dataclass(frozen=True, slots=True)
class Count:
    """What a walk has counted.

    Distinct rows ``seen``, of them ``old`` ones that may have been there at its start, the ``first`` and the latest
    ``total`` told, and when it ``opened`` by the server's clock.
    """

    seen: int = 0
    old: int = 0
    first: int = 0
    total: int = 0
    opened: datetime | None = None


class Tally:
    """The count of one walk.

    Args:
        endpoint: whose rows they are.
        known: row id -> number of the walk that saw it last; shared by the walks of one pull, which saves memory.
        number: of this walk.
        before: what was counted up to the page where a resumed walk goes on.
    """

    def __init__(self, endpoint: Endpoint, known: dict[str, int], number: int, before: Count | None = None) -> None:
        self._endpoint = endpoint
        self._known = known
        self._number = number
        self._resumed = before is not None
        self._begun = self._resumed
        self.count = before or Count()
        self.nameless = 0
        self.shrank = False
        self.ignored = False
        self.undated = False

    def take(self, listing: Listing) -> list[tuple[str, Row]]:
        """Counts a page; returns its rows that no walk of this pull has seen, with their ids."""
        self._note_total(listing)
        fresh = []
        for row in listing.rows:
            key = key_of(self._endpoint, row)
            if key is None:
                self.nameless += 1
            elif (last := self._known.get(key)) != self._number:
                self._known[key] = self._number
                self._note_row(row)
                if last is None:
                    fresh.append((key, row))
        return fresh

    @property
    def clean(self) -> bool:
        """Whether no row that was there all the time can have been missed.

        No total was smaller than the one before it, and the rows that may have been there at the start make up the
        first total: so nothing was deleted that could shift others past us, whatever was added meanwhile. Rows whose
        age is not known, or too young to tell, count as old; if they are too many, all distinct rows must make up the
        last total.
        """
        if self.shrank or self.ignored:
            return False
        surplus = self.count.old + self.nameless - self.count.first
        return surplus == 0 or (surplus > 0 and self.count.seen + self.nameless == self.count.total)

    @property
    def complete(self) -> bool:
        """Whether it is moreover an enumeration from the first page on, of rows that all have an identity."""
        return self.clean and not self._resumed and not self.nameless

    def _note_total(self, listing: Listing) -> None:
        self.ignored |= listing.ignored
        if listing.total is None:
            return
        if not self._begun:
            self._begun = True
            self.count = Count(first=listing.total, total=listing.total, opened=listing.date)
        self.shrank |= listing.total < self.count.total
        self.count = replace(self.count, total=listing.total)

    def _note_row(self, row: Row) -> None:
        created, opened = moment(row.get("created_at")), self.count.opened
        new = created is not None and opened is not None and created > opened + _YOUNG
        self.count = replace(self.count, seen=self.count.seen + 1, old=self.count.old + (not new))
        self.undated |= created is not None and moment(row.get("updated_at")) is None


def is_list(data: Any) -> bool:
    """Whether a body is a list envelope; anything else is a transport fault, not an empty result."""
    if not isinstance(data, dict):
        return False
    rows, told = data.get("data"), data.get("pagination")
    whole = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    return whole and isinstance(told, dict) and _counts(told) is not None


def _counts(told: Mapping[str, Any]) -> tuple[int, int] | None:
    """How many rows and pages there are, or None where it is not told; pages that are not told follow from the rows of one."""
    total = _count(told.get("total"))
    if total is None:
        return None
    pages_told = _count(told.get("total_pages"))
    return total, -(-total // (_count(told.get("per_page")) or PER_PAGE)) if pages_told is None else pages_told


def _count(value: Any) -> int | None:
    """A number of things, also where it is written as a text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < _DIGITS_MAX:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _other_page(pagination: Mapping[str, Any], page: int) -> bool:
    """Whether the server answered with another page than the one asked for, as some do past the end."""
    told = _count(pagination.get("page"))
    return page > 1 and told is not None and told != page


def _ignores(applied: Any, params: Params) -> bool:
    """Whether the server says that something we asked for did not run: a filter that is null or not there, a sort that is null (A3).

    How a sort is told where it did run is not documented; filters are told under their own names, maybe in a table of their own.
    """
    if not isinstance(applied, dict):
        return False
    flat = dict(applied)
    for inner in applied.values():
        flat |= inner if isinstance(inner, dict) else {}
    return any(flat.get(name, name if name in _NO_FILTERS else None) is None for name in params)

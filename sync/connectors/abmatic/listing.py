"""Lists page by page, and the book-keeping that tells whether a walk over drifting pages saw everything.

Page numbers drift: a row that is deleted before the current page shifts the others left and one is skipped. The API
has no sort (A1) and no upper bound on its date filters, so a walk is only believed when its counts agree
(`apis/` 5.1, T-A1, T-A3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sync.connectors.abmatic.profiles import PER_PAGE, Endpoint
from sync.connectors.abmatic.rows import Row, key_of, moment
from sync.connectors.http import Client
from sync.errors import UnreachableError

_PAST_END: Final = (400, 404)
"""A page after the last may be refused; that ends the walk as an empty page does."""

Params = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Listing:
    """One page. ``total`` is None past the end; ``ignored`` means that the server says a filter or sort did not run."""

    rows: tuple[Row, ...]
    page: int
    last: bool
    total: int | None
    at: datetime
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
        count = answer.data["pagination"]["total_pages"]
        page_max = page_max or 2 * count + PER_PAGE
        if page > page_max:
            raise UnreachableError(f"{client.system}: the pages of {route} do not end", system=client.system)
        client.meter.add(read=len(rows))
        last = page >= count or not rows
        ignored = _ignores(answer.data.get("applied"), params)
        yield Listing(rows, page, last, answer.data["pagination"]["total"], at, ignored)
        if last:
            return
        page += 1


class Tally:
    """The count of one walk.

    Args:
        endpoint: whose rows they are.
        known: row id -> number of the walk that saw it last; shared by the walks of one pull, which saves memory.
        number: of this walk.
        seen: rows counted before a resumed walk, with the `total` told then.
        total: see `seen`.
    """

    def __init__(self, endpoint: Endpoint, known: dict[str, int], number: int, seen: int = 0, total: int = 0) -> None:
        self._endpoint = endpoint
        self._known = known
        self._number = number
        self._resumed = bool(seen)
        self._first_total: int | None = total if seen else None
        self.total = total
        self.seen = seen
        self._old = 0
        self._grew_only = True
        self.nameless = 0
        self.ignored = False
        self.undated = False

    def take(self, listing: Listing, start: datetime) -> list[tuple[str, Row]]:
        """Counts a page; returns its rows that no walk of this pull has seen, with their ids."""
        self._count(listing)
        fresh = []
        for row in listing.rows:
            key = key_of(self._endpoint, row)
            if key is None:
                self.nameless += 1
            elif (before := self._known.get(key)) != self._number:
                self._note(key, row, start)
                if before is None:
                    fresh.append((key, row))
        return fresh

    @property
    def clean(self) -> bool:
        """Whether no row that was there all the time can have been missed.

        Nothing may have left (the total never shrank), and the distinct rows make up either the last total, or,
        without those created since, the first one: rows that come while we read are the next pull's.
        """
        if not self._grew_only or self.ignored:
            return False
        whole = self.seen + self.nameless == self.total
        return whole or (not self._resumed and self._old + self.nameless == self._first_total)

    @property
    def complete(self) -> bool:
        """Whether it is moreover an enumeration from the first page on, of rows that all have an identity."""
        return self.clean and not self._resumed and not self.nameless

    @property
    def shrank(self) -> bool:
        """Whether rows left while we read."""
        return not self._grew_only

    def _count(self, listing: Listing) -> None:
        self.ignored |= listing.ignored
        if listing.total is None:
            return
        if self._first_total is None:
            self._first_total = self.total = listing.total
        self._grew_only &= listing.total >= self.total
        self.total = listing.total

    def _note(self, key: str, row: Row, start: datetime) -> None:
        self._known[key] = self._number
        self.seen += 1
        created = moment(row.get("created_at"))
        self._old += created is None or created < start
        self.undated |= created is not None and moment(row.get("updated_at")) is None


def is_list(data: Any) -> bool:
    """Whether a body is a list envelope; anything else is a transport fault, not an empty result."""
    if not isinstance(data, dict):
        return False
    rows, told = data.get("data"), data.get("pagination")
    whole = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    return whole and isinstance(told, dict) and all(_is_count(told.get(name)) for name in ("total", "total_pages"))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _other_page(pagination: Mapping[str, Any], page: int) -> bool:
    """Whether the server answered with another page than the one asked for, as some do past the end."""
    told = pagination.get("page")
    return page > 1 and isinstance(told, int) and told != page


def _ignores(applied: Any, params: Params) -> bool:
    """Whether the server says that something we asked for did not run (A3: shown as null)."""
    if not isinstance(applied, dict):
        return False
    flat = dict(applied)
    for inner in applied.values():
        flat |= inner if isinstance(inner, dict) else {}
    return any(name in flat and flat[name] is None for name in params)

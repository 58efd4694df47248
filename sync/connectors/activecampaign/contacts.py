"""Contacts read: by id from the first to the last, since a day, by number, by address.

Filters that the API does not know are ignored without a word and the whole list comes back, so every answer is held against its
question. There is no order by time of change, and a filter by day alone can be relied on (`apis/activecampaign.md` 4, 13).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from sync.connectors.activecampaign.answers import holds, is_absent
from sync.connectors.activecampaign.api import LIMIT, Api, Row, rows_of, total_of
from sync.connectors.activecampaign.grain import Grain, changed_at
from sync.connectors.activecampaign.people import People, is_gone
from sync.connectors.activecampaign.place import Place, digest
from sync.connectors.activecampaign.recall import Recall
from sync.connectors.activecampaign.sides import (
    ACCOUNTS,
    Sides,
    complete,
    complete_accounts,
    sideloaded,
    together,
    wanted,
)
from sync.connectors.activecampaign.unseen import Unseen
from sync.connectors.activecampaign.where import conditions
from sync.errors import DriftError, UnreachableError
from sync.model.remote import Feed, NativeRecord, Page
from sync.model.values import Native

CONTACTS: Final = "contacts"


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One page of contacts with what hangs on them; ``last`` ends the walk."""

    rows: list[Row]
    sides: Sides
    last: bool
    total: int | None
    at: datetime


class Contacts:
    """The reads of one connector."""

    def __init__(self, api: Api, people: People, recall: Recall, unseen: Unseen, overlap: timedelta) -> None:
        self._api = api
        self._people = people
        self._unseen = unseen
        self._recall = recall
        self._overlap = overlap

    # the change feed -------------------------------------------------------------------------------------------------

    def pull(self, feed: Feed, cursor: str | None, *, full: bool) -> Iterator[Page]:
        """See `sync.connectors.base`."""
        place = self._unseen.resume(feed, Place.parse(cursor, digest(feed)))
        if full or place.since is None:
            yield from self._everybody(feed, place)
        else:
            yield from self._changed(feed, place, place.since)

    def _everybody(self, feed: Feed, place: Place) -> Iterator[Page]:
        """By id; every page may be gone on from. Complete where it went from the first to the last in one go."""
        seen, began = 0, place.began
        for leaf in self._walk(feed, place.after, conditions(feed)):
            began = began or leaf.at
            seen += len(leaf.rows)
            after = int(leaf.rows[-1]["id"]) if leaf.rows else place.after
            records, blind = self._records(feed, leaf), self._unseen.note(feed)
            done = Place(place.feed, began) if leaf.last else replace(place, after=after, began=began)
            yield Page(
                records,
                replace(done, blind=blind).dump(),
                complete=leaf.last and place.after == 0,
                total=leaf.total if seen == len(leaf.rows) else None,
            )

    def _changed(self, feed: Feed, place: Place, since: datetime) -> Iterator[Page]:
        """What changed since then; the place is moved only when all of it was seen, to when that began."""
        grain = Grain(place)
        began: datetime | None = None
        for leaf in self._walk(feed, 0, conditions(feed) | grain.filter(since - self._overlap), by_offset=True):
            if began is None and place.fine and leaf.at < since - self._overlap:
                # The vendor's clock was put back by more than a fine filter allows for; a day's margin may hold it.
                yield from self._changed(feed, replace(place, fine=False), since)
                return
            began = began or leaf.at
            grain.look(leaf.rows)
            floor = grain.floor(min(since, began) - self._overlap)  # the vendor's clock may have been put back
            fresh = [row for row in leaf.rows if (changed := changed_at(row)) is None or changed >= floor]
            if leaf.last:
                grain.learn(self._api, began)
            news = replace(leaf, rows=fresh)
            records = self._records(feed, news)
            blind = self._unseen.note(feed) if fresh else self._unseen.of(feed)  # for nobody nothing is asked
            yield Page(records, replace(grain.place(began), blind=blind).dump() if leaf.last else None)

    def _walk(self, feed: Feed, after: int, filters: Mapping[str, Any], *, by_offset: bool = False) -> Iterator[_Leaf]:
        """By id. Where that order does not go together with the filters, by offset if that will do. Raises DriftError else."""
        tables = wanted(feed.paths)
        whole = Sides()
        seen = 0
        while True:
            asked = {**filters, "orders[id]": "ASC", "id_greater": after, "limit": LIMIT}
            answer = self._api.read("/contacts", params=_including(asked, tables), shape=holds(CONTACTS))
            rows = rows_of(answer.data, CONTACTS)
            if not _in_order(rows, after):
                if not by_offset:
                    raise self._unordered()
                yield from self._by_offset(filters, tables)
                return
            seen += len(rows)
            total = total_of(answer.data)
            last = not rows or (len(rows) < LIMIT and (total is None or total <= max(seen, len(rows))))
            sides = sideloaded(answer.data, tables)
            if not by_offset:
                self._look_up_companies(sides, tables, rows, whole)
            self._api.client.meter.add(read=len(rows))
            yield _Leaf(rows, sides, last, total, self._api.client.server_time(answer))
            if last:
                return
            after = int(rows[-1]["id"])

    def _by_offset(self, filters: Mapping[str, Any], tables: Sequence[str]) -> Iterator[_Leaf]:
        """Twice, because rows that enter the set while it is read shift the pages (`apis/activecampaign.md` 13.5)."""
        seen: set[str] = set()
        for last in (False, True):
            for page in self._api.pages("/contacts", CONTACTS, _including(filters, tables)):
                rows = [row for row in page.rows if str(row["id"]) not in seen]
                seen.update(str(row["id"]) for row in rows)
                at = self._api.client.server_time(page.answer)
                yield _Leaf(rows, sideloaded(page.answer.data, tables), last and page.last, page.total, at)

    def _look_up_companies(self, sides: Sides, tables: Sequence[str], rows: Sequence[Row], whole: Sides) -> None:
        """Who works where did not come along: for a walk over everybody it is read once, as a whole."""
        if ACCOUNTS in tables and ACCOUNTS not in sides.tables and rows:
            complete_accounts(self._api, whole)
            sides.tables[ACCOUNTS] = whole.tables[ACCOUNTS]

    def _unordered(self) -> DriftError:
        """The order by id was ignored: then pages overlap, and people are missed."""
        return DriftError(
            f"{self._api.system}: contacts do not come in the order of their ids",
            remedy="The vendor changed its list of contacts; nothing was concluded from it.",
            system=self._api.system,
        )

    def _records(self, feed: Feed, leaf: _Leaf) -> tuple[NativeRecord, ...]:
        rows = [row for row in leaf.rows if not is_gone(row)]
        complete(self._api, leaf.sides, wanted(feed.paths), [str(row["id"]) for row in rows])
        return tuple(self._people.record(feed, row, leaf.sides) for row in rows)

    # by number and by address ------------------------------------------------------------------------------------------

    def fetch(self, feed: Feed, ids: Sequence[str]) -> Mapping[str, NativeRecord | None]:
        """Rows by id, read now, a hundred a call; who does not come is asked for alone before he counts as gone."""
        found: dict[str, NativeRecord | None] = dict.fromkeys(ids)
        bare, sides = self.bare(ids, wanted(feed.paths))
        found |= self._read(feed, [row for row in bare.values() if not is_gone(row)], sides)
        for name in [name for name, record in found.items() if record is None]:
            found[name] = self._alone(feed, name)
        return found

    def lookup(self, feed: Feed, path: str, values: Sequence[Native]) -> Mapping[str, tuple[NativeRecord, ...]]:
        """Contacts by ``email``. Raises DriftError for another path."""
        if path != "email":
            raise DriftError(f"{self._api.system}: contacts cannot be looked up by {path}", system=self._api.system)
        return {str(value): self._by_address(feed, str(value)) for value in values}

    def _by_address(self, feed: Feed, address: str) -> tuple[NativeRecord, ...]:
        if not address.strip():
            return ()
        tables = wanted(feed.paths)
        asked = _including({"email": address.strip(), "limit": LIMIT}, tables)
        answer = self._api.read("/contacts", params=asked, shape=holds(CONTACTS))
        rows = [row for row in rows_of(answer.data, CONTACTS) if not is_gone(row) and _has(row, address)]
        return tuple(self._read(feed, rows, sideloaded(answer.data, tables)).values())

    def row_of(self, address: str) -> Row | None:
        """The bare contact under an address, without regard to case."""
        answer = self._api.read("/contacts", params={"email": address, "limit": LIMIT}, shape=holds(CONTACTS))
        return next((row for row in rows_of(answer.data, CONTACTS) if _has(row, address)), None)

    def bare(self, ids: Sequence[str], tables: Sequence[str] = ()) -> tuple[dict[str, Row], Sides]:
        """Contacts by id as they come, with these side tables as far as they are told."""
        found: dict[str, Row] = {}
        told: list[Sides] = []
        for start in range(0, len(ids), LIMIT):
            asked = {"ids[]": list(ids[start : start + LIMIT]), "limit": LIMIT}
            answer = self._api.read("/contacts", params=_including(asked, tables), shape=holds(CONTACTS))
            found |= {str(row["id"]): row for row in rows_of(answer.data, CONTACTS)}
            told.append(sideloaded(answer.data, tables))
        known = set(ids)
        return {name: row for name, row in found.items() if name in known}, together(told)

    def _alone(self, feed: Feed, contact: str) -> NativeRecord | None:
        answer = self._api.read("/contacts/{id}", parts={"id": contact}, shape=holds("contact"), accept=(403, 404))
        if is_absent(answer):
            return None
        rows = [row for row in rows_of(answer.data, "contact") if str(row["id"]) == contact]
        if not rows:
            raise UnreachableError(
                f"{self._api.system}: /contacts/{{id}} {answer.summary} without saying whether the contact exists",
                system=self._api.system,
            )
        if is_gone(rows[0]):
            return None
        return self._read(feed, rows, Sides())[contact]

    def _read(self, feed: Feed, rows: list[Row], sides: Sides) -> dict[str, NativeRecord]:
        names = [str(row["id"]) for row in rows]
        complete(self._api, sides, wanted(feed.paths), names, sure=True)
        self._api.client.meter.add(read=len(rows))
        self._recall.keep(rows, sides)
        return {str(row["id"]): self._people.record(feed, row, sides) for row in rows}


def _including(asked: Mapping[str, Any], tables: Sequence[str]) -> dict[str, Any]:
    return {**asked, "include": ",".join(tables)} if tables else dict(asked)


def _in_order(rows: Sequence[Row], after: int) -> bool:
    """Whether rows come by id, behind the one asked for."""
    return all(left < right for left, right in pairwise([after, *(int(row["id"]) for row in rows)]))


def _has(row: Row, address: str) -> bool:
    return str(row.get("email") or "").strip().casefold() == address.strip().casefold()

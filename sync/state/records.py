"""Golden records and their links: making, joining, loading and saving them in sets.

Crash paragraph: a record and its first links, a merge of two records, a moved link are one transaction each; making a
record twice makes one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sync.model.record import Link, LinkState, Record
from sync.model.values import Canonical
from sync.state import documents
from sync.state.documents import load_cells, moment_or_none, stamp, stamp_or_none
from sync.state.door import array
from sync.state.observations import OBSERVATION, observation
from sync.state.rows import RecordSaved
from sync.state.runs import Runs
from sync.state.statements import asked, insert, update, within
from sync.state.tables import DOUBTFUL, LinkTable, RecordTable, TurnTable

_O = ", ".join("o." + name for name in OBSERVATION.split(", "))
_PENDING = "SELECT number FROM record WHERE entity = ? AND pending > 0 AND number > ? ORDER BY number LIMIT ?"
_RECORDS = within(
    "SELECT number, id, entity, cells FROM record WHERE number IN @list AND status = 'live' ORDER BY number"
)
_LINKS = within(
    "SELECT l.record_number, l.number, l.state, l.exchange, l.busy_until, l.quarantined, " + _O + " FROM link AS l"  # noqa: S608 - columns
    " JOIN observed AS o ON o.number = l.observed_number WHERE l.record_number IN @list ORDER BY l.number"
)
_LINKS_TO = within(
    "SELECT l.record_number, l.number, l.state, l.exchange, l.busy_until, l.quarantined, " + _O + " FROM observed AS o"  # noqa: S608 - columns
    " JOIN link AS l ON l.observed_number = o.number"
    " WHERE o.system = ? AND o.object = ? AND o.remote_id IN @list AND l.state IN ('linked', 'former')"
)
_OCCUPIED = f"SELECT record, system FROM operation WHERE {DOUBTFUL} AND kind = 'create'"  # noqa: S608 - a constant
_NUMBERS = within("SELECT id, coalesce(survivor, number) FROM record WHERE id IN @list")
_SAVE_RECORD = update(RecordTable, ("pending", "cells"))
_SAVE_CELLS = update(RecordTable, ("cells",))
_SAVE_LINK = update(LinkTable, ("state", "busy_until", "quarantined", "exchange"))
_TURN = insert(TurnTable)
_REMOTE_IDS = asked(
    "SELECT asked.system, asked.id, o.remote_id FROM @asked CROSS JOIN record AS r ON r.id = asked.id"
    " JOIN link AS l ON l.record_number = coalesce(r.survivor, r.number) AND l.system = asked.system"
    " AND l.state = 'linked'"
    " JOIN observed AS o ON o.number = l.observed_number ORDER BY l.number DESC",
    ("system", "id"),
)
_RECORDS_OF = asked(
    "SELECT asked.system, asked.entity, asked.remote_id, r.id FROM @asked CROSS JOIN observed AS o"
    " ON o.system = asked.system AND o.remote_id = asked.remote_id AND o.entity = asked.entity"
    " JOIN link AS l ON l.observed_number = o.number JOIN record AS r ON r.number = l.record_number"
    " ORDER BY l.number DESC",
    ("system", "entity", "remote_id"),
)
_VALUES = within(
    "SELECT asked.id, r.cells FROM record AS asked JOIN record AS r"
    " ON r.number = coalesce(asked.survivor, asked.number) WHERE asked.id IN @list"
)


_MARK_BY_KEY = within(
    "UPDATE record SET pending = 2 WHERE pending < 2 AND status = 'live' AND number IN (SELECT l.record_number"
    " FROM match_key AS k JOIN link AS l ON l.observed_number = k.observed_number"
    " WHERE k.entity = ? AND k.field = ? AND k.value IN @list) AND number NOT IN @list"
)
_MARK_CHILDREN = (
    "UPDATE record SET pending = 2 WHERE pending < 2 AND status = 'live' AND entity = ?"
    " AND json_extract(cells, '$.' || ? || '[0]') IN (SELECT record FROM turn WHERE run = ?)"
)
_SETTLED = within(
    "UPDATE record SET pending = 0 WHERE pending = 1 AND id IN (SELECT record FROM operation WHERE run = ?"
    " GROUP BY record HAVING min(status = 'settled')) AND id NOT IN @list"
)
_NEWS_OF = within(
    "SELECT DISTINCT r.number, r.id FROM observed AS o JOIN link AS l ON l.observed_number = o.number"
    " JOIN record AS r ON r.number = l.record_number WHERE o.system = ? AND o.object = ? AND o.remote_id IN @list"
    " AND r.status = 'live' AND r.pending = 2 ORDER BY r.number"
)
_PENDING_AMONG = within(
    "SELECT number, id FROM record WHERE number IN @list AND status = 'live' AND pending > 0 ORDER BY number"
)
_ROWS_OF = within(
    "SELECT o.system, o.object, o.remote_id FROM link AS l JOIN observed AS o ON o.number = l.observed_number"
    " WHERE l.record_number IN @list"
)
_LIVE = "SELECT number FROM record WHERE entity = ? AND status = 'live' AND number > ? ORDER BY number LIMIT ?"


class Records(Runs):
    """Records in sets of about a thousand."""

    def mark_pending(self, entity: str | None = None, records: Sequence[str] | None = None) -> int:
        """Live records (all, an entity's, those with these ids) are merged in the next run; how many are new to it."""
        sql, parameters = "UPDATE record SET pending = 2 WHERE pending < 2 AND status = 'live'", []
        if entity is not None:
            sql, parameters = sql + " AND entity = ?", [entity]
        if records is not None:
            sql, parameters = sql + within(" AND id IN @list"), [*parameters, array(records)]
        return self._write(sql, *parameters)

    def let_rest(self, numbers: Sequence[int]) -> None:
        """These records are not merged again before there is news of them."""
        self._write(within("UPDATE record SET pending = 0 WHERE number IN @list"), array(numbers))

    def mark_pending_by_key(self, entity: str, field: str, values: Iterable[str], but: Iterable[int] = ()) -> int:
        """Live records that hold one of these match keys, but for some (numbers), are merged again; how many are new to it."""
        keys = array(value.strip().casefold() for value in values)
        return self._write(_MARK_BY_KEY, entity, field, keys, array(but))

    def mark_children(self, entity: str, ref: str, run: str) -> int:
        """Live records whose `ref` leads to a record that this run changed are merged again. Reads all of the entity."""
        if self._value("SELECT 1 FROM turn WHERE run = ? LIMIT 1", run) is None:
            return 0
        return self._write(_MARK_CHILDREN, entity, ref, run)

    def settle_pending(self, run: str, waiting: Iterable[str]) -> int:
        """Records whose operations of a run are all settled are done, unless they wait or there is news of them."""
        return self._write(_SETTLED, run, array(waiting))

    def numbers(self, entity: str, *, after: int, limit: int) -> list[int]:
        """Numbers of live records, ascending, beginning after one."""
        return [number for (number,) in self._rows(_LIVE, entity, after, limit)]

    def news_of(self, system: str, object: str, remote_ids: Sequence[str]) -> dict[int, str]:  # noqa: A002 - the field's word
        """Number and id of the records that there is news of, linked to these rows."""
        return dict(self._pairs(_NEWS_OF, system, object, array(remote_ids)))

    def pending_among(self, numbers: Iterable[int]) -> dict[int, str]:
        """Number and id of those of these records that are to be merged."""
        return dict(self._pairs(_PENDING_AMONG, array(numbers)))

    def rows_of(self, numbers: Sequence[int]) -> list[tuple[str, str, str]]:
        """(system, object, remote id) of every row that these records are linked to."""
        return [(system, object_, remote) for system, object_, remote in self._rows(_ROWS_OF, array(numbers))]

    def pending(self, entity: str, *, after: int, limit: int) -> list[int]:
        """Numbers of records to merge, ascending, beginning after one."""
        return [number for (number,) in self._rows(_PENDING, entity, after, limit)]

    def load(self, numbers: Sequence[int]) -> list[Record]:
        """Live records with all they have, by number; a thousand at a time is best."""
        wanted = array(numbers)
        links = self._links(wanted)
        occupied, times = self._occupied(), documents.Moments()
        return [
            Record(
                number, id_, entity, load_cells(cells, times), tuple(links.get(number, ())), occupied.get(id_, _FREE)
            )
            for number, id_, entity, cells in self._rows(_RECORDS, wanted)
        ]

    def _links(self, wanted: str) -> Mapping[int, list[Link]]:
        found: dict[int, list[Link]] = defaultdict(list)
        for record, *row in self._rows(_LINKS, wanted):
            found[record].append(_link(row))
        return found

    def links_to(self, system: str, object: str, remote_ids: Iterable[str]) -> dict[str, Link]:  # noqa: A002 - the field's word
        """The live links that lead to these rows, those to former rows too, by remote id."""
        links = [_link(row) for _, *row in self._rows(_LINKS_TO, system, object, array(remote_ids))]
        return {link.observed.remote_id: link for link in links}

    def _occupied(self) -> dict[str, frozenset[str]]:
        """Systems by record id where a create of ours has no known outcome: few, so all of them."""
        found: dict[str, frozenset[str]] = {}
        for record, system in self._rows(_OCCUPIED):
            found[record] = found.get(record, _FREE) | {system}
        return found

    def load_ids(self, ids: Sequence[str]) -> list[Record]:
        """The same by id; a merged record's id loads its survivor, unknown ids nothing."""
        numbers = {number for _, number in self._rows(_NUMBERS, array(ids))}
        return self.load(sorted(numbers))

    def save(self, changes: Sequence[RecordSaved], *, run: str | None = None) -> None:
        """Stores cells, links and turns; a row that holds just that already is not written.

        Turns are booked on ``run``, by default the one that this store started last.
        """
        now, of_run = stamp(self._clock.now()), self._run if run is None else run
        links = [link for change in changes for link in change.record.links]
        turns = [(of_run, each.record.id, now, documents.dump_turns(each.turns)) for each in changes if each.turns]
        stamps = documents.Stamps()
        with self.transaction():
            self._many(_SAVE_RECORD, [_record_row(each, stamps) for each in changes if each.pending is not None])
            self._many(_SAVE_CELLS, [_cells_row(each, stamps) for each in changes if each.pending is None])
            self._many(_SAVE_LINK, [_link_row(link) for link in links])
            self._many(_TURN, turns)

    def save_links(self, links: Iterable[Link]) -> None:
        """Stores links without their records; one that holds just that already is not written."""
        self._many(_SAVE_LINK, [_link_row(link) for link in links])

    def remote_ids(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """(system, record id) -> remote id, where the record, or what it was merged into, has a live link there."""
        rows = self._rows(_REMOTE_IDS, array(pairs))
        return {(system, record): remote_id for system, record, remote_id in rows}

    def records_of(self, places: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
        """(system, entity, remote id) -> record id, whatever the state of the link."""
        rows = self._rows(_RECORDS_OF, array(places))
        return {(system, entity, remote_id): record for system, entity, remote_id, record in rows}

    def values_of(self, record_ids: Sequence[str]) -> dict[str, Mapping[str, Canonical]]:
        """Canonical values by field, by the ids asked for; merged ids have their survivor's values."""
        return {record: documents.load_values(cells) for record, cells in self._rows(_VALUES, array(record_ids))}


_FREE: frozenset[str] = frozenset()


def _link(row: Sequence[Any]) -> Link:
    number, state, exchange, busy_until, quarantined, *seen = row
    fields, busy = documents.load_exchange(exchange), moment_or_none(busy_until)
    return Link(number, LinkState(state), observation(seen), fields, busy, bool(quarantined))


def _record_row(saved: RecordSaved, stamps: documents.Stamps) -> tuple[Any, ...]:
    values = (int(bool(saved.pending)), documents.dump_cells(saved.record.cells, stamps))
    return (*values, saved.record.number, *values)


def _cells_row(saved: RecordSaved, stamps: documents.Stamps) -> tuple[Any, ...]:
    cells = documents.dump_cells(saved.record.cells, stamps)
    return (cells, saved.record.number, cells)


def _link_row(link: Link) -> tuple[Any, ...]:
    exchange = documents.dump_exchange(link.exchange)
    values = (link.state.value, stamp_or_none(link.busy_until), link.quarantined, exchange)
    return (*values, link.number, *values)

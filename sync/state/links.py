"""Identity: which remote row belongs to which record, and which record became part of another.

Crash paragraph: each act is one transaction. A record that is made twice is made once; a row is linked to one record
at most, by the table's own constraint; an alias always points at a record that is no alias itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from sync.errors import StateError, UsageError
from sync.model.record import LinkState
from sync.state.documents import dump, load_values
from sync.state.door import Door, array
from sync.state.rows import NewRecord
from sync.state.statements import asked, insert, within
from sync.state.tables import RecordTable

_FOUND_MAX = 100
_RECORD = insert(RecordTable, "ON CONFLICT (id) DO NOTHING")
_LINK = (
    "INSERT INTO link (record_number, observed_number, entity, system, state, quarantined, created_by_us, exchange)"
    " SELECT coalesce(r.survivor, r.number), o.number, o.entity, o.system,"
    " coalesce(?, iif(o.deleted, 'tombstone', 'linked')), 0, ?, '{}' FROM record AS r JOIN observed AS o ON o.number = ?"
    " WHERE r.id = ? ON CONFLICT (observed_number) DO NOTHING"
)
_STRANGERS = asked(
    "SELECT asked.number, asked.record, h.id FROM @asked LEFT JOIN record AS r ON r.id = asked.record"
    " LEFT JOIN link AS l ON l.observed_number = asked.number LEFT JOIN record AS h ON h.number = l.record_number"
    " WHERE r.number IS NULL OR l.record_number IS NOT coalesce(r.survivor, r.number)",
    ("record", "number"),
)
_MARK_HOLDERS = within(
    "UPDATE record SET pending = 2 WHERE number IN (SELECT record_number FROM link WHERE observed_number IN @list)"
)
_CLEAN = within("UPDATE observed SET dirty = 0 WHERE number IN @list")
_DIRTY = "UPDATE observed SET dirty = 1 WHERE number = (SELECT observed_number FROM link WHERE number = ?)"
_MARK = (
    "UPDATE record SET pending = 2 WHERE status = 'live' AND number = (SELECT record_number FROM link WHERE number = ?)"
)
_MOVE = (
    "UPDATE link SET record_number = (SELECT coalesce(survivor, number) FROM record WHERE id = ?)"
    " WHERE number = ? AND EXISTS (SELECT 1 FROM record WHERE id = ?)"
)
_RESOLVE = (
    "SELECT s.number, s.id FROM record AS r JOIN record AS s"
    " ON s.number = coalesce(r.survivor, r.number) WHERE r.id = ?"
)
_MERGE = (
    ("UPDATE link SET record_number = ? WHERE record_number = ?", "number"),
    ("UPDATE record SET survivor = ? WHERE survivor = ?", "number"),
    ("UPDATE record SET survivor = ?, status = 'merged', pending = 0 WHERE number = ?", "number"),
    ("UPDATE operation SET record = ? WHERE record = ?", "id"),
    ("UPDATE turn SET record = ? WHERE record = ?", "id"),
    ("UPDATE conflict SET record = ? WHERE record = ?", "id"),
    ("UPDATE quarantine SET record = ? WHERE record = ?", "id"),
)
_BY_PLACE = (
    "SELECT DISTINCT r.id FROM observed AS o JOIN link AS l ON l.observed_number = o.number"
    " JOIN record AS r ON r.number = l.record_number WHERE o.entity = ? AND o.remote_id = ?"
    " UNION SELECT r.id FROM match_key AS k JOIN link AS l ON l.observed_number = k.observed_number"
    " JOIN record AS r ON r.number = l.record_number WHERE k.entity = ? AND lower(k.value) = ? LIMIT ?"
)
_BY_WORD = (
    "SELECT id, cells FROM record WHERE entity = ? AND status = 'live' AND instr(lower(cells), ?) > 0 ORDER BY number"
)


class Links(Door):
    """Records come to be, get rows, and are joined."""

    def create_records(self, rows: Sequence[NewRecord]) -> None:
        """Makes records with their first links; those that exist already stay as they are."""
        links = [(None, False, number, row.id) for row in rows for number in row.observed]
        with self.transaction():
            self._many(_RECORD, [(row.id, row.entity, "live", None, 2, "{}") for row in rows])
            self._many(_LINK, links)
            self._execute(_CLEAN, (array(number for _, _, number, _ in links),))

    def add_link(self, record: str, observed_number: int, *, by_us: bool, state: LinkState | None = None) -> None:
        """Links one row; see `add_links`."""
        self.add_links([(record, observed_number)], by_us=by_us, state=state)

    def add_links(self, pairs: Sequence[tuple[str, int]], *, by_us: bool, state: LinkState | None = None) -> None:
        """Links rows to records: without a ``state`` as tombstones where the rows are deleted. Once more is no harm.

        The records are merged in the next run, unless we made the rows ourselves (``by_us``): then there is no news.

        Raises:
            StateError: a row belongs to another record, or one of the two does not exist.
        """
        numbers = array(number for _, number in pairs)
        with self.transaction():
            self._many(_LINK, [(state and state.value, by_us, number, record) for record, number in pairs])
            for number, record, holder in self._rows(_STRANGERS, array(pairs)):
                raise StateError(f"row {number} cannot be linked to {record}: it belongs to {holder or 'nobody'}")
            self._execute(_CLEAN, (numbers,))
            if not by_us:
                self._execute(_MARK_HOLDERS, (numbers,))

    def move_link(self, link: int, record: str) -> None:
        """Hands a row, with all that was exchanged with it, to another record. Raises UsageError."""
        with self.transaction():
            self._execute(_MARK, (link,))
            if not self._execute(_MOVE, (record, link, record)).rowcount:
                raise UsageError(f"link {link} or record {record} does not exist")
            self._execute(_MARK, (link,))

    def set_link_state(self, link: int, state: LinkState) -> None:
        """Says what a link is good for from now on; its record is merged anew."""
        with self.transaction():
            if self._execute(
                "UPDATE link SET state = ? WHERE number = ? AND state <> ?", (state.value, link, state.value)
            ).rowcount:
                self._execute(_MARK, (link,))

    def unlink(self, link: int) -> None:
        """Takes a row away from its record; it is matched anew."""
        with self.transaction():
            self._execute(_MARK, (link,))
            self._execute(_DIRTY, (link,))
            self._execute("DELETE FROM link WHERE number = ?", (link,))

    def merge_records(self, loser: str, winner: str) -> None:
        """Makes one record an alias of another: links, operations, history, conflicts and quarantine follow.

        Aliases of the loser become aliases of the winner, so every alias is one step long. Merging a record with
        itself, or again, does nothing. Raises UsageError for an unknown record.
        """
        with self.transaction():
            of, into = self._found(loser), self._found(winner)
            if of == into:
                return
            for sql, key in _MERGE:
                self._execute(sql, (into[0], of[0]) if key == "number" else (into[1], of[1]))
            self._execute("UPDATE record SET pending = 2 WHERE number = ?", (into[0],))

    def resolve(self, record_id: str) -> str:
        """The record that an id stands for now. Raises UsageError for an unknown one."""
        return self._found(record_id)[1]

    def _found(self, record_id: str) -> tuple[int, str]:
        found = self._row(_RESOLVE, record_id)
        if found is None:
            raise UsageError(
                f"there is no record {record_id}", remedy="crm-sync explain finds records by e-mail, domain, name or id"
            )
        return found[0], found[1]

    def find(self, entity: str, key: str) -> list[str]:
        """Ids of records by hub id, remote id, match key (in any case) or, failing these, exact name; at most 100."""
        known = self._row(_RESOLVE, key)
        if known is not None:
            return [known[1]]
        lower = key.strip().lower()
        found = [id_ for (id_,) in self._rows(_BY_PLACE, entity, key.strip(), entity, lower, _FOUND_MAX)]
        return found or self._named(entity, lower)

    def _named(self, entity: str, lower: str) -> list[str]:
        words = lower.split()
        if not words:
            return []
        rows = self._rows(_BY_WORD, entity, dump(words[-1])[1:-1])
        return [id_ for id_, cells in rows if lower in _names(load_values(cells))][:_FOUND_MAX]


def _names(values: dict[str, object]) -> set[str]:
    """What a thing or a person is called: the cell `name`, or first and last name."""
    person = " ".join(str(values.get(part) or "") for part in ("first_name", "last_name"))
    return {str(values.get("name") or "").strip().lower(), person.strip().lower()}

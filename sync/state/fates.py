"""What became of remote rows: merged into others, deleted, back again, frozen while a write is in doubt.

Crash paragraph: each act is one transaction, and each can be done again: it looks at the rows as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sync.state.documents import stamp_or_none
from sync.state.door import Door, array
from sync.state.statements import asked, within

_MERGED = (
    "SELECT l.observed_number, o.system, o.object, o.merged_into FROM observed AS o"
    " JOIN link AS l ON l.observed_number = o.number"
    " WHERE o.entity = ? AND o.merged_into IS NOT NULL AND l.state = 'linked' ORDER BY o.number"
)
_PLACE = "SELECT number, merged_into FROM observed WHERE system = ? AND remote_id = ? AND object = ?"
_RECORD = "SELECT r.id FROM link AS l JOIN record AS r ON r.number = l.record_number WHERE l.observed_number = ?"
_RELINK = "UPDATE link SET observed_number = ?, state = 'linked' WHERE observed_number = ?"
_MARK = within(
    "UPDATE record SET pending = 2 WHERE status = 'live' AND number IN"
    " (SELECT record_number FROM link WHERE observed_number IN @list)"
)
_BURY = within(
    "UPDATE link SET state = 'tombstone', busy_until = NULL WHERE observed_number IN @list AND state <> 'tombstone'"
)
_DELETED = (
    "SELECT o.number FROM observed AS o JOIN link AS l ON l.observed_number = o.number"
    " WHERE o.entity = ? AND o.deleted = 1 AND l.state = 'linked'"
)
_RETURNED = (
    "SELECT l.observed_number FROM link AS l JOIN observed AS o ON o.number = l.observed_number"
    " WHERE l.entity = ? AND l.state NOT IN ('linked', 'former') AND o.deleted = 0 AND o.merged_into IS NULL AND NOT EXISTS (SELECT 1"
    " FROM link AS x WHERE x.record_number = l.record_number AND x.system = l.system AND x.state = 'linked')"
)
_SUCCEED = (
    "INSERT INTO link (record_number, observed_number, entity, system, state, quarantined, created_by_us, exchange)"
    " SELECT record_number, ?, entity, system, 'former', 0, 1, iif(?, exchange, '{}') FROM link WHERE observed_number = ?"
    " ON CONFLICT (observed_number) DO NOTHING"
)
_TAKE_OVER = (
    "UPDATE link SET state = 'linked' WHERE observed_number = ?"
    " AND record_number = (SELECT record_number FROM link WHERE observed_number = ?)"
)
_STEP_BACK = "UPDATE link SET state = 'former', busy_until = NULL WHERE observed_number = ?"
_REVIVE = "UPDATE link SET state = 'linked' WHERE observed_number = ?"
_GONE = asked(
    "SELECT o.number FROM @asked CROSS JOIN observed AS o ON o.system = asked.system AND o.remote_id = asked.remote_id"
    " AND o.object = asked.object",
    ("object", "system", "remote_id"),
)
_BUSY = (
    "UPDATE link SET busy_until = ? WHERE observed_number ="
    " (SELECT number FROM observed WHERE system = ? AND remote_id = ? AND object = ?)"
)
_IS_LINKED = (
    "SELECT 1 FROM observed AS o JOIN link AS l ON l.observed_number = o.number"
    " WHERE o.system = ? AND o.remote_id = ? AND o.object = ?"
)
_IS_BURIED = (
    "SELECT 1 FROM record AS r JOIN link AS l ON l.record_number = coalesce(r.survivor, r.number)"
    " WHERE r.id = ? AND l.system = ? AND l.state = 'tombstone'"
)
_DROP_EXCHANGE = (
    "UPDATE link SET exchange = json_remove(exchange, ?)"
    " WHERE entity = ? AND system = ? AND json_type(exchange, ?) IS NOT NULL AND NOT EXISTS (SELECT 1 FROM quarantine AS q"
    " JOIN record AS r ON r.id = q.record WHERE r.number = link.record_number AND q.system = link.system AND q.field = ?"
    " AND q.error = 'UNMAPPED_VALUE')"
)


class Fates(Door):
    """Rows, by their numbers or by (system, object, remote id)."""

    def merged_rows(self, entity: str) -> list[tuple[int, int]]:
        """(loser, winner) for each linked row that was merged away, chains followed; a winner never seen is left out."""
        found = [(row[0], self._winner(*row[1:])) for row in self._rows(_MERGED, entity)]
        return [(loser, winner) for loser, winner in found if winner is not None and winner != loser]

    def _winner(self, system: str, object_: str, remote_id: str) -> int | None:
        passed: set[str] = set()
        number = None
        step: str | None = remote_id
        while step is not None and step not in passed:
            passed.add(step)
            row = self._row(_PLACE, system, step, object_)
            number, step = row or (None, None)
        return number

    def record_of_row(self, number: int) -> str | None:
        """The record that a row is linked to."""
        found: str | None = self._value(_RECORD, number)
        return found

    def relink(self, loser: int, winner: int) -> None:
        """The winner takes the loser's link, with all that was exchanged."""
        with self.transaction():
            self._execute(_RELINK, (winner, loser))
            self._execute("UPDATE observed SET dirty = 0 WHERE number = ?", (winner,))
            self._execute(_MARK, (array([winner]),))

    def succeed(self, former: int, row: int, *, alike: bool, gone: bool) -> None:
        """The record of one row goes on with another, which has its new address. A row of another record stays where it is.

        ``alike``: the new row was made of the old one, so that what was exchanged holds for it too; ``gone``: the old one is no more.
        """
        with self.transaction():
            self._execute(_SUCCEED, (row, alike, former))
            if self._execute(_TAKE_OVER, (row, former)).rowcount:
                self._execute(_STEP_BACK, (former,))
                self._execute("UPDATE observed SET deleted = ? WHERE number = ?", (gone, former))
                self._execute("UPDATE observed SET dirty = 0 WHERE number = ?", (row,))
                self._execute(_MARK, (array([row]),))

    def bury_row(self, number: int) -> None:
        """The link of this row becomes a tombstone."""
        self._bury([number])

    def bury_deleted(self, entity: str) -> int:
        """The links of all deleted rows become tombstones; how many are new."""
        return self._bury([number for (number,) in self._rows(_DELETED, entity)])

    def bury_rows(self, places: Sequence[tuple[str, str, str]]) -> int:
        """The rows at (object, system, remote id) were deleted by us: they are gone, and their links tombstones."""
        with self.transaction():
            numbers = [number for (number,) in self._rows(_GONE, array(places))]
            self._execute(within("UPDATE observed SET deleted = 1 WHERE number IN @list"), (array(numbers),))
            return self._bury(numbers)

    def _bury(self, numbers: Sequence[int]) -> int:
        if not numbers:
            return 0
        with self.transaction():
            self._execute(_MARK, (array(numbers),))
            return self._execute(_BURY, (array(numbers),)).rowcount

    def revive_undeleted(self, entity: str) -> int:
        """Rows that came back have their old link again, unless another row took its place; how many."""
        with self.transaction():
            numbers = [number for (number,) in self._rows(_RETURNED, entity)]
            self._many(_REVIVE, [(number,) for number in numbers])
            self._execute(_MARK, (array(numbers),))
        return len(numbers)

    def set_busy(self, system: str, object: str, remote_id: str, until: datetime | None) -> None:  # noqa: A002
        """Freezes the link of a row while a write may still land; None thaws it."""
        self._write(_BUSY, stamp_or_none(until), system, remote_id, object)

    def is_linked(self, system: str, object: str, remote_id: str) -> bool:  # noqa: A002 - the field's word
        """Whether a row belongs to a record, in whatever state."""
        return self._value(_IS_LINKED, system, remote_id, object) is not None

    def is_buried(self, system: str, record_id: str) -> bool:
        """Whether a record has a tombstone in a system."""
        return self._value(_IS_BURIED, record_id, system) is not None

    def drop_exchanges(self, entity: str, system: str, field: str) -> int:
        """Forgets what was exchanged of one field: it is at first contact again; how many links that concerns.

        A link whose word waits for a translation keeps it: what somebody wrote there is an edit, and stays one.
        """
        path = f'$."{field}"'
        return self._write(_DROP_EXCHANGE, path, entity, system, path, field)

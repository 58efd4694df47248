"""What became of remote rows: merged, deleted, come back, not seen; and what was refused or is frozen because of a write.

Crash paragraph: every method is one transaction, or joins the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sync.state.documents import stamp_or_none
from sync.state.door import array
from sync.state.links import Links
from sync.state.meta import Meta
from sync.state.statements import asked, within

_MERGED = (
    "SELECT loser.number, winner.number FROM observed AS loser"
    " JOIN link ON link.observed_number = loser.number AND link.state = 'linked'"
    " JOIN observed AS winner ON winner.system = loser.system AND winner.remote_id = loser.merged_into"
    " WHERE loser.entity = ? AND loser.merged_into IS NOT NULL ORDER BY loser.number"
)
_NEXT = (
    "SELECT winner.number FROM observed AS loser JOIN observed AS winner"
    " ON winner.system = loser.system AND winner.remote_id = loser.merged_into WHERE loser.number = ?"
)
_OWNER = (
    "SELECT r.id FROM link AS l JOIN record AS r ON r.number = l.record_number"
    " WHERE l.observed_number = ? AND l.state = 'linked'"
)
_RELINK = "UPDATE link SET observed_number = ? WHERE observed_number = ?"
_OF_ROWS = within("SELECT record_number FROM link WHERE observed_number IN @list")
_MARK = within("UPDATE record SET pending = 1 WHERE status = 'live' AND number IN @list")
_BURY = within("UPDATE link SET state = 'tombstone', busy_until = NULL WHERE state = 'linked' AND observed_number IN @list")
_GONE = within("UPDATE observed SET deleted = 1 WHERE number IN @list")
_TO_BURY = (
    "SELECT o.number FROM link AS l JOIN observed AS o ON o.number = l.observed_number"
    " WHERE l.entity = ? AND l.state = 'linked' AND o.deleted = 1"
)
_TO_REVIVE = (
    "SELECT o.number FROM link AS l JOIN observed AS o ON o.number = l.observed_number"
    " WHERE l.entity = ? AND l.state = 'tombstone' AND o.deleted = 0"
    " AND NOT EXISTS (SELECT 1 FROM link AS other WHERE other.record_number = l.record_number"
    " AND other.system = l.system AND other.state = 'linked')"
)
_REVIVE = within("UPDATE link SET state = 'linked' WHERE observed_number IN @list")
_PLACED = asked(
    "SELECT o.number FROM @asked CROSS JOIN observed AS o"
    " ON o.system = asked.system AND o.object = asked.object AND o.remote_id = asked.remote_id",
    ("system", "object", "remote_id"),
)
_BUSY = (
    "UPDATE link SET busy_until = ? WHERE observed_number ="
    " (SELECT number FROM observed WHERE system = ? AND object = ? AND remote_id = ?)"
)
_LINKED = (
    "SELECT 1 FROM observed AS o JOIN link AS l ON l.observed_number = o.number"
    " WHERE o.system = ? AND o.object = ? AND o.remote_id = ? AND l.state = 'linked'"
)
_BURIED = (
    "SELECT 1 FROM record AS r JOIN link AS l ON l.record_number = coalesce(r.survivor, r.number)"
    " WHERE r.id = ? AND l.system = ? AND l.state = 'tombstone'"
)
_HOLDING = within(
    "SELECT DISTINCT l.record_number FROM match_key AS k JOIN link AS l ON l.observed_number = k.observed_number"
    " WHERE k.entity = ? AND k.field = ? AND k.value IN @list"
)
_DROP_EXCHANGE = "UPDATE link SET exchange = json_remove(exchange, ?) WHERE entity = ? AND system = ?"
_REFUSALS = within("SELECT key, value FROM meta WHERE key IN @list")


class Fates(Links, Meta):
    """Rows that left, came back or said no."""

    def merged_rows(self, entity: str) -> list[tuple[int, int]]:
        """(loser, final winner) of linked rows that were merged away; chains are followed to their end."""
        return [(loser, self._last(winner)) for loser, winner in self._pairs(_MERGED, entity)]

    def _last(self, row: int) -> int:
        seen = {row}
        while (following := self._value(_NEXT, row)) is not None and following not in seen:
            row = following
            seen.add(row)
        return row

    def record_of_row(self, row: int) -> str | None:
        """The record that a row is linked to, alive."""
        found: str | None = self._value(_OWNER, row)
        return found

    def relink(self, loser: int, winner: int) -> None:
        """The winner takes the loser's place in its record, with all that was exchanged."""
        with self.transaction():
            self._execute(_RELINK, (winner, loser))
            self._execute(within("UPDATE observed SET dirty = 0, deleted = (number = ?) WHERE number IN @list"), (loser, array([loser, winner])))
            self._mark_rows([winner])

    def bury_rows(self, places: Sequence[tuple[str, str, str]]) -> None:
        """These rows, as (system, object, remote id), were deleted."""
        if places:
            self.bury_numbers([number for (number,) in self._rows(_PLACED, array(places))])

    def bury_numbers(self, rows: Sequence[int]) -> None:
        """These rows are deleted, and their links are tombstones."""
        with self.transaction():
            self._mark_rows(rows)
            self._execute(_GONE, (array(rows),))
            self._execute(_BURY, (array(rows),))

    def bury_deleted(self, entity: str) -> None:
        """Links of rows that were seen deleted become tombstones."""
        rows = [number for (number,) in self._rows(_TO_BURY, entity)]
        if rows:
            self.bury_numbers(rows)

    def revive_undeleted(self, entity: str) -> None:
        """A row that is back takes up its old link, unless another row has taken its place."""
        rows = [number for (number,) in self._rows(_TO_REVIVE, entity)]
        if rows:
            with self.transaction():
                self._execute(_REVIVE, (array(rows),))
                self._mark_rows(rows)

    def _mark_rows(self, rows: Iterable[int]) -> None:
        owners = [number for (number,) in self._rows(_OF_ROWS, array(rows))]
        self._execute(_MARK, (array(owners),))

    def is_linked(self, system: str, object: str, remote_id: str) -> bool:  # noqa: A002 - the field's word
        """Whether a row has a live link."""
        return self._value(_LINKED, system, object, remote_id) is not None

    def is_buried(self, system: str, record: str) -> bool:
        """Whether a record had a row in a system that was deleted there."""
        return self._value(_BURIED, record, system) is not None

    def set_busy(self, system: str, object: str, remote_id: str, until: datetime | None) -> None:  # noqa: A002
        """Freezes a row's link while a write to it is in doubt; None sets it free."""
        self._write(_BUSY, stamp_or_none(until), system, object, remote_id)

    def mark_pending_by_key(self, entity: str, field: str, values: Sequence[str]) -> None:
        """Records linked to rows that hold one of these match keys are merged in the next run."""
        owners = [number for (number,) in self._rows(_HOLDING, entity, field, array(values))]
        self._write(_MARK, array(owners))

    def drop_exchanges(self, entity: str, system: str, field: str) -> None:
        """Forgets what was exchanged of one field: its mapping changed, so it is first contact again."""
        self._write(_DROP_EXCHANGE, f'$."{field}"', entity, system)

    def refuse_create(self, record: str, system: str, payload: str) -> None:
        """Remembers the hash of a create that a system refused for good."""
        self.set_meta(_refusal(record, system), payload)

    def forget_refused_create(self, record: str, system: str) -> None:
        """It may be tried again."""
        self._write("DELETE FROM meta WHERE key = ?", _refusal(record, system))

    def refused_creates(self, records: Sequence[str], systems: Iterable[str]) -> dict[str, Mapping[str, str]]:
        """Record -> system -> hash of the create refused there."""
        names = {_refusal(record, system): (record, system) for record in records for system in systems}
        found: dict[str, dict[str, str]] = {}
        for key, payload in self._pairs(_REFUSALS, array(names)):
            record, system = names[key]
            found.setdefault(record, {})[system] = payload
        return dict(found)


def _refusal(record: str, system: str) -> str:
    return f"refused:{system}:{record}"

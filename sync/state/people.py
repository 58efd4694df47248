"""What waits for a person: conflicts to decide, and records set aside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sync.model.record import Conflict, Quarantined
from sync.state.documents import dump, dump_values, load, load_named, moment, moment_or_none, stamp, stamp_or_none
from sync.state.door import Door, array
from sync.state.statements import insert, select, within
from sync.state.tables import ConflictTable, QuarantineTable, RefusalTable

_OPEN_CONFLICT = insert(
    ConflictTable,
    "ON CONFLICT (id) DO UPDATE SET opened_at = iif(closed_at IS NULL, opened_at, excluded.opened_at),"
    " record = excluded.record, reason = excluded.reason, closed_at = NULL, outcome = NULL",
)
_SUPERSEDE = (
    "UPDATE conflict SET closed_at = ?, outcome = 'superseded'"
    " WHERE record = ? AND field = ? AND id <> ? AND closed_at IS NULL"
)
_CLOSE = "UPDATE conflict SET closed_at = ?, outcome = ? WHERE id = ? AND closed_at IS NULL"
_CLOSE_FIELDS = within(
    "UPDATE conflict SET closed_at = ?, outcome = 'settled' WHERE record = ? AND field IN @list AND closed_at IS NULL"
)
_CONFLICTS = {
    True: select(ConflictTable, "WHERE closed_at IS NULL ORDER BY number"),
    False: select(ConflictTable, "WHERE closed_at IS NOT NULL ORDER BY number"),
}
_CONFLICT = select(ConflictTable, "WHERE id = ?")
_SET_ASIDE = insert(
    QuarantineTable,
    "ON CONFLICT (id) DO UPDATE SET attempts = attempts + 1, message = excluded.message,"
    " remedy = excluded.remedy,"
    ""
    " record = excluded.record, remote_id = excluded.remote_id, next_try_at = excluded.next_try_at,"
    " candidates = excluded.candidates",
)
_RELEASE_FOR = within("DELETE FROM quarantine WHERE system = ? AND record IN @list")
_REFUSE = insert(RefusalTable, "ON CONFLICT (record, system) DO UPDATE SET hash = excluded.hash", without=())
_REFUSED = within("SELECT record, system, hash FROM refusal WHERE record IN @list")
_QUARANTINED = select(QuarantineTable, "ORDER BY number")


class People(Door):
    """Open questions."""

    def open_conflict(self, conflict: Conflict) -> None:
        """Asks a person; the same question again keeps its age, one with other values of the field replaces it."""
        c, now = conflict, stamp(self._clock.now())
        opened_at = stamp_or_none(c.opened_at) or now
        row = (c.id, c.entity, c.record, c.field, dump_values(c.values), c.reason, opened_at, None, None)
        with self.transaction():
            self._execute(_SUPERSEDE, (now, c.record, c.field, c.id))
            self._execute(_OPEN_CONFLICT, row)

    def oldest_quarantined(self) -> datetime | None:
        """When the oldest of the records that are set aside now was."""
        return moment_or_none(self._value("SELECT min(at) FROM quarantine"))

    def conflicts(self, open: bool = True) -> list[Conflict]:  # noqa: A002 - the question's word
        """Open questions, or closed ones, oldest first."""
        return [_conflict(row) for row in self._rows(_CONFLICTS[open])]

    def conflict(self, conflict_id: str) -> Conflict | None:
        """One question, open or closed."""
        found = self._row(_CONFLICT, conflict_id)
        return None if found is None else _conflict(found)

    def resolve_conflict(self, conflict_id: str, how: str) -> bool:
        """Closes a question with its outcome; whether it was open."""
        return self._write(_CLOSE, stamp(self._clock.now()), how, conflict_id) > 0

    def close_conflicts(self, record: str, fields: Sequence[str]) -> int:
        """Closes questions that answered themselves; how many."""
        return self._write(_CLOSE_FIELDS, stamp(self._clock.now()), record, array(fields))

    def quarantine(self, quarantined: Quarantined, *, next_try_at: datetime | None = None) -> None:
        """Sets something aside; the same thing again counts one more attempt."""
        q = quarantined
        what = (q.id, q.entity, q.system, q.record, q.object, q.remote_id, q.error, q.message, q.remedy, q.field)
        when = (q.attempts, stamp_or_none(next_try_at), dump(list(q.candidates)), stamp(self._clock.now()))
        self._write(_SET_ASIDE, *what, *when)

    def quarantined(self) -> list[Quarantined]:
        """Everything set aside, oldest first."""
        return [_quarantined(row) for row in self._rows(_QUARANTINED)]

    def release(
        self,
        ids: Sequence[str] | None = None,
        *,
        record: str | None = None,
        system: str | None = None,
        field: str | None = None,
        remote_id: str | None = None,
        error: str | None = None,
    ) -> int:
        """Takes things out of quarantine: those that fulfil all the conditions given; without any, none. How many."""
        asked = {
            "record = ?": record,
            "system = ?": system,
            "field = ?": field,
            "remote_id = ?": remote_id,
            "error = ?": error,
        }
        if ids is not None:
            asked[within("id IN @list")] = array(ids)
        conditions = {text: value for text, value in asked.items() if value is not None}
        if not conditions:
            return 0
        return self._write("DELETE FROM quarantine WHERE " + " AND ".join(conditions), *conditions.values())  # noqa: S608 - constants

    def release_for(self, system: str, records: Sequence[str]) -> int:
        """Takes everything about these records in one system out of quarantine: it was written after all."""
        return self._write(_RELEASE_FOR, system, array(records))

    def refuse_create(self, record: str, system: str, digest: str) -> None:
        """Remembers that a system refused for good to make this record, by the hash of what it would have written."""
        self._write(_REFUSE, record, system, digest)

    def refused_creates(self, records: Sequence[str]) -> dict[str, dict[str, str]]:
        """Record id -> system -> hash of the create that was refused."""
        found: dict[str, dict[str, str]] = {}
        for record, system, digest in self._rows(_REFUSED, array(records)):
            found.setdefault(record, {})[system] = digest
        return found

    def forget_refused_create(self, record: str, system: str) -> None:
        """A person wants it tried again."""
        self._write("DELETE FROM refusal WHERE record = ? AND system = ?", record, system)


def _conflict(row: Sequence[Any]) -> Conflict:
    _, id_, entity, record, field, contenders, reason, opened_at, _closed_at, _outcome = row
    return Conflict(id_, entity, record, field, load_named(contenders), reason, moment(opened_at))


def _quarantined(row: Sequence[Any]) -> Quarantined:
    next_try_at, candidates, _at = row[-3:]
    return Quarantined(*[*row[1:-3], moment_or_none(next_try_at), tuple(load(candidates))])

"""The journal: every write before it is sent, and what became of it.

Crash paragraph: an operation is `sent`, durably, before its first byte leaves, so after a crash `in_doubt` lists
everything that may have happened and nothing else. Planned operations are no obligation: they are dropped and planned
anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from sync.model.record import Journalled, Operation, Status
from sync.model.remote import Kind
from sync.model.values import Absence, is_blank
from sync.state.documents import dump_changes, load_changes, load_turns, moment, moment_or_none, stamp, stamp_or_none
from sync.state.door import Door, array
from sync.state.rows import Finished, TurnRow
from sync.state.statements import insert, select, within
from sync.state.tables import DOUBTFUL, OPEN, UNREAD, VAIN, OperationTable

_BATCH = 5000
_PLAN = insert(OperationTable)
_OF_RUN = select(OperationTable, "WHERE run = ? AND number > ?")
_OPEN = select(OperationTable, f"WHERE {DOUBTFUL} ORDER BY number")
_UNREAD = select(OperationTable, f"WHERE {OPEN} AND error = '{UNREAD}' ORDER BY number")
_IN_VAIN = select(OperationTable, f"WHERE {VAIN} AND entity = ? AND sent_at >= ? ORDER BY number")
_LOOKED_FOR = "SELECT 1 FROM operation WHERE record = ? AND system = ? AND kind = 'create' AND error = 'NOT_APPLIED' AND number < ?"
_OF_CAUSES = within(
    "SELECT cause FROM operation WHERE cause IN @list AND (status IN ('sent', 'in_doubt', 'settled')"
    " OR (status IN ('failed', 'skipped') AND coalesce(error, 'MOVED') NOT IN ('LATER', 'RETRIED', 'MOVED')))"
)
_OF_CAUSE = select(OperationTable, "WHERE cause = ? ORDER BY number DESC LIMIT 1")
_OF_KIND = select(OperationTable, "WHERE record = ? AND kind = ? ORDER BY number DESC LIMIT ?")
_TAKEN = "SELECT remote_id FROM operation WHERE kind = 'engage' AND system = ? AND object = ? AND sent_at >= ?"
_COUNT = (
    "SELECT system, kind, status, count(*) FROM operation AS o WHERE run = ?"
    " AND NOT (status = 'failed' AND error = 'NOT_APPLIED' AND EXISTS (SELECT 1 FROM operation AS p"
    " WHERE p.record = o.record AND p.run = o.run AND p.system = o.system AND p.object = o.object AND p.kind = o.kind"
    " AND p.number > o.number AND p.status = 'settled')) GROUP BY system, kind, status"
)
_CLEARS = "SELECT system, sum(clears) FROM operation WHERE run = ? GROUP BY system HAVING sum(clears) > 0"
_PLANNED = (
    "SELECT count(*) FROM operation WHERE run = ? AND entity = ? AND system = ? AND object = ? AND kind = ?"
    " AND status = 'planned'"
)
_SENT = within("UPDATE operation SET status = 'sent', sent_at = ? WHERE number IN @list")
_UNSENT = within("UPDATE operation SET status = 'planned', sent_at = NULL WHERE status = 'sent' AND number IN @list")
_DROP = within("DELETE FROM operation WHERE status = 'planned' AND number IN @list")
_TAKE_BACK = within(
    "UPDATE operation SET status = 'skipped', error = 'MOVED', message = ?, finished_at = ?"
    " WHERE run = ? AND status = 'planned' AND record IN @list"
)
_CREATES = (
    "SELECT number, record FROM operation AS o WHERE run = ? AND status = 'planned' AND kind = 'create' AND (? IS NULL OR EXISTS"
    " (SELECT 1 FROM operation AS p WHERE p.run = ? AND p.record = o.record AND p.system = o.system AND p.kind = 'create'))"
)
_HOW_MANY = "SELECT count(*) FROM operation WHERE run = ? AND status = 'planned'"
_PLANNED_IN = "SELECT entity, record, system, object, kind, remote_id, cause, changes FROM operation WHERE run = ? AND status = 'planned'"
_STILL = within("SELECT number FROM operation WHERE status = 'planned' AND number IN @list")
_FINISH = (
    "UPDATE operation SET status = ?, error = ?, message = ?, doubt_until = ?, finished_at = ?,"
    " remote_id = coalesce(?, remote_id), looks = coalesce(?, looks), resent = coalesce(?, resent) WHERE number = ?"
)
_TURNS = "SELECT run, record, at, turns FROM turn WHERE (? IS NULL OR run = ?) ORDER BY number DESC LIMIT ?"
_TURNS_OF = (
    "SELECT run, record, at, turns FROM turn WHERE record = ? AND (? IS NULL OR run = ?) ORDER BY number DESC LIMIT ?"
)


class Journal(Door):
    """Operations and turns."""

    def plan(self, run: str, operations: Iterable[Operation], status: Status = Status.PLANNED) -> None:
        """Stores a plan, in its order."""
        waiting, now = iter(operations), stamp(self._clock.now())
        with self.transaction():
            while rows := [_planned(run, each, status, now) for each in islice(waiting, _BATCH)]:
                self._many(_PLAN, rows)

    def operations(
        self,
        run: str,
        *,
        statuses: Collection[Status] | None = None,
        entity: str | None = None,
        system: str | None = None,
        kind: Kind | None = None,
        object: str | None = None,  # noqa: A002 - the field's word
        after: int = 0,
        limit: int = 2000,
    ) -> list[Journalled]:
        """Operations of a run in the order of the plan, beginning after a number."""
        chosen = [("entity", entity), ("system", system), ("kind", kind and kind.value), ("object", object)]
        asked = [(name, value) for name, value in chosen if value is not None]
        sql = _OF_RUN + "".join(f" AND {name} = ?" for name, _ in asked)
        parameters: list[Any] = [run, after, *(value for _, value in asked)]
        if statuses is not None:
            sql += within(" AND status IN @list")
            parameters.append(array(status.value for status in statuses))
        return [_journalled(row) for row in self._rows(sql + " ORDER BY number LIMIT ?", *parameters, limit)]

    def of_causes(self, causes: Collection[str]) -> set[str]:
        """Those of these causes that had their effect, may have had it, or never will: nothing more is sent for them."""
        return {cause for (cause,) in self._rows(_OF_CAUSES, array(causes))}

    def of_cause(self, cause: str) -> Journalled | None:
        """The newest operation of one cause."""
        row = self._row(_OF_CAUSE, cause)
        return None if row is None else _journalled(row)

    def of_record(self, record: str, kind: Kind, limit: int = 100) -> list[Journalled]:
        """Operations of one kind on one record, newest first."""
        return [_journalled(row) for row in self._rows(_OF_KIND, record, kind.value, limit)]

    def made_by_events(self, system: str, object: str, since: datetime) -> set[str]:  # noqa: A002
        """Remote ids of what events made there since then."""
        return {row[0] for row in self._rows(_TAKEN, system, object, stamp(since)) if row[0] is not None}

    def planned_count(self, run: str, entity: str, system: str, object: str, kind: Kind) -> int:  # noqa: A002
        """Operations of one kind on one object that are planned and not sent."""
        return int(self._value(_PLANNED, run, entity, system, object, kind.value))

    def counts(self, run: str) -> dict[tuple[str, Kind, Status], int]:
        """Operations of a run by system, kind and status; one that did not happen and was done later in the run counts once."""
        rows = self._rows(_COUNT, run)
        return {(system, Kind(kind), Status(status)): count for system, kind, status, count in rows}

    def clear_counts(self, run: str) -> dict[str, int]:
        """By system: the changes of a run that empty a field."""
        return dict(self._pairs(_CLEARS, run))

    def drop_planned(self, run: str | None = None) -> int:
        """Forgets what was planned and never sent, in one run or in all."""
        return self._write("DELETE FROM operation WHERE status = 'planned' AND (? IS NULL OR run = ?)", run, run)

    def plan_alike(self, run: str, other: str) -> bool:
        """Whether two runs have planned the very same operations."""
        if self._value(_HOW_MANY, run) != self._value(_HOW_MANY, other):
            return False
        return not self._rows(f"{_PLANNED_IN} EXCEPT {_PLANNED_IN} LIMIT 1", run, other)

    def mark_sent(self, numbers: Sequence[int], *, at: datetime) -> None:
        """Write-ahead: durable when this returns."""
        self._write(_SENT, stamp(at), array(numbers))

    def take_back(self, run: str, records: Iterable[str], message: str) -> int:
        """What a run has planned for these records (ids) and not sent will not be; how many operations that were."""
        return self._write(_TAKE_BACK, message, stamp(self._clock.now()), run, array(records))

    def forget_creates(self, run: str, planned_by: str | None = None) -> set[str]:
        """Takes the creates (all, or those that another run had planned too) out of a plan; the ids of their records."""
        found = dict(self._pairs(_CREATES, run, planned_by, planned_by))
        self.forget_planned(list(found))
        return set(found.values())

    def still_planned(self, numbers: Sequence[int]) -> set[int]:
        """Which of these nobody has sent, finished or taken back."""
        return {number for (number,) in self._rows(_STILL, array(numbers))}

    def forget_planned(self, numbers: Sequence[int]) -> int:
        """Takes these out of a plan, as far as they are not sent."""
        return self._write(_DROP, array(numbers))

    def unsend(self, numbers: Sequence[int]) -> None:
        """No byte of these left: they are planned again."""
        self._write(_UNSENT, array(numbers))

    def looked(self, number: int) -> None:
        """An operation in doubt was looked up once more, without an answer."""
        self._write(
            "UPDATE operation SET looks = looks + 1, finished_at = ? WHERE number = ?", stamp(self._clock.now()), number
        )

    def finish(self, results: Sequence[Finished]) -> None:
        """Books outcomes."""
        now = stamp(self._clock.now())
        self._many(_FINISH, [_finished(each, now) for each in results])

    def in_doubt(self) -> list[Journalled]:
        """Operations whose outcome is not known, oldest first: in doubt, or sent by a process that is gone."""
        return [self._with_history(_journalled(row)) for row in self._rows(_OPEN)]

    def unread(self) -> list[Journalled]:
        """Writes that were acknowledged and booked, and whose rows were not read back, oldest first."""
        return [_journalled(row) for row in self._rows(_UNREAD)]

    def in_vain(self, entity: str, since: datetime) -> list[Journalled]:
        """Writes that were in doubt, were given up, and were sent no earlier than `since`; oldest first."""
        return [_journalled(row) for row in self._rows(_IN_VAIN, entity, stamp(since))]

    def _with_history(self, row: Journalled) -> Journalled:
        """A create that was already looked for in vain once is being repeated."""
        if row.operation.kind is not Kind.CREATE:
            return row
        before = self._value(_LOOKED_FOR, row.operation.record, row.operation.system, row.number)
        return replace(row, resent=before is not None)

    def turns(self, run: str | None = None, record: str | None = None, limit: int = 1000) -> list[TurnRow]:
        """What runs changed in the cells, newest first."""
        whose = () if record is None else (record,)
        rows = self._rows(_TURNS_OF if whose else _TURNS, *whose, run, run, limit)
        return [TurnRow(booked, of, moment(at), load_turns(text)) for booked, of, at, text in rows]


def _planned(run: str, operation: Operation, status: Status, now: int) -> tuple[Any, ...]:
    o = operation
    target = (o.entity, o.record, o.system, o.object, o.kind.value, o.remote_id, o.reason, o.address)
    outcome = (None, "", now, None, None, None, 0, False)
    return (run, *target, _cleared(o), status.value, *outcome, dump_changes(o.changes), o.cause)


def _cleared(operation: Operation) -> int:
    return sum(is_blank(each.after) and _is_filled(each.before) for each in operation.changes)


def _is_filled(value: Any) -> bool:
    return not is_blank(value) and not isinstance(value, Absence)


def _finished(result: Finished, now: int) -> tuple[Any, ...]:
    outcome = (result.status.value, result.error, result.message, stamp_or_none(result.doubt_until), now)
    return (*outcome, result.remote_id, result.looks, result.resent, result.number)


def _journalled(row: Sequence[Any]) -> Journalled:
    (
        number,
        run,
        entity,
        record,
        system,
        object_,
        kind,
        remote_id,
        reason,
        address,
        _clears,
        *outcome,
        changes,
        cause,
    ) = row
    status, error, message, _planned_at, sent_at, booked_at, doubt_until, looks, resent = outcome
    operation = Operation(
        entity, record, system, object_, Kind(kind), remote_id, load_changes(changes), reason, address, cause
    )
    times = moment_or_none(sent_at), moment_or_none(doubt_until)
    looked_at = moment_or_none(booked_at) if looks else None
    return Journalled(number, run, operation, Status(status), error, message, *times, looks, bool(resent), looked_at)

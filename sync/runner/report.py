"""The journal of one run as the published report: rows for people and programs, counts that are always complete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sync.mapping import Mappings
from sync.model.record import Conflict, Journalled, LinkState, Quarantined, Record, Status, Turn
from sync.model.remote import Kind
from sync.model.report import OPERATIONS_SHOWN, Counts, Failure, LimitHit, RunReport
from sync.runner.approve import change_to_json, essence, plan_digest, planned
from sync.runner.context import Context
from sync.runner.cycle import Ran
from sync.runner.unseen import unseen
from sync.runner.veil import Veil
from sync.state import Store

BATCH = 1000
_DONE = (Status.SETTLED,)
_BAD = (Status.FAILED,)
_ODD = (Status.SKIPPED, Status.FAILED, Status.IN_DOUBT)


def report(
    context: Context, ran: Ran, *, notes: Sequence[str] = (), undone: str | None = None, every: bool = False
) -> RunReport:
    """The report of a run that has just ended; stores its counts with it. ``every``: all operations, for a plan file."""
    store = context.store
    systems = counts(context, ran)
    rows = list(planned(store, ran.run, tuple(Status))) if every else _sample(store, ran.run)
    keys = Keys(store, context.mappings)
    keys.learn(row.operation.record for row in rows)
    found = RunReport(
        run=ran.run,
        full=ran.order.full,
        seconds=ran.seconds,
        systems=systems,
        operations=[operation_row(row, keys) for row in rows],
        conflicts=conflict_rows(store.conflicts(), keys),
        quarantined=quarantine_rows(store.quarantined(), keys),
        in_doubt=ran.in_doubt,
        skipped=len(ran.missing),
        limits_hit=[LimitHit(b.system, f"max_{b.what}", b.planned, b.limit) for b in ran.breaches],
        failures=failures(context),
        notes=[*notes, *_notes(ran)],
        unseen=[each.to_json() for each in unseen(store, context.mappings)],
        digest=_digest(rows, keys.veil) if every else None,
        undone=undone,
    )
    rows_of = {name: _counts_row(context, name, c) for name, c in systems.items()}
    store.finish_run(ran.run, found.status, ran.seconds, rows_of, failed=_reasons(found), note=undone or "")
    return found


def _digest(rows: Iterable[Journalled], veil: Veil) -> str:
    """Names the plan as it is shown."""
    return plan_digest(essence(veil.operation(row.operation)) for row in rows if row.status is Status.PLANNED)


def _sample(store: Store, run: str) -> list[Journalled]:
    """As many operations as are shown, in their order; none that went otherwise than planned is left out for one that went well."""
    odd = store.operations(run, statuses=_ODD, limit=OPERATIONS_SHOWN)
    even = [status for status in Status if status not in _ODD]
    left = OPERATIONS_SHOWN - len(odd)
    rest = store.operations(run, statuses=even, limit=left) if left else []
    return sorted([*odd, *rest], key=lambda row: row.number)


def failures(context: Context) -> list[Failure]:
    """The systems that are out of this run: why, what to do, and what kind of trouble it is."""
    found = []
    for system, why in context.failed.items():
        error = context.errors.get(system)
        kind = type(error).__name__.removesuffix("Error").lower() if error else ""
        found.append(Failure(system, why, error.remedy if error else "", kind))
    return found


def _reasons(found: RunReport) -> dict[str, tuple[str, str]]:
    """Why each system was not served, as the state keeps it: who looks at the run later is told the same."""
    return {failure.system: (failure.message, failure.remedy) for failure in found.failures}


def _notes(ran: Ran) -> list[str]:
    if not ran.uncleared:
        return ran.notes
    return [*ran.notes, f"{ran.uncleared} emptied values could not be emptied in a system that documents no way to"]


def _counts_row(context: Context, system: str, found: Counts) -> dict[str, int]:
    """The counts of a system as the state keeps them, with what its vendor still allows."""
    left = context.systems[system].connector.usage().calls_left
    return asdict(found) | ({} if left is None else {"calls_left": left})


def counts(context: Context, ran: Ran) -> dict[str, Counts]:
    """Rows read and written, and requests made, per system. A dry run counts what is planned."""
    journal = context.store.counts(ran.run)
    good = (Status.PLANNED,) if ran.order.dry else _DONE
    found = {}
    for name, system in context.systems.items():
        done = {kind: _sum(journal, name, kind, good) for kind in Kind}
        bad = sum(_sum(journal, name, kind, _BAD) for kind in Kind)
        read = ran.read.get(name, 0)
        updated = done[Kind.UPDATE] + done[Kind.SUBSCRIBE]
        found[name] = Counts(
            read=read,
            created=done[Kind.CREATE],
            updated=updated,
            deleted=done[Kind.DELETE],
            unchanged=max(0, read - updated),
            engaged=done[Kind.ENGAGE],
            failed=bad,
            calls=system.connector.usage().calls - context.calls_before.get(name, 0),
        )
    return found


def planned_counts(store: Store, run: str) -> dict[str, dict[str, int]]:
    """How many rows the plan of a stopped run would create, update and delete in each system: what somebody releases."""
    words = {Kind.CREATE: "created", Kind.UPDATE: "updated", Kind.SUBSCRIBE: "updated", Kind.DELETE: "deleted"}
    found: dict[str, dict[str, int]] = {}
    for (system, kind, status), count in store.counts(run).items():
        if status is Status.PLANNED and kind in words:
            row = found.setdefault(system, dict.fromkeys(words.values(), 0))
            row[words[kind]] += count
    return found


def _sum(journal: Mapping[tuple[str, Kind, Status], int], system: str, kind: Kind, statuses: Iterable[Status]) -> int:
    return sum(journal.get((system, kind, status), 0) for status in statuses)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is told of a record beside its id."""

    entity: str
    key: str
    ids: dict[str, str]


class Keys:
    """What a person calls a record: its first match key that may be shown, else its name; looked up once a record.

    ``veil``: what may be shown of its values.
    """

    def __init__(self, store: Store, mappings: Mappings) -> None:
        self._store = store
        self._mappings = mappings
        self.veil = Veil(mappings, store.veiled)
        self._known: dict[str, _Known | None] = {}

    def learn(self, ids: Iterable[str]) -> None:
        """Looks these records up a thousand at a time."""
        wanted = [name for name in dict.fromkeys(ids) if name not in self._known]
        for start in range(0, len(wanted), BATCH):
            names = wanted[start : start + BATCH]
            self._known |= dict.fromkeys(names)
            self._known |= {record.id: self._told(record) for record in self._store.load_ids(names)}

    def of(self, record: str | None) -> str | None:
        """The record's key for people; None where there is no such record."""
        found = self._record(record)
        return found.key if found else None

    def ids(self, record: str | None) -> dict[str, str]:
        """System -> remote id of the record's live links."""
        found = self._record(record)
        return found.ids if found else {}

    def shown(self, record: str, turn: Turn) -> Turn:
        """A change of one of the record's cells, as it may be shown. Of a record that is gone nobody can tell, so nothing is."""
        found = self._record(record)
        return self.veil.turn(found.entity, turn) if found else Turn(turn.field, None, None, turn.origin, turn.rule)

    def _record(self, record: str | None) -> _Known | None:
        if record is None:
            return None
        if record not in self._known:
            self.learn([record])
        return self._known[record]

    def _told(self, record: Record) -> _Known | None:
        entity = self._mappings.entities.get(record.entity)
        if entity is None:
            return None
        names = (*entity.match_keys, "name", "last_name")
        shown = (name for name in names if name in record.cells and not self.veil.hides(record.entity, name))
        values = [record.cells[name].value for name in shown]
        key = next((value for value in values if isinstance(value, str) and value), record.id)
        links = [link.observed for link in record.links if link.state is LinkState.LINKED]
        ids = ((seen.system, self.veil.remote_id(record.entity, seen.system, seen.remote_id)) for seen in links)
        return _Known(record.entity, key, {system: str(remote_id) for system, remote_id in ids})


def operation_row(row: Journalled, keys: Keys) -> dict[str, Any]:
    """One operation as published."""
    operation = keys.veil.operation(row.operation)
    shown = {
        "entity": operation.entity,
        "record": operation.record,
        "key": keys.of(operation.record) or operation.address,
        "system": operation.system,
        "object": operation.object,
        "op": operation.kind.value,
        "id": operation.remote_id,
        "status": row.status.value,
        "reason": operation.reason,
        "changes": [change_to_json(change) for change in operation.changes],
    }
    message = keys.veil.sentence(operation.entity, row.message)
    more = (("cause", operation.cause), ("error", row.error), ("message", message))
    return shown | {name: value for name, value in more if value}


def conflict_rows(conflicts: Sequence[Conflict], keys: Keys) -> list[dict[str, Any]]:
    """Open conflicts as published."""
    keys.learn(c.record for c in conflicts)
    return [
        {
            "id": c.id,
            "entity": c.entity,
            "record": c.record,
            "key": keys.of(c.record),
            "ids": keys.ids(c.record),
            "field": c.field,
            "values": keys.veil.values(c.entity, c.field, c.values),
            "reason": c.reason,
            "opened_at": c.opened_at.isoformat() if c.opened_at else None,
        }
        for c in conflicts
    ]


def quarantine_rows(rows: Sequence[Quarantined], keys: Keys) -> list[dict[str, Any]]:
    """Quarantined records as published."""
    keys.learn(q.record for q in rows if q.record)
    return [_quarantine_row(q, keys) for q in rows]


def _quarantine_row(q: Quarantined, keys: Keys) -> dict[str, Any]:
    remote_id = keys.veil.remote_id(q.entity, q.system, q.remote_id)
    return {
        "id": q.id,
        "entity": q.entity,
        "system": q.system,
        "record": q.record,
        "key": keys.of(q.record),
        "ids": keys.ids(q.record) | ({q.system: remote_id} if remote_id else {}),
        "object": q.object,
        "field": q.field,
        "error": q.error,
        "message": keys.veil.sentence(q.entity, q.message),
        "remedy": keys.veil.sentence(q.entity, q.remedy),
        "candidates": [_candidate(q, each, keys.veil) for each in q.candidates],
        "attempts": q.attempts,
        "next_try_at": q.next_try_at.isoformat() if q.next_try_at else None,
    }


def _candidate(q: Quarantined, candidate: str, veil: Veil) -> str:
    """`SYSTEM:ID`, or an id of the row's own system, as it may be shown."""
    system, colon, remote_id = candidate.partition(":")
    if not colon:
        return str(veil.remote_id(q.entity, q.system, candidate))
    return f"{system}:{veil.remote_id(q.entity, system, remote_id)}"

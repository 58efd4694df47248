"""Approval of exactly one plan: what `apply` may carry out, named by the digest of each operation.

What moved since has another digest or is not planned any more: it is left out and reported, never carried out in a changed form.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from sync.model.record import Change, Journalled, Lost, Operation, Status
from sync.model.remote import Kind
from sync.runner.veil import Veil
from sync.state import Finished, RunRow, Store

PAGE = 2000


@dataclass(frozen=True, slots=True)
class Approval:
    """The approved operations by digest."""

    operations: dict[str, Operation]

    @classmethod
    def of(cls, operations: Iterable[Operation]) -> Approval:
        """Approves these operations as they stand."""
        return cls({essence(operation): operation for operation in operations})

    @property
    def digest(self) -> str:
        """Names the whole plan."""
        return plan_digest(self.operations)


def essence(operation: Operation) -> str:
    """Digest of what an operation does: where, what kind, each field's before and after."""
    changes = [
        [change.native, change.before, change.after] for change in sorted(operation.changes, key=lambda c: c.native)
    ]
    shape = [
        operation.entity,
        operation.record,
        operation.system,
        operation.object,
        operation.kind.value,
        operation.remote_id,
        changes,
        *([operation.cause] if operation.cause else []),
    ]
    return hashlib.blake2b(orjson.dumps(shape, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def plan_digest(essences: Iterable[str]) -> str:
    """Digest of a plan: of its operations' digests, whatever their order."""
    return hashlib.blake2b("".join(sorted(essences)).encode(), digest_size=16).hexdigest()


def planned(store: Store, run: str, statuses: tuple[Status, ...] = (Status.PLANNED,)) -> Iterator[Journalled]:
    """All operations of a run in these states, page by page."""
    after = 0
    while rows := store.operations(run, statuses=statuses, after=after, limit=PAGE):
        after = rows[-1].number
        yield from rows


def plan_holder(run: RunRow) -> str:
    """The run that holds the plan of a stopped run: itself, or the one that made the very same plan before it."""
    refers = run.status == "stopped" and run.kind != "undo"  # an undo refers to what it undid
    return (run.note if refers else "") or run.run


def restrict(store: Store, run: str, approval: Approval, veil: Veil) -> list[Operation]:
    """Takes what was not approved out of the plan; returns what was approved and is not planned (any more).

    What a person approves is what was shown: sensitive values are compared as `veil` shows them.
    """
    found, others = set(), []
    for row in planned(store, run):
        name = essence(veil.operation(row.operation))
        if name in approval.operations:
            found.add(name)
        else:
            others.append(row.number)
    store.forget_planned(others)
    missing = [operation for name, operation in approval.operations.items() if name not in found]
    _report_missing(store, run, missing)
    return missing


def _report_missing(store: Store, run: str, missing: list[Operation]) -> None:
    store.plan(run, missing, Status.SKIPPED)
    rows = [row.number for row in planned(store, run, (Status.SKIPPED,)) if row.error is None]
    store.finish(
        [
            Finished(
                number,
                Status.SKIPPED,
                error="MOVED",
                message="what it was planned on has changed since, or it is done already",
            )
            for number in rows
        ]
    )


def change_to_json(change: Change) -> dict[str, Any]:
    """A change as the run's JSON shows it."""
    row = {
        "field": change.field,
        "native": change.native,
        "before": change.before,
        "after": change.after,
        "from": change.origin,
        "rule": change.rule,
        "version": change.version,
    }
    if change.lost:
        row["lost"] = [{"system": lost.system, "value": lost.value, "rule": lost.rule} for lost in change.lost]
    return row


def from_json(row: dict[str, Any]) -> Operation:
    """An operation from a plan file; raises KeyError, TypeError or ValueError for a damaged one."""
    return Operation(
        entity=row["entity"],
        record=row["record"],
        system=row["system"],
        object=row["object"],
        kind=Kind(row["op"]),
        remote_id=row["id"],
        changes=tuple(_change(change) for change in row["changes"]),
        reason=row["reason"],
        address=row.get("address"),
        cause=row.get("cause"),
    )


def _change(row: dict[str, Any]) -> Change:
    lost = tuple(Lost(x["system"], x["value"], x["rule"]) for x in row.get("lost", ()))
    return Change(
        row["field"], row["native"], row["before"], row["after"], row["from"], row["rule"], row["version"], lost
    )

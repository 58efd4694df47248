"""Receipts of rows: from a result, from an error, from a request that never got an answer. No vendor text gets in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync.connectors.salesforce.faults import (
    TAKEN,
    Complaint,
    Verdict,
    complaints,
    describe,
    judge,
    owner_of_key,
    taken_field,
)
from sync.connectors.salesforce.ids import to18
from sync.connectors.salesforce.payload import CREATE, DELETE, UPDATE, operation
from sync.errors import SyncError
from sync.model.remote import Outcome, Receipt, Write


def of_result(write: Write, result: Mapping[str, Any]) -> tuple[Receipt, Verdict | None]:
    """A row's result of a collections answer; the verdict is None where it worked."""
    if result.get("success") is True:
        return of_success(write, result.get("id"), created=result.get("created")), None
    found = complaints(result.get("errors"))
    return of_complaint(write, found[0]) if found else (in_doubt(write, "an error without a code"), None)


def of_success(write: Write, remote_id: Any, *, created: Any = None) -> Receipt:
    """It happened. A success that names another row than the one written is somebody else's answer."""
    full = to18(str(remote_id or "")) or write.remote_id
    if operation(write) in (UPDATE, DELETE) and full != to18(str(write.remote_id)):
        return in_doubt(write, "the answer names another record")
    made = operation(write) == CREATE if created is None else bool(created)
    return Receipt(write.number, Outcome.ACKED, remote_id=full, created=made)


def of_complaint(write: Write, complaint: Complaint) -> tuple[Receipt, Verdict]:
    """A row's error, with what it means."""
    verdict = judge(complaint, deleting=operation(write) == DELETE)
    ambiguous = complaint.code == "INVALID_CROSS_REFERENCE_KEY" and _refers(write)
    if verdict.outcome is Outcome.GONE and (ambiguous or write.remote_id is None):
        # The same code for "this row" and "a row it points to": nothing may be declared gone on a maybe.
        verdict = Verdict(Outcome.REJECTED, "the record or one it refers to is gone or of another kind")
    if complaint.code == "DUPLICATE_VALUE" and verdict.outcome is Outcome.MOVED and not _is_of_key(write, complaint):
        verdict = TAKEN
    if verdict.outcome is Outcome.ACKED:
        return Receipt(write.number, Outcome.ACKED, remote_id=write.remote_id), verdict
    message, fields = describe(complaint, write.values)
    owner = owner_of_key(complaint) if verdict.outcome is Outcome.MOVED else None
    receipt = Receipt(
        write.number,
        verdict.outcome,
        remote_id=to18(owner) if owner else write.remote_id,
        error=complaint.code,
        message=message,
        remedy=verdict.remedy,
        fields=fields,
    )
    return receipt, verdict


def of_refusal(write: Write, complaint: Complaint) -> Receipt:
    """The row of a request that was refused as a whole. That tells nothing of the row: not that it is gone, either."""
    if judge(complaint, deleting=operation(write) == DELETE).outcome not in (Outcome.GONE, Outcome.ACKED):
        return of_complaint(write, complaint)[0]
    return refused_by_us(write, complaint.code, "the request was refused, not the row: check object and external id")


def in_doubt(write: Write, why: str) -> Receipt:
    """It may have happened."""
    remedy = "it is looked up before anything else is written there"
    return Receipt(write.number, Outcome.DOUBT, remote_id=write.remote_id, error="IN_DOUBT", message=why, remedy=remedy)


def unsent(write: Write, error: SyncError) -> Receipt:
    """It did not happen: the system stopped answering before its turn."""
    code = type(error).__name__
    return Receipt(
        write.number,
        Outcome.THROTTLED,
        remote_id=write.remote_id,
        error=code,
        message=error.message,
        remedy=error.remedy,
    )


def refused_by_us(write: Write, code: str, remedy: str, fields: Sequence[str] = ()) -> Receipt:
    """It was not taken, or not even sent, and never will be as it is."""
    return Receipt(
        write.number,
        Outcome.REJECTED,
        remote_id=write.remote_id,
        error=code,
        message=f"{code} on {', '.join(fields)}" if fields else code,
        remedy=remedy,
        fields=tuple(fields),
    )


def _is_of_key(write: Write, complaint: Complaint) -> bool:
    """Whether what another row has is the key of the row to be made, so that looking again finds that row.

    Any other unique value stays taken however often the row is sent.
    """
    if operation(write) == UPDATE:
        return False
    return taken_field(complaint) in (None, write.external_id) or write.external_id is None


def _refers(write: Write) -> bool:
    return any("." in path or to18(value) for path, value in write.values.items() if isinstance(value, str))

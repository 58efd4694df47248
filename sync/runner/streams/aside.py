"""What is not delivered: skipped with its reason, or held for a person to look at."""

from __future__ import annotations

from sync.model.ids import quarantine_id
from sync.model.record import Journalled, Operation, Quarantined, Status
from sync.model.remote import Receipt
from sync.runner.context import Context
from sync.runner.streams.happening import ENTITY, split
from sync.runner.streams.targets import Refusal
from sync.state import Finished

_REMEDIES = {
    "NO_PERSON": "Let `when` choose events that name a person, or take the route out; then `crm-sync quarantine drop ID`.",
    "IN_DOUBT": (
        "Look there: if it did not arrive, `crm-sync quarantine retry ID` sends it again; if it did, `crm-sync quarantine drop ID`."
    ),
}
_REMEDY = "Correct the route in the mapping, or what is missing there; then `crm-sync quarantine retry ID`."


def skip(context: Context, operation: Operation, why: Refusal) -> None:
    """Books a planned operation as skipped; nothing more is sent for its cause."""
    row = context.store.of_cause(operation.cause or "")
    if row is not None:
        context.store.finish([Finished(row.number, Status.SKIPPED, error=why.error, message=why.message)])


def hold(context: Context, operation: Operation, why: Refusal) -> None:
    """Reports an event that a route cannot deliver; those that name nobody are one question a route, that counts them."""
    key = split(operation.cause or "//")[0]
    name = quarantine_id(why.error, key, operation.system) if why.error == "NO_PERSON" else named(operation)
    _ask(context, name, operation, why.error, why.message, "")


def refuse(context: Context, row: Journalled, receipt: Receipt) -> None:
    """Reports one event that the system refused."""
    error = receipt.error or "REJECTED"
    message = receipt.message or f"{row.operation.system} refused it"
    _ask(context, named(row.operation), row.operation, error, message, receipt.remedy)


def doubt(context: Context, row: Journalled, why: str) -> None:
    """Reports one event of which nobody can find out whether it arrived."""
    _ask(context, named(row.operation), row.operation, "IN_DOUBT", why, "")


def named(operation: Operation) -> str:
    """The name of the question about what one cause had for an effect."""
    return quarantine_id("ENGAGE", operation.cause)


def _ask(context: Context, name: str, operation: Operation, error: str, message: str, remedy: str) -> None:
    record = operation.record if not operation.record.startswith("eng_") else None
    context.store.quarantine(
        Quarantined(
            id=name,
            entity=ENTITY,
            system=operation.system,
            record=record,
            object=operation.object,
            remote_id=None,
            error=error,
            message=f"{operation.reason}: {message}",
            remedy=remedy or _REMEDIES.get(error, _REMEDY),
            candidates=(operation.cause or "",),
        )
    )

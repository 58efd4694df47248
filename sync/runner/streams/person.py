"""What a person decides about an event that was not delivered: send it again, or leave it."""

from __future__ import annotations

from sync.model.record import Quarantined, Status
from sync.runner.context import Context
from sync.runner.streams.happening import split
from sync.state import Finished


def retry(context: Context, row: Quarantined) -> None:
    """Somebody has looked: it did not arrive, or what stood in the way is gone; its event waits once more."""
    _close(context, row, "RETRIED", "released by a person")
    _, system, event = split(row.candidates[0])
    context.store.reopen(system, event)


def drop(context: Context, row: Quarantined) -> None:
    """Somebody has looked: it arrived, or need not; nothing more is sent for it."""
    _close(context, row, "DROPPED", "left by a person")


def _close(context: Context, row: Quarantined, error: str, message: str) -> None:
    found = context.store.of_cause(row.candidates[0])
    if found is not None and found.status is not Status.SETTLED:
        status = Status.SKIPPED if found.status is Status.SKIPPED else Status.FAILED
        context.store.finish([Finished(found.number, status, error=error, message=message)])

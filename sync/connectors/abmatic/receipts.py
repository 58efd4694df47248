"""Receipts of writes to Abmatic. They name ids, codes and columns, never values."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from sync.connectors.abmatic.rows import Row, Told, moment
from sync.connectors.http import Answer, outcome_for
from sync.connectors.http.answer import code
from sync.errors import AbortError, QuotaError
from sync.model.remote import Outcome, Receipt, Write

TIMED_OUT: Final = "TIMEOUT"

_ALONG: Final = (
    'Correct that column in Abmatic; or, where a PUT there keeps what it does not name, set `put_mode = "partial"`. '
    "Then run `crm-sync quarantine retry`."
)


def acked(write: Write, key: str, row: Row, *, created: bool = False) -> Receipt:
    """It happened; `row` is what is stored, as far as it is known.

    The whole row is told, not what was written alone: what Abmatic has computed for a new row (a score) is news at once.
    """
    stamp = row.get("updated_at")
    return Receipt(
        write.number,
        Outcome.ACKED,
        key,
        created=created,
        values=Told(row) if row else None,
        version=stamp if isinstance(stamp, str) else None,
        changed_at=moment(stamp),
    )


def moved(write: Write, row: Row) -> Receipt:
    """It was not sent: the row, which is told, is not what the write expects."""
    found = acked(write, write.remote_id or "", row)
    return replace(found, outcome=Outcome.MOVED, error="MOVED", message="changed there since it was read")


def rejected(write: Write, error: str, message: str, remedy: str = "") -> Receipt:
    """It did not happen and never will as it stands."""
    blamed = tuple(sorted(write.values))
    return Receipt(
        write.number, Outcome.REJECTED, write.remote_id, error=error, message=message, remedy=remedy, fields=blamed
    )


def later(write: Write, error: AbortError) -> Receipt:
    """It was not sent, because another row failed in a way that concerns all."""
    name = "QUOTA" if isinstance(error, QuotaError) else "NOT_SENT"
    return Receipt(
        write.number, Outcome.THROTTLED, write.remote_id, error=name, message="not sent", remedy=error.remedy
    )


def passenger(receipt: Receipt, along: Collection[str]) -> Receipt:
    """A refusal in plain words where the column it blames is none of ours and only went `along` with the row.

    It is not sent again without that column: a PUT that replaces would take it away.
    """
    blamed = next((name for name in receipt.fields if name in along), None)
    if receipt.outcome is not Outcome.REJECTED or blamed is None:
        return receipt
    text = f"{receipt.message}: {blamed} is refused, which is not mapped but goes along, as a PUT may replace the row"
    return replace(receipt, message=text, remedy=_ALONG)


def failed(write: Write, answer: Answer) -> Receipt:
    """What an answer without success means. Of the error body only what looks like a code or a column is kept."""
    if answer.done:
        # A 2xx without the row: it happened, but under an id that nobody told us.
        return Receipt(write.number, Outcome.DOUBT, write.remote_id, error="NO_ID", message="accepted without an id")
    body = answer.data if isinstance(answer.data, dict) else {}
    meta = body.get("meta") if isinstance(body.get("meta"), dict) else {}
    blamed, request = code((meta or {}).get("field")), code((meta or {}).get("request_id"))
    cause = answer.fault.value if answer.fault else str(answer.status)
    return Receipt(
        write.number,
        outcome_for(answer),
        write.remote_id,
        error=code(body.get("code")) or code(body.get("error")) or cause.upper(),
        message=answer.summary + (f", request {request}" if request else ""),
        fields=(blamed,) if blamed else (),
    )

"""Receipts of writes to Conversion, and the tray they are laid in. They name ids, codes and paths, never values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sync.connectors.conversion.answers import Said
from sync.connectors.http import Verdict
from sync.errors import AbortError, QuotaError
from sync.model.remote import Outcome, Receipt, Write
from sync.model.values import Native

_OUTCOMES: Final = {
    Verdict.REFUSED: Outcome.REJECTED,
    Verdict.ABSENT: Outcome.GONE,
    Verdict.MOVED: Outcome.MOVED,
    Verdict.DOUBT: Outcome.DOUBT,
}

_REMEDIES: Final = {
    "DUPLICATE_ERROR": "Another row there holds this key or domain: merge or delete one of the two in Conversion.",
    "VALIDATION_ERROR": "Correct the value, or the mapping; then run `crm-sync quarantine retry`.",
    "INVALID_FIELD": "Create the field in Conversion, or take it out of the mapping.",
    "INVALID_EMAIL": "Correct the e-mail address.",
}


def acked(
    write: Write, key: str, *, created: bool = False, values: Mapping[str, Native] | None = None, note: str = ""
) -> Receipt:
    """It happened. `values` only where the whole row is known; `note` is a code for what a person should see to."""
    message = "the row under the old address is still there" if note else ""
    return Receipt(
        write.number, Outcome.ACKED, key, created=created, values=values, error=note or None, message=message
    )


def rejected(write: Write, error: str, message: str, remedy: str = "", fields: tuple[str, ...] = ()) -> Receipt:
    """It did not happen and never will as it stands."""
    return Receipt(
        write.number, Outcome.REJECTED, write.remote_id, error=error, message=message, remedy=remedy, fields=fields
    )


def failed(write: Write, said: Said) -> Receipt:
    """What an answer without success means for one row."""
    outcome = _OUTCOMES.get(said.verdict, Outcome.THROTTLED)
    if outcome is Outcome.GONE and not said.told:
        outcome = Outcome.REJECTED
    blamed = tuple(path for path in sorted(write.values) if said.field and path.split(".", 1)[-1] == said.field)
    return Receipt(
        write.number,
        outcome,
        write.remote_id,
        error=said.code or said.verdict.name,
        message=f"Conversion answered {said.code or said.verdict.value}",
        remedy=_REMEDIES.get(said.code.upper(), ""),
        fields=blamed,
    )


def later(write: Write, error: AbortError) -> Receipt:
    """It was not sent, because another row failed in a way that concerns all."""
    name = "QUOTA" if isinstance(error, QuotaError) else "NOT_SENT"
    return Receipt(
        write.number,
        Outcome.THROTTLED,
        write.remote_id,
        error=name,
        message=f"not sent: {error.message}",
        remedy=error.remedy,
    )


class Tray:
    """One receipt for each write of a push, laid down in any order."""

    def __init__(self, writes: Sequence[Write]) -> None:
        self._writes = writes
        self._laid: dict[int, Receipt] = {}

    def lay(self, receipt: Receipt) -> None:
        """Takes a receipt; the first for a write stays."""
        self._laid.setdefault(receipt.number, receipt)

    def open(self) -> list[Write]:
        """The writes that have none yet."""
        return [write for write in self._writes if write.number not in self._laid]

    def stop(self, error: AbortError) -> None:
        """The rest is not sent. Raises `error` where nothing was: then the caller may take it all back."""
        if not self._laid:
            raise error
        for write in self.open():
            self.lay(later(write, error))

    def receipts(self) -> list[Receipt]:
        """All, in the order of the writes."""
        return [self._laid[write.number] for write in self._writes]

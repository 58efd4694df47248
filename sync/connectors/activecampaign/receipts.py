"""Receipts: what became of each row of a push, in the caller's order, without any value of a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sync.connectors.activecampaign.answers import Said
from sync.connectors.activecampaign.unseen import Unseen
from sync.connectors.http import Verdict
from sync.errors import AbortError, DriftError, QuotaError
from sync.model.remote import Kind, Outcome, Receipt, Write

_OUTCOMES: Final = {
    Verdict.REFUSED: Outcome.REJECTED,
    Verdict.ABSENT: Outcome.GONE,
    Verdict.MOVED: Outcome.MOVED,
    Verdict.DOUBT: Outcome.DOUBT,
}
_REMEDIES: Final = {
    "OPT_IN_REFUSED": "Let this user re-subscribe contacts in ActiveCampaign, or do it there by hand.",
    "ACCOUNT_GONE": "Is the account still in ActiveCampaign? `crm-sync sync --full` finds out; then `crm-sync quarantine retry`.",
    "LIST_GONE": "Is the list still in ActiveCampaign? `crm-sync check` finds out; then `crm-sync quarantine retry`.",
    "duplicate": "Another row there has this key: merge or rename one of the two in ActiveCampaign.",
    "email_invalid": "Correct the e-mail address.",
    "field_invalid": "Correct the value, or the mapping; then run `crm-sync quarantine retry`.",
    "field_missing": "Map what ActiveCampaign needs, or fill it; then run `crm-sync quarantine retry`.",
}
_PATHS: Final = {"list": "lists.", "contact": "email", "account": "account", "tag": "tags"}


def acked(write: Write, remote_id: str | None, *, created: bool = False) -> Receipt:
    """It happened."""
    return Receipt(write.number, Outcome.ACKED, remote_id, created=created)


def rejected(write: Write, error: str, message: str, remedy: str = "", fields: tuple[str, ...] = ()) -> Receipt:
    """It did not happen and never will as it stands."""
    return Receipt(
        write.number, Outcome.REJECTED, write.remote_id, error=error, message=message, remedy=remedy, fields=fields
    )


def failed(write: Write, said: Said, *, fields: tuple[str, ...] = ()) -> Receipt:
    """What an answer without success means for one row; `fields` are blamed where the answer blames none."""
    return Receipt(
        write.number,
        _OUTCOMES.get(said.verdict, Outcome.THROTTLED),
        write.remote_id,
        error=said.code,
        message=f"ActiveCampaign answered {said.code}",
        remedy=_REMEDIES.get(said.code, ""),
        fields=_named(write, said) or fields,
    )


def again(write: Write, said: Said) -> Receipt:
    """It did not happen, and is tried again by the next run, because nobody is to stay in for a number that was stale."""
    receipt = failed(write, said)
    return replace(receipt, outcome=Outcome.THROTTLED)


def moved(write: Write, remote_id: str | None, why: str) -> Receipt:
    """It did not happen: somebody was quicker. `remote_id` names the row that has the key."""
    return Receipt(write.number, Outcome.MOVED, remote_id, error="MOVED", message=why)


def doubt(write: Write, error: str, message: str) -> Receipt:
    """It may have happened."""
    return Receipt(write.number, Outcome.DOUBT, write.remote_id, error=error, message=message)


def later(write: Write, error: AbortError) -> Receipt:
    """It was not sent, because another row failed in a way that concerns all."""
    return Receipt(
        write.number,
        Outcome.THROTTLED,
        write.remote_id,
        error="QUOTA" if isinstance(error, QuotaError) else "NOT_SENT",
        message=f"not sent: {error.message}",
        remedy=error.remedy,
    )


def unknown_name(write: Write, error: DriftError) -> Receipt:
    """It names a field, list, tag or automation that is not there."""
    return rejected(write, "UNKNOWN_NAME", error.message, error.remedy)


def unknown_names(write: Write, unseen: Unseen) -> Receipt | None:
    """The receipt of a write that names fields or lists which are not there: they alone are to blame."""
    found = unseen.unknown(write.object, write.values)
    if not found:
        return None
    message = f"there is no {', '.join(found)}, or this user may not see it"
    return rejected(
        write,
        "UNKNOWN_NAME",
        message,
        f"{unseen.near(write.object, found[0])}`crm-sync check` names file and line.",
        found,
    )


def _named(write: Write, said: Said) -> tuple[str, ...]:
    if not said.field:
        return ()
    wanted = _PATHS.get(said.field, said.field)
    return tuple(path for path in sorted(write.values) if path == said.field or path.startswith(wanted))


class Tray:
    """One receipt for each write of a push, laid down in any order."""

    def __init__(self, writes: Sequence[Write]) -> None:
        self._writes = writes
        self._laid: dict[int, Receipt] = {}
        self._begun: set[int] = set()

    def lay(self, receipt: Receipt) -> None:
        """Takes a receipt; the first for a write stays."""
        self._laid.setdefault(receipt.number, receipt)

    def begin(self, write: Write) -> None:
        """Something of this write is done, and more is to follow."""
        self._begun.add(write.number)

    def is_open(self, write: Write) -> bool:
        """Whether a write has no receipt yet."""
        return write.number not in self._laid

    def open(self) -> list[Write]:
        """The writes that have none yet."""
        return [write for write in self._writes if self.is_open(write)]

    def stop(self, error: AbortError) -> None:
        """The rest is not sent. Raises `error` where nothing was: then the caller may take it all back."""
        if not self._laid and not self._begun:
            raise error
        for write in self.open():
            half = write.number in self._begun and write.kind is Kind.CREATE
            self.lay(
                doubt(write, "UNFINISHED", "made, but not all of it is there yet") if half else later(write, error)
            )

    def receipts(self) -> list[Receipt]:
        """All, in the order of the writes."""
        return [self._laid[write.number] for write in self._writes]

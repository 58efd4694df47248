"""Pushes of contacts: what is refused unsent, what goes in bulk, what goes alone.

From `bulk_threshold` rows on the vendor's import is used (250 a request); it is told by address, answers later and says little, so
what it cannot do (blanks, another address, tags taken off) goes alone, by id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sync.connectors.activecampaign.bulk import Bulk
from sync.connectors.activecampaign.consent import LIST_PATH, OUT, Consent, statuses
from sync.connectors.activecampaign.contacts import Contacts
from sync.connectors.activecampaign.people import COLUMNS
from sync.connectors.activecampaign.person import FIELD_PATH, Person
from sync.connectors.activecampaign.recall import Recall, Seen
from sync.connectors.activecampaign.receipts import Tray, rejected, unknown_name, unknown_names
from sync.connectors.activecampaign.unseen import Unseen
from sync.connectors.http.meter import Meter
from sync.errors import AbortError, DriftError
from sync.model.remote import Kind, Outcome, Receipt, Write
from sync.model.values import is_blank

_WHOLE: Final = frozenset({*COLUMNS, "tags", "account"})


class Writer:
    """Writes of contacts."""

    def __init__(
        self,
        contacts: Contacts,
        person: Person,
        bulk: Bulk,
        consent: Consent,
        recall: Recall,
        unseen: Unseen,
        meter: Meter,
        threshold: int,
    ) -> None:
        self._contacts = contacts
        self._person = person
        self._bulk = bulk
        self._consent = consent
        self._recall = recall
        self._unseen = unseen
        self._meter = meter
        self._threshold = threshold

    def push(self, writes: Sequence[Write]) -> list[Receipt]:
        """See `sync.connectors.base`."""
        tray = Tray(writes)
        seen = {write.number: self._recall.take(str(write.remote_id)) for write in writes if write.remote_id}
        try:
            self._refuse(tray, writes, seen)
            self._send(tray, writes[0].kind if writes else Kind.LINK, seen)
        except AbortError as error:
            tray.stop(error)
        receipts = tray.receipts()
        self._meter.add(written=sum(receipt.outcome is Outcome.ACKED for receipt in receipts))
        return receipts

    def _send(self, tray: Tray, kind: Kind, seen: dict[int, Seen | None]) -> None:
        if kind is not Kind.DELETE:
            many = [write for write in tray.open() if _is_importable(write)]
            if len(many) >= self._threshold:
                self._bulk.send(tray, many, {n: one.email for n, one in seen.items() if one is not None})
        acts: dict[Kind, Callable[[Write], None]] = {
            Kind.CREATE: lambda write: self._person.create(tray, write),
            Kind.UPDATE: lambda write: self._person.update(tray, write, seen.get(write.number)),
            Kind.SUBSCRIBE: lambda write: self._person.update(tray, write, seen.get(write.number)),
            Kind.DELETE: lambda write: self._person.delete(tray, write),
        }
        for write in tray.open():
            try:
                acts[kind](write)
            except DriftError as error:
                tray.lay(unknown_name(write, error))

    # what is not sent at all -------------------------------------------------------------------------------------------

    def _refuse(self, tray: Tray, writes: Sequence[Write], seen: dict[int, Seen | None]) -> None:
        taken: set[str] = set()
        for write in writes:
            refusal = (
                _refusal(write, seen.get(write.number))
                or unknown_names(write, self._unseen)
                or self._ungranted(write, seen.get(write.number))
            )
            address = str(write.values.get("email") or "").strip().casefold()
            if refusal is None and write.kind is Kind.CREATE and address in taken:
                refusal = rejected(write, "DUPLICATE_KEY", "two records carry this address", fields=("email",))
            taken.add(address)
            if refusal is not None:
                tray.lay(refusal)

    def _ungranted(self, write: Write, seen: Seen | None) -> Receipt | None:
        """The last gate, asked for every address that the contact is known under, there too."""
        if not any(status != OUT for _, status in statuses(write)):
            return None
        address = seen.email if seen else None
        if address is None and write.remote_id is not None:
            rows, _ = self._contacts.bare([write.remote_id])
            row = rows.get(write.remote_id)
            address = str(row.get("email") or "") if row else None
        return self._consent.refusal(write, address)


def _refusal(write: Write, seen: Seen | None) -> Receipt | None:
    if write.kind not in (Kind.CREATE, Kind.UPDATE, Kind.DELETE, Kind.SUBSCRIBE):
        return rejected(write, "UNSUPPORTED", f"ActiveCampaign cannot {write.kind.value} contacts")
    if seen is not None and seen.erased and write.kind is not Kind.DELETE:
        return rejected(write, "ERASED", "the person was anonymised there", "Erase the person here: `crm-sync forget`.")
    strange = tuple(sorted(path for path in write.values if not _is_writable(path)))
    if strange:
        return rejected(
            write, "READ_ONLY", "contacts have no such column to write", "Take it out of the mapping.", strange
        )
    if "email" in write.values and is_blank(write.values["email"]):
        return rejected(write, "EMAIL_MISSING", "a contact needs its e-mail address", fields=("email",))
    if write.kind is Kind.CREATE and "email" not in write.values:
        return rejected(write, "EMAIL_MISSING", "a contact needs its e-mail address", fields=("email",))
    if write.kind is Kind.UPDATE and not write.values:
        return rejected(write, "NOTHING_TO_SEND", "there is nothing to write")
    return None


def _is_writable(path: str) -> bool:
    return path in _WHOLE or path.startswith((FIELD_PATH, LIST_PATH))


def _is_importable(write: Write) -> bool:
    """Whether the import can do all of a write. It fills and changes; it neither empties nor renames."""
    if write.kind is Kind.CREATE:
        return not any(status != OUT for _, status in statuses(write))
    if write.kind is Kind.SUBSCRIBE:
        return all(status == OUT for _, status in statuses(write)) and len(statuses(write)) == len(write.values)
    plain = all(path != "email" and (path in COLUMNS or path.startswith(FIELD_PATH)) for path in write.values)
    return plain and not any(is_blank(value) for value in write.values.values())

"""One contact written: made or changed itself, then what hangs on it.

Order: opt-outs, the row with its custom values, tags, the account, opt-ins. Each step is repeatable (the row is changed by id, side
rows are upserts), so a write that ends half-way is planned again as far as it is not there; a create that ends half-way is in
doubt and looked up.

Crash: nothing is kept between the steps; the journal knows the write as sent, and reads tell what arrived.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sync.connectors.activecampaign.answers import STOPS, Said, stop
from sync.connectors.activecampaign.api import Api, Row, rows_of
from sync.connectors.activecampaign.consent import IN, OUT, Consent, body, statuses
from sync.connectors.activecampaign.contacts import Contacts
from sync.connectors.activecampaign.directory import Directory
from sync.connectors.activecampaign.links import Links
from sync.connectors.activecampaign.people import COLUMNS, status_on
from sync.connectors.activecampaign.recall import Seen
from sync.connectors.activecampaign.receipts import Tray, acked, again, doubt, failed, moved, rejected
from sync.connectors.activecampaign.values import same, text
from sync.connectors.http import Answer, Verdict
from sync.model.remote import Kind, Write
from sync.model.values import is_blank

FIELD_PATH: Final = "fields."


class Person:
    """Writes contacts one at a time."""

    def __init__(self, api: Api, directory: Directory, contacts: Contacts, consent: Consent, links: Links) -> None:
        self._api = api
        self._directory = directory
        self._contacts = contacts
        self._consent = consent
        self._links = links

    def create(self, tray: Tray, write: Write) -> None:
        """Makes a contact; one that is there already under this address is not touched, unless it only lacks what we bring."""
        answer, said = self._api.write("POST", "/contacts", body={"contact": self.row(write)})
        if said.code == "duplicate":
            self._taken(tray, write)
            return
        contact = self._made(tray, write, answer, said)
        if contact is not None and self._dropped(answer, self.row(write)):
            tray.lay(moved(write, contact, "made, but not all of it was stored"))
        elif contact is not None:
            self._finish(tray, write, contact)

    def update(self, tray: Tray, write: Write, seen: Seen | None) -> None:
        """Changes a contact by its id, as far as it is to change."""
        contact = str(write.remote_id)
        if not self._status(tray, write, contact, OUT, seen):
            return
        row = self.row(write)
        if row and not self._change(tray, write, contact, row):
            return
        self._rest(tray, write, contact, seen)

    def delete(self, tray: Tray, write: Write) -> None:
        """Deletes a contact: gone without a trace there, and with it the opt-outs that only stood there."""
        answer, said = self._api.write("DELETE", "/contacts/{id}", parts={"id": str(write.remote_id)})
        if said.verdict in STOPS:
            raise stop(answer, said, self._api.system)
        tray.lay(acked(write, write.remote_id) if said.verdict is Verdict.DONE else failed(write, said))

    def row(self, write: Write) -> dict[str, Any]:
        """The part of a write that the contact's own row takes. Raises DriftError for a field that is not there."""
        sent: dict[str, Any] = {path: text(write.values[path]) for path in COLUMNS if path in write.values}
        values = [
            {"field": self._directory.id("fields", path.removeprefix(FIELD_PATH)), "value": text(value)}
            for path, value in write.values.items()
            if path.startswith(FIELD_PATH) and not (write.kind is Kind.CREATE and is_blank(value))
        ]
        return sent | ({"fieldValues": values} if values else {})

    # the row itself ----------------------------------------------------------------------------------------------------

    def _made(self, tray: Tray, write: Write, answer: Answer, said: Said) -> str | None:
        if said.verdict in STOPS:
            raise stop(answer, said, self._api.system)
        rows = rows_of(answer.data, "contact")
        if said.verdict is Verdict.DONE and not rows:
            tray.lay(doubt(write, "NO_ID", "the answer does not say what was made"))
        elif said.verdict is not Verdict.DONE:
            tray.lay(failed(write, said))
        else:
            tray.begin(write)
            return str(rows[0]["id"])
        return None

    def _taken(self, tray: Tray, write: Write) -> None:
        """The address is somebody's: ours from an attempt whose answer was lost, or a person's."""
        address = str(write.values.get("email") or "")
        row = self._contacts.row_of(address)
        if row is None:
            tray.lay(rejected(write, "duplicate", "the address is taken by a contact that this user may not see"))
        elif not _completes(write, row):
            tray.lay(moved(write, str(row["id"]), "a contact with this address was made meanwhile"))
        else:
            answer, said = self._api.write("POST", "/contact/sync", body={"contact": self.row(write)})
            contact = self._made(tray, write, answer, said)
            if contact is not None:
                tray.lay(acked(write, contact))

    def _change(self, tray: Tray, write: Write, contact: str, row: Mapping[str, Any]) -> bool:
        answer, said = self._api.write("PUT", "/contacts/{id}", parts={"id": contact}, body={"contact": row})
        if said.verdict in STOPS:
            raise stop(answer, said, self._api.system)
        if said.verdict is Verdict.DONE and not self._dropped(answer, row):
            tray.begin(write)
            return True
        if said.verdict is Verdict.DONE:
            self._directory.forget("fields")
            paths = tuple(sorted(path for path in write.values if path.startswith(FIELD_PATH)))
            tray.lay(
                rejected(write, "NOT_STORED", "a custom field is not there any more", "Run `crm-sync check`.", paths)
            )
        elif said.code == "duplicate":
            tray.lay(failed(write, said, fields=("email",)))
        else:
            tray.lay(failed(write, said))
        return False

    def _dropped(self, answer: Answer, row: Mapping[str, Any]) -> bool:
        """Whether a custom value was passed over: an unknown field, or word, is ignored without a word."""
        sent = {value["field"] for value in row.get("fieldValues", ()) if value["value"].strip()}
        told = {str(value.get("field")): value.get("value") for value in rows_of(answer.data, "fieldValues")}
        return bool(told) and any(is_blank(told.get(field)) for field in sent)

    # what hangs on it --------------------------------------------------------------------------------------------------

    def _finish(self, tray: Tray, write: Write, contact: str) -> None:
        if self._status(tray, write, contact, OUT, None):
            self._rest(tray, write, contact, None)

    def _rest(self, tray: Tray, write: Write, contact: str, seen: Seen | None) -> None:
        created = write.kind is Kind.CREATE
        for path, act in (("tags", self._links.tags), ("account", self._links.account)):
            if path in write.values:
                said = act(contact, write.values[path], seen, created=created)
                if not self._went_well(tray, write, path, said):
                    return
        if self._status(tray, write, contact, IN, seen):
            tray.lay(acked(write, contact, created=created))

    def _status(self, tray: Tray, write: Write, contact: str, wanted: str, seen: Seen | None) -> bool:
        due = [(path, status) for path, status in statuses(write) if status == wanted]
        return all(self._set(tray, write, contact, path, status, seen) for path, status in due)

    def _set(self, tray: Tray, write: Write, contact: str, path: str, status: str, seen: Seen | None) -> bool:
        list_id = self._directory.id("lists", path.partition(".")[2])
        granted = bool(seen and seen.lists and status_on(seen.lists, list_id) == OUT and status == IN)
        if status == IN and (receipt := self._consent.conflict(write, path, list_id, contact, seen)) is not None:
            tray.lay(receipt)
            return False
        sent = body(contact, list_id, status, granted=granted)
        _, said = (self._api.insist if status == OUT else self._api.write)("POST", "/contactLists", body=sent)
        if said.field == "list":
            self._directory.forget("lists")
            said = Said(Verdict.REFUSED, "LIST_GONE", said.field)
            if status == OUT and write.kind is not Kind.CREATE:
                tray.lay(again(write, said))
                return False
        if (
            status == IN and said.verdict is Verdict.FORBIDDEN
        ):  # the user may not re-subscribe anybody: no news of the key
            said = Said(Verdict.REFUSED, "OPT_IN_REFUSED")
        return self._went_well(tray, write, path, said)

    def _went_well(self, tray: Tray, write: Write, path: str, said: Said) -> bool:
        if said.verdict is Verdict.DONE:
            tray.begin(write)
            return True
        if said.verdict in STOPS:
            raise stop(Answer(f"/{path.partition('.')[0]}", said.verdict), said, self._api.system)
        if write.kind is Kind.CREATE:
            # Made, but not whole: looked up, linked, and what is missing is planned again by itself.
            tray.lay(doubt(write, said.code, f"made, but {path} could not be set"))
        else:
            tray.lay(failed(write, said, fields=(path,)))
        return False


def _completes(write: Write, row: Row) -> bool:
    """Whether a write is about columns alone, and overwrites nothing of the row that is there."""
    plain = all(path in COLUMNS for path in write.values)
    return plain and all(
        is_blank(row.get(path)) or same(value, row[path]) for path, value in write.values.items() if path != "email"
    )

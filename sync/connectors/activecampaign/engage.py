"""What is done to a person once: enrolled in an automation, taken out of it, given a note or a tag. Never repeated on doubt.

An automation sends mail, so nobody is enrolled whose address may not be opted in. That is no attempt to opt anybody in, and is not
counted as one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sync.connectors.activecampaign.answers import STOPS, Said, holds, stop
from sync.connectors.activecampaign.api import Api, rows_of
from sync.connectors.activecampaign.consent import Consent
from sync.connectors.activecampaign.contacts import Contacts
from sync.connectors.activecampaign.directory import Directory
from sync.connectors.activecampaign.links import Links
from sync.connectors.activecampaign.receipts import Tray, failed, rejected
from sync.connectors.http import Answer, Verdict
from sync.errors import AbortError, DriftError
from sync.model.remote import Outcome, Receipt, Write

ENROLMENTS: Final = "contactAutomations"
_VALUE: Final[Mapping[str, str]] = {"automations": "automation", "notes": "note", "tags": "tag"}


class Engage:
    """Engagements of one connector."""

    def __init__(self, api: Api, directory: Directory, contacts: Contacts, consent: Consent, links: Links) -> None:
        self._api = api
        self._directory = directory
        self._contacts = contacts
        self._consent = consent
        self._links = links

    def push(self, writes: list[Write]) -> list[Receipt]:
        """One after the other. Values: ``automation`` (a name), ``note`` (a text) or ``tag`` (a name)."""
        tray = Tray(writes)
        try:
            for write in writes:
                tray.lay(self._one(write))
        except AbortError as error:
            tray.stop(error)
        return tray.receipts()

    def leave(self, contact: str, automation: str) -> int:
        """Takes a contact out of an automation; returns how many enrolments ended. Raises AbortError where it cannot."""
        automation_id = self._directory.id("automations", automation)
        route = f"/contacts/{{id}}/{ENROLMENTS}"
        answer = self._api.read(route, parts={"id": contact}, shape=holds(ENROLMENTS))
        rows = [row for row in rows_of(answer.data, ENROLMENTS) if _series(row) == automation_id]
        for row in rows:
            answer, said = self._api.insist("DELETE", f"/{ENROLMENTS}/{{id}}", parts={"id": str(row["id"])})
            if said.verdict not in (Verdict.DONE, Verdict.ABSENT):
                raise stop(answer, said, self._api.system)
        return len(rows)

    def _one(self, write: Write) -> Receipt:
        name = _VALUE.get(write.object, "")
        value = write.values.get(name)
        if not isinstance(value, str) or not value.strip():
            text = f"an engagement with {write.object} needs a {name or 'kind that there is'}"
            return rejected(write, "INCOMPLETE", text, "Complete the route in the mapping.", (name,))
        row = self._row(write)
        if row is None:
            text = "there is no such contact in ActiveCampaign"
            return rejected(write, "NO_CONTACT", text, "It can be told once the person is there.")
        acts: dict[str, Callable[[Write, str, str], Receipt]] = {
            "automations": self._enrol,
            "notes": self._note,
            "tags": self._tag,
        }
        if write.object == "automations" and self._consent.suppresses(write, str(row.get("email") or "")):
            return rejected(
                write, "SUPPRESSED", "the address has opted out and is not enrolled", "See `crm-sync consent show`."
            )
        try:
            return acts[write.object](write, str(row["id"]), value.strip())
        except DriftError as error:
            return rejected(write, "UNKNOWN_NAME", error.message, error.remedy, (name,))

    def _row(self, write: Write) -> Mapping[str, Any] | None:
        """The contact: by its id where that is known, else by address."""
        if write.remote_id is not None:
            rows, _ = self._contacts.bare([write.remote_id])
            return rows.get(write.remote_id)
        return self._contacts.row_of(write.address) if write.address else None

    def _enrol(self, write: Write, contact: str, name: str) -> Receipt:
        automation = self._directory.id("automations", name)
        sent = {"contactAutomation": {"contact": contact, "automation": automation}}
        return self._told(write, *self._api.write("POST", f"/{ENROLMENTS}", body=sent), "contactAutomation")

    def _note(self, write: Write, contact: str, text: str) -> Receipt:
        sent = {"note": {"note": text, "relid": int(contact), "reltype": "Subscriber"}}
        return self._told(write, *self._api.write("POST", "/notes", body=sent), "note")

    def _tag(self, write: Write, contact: str, name: str) -> Receipt:
        said = self._links.tag(contact, name, once=True)
        return self._told(write, Answer("/contactTags", said.verdict), said, "contactTag")

    def _told(self, write: Write, answer: Answer, said: Said, single: str) -> Receipt:
        if said.verdict in STOPS:
            raise stop(answer, said, self._api.system)
        if said.verdict is not Verdict.DONE:
            return failed(write, said)
        self._api.client.meter.add(written=1)
        rows = rows_of(answer.data, single)
        return Receipt(write.number, Outcome.ACKED, str(rows[0]["id"]) if rows else None, created=True)


def _series(row: Mapping[str, Any]) -> str:
    return str(row.get("automation") or row.get("seriesid"))

"""After an import: who is who, and did all of it arrive?

The vendor tells ids of contacts, not whose they are, so all are read, a hundred a call, with the side tables that the import was to
fill. What it passed over is not taken for stored: an opt-out or an account that is missing is set by itself, a row whose values are
missing is left to be written alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sync.connectors.activecampaign.answers import Said
from sync.connectors.activecampaign.api import Api, Row
from sync.connectors.activecampaign.consent import OUT, body, statuses
from sync.connectors.activecampaign.contacts import Contacts
from sync.connectors.activecampaign.directory import Directory
from sync.connectors.activecampaign.importable import COMPANY, Entry, Shapes, account_of
from sync.connectors.activecampaign.links import DONE, Links
from sync.connectors.activecampaign.people import BOUNCED, COLUMNS, status_on
from sync.connectors.activecampaign.recall import Seen
from sync.connectors.activecampaign.receipts import Tray, acked, doubt, moved, rejected
from sync.connectors.activecampaign.sides import ACCOUNTS, LISTS, VALUES, Sides, companies, wanted
from sync.connectors.http import Verdict
from sync.model.remote import Kind, Write
from sync.model.values import is_blank

_FAILURE: Final = (
    "the import refused the contact: excluded, bounced, or beyond the plan's limit",
    "Look at the contact's exclusions in ActiveCampaign; then run `crm-sync quarantine retry`.",
)
_NEEDED: Final = frozenset({VALUES, LISTS, ACCOUNTS})


class Landed:
    """Lays the receipts of imports that ended."""

    def __init__(self, api: Api, directory: Directory, contacts: Contacts, links: Links, shapes: Shapes) -> None:
        self._api = api
        self._directory = directory
        self._contacts = contacts
        self._links = links
        self._shapes = shapes

    def settle(self, tray: Tray, ended: Sequence[tuple[Sequence[Entry], Mapping[str, Any]]]) -> list[Write]:
        """Receipts of imports that were completed, each with what was told of it. Returns the writes that are to go alone."""
        entries = [entry for batch, _ in ended for entry in batch]
        failed = {_folded(address) for _, told in ended for address in told.get("failure") or ()}
        ids = [str(name) for _, told in ended for name in told.get("success") or ()]
        paths = {path for write, _ in entries for path in write.values}
        made, sides = self._contacts.bare(ids, [table for table in wanted(paths) if table in _NEEDED])
        rows = {_folded(row.get("email")): row for row in made.values()}
        if ACCOUNTS not in sides.tables:
            # Looked for only where the import may have done it: all others are new, and in no company yet.
            named = [
                rows[_folded(row["email"])] for _, row in entries if COMPANY in row and _folded(row["email"]) in rows
            ]
            sides.tables[ACCOUNTS] = companies(self._api, [str(row["id"]) for row in named], sure=True)
        for write, sent in entries:
            address = _folded(sent["email"])
            if address not in failed:
                self._imported(tray, (write, sent), rows.get(address), sides)
            elif write.kind is Kind.CREATE:
                tray.lay(rejected(write, "IMPORT_REFUSED", *_FAILURE))
        return [write for write, _ in entries if tray.is_open(write)]

    def _imported(self, tray: Tray, entry: Entry, row: Row | None, sides: Sides) -> None:
        write, sent = entry
        contact = None if row is None else str(row["id"])
        if row is None or contact is None:
            tray.lay(doubt(write, "UNSEEN", "the import does not say what became of it"))
        elif write.remote_id is not None and contact != write.remote_id:
            text = "its address changed meanwhile, and the import made another contact under the old one"
            tray.lay(rejected(write, "ADDRESS_MOVED", f"{text}: {contact}", "Merge the two in ActiveCampaign."))
        elif self._lacks(write, row, sides):
            if write.kind is Kind.CREATE:
                tray.lay(moved(write, contact, "made, but the import did not store all of it"))
        else:
            self._finish(tray, write, sent, contact, sides)

    def _lacks(self, write: Write, row: Row, sides: Sides) -> bool:
        """Whether a value that was sent is blank there; what cannot be seen does not count."""
        filled = {path for path, value in write.values.items() if not is_blank(value)}
        if any(is_blank(row.get(path)) for path in COLUMNS if path in filled and path in row):
            return True
        values = sides.of(VALUES, str(row["id"]))
        fields = [self._directory.id("fields", path[7:]) for path in filled if path.startswith("fields.")]
        held = {str(value.get("field")) for value in values or () if not is_blank(value.get("value"))}
        return values is not None and not held.issuperset(fields)

    def _finish(self, tray: Tray, write: Write, sent: Row, contact: str, sides: Sides) -> None:
        """What an import may pass over without a word."""
        created = write.kind is Kind.CREATE
        for said in (self._opt_outs(write, contact, sides), self._account(write, sent, contact, sides)):
            if said.verdict is not Verdict.DONE:
                tray.lay(doubt(write, said.code, "imported, but not all of it is there yet"))
                return
        tray.lay(acked(write, contact, created=created))

    def _opt_outs(self, write: Write, contact: str, sides: Sides) -> Said:
        rows = sides.of(LISTS, contact) or ()
        for path, _ in statuses(write):
            list_id = self._directory.id("lists", path.partition(".")[2])
            if status_on(rows, list_id) not in (OUT, BOUNCED):
                sent = body(contact, list_id, OUT, granted=False)
                _, said = self._api.insist("POST", "/contactLists", body=sent)
                if said.verdict is not Verdict.DONE:
                    return said
        return DONE

    def _account(self, write: Write, sent: Row, contact: str, sides: Sides) -> Said:
        account = account_of(write)
        if account is None:
            return DONE
        rows = sides.of(ACCOUNTS, contact) or []
        right = bool(rows) and str(rows[0].get("account")) == account
        self._shapes.learn(sent, right=right)
        known = Seen(sent["email"], None, None, tuple(rows))
        return DONE if right else self._links.account(contact, account, known, created=False)


def _folded(address: object) -> str:
    return str(address or "").strip().casefold()

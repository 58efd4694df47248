"""What `check` finds out about a Conversion account without writing."""

from __future__ import annotations

from typing import Final

from sync.connectors.base import Finding
from sync.connectors.conversion.answers import is_body
from sync.connectors.conversion.export import Export
from sync.connectors.conversion.profiles import Profile
from sync.connectors.conversion.reader import Reader
from sync.connectors.http import Client
from sync.errors import AbortError

NOBODY: Final = "nobody@crm-sync.invalid"
"""An address that cannot exist: asking for it proves the key and reads nobody's data."""


def knock(client: Client, profile: Profile, reader: Reader, export: Export | None) -> None:
    """One cheap read that proves the key. Raises AuthError, UnreachableError.

    C2 without its export reads nothing: there an upsert that may not create asks for nobody.
    """
    endpoint = profile.endpoint("contacts")
    if export is not None:
        export.knock()
        return
    if endpoint.one is not None:
        reader.row(endpoint, NOBODY)
        return
    body = {"email": NOBODY, "updateOnly": True, "preserveExistingFields": True}
    client.read("/contacts", method="POST", body=body, shape=is_body, accept=(400, 404, 410, 422))


def findings(
    client: Client, profile: Profile, reader: Reader, export: Export | None, *, native_sync: bool
) -> list[Finding]:
    """All findings."""
    found = [Finding("profile", well=True, detail=profile.name)]
    try:
        knock(client, profile, reader, export)
    except AbortError as error:
        return [*found, Finding("credentials", well=False, detail=error.message, remedy=error.remedy)]
    found.append(Finding("credentials", well=True))
    listing = "edits there are found by `sync --full`, `verify` and `backfill`; contacts born there are not seen"
    found.append(Finding("listing", well=True, detail="by export" if export else listing))
    if native_sync:
        found.append(
            Finding(
                "native_salesforce_sync",
                well=False,
                detail="Conversion itself writes to Salesforce: nothing is written to Conversion meanwhile",
                remedy='Switch it off there, then set `native_salesforce_sync = "off"`.',
            )
        )
    return found

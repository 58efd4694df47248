"""What `check` finds out about a Conversion account without writing: the key, and which revision of the API takes it.

The revisions differ in their addresses and in the header of the key (`apis/` 2.1), so where the configured
one is refused the others are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    client: Client,
    profile: Profile,
    reader: Reader,
    export: Export | None,
    *,
    native_sync: bool,
    others: Mapping[str, Callable[[], object]],
) -> list[Finding]:
    """All findings. ``others``: settings in words, and a knock in the form that they stand for."""
    try:
        knock(client, profile, reader, export)
    except AbortError as error:
        return [_misfit(profile, error, others)]
    found = [_fit(profile, others), Finding("credentials", well=True)]
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


def _fit(profile: Profile, others: Mapping[str, Callable[[], object]]) -> Finding:
    """The configured revision answers; C2 may answer beside it, or instead: its export would be the better way to read."""
    export = next((words for words, ask in others.items() if "C2" in words and _answers(ask)), None)
    if profile.name == "C2" or export is None:
        return Finding("profile", well=True, detail=f"{profile.name} fits")
    hint = f"the export of C2 answers as well: {export} with `exports = true` can list contacts"
    return Finding("profile", well=True, detail=f"{profile.name} is not contradicted; {hint}")


def _misfit(profile: Profile, error: AbortError, others: Mapping[str, Callable[[], object]]) -> Finding:
    """Another revision that takes the key, or else the refusal as it is."""
    fits = next((words for words, ask in others.items() if _answers(ask)), None)
    if fits is None:
        return Finding("credentials", well=False, detail=error.message, remedy=error.remedy)
    detail = f"configured is {profile.name}, which is refused ({error.message})"
    return Finding("profile", well=False, detail=detail, remedy=f"The key is taken with {fits}: set that.")


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except AbortError:
        return False
    return True

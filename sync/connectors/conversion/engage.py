"""Engagements: something that a person did, told once. Never repeated on doubt: nothing can read them back (T-C5).

C2 takes an id of ours for the event and updates it in place, so that there, and only there, doubt may be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sync.connectors.conversion.answers import is_body, row_of, understand
from sync.connectors.conversion.batches import STOPS, stopping
from sync.connectors.conversion.profiles import Profile
from sync.connectors.conversion.receipts import failed, rejected
from sync.connectors.conversion.rows import normal
from sync.connectors.http import Client, Verdict
from sync.model.remote import Outcome, Receipt, Write

_NEEDED: Final = ("contactEmail", "name", "description")


def engage(client: Client, profile: Profile, write: Write) -> Receipt:
    """Sends one engagement: values ``contactEmail``, ``name``, ``description``, ``data``.

    Raises AuthError, QuotaError, UnreachableError where nothing was sent.
    """
    missing = tuple(name for name in _NEEDED if not write.values.get(name))
    if missing:
        text = "an engagement needs an address, a name and a description"
        return rejected(write, "INCOMPLETE", text, "Complete the route in the mapping.", missing)
    answer = client.write("POST", profile.engage, body=_body(profile, write.values), shape=is_body)
    said = understand(answer)
    if said.verdict in STOPS:
        raise stopping(answer, said, client.system)
    if said.verdict is not Verdict.DONE:
        return failed(write, said)
    client.meter.add(written=1)
    row = row_of(answer.data) or {}
    name = row.get("id") or row.get("cnvEventId")
    return Receipt(write.number, Outcome.ACKED, str(name) if name else None, created=True)


def _body(profile: Profile, values: Mapping[str, Any]) -> dict[str, Any]:
    address, data = normal(values["contactEmail"]), values.get("data") or {}
    if profile.name == "C2":
        told = {"description": values["description"]} | dict(data)
        event = {"event": values["name"], "email": address, "data": told}
        return event | ({"eventId": data["source_event_id"]} if data.get("source_event_id") else {})
    one = {
        "contactEmail": address,
        "type": "ACTIVITY",
        "name": values["name"],
        "description": values["description"],
    } | ({"data": data} if data else {})
    return one if profile.name == "C0" else {"batch": [one]}

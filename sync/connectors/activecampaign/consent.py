"""Consent: the last gate, and what may be laid over what.

An opt-out may always be sent, and sent again. An opt-in is refused for a suppressed address, over a bounce, and over an opt-out
that came since the row was read: to join a list un-ticks an opt-out silently here (`apis/activecampaign.md` 5, "resubscribe
trap"), so what stands there is read first, and an act that a person has granted is marked as one (``sourceid`` 4).
"""

from __future__ import annotations

from typing import Any, Final

from sync.connectors.activecampaign.api import Api
from sync.connectors.activecampaign.people import status_on
from sync.connectors.activecampaign.recall import Seen
from sync.connectors.activecampaign.receipts import moved, rejected
from sync.connectors.activecampaign.sides import LISTS, nested
from sync.connectors.base import Suppressed
from sync.model.remote import Kind, Receipt, Write

IN: Final = "1"
OUT: Final = "2"
FINAL: Final = frozenset({"3"})
LIST_PATH: Final = "lists."
_GRANTED: Final = 4


class Consent:
    """The consent of one connector's writes."""

    def __init__(self, api: Api, gate: Suppressed) -> None:
        self._api = api
        self._gate = gate
        self.refusals = 0

    def refusal(self, write: Write, address: str | None) -> Receipt | None:
        """The receipt of a write whose status may not be sent; `address` is the one that stands there."""
        for path, status in statuses(write):
            if status not in (IN, OUT):
                text = "ActiveCampaign cannot be told this state of consent"
                return rejected(write, "NOT_SETTABLE", text, "It is the vendor's own to set.", (path,))
            if status == IN and self.suppresses(write, address):
                self.refusals += 1
                return rejected(
                    write, "SUPPRESSED", "the address has opted out", "See `crm-sync consent show`.", (path,)
                )
        return None

    def suppresses(self, write: Write, address: str | None) -> bool:
        """Whether one of a write's addresses may never be opted in; nobody's is not opted in either."""
        named = {name for name in (write.address, write.values.get("email"), address) if isinstance(name, str) and name}
        return not named or any(self._gate(name) for name in named)

    def conflict(self, write: Write, path: str, list_id: str, contact: str, seen: Seen | None) -> Receipt | None:
        """The receipt of an opt-in that does not fit what stands there now."""
        now = status_on(nested(self._api, contact, LISTS), list_id)
        if now in FINAL:
            return rejected(write, "FINAL_STATE", "a bounce is not overwritten", fields=(path,))
        before = status_on(seen.lists, list_id) if seen and seen.lists is not None else None
        known = seen is not None and seen.lists is not None
        if now == OUT and (write.kind is Kind.CREATE or (known and before != OUT)):
            return moved(write, write.remote_id, "an opt-out came meanwhile")
        return None


def statuses(write: Write) -> list[tuple[str, str]]:
    """Paths of list status and what is to be written there, opt-outs first."""
    found = [(path, str(value).strip()) for path, value in write.values.items() if path.startswith(LIST_PATH)]
    return sorted(found, key=lambda one: one[1] != OUT)


def body(contact: str, list_id: str, status: str, *, granted: bool) -> dict[str, Any]:
    """The request that sets a status."""
    source = {"sourceid": _GRANTED} if granted else {}
    return {"contactList": {"list": list_id, "contact": contact, "status": int(status), **source}}

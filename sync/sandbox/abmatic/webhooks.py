"""Signed events as Abmatic would send them: HMAC-SHA256, lower-case hex, of the raw body (the scheme is an assumption).

A receiver has five seconds to answer 200; what it does not take goes again three times, one, two and four seconds later. Neither event nor
order is told by anything but the body, and there is no endpoint to register: people do that, so here the control plane does.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from sync.sandbox.courier import Courier, Message, target_of
from sync.sandbox.store import Row
from sync.sandbox.vendor import EditRefused

SIGNATURE = "X-Abmatic-Signature"
SECRET = "sandbox-webhook"  # noqa: S105 - published: it guards nothing
RETRIES = 3
STAMP = "%Y-%m-%dT%H:%M:%SZ"
EVENTS = (
    "visitor.identified",
    "contact.revealed",
    "campaign.activated",
    "conversion.tracked",
    "account.engagement_changed",
)


@dataclass(frozen=True, slots=True)
class Sending:
    """How events go to one address: ``signature`` is one of `SIGNATURES`, ``copies`` how often each is sent."""

    url: str
    secret: str = SECRET
    signature: str = "hex"
    copies: int = 1
    retries: int = RETRIES

    def __post_init__(self) -> None:
        if target_of(self.url) is None:
            raise EditRefused("'url' must be an http:// or https:// address")
        if self.signature not in SIGNATURES:
            raise EditRefused(f"'signature' must be one of: {', '.join(SIGNATURES)}")

    def message(self, event: str, data: dict[str, Any], timestamp: str) -> Message:
        """One event as it travels."""
        body = orjson.dumps({"event": event, "timestamp": timestamp, "data": data})
        signature = SIGNATURES[self.signature](body, self.secret)
        signed = {} if signature is None else {SIGNATURE: signature}
        headers = {"content-type": "application/json", "user-agent": "Abmatic-Webhooks/1.0", **signed}
        return Message("POST", self.url, headers, body, pauses_s=tuple(2.0**attempt for attempt in range(self.retries)))


def _hex(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _base64(body: bytes, secret: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


SIGNATURES: dict[str, Callable[[bytes, str], str | None]] = {
    "hex": _hex,
    "prefixed": lambda body, secret: f"sha256={_hex(body, secret)}",
    "base64": _base64,
    "wrong": lambda body, secret: _hex(body + b" ", secret),
    "none": lambda _, __: None,
}
"""What the signature header carries; ``none``: it is missing."""


class Hooks:
    """Who is told of what happens behind the API. Used under the vendor's lock."""

    def __init__(self) -> None:
        self.courier = Courier()
        self._wanted: list[tuple[Sending, frozenset[str]]] = []

    def register(self, sending: Sending, events: list[str]) -> None:
        """From now on these events go there; raises EditRefused for an unknown event."""
        unknown = next((event for event in events if event not in EVENTS), None)
        if unknown is not None or not events:
            raise EditRefused(f"'events' must be some of: {', '.join(EVENTS)}")
        self._wanted.append((sending, frozenset(events)))

    def forget(self) -> None:
        """Nobody is told any more."""
        self._wanted.clear()

    def shown(self) -> list[dict[str, Any]]:
        """Who is registered."""
        return [{"url": sending.url, "events": sorted(events)} for sending, events in self._wanted]

    def tell(self, event: str, data: dict[str, Any], timestamp: str) -> None:
        """Sends an event to all who asked for it."""
        for sending, events in self._wanted:
            if event in events:
                message = sending.message(event, data, timestamp)
                for _ in range(sending.copies):
                    self.courier.send(message)


def happened(name: str, before: Row | None, after: Row, account: Row | None) -> tuple[str, dict[str, Any]] | None:
    """The event that an edit of a row makes, with its data; None when it makes none. ``account`` is the row's, if it has one."""
    row_id = after["id"]
    if name == "contacts" and before is None:
        told = {"contact_id": row_id, "email": after.get("email"), "account_id": after.get("account_id")}
        return "contact.revealed", told
    if name == "visitors" and before is None:
        return "visitor.identified", _visit(after, account or {})
    if name == "campaigns" and after.get("status") == "active" and (before or {}).get("status") != "active":
        return "campaign.activated", {"campaign_id": row_id, "name": after.get("name")}
    if name == "accounts" and before and before.get("engagement_score") != after.get("engagement_score"):
        scores = {"previous_score": before.get("engagement_score"), "engagement_score": after.get("engagement_score")}
        return "account.engagement_changed", {"account_id": row_id, **scores}
    return None


def _visit(visitor: Row, account: Row) -> dict[str, Any]:
    known = ("id", "name", "website", "industry", "employee_count")
    company = {key: account.get(key) for key in known} if account else visitor.get("company")
    pages = [view.get("url") for view in visitor.get("page_views") or [] if isinstance(view, dict)]
    score = account.get("engagement_score")
    return {"visitor_id": visitor["id"], "company": company, "pages_viewed": pages, "engagement_score": score}

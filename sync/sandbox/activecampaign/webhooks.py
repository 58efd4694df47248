"""Webhook objects: who wants to hear of what (``apis/`` sheet, section 12). `hook_events` sends."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import Any

from sync.sandbox.activecampaign import schema
from sync.sandbox.activecampaign.shapes import Call, filtered, invalid, items, listing, missing, ok
from sync.sandbox.activecampaign.state import State
from sync.sandbox.courier import target_of
from sync.sandbox.store import Row
from sync.sandbox.wire import Response

EVENTS = [
    "bounce",
    "click",
    "contact_tag_added",
    "contact_tag_removed",
    "deal_add",
    "deal_note_add",
    "deal_pipeline_add",
    "deal_stage_add",
    "deal_task_add",
    "deal_task_complete",
    "deal_tasktype_add",
    "deal_update",
    "forward",
    "list_add",
    "open",
    "reply",
    "sent",
    "share",
    "sms_reply",
    "sms_sent",
    "sms_unsub",
    "subscribe",
    "subscriber_note",
    "unsubscribe",
    "update",
]
PAYLOAD_EVENTS = ("account_add", "account_update", "account_contact_add", "account_contact_update", "contact_task_add")
"""Documented with their payload, and not in the list that the API gives."""
SOURCES = schema.WEBHOOK["sources"]
CHOICES = {"events": (*EVENTS, *PAYLOAD_EVENTS), "sources": SOURCES}
WRITABLE = ("name", "url", "events", "sources", "listid")
HTTPS_PORT = 443


def listed(state: State, call: Call) -> Response:
    """GET /webhooks."""
    rows = filtered(call, state.all("webhooks"), {name: name for name in ("name", "url", "listid")})
    return listing(call, "webhooks", rows, shown)


def shown(row: Row) -> Row:
    """A webhook; it has no links."""
    return {**row, "links": []}


def create(state: State, call: Call) -> Response:
    """POST /webhooks: https on port 443 only, or any address of this machine."""
    sent = call.inner("webhook")
    refusal = _refuse(sent, {"url", "events"} | ({"sources"} if sent.get("sources") else set()))
    if refusal:
        return refusal
    return ok({"webhook": shown(state.insert("webhooks", _columns(sent)))}, 201)


def one(state: State, call: Call) -> Response:
    """GET, PUT and DELETE /webhooks/{id}. What a 410 has switched off stays off."""
    row = state.get("webhooks", call.holes[0])
    if row is None:
        return missing("Webhook", call.holes[0])
    if call.request.method == "DELETE":
        state.remove("webhooks", row)
        return ok({})
    if call.request.method == "PUT":
        sent = call.inner("webhook")
        refusal = _refuse(sent, [key for key in WRITABLE if key in sent])
        if refusal:
            return refusal
        row = state.update("webhooks", row, _columns(sent))
    return ok({"webhook": shown(row)})


def _columns(sent: Mapping[str, Any]) -> Row:
    columns = {key: sent[key] for key in WRITABLE if sent.get(key) not in (None, "", [])}
    return {key: value if isinstance(value, list) else str(value) for key, value in columns.items()}


def _refuse(sent: Mapping[str, Any], asked: Collection[str]) -> Response | None:
    if "url" in asked and not _callable(str(sent.get("url") or "")):
        return invalid("The url must be https on port 443.", "field_invalid", "url")
    for key, known in CHOICES.items():
        given = items(sent.get(key))
        if key in asked and (not given or any(word not in known for word in given)):
            return invalid(f"One of the {key} is missing or unknown.", "field_invalid", key)
    return None


def _callable(url: str) -> bool:
    parts = target_of(url)
    if parts is None:
        return False
    return (parts.scheme == "https" and parts.port in (None, HTTPS_PORT)) or _is_here(parts.hostname or "")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def events(state: State, call: Call) -> Response:
    """GET /webhook/events: the total is a number here."""
    del state, call
    return ok({"webhookEvents": EVENTS, "meta": {"total": len(EVENTS)}})


ROUTES = {
    "GET /webhooks": listed,
    "POST /webhooks": create,
    "GET /webhooks/:id": one,
    "PUT /webhooks/:id": one,
    "DELETE /webhooks/:id": one,
    "GET /webhook/events": events,
}

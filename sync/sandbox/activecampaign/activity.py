"""Notes and tracked events (``apis/`` sheet, section 11)."""

from __future__ import annotations

import orjson

from sync.sandbox.activecampaign.shapes import Call, forbidden, invalid, linked, listing, missing, ok
from sync.sandbox.activecampaign.state import State
from sync.sandbox.store import Row
from sync.sandbox.wire import Response

RELATIONS = {"Subscriber": "contacts", "CustomerAccount": "accounts", "Deal": "deals"}
EVENT_NAME_MAX = 32


def notes(state: State, call: Call) -> Response:
    """GET /notes."""
    return listing(call, "notes", state.all("notes"), lambda row: linked(row, call.base, "notes", ("user",)))


def add_note(state: State, call: Call) -> Response:
    """POST /notes, /accounts/{id}/notes and /deals/{id}/notes: never deduplicated."""
    sent = call.inner("note")
    if call.holes:
        kind = "CustomerAccount" if "/accounts/" in call.request.path else "Deal"
        sent = {**sent, "relid": call.holes[0], "reltype": kind}
    if not str(sent.get("note") or "").strip():
        return invalid("Note is required.", "field_missing", "note")
    kind, target = str(sent.get("reltype")), str(sent.get("relid"))
    if kind not in RELATIONS or not state.get(RELATIONS[kind], target):
        return invalid("The related record does not exist.", "field_invalid", "relid")
    row = state.insert("notes", {"note": str(sent["note"]), "relid": target, "reltype": kind})
    contact = state.get("contacts", target) if kind == "Subscriber" else None
    owner = {"type": {"Subscriber": "contact", "Deal": "deal"}.get(kind, "customerAccount"), "id": target}
    shown = {**linked(row, call.base, "notes", ("user",)), "user": "1", "owner": owner}
    return ok({"contacts": [state.full(contact)] if contact else [], "note": shown}, 201)


def note(state: State, call: Call) -> Response:
    """GET, PUT and DELETE /notes/{id}; writing to a missing one is 403."""
    row = state.get("notes", call.holes[0])
    if row is None:
        return missing("Note", call.holes[0], 404 if call.request.method == "GET" else 403)
    if call.request.method == "DELETE":
        state.remove("notes", row)
        return ok({})
    if call.request.method == "PUT":
        row = state.update("notes", row, {"note": str(call.inner("note").get("note", row["note"]))})
    return ok({"note": linked(row, call.base, "notes", ("user",))})


def tracking(state: State, call: Call) -> Response:
    """GET and PUT /eventTracking."""
    row = state.get("settings", "eventTracking") or {"enabled": False}
    if call.request.method == "PUT":
        row = {"enabled": bool(call.inner("eventTracking").get("enabled"))}
        state.store.put("settings", "eventTracking", row)
    return ok({"eventTracking": row})


def event_names(state: State, call: Call) -> Response:
    """GET /eventTrackingEvents."""
    return listing(call, "eventTrackingEvents", state.all("eventNames"))


def add_event_name(state: State, call: Call) -> Response:
    """POST /eventTrackingEvents."""
    name = str(call.inner("eventTrackingEvent").get("name") or "")
    if not name or len(name) > EVENT_NAME_MAX:
        return invalid("The name must have 1 to 32 characters.", "field_invalid", "name")
    return ok({"eventTrackingEvent": {"name": _event_name(state, name)["name"]}}, 201)


def drop_event_name(state: State, call: Call) -> Response:
    """DELETE /eventTrackingEvents/{name}."""
    state.store.drop("eventNames", call.holes[0])
    return ok({})


def _event_name(state: State, name: str) -> Row:
    row = state.get("eventNames", name) or {"name": name}
    state.store.put("eventNames", name, row)
    return row


def track(state: State, call: Call) -> Response:
    """POST /event, the form endpoint of the tracking host; its key is not the API's token."""
    form = call.request.form()
    name = form.get("event", "")
    if not (state.get("settings", "eventTracking") or {}).get("enabled") or not form.get("key"):
        return forbidden()
    if not name or len(name) > EVENT_NAME_MAX:
        return ok({"success": 0, "message": "Invalid event name"})
    try:
        email = orjson.loads(form.get("visit") or "{}").get("email", "")
    except (orjson.JSONDecodeError, AttributeError):
        email = ""
    contact_id = state.emails.get(email)
    if contact_id is None:
        return ok({"success": 0, "message": "Could not create event"})
    _event_name(state, name)
    row = {"contact": contact_id, "subscriberid": contact_id, "type": name, "value": form.get("eventdata", "")}
    state.insert("trackingLogs", {**row, "tstamp": state.stamp(), "hash": ""})
    return ok({"success": 1, "message": "Event spawned"})


def me(state: State, call: Call) -> Response:
    """GET /users/me."""
    del state
    user = {"username": "sandbox", "firstName": "Sandbox", "lastName": "User", "email": "sandbox@example.com"}
    return ok({"user": linked({**user, "phone": "", "signature": None, "id": "1"}, call.base, "users", ("userGroup",))})


def account(state: State, call: Call) -> Response:
    """GET /settings/account: flat."""
    del call
    names = {"account": "sandbox.api-us1.example", "email": "sandbox@example.com", "first_name": "Sandbox"}
    numbers = {"subscriber_limit": 1_000_000, "subscriber_total": len(state.store.table("contacts")), "trial": False}
    return ok({**names, "last_name": "User", "cname": "", "status": "active", **numbers, "credits": 0, "branding": "1"})


ROUTES = {
    "GET /notes": notes,
    "POST /notes": add_note,
    "POST /accounts/:id/notes": add_note,
    "POST /deals/:id/notes": add_note,
    "GET /notes/:id": note,
    "PUT /notes/:id": note,
    "DELETE /notes/:id": note,
    "GET /eventTracking": tracking,
    "PUT /eventTracking": tracking,
    "GET /eventTrackingEvents": event_names,
    "POST /eventTrackingEvents": add_event_name,
    "DELETE /eventTrackingEvents/:name": drop_event_name,
    "GET /users/me": me,
    "GET /settings/account": account,
}

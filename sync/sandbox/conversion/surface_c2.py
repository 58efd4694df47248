"""Profile C2: ``/v2``, ``X-API-Key``, up to 1000 contacts a batch, events repeatable by ``eventId``, exports.

Results of a batch carry no e-mail and stand in the order of the request. An export may hold
short and empty pages in the middle and the same row twice; only a null cursor ends it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sync.sandbox.conversion.rows import COMPANY_VARIABLES, Data, Refusal
from sync.sandbox.store import Row
from sync.sandbox.wire import BadBody, Request, Response, json_response

STATUS = {"unauthorized": 401, "contact_not_found": 404, "not_found": 404, "internal_error": 500}
SUBSCRIPTIONS = ("SUBSCRIBED", "UNSUBSCRIBED", "NO_STATUS")
BATCH_MAX = 1000
EVENTS_MAX = 200

Handler = Callable[[Data, Request, tuple[str, ...]], Response]


def error(code: str, message: str) -> Response:
    """The refusal of a whole request."""
    lowered = {"UNAUTHORIZED": "unauthorized", "NOT_FOUND": "not_found"}.get(code, code)
    status = 429 if code == "RATE_LIMIT_EXCEEDED" else STATUS.get(lowered, 400)
    return json_response(status, {"error": {"code": lowered, "message": message}})


def _body(request: Request) -> Row:
    try:
        body = request.json()
    except BadBody:
        return {}
    return body if isinstance(body, dict) else {}


def _target(data: Data, item: Row) -> Row | None:
    if item.get("cnvContactId"):
        return data.store.get("contacts", str(item["cnvContactId"]))
    return data.contact(item.get("email", ""))


def _refuse(data: Data, item: Any, *, update_only: bool) -> Refusal | None:
    if not isinstance(item, dict) or not (item.get("email") or item.get("cnvContactId")):
        return Refusal("missing_identifier", "email or cnvContactId is required")
    if item.get("email") and data.refuse_contact({"email": item["email"]}):
        return Refusal("invalid_email", "email is invalid")
    if item.get("subscriptionStatus", SUBSCRIPTIONS[0]) not in SUBSCRIPTIONS:
        return Refusal("invalid_subscription_status", "subscriptionStatus is invalid")
    row = _target(data, item)
    if row is None and (update_only or item.get("cnvContactId")):
        return Refusal("contact_not_found", "contact not found")
    holder = data.contact(item["email"]) if item.get("email") else None
    if row and holder and holder["id"] != row["id"]:
        return Refusal("conflicting_identifier", "another contact has this e-mail address")
    return _refuse_fields(data, item)


def _refuse_fields(data: Data, item: Row) -> Refusal | None:
    for key, knows in (("fields", data.knows), ("companyFields", COMPANY_VARIABLES.__contains__)):
        given = item.get(key, {})
        if not isinstance(given, dict):
            return Refusal("invalid_field", f"{key} must be an object")
        unknown = next((name for name in given if not knows(name)), None)
        if unknown is not None:
            return Refusal("invalid_field", f"{unknown!r} is not a field that can be written")
    return None


def _write(data: Data, item: Row, *, fill_only: bool) -> Row:
    row = _target(data, item)
    fields = dict(item.get("fields", {}))
    if fill_only and row:
        fields = {key: value for key, value in fields.items() if row["variables"].get(key) in (None, "")}
    if row and item.get("email") and item["email"] != row["email"]:
        data.store.put("contacts", row["id"], {**row, "email": item["email"]})
    email = item.get("email") or (row or {})["email"]
    status = item.get("subscriptionStatus")
    row_id, created = data.write_contact({"email": email, "variables": fields}, status)
    return {"cnvContactId": row_id, "contactCreated": created}


def upsert_contact(data: Data, request: Request, _: tuple[str, ...]) -> Response:
    """POST /v2/contacts."""
    item = _body(request)
    refusal = _refuse(data, item, update_only=bool(item.get("updateOnly")))
    if 0 in request.failing_rows:
        refusal = Refusal(request.failing_rows[0], "the row was refused")
    if refusal:
        return error(refusal.code, refusal.message)
    answer = _write(data, item, fill_only=bool(item.get("preserveExistingFields")))
    return json_response(200, {"data": answer}, rows=1)


def upsert_contacts(data: Data, request: Request, _: tuple[str, ...]) -> Response:
    """POST /v2/contacts/batch: every item on its own."""
    body = _body(request)
    items = body.get("contacts")
    if not isinstance(items, list) or not 1 <= len(items) <= (data.habits.batch_max or BATCH_MAX):
        return error("invalid_field", f"'contacts' must hold 1 to {data.habits.batch_max or BATCH_MAX} items")
    results = [_result(data, item, request.failing_rows.get(n), body) for n, item in enumerate(items)]
    written = sum(result["success"] for result in results)
    return json_response(200, {"data": {"results": results}}, rows=written)


def _result(data: Data, item: Any, failing: str | None, flags: Row) -> Row:
    refusal = _refuse(data, item, update_only=bool(flags.get("updateOnly")))
    if failing:
        refusal = Refusal(failing, "the row was refused")
    if refusal:
        return {"success": False, "error": {"code": refusal.code, "message": refusal.message}}
    return {"success": True, **_write(data, item, fill_only=bool(flags.get("preserveExistingFields")))}


def _track(data: Data, item: Any, failing: str | None) -> Row:
    if failing:
        return {"error": {"code": failing, "message": "the row was refused"}}
    if not isinstance(item, dict) or not item.get("event") or not (item.get("email") or item.get("userId")):
        return {"error": {"code": "missing_identifier", "message": "event and email or userId are required"}}
    contact = data.contact(item.get("email", ""))
    if contact is None:
        return {"error": {"code": "contact_not_found", "message": "contact not found"}}
    row_id = data.by_event.get(str(item.get("eventId"))) if item.get("eventId") else None
    row = {
        "contactEmail": contact["email"],
        "name": item["event"],
        "data": item.get("data"),
        "eventId": item.get("eventId"),
    }
    if row_id is None:
        row_id = data.write_engagement({**row, "createdAt": item.get("timestamp")})
    else:
        data.store.put("engagements", row_id, {**data.store.table("engagements")[row_id], **row})
    return {"cnvEventId": row_id, "cnvContactId": contact["id"]}


def track_event(data: Data, request: Request, _: tuple[str, ...]) -> Response:
    """POST /v2/events: the same ``eventId`` again updates in place."""
    found = _track(data, _body(request), request.failing_rows.get(0))
    if "error" in found:
        return error(found["error"]["code"], found["error"]["message"])
    return json_response(200, {"data": found}, rows=1)


def track_events(data: Data, request: Request, _: tuple[str, ...]) -> Response:
    """POST /v2/events/batch."""
    items = _body(request).get("events")
    if not isinstance(items, list) or not 1 <= len(items) <= EVENTS_MAX:
        return error("invalid_field", f"'events' must hold 1 to {EVENTS_MAX} items")
    results = [_track(data, item, request.failing_rows.get(n)) for n, item in enumerate(items)]
    failed = sum("error" in result for result in results)
    counts = {"processed": len(items), "tracked": len(items) - failed, "failed": failed}
    return json_response(200, {"data": {**counts, "results": results}}, rows=len(items) - failed)


def export_contacts(data: Data, request: Request, _: tuple[str, ...]) -> Response:
    """POST /v2/exports/contacts."""
    return _export(data, request, "contacts", _exported)


def export_events(data: Data, request: Request, _: tuple[str, ...]) -> Response:
    """POST /v2/exports/custom-events."""
    return _export(data, request, "engagements", dict, "events")


def export_mails(data: Data, request: Request, _: tuple[str, ...]) -> Response:
    """POST /v2/exports/email-events: nobody was ever mailed from here."""
    return _export(data, request, "mails", dict, "events")


def _export(data: Data, request: Request, name: str, shape: Callable[[Row], Row], key: str = "") -> Response:
    body = _body(request)
    size = max(1, min(_number(body.get("limit"), BATCH_MAX), BATCH_MAX))
    place = _number(str(body.get("cursor")).removeprefix("cnv_"), 0)
    rows = list(data.store.table(name).values())
    start, parity = divmod(place, 2)
    part = [] if parity else rows[max(0, start - 1) : start + size]
    following = start if parity else start + size
    more = parity == 1 or following < len(rows)
    cursor = f"cnv_{2 * following + (1 - parity)}" if more else None
    page = {"data": {key or name: [shape(row) for row in part]}, "pagination": {"nextCursor": cursor}, "error": None}
    return json_response(200, page)


def _number(value: Any, default: int) -> int:
    return int(value) if str(value).isdigit() else default


def _exported(row: Row) -> Row:
    stamps = {key: row[key].replace("Z", ".000000001Z") for key in ("createdAt", "updatedAt")}
    crm = dict.fromkeys(("sfdcLeadId", "sfdcContactId", "sfdcAccountId"))
    status = row["subscriptionStatus"] or "NO_STATUS"
    return {
        "id": row["id"],
        "email": row["email"],
        "subscriptionStatus": status,
        **stamps,
        **crm,
        "fields": row["variables"],
    }


ROUTES: dict[str, Handler] = {
    "POST /api/v2/contacts": upsert_contact,
    "POST /api/v2/contacts/batch": upsert_contacts,
    "POST /api/v2/events": track_event,
    "POST /api/v2/events/batch": track_events,
    "POST /api/v2/exports/contacts": export_contacts,
    "POST /api/v2/exports/custom-events": export_events,
    "POST /api/v2/exports/email-events": export_mails,
}

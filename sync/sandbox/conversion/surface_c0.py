"""Profile C0, the seed: Bearer key, ``{"success": …, "data": …}``, lists under ``contacts`` and ``companies``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sync.sandbox.conversion import batches
from sync.sandbox.conversion.rows import Data, Refusal
from sync.sandbox.store import Row
from sync.sandbox.wire import BadBody, Request, Response, json_response

STATUS = {
    "VALIDATION_ERROR": 400,
    "UNAUTHORIZED": 401,
    "NOT_FOUND": 404,
    "DUPLICATE_ERROR": 409,
    "RATE_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
}
SUBSCRIPTIONS = ("SUBSCRIBED", "UNSUBSCRIBED", "PENDING")
BATCH_MAX = 100

Handler = Callable[[Data, Request, tuple[str, ...]], Response]


def error(code: str, message: str, *, status: int | None = None, **details: Any) -> Response:
    """The refusal of a whole request."""
    body: dict[str, Any] = {"code": code, "message": message}
    if details:
        body["details"] = [details]
    return json_response(status or STATUS.get(code, 400), {"success": False, "error": body})


def _done(data: Any) -> Response:
    return json_response(200, {"success": True, "data": data})


def _items(data: Data, request: Request, key: str) -> list[Any] | Response:
    try:
        body = request.json()
    except BadBody:
        return error("VALIDATION_ERROR", "body is not JSON")
    items = body.get(key) if isinstance(body, dict) else None
    if not isinstance(items, list) or not items:
        return error("VALIDATION_ERROR", f"'{key}' must be a non-empty list")
    if len(items) > (data.habits.batch_max or BATCH_MAX):
        return error("VALIDATION_ERROR", "too many items in one request", status=413)
    return items


def _answer(data: Data, items: list[Any], outcomes: list[batches.Outcome], key: str) -> Response:
    rows = [found for outcome in outcomes if (found := _row(data, items, outcome, key)) is not None]
    bad = [outcome for outcome in outcomes if outcome.refusal]
    if bad and data.habits.batch == "atomic":
        first = bad[0].refusal or Refusal("INTERNAL_ERROR", "")
        return error(first.code, first.message, index=bad[0].position, field=first.field)
    response = _done(rows)
    if len(bad) == len(outcomes) and data.habits.batch == "per_item":
        response = json_response(200, {"success": False, "data": rows, "error": rows[0]["error"]})
    response.rows = len(outcomes) - len(bad)
    return response


def _row(data: Data, items: list[Any], outcome: batches.Outcome, key: str) -> Row | None:
    if outcome.refusal is None:
        return outcome.answer
    if data.habits.batch == "omit_failed":
        return None
    item = items[outcome.position]
    reason = {"code": outcome.refusal.code, "message": outcome.refusal.message, "field": outcome.refusal.field}
    name = item.get(key) if isinstance(item, dict) else None
    return {key: name, "success": False, "operation": "failed", "error": reason}


def upsert_contacts(data: Data, request: Request, _: tuple[str, ...]) -> Response:
    """POST /contacts/batch."""
    items = _items(data, request, "contacts")
    if isinstance(items, Response):
        return items

    def write(item: Row) -> Row:
        row_id, created = data.write_contact(item)
        email = data.store.table("contacts").get(row_id, item)["email"]
        return {"email": email, "contactId": row_id, "operation": "created" if created else "updated"}

    atomic = data.habits.batch == "atomic"
    key = batches.contact_key(data)
    outcomes = batches.run(items, request.failing_rows, key, data.refuse_contact, write, atomic=atomic)
    return _answer(data, items, outcomes, "email")


def upsert_companies(data: Data, request: Request, _: tuple[str, ...]) -> Response:
    """POST /companies/batch."""
    items = _items(data, request, "companies")
    if isinstance(items, Response):
        return items

    def write(item: Row) -> Row:
        row_id, created = data.write_company(item)
        return {"id": item["id"], "companyId": row_id, "operation": "created" if created else "updated"}

    atomic = data.habits.batch == "atomic"
    check = data.refuse_company
    outcomes = batches.run(items, request.failing_rows, batches.company_key, check, write, atomic=atomic)
    return _answer(data, items, outcomes, "id")


def set_subscriptions(data: Data, request: Request, _: tuple[str, ...]) -> Response:
    """POST /contacts/batch-subscription: existing contacts only; SUBSCRIBED over an opt-out is taken without a word."""
    items = _items(data, request, "contacts")
    if isinstance(items, Response):
        return items

    def check(item: Any) -> Refusal | None:
        refusal = data.refuse_contact(item)
        if refusal is None and item.get("subscriptionStatus") not in SUBSCRIPTIONS:
            words = ", ".join(SUBSCRIPTIONS)
            return Refusal("VALIDATION_ERROR", f"subscriptionStatus must be one of {words}", "subscriptionStatus")
        if refusal is None and data.contact(item["email"]) is None:
            return Refusal("NOT_FOUND", "contact not found", "email")
        return refusal

    def write(item: Row) -> Row:
        row = data.contact(item["email"]) or {}
        data.write_status(row, item["subscriptionStatus"])
        return {"email": row["email"], "subscriptionStatus": item["subscriptionStatus"], "operation": "updated"}

    atomic = data.habits.batch == "atomic"
    outcomes = batches.run(items, request.failing_rows, batches.contact_key(data), check, write, atomic=atomic)
    return _answer(data, items, outcomes, "email")


def get_contact(data: Data, _: Request, holes: tuple[str, ...]) -> Response:
    """GET /contacts/by-email/{email}; no time of change is told."""
    row = data.contact(holes[0])
    if row is None:
        return error("NOT_FOUND", "contact not found")
    return _done({key: value for key, value in row.items() if key != "updatedAt"})


def get_company(data: Data, _: Request, holes: tuple[str, ...]) -> Response:
    """GET /companies/by-external-id/{id}; ``id`` in the answer is the vendor's own."""
    row = data.company(holes[0])
    if row is None:
        return error("NOT_FOUND", "company not found")
    return _done({key: value for key, value in row.items() if key != "updatedAt"})


def _remove(data: Data, name: str, row: Row | None) -> Response:
    if row is None:
        return error("NOT_FOUND", "not found")
    data.remove(name, row)
    return json_response(200, {"success": True, "message": "deleted"}, rows=1)


def delete_contact(data: Data, _: Request, holes: tuple[str, ...]) -> Response:
    """DELETE /contacts/by-email/{email}: consent is forgotten with the contact."""
    return _remove(data, "contacts", data.contact(holes[0]))


def delete_company(data: Data, _: Request, holes: tuple[str, ...]) -> Response:
    """DELETE /companies/by-external-id/{id}."""
    return _remove(data, "companies", data.company(holes[0]))


def track(data: Data, request: Request, _: tuple[str, ...]) -> Response:
    """POST /contacts/engagements: one flat object, never deduplicated."""
    try:
        item = request.json()
    except BadBody:
        item = None
    problem = _engagement_problem(item)
    if problem:
        return error("VALIDATION_ERROR", f"{problem} is missing or invalid", field=problem)
    if 0 in request.failing_rows:
        return error(request.failing_rows[0], "the row was refused")
    if data.contact(item["contactEmail"]) is None:
        return error("NOT_FOUND", "contact not found")
    kept = {key: item[key] for key in ("contactEmail", "type", "name", "description", "data") if key in item}
    response = _done({"id": data.write_engagement(kept)})
    response.rows = 1
    return response


def _engagement_problem(item: Any) -> str | None:
    if not isinstance(item, dict):
        return "body"
    for key in ("contactEmail", "type", "name", "description"):
        if not isinstance(item.get(key), str) or not item[key].strip():
            return key
    return "type" if item["type"] != "ACTIVITY" else None


ROUTES: dict[str, Handler] = {
    "POST /api/v1/contacts/batch": upsert_contacts,
    "POST /api/v1/contacts/batch-subscription": set_subscriptions,
    "POST /api/v1/contacts/engagements": track,
    "GET /api/v1/contacts/by-email/:email": get_contact,
    "DELETE /api/v1/contacts/by-email/:email": delete_contact,
    "POST /api/v1/companies/batch": upsert_companies,
    "GET /api/v1/companies/by-external-id/:id": get_company,
    "DELETE /api/v1/companies/by-external-id/:id": delete_company,
}

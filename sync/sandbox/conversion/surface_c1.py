"""Profile C1: ``X-API-Key``, lists under ``batch``, at most 200; writes answer an empty object; errors are one message.

A batch is taken or refused as a whole. Routes to read or delete one contact are not published, so there are none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sync.sandbox.conversion import batches
from sync.sandbox.conversion.rows import Data, Refusal
from sync.sandbox.store import Row
from sync.sandbox.wire import BadBody, Request, Response, json_response

STATUS = {"UNAUTHORIZED": 401, "NOT_FOUND": 404, "RATE_LIMIT_EXCEEDED": 429, "INTERNAL_ERROR": 500}
SUBSCRIPTIONS = ("SUBSCRIBED", "NOT_SUBSCRIBED")
BATCH_MAX = 200

Handler = Callable[[Data, Request, tuple[str, ...]], Response]


def error(code: str, message: str) -> Response:
    """The refusal of a whole request."""
    return json_response(STATUS.get(code, 400), {"message": message})


def _batch(
    data: Data, request: Request, key: Callable[[Any], str], check: batches.Check, write: batches.Write
) -> Response:
    try:
        body = request.json()
    except BadBody:
        return error("VALIDATION_ERROR", "body is not JSON")
    items = body.get("batch") if isinstance(body, dict) else None
    if not isinstance(items, list) or not 1 <= len(items) <= (data.habits.batch_max or BATCH_MAX):
        return error("VALIDATION_ERROR", f"'batch' must hold 1 to {data.habits.batch_max or BATCH_MAX} items")
    outcomes = batches.run(items, request.failing_rows, key, check, write, atomic=True)
    bad = [outcome for outcome in outcomes if outcome.refusal]
    if bad and bad[0].refusal:
        return error(bad[0].refusal.code, f"batch[{bad[0].position}]: {bad[0].refusal.message}")
    return json_response(200, {}, rows=len(items))


def upsert_contacts(data: Data, request: Request, _: tuple[str, ...]) -> Response:
    """POST /v1/contacts/batch."""

    def check(item: Any) -> Refusal | None:
        refusal = data.refuse_contact(item)
        if refusal is None and item.get("subscriptionStatus", SUBSCRIPTIONS[0]) not in SUBSCRIPTIONS:
            return Refusal("VALIDATION_ERROR", "subscriptionStatus cannot be set here")
        return refusal

    def write(item: Row) -> Row:
        status = item.get("subscriptionStatus")
        data.write_contact(item, status)
        return {}

    return _batch(data, request, batches.contact_key(data), check, write)


def upsert_companies(data: Data, request: Request, _: tuple[str, ...]) -> Response:
    """POST /v1/companies/batch: our id identifies, the domain is unique."""

    def spelled(item: Any) -> Any:
        return {**item, "baseDomain": item.get("domain")} if isinstance(item, dict) else item

    def write(item: Row) -> Row:
        data.write_company(spelled(item))
        return {}

    return _batch(data, request, batches.company_key, lambda item: data.refuse_company(spelled(item)), write)


def get_company(data: Data, _: Request, holes: tuple[str, ...]) -> Response:
    """GET /v1/companies/{id}: the bare object."""
    row = data.company(holes[0])
    if row is None:
        return error("NOT_FOUND", "Company not found")
    kept = {"id": row["externalId"], "domain": row["baseDomain"], "syncToCrm": False}
    return json_response(200, {**kept, "createdAt": row["createdAt"], "variables": row["variables"]})


def delete_company(data: Data, _: Request, holes: tuple[str, ...]) -> Response:
    """DELETE /v1/companies/{id}."""
    row = data.company(holes[0])
    if row is None:
        return error("NOT_FOUND", "Company not found")
    data.remove("companies", row)
    return json_response(200, {}, rows=1)


def track(data: Data, request: Request, _: tuple[str, ...]) -> Response:
    """POST /v1/activities/batch: an item's id does not deduplicate."""

    def check(item: Any) -> Refusal | None:
        if not isinstance(item, dict) or not item.get("contactEmail") or not item.get("type"):
            return Refusal("VALIDATION_ERROR", "contactEmail and type are required")
        if data.contact(item["contactEmail"]) is None:
            return Refusal("NOT_FOUND", "contact not found")
        return None

    def write(item: Row) -> Row:
        data.write_engagement({key: value for key, value in item.items() if key != "id"})
        return {}

    return _batch(data, request, lambda item: str(id(item)), check, write)


ROUTES: dict[str, Handler] = {
    "POST /api/v1/contacts/batch": upsert_contacts,
    "POST /api/v1/companies/batch": upsert_companies,
    "GET /api/v1/companies/:id": get_company,
    "DELETE /api/v1/companies/:id": delete_company,
    "POST /api/v1/activities/batch": track,
}

"""Abmatic's envelopes and errors, in bytes."""

from __future__ import annotations

from typing import Any

from sync.sandbox.abmatic.fields import BadField
from sync.sandbox.abmatic.filters import BadParameter
from sync.sandbox.wire import Response, json_response

STATUSES = {
    "invalid_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "rate_limit_exceeded": 429,
}


def one(status: int, row: Any, request_id: str, *, write: bool = False) -> Response:
    """A single record."""
    return json_response(status, {"data": row, "meta": {"request_id": request_id}}, rows=1, write=write)


def several(rows: list[Any], pagination: dict[str, int], **more: Any) -> Response:
    """A page of records. A1 lists carry no ``meta``; the later surfaces add it."""
    return json_response(200, {"data": rows, "pagination": pagination, **more}, rows=len(rows))


def refusal(
    error: str, message: str, *, request_id: str = "", code: str = "", field: str = "", **more: Any
) -> Response:
    """An error; ``code`` and ``meta`` only where the vendor's samples have them."""
    body: dict[str, Any] = {"error": error, "message": message, **more}
    if code:
        body |= {"code": code, "meta": {"field": field, "request_id": request_id}}
    return json_response(STATUSES[error], body)


def refused(error: BadField | BadParameter, request_id: str) -> Response:
    """A field or a parameter that cannot be taken."""
    code = error.code if isinstance(error, BadField) else "INVALID_PARAMETER"
    return refusal("invalid_request", str(error), request_id=request_id, code=code, field=error.name)

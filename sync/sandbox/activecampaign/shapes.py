"""What answers look like: errors, links and pages. A `Call` is one request with what was cut out of its path."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sync.sandbox.store import Row
from sync.sandbox.wire import BadBody, Request, Response, json_response

LIMIT, LIMIT_MAX = 20, 100
BRACKETS = re.compile(r"(\w+)\[(\w+)\](?:\[(\w+)\])?")


@dataclass(frozen=True, slots=True)
class Call:
    """One request: decoded path holes, and how this host is addressed."""

    request: Request
    holes: tuple[str, ...]

    @property
    def base(self) -> str:
        """The absolute address of the API as the caller reached it."""
        return f"http://{self.request.headers.get('host', 'localhost')}/api/3"

    def param(self, name: str) -> str | None:
        """A query parameter."""
        return self.request.param(name)

    def bracketed(self, name: str) -> dict[tuple[str, str], str]:
        """``filters[a]=1`` and ``filters[a][gt]=1`` as ``{("a", ""): "1", ("a", "gt"): "1"}``."""
        found = {}
        for key, value in self.request.query:
            match = BRACKETS.fullmatch(key)
            if match and match[1] == name:
                found[match[2], match[3] or ""] = value
        return found

    def body(self) -> Row:
        """The JSON object sent; empty when there is none."""
        found = self.any_body()
        return found if isinstance(found, dict) else {}

    def any_body(self) -> Any:
        """The JSON sent, or None."""
        try:
            return self.request.json()
        except BadBody:
            return None

    def inner(self, key: str) -> Row:
        """The object under the resource's singular name."""
        found = self.body().get(key)
        return found if isinstance(found, dict) else {}

    def page(self, default: int = LIMIT) -> tuple[int, int]:
        """Offset and limit; the limit never exceeds 100."""
        return max(0, _number(self.param("offset"), 0)), min(max(1, _number(self.param("limit"), default)), LIMIT_MAX)


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() else default


def items(value: Any) -> list[Any]:
    """The entries of a list that was sent; nothing when something else was."""
    return value if isinstance(value, list) else []


def objects(value: Any) -> list[Row]:
    """The objects in a list that was sent."""
    return [item for item in items(value) if isinstance(item, dict)]


def ok(data: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return json_response(status, data)


def invalid(title: str, code: str, pointer: str = "", *, status: int = 422, **more: Any) -> Response:
    """A validation error in the shape of section 3, number 1."""
    entry: Row = {"title": title, "detail": "", "code": code, **more}
    if pointer:
        entry["source"] = {"pointer": f"/data/attributes/{pointer}"}
    return ok({"errors": [entry]}, status)


def missing(kind: str, row_id: Any, status: int = 404) -> Response:
    """Not found; a few resources answer 403 instead. ``kind`` is the vendor's internal class name."""
    return ok({"message": f"No Result found for {kind} with id {row_id}"}, status)


def forbidden() -> Response:
    """Bad key, missing permission or plan."""
    return ok({"message": "Forbidden"}, 403)


def linked(row: Row, base: str, place: str, names: Sequence[str]) -> Row:
    """A row with absolute links below its own address; an empty list where the vendor has none."""
    root = f"{base}/{place}/{row['id']}"
    return {**row, "links": {name: f"{root}/{name}" for name in names} if names else []}


def listing(
    call: Call, key: str, rows: Sequence[Row], shape: Callable[[Row], Row] = dict, *, default: int = LIMIT, **meta: Any
) -> Response:
    """One page of rows under their plural name, with the total as text."""
    offset, limit = call.page(default)
    part = [shape(row) for row in rows[offset : offset + limit]]
    return ok({key: part, "meta": {"total": str(len(rows)), **meta}})


def ordered(call: Call, rows: list[Row], columns: Sequence[str]) -> list[Row]:
    """Rows in the order asked for, by the known columns only; anything else is ignored."""
    for (column, _), direction in reversed(call.bracketed("orders").items()):
        if column in columns:
            rows = sorted(rows, key=lambda row: str(row.get(column) or "").lower(), reverse=direction.upper() == "DESC")
    return rows


def filtered(call: Call, rows: list[Row], columns: dict[str, str]) -> list[Row]:
    """Rows that pass the filters this resource has (query name to column); unknown ones are ignored."""
    for (name, operator), wanted in call.bracketed("filters").items():
        if name in columns:
            rows = [row for row in rows if _holds(str(row.get(columns[name]) or ""), operator, wanted)]
    return rows


def _holds(value: str, operator: str, wanted: str) -> bool:
    left, right = value.lower(), wanted.lower()
    tests: dict[str, Callable[[], bool]] = {
        "neq": lambda: left != right,
        "lt": lambda: left < right,
        "lte": lambda: left <= right,
        "gt": lambda: left > right,
        "gte": lambda: left >= right,
        "contains": lambda: right in left,
        "starts_with": lambda: left.startswith(right),
    }
    return tests.get(operator, lambda: left == right)()

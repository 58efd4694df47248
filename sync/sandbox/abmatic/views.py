"""The two later, read-only surfaces: A2 (2026-03: accounts by website) and A3 (2026-08: what its MCP server reads).

Both are given what the emulated tenant holds; what it does not hold (opportunities, meetings, …) are empty lists.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from sync.sandbox.abmatic import answers, columns
from sync.sandbox.abmatic.filters import BadParameter, page_asked
from sync.sandbox.abmatic.listing import Test, page_of
from sync.sandbox.abmatic.rows import Rows
from sync.sandbox.abmatic.settings import Settings
from sync.sandbox.abmatic.surface import shown
from sync.sandbox.store import Row
from sync.sandbox.wire import Request, Response

OBJECTS = {
    "accounts": "accounts",
    "contacts": "contacts",
    "visitors": "visitors",
    "campaigns": "campaigns",
    "target-groups": "groups",
}
EMPTY = ("opportunities", "conversions", "meetings", "reports", "dashboards", "engagement", "reveal")
SINGLE: dict[tuple[str, ...], Row] = {
    ("me",): {
        "id": "tenant_sandbox",
        "name": "Sandbox",
        "website": "sandbox.example",
        "plan": "enterprise",
        "key_prefix": "sandbox",
    },
    ("integrations", "sync-status"): {"last_sync_at": None, "synced": 0, "failed": 0, "errors": []},
    ("conversions", "analytics"): {"conversions": 0},
    ("website-context",): {"website": "sandbox.example"},
}
"""Endpoints with one answer; of their bodies only what ``me`` tells is documented."""
CONTACT_FIELDS = (
    "email",
    "name",
    "title",
    "seniority",
    "department",
    "company",
    "linkedin_url",
    "city",
    "country",
    "engagement_score",
    "overall_score",
)
FILTERS = ("q", "min_score", "max_score", "since", "until")
ACTIVITY = {"accounts": "last_seen_at", "contacts": "updated_at"}


class Views:
    """Answers GET only; the same rows as A1, under other names."""

    def __init__(self, rows: Rows, settings: Settings) -> None:
        self._rows = rows
        self._settings = settings

    def answer(self, request: Request, segments: list[str], request_id: str) -> Response:
        """`segments` are the decoded parts of the path behind ``/v1``."""
        if not segments or segments[0] not in self._known():
            return answers.refusal("not_found", "Resource doesn't exist")
        if request.method != "GET":
            return answers.refusal("method_not_allowed", f"{request.method} is not supported: API keys are read-only")
        try:
            return self._read(request, segments, request_id)
        except BadParameter as error:
            return answers.refused(error, request_id)

    def _known(self) -> set[str]:
        return {"accounts"} if self._settings.profile == "A2" else {*OBJECTS, *EMPTY, *(path[0] for path in SINGLE)}

    def _read(self, request: Request, segments: list[str], request_id: str) -> Response:
        head, *rest = segments
        if tuple(segments) in SINGLE:
            return answers.one(200, SINGLE[tuple(segments)], request_id)
        if self._settings.profile == "A3" and rest and head in OBJECTS and head != "contacts":
            return self._of_row(request, OBJECTS[head], rest, request_id)
        if rest or head not in (*OBJECTS, *EMPTY):
            return answers.refusal("not_found", "Resource doesn't exist")
        rows = self._rows.store.table(OBJECTS[head]) if head in OBJECTS else {}
        return self._list(request, OBJECTS.get(head, head), list(rows.values()), request_id)

    def _of_row(self, request: Request, name: str, rest: list[str], request_id: str) -> Response:
        """A row alone, or what hangs on a campaign: its sequence and the tasks of that, of which there are none."""
        one = self._one(name, rest[0], request_id)
        if len(rest) == 1 or one.status != HTTPStatus.OK:
            return one
        if name == "campaigns" and rest[1:] in (["sequence"], ["sequence_tasks"]):
            return self._list(request, rest[1], [], request_id)
        return answers.refusal("not_found", "Resource doesn't exist")

    def _one(self, name: str, key: str, request_id: str) -> Response:
        row = self._rows.store.get(name, key)
        if row is None and name == "accounts":
            rows, website = self._rows.store.table(name).values(), key.casefold()
            row = next((other for other in rows if str(other.get("website")).casefold() == website), None)
        if row is None:
            return answers.refusal("not_found", "Resource doesn't exist")
        return answers.one(200, shown(row), request_id)

    def _list(self, request: Request, name: str, rows: list[Row], request_id: str) -> Response:
        sort_by, descending = _sorting(request)
        if name == "accounts" and (unknown := columns.unknown(_fields(request), self._rows.custom[name])):
            raise BadParameter("fields", f"known field names, not {', '.join(unknown)}")
        tests, applied = self._filters(request, name)
        found = sorted(
            (row for row in rows if all(test(row) for test in tests)),
            key=lambda row: _key(row, sort_by),
            reverse=descending,
        )
        part, pagination = page_of([row["id"] for row in found], *page_asked(request, self._settings))
        table = self._rows.store.table(name) if part else {}
        meta: dict[str, Any] = {"meta": {"request_id": request_id}}
        if self._settings.profile == "A3":
            meta["applied"] = {**applied, "sort_by": sort_by, "order_by": "desc" if descending else "asc"}
        return answers.several([self._projected(request, name, table[row_id]) for row_id in part], pagination, **meta)

    def _filters(self, request: Request, name: str) -> tuple[list[Test], dict[str, Any]]:
        """A2 documents none; A3 says which ones ran, and those it does not know run nowhere."""
        if self._settings.profile == "A2":
            return [], {}
        names = (*FILTERS, "company") if name == "contacts" else FILTERS
        asked = {key: request.param(key) for key in names}
        moment = ACTIVITY.get(name, "created_at")
        tests = {key: value for key, value in asked.items() if value is not None}
        return [
            self._of_company(value) if key == "company" else _test(key, value, moment) for key, value in tests.items()
        ], asked

    def _of_company(self, wanted: str) -> Test:
        """Contacts of the company with this website or name."""
        accounts = self._rows.store.table("accounts")
        found = {
            row_id
            for row_id, row in accounts.items()
            if wanted.casefold() in (str(row.get("website")).casefold(), str(row.get("name")).casefold())
        }
        return lambda row: row.get("account_id") in found

    def _projected(self, request: Request, name: str, row: Row) -> Row:
        if name == "contacts":
            whole = {
                **row,
                "name": f"{row.get('first_name') or ''} {row.get('last_name') or ''}".strip(),
                "company": self._company(row),
            }
            return {key: whole.get(key) for key in CONTACT_FIELDS}
        if name != "accounts":
            return shown(row)
        return {field: columns.value(row, field) for field in _fields(request)}

    def _company(self, row: Row) -> Any:
        account = self._rows.store.get("accounts", str(row.get("account_id")))
        return account and account.get("website")


def _fields(request: Request) -> list[str]:
    asked = request.param("fields")
    return asked.split(",") if asked else list(columns.DEFAULT)


def _sorting(request: Request) -> tuple[str, bool]:
    sort_by = request.param("sort_by") or "website"
    if sort_by not in columns.SORTABLE:
        raise BadParameter("sort_by", f"one of {', '.join(sorted(columns.SORTABLE))}")
    return sort_by, request.param("order_by") == "desc"


def _key(row: Row, field: str) -> tuple[bool, Any]:
    value = columns.value(row, field)
    return value is None, value if value is not None else 0


def _test(key: str, value: str, moment: str) -> Test:
    if key == "q":
        return lambda row: (
            value.lower() in " ".join(str(row.get(name) or "") for name in ("name", "website", "email")).lower()
        )
    if key == "since":
        return lambda row: str(row.get(moment) or "")[:10] >= value[:10]
    if key == "until":
        return lambda row: str(row.get(moment) or "")[:10] <= value[:10]
    try:
        bound = float(value)
    except ValueError as error:
        raise BadParameter(key, "a number") from error
    if key == "min_score":
        return lambda row: (row.get("engagement_score") or 0) >= bound
    return lambda row: (row.get("engagement_score") or 0) <= bound

"""The A1 surface: the seed's seventeen endpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sync.sandbox.abmatic import answers
from sync.sandbox.abmatic.fields import BadField, blanked, check_required, written
from sync.sandbox.abmatic.filters import BadParameter, page_asked, test_of
from sync.sandbox.abmatic.listing import page_of
from sync.sandbox.abmatic.rows import Rows
from sync.sandbox.abmatic.settings import Settings
from sync.sandbox.abmatic.stamps import day_starts
from sync.sandbox.store import Row
from sync.sandbox.wire import BadBody, Request, Response

METHODS: dict[tuple[str, int, str], tuple[str, ...]] = {
    ("accounts", 1, ""): ("GET", "POST"),
    ("accounts", 2, ""): ("GET", "PUT"),
    ("contacts", 1, ""): ("GET", "POST"),
    ("contacts", 2, ""): ("GET", "PUT"),
    ("campaigns", 1, ""): ("GET",),
    ("campaigns", 2, ""): ("GET",),
    ("campaigns", 3, "analytics"): ("GET",),
    ("visitors", 1, ""): ("GET",),
    ("visitors", 2, ""): ("GET",),
    ("groups", 1, ""): ("GET", "POST"),
    ("groups", 2, ""): ("GET",),
    ("groups", 3, "members"): ("GET",),
}
HIDDEN = {"analytics", "members"}
"""Stored with a row, shown only at an endpoint of their own."""


class Surface:
    """Answers one request that passed credentials and limits."""

    def __init__(self, rows: Rows, settings: Settings) -> None:
        self._rows = rows
        self._settings = settings

    def answer(self, request: Request, segments: list[str], request_id: str) -> Response:
        """`segments` are the decoded parts of the path behind ``/v1``."""
        name = segments[0] if segments else ""
        methods = METHODS.get((name, len(segments), "".join(segments[2:3])))
        if methods is None:
            return answers.refusal("not_found", "Resource doesn't exist")
        if request.method not in methods:
            return answers.refusal("method_not_allowed", f"{request.method} is not supported here")
        try:
            return self._handler(request, segments)(request, segments, request_id)
        except (BadField, BadParameter) as error:
            return self._marked(request, answers.refused(error, request_id))
        except BadBody as error:
            return self._marked(request, answers.refusal("invalid_request", f"Malformed JSON: {error}"))

    def _handler(self, request: Request, segments: list[str]) -> Callable[[Request, list[str], str], Response]:
        if request.method != "GET":
            return self._create if request.method == "POST" else self._update
        return (self._list, self._get, self._inner)[len(segments) - 1]

    def _marked(self, request: Request, response: Response) -> Response:
        response.write = request.method != "GET"
        return response

    def _list(self, request: Request, segments: list[str], _: str) -> Response:
        name = segments[0]
        key, test = test_of(name, request, self._settings)
        account_id = dict(key).get("account_id")
        ids = (
            self._rows.listings[name].matching(key, test) if account_id is None else self._of_account(account_id, test)
        )
        return self._page(request, name, ids)

    def _of_account(self, account_id: str, test: Callable[[Row], bool] | None) -> list[str]:
        table, listed = self._rows.store.table("contacts"), self._rows.listings["contacts"]
        return [
            row_id
            for row_id in self._rows.contact_ids(account_id)
            if listed.has(row_id) and (test is None or test(table[row_id]))
        ]

    def _page(self, request: Request, name: str, ids: list[str]) -> Response:
        part, pagination = page_of(ids, *page_asked(request, self._settings))
        table = self._rows.store.table(name)
        rows = [table[row_id] for row_id in part]
        return answers.several([shown(row) for row in rows] if name in ("campaigns", "groups") else rows, pagination)

    def _get(self, _: Request, segments: list[str], request_id: str) -> Response:
        name, row_id = segments
        row = self._rows.store.get(name, row_id)
        if row is None:
            return _missing()
        return answers.one(200, self._with_account(row) if name == "contacts" else shown(row), request_id)

    def _with_account(self, row: Row) -> Row:
        account = self._rows.store.get("accounts", str(row.get("account_id")))
        return {**row, "account": account and {key: account.get(key) for key in ("id", "name", "website")}}

    def _inner(self, request: Request, segments: list[str], request_id: str) -> Response:
        name, row_id, what = segments
        row = self._rows.store.get(name, row_id)
        if row is None:
            return _missing()
        if what == "members":
            return self._page(request, "accounts", self._members(row))
        for parameter in ("start_date", "end_date"):
            _check_date(parameter, request.param(parameter))
        return answers.one(
            200, {"campaign_id": row_id, "impressions": 0, "conversions": 0, **row.get("analytics", {})}, request_id
        )

    def _members(self, group: Row) -> list[str]:
        """The accounts a person put there; else those that meet the criteria."""
        accounts = self._rows.store.table("accounts")
        if "members" in group:
            return [row_id for row_id in group["members"] if row_id in accounts]
        criteria = group.get("criteria") or {}
        return [row_id for row_id, row in accounts.items() if criteria and _meets(row, criteria)]

    def _create(self, request: Request, segments: list[str], request_id: str) -> Response:
        name = segments[0]
        body = self._body(request, name)
        check_required(name, body)
        with self._rows.over_api(name):
            row = self._rows.make(name, body)
        return answers.one(201, shown(row), request_id, write=True)

    def _update(self, request: Request, segments: list[str], request_id: str) -> Response:
        name, row_id = segments
        row = self._rows.store.get(name, row_id)
        if row is None:
            return self._marked(request, _missing())
        body = self._body(request, name)
        cleared = blanked(name, row, self._rows.custom[name], body) if self._settings.put_mode == "replace" else {}
        check_required(name, {**row, **body})
        return answers.one(200, self._rows.change(name, row, {**cleared, **body}), request_id, write=True)

    def _body(self, request: Request, name: str) -> dict[str, Any]:
        if not request.headers.get("content-type", "").lower().startswith("application/json"):
            raise BadBody("the Content-Type must be application/json")
        body = request.json()
        if not isinstance(body, dict):
            raise BadBody("an object is expected")
        return written(name, body, self._rows.custom[name])


def shown(row: Row) -> Row:
    """A row without what has an endpoint of its own."""
    return {key: value for key, value in row.items() if key not in HIDDEN}


def _missing() -> Response:
    return answers.refusal("not_found", "Resource doesn't exist")


def _meets(row: Row, criteria: dict[str, Any]) -> bool:
    least = criteria.get("engagement_score_min")
    if least is not None and (row.get("engagement_score") or 0) < least:
        return False
    return all(row.get(key) == value for key, value in criteria.items() if key != "engagement_score_min")


def _check_date(name: str, value: str | None) -> None:
    try:
        if value is not None:
            day_starts(value[:10], 0)
    except ValueError as error:
        raise BadParameter(name, "an ISO 8601 date, e.g. 2026-01-31") from error

"""A tiny Abmatic A1 written from the vendor's page, for the connector's own tests: lists, rows, POST, PUT, groups."""

from __future__ import annotations

import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx

NOW = datetime(2026, 2, 2, 12, tzinfo=UTC)


def snaked(body):
    """The body as a server keeps it that knows camelCase alone; names in snake_case are dropped without a word."""
    return {re.sub("[A-Z]", lambda hump: f"_{hump[0].lower()}", name): value for name, value in body.items() if not re.search("_[a-z]", name)}  # fmt: skip


class Abmatic1:
    """Rows in insertion order. `before` are called with the request and may change the world or answer instead."""

    def __init__(self):
        self.now = NOW
        self.rows = {name: {} for name in ("accounts", "contacts", "campaigns", "visitors", "groups")}
        self.members = {}
        self.analytics = {}
        self.made = {}
        """What the server itself gives a new row."""
        self.bodies = []
        self.replaces = True
        """Whether a PUT blanks what it does not name."""
        self.listed = None
        """Columns that a list shows of a row; None: all."""
        self.camel = False
        """Whether bodies are taken in camelCase alone; answers are in snake_case."""
        self.before = []
        self.after = []
        self.log = []
        self._ids = itertools.count(1)

    def add(self, name, age_days=0.0, /, **row):
        key = row.pop("id", None) or f"{name[:3]}_{next(self._ids)}"
        stamp = (self.now - timedelta(days=age_days)).isoformat().replace("+00:00", "Z")
        self.rows[name][key] = {"id": key, "created_at": stamp, "updated_at": stamp} | row
        return key

    def touch(self, name, key, /, **values):
        self.rows[name][key] |= values | {"updated_at": self.now.isoformat()}

    def __call__(self, request):
        call = (request.method, request.url.path.removeprefix("/v1"), dict(request.url.params))
        self.log.append(call)
        for hook in list(self.before):
            answer = hook(*call)
            if answer is not None:
                return answer
        body = json.loads(request.content) if request.content else None
        if body is not None:
            self.bodies.append(body)
            body = snaked(body) if self.camel else body
        answer = self._route(request.method, call[1], call[2], body)
        for hook in list(self.after):
            answer = hook(*call, answer) or answer
        answer.headers["date"] = format_datetime(self.now, usegmt=True)
        return answer

    def _route(self, method, path, params, body):
        name, *rest = path.strip("/").split("/")
        rows = self.rows.get(name)
        if rows is None:
            return self._error(404, "not_found")
        if not rest:
            return self._list(rows.values(), params) if method == "GET" else self._post(name, body)
        if rest[1:] == ["members"]:
            return self._list([self.rows["accounts"][key] for key in self.members.get(rest[0], ())], params)
        if rest[0] not in rows:
            return self._error(404, "not_found")
        if rest[1:] == ["analytics"]:
            return httpx.Response(200, json={"data": {"campaign_id": rest[0]} | self.analytics.get(rest[0], {})})
        if method == "PUT":
            row = rows[rest[0]]
            own = {key: row[key] for key in ("id", "created_at", "engagement_score") if key in row}
            rows[rest[0]] = ({} if self.replaces else row) | body | own | {"updated_at": self.now.isoformat()}
        return httpx.Response(200, json={"data": rows[rest[0]], "meta": {"request_id": "req_1"}})

    def _list(self, rows, params):
        found = [row for row in rows if self._selected(row, params)]
        if self.listed:
            found = [{name: row[name] for name in self.listed if name in row} for row in found]
        page, size = int(params.get("page", 1)), min(int(params.get("per_page", 50)), 100)
        told = {"total": len(found), "page": page, "per_page": size, "total_pages": -(-len(found) // size)}
        return httpx.Response(200, json={"data": found[(page - 1) * size : page * size], "pagination": told})

    def _selected(self, row, params):
        # The nastier reading: a date excludes its whole day.
        for name in ("created", "updated"):
            date = params.get(f"{name}_after")
            if date and not row.get(f"{name}_at", "")[:10] > date:
                return False
        return "industry" not in params or row.get("industry") == params["industry"]

    def _post(self, name, body):
        if name == "accounts" and "name" not in body:
            meta = {"field": "name", "request_id": "req_3"}
            return self._error(400, "invalid_request", code="MISSING_REQUIRED_FIELD", meta=meta)
        key = self.add(name, **body, **self.made)
        return httpx.Response(201, json={"data": self.rows[name][key]})

    def _error(self, status, error, **more):
        return httpx.Response(status, json={"error": error, "message": "secret value inside"} | more)

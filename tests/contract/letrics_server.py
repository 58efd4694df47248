"""A tiny Letrics written from the sheet's section 3, with every reading of its gaps as a knob; for the connector's own tests."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs

import httpx

NOW = datetime(2026, 2, 2, 12, tzinfo=UTC)
LISTED = ("locations", "functions", "industries", "tlds", "technologies", "job_titles", "departments", "seniorities")


class Letrics0:
    """Companies and people. `before` are called with (method, path, fields) and may change the world, or answer instead."""

    def __init__(self, **knobs):
        self.now, self.chance = NOW, random.Random(7)
        self.companies, self.contacts = {}, {}
        self.before, self.log, self.raw = [], [], []
        self.order = "newest"
        self.total, self.clamp, self.deep, self.dated = True, False, None, True
        self.forms, self.style, self.ignored = ("POST", "GET"), "brackets", ()
        for name, value in knobs.items():
            setattr(self, name, value)

    def company(self, age_days=30.0, /, **row):
        key = row.pop("id", f"co_{len(self.companies)}")
        stamp = (self.now - timedelta(days=age_days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.companies[key] = {
            "id": key,
            "name": f"Firm {key}",
            "domain": f"{key.replace('_', '')}.example.com",
            "added_at": stamp,
        } | row
        return key

    def person(self, company=None, /, **row):
        key = row.pop("id", f"ct_{len(self.contacts)}")
        mails = [{"email": f"{key}@acme.example.com", "type": "work"}]
        self.contacts[key] = {
            "id": key,
            "first_name": "Ada",
            "last_name": "Oak",
            "job_title": "Finance Manager",
            "emails": mails,
            "_firm": company,
        } | row
        return key

    def crowd(self, count, ages=lambda n: 1 + n / 10):
        """So many people, each of a firm of their own."""
        return [self.person(self.company(ages(n))) for n in range(count)]

    def __call__(self, request):
        path = request.url.path.removeprefix("/api")
        self.raw.append(request)
        fields = json.loads(request.content) if request.content else self._query(request.url.query.decode())
        self.log.append((request.method, path, fields))
        for hook in list(self.before):
            answer = hook(request.method, path, fields)
            if answer is not None:
                return self._dated(answer)
        return self._dated(self._answer(request, path, fields))

    def searches(self, path="/contacts"):
        return [fields for _, where, fields in self.log if where == path]

    def fail(self, status, error="invalid_input", *, http=None):
        body = {"data": None, "meta": {}, "errors": [{"id": error, "code": status, "details": "secret value inside"}]}
        return httpx.Response(http or status, json=body)

    def _dated(self, answer):
        if self.dated:
            answer.headers["date"] = format_datetime(self.now, usegmt=True)
        return answer

    def _answer(self, request, path, fields):
        if request.headers.get("authorization") != "Bearer canary-key":
            return httpx.Response(401)
        if request.method not in self.forms:
            return self.fail(405, "method_not_allowed")
        rows = {"/contacts": self.contacts, "/companies": self.companies}.get(path)
        if rows is None:
            return self.fail(404, "not_found")
        if fields.get("per_page", 25) > 100:
            return self.fail(400)
        return self._page(path, rows, fields)

    def _page(self, path, rows, fields):
        size, page = fields.get("per_page", 25), fields.get("page", 1)
        if self.deep is not None and page > self.deep:
            return self.fail(400, "too_deep")
        found = self._ordered([row for row in map(self._shown, rows.values()) if self._wanted(path, row, fields)])
        if self.clamp:
            page = min(page, max(1, -(-len(found) // size)))
        meta = {"page": page, "per_page": size} | ({"total": len(found)} if self.total else {})
        return httpx.Response(200, json={"data": found[(page - 1) * size : page * size], "meta": meta, "errors": []})

    def _shown(self, row):
        if "_firm" not in row:
            return row
        return {name: value for name, value in row.items() if name != "_firm"} | {
            "company": self.companies.get(row["_firm"])
        }

    def _ordered(self, rows):
        if self.order == "random":
            return self.chance.sample(rows, len(rows))
        return sorted(
            rows, key=lambda row: (row.get("company") or row).get("added_at", ""), reverse=self.order == "newest"
        )

    def _wanted(self, path, row, fields):
        firm = row if path == "/companies" else row.get("company") or {}
        tests = {
            "added_after": lambda v: firm.get("added_at", "") >= v,
            "added_before": lambda v: firm.get("added_at", "") <= v,
            "job_titles": lambda v: any(word.lower() in str(row.get("job_title")).lower() for word in v),
            "seniorities": lambda v: row.get("seniority") in v,
            "departments": lambda v: row.get("department") in v,
            "tlds": lambda v: str(firm.get("domain")).rpartition(".")[2] in v,
            "industries": lambda v: firm.get("industry") in v,
            "exclude_industries": lambda v: firm.get("industry") not in v,
            "is_decision_maker": lambda v: row.get("is_decision_maker") == v,
            "has_personal_email": lambda v: any(m["type"] == "personal" for m in row["emails"]) == v,
        }
        return all(tests[n](v) for n, v in fields.items() if n in tests and n not in self.ignored)

    def _query(self, text):
        found = {}
        for name, values in parse_qs(text).items():
            base = name.removesuffix("[]")
            listed = base.removeprefix("exclude_") in LISTED
            if not listed:
                found[base] = int(values[-1]) if values[-1].isdigit() else {"true": True}.get(values[-1], values[-1])
            elif self.style == "comma" and base == name:
                found[base] = values[-1].split(",")
            elif (self.style == "brackets") == (base != name):
                found[base] = values
        return found

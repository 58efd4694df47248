"""A tiny Conversion C0 written from the seed document and the sheet's assumptions, for the connector's own tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import unquote

import httpx

NOW = datetime(2026, 2, 2, 12, tzinfo=UTC)
ROOT = "/api/v1"


class Conversion0:
    """Contacts by address, companies by our id. `before` may answer instead, `after` may change what is answered."""

    def __init__(self):
        self.contacts = {}
        self.companies = {}
        self.engagements = []
        self.before = []
        self.after = []
        self.log = []
        self.atomic = False
        self.replaces = False
        self.invalid = set()

    def person(self, email, status="SUBSCRIBED", **variables):
        self.contacts[email] = {
            "id": f"v-{len(self.contacts)}", "businessId": "b1", "email": email,
            "variables": variables, "subscriptionStatus": status, "createdAt": "2026-01-15T10:30:00Z",
        }  # fmt: skip

    def __call__(self, request):
        path = request.url.raw_path.decode().partition("?")[0].removeprefix(ROOT)
        body = json.loads(request.content) if request.content else None
        call = (request.method, path, body)
        self.log.append(call)
        for hook in list(self.before):
            answer = hook(*call)
            if answer is not None:
                return answer
        if request.headers.get("authorization") != "Bearer canary-key":
            return self.error(401, "UNAUTHORIZED")
        answer = self._route(*call)
        for hook in list(self.after):
            answer = hook(*call, answer) or answer
        answer.headers["date"] = format_datetime(NOW, usegmt=True)
        return answer

    def writes(self):
        return [call for call in self.log if call[0] != "GET"]

    def error(self, status, code, **more):
        return httpx.Response(
            status, json={"success": False, "error": {"code": code, "message": "secret value"} | more}
        )

    def _route(self, method, path, body):
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if method == "POST":
            return self._post(parts, body)
        rows = {("contacts", "by-email"): self.contacts, ("companies", "by-external-id"): self.companies}.get(
            tuple(parts[:2])
        )
        if rows is None or len(parts) != 3:
            return httpx.Response(404, text="<html>no such page</html>", headers={"content-type": "text/html"})
        row = rows.get(parts[2].lower() if parts[0] == "contacts" else parts[2])
        if row is None:
            return self.error(404, "NOT_FOUND")
        if method == "DELETE":
            rows.pop(parts[2])
            return httpx.Response(200, json={"success": True, "message": "deleted"})
        return httpx.Response(200, json={"success": True, "data": row})

    def _post(self, parts, body):
        act = {"contacts/batch": self._contacts, "companies/batch": self._companies,
               "contacts/batch-subscription": self._subscribe, "contacts/engagements": self._engage}.get("/".join(parts))  # fmt: skip
        return act(body) if act else httpx.Response(404, text="nothing")

    def _contacts(self, body):
        items = body["contacts"]
        bad = [n for n, item in enumerate(items) if item["email"] in self.invalid]
        if bad:
            return self.error(400, "VALIDATION_ERROR", details=[{"index": bad[0], "field": "email"}])
        return self._stored([self._upsert(item) for item in items])

    def _upsert(self, item):
        email, known = item["email"].lower(), self.contacts.get(item["email"].lower())
        if known is None:
            self.person(email, "PENDING", **item.get("variables", {}))
        else:
            known["variables"] = ({} if self.replaces else known["variables"]) | item.get("variables", {})
        return {"email": email, "contactId": self.contacts[email]["id"], "operation": "updated" if known else "created"}

    def _companies(self, body):
        told = []
        for item in body["companies"]:
            known = self.companies.setdefault(item["id"], {"id": "vendor", "variables": {}})
            known |= {"baseDomain": item.get("baseDomain", known.get("baseDomain"))}
            known["variables"] |= item.get("variables", {})
            told.append({"id": item["id"], "companyId": "c1", "operation": "updated"})
        return self._stored(told)

    def _subscribe(self, body):
        told = []
        for item in body["contacts"]:
            if item["email"] in self.contacts:
                self.contacts[item["email"]]["subscriptionStatus"] = item["subscriptionStatus"]
                told.append(item | {"operation": "updated"})
        return self._stored(told)

    def _engage(self, body):
        self.engagements.append(body)
        return self._stored({"id": "e1"})

    def _stored(self, data):
        return httpx.Response(200, json={"success": True, "data": data})

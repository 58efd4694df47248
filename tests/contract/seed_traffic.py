"""Everything that the features of crm-sync say to the vendors and hear from them, recorded on the sandbox."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
from benches import BENCHES, AbmaticBench, ActiveCampaignBench, ConversionBench, LetricsBench

from sync.connectors.abmatic import Abmatic
from sync.connectors.activecampaign import ActiveCampaign
from sync.connectors.conversion import Conversion
from sync.connectors.letrics import Letrics
from sync.errors import AbortError
from sync.model.remote import Feed, Kind, Write


@dataclass
class Traffic:
    """What one system was sent (calls, names in queries and bodies, values, headers), what it answered, and what was read of it."""

    calls: set = field(default_factory=set)
    query: set = field(default_factory=set)
    body: set = field(default_factory=set)
    value: set = field(default_factory=set)
    header: set = field(default_factory=set)
    answer: set = field(default_factory=set)
    read: set = field(default_factory=set)
    said: list = field(default_factory=list)

    def transport(self):
        return _Recorder(self)

    def keep(self, records):
        for record in records:
            self.read |= {path for path, value in record.values.items() if value is not None}

    def called(self, what):
        """Whether a request fits ``GET /contacts/:id`` or ``GET /contacts/by-email/{email}``."""
        method, path = what.split(" ", 1)
        pattern = re.compile(f"{method} .*{re.sub(r':id|{[a-z]+}', '[^/]+', path)}")
        return any(pattern.fullmatch(call) for call in self.calls)


class _Recorder(httpx.BaseTransport):
    def __init__(self, traffic):
        self._traffic, self._wire = traffic, httpx.HTTPTransport(trust_env=False)

    def handle_request(self, request):
        request.read()
        self._traffic.calls.add(f"{request.method} {request.url.path}")
        self._traffic.query |= set(request.url.params)
        self._traffic.header |= {name.lower() for name in request.headers}
        if request.content:
            _walk(json.loads(request.content), self._traffic.body, self._traffic.value)
        response = self._wire.handle_request(request)
        response.read()
        self._traffic.header |= {name.lower() for name in response.headers}
        if response.content:
            _walk(response.json(), self._traffic.answer, set())
        return response

    def close(self):
        self._wire.close()


def _walk(data, names, values):
    if isinstance(data, dict):
        for name, inner in data.items():
            names.add(name)
            _walk(inner, names, values)
    elif isinstance(data, list):
        for inner in data:
            _walk(inner, names, values)
    else:
        values.add(data)


def every(sandbox):
    """The traffic of each system, by its name in the seeds."""
    return {name: drive(sandbox) for name, drive in DRIVERS.items()}


def abmatic(sandbox):
    bench, traffic = AbmaticBench(sandbox), Traffic()
    bench.control("limits", {"system": "abmatic", "requests_per_minute": 1000})
    one = Abmatic("abmatic", bench.url(), "sandbox", clock=bench.clock, gate=bench.gate, transport=traffic.transport(), requests_per_minute=1000)  # fmt: skip
    person = {"email": "ada@acme.example.com", "first_name": "Ada", "last_name": "Oak", "title": "CTO"}
    [account] = one.push([Write(1, Kind.CREATE, "accounts", None, "a", {"name": "Acme", "website": "acme.example.com", "industry": "Tech", "employee_count": 5})])  # fmt: skip
    [contact] = one.push([Write(1, Kind.CREATE, "contacts", None, "c", {**person, "account_id": account.remote_id})])
    one.push([Write(1, Kind.UPDATE, "accounts", account.remote_id, "a", {"name": "Acme Group"})])
    one.push([Write(1, Kind.UPDATE, "contacts", contact.remote_id, "c", {"title": "CEO"})])
    group = one.create_group("Tier 1").remote_id
    bench.control("edit", {"system": "abmatic", "object": "accounts", "id": account.remote_id, "set": {"engagement_score": 85, "last_seen_at": "2026-01-01T00:00:00Z"}})  # fmt: skip
    made = {"name": "Spring", "analytics.impressions": 7, "analytics.conversions": 1}
    campaign = bench.control("edit", {"system": "abmatic", "object": "campaigns", "create": made})["id"]
    visitor = bench.control("edit", {"system": "abmatic", "object": "visitors", "create": {"page_views": [{"url": "/x"}]}})["id"]  # fmt: skip
    feeds = (
        Feed("accounts", ("id", "name", "website", "industry", "employee_count", "engagement_score", "last_seen_at", "groups")),
        Feed("contacts", ("email", "first_name", "last_name", "title", "account_id")),
        Feed("campaigns", ("name", "analytics.impressions", "analytics.conversions")),
        Feed("visitors", ("page_views",)),
        Feed("groups", ("name",)),
    )  # fmt: skip
    ids = (account.remote_id, contact.remote_id, campaign, visitor, group)
    for feed, row_id in zip(feeds, ids, strict=True):
        _read(traffic, one, feed, row_id)
    wheres = {"accounts": "industry=Tech&size=1000%2B&engagement_score_min=50&created_before=2099-01-01&created_after=2020-01-01", "contacts": f"account_id={account.remote_id}&seniority=executive"}  # fmt: skip
    for name, where in wheres.items():
        list(one.pull(Feed(name, ("email",), where), None))
    one.campaign_analytics(campaign, "2026-01-01", "2026-01-31")
    one.visitor(visitor)
    one.group_members(group)
    one.push([Write(1, Kind.CREATE, "accounts", None, "x", {"website": "nameless.example.com"})])
    bench.fault("status", status=429, body={"error": "rate_limit_exceeded", "retry_after": 1}, times=1)
    one.fetch(feeds[0], [account.remote_id])
    one.close()
    return traffic


def conversion(sandbox):
    bench, traffic = ConversionBench(sandbox), Traffic()
    more = {"deletes": True, "external_contact": "object_id", "transport": traffic.transport()}
    one = Conversion("conversion", bench.url(), "sandbox", clock=bench.clock, gate=bench.gate, **more)
    ada, firm = "ada@acme.example.com", "acc_1"
    variables = {
        f"variables.{name}": "x"
        for name in ("first_name", "last_name", "phone", "company_name", "title", "linkedin_url")
    }
    one.push([Write(1, Kind.CREATE, "contacts", None, "con_1", {"email": ada, **variables}, address=ada)])
    facts = {
        f"variables.{name}": "x"
        for name in ("company_name", "industry", "size", "annual_revenue", "location", "website")
    }
    one.push([Write(1, Kind.CREATE, "companies", None, firm, {"baseDomain": "acme.example.com", **facts})])
    for word in ("PENDING", "SUBSCRIBED", "UNSUBSCRIBED"):
        one.push([Write(1, Kind.SUBSCRIBE, "contacts", ada, "con_1", {"subscriptionStatus": word}, address=ada)])
    data = {"duration_minutes": 5, "outcome": "won", "next_steps": "call", "priority": "high", "tags": ["demo"]}
    one.engage(ada, "Demo booked", "Booked a demo", data)
    _read(traffic, one, Feed("contacts", ("email", *variables)), ada)
    _read(traffic, one, Feed("companies", ("id", "baseDomain", *facts)), firm)
    one.push([Write(1, Kind.DELETE, "contacts", ada, "con_1", {})])
    one.push([Write(1, Kind.DELETE, "companies", firm, firm, {})])
    one.close()
    return traffic


def activecampaign(sandbox):
    bench, traffic = ActiveCampaignBench(sandbox), Traffic()
    more = {"requests_per_second": 10_000, "transport": traffic.transport()}
    one = ActiveCampaign("activecampaign", bench.url(), "sandbox", clock=bench.clock, gate=bench.gate, **more)
    [contact] = one.push([bench.create("ada")])
    one.push([bench.retitle(contact.remote_id, "CEO")])
    _read(traffic, one, bench.feed, contact.remote_id)
    [campaign] = one.push([Write(1, Kind.CREATE, "campaigns", None, "c", {"name": "Spring"})])
    one.push([Write(1, Kind.UPDATE, "campaigns", campaign.remote_id, "c", {"name": "Summer"})])
    _read(traffic, one, Feed("campaigns", ("name",)), campaign.remote_id)
    for name in ("automations", "deals"):
        _read(traffic, one, Feed(name, ("name",)), "1")
    for kind in (Kind.CREATE, Kind.UPDATE, Kind.DELETE):
        row = None if kind is Kind.CREATE else "1"
        traffic.said += one.push([Write(1, kind, "automations", row, "x", {"name": "Mine"})])
    one.push([Write(1, Kind.DELETE, "campaigns", campaign.remote_id, "c", {})])
    one.push([Write(1, Kind.DELETE, "contacts", contact.remote_id, "con_ada", {})])
    one.close()
    return traffic


def letrics(sandbox):
    bench, traffic = LetricsBench(sandbox), Traffic()
    bench.add("ada")
    shared = {name: ["x"] for name in ("locations", "functions", "industries", "tlds", "technologies")}
    people = {name: ["x"] for name in ("job_titles", "departments", "seniorities")}
    flags = dict.fromkeys(("has_personal_emails", "has_linkedin_profile", "is_decision_maker"), True)
    for method in ("POST", "GET"):
        one = Letrics("letrics", bench.url(), "sandbox", clock=bench.clock, method=method, allow_personal_email=True, transport=traffic.transport())  # fmt: skip
        _read(traffic, one, bench.feed, "ct_1")
        list(
            one.pull(
                Feed("contacts", (), params=shared | people | flags | {"added_after": "2026-01-01T00:00:00Z"}), None
            )
        )
        list(one.pull(Feed("companies", ("name",), params=shared), None))
        bench.fault("status", status=400, body=_refusal("letrics", 400, "invalid_input"), times=1)
        with suppress(AbortError):
            one.identify()
        one.close()
    return traffic


DRIVERS = {"abmatic": abmatic, "conversion": conversion, "activecampaign": activecampaign, "letrics": letrics}


def _read(traffic, one, feed, row_id):
    if one.capabilities(feed.object).listable:
        for _ in range(2):
            pages = list(one.pull(feed, None))
            list(one.pull(feed, pages[-1].cursor))
        for page in pages:
            traffic.keep(page.records)
    traffic.keep(record for record in one.fetch(feed, [row_id]).values() if record is not None)


# what becomes of errors ------------------------------------------------------------------------------------------------------


def becomes(sandbox, name, status, code):
    """What an answer with this status and code comes to: the error of a read, or the outcome of a write."""
    bench = BENCHES[name](sandbox)
    row_id, other = bench.add("ada"), bench.add("bob")
    one = bench.connect()
    try:
        if status == 404:
            bench.delete(row_id)
            deletes = bench.deletable
            write = Write(1, Kind.DELETE, bench.object, row_id, "con_1", {}) if deletes else bench.retitle(row_id, "x")
            return one.push([write])[0].outcome.value
        wait = {"retry-after": "86400"} if status == 429 else {}
        bench.fault(
            "status",
            status=status,
            body=_refusal(name, status, code),
            headers=wait,
            times=None,
            **_where(bench, status),
        )
        if status in REJECTIONS and bench.writable:
            return one.push([bench.retitle(other, "x")])[0].outcome.value
        one.fetch(bench.feed, [other])
    except AbortError as error:
        return type(error).__name__
    finally:
        bench.close()
    return "nothing"


REJECTIONS = (400, 409)


def _where(bench, status):
    return dict(bench.writing) if status in REJECTIONS and bench.writable else {}


def _refusal(name, status, code):
    """A refusal as the document of the vendor writes it."""
    if name == "conversion":
        return {"success": False, "error": {"code": code, "message": "x"}}
    if name == "letrics":
        return {"data": None, "meta": {}, "errors": [{"id": code, "code": status, "details": "x"}]} if code else {}
    return {"error": code, "message": "x", "meta": {"field": "name", "request_id": "req_1"}}

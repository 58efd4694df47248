"""Odd requests to the emulated Conversion, ActiveCampaign and Letrics: refused or ignored, never a crash."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.sandbox.activecampaign import ActiveCampaign
from sync.sandbox.activecampaign.vendor import API
from sync.sandbox.clock import Clock
from sync.sandbox.conversion import Conversion
from sync.sandbox.conversion.vendor import PATTERNS
from sync.sandbox.letrics import Letrics
from sync.sandbox.wire import Request

WORDS = [
    "id",
    "email",
    "contact",
    "contacts",
    "field",
    "fields",
    "fieldValues",
    "value",
    "list",
    "lists",
    "status",
    "tag",
    "tags",
    "batch",
    "companies",
    "variables",
]
WORDS += [
    "contactList",
    "contactTag",
    "fieldValue",
    "account",
    "accounts",
    "name",
    "note",
    "relid",
    "reltype",
    "listid",
    "subscribe",
    "unsubscribe",
    "title",
]
WORDS += [
    "fieldOptions",
    "webhook",
    "events",
    "sources",
    "url",
    "page",
    "per_page",
    "tlds",
    "job_titles",
    "added_after",
    "data",
    "type",
    "baseDomain",
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.sampled_from(["", "1", "2", "ada@example.com", "x", "Subscriber"])
)
BODIES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=14,
)
ROWS = ("contacts", "companies", "batch", "events", "fieldOptions")
WRAPPERS = [
    "contact",
    "fieldValue",
    "field",
    "fieldRel",
    "tag",
    "contactTag",
    "list",
    "contactList",
    "account",
    "accountContact",
    "note",
    "webhook",
    "message",
]
WRAPPERS += ["accountCustomFieldMetum", "accountCustomFieldDatum", "groupMember", "contactAutomation", "eventTracking"]
QUERIES = st.sampled_from(
    [
        "",
        "limit=0&offset=-3",
        "filters[updated_after]=soon&orders[id]=UP",
        "id_greater=x&ids[]=a&include=,",
        "page=0&tlds=1",
        "batchId=1&search=%00",
    ]
)


def vendor_of(make, profile):
    vendor = make(Clock())
    vendor.limit({"requests_per_minute": None, "profile": profile})
    kinds = {"contacts": {"email": "ada@example.com"}, "accounts": {"name": "Acme"}, "companies": {"id": "1"}}
    for name, row in kinds.items():
        if name in vendor.objects():
            vendor.edit(name, None, {"create": row}, None)
    return vendor


@pytest.mark.parametrize(
    ("make", "profile"), [(ActiveCampaign, ""), (Letrics, ""), *((Conversion, p) for p in PATTERNS)]
)
@given(
    body=BODIES
    | st.fixed_dictionaries(
        {"email": st.just("ada@example.com")}, optional=dict.fromkeys(set(WORDS) - {"email"}, BODIES)
    ),
    query=QUERIES,
    wrap=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_odd_bodies_do_not_break_a_vendor(make, profile, body, query, wrap):
    """Whatever JSON and query comes to any route, the vendor answers with a status below 500."""
    vendor = vendor_of(make, profile)
    for method, path in routes(make, profile):
        sent = {**dict.fromkeys(WRAPPERS, body), **{key: [body] for key in ROWS}} if wrap else body
        for raw in (orjson.dumps(sent), b"{"):
            answer = vendor.handle(Request(method, path, query, {}, raw))
            assert answer.status < 500, (method, path, sent)
    assert all(isinstance(vendor.rows(name), list) for name in vendor.objects())


def routes(make, profile):
    if make is Letrics:
        return [(method, f"/{name}") for method in ("GET", "POST") for name in ("contacts", "companies")]
    table = API if make is ActiveCampaign else PATTERNS[profile]
    return [(m, "/".join("1" if part.startswith(":") else part for part in p.split("/"))) for m, p in table.names()]

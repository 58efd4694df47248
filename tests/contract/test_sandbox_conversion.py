"""The emulated Conversion over real HTTP: profile C0 of the seed, and what C1 and C2 do otherwise."""

from __future__ import annotations

import pytest
from others_http import served

from sync.sandbox.conversion import Conversion
from sync.sandbox.people import Company, Person, Population
from sync.sandbox.vendor import EditRefused

ADA = "ada@example.com"


@pytest.fixture
def cv():
    with served(Conversion, {"Authorization": "Bearer sandbox", "X-API-Key": "sandbox"}) as here:
        yield here


def post(cv, path, body):
    return cv.client.post(f"/{path}", json=body)


def upsert(cv, *contacts):
    return post(cv, "contacts/batch", {"contacts": list(contacts)})


def get(cv, email=ADA):
    return cv.client.get(f"/contacts/by-email/{email}").json()


def v2(cv, path, body):
    return cv.client.post(cv.base.removesuffix("/v1") + f"/v2/{path}", json=body)


@pytest.mark.parametrize(
    "headers", [{"Authorization": "Bearer wrong"}, {"Authorization": "sandbox"}, {"Authorization": ""}]
)
def test_bearer_key_opens_c0(cv, headers):
    """A wrong, bare or missing key is 401 UNAUTHORIZED in the standard error shape."""
    answer = cv.client.get(f"/contacts/by-email/{ADA}", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["success"] is False and answer.json()["error"]["code"] == "UNAUTHORIZED"


def test_upsert_merges_variables(cv):
    """A second upsert keeps what it does not name, ignores blanks, and says `updated`; nobody is subscribed by it."""
    first = upsert(cv, {"email": ADA, "variables": {"first_name": "Ada", "title": "CTO"}}).json()
    again = upsert(
        cv, {"email": "ADA@example.com", "variables": {"last_name": "Quill", "title": "", "first_name": None}}
    ).json()
    [made], [changed] = first["data"], again["data"]
    assert (made["operation"], changed["operation"]) == ("created", "updated")
    assert (changed["email"], changed["contactId"]) == (ADA, made["contactId"])
    row = get(cv, "Ada%40EXAMPLE.com")["data"]
    assert row["variables"] == {"first_name": "Ada", "title": "CTO", "last_name": "Quill"}
    assert row["subscriptionStatus"] is None and "updatedAt" not in row and row["id"] == made["contactId"]


def test_bad_items_fail_alone_inside_200(cv):
    """One answer of 200 holds successes and failures; all failing is `success: false`, still 200."""
    mixed = upsert(cv, {"email": ADA}, {"email": "nobody"}, {"email": "Ada@Example.com"}, "text")
    assert mixed.status_code == 200 and mixed.json()["success"] is True
    codes = [row.get("error", {}).get("code") for row in mixed.json()["data"]]
    assert codes == [None, "VALIDATION_ERROR", "DUPLICATE_ERROR", "VALIDATION_ERROR"]
    alone = upsert(cv, {"email": "nobody"})
    assert alone.status_code == 200 and alone.json()["success"] is False
    assert cv.last.rows == 0 and cv.last.write


def test_atomic_and_silent_batches(cv):
    """Switched to atomic one bad item refuses all with 400; switched to omit_failed it is silently missing."""
    cv.vendor.limit({"batch": "atomic"})
    refused = upsert(cv, {"email": ADA}, {"email": "nobody"})
    assert refused.status_code == 400 and refused.json()["error"]["details"][0]["index"] == 1
    assert get(cv)["error"]["code"] == "NOT_FOUND"
    cv.vendor.limit({"batch": "omit_failed"})
    silent = upsert(cv, {"email": ADA}, {"email": "nobody"}).json()
    assert silent["success"] is True and [row["email"] for row in silent["data"]] == [ADA]


def test_armed_rows_fail_with_their_code(cv):
    """A row fault fails exactly its positions in every batch, and those are not stored."""
    cv.failing_rows = {1: "INTERNAL_ERROR"}
    answers = [
        upsert(cv, {"email": "a@example.com"}, {"email": "b@example.com"}),
        post(cv, "companies/batch", {"companies": [{"id": "1"}, {"id": "2"}]}),
        post(
            cv,
            "contacts/batch-subscription",
            {"contacts": [{"email": "a@example.com", "subscriptionStatus": "PENDING"}, {"email": "a@example.com"}]},
        ),
    ]
    for answer in answers:
        good, bad = answer.json()["data"]
        assert "error" not in good and bad["error"]["code"] == "INTERNAL_ERROR"
    assert [row["email"] for row in cv.vendor.rows("contacts")] == ["a@example.com"]
    assert [row["externalId"] for row in cv.vendor.rows("companies")] == ["1"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"batch": [{"email": ADA}]}, 400),
        ({"contacts": []}, 400),
        ({"contacts": [{"email": f"p{n}@example.com"} for n in range(101)]}, 413),
    ],
)
def test_batch_shape_and_size(cv, body, status):
    """A wrong list key or an empty list is VALIDATION_ERROR; more than 100 items are 413."""
    answer = post(cv, "contacts/batch", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, "VALIDATION_ERROR")
    assert not cv.vendor.rows("contacts")


def test_subscription_overwrites_an_opt_out(cv):
    """Status is set for existing contacts in the closed vocabulary; SUBSCRIBED over UNSUBSCRIBED is taken silently."""
    upsert(cv, {"email": ADA})
    for status in ("UNSUBSCRIBED", "SUBSCRIBED"):
        answer = post(cv, "contacts/batch-subscription", {"contacts": [{"email": ADA, "subscriptionStatus": status}]})
        assert answer.json()["data"][0]["operation"] == "updated" and get(cv)["data"]["subscriptionStatus"] == status
    bad = [
        {"email": "no@example.com", "subscriptionStatus": "PENDING"},
        {"email": ADA, "subscriptionStatus": "BOUNCED"},
    ]
    codes = [r["error"]["code"] for r in post(cv, "contacts/batch-subscription", {"contacts": bad}).json()["data"]]
    assert codes == ["NOT_FOUND", "VALIDATION_ERROR"]


def test_engagements_are_never_deduplicated(cv):
    """Two equal engagements are two; type, texts and the contact are checked."""
    upsert(cv, {"email": ADA})
    body = {
        "contactEmail": ADA,
        "type": "ACTIVITY",
        "name": "Demo",
        "description": "held",
        "data": {"source_event_id": "1"},
    }
    ids = {post(cv, "contacts/engagements", body).json()["data"]["id"] for _ in range(2)}
    assert {row["id"] for row in cv.vendor.rows("engagements")} == ids and len(ids) == 2
    wrong = [{**body, "type": "CALL"}, {**body, "name": " "}, {**body, "contactEmail": "no@example.com"}]
    assert [post(cv, "contacts/engagements", w).status_code for w in wrong] == [400, 400, 404]


def test_companies_are_keyed_by_our_id(cv):
    """Upsert, read and delete go by the caller's id, slashes and all; the answer's own id is the vendor's."""
    body = {"companies": [{"id": "a/b+1", "baseDomain": "acme.example.com", "variables": {"size": "11-50"}}]}
    [made] = post(cv, "companies/batch", body).json()["data"]
    row = cv.client.get("/companies/by-external-id/a%2Fb%2B1").json()["data"]
    assert (row["id"], row["externalId"], row["variables"]) == (made["companyId"], "a/b+1", {"size": "11-50"})
    gone = cv.client.delete("/companies/by-external-id/a%2Fb%2B1")
    assert gone.json() == {"success": True, "message": "deleted"}
    assert cv.client.delete("/companies/by-external-id/a%2Fb%2B1").status_code == 404


def test_deleting_forgets_consent(cv):
    """A contact deleted and made again is a new one with no memory of its opt-out."""
    [made] = upsert(cv, {"email": ADA}).json()["data"]
    post(cv, "contacts/batch-subscription", {"contacts": [{"email": ADA, "subscriptionStatus": "UNSUBSCRIBED"}]})
    assert "data" not in cv.client.delete(f"/contacts/by-email/{ADA}").json()
    [again] = upsert(cv, {"email": ADA}).json()["data"]
    assert again["contactId"] != made["contactId"] and get(cv)["data"]["subscriptionStatus"] is None


def test_habits_can_be_switched(cv):
    """Replacing variables, dropping unknown ones, case-sensitive addresses and errors inside 200 are settings."""
    cv.vendor.limit(
        {"variables": "replace", "drop_unknown_variables": True, "email_case": "sensitive", "ok_errors": True}
    )
    upsert(cv, {"email": ADA, "variables": {"title": "CTO"}})
    upsert(cv, {"email": ADA, "variables": {"first_name": "Ada", "shoe_size": "42"}}, {"email": "ADA@example.com"})
    assert get(cv)["data"]["variables"] == {"first_name": "Ada"} and len(cv.vendor.rows("contacts")) == 2
    missing = cv.client.get("/contacts/by-email/no@example.com")
    assert missing.status_code == 200 and missing.json()["success"] is False


def test_ten_calls_a_second_per_endpoint():
    """The eleventh call of one endpoint in a second is 429 without Retry-After; another endpoint is still served."""
    with served(Conversion, {"Authorization": "Bearer sandbox"}, limits=True) as cv:
        answers = [cv.client.get(f"/contacts/by-email/{ADA}") for _ in range(11)]
        assert [a.status_code for a in answers] == [404] * 10 + [429] and "retry-after" not in answers[-1].headers
        assert answers[-1].json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
        assert upsert(cv, {"email": ADA}).status_code == 200
        cv.clock.advance(1.1)
        assert cv.client.get(f"/contacts/by-email/{ADA}").status_code == 200


def test_profile_c1(cv):
    """C1 takes lists under `batch`, answers empty objects, refuses a batch as a whole, and keeps domains unique."""
    cv.vendor.limit({"profile": "C1"})
    assert cv.client.post("/contacts/batch", json={}, headers={"X-API-Key": "no"}).json() == {
        "message": "Invalid or missing API key"
    }
    assert post(cv, "contacts/batch", {"batch": [{"email": ADA, "variables": {"job_title": "CTO"}}]}).json() == {}
    assert post(cv, "contacts/batch", {"batch": [{"email": "b@example.com"}, {"email": "no"}]}).status_code == 400
    assert [row["email"] for row in cv.vendor.rows("contacts")] == [ADA]
    assert post(cv, "companies/batch", {"batch": [{"id": "1", "domain": "acme.example.com"}]}).json() == {}
    assert post(cv, "companies/batch", {"batch": [{"id": "2", "domain": "ACME.example.com"}]}).status_code == 400
    assert cv.client.get("/companies/1").json()["domain"] == "acme.example.com"
    assert cv.client.get(f"/contacts/by-email/{ADA}").status_code == 404


def test_profile_c2(cv):
    """C2 answers by position, changes an address by id, repeats events safely, and exports with holes and repeats."""
    cv.vendor.limit({"profile": "C2"})
    body = {"contacts": [{"email": f"p{n}@example.com", "fields": {"title": "CTO"}} for n in range(7)]}
    results = v2(cv, "contacts/batch", {**body, "contacts": [*body["contacts"], {"email": "no"}]}).json()["data"][
        "results"
    ]
    assert [r["success"] for r in results] == [True] * 7 + [False]
    moved = v2(
        cv,
        "contacts",
        {
            "cnvContactId": results[0]["cnvContactId"],
            "email": "new@example.com",
            "fields": {"title": "CEO"},
            "preserveExistingFields": True,
        },
    )
    assert moved.json()["data"] == {"cnvContactId": results[0]["cnvContactId"], "contactCreated": False}
    assert (
        v2(cv, "contacts", {"email": "x@example.com", "updateOnly": True}).json()["error"]["code"]
        == "contact_not_found"
    )
    event = {"event": "demo", "email": "p1@example.com", "eventId": "e1"}
    assert len({v2(cv, "events", event).json()["data"]["cnvEventId"] for _ in range(2)}) == 1
    rows, sizes, cursor = [], [], ""
    while cursor is not None:
        page = v2(cv, "exports/contacts", {"limit": 3, "cursor": cursor} if cursor else {"limit": 3}).json()
        rows += page["data"]["contacts"]
        sizes.append(len(page["data"]["contacts"]))
        cursor = page["pagination"]["nextCursor"]
    assert 0 in sizes and len(rows) > 7 and len({row["id"] for row in rows}) == 7
    assert {row["email"]: row["fields"]["title"] for row in rows}["new@example.com"] == "CTO"
    assert rows[0]["subscriptionStatus"] == "NO_STATUS" and rows[0]["updatedAt"].endswith(".000000001Z")


def test_profile_c2_refuses_fields_it_does_not_have(cv):
    """C2 answers `invalid_field` to a name that neither it nor anybody here made; one row of a batch fails alone."""
    cv.vendor.edit("contacts", None, {"create": {"email": ADA, "variables": {"shoe_size": 41}}}, None)
    cv.vendor.limit({"profile": "C2", "custom_fields": ["nickname"]})
    known = {
        "email": ADA,
        "fields": {"title": "CTO", "shoe_size": 42, "nickname": "A"},
        "companyFields": {"size": "1-10"},
    }
    assert v2(cv, "contacts", known).status_code == 200
    for wrong in ({"fields": {"title": "CEO", "hat": 1}}, {"companyFields": {"hat": 1}}, {"fields": 7}):
        refused = v2(cv, "contacts", {"email": ADA, **wrong})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_field")
    batch = {"contacts": [known, {"email": "b@example.com", "fields": {"hat": 1}}]}
    results = v2(cv, "contacts/batch", batch).json()["data"]["results"]
    assert [(row["success"], row.get("error", {}).get("code")) for row in results] == [
        (True, None),
        (False, "invalid_field"),
    ]
    assert cv.vendor.rows("contacts")[0]["variables"]["title"] == "CTO"


def test_people_edit_and_undo(cv):
    """A person creates, edits by variable path, deletes and brings back; a taken address and an unknown row are refused."""
    made = cv.vendor.edit(
        "contacts",
        None,
        {"create": {"email": ADA, "variables": {"title": "CTO"}, "subscriptionStatus": "SUBSCRIBED"}},
        None,
    )
    cv.vendor.edit(
        "contacts", made, {"set": {"variables.title": "CEO", "email": "ada.new@example.com"}}, "2026-01-01T00:00:00Z"
    )
    assert get(cv, "ada.new@example.com")["data"]["variables"]["title"] == "CEO" and get(cv)["success"] is False
    cv.vendor.edit("contacts", made, {"set": {"variables.title": None}}, None)
    assert "title" not in get(cv, "ada.new@example.com")["data"]["variables"]
    cv.vendor.edit("contacts", made, {"delete": True}, None)
    assert [row["_deleted"] for row in cv.vendor.rows("contacts")] == [True]
    cv.vendor.edit("contacts", made, {"undelete": True}, None)
    assert get(cv, "ada.new@example.com")["data"]["id"] == made
    firm = cv.vendor.edit("companies", None, {"create": {"id": "ext-1", "baseDomain": "acme.example.com"}}, None)
    assert cv.client.get("/companies/by-external-id/ext-1").json()["data"]["id"] == firm
    for name, row, change in (
        ("contacts", None, {"create": {"email": "ADA.new@example.com"}}),
        ("contacts", "77", {"set": {}}),
        ("deals", None, {"create": {}}),
    ):
        with pytest.raises(EditRefused, match="conversion"):
            cv.vendor.edit(name, row, change, None)


def test_population(cv):
    """The invented people arrive with variables and status, companies with a size band."""
    here = frozenset({"conversion"})
    firm = Company(0, "Acme", "acme.example.com", "Retail", 10001, "Berlin", "BE", "DE", "+4930", 1, 50, here)
    person = Person(0, "Ada", "Quill", ADA, "CTO", "VP", "+49 30 1", 0, 5, opted_out=True, systems=here)
    cv.vendor.populate(Population(1, (firm,), (person,)))
    row = get(cv)["data"]
    assert row["subscriptionStatus"] == "UNSUBSCRIBED" and row["variables"]["company_name"] == "Acme"
    assert cv.vendor.rows("companies")[0]["variables"]["size"] == "10001+"

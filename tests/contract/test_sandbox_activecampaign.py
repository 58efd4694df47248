"""The emulated ActiveCampaign over real HTTP, against section 17 of the vendor's sheet."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from others_http import served

from sync.sandbox.activecampaign import ActiveCampaign, calendar
from sync.sandbox.people import Company, Person, Population
from sync.sandbox.vendor import EditRefused
from sync.sandbox.wire import Request


@pytest.fixture
def ac():
    with served(ActiveCampaign, {"Api-Token": "sandbox"}) as here:
        yield here


def call(ac, method, path, body=None, **params):
    return ac.client.request(method, f"/api/3/{path}", json=body, params=params or None)


def sync_contact(ac, email, **more):
    return call(ac, "POST", "contact/sync", {"contact": {"email": email, **more}})


def new(ac, email="a@example.com", **more):
    return sync_contact(ac, email, **more).json()["contact"]["id"]


def subscribe(ac, contact, status, on=1):
    return call(ac, "POST", "contactLists", {"contactList": {"contact": contact, "list": on, "status": status}})


def create(ac, table, at=None, /, **paths):
    return ac.vendor.edit(table, None, {"create": paths}, at)


def walk(ac, **params):
    found, last = [], 0
    while True:
        page = call(ac, "GET", "contacts", **{"orders[id]": "ASC", "id_greater": last, "limit": 100, **params}).json()
        found += page["contacts"]
        if len(page["contacts"]) < 100:
            return found
        last = page["contacts"][-1]["id"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Api-Token": "wrong"}, 403),
        ({"Authorization": "Bearer sandbox"}, 403),
        ({"Api-Token": "sandbox-canary"}, 200),
        ({"Api-Token": "sandboxed"}, 403),
    ],
)
def test_only_the_api_token_opens(ac, headers, status):
    """The key counts in `Api-Token` only; everything else is 403 Forbidden."""
    answer = httpx.get(f"{ac.base}/api/3/users/me", headers=headers, trust_env=False)
    assert answer.status_code == status
    assert status == 200 or answer.json() == {"message": "Forbidden"}


def test_sixth_call_in_a_second_is_refused():
    """Five calls a second pass, the sixth is 429 with Retry-After, and emulated time brings the next five."""
    with served(ActiveCampaign, {"Api-Token": "sandbox"}, limits=True) as ac:
        answers = [call(ac, "GET", "users/me") for _ in range(6)]
        assert [a.status_code for a in answers] == [200] * 5 + [429]
        assert answers[0].headers["ratelimit-remaining"] == "4" and answers[5].headers["retry-after"] == "1"
        ac.clock.advance(1.1)
        assert call(ac, "GET", "users/me").status_code == 200


def test_import_limits_answer_400():
    """More than 20 one-contact imports a minute answer 400 in the import's own shape."""
    with served(ActiveCampaign, {"Api-Token": "sandbox"}, limits=True) as ac:
        for n in range(21):
            ac.clock.advance(0.5)
            answer = call(ac, "POST", "import/bulk_import", {"contacts": [{"email": f"p{n}@example.com"}]})
        assert answer.status_code == 400 and answer.json()["message"] == "Rate limit exceeded."


def test_sync_creates_then_keeps_what_is_not_sent(ac):
    """Upsert by e-mail, whatever its case: 201, then 200; unsent columns and values stay, unknown fields vanish."""
    values = [{"field": 1, "value": "CTO"}, {"field": "99", "value": "x"}]
    first = sync_contact(ac, "Ada@Example.com", firstName="Ada", phone="1", fieldValues=values)
    again = sync_contact(ac, "ada@example.COM", lastName="Quill")
    assert (first.status_code, again.status_code) == (201, 200)
    contact = again.json()["contact"]
    seen = [contact[key] for key in ("email", "firstName", "lastName", "phone", "id")]
    assert seen == ["Ada@Example.com", "Ada", "Quill", "1", first.json()["contact"]["id"]]
    assert [v["value"] for v in first.json()["fieldValues"]] == ["CTO"]
    assert contact["links"]["fieldValues"] == f"{ac.base}/api/3/contacts/{contact['id']}/fieldValues"


def test_what_hangs_on_a_contact_has_links(ac):
    """Values, memberships, tags, jobs and enrolments carry absolute links, alone, in lists and beside a contact."""
    row = sync_contact(ac, "a@example.com", fieldValues=[{"field": 1, "value": "CTO"}]).json()
    value, contact = row["fieldValues"][0], row["contact"]["id"]
    assert value["links"] == {name: f"{ac.base}/api/3/fieldValues/{value['id']}/{name}" for name in ("owner", "field")}
    tag = call(ac, "POST", "tags", {"tag": {"tag": "VIP", "tagType": "contact"}}).json()["tag"]["id"]
    made = [
        call(ac, "POST", "contactTags", {"contactTag": {"contact": contact, "tag": tag}}).json()["contactTag"],
        subscribe(ac, contact, 1).json()["contactList"],
        call(ac, "POST", "contactAutomations", {"contactAutomation": {"contact": contact, "automation": 1}}).json()[
            "contactAutomation"
        ],
    ]
    assert all(one["links"]["contact"].startswith(ac.base) for one in made)
    account = call(ac, "POST", "accounts", {"account": {"name": "Acme"}}).json()["account"]["id"]
    call(ac, "POST", "accountContacts", {"accountContact": {"contact": contact, "account": account}})
    deal(ac, contact=contact)
    whole = call(ac, "GET", f"contacts/{contact}").json()
    sides = {"contactAutomations", "contactLists", "deals", "fieldValues", "geoAddresses", "geoIps", "accountContacts"}
    assert set(whole) == {*sides, "contact"}
    assert whole["deals"] and all(row["links"] for name in sides for row in whole[name])
    assert whole["contact"]["contactAutomations"] == [made[2]["id"]] and "contactTags" not in whole["contact"]
    tags = call(ac, "GET", f"contacts/{contact}/contactTags").json()["contactTags"]
    assert [row["links"]["tag"] for row in tags] == [f"{ac.base}/api/3/contactTags/{made[0]['id']}/tag"]


def test_contact_errors_have_the_documented_shapes(ac):
    """Missing, bad and duplicate e-mail and unknown ids answer as section 4 writes them."""
    new(ac, "a@example.com")
    other = new(ac, "b@example.com")
    entry = {"status": 400, "title": "Bad Request", "detail": "Contact email must be provided for sync"}
    assert sync_contact(ac, "").json() == {"errors": [entry]}
    wrong = {"title": "Contact Email Address is not valid.", "code": "email_invalid"}
    wrong |= {"error": "must_be_valid_email_address", "source": {"pointer": "/data/attributes/email"}}
    assert sync_contact(ac, "nobody").json() == {"errors": [wrong]}
    twice = call(ac, "POST", "contacts", {"contact": {"email": "A@example.com"}})
    moved = call(ac, "PUT", f"contacts/{other}", {"contact": {"email": "A@EXAMPLE.com"}})
    for answer in (twice, moved):
        assert answer.status_code == 422 and answer.json()["errors"][0]["code"] == "duplicate"
    assert call(ac, "GET", "contacts/77").json() == {"message": "No Result found for Subscriber with id 77"}
    assert call(ac, "DELETE", "contacts/77").json() == {"message": "No result found for contact with id 77"}


def test_pages_default_to_twenty_and_end_at_a_hundred(ac):
    """Default limit 20, maximum 100, total as text; the keyset walk sees everybody once."""
    for n in range(130):
        create(ac, "contacts", email=f"p{n}@example.com")
    plain = call(ac, "GET", "contacts").json()
    assert set(plain) == {"scoreValues", "contacts", "meta"}
    assert len(plain["contacts"]) == 20 and plain["meta"]["total"] == "130"
    assert len(call(ac, "GET", "contacts", limit=500).json()["contacts"]) == 100
    ids = [int(c["id"]) for c in walk(ac)]
    assert ids == sorted(set(ids)) and len(ids) == 130
    backwards = call(ac, "GET", "contacts", **{"orders[id]": "DESC", "offset": 5, "limit": 3}).json()["contacts"]
    assert [int(c["id"]) for c in backwards] == ids[::-1][5:8]


def test_unknown_filters_are_ignored(ac):
    """An unknown filter returns everybody; so does every filter on /contactLists."""
    for n in range(3):
        subscribe(ac, new(ac, f"p{n}@example.com"), 1)
    assert len(call(ac, "GET", "contacts", **{"filters[email]": "p1@example.com"}).json()["contacts"]) == 3
    assert len(call(ac, "GET", "contacts", email="P1@example.com").json()["contacts"]) == 1
    assert len(call(ac, "GET", "contactLists", **{"filters[contact]": "1"}).json()["contactLists"]) == 3


def test_membership_filters_and_includes(ac):
    """`listid` and `status` select; `include` puts the side rows beside the contacts."""
    ids = [new(ac, f"p{n}@example.com") for n in range(3)]
    for contact, status in zip(ids[:2], (1, 2), strict=True):
        subscribe(ac, contact, status)

    def who(**params):
        return {c["id"] for c in call(ac, "GET", "contacts", **params).json()["contacts"]}

    assert who(listid=1) == set(ids[:2]) and who(status=2) == {ids[1]} and who(listid=2) == set()
    sides = call(ac, "GET", "contacts", include="contactLists,nonsense").json()["contactLists"]
    assert {(s["contact"], s["status"]) for s in sides} == {(ids[0], "1"), (ids[1], "2")}


def test_updated_after_knows_only_days_of_chicago(ac):
    """`updated_after` cuts at midnight US Central and ignores a time of day; a future day selects nobody."""
    create(ac, "contacts", "2026-03-05T05:59:00Z", email="old@example.com")
    create(ac, "contacts", "2026-03-05T06:01:00Z", email="new@example.com")

    def seen(day):
        return {c["email"] for c in walk(ac, **{"filters[updated_after]": day})}

    assert seen("2026-03-05") == {"new@example.com"} == seen("2026-03-05T23:00:00Z")
    assert seen("2026-03-04") == {"old@example.com", "new@example.com"} and seen("2126-01-01") == set()


@given(st.datetimes(datetime(2007, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - zone follows
@settings(max_examples=60, deadline=None)
def test_stamps_are_wall_clock_in_chicago(moment):
    """A stamp names the same second, with the offset that Chicago has then."""
    assert calendar.stamp(moment) == moment.astimezone(ZoneInfo("America/Chicago")).isoformat(timespec="seconds")


def test_side_writes_move_udate(ac):
    """Writes of a value, a tag, a list status move the contact's udate; an account link does not."""
    row = create(ac, "contacts", "2026-01-05T12:00:00Z", email="a@example.com")
    account = create(ac, "accounts", name="Acme")
    tag = call(ac, "POST", "tags", {"tag": {"tag": "VIP", "tagType": "contact"}}).json()["tag"]["id"]

    def udate():
        return call(ac, "GET", f"contacts/{row}").json()["contact"]["udate"]

    call(ac, "POST", "accountContacts", {"accountContact": {"contact": row, "account": account}})
    assert udate() == "2026-01-05T06:00:00-06:00"
    writes = {
        "fieldValue": {"field": 1, "value": "CTO"},
        "contactTag": {"tag": tag},
        "contactList": {"list": 1, "status": 1},
    }
    for key, body in writes.items():
        before = udate()
        ac.clock.advance(90)
        assert call(ac, "POST", f"{key}s", {key: {"contact": row, **body}}).status_code == 200
        assert udate() > before


def test_values_and_links_are_upserts(ac):
    """Posting a field value again keeps its id; clearing leaves a blank row; wrong ids answer as documented."""
    row = new(ac)

    def post(value, field=1):
        return call(ac, "POST", "fieldValues", {"fieldValue": {"contact": row, "field": field, "value": value}})

    assert post("CTO").json()["fieldValue"]["id"] == post("").json()["fieldValue"]["id"]
    values = call(ac, "GET", f"contacts/{row}/fieldValues").json()["fieldValues"]
    assert [v["value"] for v in values] == [""]
    assert post("x", 99).status_code == 422 and post("x", 99).json()["errors"][0]["title"] == "Field id not valid"
    by_name = call(ac, "POST", "contactTags", {"contactTag": {"contact": row, "tag": "VIP"}})
    assert by_name.json()["errors"][0]["title"] == "No tag id provided"


def test_resubscribe_trap(ac):
    """Status 1 over 2 is taken without a word; the switch refuses it; status 7 is no choice."""
    row = new(ac)
    assert [subscribe(ac, row, status).status_code for status in (2, 1, 7, 2)] == [200, 200, 422, 200]
    ac.vendor.limit({"resubscribe": "refused"})
    assert subscribe(ac, row, 1).status_code == 403
    [membership] = call(ac, "GET", f"contacts/{row}/contactLists").json()["contactLists"]
    assert membership["status"] == "2" and membership["udate"]


def test_a_body_that_is_no_json_is_a_bad_request(ac):
    """Half a body is 400, whatever it was meant for, and changes nothing."""
    headers = {"Content-Type": "application/json"}
    for method, path in (
        ("POST", "contacts"),
        ("POST", "contact/sync"),
        ("PUT", "contacts/1"),
        ("POST", "import/bulk_import"),
    ):
        answer = ac.client.request(method, f"/api/3/{path}", content=b'{"contact": {"email"', headers=headers)
        assert answer.status_code == 400 and answer.json()["message"]
    assert call(ac, "GET", "contacts").json()["contacts"] == []


def test_includes_that_no_document_knows_can_be_left_out(ac):
    """By the switch `include` brings list status, custom values and tags, and is silent about the rest, which has tables of its own."""
    new(ac)
    ac.vendor.limit({"sideloads": "documented"})
    page = call(
        ac, "GET", "contacts", include="contactLists,fieldValues,contactTags,accountContacts,contactAutomations"
    ).json()
    assert set(page) == {"contactLists", "fieldValues", "contactTags", "scoreValues", "contacts", "meta"}
    assert call(ac, "GET", "accountContacts").status_code == 200


def imported(ac, rows):
    return call(ac, "POST", "import/bulk_import", {"contacts": rows})


def test_import_is_checked_whole_and_done_later(ac):
    """One bad row refuses the batch; a good batch is `false`, waits, and completes; opt-outs stay out."""
    subscribe(ac, new(ac, "out@example.com"), 2)
    rich = {"first_name": "P", "fields": [{"id": 1, "value": "CTO"}], "tags": ["New"], "customer_acct_name": "Acme"}
    rows = [{"email": f"p{n}@example.com", **rich, "subscribe": [{"listid": 1}]} for n in range(12)]
    bad = imported(ac, [*rows, {"email": "nobody"}])
    assert bad.status_code == 400
    assert bad.json()["failureReasons"] == [{"contact": 13, "failureReason": "Field 'email' incorrect format"}]
    sent = imported(ac, [*rows, {"email": "out@example.com", "subscribe": [{"listid": 1}]}])
    assert sent.status_code == 200 and sent.json()["queued_contacts"] == 13

    def info():
        return call(ac, "GET", "import/info", batchId=sent.json()["batchId"]).json()

    assert info()["status"] is False and len(walk(ac)) == 1
    seen = []
    for _ in range(6):
        ac.clock.advance(1.1)
        seen.append(info()["status"])
    assert seen[0] == "waiting" and seen[-1] == "completed"
    assert info()["failure"] == ["out@example.com"] and len(info()["success"]) == 12
    assert len(walk(ac, listid=1, status=1)) == 12
    assert [a["name"] for a in ac.vendor.rows("accounts")] == ["Acme"] and len(ac.vendor.rows("accountContacts")) == 12
    assert call(ac, "GET", "import/info").status_code == 400


def test_import_size_limits(ac):
    """251 contacts or more than 399,999 bytes are refused."""
    many = [{"email": f"p{n}@example.com"} for n in range(251)]
    long = [{"email": "a@example.com", "first_name": "x" * 400_000}]
    assert [imported(ac, rows).status_code for rows in (many, many[:250], long)] == [400, 200, 400]


def test_armed_rows_fail_with_their_code(ac):
    """A row fault refuses an import by position and a single write by its code."""
    ac.failing_rows = {1: "LOCKED", 0: "LOCKED"}
    batch = imported(ac, [{"email": "a@example.com"}, {"email": "b@example.com"}])
    single = sync_contact(ac, "a@example.com")
    ac.failing_rows = {}
    assert [(r["contact"], r["failureReason"]) for r in batch.json()["failureReasons"]] == [
        (1, "LOCKED"),
        (2, "LOCKED"),
    ]
    assert single.status_code == 422 and single.json()["errors"][0]["code"] == "LOCKED"
    assert not walk(ac)


def test_accounts_are_unique_and_hold_each_contact_once(ac):
    """Account names are unique; a contact has one account, to be moved by PUT."""

    def make(name):
        return call(ac, "POST", "accounts", {"account": {"name": name, "accountUrl": "https://acme.example.com"}})

    first, second = (make(name).json()["account"]["id"] for name in ("Acme", "Other"))
    assert [make(name).json()["errors"][0]["code"] for name in ("ACME", "")] == ["duplicate", "field_missing"]
    row = new(ac)

    def link(account):
        return call(ac, "POST", "accountContacts", {"accountContact": {"contact": row, "account": account}})

    made = link(first)
    assert made.status_code == 201
    assert link(second).json()["errors"][0]["source"]["pointer"] == "/data/attributes/account,contact"
    place = f"accountContacts/{made.json()['accountContact']['id']}"
    call(ac, "PUT", place, {"accountContact": {"account": second}})
    [found] = call(ac, "GET", "accountContacts", **{"filters[contact]": row}).json()["accountContacts"]
    assert found["account"] == second
    assert call(ac, "DELETE", "accounts/bulk_delete", **{"ids[]": [first, second]}).json() == {
        "meta": {"success": True}
    }
    assert not call(ac, "GET", "accountContacts").json()["accountContacts"]


def test_account_values_keep_their_lists(ac):
    """Values of account fields come and go in bulk, as a bare array; several choices stay an array."""
    account = create(ac, "accounts", name="Acme")
    body = {"accountCustomFieldMetum": {"fieldLabel": "Groups", "fieldType": "multiselect"}}
    field = int(call(ac, "POST", "accountCustomFieldMeta", body).json()["accountCustomFieldMetum"]["id"])
    row = {"accountId": account, "customFieldId": field, "fieldValue": ["a", "b"]}
    call(ac, "POST", "accountCustomFieldData/bulkCreate", [row])
    [value] = call(ac, "GET", "accountCustomFieldData", **{"filters[customerAccountId]": account}).json()[
        "accountCustomFieldData"
    ]
    assert value["fieldValue"] == ["a", "b"] and value["customFieldId"] == field
    call(ac, "PATCH", "accountCustomFieldData/bulkUpdate", [{"id": value["id"], "fieldValue": ["c"]}])
    assert call(ac, "GET", f"accountCustomFieldData/{value['id']}").json()["accountCustomFieldDatum"]["fieldValue"] == [
        "c"
    ]


def test_automations_cannot_be_built(ac):
    """Automations are read only (405); enrolling is not idempotent, and unknown ones answer 403."""
    listed = call(ac, "GET", "automations").json()["automations"]
    assert [a["name"] for a in listed] == ["Welcome", "Re-engagement", "Onboarding"]
    for method, path in (("POST", "automations"), ("PUT", "automations/1"), ("DELETE", "automations/1")):
        assert call(ac, method, path, {}).status_code == 405
    row = new(ac)

    def enrol(automation):
        body = {"contactAutomation": {"contact": row, "automation": automation}}
        return call(ac, "POST", "contactAutomations", body).status_code

    assert [enrol(1), enrol("1"), enrol(9)] == [201, 201, 403]
    assert len(call(ac, "GET", f"contacts/{row}/contactAutomations").json()["contactAutomations"]) == 2


@pytest.mark.parametrize(
    "body", [{"contact": {"phone": "1", "allowNullEmail": True}}, {"contact": {"phone": "1"}, "allowNullEmail": True}]
)
def test_a_contact_of_a_phone_alone_is_made_where_that_is_asked_for(ac, body):
    """The switch counts within the contact and beside it."""
    made = call(ac, "POST", "contacts", body)
    assert made.status_code == 201
    assert call(ac, "GET", f"contacts/{made.json()['contact']['id']}").json()["contact"]["email_empty"] is True


def test_an_edit_of_a_campaign_is_told_by_its_row_and_its_answer(ac):
    """Segment and address are read back as text under the names of the row; every documented setting is echoed."""
    call(ac, "POST", "campaign", {"name": "N", "type": "single"})
    sent = {"segmentId": 7, "addressId": 2, "sendToExistingSubscribers": True, "responderDaysOffset": 3}
    told = call(ac, "PUT", "campaigns/1/edit", sent).json()
    assert {name: told[name] for name in sent} == sent
    row = call(ac, "GET", "campaigns/1").json()["campaign"]
    assert (row["segmentid"], row["addressid"], row["name"]) == ("7", "2", "N")


def test_campaign_quirks(ac):
    """A draft comes unwrapped with a number; edit knows 400 and 406; deleting nothing is 200 with `succeeded` 0."""
    made = call(ac, "POST", "campaign", {"name": "N", "type": "single"})
    assert (made.status_code, made.json()["id"]) == (200, 1)
    assert call(ac, "POST", "campaign", {"type": "single"}).json() == {"errors": ["Field name is required"]}
    asked = ((1, {"name": "M"}), (9, {"name": "M"}), (1, {}))
    assert [call(ac, "PUT", f"campaigns/{i}/edit", body).status_code for i, body in asked] == [200, 400, 406]
    assert [call(ac, "DELETE", "campaigns/1").json()["succeeded"] for _ in range(2)] == [1, 0]


def test_missing_rows_answer_403_where_the_vendor_does(ac):
    """Deleting an unknown list, enrolment, note or value is 403; an unknown tag or route 404."""
    paths = ("lists", "contactAutomations", "notes", "fieldValues", "tags", "nonsense")
    assert [call(ac, "DELETE", f"{path}/99").status_code for path in paths] == [403, 403, 403, 403, 404, 404]


def deal(ac, title="Big", **more):
    sent = {"title": title, "value": 10050, "currency": "usd", "group": 1, "stage": 1, "owner": 1, **more}
    return call(ac, "POST", "deals", {"deal": sent})


def test_deals_have_a_life(ac):
    """A deal is made for a contact, changed in part, noted, given to another owner, and deleted; money stays cents."""
    contact = new(ac)
    made = deal(ac, contact=contact)
    assert made.status_code == 201 and set(made.json()) == {"contacts", "deal", "dealStages"}
    row = made.json()["deal"]
    assert (row["value"], row["status"], row["contact"], row["customerAccount"]) == ("10050", "0", contact, None)
    assert made.json()["contacts"][0]["id"] == contact and made.json()["dealStages"][0]["title"] == "To Contact"
    changed = call(ac, "PUT", f"deals/{row['id']}", {"deal": {"stage": "2", "status": 1}}).json()["deal"]
    assert (changed["title"], changed["stage"], changed["status"]) == ("Big", "2", "1")
    assert call(ac, "POST", f"deals/{row['id']}/notes", {"note": {"note": "hi"}}).status_code == 201
    assert call(ac, "PATCH", "deals/bulkUpdate", {"ids": [row["id"]], "owner": 7}).json()["deals"][0]["owner"] == "7"
    assert call(ac, "GET", f"contacts/{contact}").json()["contact"]["deals"] == [row["id"]]
    assert call(ac, "DELETE", f"deals/{row['id']}").json() == {}
    gone = [call(ac, method, f"deals/{row['id']}", {}) for method in ("GET", "PUT", "DELETE")]
    assert [(answer.status_code, answer.json()["message"]) for answer in gone] == [
        (404, f"No Result found for Deal with id {row['id']}")
    ] * 3
    pipeline = call(ac, "GET", "dealGroups").json()["dealGroups"][0]
    assert pipeline["stages"] == [stage["id"] for stage in call(ac, "GET", "dealStages").json()["dealStages"]]
    assert [call(ac, "GET", f"{path}/1").status_code for path in ("dealGroups", "dealStages")] == [200, 200]


def test_deals_are_filtered(ac):
    """Filters by column, text, time and money; after means from then on, before without it, and unknown ones are ignored."""
    ada = new(ac, "ada@acme.example")
    for title, value, at in (("Alpha", 100, "2026-01-01"), ("Beta", 200, "2026-02-01"), ("Gamma", 300, "2026-03-01")):
        create(ac, "deals", f"{at}T12:00:00Z", title=title, value=value, contact=ada if title == "Beta" else None)

    def titles(**filters):
        answer = call(ac, "GET", "deals", **{f"filters[{name}]": value for name, value in filters.items()}).json()
        assert answer["meta"]["total"] == str(len(answer["deals"])) and set(answer["meta"]) == {"total", "currencies"}
        return [row["title"][0] for row in answer["deals"]]

    at = "2026-02-01T12:00:00Z"
    assert [titles(updated_after=at), titles(updated_before=at), titles(created_after=at)] == [
        ["B", "G"],
        ["A"],
        ["B", "G"],
    ]
    assert [titles(minimum_value=200), titles(maximum_value=200)] == [["B", "G"], ["A", "B"]]
    assert [titles(search="ada@"), titles(search="ALPH"), titles(search="ada@", search_field="title")] == [
        ["B"],
        ["A"],
        [],
    ]
    assert [titles(title="Beta"), titles(stage="9"), titles(nonsense="x"), titles(updated_after="x")] == [
        ["B"],
        [],
        *[["A", "B", "G"]] * 2,
    ]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"title": ""}, "title"),
        ({"value": None}, "value"),
        ({"value": "12.5"}, "value"),
        ({"contact": None}, "contact"),
        ({"contact": "99"}, "contact"),
        ({"stage": "99"}, "stage"),
        ({"status": 5}, "status"),
    ],
)
def test_deals_that_cannot_be_made(ac, change, pointer):
    """What is missing or names nothing is 422 with a pointer, and no deal is there."""
    refused = deal(ac, **{"contact": new(ac), **change})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["source"]["pointer"] == f"/data/attributes/{pointer}"
    assert call(ac, "GET", "deals").json()["deals"] == []


def test_notes_webhooks_and_tracking(ac):
    """Notes are never deduplicated, webhooks must be https, and a tracked event reaches the contact."""
    row = new(ac, "a+b@example.com")
    for _ in range(2):
        body = {"note": {"note": "hi", "relid": row, "reltype": "Subscriber"}}
        assert call(ac, "POST", "notes", body).status_code == 201
    assert len(call(ac, "GET", f"contacts/{row}/notes").json()["notes"]) == 2
    hook = {"name": "S", "url": "https://h.example.com/ac", "events": ["update"]}
    plain = {**hook, "url": "http://h.example.com"}
    assert [call(ac, "POST", "webhooks", {"webhook": h}).status_code for h in (hook, plain)] == [201, 422]
    call(ac, "PUT", "eventTracking", {"eventTracking": {"enabled": True}})
    form = {"actid": "1", "key": "k", "event": "demo", "eventdata": "x", "visit": '{"email":"a+b@example.com"}'}
    assert ac.client.post("/event", data=form).json()["success"] == 1
    assert call(ac, "GET", f"contacts/{row}/trackingLogs").json()["trackingLogs"][0]["type"] == "demo"


def test_people_edit_by_mapping_paths(ac):
    """A person's edit takes values by tag, list status in words, an account and tags; dump and API show them."""
    account = create(ac, "accounts", name="Acme")
    start = {"email": "a@example.com", "lists.Newsletter": "SUBSCRIBED", "fields": {"JOB_TITLE": "CTO"}}
    row = create(ac, "contacts", **start)
    more = {"fields.seniority": "VP", "lists.Events": 2, "account": account, "tags": ["abm:Tier 1"]}
    ac.vendor.edit("contacts", row, {"set": more}, "2026-07-01T12:00:00Z")
    dump = {name: [r for r in ac.vendor.rows(name) if not r["_deleted"]] for name in ac.vendor.objects()}
    assert {(v["field"], v["value"]) for v in dump["fieldValues"]} == {("1", "CTO"), ("2", "VP")}
    assert {(m["list"], m["status"]) for m in dump["contactLists"]} == {("1", "1"), ("3", "2")}
    assert dump["accountContacts"][0]["account"] == account and dump["tags"][0]["tag"] == "abm:Tier 1"
    assert dump["contacts"][0]["udate"] == "2026-07-01T07:00:00-05:00"
    ac.vendor.edit("contacts", row, {"set": {"fields.JOB_TITLE": None, "account": None, "tags": []}}, None)
    one = call(ac, "GET", f"contacts/{row}").json()
    tags = call(ac, "GET", f"contacts/{row}/contactTags").json()["contactTags"]
    assert not one["accountContacts"] and not tags and "CTO" not in str(one)


@pytest.mark.parametrize("change", [{"fields.NOPE": 1}, {"lists.Newsletter": "MAYBE"}, {"nope": 1}, {"account": "77"}])
def test_people_cannot_edit_what_is_not_there(ac, change):
    """An edit that names no field, list, status or account of this vendor is refused, and says so."""
    row = new(ac)
    with pytest.raises(EditRefused, match=r"activecampaign|status"):
        ac.vendor.edit("contacts", row, {"set": change}, None)


def test_deleted_contacts_vanish_and_may_return(ac):
    """A deleted contact is gone with all its rows; an undelete brings it back with its old id and values."""
    row = new(ac, fieldValues=[{"field": "1", "value": "CTO"}])
    assert call(ac, "DELETE", f"contacts/{row}").json() == {}
    assert call(ac, "GET", f"contacts/{row}").status_code == 404 and not ac.vendor.rows("fieldValues")
    assert [r["_deleted"] for r in ac.vendor.rows("contacts")] == [True]
    ac.vendor.edit("contacts", row, {"undelete": True}, None)
    assert call(ac, "GET", f"contacts/{row}").json()["fieldValues"][0]["value"] == "CTO"


def test_merge_keeps_the_winners_consent(ac):
    """Merging removes the loser, fills the winner's blanks and leaves its own list status alone."""
    lost = {"email": "a@example.com", "firstName": "Ada", "lists.Newsletter": 2, "lists.Events": 1}
    loser = create(ac, "contacts", **lost)
    winner = create(ac, "contacts", **{"email": "b@example.com", "lists.Newsletter": 1})
    ac.vendor.edit("contacts", loser, {"merge_into": winner}, None)
    found = call(ac, "GET", f"contacts/{winner}").json()
    assert found["contact"]["firstName"] == "Ada"
    assert {(m["list"], m["status"]) for m in found["contactLists"]} == {("1", "1"), ("3", "1")}
    assert call(ac, "GET", f"contacts/{loser}").status_code == 404


def test_a_dump_can_be_loaded(ac):
    """Rows of a dump load as they stand: same ids, stamps and columns; later ids follow them."""
    sync_contact(ac, "a@example.com", firstName="Ada")
    before = ac.vendor.rows("contacts")
    ac.vendor.clear()
    assert ac.vendor.load("contacts", before) == ["1"]
    assert ac.vendor.rows("contacts") == before
    assert new(ac, "b@example.com") == "2"


def test_reads_from_the_past_and_late_rows(ac):
    """A stale read shows the row as it was, look-ups too; a late edit appears when its time has come."""
    row = new(ac)
    ac.clock.advance(10)
    call(ac, "PUT", f"contacts/{row}", {"contact": {"email": "b@example.com"}})
    with ac.vendor.store.rewound(5):
        assert walk(ac, email="a@example.com") and not walk(ac, email="b@example.com")
    assert walk(ac, email="b@example.com")
    with ac.vendor.store.late(60):
        late = create(ac, "contacts", **{"email": "l@example.com", "fields.JOB_TITLE": "CTO", "lists.Newsletter": 1})
        ac.vendor.edit("contacts", row, {"set": {"firstName": "New", "fields.JOB_TITLE": "CEO"}}, None)
    assert not walk(ac, email="l@example.com") and walk(ac)[0]["firstName"] == ""
    ac.clock.advance(61)
    assert walk(ac, email="l@example.com")[0]["id"] == late and walk(ac)[0]["firstName"] == "New"


def test_population_and_empty_schema(ac):
    """The invented people arrive with list status and account; a clear leaves fields, lists and automations only."""
    here = frozenset({"activecampaign"})
    firms = tuple(
        Company(n, "Acme", f"a{n}.example.com", "Retail", 42, "Berlin", "BE", "DE", "+4930", 1, 50, here)
        for n in range(2)
    )
    people = tuple(
        Person(n, "Ada", f"Q{n}", f"p{n}@a0.example.com", "CTO", "VP", "+4930", 0, 5, opted_out=n == 1, systems=here)
        for n in range(3)
    )
    ac.vendor.populate(Population(1, firms, people))
    ac.vendor.populate(
        Population(1, (), (Person(9, "A", "B", "x@example.com", "", "VP", "", -1, 5, opted_out=False, systems=here),))
    )
    assert [r["name"] for r in ac.vendor.rows("accounts")] == ["Acme", "Acme 1"]
    assert [r["status"] for r in ac.vendor.rows("contactLists")] == ["1", "2", "1", "1"]
    ac.vendor.clear()
    assert not ac.vendor.rows("contacts") and not ac.vendor.rows("accounts")
    assert [f["perstag"] for f in call(ac, "GET", "fields").json()["fields"]] == ["JOB_TITLE", "SENIORITY"]
    assert [r["name"] for r in call(ac, "GET", "lists").json()["lists"]] == ["Newsletter", "Product Updates", "Events"]


def test_many_contacts_are_walked_by_index(ac):
    """With 20,000 contacts held, a keyset page and an e-mail look-up cost the same at the end as at the start."""
    ac.vendor.load("contacts", [{"email": f"p{n}@example.com"} for n in range(20_000)])

    def fastest(**params):
        return min(timed(lambda: call(ac, "GET", "contacts", **params)) for _ in range(5))

    page = {"orders[id]": "ASC", "limit": 20}
    assert fastest(id_greater=19_900, **page) < 10 * fastest(id_greater=0, **page)
    assert fastest(email="p19999@example.com") < 10 * fastest(email="p0@example.com")


def timed(act):
    start = time.perf_counter()
    assert act().status_code == 200
    return time.perf_counter() - start


def test_route_names_and_row_counts(ac):
    """The call log's route names hide ids, and an answer tells whether it wrote and how many rows."""
    new(ac)
    assert (ac.last.write, ac.last.rows) == (True, 1)
    call(ac, "GET", "contacts/1")
    assert (ac.last.write, ac.last.rows) == (False, 0)
    asked = Request("GET", "/api/3/contacts/17/contactTags", "", {}, b"")
    assert ac.vendor.route(asked) == "GET /api/3/contacts/:id/contactTags"

"""The emulated Abmatic over real HTTP: the seed's surface, the nasty readings, the two later profiles."""

import time

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.sandbox.abmatic import Abmatic
from sync.sandbox.abmatic.listing import Listing, page_of
from sync.sandbox.abmatic.settings import Settings
from sync.sandbox.clock import Clock
from sync.sandbox.emulation import Emulation
from sync.sandbox.store import Store

KEY = {"authorization": "Bearer sandbox"}


@pytest.fixture(scope="module")
def running():
    with Emulation([Abmatic]) as emulation:
        yield emulation


@pytest.fixture
def control(running):
    with httpx.Client(base_url=running.urls["control"] + "/_control", trust_env=False, timeout=20) as client:
        client.post("/reset", json={"empty": True})
        client.post("/limits", json={"system": "abmatic", "requests_per_minute": None})
        yield client


@pytest.fixture
def api(running, control):
    with httpx.Client(base_url=running.urls["abmatic"], headers=KEY, trust_env=False, timeout=20) as client:
        yield client


def switch(control, **how):
    answer = control.post("/limits", json={"system": "abmatic", **how})
    assert answer.status_code == 200, answer.text


def edit(control, name, row_id=None, **change):
    body = {"system": "abmatic", "object": name, **({"id": row_id} if row_id else {}), **change}
    answer = control.post("/edit", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


def load(control, name, records):
    return control.post("/load", json={"system": "abmatic", "object": name, "records": records}).json()["ids"]


def dump(control, name):
    return control.get("/dump", params={"system": "abmatic"}).json()[name]


def walk(api, path, per_page=100, **params):
    """All rows of a list, page by page, and the totals that the pages told."""
    rows, totals, page, pages = [], [], 1, 1
    while page <= pages:
        answer = api.get(path, params={**params, "page": page, "per_page": per_page}).json()
        rows += answer["data"]
        totals.append(answer["pagination"]["total"])
        pages, page = answer["pagination"]["total_pages"], page + 1
    return rows, totals


# credentials, limits, errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["Bearer wrong", "Bearer sandboxed", "sandbox", "Basic sandbox", "Bearer", ""])
def test_other_keys_are_refused(api, key):
    """Only `sandbox` and what begins with `sandbox-` is a key; the refusal is the vendor's."""
    answer = api.get("/accounts", headers={"authorization": key})
    assert answer.status_code == 401 and answer.json()["error"] == "unauthorized"
    assert api.get("/accounts", headers={"authorization": "Bearer sandbox-canary-1"}).status_code == 200


def test_the_limit_is_a_window_of_a_minute(api, control):
    """Every answer tells the limit, the one past it is 429 without Retry-After, and a minute later it goes on."""
    switch(control, requests_per_minute=3)
    heads = [api.get("/accounts").headers for _ in range(3)]
    assert [head["x-ratelimit-remaining"] for head in heads] == ["2", "1", "0"]
    refused = api.get("/accounts")
    assert refused.status_code == 429 and "retry-after" not in refused.headers
    assert refused.json()["error"] == "rate_limit_exceeded" and 1 <= refused.json()["retry_after"] <= 60
    assert 0 < int(refused.headers["x-ratelimit-reset"]) - time.time() < 63
    assert api.get("/accounts", headers={"authorization": "Bearer no"}).headers["x-ratelimit-limit"] == "3"
    control.post("/clock", json={"advance_s": 61})
    assert api.get("/accounts").status_code == 200


def test_the_very_first_call_has_the_headers_too(control, api):
    """A refused key on a fresh tenant is 401 with the rate-limit headers."""
    switch(control, requests_per_minute=100)
    control.post("/reset", json={"empty": True})
    answer = api.get("/accounts", headers={"authorization": "Bearer no"})
    assert answer.status_code == 401 and answer.headers["x-ratelimit-remaining"] == "100"


def test_a_reset_keeps_the_limit_and_restores_the_rest(api, control):
    """Limits outlive a reset, the other switches do not."""
    switch(control, profile="A2", requests_per_minute=7)
    control.post("/reset", json={"empty": True})
    assert api.get("/contacts").status_code == 200
    assert api.get("/contacts").headers["x-ratelimit-limit"] == "7"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/accounts/acc_none", 404),
        ("GET", "/deals", 404),
        ("GET", "/accounts/a/b", 404),
        ("DELETE", "/accounts/acc_1", 405),
        ("POST", "/campaigns", 405),
        ("GET", "/accounts?page=0", 400),
        ("GET", "/accounts?per_page=many", 400),
        ("GET", "/accounts?updated_after=soon", 400),
        ("GET", "/accounts?engagement_score_min=high", 400),
    ],
)
def test_refusals_have_the_vendors_form(api, method, path, status):
    """Unknown things are 404, what the seed does not list 405, bad parameters 400; each with `error` and `message`."""
    answer = api.request(method, path)
    assert answer.status_code == status and {"error", "message"} <= set(answer.json())


def test_plan_and_permission_are_403(api, control):
    """Without the plan nothing works, with a read-only key only reads do."""
    switch(control, writes=False)
    assert api.get("/accounts").status_code == 200
    assert api.post("/accounts", json={"name": "A"}).json()["error"] == "forbidden"
    switch(control, plan="professional")
    assert api.get("/accounts").status_code == 403


# reading ------------------------------------------------------------------------------------------------------------


def test_pages_hold_everything_once_when_nothing_moves(api, control):
    """A quiet walk gives every row once; the page size is silently cut to 100; past the end is empty."""
    ids = load(control, "contacts", [{"email": f"p{n}@x.example"} for n in range(230)])
    rows, totals = walk(api, "/contacts", per_page=500)
    assert sorted(row["id"] for row in rows) == sorted(ids) and totals == [230, 230, 230]
    beyond = api.get("/contacts?page=9").json()
    assert beyond == {"data": [], "pagination": {"total": 230, "page": 9, "per_page": 50, "total_pages": 5}}


def test_an_edit_while_walking_hides_a_row_and_shows_another_twice(api, control):
    """A changed row moves to the end and the last takes its place: the total stays, the unique rows do not add up."""
    ids = load(control, "contacts", [{"email": f"p{n}@x.example"} for n in range(150)])
    first = api.get("/contacts?per_page=100").json()["data"]
    edit(control, "contacts", ids[0], set={"title": "CTO"})
    second = api.get("/contacts?per_page=100&page=2").json()
    seen = [row["id"] for row in first + second["data"]]
    assert second["pagination"]["total"] == len(seen) == 150 and len(set(seen)) == 149


@given(st.lists(st.tuples(st.sampled_from("cud"), st.integers(0, 40)), max_size=60), st.integers(1, 7))
@settings(deadline=None)
def test_pages_cut_the_list_for_any_history(history, per_page):
    """Whatever was created, updated and deleted: the pages together are exactly the rows that are there."""
    store, clock = Store(Clock()), Clock()
    listing = Listing(store, "rows", clock, Settings(index_lag_s=0))
    for act, number in history:
        if act == "d":
            store.drop("rows", str(number))
        elif act == "c" or store.get("rows", str(number)) is not None:
            store.put("rows", str(number), {"id": str(number)})
    pages = -(-len(listing.ids()) // per_page)
    paged = [row_id for page in range(1, pages + 1) for row_id in page_of(listing.ids(), page, per_page)[0]]
    assert sorted(paged) == sorted(store.table("rows")) and len(paged) == len(set(paged))


@pytest.mark.parametrize(
    ("how", "found"),
    [
        ({}, {"11th, 10:00"}),
        ({"filter_inclusive": True}, {"10th, 10:00", "11th, 09:59", "11th, 10:00"}),
        ({"filter_zone_h": 0}, {"11th, 09:59", "11th, 10:00"}),
    ],
)
def test_date_filters_know_days_of_the_servers_zone(api, control, how, found):
    """`updated_after` leaves out its own day, which ends at 10:00 UTC, unless switched; a time of day is not heard."""
    moments = {"10th, 09:59": "2026-03-10T09:59:59Z", "10th, 10:00": "2026-03-10T10:00:00Z"}
    moments |= {"11th, 09:59": "2026-03-11T09:59:59+00:00", "11th, 10:00": "2026-03-11T10:00:00.5Z"}
    load(control, "accounts", [{"name": name, "updated_at": at} for name, at in moments.items()])
    switch(control, **how)
    for asked in ("2026-03-10", "2026-03-10T23:59:00Z"):
        assert {row["name"] for row in walk(api, "/accounts", updated_after=asked)[0]} == found


def test_filters_are_honoured_where_the_seed_shows_them(api, control):
    """Named filters select; unknown ones, and any on campaigns and groups, are ignored without a word."""
    small = edit(control, "accounts", create={"name": "Small", "industry": "Retail", "employee_count": 40})
    big = edit(control, "accounts", create={"name": "Big", "employee_count": 4000, "engagement_score": 80})
    ada = edit(control, "contacts", create={"email": "ada@x.example", "account_id": big, "seniority": "executive"})
    edit(control, "contacts", create={"email": "bob@x.example", "account_id": small})
    edit(control, "groups", create={"name": "Tier 1"})

    def found(path):
        return [row["id"] for row in api.get(path).json()["data"]]

    assert found("/accounts?industry=Retail") == found("/accounts?size=11-50") == [small]
    assert found("/accounts?engagement_score_min=80&size=1000%2B") == [big]
    assert found("/accounts?industry=Retail&size=10+") == [small]
    assert found("/accounts?size=1000+") == [big]
    assert found(f"/contacts?account_id={big}") == found("/contacts?seniority=executive") == [ada]
    assert len(found("/contacts?email=ada@x.example")) == 2
    assert len(found("/groups?created_after=2100-01-01")) == 1


def test_a_contact_comes_with_its_account_only_alone(api, control):
    """One contact carries account info, a list does not; a dangling account is null."""
    account = edit(control, "accounts", create={"name": "Acme", "website": "acme.example"})
    contact = edit(control, "contacts", create={"email": "ada@acme.example", "account_id": account})
    assert "account" not in api.get("/contacts").json()["data"][0]
    assert api.get(f"/contacts/{contact}").json()["data"]["account"] == {
        "id": account,
        "name": "Acme",
        "website": "acme.example",
    }
    edit(control, "accounts", account, delete=True)
    assert api.get(f"/contacts/{contact}").json()["data"]["account"] is None


def test_campaigns_visitors_and_groups_are_read(api, control):
    """Analytics and members have endpoints of their own; a group made over the API has the accounts of its criteria."""
    control.post("/reset", json={"accounts": 30, "contacts": 10, "overlap": 1})
    campaign = api.get("/campaigns").json()["data"][0]
    assert "analytics" not in campaign
    numbers = api.get(f"/campaigns/{campaign['id']}/analytics?start_date=2026-01-01").json()["data"]
    assert numbers["campaign_id"] == campaign["id"] and numbers["impressions"] > numbers["conversions"] > 0
    visitor = api.get("/visitors").json()["data"][0]
    assert api.get(f"/visitors/{visitor['id']}").json()["data"]["page_views"][0]["url"] == "/pricing"
    made = api.post("/groups", json={"name": "Hot", "criteria": {"engagement_score_min": 70}}).json()["data"]
    tier = api.get("/groups").json()["data"][0]
    hot = [{row["id"] for row in walk(api, f"/groups/{group['id']}/members")[0]} for group in (made, tier)]
    assert hot[0] == hot[1] == {row["id"] for row in dump(control, "accounts") if row["engagement_score"] >= 70}


# writing ------------------------------------------------------------------------------------------------------------


def test_a_created_row_reaches_the_lists_late(api, control):
    """A new row is found by id at once and in lists only after the index caught up; a second POST makes a second row."""
    switch(control, index_lag_s=60)
    body = {"email": "ada@x.example", "first_name": "Ada", "firstName": "dropped", "id": "con_mine"}
    made = [api.post("/contacts", json=body) for _ in range(2)]
    ids = {answer.json()["data"]["id"] for answer in made}
    assert [answer.status_code for answer in made] == [201, 201] and len(ids) == 2 and "con_mine" not in ids
    assert "firstName" not in made[0].json()["data"]
    assert all(api.get(f"/contacts/{row_id}").status_code == 200 for row_id in ids)
    assert api.get("/contacts").json()["pagination"]["total"] == 0
    control.post("/clock", json={"advance_s": 61})
    assert {row["id"] for row in api.get("/contacts").json()["data"]} == ids


def test_a_put_replaces(api, control):
    """Writable fields a PUT leaves out are blanked, what names the row and what is computed is not; merging is a switch."""
    row_id = edit(
        control,
        "accounts",
        create={"name": "Acme", "phone": "1", "industry": "Retail", "crm_ref": "x", "engagement_score": 7},
    )
    before = api.get(f"/accounts/{row_id}").json()["data"]
    after = api.put(
        f"/accounts/{row_id}", json={"industry": "Media", "engagement_score": 99, "created_at": "x"}
    ).json()["data"]
    assert (after["name"], after["phone"], after["industry"], after["crm_ref"]) == ("Acme", None, "Media", None)
    assert (after["engagement_score"], after["created_at"]) == (7, before["created_at"])
    switch(control, put_mode="merge")
    assert api.put(f"/accounts/{row_id}", json={"phone": "2", "crm_ref": "y"}).json()["data"]["industry"] == "Media"
    assert api.get(f"/accounts/{row_id}").json()["data"]["crm_ref"] == "y"


def test_every_put_moves_the_stamp(api, control):
    """`updated_at` moves even when nothing changed."""
    row_id = edit(control, "accounts", create={"name": "Acme"}, at="2026-01-01T00:00:00Z")
    assert api.get(f"/accounts/{row_id}").json()["data"]["updated_at"] == "2026-01-01T00:00:00.000Z"
    assert api.put(f"/accounts/{row_id}", json={"name": "Acme"}).json()["data"]["updated_at"] > "2026-01-02"


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/accounts", {"website": "x.example"}, "MISSING_REQUIRED_FIELD"),
        ("POST", "/contacts", {"first_name": "Ada"}, "MISSING_REQUIRED_FIELD"),
        ("POST", "/accounts", {"name": "A", "employee_count": "12"}, "INVALID_FIELD_TYPE"),
        ("POST", "/accounts", {"name": 7}, "INVALID_FIELD_TYPE"),
        ("PUT", "/accounts/ID", {"name": ""}, "MISSING_REQUIRED_FIELD"),
        ("PUT", "/accounts/ID", {"name": None}, "MISSING_REQUIRED_FIELD"),
        ("POST", "/accounts", [], None),
    ],
)
def test_bad_bodies_store_nothing(api, control, method, path, body, code):
    """A refused body is 400 with the vendor's code and field, and nothing is stored or changed."""
    row_id = edit(control, "accounts", create={"name": "Acme"}, at="2026-01-01T00:00:00Z")
    before = dump(control, "accounts")
    answer = api.request(method, path.replace("ID", row_id), json=body)
    assert answer.status_code == 400 and answer.json().get("code") == code
    assert dump(control, "accounts") == before
    plain = api.post("/accounts", content=b'{"name": "A"}', headers={"content-type": "text/plain"})
    assert plain.status_code == 400


# people -------------------------------------------------------------------------------------------------------------


def test_deletion_is_final_for_the_api(api, control):
    """A deleted row is 404 and in no list; the dump keeps it, marked; it can be brought back behind the API."""
    row_id = edit(control, "contacts", create={"email": "ada@x.example"})
    edit(control, "contacts", row_id, delete=True)
    assert api.get(f"/contacts/{row_id}").status_code == 404 and api.get("/contacts").json()["data"] == []
    assert [(row["id"], row["_deleted"]) for row in dump(control, "contacts")] == [(row_id, True)]
    edit(control, "contacts", row_id, undelete=True)
    assert api.get("/contacts").json()["data"][0]["email"] == "ada@x.example"


def test_a_merge_moves_the_contacts_and_fills_gaps(api, control):
    """The loser is gone, the winner keeps its values and takes those it lacks, contacts move over."""
    winner = edit(control, "accounts", create={"name": "Acme", "phone": ""})
    loser = edit(control, "accounts", create={"name": "ACME Inc", "phone": "1", "industry": "Retail"})
    contact = edit(control, "contacts", create={"email": "ada@x.example", "account_id": loser})
    edit(control, "accounts", loser, merge_into=winner)
    assert api.get(f"/accounts/{loser}").status_code == 404
    kept = api.get(f"/accounts/{winner}").json()["data"]
    assert (kept["name"], kept["phone"], kept["industry"]) == ("Acme", "1", "Retail")
    assert api.get(f"/contacts/{contact}").json()["data"]["account_id"] == winner


def test_people_set_paths_and_groups(api, control):
    """Dotted paths reach into objects; `groups` of an account are its memberships, and show in the dump."""
    campaign = edit(control, "campaigns", create={"name": "Spring", "analytics.impressions": 5})
    edit(control, "campaigns", campaign, set={"analytics.conversions": 2})
    numbers = api.get(f"/campaigns/{campaign}/analytics").json()["data"]
    assert (numbers["impressions"], numbers["conversions"]) == (5, 2)
    account = edit(control, "accounts", create={"name": "Acme", "groups": ["Tier 1"]})
    assert [row["groups"] for row in dump(control, "accounts")] == [["Tier 1"]]
    edit(control, "accounts", account, set={"groups": ["Tier 2"]})
    members = {
        group["name"]: api.get(f"/groups/{group['id']}/members").json()["data"] for group in dump(control, "groups")
    }
    assert members["Tier 1"] == [] and [row["id"] for row in members["Tier 2"]] == [account]


@pytest.mark.parametrize(
    "body",
    [
        {"id": "con_none", "set": {"title": "x"}},
        {"id": "con_none", "undelete": True},
        {"id": "SELF", "merge_into": "SELF"},
        {"id": "SELF", "set": {"id": "con_other"}},
        {"create": {"id": "SELF", "email": "b@x.example"}},
    ],
)
def test_impossible_edits_are_refused(control, body):
    """What no person could do is 400 and changes nothing."""
    row_id = edit(control, "contacts", create={"email": "ada@x.example"})
    before = dump(control, "contacts")
    spelt = {key: row_id if value == "SELF" else value for key, value in body.items()}
    if "create" in spelt:
        spelt["create"] = {**spelt["create"], "id": row_id}
    assert control.post("/edit", json={"system": "abmatic", "object": "contacts", **spelt}).status_code == 400
    assert dump(control, "contacts") == before


def test_routes_are_counted_by_template(api, control):
    """Ids do not split the statistics."""
    control.delete("/calls")
    for path in ("/accounts", "/accounts/acc_1", "/accounts/acc_2", "/groups/grp_1/members"):
        api.get(path)
    routes = control.get("/calls").json()["abmatic"]["by_route"]
    assert routes == {"GET /v1/accounts": 1, "GET /v1/accounts/:id": 2, "GET /v1/groups/:id/members": 1}

"""The emulated Abmatic's two later, read-only surfaces over real HTTP."""

from urllib.parse import quote

import httpx
import pytest

from sync.sandbox.abmatic import Abmatic
from sync.sandbox.emulation import Emulation

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


def walk(api, path, per_page=100, **params):
    """All rows of a list, page by page, and the totals that the pages told."""
    rows, totals, page, pages = [], [], 1, 1
    while page <= pages:
        answer = api.get(path, params={**params, "page": page, "per_page": per_page}).json()
        rows += answer["data"]
        totals.append(answer["pagination"]["total"])
        pages, page = answer["pagination"]["total_pages"], page + 1
    return rows, totals


def test_a2_knows_accounts_by_website_only(api, control):
    """A2: one read-only list, projected, sorted, flat dotted keys, no id; everything else is 404 or 405."""
    control.post("/reset", json={"accounts": 40, "contacts": 5, "overlap": 1})
    switch(control, profile="A2")
    rows, _ = walk(api, "/accounts", sort_by="employee_count", order_by="desc")
    sizes = [row["employee_count"] for row in rows]
    assert sizes == sorted(sizes, reverse=True) and "id" not in rows[0] and "location.country" in rows[0]
    assert set(api.get("/accounts?fields=website,location").json()["data"][0]) == {"website", "location"}
    assert api.get("/accounts?fields=nonsense").status_code == api.get("/accounts?sort_by=nonsense").status_code == 400
    assert [api.get(path).status_code for path in ("/contacts", "/groups", "/me")] == [404, 404, 404]
    assert api.post("/accounts", json={"name": "A"}).status_code == 405


def test_a2_knows_every_column_of_the_vendors_page(api, control):
    """Documented columns may be asked for, null where nothing is held; others are refused, on an empty page too."""
    control.post("/reset", json={"empty": True})
    switch(control, profile="A2", requests_per_minute=None)
    assert api.get("/accounts?fields=website,nonsense").status_code == 400
    row = {"name": "Acme", "website": "acme.example", "employee_count": 640, "city": "Oslo", "country": "Norway"}
    control.post("/load", json={"system": "abmatic", "object": "accounts", "records": [row]})
    asked = {
        "fields": "website,display_name,size,location.city,NAICS Code,last_30_days_sessions,field_07,salesforce_id"
    }
    told = {"website": "acme.example", "display_name": "Acme", "size": "501-1000", "location.city": "Oslo"}
    blank = dict.fromkeys(("NAICS Code", "last_30_days_sessions", "field_07", "salesforce_id"))
    assert api.get("/accounts", params=asked).json()["data"] == [told | blank]
    assert {"size", "linkedin_url", "logo", "fit_score"} <= api.get("/accounts").json()["data"][0].keys()


def test_a3_reads_more_and_says_what_it_applied(api, control):
    """A3: a tenant check, accounts by id or website, filters reported in `applied`, Retry-After, no writes."""
    control.post("/reset", json={"accounts": 40, "contacts": 5, "overlap": 1})
    ids = {row["website"]: row["id"] for row in api.get("/accounts?per_page=100").json()["data"]}
    switch(control, profile="A3")
    assert api.get("/me").json()["data"]["website"] == "sandbox.example"
    answer = api.get("/accounts?min_score=50&industry=Retail").json()
    assert (
        answer["applied"]["min_score"] == "50" and "industry" not in answer["applied"] and answer["meta"]["request_id"]
    )
    assert answer["data"] and all(row["engagement_score"] >= 50 for row in answer["data"])
    one = answer["data"][0]
    assert "id" not in one
    assert api.get(f"/accounts/{ids[one['website']]}").json()["data"]["website"] == one["website"]
    assert "phone" not in api.get("/contacts").json()["data"][0]
    assert api.get("/meetings").json()["data"] == [] and api.get("/contacts/con_1").status_code == 404
    assert api.put(f"/accounts/{ids[one['website']]}", json={"name": "x"}).status_code == 405
    switch(control, requests_per_minute=0)
    assert int(api.get("/me").headers["retry-after"]) >= 1


def test_a3_lists_the_contacts_of_a_company(api, control):
    """Contacts can be asked for by their company, and what was asked is among the filters that ran."""
    control.post("/reset", json={"accounts": 4, "contacts": 20, "overlap": 1})
    switch(control, profile="A3", requests_per_minute=None)
    everybody = api.get("/contacts").json()["data"]
    company = next(row["company"] for row in everybody if row["company"])
    answer = api.get("/contacts", params={"company": company.upper()}).json()
    assert answer["applied"]["company"] == company.upper()
    assert [row["email"] for row in answer["data"]] == [row["email"] for row in everybody if row["company"] == company]
    assert 0 < len(answer["data"]) < len(everybody) and "overall_score" in answer["data"][0]
    assert "company" not in api.get("/accounts", params={"company": company}).json()["applied"]


def test_a3_has_every_endpoint_of_the_vendors_page(api, control):
    """All 27, read only; what hangs on no row, and what was never there, is 404."""
    control.post("/reset", json={"accounts": 4, "contacts": 5, "overlap": 1})
    switch(control, profile="A3", requests_per_minute=None)
    campaign = api.get("/campaigns").json()["data"][0]["id"]
    account = api.get("/accounts").json()["data"][0]["website"]
    lists = [
        "contacts",
        "visitors",
        "target-groups",
        "opportunities",
        "conversions",
        "meetings",
        "reports",
        "dashboards",
    ]
    lists += [
        "reveal",
        f"campaigns/{campaign}/sequence",
        f"campaigns/{campaign}/sequence_tasks",
        "engagement?resource_id=x",
    ]
    assert all("pagination" in api.get(f"/{path}").json() for path in lists)
    alone = ["me", f"campaigns/{campaign}", "conversions/analytics", "website-context", "integrations/sync-status"]
    alone += [f"accounts/{quote(account.upper(), safe='')}"]
    assert all(isinstance(api.get(f"/{path}").json()["data"], dict) for path in alone)
    absent = [
        "integrations",
        "campaigns/camp_0/sequence",
        f"campaigns/{campaign}/analytics",
        "groups",
        "contacts/con_1",
    ]
    assert [api.get(f"/{path}").status_code for path in absent] == [404] * 5

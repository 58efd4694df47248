"""What time and people do to the emulated org: sessions, limits, deletes, merges, conversions, late commits, the invented data."""

import time

import pytest
from salesforce_http import running

from sync.sandbox.people import Company, Person, Population
from sync.sandbox.vendor import EditRefused, Vendor
from sync.sandbox.wire import Request

DAY = 86_400


@pytest.fixture
def org():
    with running() as found:
        yield found


def replicated(org, what, back_s=3600, ahead_s=120, kind="Contact"):
    now = org.clock.seconds()
    ends = {
        name: time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at))
        for name, at in (("start", now - back_s), ("end", now + ahead_s))
    }
    return org.call("GET", f"/sobjects/{kind}/{what}/", params=ends)


def test_session_expires_unless_used(org):
    """A session lives as long as it is used at least every session_s seconds; then 401 with the list body."""
    org.vendor.limit({"session_s": 60})
    for _ in range(3):
        org.clock.advance(50)
        assert org.call("GET", "/limits").status_code == 200
    org.clock.advance(61)
    expired = org.call("GET", "/limits")
    assert expired.status_code == 401 and expired.json() == [
        {"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}
    ]
    org.login()
    assert org.call("GET", "/limits").status_code == 200


def test_refresh_tokens_rotate(org):
    """With rotation each refresh token works once; a spent one kills the whole grant, its sessions too."""
    org.vendor.limit({"rotate_refresh_tokens": True})

    def refresh(token):
        return org.token(grant_type="refresh_token", client_id="sandbox", client_secret="sandbox", refresh_token=token)

    first = refresh("sandbox-mine").json()
    second = refresh(first["refresh_token"]).json()
    head = {"Authorization": f"Bearer {second['access_token']}"}
    assert org.call("GET", "/limits", headers=head).status_code == 200
    reused = refresh("sandbox-mine")
    assert reused.status_code == 400 and reused.json() == {
        "error": "invalid_grant",
        "error_description": "expired access/refresh token",
    }
    assert refresh(second["refresh_token"]).status_code == 400
    assert org.call("GET", "/limits", headers=head).status_code == 401


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "client_credentials", "client_id": "other", "client_secret": "sandbox"}, "invalid_client_id"),
        ({"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "no"}, "invalid_client"),
        (
            {
                "grant_type": "password",
                "client_id": "sandbox",
                "client_secret": "sandbox",
                "username": "u",
                "password": "p",
            },
            "invalid_grant",
        ),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "a.b.c"}, "invalid_grant"),
        ({"grant_type": "device"}, "unsupported_grant_type"),
        ({}, "invalid_request"),
    ],
)
def test_login_refusals(org, form, error):
    """Log-in refusals are OAuth objects with the vendor's error words; a foreign id or secret is 401."""
    answer = org.token(**form)
    assert answer.status_code == (401 if error.startswith("invalid_client") else 400)
    assert answer.json()["error"] == error


def test_login_answer(org):
    """The token answer names the host the client used, ends its id in org and user, and tells no expiry."""
    answer = org.login()
    assert answer["instance_url"] == org.url and "expires_in" not in answer and answer["issued_at"].isdigit()
    org_id, user_id = answer["id"].split("/")[-2:]
    assert org_id.startswith("00D") and org.http.get(answer["id"]).json()["user_id"] == user_id
    assert org.records("SELECT Id FROM Organization") == [{"Id": org_id}]


def test_daily_calls(org):
    """Calls are counted in the header and refused with 403 beyond the allowance, until a day has passed; log-ins are free."""
    org.vendor.limit({"daily_calls": 3})
    seen = [org.call("GET", "/limits").headers["sforce-limit-info"] for _ in range(3)]
    assert seen == ["api-usage=1/3", "api-usage=2/3", "api-usage=3/3"]
    refused = org.call("GET", "/limits")
    assert refused.status_code == 403 and refused.json()[0] == {
        "message": "TotalRequests Limit exceeded.",
        "errorCode": "REQUEST_LIMIT_EXCEEDED",
    }
    org.clock.advance(DAY + 1)
    org.login()
    assert org.call("GET", "/limits").status_code == 200


def test_deletes_cascade_and_come_back(org):
    """A deleted account takes its contacts to the bin; undelete brings both back under their ids with new stamps."""
    account = org.edit("Account", create={"Name": "Acme"})
    person = org.edit("Contact", create={"LastName": "A", "AccountId": account, "CRM_Sync_Id__c": "c1"})
    org.clock.advance(100)
    org.edit("Account", account, delete=True)
    assert org.records("SELECT Id FROM Contact") == []
    assert org.records("SELECT Id, IsDeleted FROM Contact WHERE IsDeleted = true", "queryAll") == [
        {"Id": person, "IsDeleted": True}
    ]
    assert {row["id"] for row in replicated(org, "deleted").json()["deletedRecords"]} == {person}
    assert [row["_deleted"] for row in org.vendor.rows("Contact")] == [True]
    org.edit("Account", account, undelete=True)
    assert (
        org.records("SELECT Id FROM Contact") == [{"Id": person}]
        and replicated(org, "deleted").json()["deletedRecords"] == []
    )
    assert replicated(org, "updated", 60).json()["ids"] == [person]


def test_bin_is_purged_after_fifteen_days(org):
    """After 15 days a deleted row is gone from queryAll, and the deleted resource refuses to look further back."""
    org.edit("Contact", org.edit("Contact", create={"LastName": "A"}), delete=True)
    org.clock.advance(15 * DAY + 10)
    org.login()
    assert org.records("SELECT Id FROM Contact", "queryAll") == []
    assert replicated(org, "deleted", 16 * DAY).json()[0]["errorCode"] == "INVALID_REPLICATION_DATE"
    assert replicated(org, "updated", 31 * DAY).json()[0]["errorCode"] == "INVALID_REPLICATION_DATE"


def test_merge(org):
    """The loser keeps its key in the bin with MasterRecordId; its children move without a new stamp; the winner is stamped."""
    ids = [
        org.edit("Account", create={"Name": name, "CRM_Sync_Id__c": name}, at="2026-01-01T00:00:00Z") for name in "ABC"
    ]
    child = org.edit("Contact", create={"LastName": "A", "AccountId": ids[0]}, at="2026-01-01T00:00:00Z")
    before = org.records("SELECT SystemModstamp FROM Contact")
    assert org.edit("Account", ids[0], merge_into=ids[1], at="2026-01-02T00:00:00Z") == ids[0]
    org.edit("Account", ids[1], merge_into=ids[2], at="2026-01-03T00:00:00Z")
    rows = org.records(
        "SELECT Id, MasterRecordId, CRM_Sync_Id__c, SystemModstamp FROM Account ORDER BY Name", "queryAll"
    )
    assert [row["MasterRecordId"] for row in rows] == [ids[1], ids[2], None] and [
        row["CRM_Sync_Id__c"] for row in rows
    ] == ["A", "B", "C"]
    assert rows[2]["SystemModstamp"] == "2026-01-03T00:00:00.000+0000"
    assert (
        org.records("SELECT AccountId FROM Contact") == [{"AccountId": ids[2]}]
        and org.records("SELECT SystemModstamp FROM Contact") == before
    )
    org.edit("Account", ids[0], undelete=True)
    assert org.records(f"SELECT AccountId FROM Contact WHERE Id = '{child}'") == [{"AccountId": ids[2]}]


def test_lead_conversion(org):
    """A converted lead names the contact it became and refuses further writes."""
    lead = org.edit(
        "Lead", create={"LastName": "A", "Company": "Acme", "Email": "a@acme.example", "Seniority__c": "VP"}
    )
    org.edit("Lead", lead, set={"IsConverted": True})
    row = org.records("SELECT IsConverted, ConvertedContactId, ConvertedAccountId, Status FROM Lead")[0]
    assert row["IsConverted"] and row["Status"] == "Closed - Converted"
    assert org.records("SELECT Id, Email, Seniority__c, AccountId FROM Contact") == [
        {
            "Id": row["ConvertedContactId"],
            "Email": "a@acme.example",
            "Seniority__c": "VP",
            "AccountId": row["ConvertedAccountId"],
        }
    ]
    assert (
        org.call("PATCH", f"/sobjects/Lead/{lead}", {"Title": "x"}).json()[0]["errorCode"]
        == "CANNOT_UPDATE_CONVERTED_LEAD"
    )
    second, contact = org.edit("Lead", create={"LastName": "B", "Company": "Acme"}), row["ConvertedContactId"]
    org.edit("Lead", second, set={"IsConverted": True, "ConvertedContactId": contact})
    assert org.records(f"SELECT ConvertedContactId FROM Lead WHERE Id = '{second}'") == [
        {"ConvertedContactId": contact}
    ]


def test_edits_are_a_persons(org):
    """A person's edit stamps the row with the time it is said to have, under another user than ours."""
    row_id = org.edit(
        "Contact",
        create={"LastName": "A", "Abmatic_Score__c": "12", "HasOptedOutOfEmail": "true"},
        at="2026-11-20T09:15:02Z",
    )
    row = org.records(
        "SELECT LastModifiedById, SystemModstamp, LastModifiedDate, Abmatic_Score__c, HasOptedOutOfEmail FROM Contact"
    )[0]
    assert not org.login()["id"].endswith(row["LastModifiedById"]) and (
        row["Abmatic_Score__c"],
        row["HasOptedOutOfEmail"],
    ) == (12.0, True)
    assert row["SystemModstamp"] == row["LastModifiedDate"] == "2026-11-20T09:15:02.000+0000"
    for change, words in (
        ({"set": {"Nope": 1}}, "no field Nope"),
        ({"set": {"Title": "x" * 200}}, "STRING_TOO_LONG"),
        ({"set": {"Name": "x"}}, "computed"),
        ({}, "needs one of"),
    ):
        with pytest.raises(EditRefused, match=words):
            org.edit("Contact", row_id, **change)
    with pytest.raises(EditRefused, match="no object Nope"):
        org.edit("Nope", create={})


def test_late_commit(org):
    """A row committed late appears with its early stamp, and until then holds the latest date covered back."""
    org.clock.advance(600)
    with org.server.lock, org.vendor.store.late(300):
        org.vendor.edit("Contact", None, {"create": {"LastName": "Late"}}, None)
    stamped = org.clock.seconds()
    assert org.records("SELECT Id FROM Contact") == []
    org.clock.advance(200)
    held = replicated(org, "updated").json()["latestDateCovered"]
    assert held <= time.strftime("%Y-%m-%dT%H:%M", time.gmtime(stamped)) + ":00.000+0000"
    org.clock.advance(150)
    seen = org.records("SELECT SystemModstamp FROM Contact")[0]["SystemModstamp"]
    assert (
        seen[:16] == time.strftime("%Y-%m-%dT%H:%M", time.gmtime(stamped))
        and replicated(org, "updated").json()["latestDateCovered"] > held
    )


def test_stale_reads(org):
    """Inside a rewound store queries answer from the past, and afterwards from the present."""
    row_id = org.edit("Contact", create={"LastName": "A", "Title": "Old"})
    org.clock.advance(30)
    org.edit("Contact", row_id, set={"Title": "New"})
    titles = "SELECT Title FROM Contact WHERE SystemModstamp > 2020-01-01T00:00:00Z ORDER BY SystemModstamp"
    with org.vendor.store.rewound(10):
        past = org.records(titles)
    assert past == [{"Title": "Old"}] and org.records(titles) == [{"Title": "New"}]


def test_load_and_dump(org):
    """Rows are loaded as they stand, however invalid, and dumped with every stored field."""
    values = {
        "LastName": "x" * 300,
        "Seniority__c": "Boss",
        "Abmatic_Score__c": "7",
        "SystemModstamp": "2026-01-01T00:00:00Z",
    }
    ids = org.vendor.load("Contact", [values, {"Id": "003ak00000luKU1", "LastName": "B"}])
    assert ids[1] == "003ak00000luKU1AAM"
    row = next(row for row in org.vendor.rows("Contact") if row["Id"] == ids[0])
    assert (row["Seniority__c"], row["Abmatic_Score__c"], row["SystemModstamp"]) == (
        "Boss",
        7.0,
        "2026-01-01T00:00:00.000+0000",
    )
    assert row["HasOptedOutOfEmail"] is False and row["Abmatic_Tier__c"] is None and row["_deleted"] is False
    with pytest.raises(EditRefused, match="no field nope"):
        org.vendor.load("Contact", [{"nope": 1}])


def test_routes_of_the_call_log(org):
    """Routes name objects and fields and hide ids, keys and locators."""
    vendor: Vendor = org.vendor

    def route(method, path):
        return vendor.route(Request(method, path, "", {}, b""))

    assert route("GET", "/services/data/v67.0/query") == "GET /services/data/vX/query"
    assert route("GET", "/services/data/v67.0/query/01gak0-2000") == "GET /services/data/vX/query/:locator"
    assert (
        route("PATCH", "/services/data/v59.0/sobjects/Contact/CRM_Sync_Id__c/a%2Fb")
        == "PATCH /services/data/vX/sobjects/Contact/CRM_Sync_Id__c/:value"
    )
    assert (
        route("GET", "/services/data/v67.0/sobjects/Contact/describe/")
        == "GET /services/data/vX/sobjects/Contact/describe"
    )
    assert (
        route("DELETE", "/services/data/v67.0/sobjects/Contact/003ak")
        == "DELETE /services/data/vX/sobjects/Contact/:id"
    )
    assert route("POST", "/services/oauth2/token") == "POST /services/oauth2/token" and vendor.is_login(
        Request("POST", "/services/oauth2/token", "", {}, b"")
    )


def invented(number=60):
    both, other = frozenset({"salesforce", "abmatic"}), frozenset({"abmatic"})
    companies = tuple(
        Company(
            n,
            f"Firm {n}",
            f"firm{n}.example",
            "Technology",
            40 + n,
            "Austin",
            "Texas",
            "US",
            "+1 512 555 0100",
            10**6,
            50,
            other if n % 2 else both,
        )
        for n in range(10)
    )
    people = tuple(
        Person(n, "Ada", f"L{n}", f"P{n}@firm.example", "CTO", "VP", "1", n % 10, 1, n == 3, both if n % 3 else other)
        for n in range(number)
    )
    return Population(1, companies, people)


def test_populate_and_clear(org):
    """The invented people appear as contacts of their accounts, spelt as sales people do, with a few leads; clear empties the org."""
    org.vendor.populate(invented())
    people = org.records("SELECT Email, Account.Name, Account.Website, Account.BillingState FROM Contact")
    assert len(people) == 40 and all(row["Account"] is None or row["Account"]["BillingState"] == "TX" for row in people)
    assert any(row["Account"] and row["Account"]["Website"].startswith("https://www.firm") for row in people)
    assert len(org.records("SELECT Id FROM Lead")) == 1 and len(org.records("SELECT Id FROM Account")) == 5
    org.vendor.clear()
    org.login()
    assert org.records("SELECT Id FROM Contact") == [] and len(org.records("SELECT Id FROM User")) == 3
    assert "CRM_Sync_Id__c" in [field["name"] for field in org.call("GET", "/sobjects/Lead/describe").json()["fields"]]

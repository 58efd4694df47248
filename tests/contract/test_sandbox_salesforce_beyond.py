"""What the sheet does not tell of and Salesforce's clients call all the same: text search, query plans, relationships by address, Bulk 1.0."""

import re

import pytest
from salesforce_http import running

CRM = "CRM_Sync_Id__c"


@pytest.fixture
def org():
    with running() as found:
        yield found


@pytest.fixture
def people(org):
    account = org.edit("Account", create={"Name": "Acme Freight", "Website": "https://acme.example"})
    ids = {
        first: org.edit(
            "Contact",
            create={"FirstName": first, "LastName": last, "Email": f"{first}@acme.example", "AccountId": account},
        )
        for first, last in (("Ada", "Quill"), ("Ben", "Oak"), ("Adam", "Oak"))
    }
    return {**ids, "account": account}


def found(org, sosl):
    answer = org.http.get("/services/data/v67.0/search", params={"q": sosl})
    assert answer.status_code == 200, answer.text
    return [{k: v for k, v in row.items() if k != "attributes"} for row in answer.json()["searchRecords"]]


@pytest.mark.parametrize(
    ("term", "names"),
    [
        ("{ada}", ["Ada"]),
        ("{ada*}", ["Ada", "Adam"]),
        ("{OAK AND NOT Ben}", ["Adam"]),
        ("{oak or quill}", ["Ada", "Ben", "Adam"]),
        ('{"Ada Quill"}', ["Ada"]),
        ("{ada} IN EMAIL FIELDS", ["Ada"]),
        ("{quill} IN EMAIL FIELDS", []),
        ("{ad?m} IN NAME FIELDS", ["Adam"]),
    ],
)
def test_words_are_found(org, people, term, names):
    """Words are found whole and in any case, in the fields that IN names; wildcards and AND, OR, NOT work."""
    rows = found(org, f"FIND {term} RETURNING Contact(FirstName)")
    assert sorted(row["FirstName"] for row in rows) == sorted(names)


def test_returning_narrows_what_is_shown(org, people):
    """Without RETURNING everything that can be searched answers with its id; with it, fields, conditions, order and limits count."""
    assert [row["Id"] for row in found(org, "FIND {acme}")] == [
        people["account"],
        *(people[n] for n in ("Ada", "Ben", "Adam")),
    ]
    asked = "FIND {oak} RETURNING Contact(FirstName, Account.Name WHERE LastName IN ('Oak', 'a,b(') ORDER BY FirstName LIMIT 1), Account(Id, Name)"
    rows = found(org, asked)
    assert [row["FirstName"] for row in rows] == ["Adam"] and rows[0]["Account"]["Name"] == "Acme Freight"
    assert len(found(org, "FIND {acme} RETURNING Contact(Id), Account LIMIT 2")) == 2
    org.edit("Contact", people["Ada"], delete=True)
    assert found(org, "FIND {ada} RETURNING Contact(Id)") == []


def test_a_search_by_parameters(org, people):
    """`parameterizedSearch` finds the same by query parameters and by a JSON body."""
    path = "/services/data/v67.0/parameterizedSearch"
    asked = {"q": "oak", "sobject": "Contact", "Contact.fields": "FirstName,LastName", "Contact.limit": "1"}
    got = org.http.get(path, params=asked).json()["searchRecords"]
    body = {
        "q": "oak",
        "in": "NAME",
        "fields": ["FirstName", "LastName"],
        "sobjects": [{"name": "Contact", "where": "FirstName = 'Ben'"}],
    }
    posted = org.http.post(path, json=body).json()["searchRecords"]
    assert [row["LastName"] for row in got] == ["Oak"] and [row["FirstName"] for row in posted] == ["Ben"]


@pytest.mark.parametrize(
    ("sosl", "code"),
    [
        ("", "MALFORMED_SEARCH"),
        ("FIND Ada", "MALFORMED_SEARCH"),
        ("FIND {A}", "MALFORMED_SEARCH"),
        ("FIND {Ada} RETURNING Contact(", "MALFORMED_SEARCH"),
        ("FIND {Ada} RETURNING Nope(Id)", "INVALID_TYPE"),
        ("FIND {Ada} RETURNING CampaignMember(Id)", "INVALID_TYPE"),
        ("FIND {Ada} RETURNING Contact(Nope)", "INVALID_FIELD"),
        ("FIND {Ada} RETURNING Contact(Id WHERE)", "MALFORMED_QUERY"),
    ],
)
def test_a_search_that_cannot_be_read(org, sosl, code):
    """A search without a term in braces, with one letter, or for what is not there is 400 with its code."""
    answer = org.http.get("/services/data/v67.0/search", params={"q": sosl})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"q": "ada", "in": "SHOES"},
        {"q": "ada", "overallLimit": "many"},
        {"q": "ada", "sobjects": [{"name": "Contact", "limit": -1}]},
    ],
)
def test_parameters_that_cannot_be_read(org, body):
    """Missing terms and impossible limits are 400 INVALID_SEARCH."""
    answer = org.call("POST", "/parameterizedSearch", body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_SEARCH")


def test_a_plan_is_explained_and_nothing_read(org, people):
    """`explain` answers a plan with the row count, and refuses what a query would."""
    asked = "SELECT Id FROM Contact WHERE LastName = 'Oak' FOR VIEW"
    told = org.http.get("/services/data/v67.0/query", params={"explain": asked}).json()
    plan = told["plans"][0]
    assert told["sourceQuery"] == asked and (plan["sobjectType"], plan["sobjectCardinality"]) == ("Contact", 3)
    refused = org.http.get("/services/data/v67.0/query", params={"explain": "SELECT Id FROM Nope"})
    assert refused.json()[0]["errorCode"] == "INVALID_TYPE"
    assert len(org.records(asked)) == 2 and org.call("GET", "/recent").json() == []


def test_relationships_by_address(org, people):
    """Behind a row's address its parent and its children are found by name; no parent and no such name are 404."""
    parent = org.call("GET", f"/sobjects/Contact/{people['Ada']}/Account?fields=Name").json()
    assert parent["attributes"]["type"] == "Account" and parent["Name"] == "Acme Freight"
    children = org.call("GET", f"/sobjects/Account/{people['account']}/Contacts").json()
    assert (children["totalSize"], children["done"]) == (3, True)
    alone = org.edit("Contact", create={"LastName": "Alone"})
    for path in (f"Contact/{alone}/Account", f"Contact/{people['Ada']}/Nope", "Contact/003ak000000000zAAA/Account"):
        answer = org.call("GET", f"/sobjects/{path}")
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND"), path


class Bulk:
    """Bulk 1.0 in XML, as salesforce-bulk and jsforce speak it."""

    def __init__(self, org):
        self.org = org
        self.headers = {"X-SFDC-Session": org.http.headers.pop("Authorization").removeprefix("Bearer ")}

    def send(self, method, path, body=None, kind="application/xml"):
        headers = {**self.headers, "content-type": f"{kind}; charset=UTF-8"}
        return self.org.http.request(method, f"/services/async/67.0/{path}", content=body, headers=headers)

    def job(self, operation="insert", content="CSV", more=""):
        document = f"<?xml version='1.0'?><jobInfo xmlns='http://x'><operation>{operation}</operation><object>Contact</object>{more}<contentType>{content}</contentType></jobInfo>"
        return self.send("POST", "job", document)


@pytest.fixture
def bulk(org):
    return Bulk(org)


def told(answer, name):
    return re.search(f"<{name}>([^<]*)</{name}>", answer.text)[1]


def test_bulk_1_tells_each_row_in_order(org, bulk):
    """A batch runs to its end as it is looked at; good and bad rows answer in their order, and the job counts them."""
    job = told(bulk.job(), "id")
    rows = b"LastName,Email\nQuill,ada@acme.example\n,no@acme.example\nOak,ben@acme.example\n"
    added = bulk.send("POST", f"job/{job}/batch", rows, "text/csv")
    assert (added.status_code, added.headers["content-type"], told(added, "state")) == (
        201,
        "application/xml",
        "Queued",
    )
    batch = told(added, "id")
    early = bulk.send("GET", f"job/{job}/batch/{batch}/result")
    assert (early.status_code, told(early, "exceptionCode")) == (400, "InvalidBatch")
    assert told(bulk.send("GET", f"job/{job}/batch/{batch}"), "state") == "Completed"
    result = bulk.send("GET", f"job/{job}/batch/{batch}/result")
    lines = result.text.splitlines()
    assert result.headers["content-type"] == "text/csv" and lines[0] == '"Id","Success","Created","Error"'
    assert [line.split(",")[1] for line in lines[1:]] == ['"true"', '"false"', '"true"']
    assert "REQUIRED_FIELD_MISSING:" in lines[2]
    closed = bulk.send("POST", f"job/{job}", "<jobInfo><state>Closed</state></jobInfo>")
    counts = [told(closed, name) for name in ("state", "numberRecordsProcessed", "numberRecordsFailed")]
    assert counts == ["Closed", "3", "1"]
    assert "<batchInfoList" in bulk.send("GET", f"job/{job}/batch").text
    assert told(bulk.send("POST", f"job/{job}/batch", rows, "text/csv"), "exceptionCode") == "InvalidJobState"
    assert len(org.vendor.rows("Contact")) == 2


def test_bulk_1_moves_with_time(org, bulk):
    """Nobody need look: rows are there when time has passed; an aborted job leaves its batches undone."""
    for last in ("Quill", "Oak"):
        job = told(bulk.job(content="JSON"), "id")
        bulk.send("POST", f"job/{job}/batch", f'[{{"LastName": "{last}"}}]', "application/json")
        if last == "Oak":
            bulk.send("POST", f"job/{job}", "<jobInfo><state>Aborted</state></jobInfo>")
    for _ in range(2):
        org.clock.advance(2)
        rows = org.vendor.rows("Contact")
    assert [row["LastName"] for row in rows] == ["Quill"]
    assert told(bulk.send("GET", f"job/{job}/batch"), "state") == "NotProcessed"


@pytest.mark.parametrize(
    ("session", "path", "body", "code"),
    [
        ("dead", "job", "<operation>insert</operation><object>Contact</object>", "InvalidSessionId"),
        (
            None,
            "job",
            "<operation>insert</operation><object>Nope</object><contentType>CSV</contentType>",
            "InvalidEntity",
        ),
        (None, "job", "<operation>insert</operation><object>Contact</object>", "FeatureNotEnabled"),
        (None, "job", "<operation>shake</operation><object>Contact</object>", "InvalidJob"),
        (
            None,
            "job",
            "<operation>upsert</operation><object>Contact</object><contentType>CSV</contentType>",
            "InvalidJob",
        ),
        (None, "job/750x", "<state>Closed</state>", "InvalidJob"),
        (None, "nope", "", "InvalidUrl"),
    ],
)
def test_bulk_1_refuses_in_its_own_words(bulk, session, path, body, code):
    """Whatever is wrong is 400 with an exceptionCode, in JSON to those who send JSON; a dead session too."""
    if session:
        bulk.headers = {"X-SFDC-Session": session}
    answer = bulk.send("POST", path, f"<jobInfo>{body}</jobInfo>")
    assert (answer.status_code, told(answer, "exceptionCode")) == (400, code)
    plain = bulk.send("POST", "job", "{", "application/json")
    assert plain.status_code == 400 and plain.json()["exceptionCode"] in ("InvalidJob", "InvalidSessionId")


def test_what_is_not_there_says_so_as_salesforce_does(org):
    """Apex endpoints that nobody wrote, and versions that Bulk 1.0 no longer has, answer in their own shapes."""
    apex = org.http.get("/services/apexrest/orders")
    assert (apex.status_code, apex.json()[0]["message"]) == (404, "Could not find a match for URL /orders")
    old = org.http.post("/services/async/20.0/job", json={})
    assert (old.status_code, old.json()["exceptionCode"]) == (400, "InvalidVersion")

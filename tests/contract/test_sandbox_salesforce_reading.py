"""Reading from the emulated org: SOQL, pages, locators, describe, updated and deleted."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from salesforce_http import DATA, running


@pytest.fixture(scope="module")
def org():
    with running() as found:
        account = found.edit(
            "Account", create={"Name": "Acme", "Website": "https://www.acme.example", "Abmatic_Id__c": "a1"}
        )
        for n in range(30):
            person = {
                "LastName": f"Ruiz {n:02d}",
                "Email": f"p{n}@acme.example",
                "CRM_Sync_Id__c": f"C{n}",
                "Title": None if n % 3 else "O'Neil",
            }
            person |= {
                "AccountId": account if n % 2 else None,
                "Abmatic_Score__c": n,
                "Abmatic_Groups__c": "Tier 2;Tier 1" if n < 5 else None,
            }
            found.edit("Contact", create=person, at=f"2026-11-01T10:00:{n // 10:02d}Z")
        yield found


def numbers(org, where, resource="query"):
    return [
        int(row["Abmatic_Score__c"])
        for row in org.records(f"SELECT Abmatic_Score__c FROM Contact WHERE {where}", resource)
    ]


WHERE = {
    "Email = 'P3@ACME.example'": [3],
    "Email IN ('p3@acme.example', 'nobody@acme.example')": [3],
    "CRM_Sync_Id__c = 'c3'": [],
    "CRM_Sync_Id__c = 'C3'": [3],
    "Title = 'o\\'neil' AND Abmatic_Score__c < 7": [0, 3, 6],
    "Title = null AND Abmatic_Score__c <= 2": [1, 2],
    "Title != 'O\\'Neil' AND Abmatic_Score__c <= 2": [1, 2],
    "NOT (Abmatic_Score__c > 1) AND (LastName LIKE 'ruiz%' OR Id = null)": [0, 1],
    "LastName LIKE '%2_'": list(range(20, 30)),
    "LastName NOT IN ('Ruiz 00') AND Abmatic_Score__c < 2": [1],
    "Account.Website = 'https://www.acme.example' AND Account.Abmatic_Id__c = 'a1' AND Abmatic_Score__c < 4": [1, 3],
    "AccountId IN (SELECT Id FROM Account WHERE Name = 'acme') AND Abmatic_Score__c < 4": [1, 3],
    "AccountId = null AND Abmatic_Score__c < 4": [0, 2],
    "AccountId = '' AND Abmatic_Score__c < 4": [0, 2],
    "Title = '' AND Abmatic_Score__c <= 2": [1, 2],
    "CRM_Sync_Id__c IN ('', 'C3') AND Abmatic_Score__c <= 3": [3],
    "Phone IN ('') AND Abmatic_Score__c <= 1": [0, 1],
    "Title != '' AND Abmatic_Score__c <= 3": [0, 3],
    "Title LIKE '%' AND Abmatic_Score__c <= 3": [0, 3],
    "Abmatic_Groups__c INCLUDES ('Tier 1;Tier 2', 'Tier 3') AND Abmatic_Score__c < 2": [0, 1],
    "Abmatic_Groups__c EXCLUDES ('Tier 1') AND Abmatic_Score__c < 7": [5, 6],
    "SystemModstamp >= 2026-11-01T10:00:02Z": list(range(20, 30)),
    "SystemModstamp > 2026-11-01T11:00:01.000+01:00": list(range(20, 30)),
    "SystemModstamp < 2026-11-01T10:00:00.500Z": list(range(10)),
    "CreatedDate < LAST_N_DAYS:1 AND CreatedDate > 2020-01-01T00:00:00Z AND Abmatic_Score__c = 4": [4],
    "CreatedDate = TODAY": [],
    "HasOptedOutOfEmail = false AND Abmatic_Score__c IN (1, 2.0)": [1, 2],
}


@pytest.mark.parametrize("where", WHERE, ids=range(len(WHERE)))
def test_where(org, where):
    """Each operator and literal finds what the vendor would find."""
    assert sorted(numbers(org, where)) == WHERE[where]


def test_columns_in_order(org):
    """Rows carry attributes first, then exactly the columns asked for, parents nested, null where there is none."""
    row = org.query(
        "SELECT name, Id, Account.Name, MailingAddress FROM Contact WHERE Abmatic_Score__c < 2 ORDER BY Abmatic_Score__c"
    ).json()
    first, second = row["records"]
    assert list(first) == ["attributes", "Name", "Id", "Account", "MailingAddress"] and first["Account"] is None
    assert (
        second["Account"]["attributes"]["type"] == "Account"
        and second["Account"]["Name"] == "Acme"
        and first["MailingAddress"] is None
    )
    assert first["attributes"] == {"type": "Contact", "url": f"{DATA}/sobjects/Contact/{first['Id']}"}


def test_order_limit_offset_count_and_aggregates(org):
    """ORDER BY with NULLS, LIMIT, OFFSET, COUNT() and aggregates answer as the vendor's."""
    soql = "SELECT Abmatic_Score__c FROM Contact ORDER BY Title NULLS LAST, Abmatic_Score__c DESC LIMIT 3 OFFSET 1"
    assert [row["Abmatic_Score__c"] for row in org.records(soql)] == [24.0, 21.0, 18.0]
    assert org.query("SELECT count() FROM Contact WHERE Title != null").json() == {
        "totalSize": 10,
        "done": True,
        "records": [],
    }
    found = org.records("SELECT Title, COUNT(Id), MAX(Abmatic_Score__c) top FROM Contact GROUP BY Title")
    assert {(row["Title"], row["expr0"], row["top"]) for row in found} == {(None, 20, 29.0), ("O'Neil", 10, 27.0)}
    children = org.records("SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName DESC LIMIT 2) FROM Account")[
        0
    ]["Contacts"]
    assert [row["LastName"] for row in children["records"]] == ["Ruiz 29", "Ruiz 27"] and children["totalSize"] == 2


GROUPED = {
    "SELECT COUNT(Id) FROM Contact LIMIT 1": [{"expr0": 30}],
    "SELECT Title, COUNT(Id), MIN(Abmatic_Score__c) low, COUNT_DISTINCT(Email) FROM Contact GROUP BY Title LIMIT 1": [
        {"Title": "O'Neil", "expr0": 10, "low": 0.0, "expr1": 10}
    ],
    "SELECT Title FROM Contact GROUP BY Title HAVING COUNT(Id) > 10": [{"Title": None}],
    "SELECT Title FROM Contact GROUP BY Title HAVING COUNT(Id) > 1 AND Title != null": [{"Title": "O'Neil"}],
    "SELECT Title, COUNT(Id) n FROM Contact GROUP BY Title ORDER BY COUNT(Id) DESC": [
        {"Title": None, "n": 20},
        {"Title": "O'Neil", "n": 10},
    ],
    "SELECT Title, COUNT(Id) n FROM Contact GROUP BY Title ORDER BY COUNT(Id) LIMIT 1 OFFSET 1": [
        {"Title": None, "n": 20}
    ],
    "SELECT Title FROM Contact GROUP BY Title HAVING Email = 'x'": "MALFORMED_QUERY",
    "SELECT Id FROM Contact ORDER BY COUNT(Id)": "MALFORMED_QUERY",
    "SELECT Id FROM Contact WHERE COUNT(Id) > 1": "MALFORMED_QUERY",
}


@pytest.mark.parametrize("soql", GROUPED, ids=range(len(GROUPED)))
def test_groups(org, soql):
    """LIMIT, HAVING and ORDER BY of a grouped query are about its groups; only unnamed aggregates are numbered."""
    answer = org.query(soql)
    told = org.records(soql) if answer.status_code == 200 else answer.json()[0]["errorCode"]
    assert told == GROUPED[soql]


@pytest.mark.parametrize("own", ["c", "Contact"])
def test_columns_named_by_their_object(org, own):
    """The object's alias, or its own name, may stand in front of any column."""
    alias = "" if own == "Contact" else own
    row = org.records(
        f"SELECT {own}.Title, {own}.Account.Name FROM Contact {alias} WHERE {own}.Title != null "
        f"AND {own}.Abmatic_Score__c < 3 ORDER BY {own}.Abmatic_Score__c DESC LIMIT 1"
    )
    assert row == org.records(
        "SELECT Title, Account.Name FROM Contact WHERE Title != null "
        "AND Abmatic_Score__c < 3 ORDER BY Abmatic_Score__c DESC LIMIT 1"
    )
    assert row


def test_the_condition_of_the_mapping_language_can_be_read(org):
    """``where = "IsPersonAccount = false"``, the mapping language's own example, is a condition of the org."""
    for kind in ("Account", "Contact"):
        everybody = org.query(f"SELECT COUNT() FROM {kind}").json()["totalSize"]
        assert (
            org.query(f"SELECT COUNT() FROM {kind} WHERE IsPersonAccount = false").json()["totalSize"] == everybody > 0
        )


BAD = {
    "SELECT Id FRM Contact": ("MALFORMED_QUERY", "unexpected token: 'FRM'"),
    "SELECT Id FROM Contact WHERE Id = '1' AND Email = 'x' OR Title = 'y'": (
        "MALFORMED_QUERY",
        "unexpected token: 'OR'",
    ),
    "SELECT FIELDS(ALL) FROM Contact": ("MALFORMED_QUERY", "LIMIT of at most 200"),
    "SELECT Id FROM Contact ORDER BY Description": ("MALFORMED_QUERY", "can not be sorted"),
    "SELECT Id FROM Nothing": ("INVALID_TYPE", "sObject type 'Nothing' is not supported"),
    "SELECT Id, Nope__c FROM Contact": ("INVALID_FIELD", "No such column 'Nope__c' on entity 'Contact'"),
    "SELECT Id, Nope__r.Id FROM Contact": ("INVALID_FIELD", "Didn't understand relationship 'Nope__r'"),
    "SELECT Id FROM Contact WHERE Description = 'x'": ("INVALID_FIELD", "can not be filtered"),
    "SELECT Id FROM Contact WHERE SystemModstamp > '2026-01-01'": ("INVALID_FIELD", "must be of type dateTime"),
    "SELECT Id FROM Contact WHERE SystemModstamp > 2026-01-01": ("INVALID_FIELD", "must be of type dateTime"),
    "SELECT Id, Email, email FROM Contact": ("INVALID_FIELD", "duplicate field selected: email"),
    r"SELECT Id FROM Contact WHERE Email = 'a\q'": ("MALFORMED_QUERY", r"Illegal character sequence '\q'"),
    "SELECT Id FROM Contact WHERE Id = 'nonsense'": ("INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: nonsense"),
}


@pytest.mark.parametrize("soql", BAD, ids=range(len(BAD)))
def test_bad_queries(org, soql):
    """A query at fault is refused with the vendor's code and words, in its list shape without fields."""
    answer = org.query(soql)
    error = answer.json()[0]
    assert answer.status_code == 400 and set(error) == {"message", "errorCode"}
    assert error["errorCode"] == BAD[soql][0] and BAD[soql][1] in error["message"]


def test_bad_column_shows_its_place(org):
    """INVALID_FIELD draws the query, a caret, row and column, after a newline."""
    message = org.query("SELECT Id, Nope__c FROM Contact").json()[0]["message"]
    assert message.startswith("\nSELECT Id, Nope__c FROM Contact\n           ^\nERROR at Row:1:Column:12\n")


def test_locator_pages_and_dies(org):
    """Pages of at least 200 follow their locator for two days; after that it is refused."""
    org.server.vendor.load("Lead", [{"LastName": str(n), "Company": "x"} for n in range(450)])
    first = org.query("SELECT Id FROM Lead", headers={"Sforce-Query-Options": "batchSize=50"}).json()
    assert (len(first["records"]), first["totalSize"], first["done"]) == (200, 450, False)
    second = org.http.get(first["nextRecordsUrl"]).json()
    third = org.http.get(second["nextRecordsUrl"]).json()
    assert third["done"] and "nextRecordsUrl" not in third
    assert len({row["Id"] for page in (first, second, third) for row in page["records"]}) == 450
    assert org.http.get(f"{DATA}/query/01gxx0000000001AAA-2000").json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_keyset_walk_loses_no_row_of_one_second(org):
    """A walk by (SystemModstamp, Id) over rows that share their second sees each once."""
    seen, stamp, last = [], "2026-11-01T00:00:00Z", ""
    while True:
        where = f"(SystemModstamp = {stamp} AND Id > '{last}') OR SystemModstamp > {stamp}"
        page = org.records(
            f"SELECT Id, SystemModstamp FROM Contact WHERE {where} ORDER BY SystemModstamp ASC, Id ASC LIMIT 7"
        )
        if not page:
            break
        seen += [row["Id"] for row in page]
        stamp, last = page[-1]["SystemModstamp"].replace("+0000", "Z"), page[-1]["Id"]
    assert len(seen) == len(set(seen)) == 30


CONDITION = st.recursive(
    st.builds(
        "{} {} {}".format,
        st.sampled_from(["SystemModstamp"]),
        st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
        st.integers(0, 3).map("2026-11-01T10:00:0{}Z".format),
    )
    | st.builds("Abmatic_Score__c {} {}".format, st.sampled_from(["<", ">=", "="]), st.integers(0, 30))
    | st.integers(0, 31).map("Email = 'p{}@acme.example'".format),
    lambda inner: (
        st.builds("({} AND {})".format, inner, inner)
        | st.builds("({} OR {})".format, inner, inner)
        | inner.map("(NOT {})".format)
    ),
    max_leaves=5,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(condition=CONDITION)
def test_indexes_change_no_answer(org, condition):
    """A condition finds the same rows through an index as through a scan that no index can serve."""
    plain = sorted(numbers(org, condition))
    assert plain == sorted(numbers(org, f"Id != null AND (LastName = 'nobody' OR {condition})"))
    ordered = org.records(
        f"SELECT Id, SystemModstamp, Abmatic_Score__c FROM Contact WHERE {condition} ORDER BY SystemModstamp DESC, Id DESC"
    )
    assert sorted(int(row["Abmatic_Score__c"]) for row in ordered) == plain
    assert ordered == sorted(ordered, key=lambda row: (row["SystemModstamp"], row["Id"]), reverse=True)


def test_long_uri_is_refused(org):
    """More than 16,384 bytes of URI and headers is 414."""
    assert (
        org.query(f"SELECT Id FROM Contact WHERE Email IN ({','.join(repr('x' * 50) for _ in range(400))})").status_code
        == 414
    )


def test_describe_heeds_if_modified_since(org):
    """Describe answers 304 to a client that knows the schema, and the whole schema to one that does not."""
    new = org.call("GET", "/sobjects/Lead/describe", headers={"If-Modified-Since": "Tue, 01 Jan 2030 00:00:00 GMT"})
    old = org.call("GET", "/sobjects/Lead/describe", headers={"If-Modified-Since": "Tue, 01 Jan 2019 00:00:00 GMT"})
    assert new.status_code == 304 and old.json()["keyPrefix"] == "00Q"


def test_versions(org):
    """The list of versions needs no session and counts as no call; retired versions are 410."""
    answer = org.http.get("/services/data", headers={"Authorization": ""})
    assert {
        "label": "Summer '26",
        "url": DATA,
        "version": "67.0",
    } in answer.json() and "sforce-limit-info" not in answer.headers
    assert [row["label"] for row in answer.json()[-2:]] == ["Summer '26", "Winter '27"]
    assert org.http.get("/services/data/v30.0/sobjects").status_code == 410
    assert org.call("GET", "/nothing").json() == [
        {"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}
    ]
    assert org.call("PUT", "/query").status_code == 405

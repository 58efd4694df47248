"""Writing to the emulated org: validation, Collections, single rows, Composite."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from salesforce_http import DATA, running


@pytest.fixture
def org():
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def shared():
    with running() as found:
        yield found


def error_of(answer, at=0):
    row = answer.json()[at]
    assert answer.status_code == 200 and row["success"] is False and "id" not in row and "created" not in row, (
        answer.text
    )
    return row["errors"][0]["statusCode"], row["errors"][0]["message"]


REFUSED = {
    "too long": ({"Title": "x" * 129}, "STRING_TOO_LONG", "(max length=128)"),
    "email": ({"Email": "not an address"}, "INVALID_EMAIL_ADDRESS", "Email: invalid email address: not an address"),
    "picklist": (
        {"Seniority__c": "Boss"},
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "Seniority__c: bad value for restricted picklist field: Boss",
    ),
    "number": ({"Abmatic_Score__c": 1000}, "NUMBER_OUTSIDE_VALID_RANGE", "Abmatic_Score__c"),
    "column": ({"Nope__c": 1}, "INVALID_FIELD", "No such column 'Nope__c' on sobject of type Contact"),
    "computed": (
        {"Name": "x", "IsDeleted": True},
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "Unable to create/update fields: Name, IsDeleted.",
    ),
    "boolean null": ({"HasOptedOutOfEmail": None}, "INVALID_TYPE_ON_FIELD_IN_RECORD", "HasOptedOutOfEmail"),
    "required": ({"LastName": "  "}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]"),
    "malformed id": ({"AccountId": "001"}, "MALFORMED_ID", "Account ID: id value of incorrect type: 001"),
    "checksum": ({"AccountId": "001ak0000007001AAB"}, "MALFORMED_ID", "Account ID"),
    "unknown id": ({"AccountId": "001ak00000zzzzz"}, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
    "other object": ({"AccountId": "003ak0000007001"}, "MALFORMED_ID", "Account ID"),
    "parent": (
        {"Account": {"Abmatic_Id__c": "nope"}},
        "INVALID_FIELD",
        "Foreign key external ID: nope not found for field Abmatic_Id__c in entity Account",
    ),
    "key twice": ({"id": "003ak0000007001AAA"}, "INVALID_FIELD_FOR_INSERT_UPDATE", "external ID reference"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_row_stands_alone(shared, case):
    """A bad row fails with the vendor's code and words, without id; its neighbours are written."""
    values, code, words = REFUSED[case]
    answer = shared.upsert(
        "Contact",
        [
            {"CRM_Sync_Id__c": f"good {case}", "LastName": "A"},
            {"CRM_Sync_Id__c": f"bad {case}", "LastName": "B", **values},
        ],
    )
    assert answer.json()[0]["success"] is True
    found = error_of(answer, 1)
    assert found[0] == code and words in found[1]


@pytest.mark.parametrize(
    "value",
    [
        {"Abmatic_Score__c": "high"},
        {"HasOptedOutOfEmail": "yes"},
        {"Birthdate": "2003-04-98"},
        {"Title": {"a": 1}},
        {"Title": 5},
    ],
)
def test_json_mismatch_refuses_the_whole_request(org, value):
    """A value of the wrong JSON kind in one row refuses the request and undoes the rows before it."""
    answer = org.upsert(
        "Contact", [{"CRM_Sync_Id__c": "a", "LastName": "A"}, {"CRM_Sync_Id__c": "b", "LastName": "B", **value}]
    )
    assert answer.status_code == 400 and answer.json()[0]["errorCode"] == "JSON_PARSER_ERROR"
    assert org.records("SELECT Id FROM Contact", "queryAll") == []


def test_values_come_back_as_the_vendor_stores_them(org):
    """Text is trimmed, blanks are null, decimals are rounded, choices are ordered, numbers are floats, ids have 18 characters."""
    account = org.edit("Account", create={"Name": "Acme"})
    values = {
        "FirstName": "  Ada ",
        "Title": "   ",
        "Abmatic_Score__c": 71.5,
        "Abmatic_Groups__c": "zeta;Tier 2; Tier 1",
        "AccountId": account[:15],
    }
    org.upsert(
        "Contact",
        [{"CRM_Sync_Id__c": "a", "LastName": "A\u00a0", "EmailBouncedDate": "2026-11-20T10:15:02.900+01:00", **values}],
    )
    row = org.records("SELECT FIELDS(ALL) FROM Contact LIMIT 1")[0]
    assert (row["FirstName"], row["LastName"], row["Title"], row["Name"]) == ("Ada", "A", None, "Ada A")
    assert (row["Abmatic_Score__c"], row["Abmatic_Groups__c"], row["AccountId"]) == (
        72.0,
        "Tier 1;Tier 2;zeta",
        account,
    )
    assert row["EmailBouncedDate"] == "2026-11-20T09:15:02.000+0000" and row["IsEmailBounced"] is True


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=128))
def test_any_text_comes_back_trimmed(shared, text):
    """Whatever Unicode text is written comes back without its outer blanks, and blank text as null."""
    shared.upsert("Contact", [{"CRM_Sync_Id__c": "text", "LastName": "A", "Title": text}])
    assert shared.records("SELECT Title FROM Contact WHERE CRM_Sync_Id__c = 'text'")[0]["Title"] == (
        text.strip() or None
    )


def test_upsert_creates_updates_and_links(org):
    """Upsert by external id creates once, then updates; a parent is named by its external id; omitted fields stay, null clears."""
    org.edit("Account", create={"Name": "Acme", "Abmatic_Id__c": "acc_17"})
    row = {
        "CRM_Sync_Id__c": "c1",
        "LastName": "Okafor",
        "Title": "CTO",
        "Phone": "1",
        "Account": {"Abmatic_Id__c": "acc_17"},
    }
    first, second = (
        org.upsert("Contact", [row]).json()[0],
        org.upsert("Contact", [{"CRM_Sync_Id__c": "c1", "Title": None}]).json()[0],
    )
    assert first["created"] is True and second == {"id": first["id"], "success": True, "errors": [], "created": False}
    found = org.records("SELECT Title, Phone, Account.Name, LastModifiedById, CreatedById FROM Contact")[0]
    assert (found["Title"], found["Phone"], found["Account"]["Name"]) == (None, "1", "Acme")
    assert org.login()["id"].endswith(found["LastModifiedById"])


def test_duplicates(org):
    """Keys twice in a request fail both; a unique value elsewhere, an ambiguous key and a deleted row fail as documented."""
    twice = org.upsert("Contact", [{"CRM_Sync_Id__c": "x", "LastName": "A"}, {"CRM_Sync_Id__c": "x", "LastName": "B"}])
    assert [error_of(twice, n)[0] for n in (0, 1)] == [
        "DUPLICATE_VALUE"
    ] * 2 and "Duplicate external id specified: x" in error_of(twice)[1]
    ids = [
        org.edit("Contact", create={"LastName": "A", "CRM_Sync_Id__c": f"k{n}", "Abmatic_Id__c": "same"})
        for n in (1, 2)
    ]
    taken = org.call(
        "PATCH",
        "/composite/sobjects",
        {"records": [{"attributes": {"type": "Contact"}, "id": ids[0], "CRM_Sync_Id__c": "k2"}]},
    )
    assert error_of(taken) == (
        "DUPLICATE_VALUE",
        f"duplicate value found: CRM_Sync_Id__c duplicates value on record with id: {ids[1][:15]}",
    )
    assert (
        error_of(org.upsert("Contact", [{"Abmatic_Id__c": "same", "LastName": "C"}], "Abmatic_Id__c"))[0]
        == "DUPLICATE_EXTERNAL_ID"
    )
    several = org.call("PATCH", "/sobjects/Contact/Abmatic_Id__c/same", {"LastName": "C"})
    assert several.status_code == 300 and several.json() == [f"{DATA}/sobjects/Contact/{row_id}" for row_id in ids]
    org.edit("Contact", ids[0], delete=True)
    again = org.upsert("Contact", [{"CRM_Sync_Id__c": "k1", "LastName": "A"}]).json()[0]
    assert again["created"] is True and again["id"] != ids[0]
    gone = org.call(
        "PATCH", "/composite/sobjects", {"records": [{"attributes": {"type": "Contact"}, "id": ids[0], "Title": "x"}]}
    )
    assert error_of(gone) == ("ENTITY_IS_DELETED", "entity is deleted")


def test_collections_edges(org):
    """No rows, 201 rows, a missing id and an unknown type are refused as documented; allOrNone undoes the good rows."""
    assert org.upsert("Contact", []).json()[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert (
        org.upsert("Contact", [{"CRM_Sync_Id__c": str(n)} for n in range(201)]).json()[0]["errorCode"]
        == "LIMIT_EXCEEDED"
    )
    assert error_of(org.call("PATCH", "/composite/sobjects", {"records": [{"attributes": {"type": "Contact"}}]})) == (
        "MISSING_ARGUMENT",
        "Id not specified in an update call",
    )
    rows = [{"CRM_Sync_Id__c": "a", "LastName": "A"}, {"CRM_Sync_Id__c": "b"}]
    undone = org.upsert("Contact", rows, allOrNone=True)
    assert [error_of(undone, n)[0] for n in (0, 1)] == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert org.records("SELECT Id FROM Contact", "queryAll") == []


def test_create_delete_and_retrieve_many(org):
    """Collections create mixed types, retrieve in the order asked with null for what is gone, and delete by id."""
    records = [
        {"attributes": {"type": "Contact"}, "LastName": "A"},
        {"attributes": {"type": "Account"}, "Name": "B"},
        {"attributes": {"type": "Contact"}, "LastName": "C"},
    ]
    made = org.call("POST", "/composite/sobjects", {"records": records}).json()
    assert all(row["success"] and "created" not in row for row in made)
    first, third = made[0]["id"], made[2]["id"]
    done = org.call("DELETE", f"/composite/sobjects?ids={first},003ak00000zzzzz,nonsense&allOrNone=false").json()
    assert [row["errors"][0]["statusCode"] if row["errors"] else "ok" for row in done] == [
        "ok",
        "INVALID_CROSS_REFERENCE_KEY",
        "MALFORMED_ID",
    ]
    rows = org.call(
        "POST", "/composite/sobjects/Contact", {"ids": [third[:15], first, third], "fields": ["LastName"]}
    ).json()
    assert rows[1] is None and rows[0] == rows[2] and rows[0]["LastName"] == "C"


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_injected_rows_fail_in_any_batch(org, method):
    """Rows that a fault names fail with its code, in creates and upserts, and are not written; the rest is."""
    rows = [{"attributes": {"type": "Contact"}, "CRM_Sync_Id__c": f"c{n}", "LastName": f"L{n}"} for n in range(5)]
    org.fail_rows({0: "UNABLE_TO_LOCK_ROW", 3: "STRING_TOO_LONG"})
    answer = org.call(
        method, "/composite/sobjects" + ("/Contact/CRM_Sync_Id__c" if method == "PATCH" else ""), {"records": rows}
    )
    assert [row["errors"][0]["statusCode"] if row["errors"] else "" for row in answer.json()] == [
        "UNABLE_TO_LOCK_ROW",
        "",
        "",
        "STRING_TOO_LONG",
        "",
    ]
    assert len(org.records("SELECT Id FROM Contact")) == 3


def test_single_rows(org):
    """Single upserts answer 201 then 200; the key in the body, an update of nothing and a double delete are refused."""
    path = "/sobjects/Account/CRM_Sync_Id__c/a%2Fb%20%C3%A9"
    assert org.call("PATCH", path + "?updateOnly=true", {"Name": "X"}).status_code == 404
    made = org.call("PATCH", path, {"Name": "X"})
    assert made.status_code == 201 and made.json()["created"] is True
    assert org.call("PATCH", path, {"Name": "Y"}).status_code == 200
    assert org.call("PATCH", path, {"CRM_Sync_Id__c": "a/b é"}).json()[0]["errorCode"] == "INVALID_FIELD"
    row = org.call("GET", path).json()
    assert (row["Name"], row["CRM_Sync_Id__c"], row["Id"]) == ("Y", "a/b é", made.json()["id"])
    one = f"/sobjects/Account/{row['Id']}"
    assert org.call("PATCH", one, {"Id": row["Id"]}).status_code == 400
    assert org.call("DELETE", one).status_code == 204
    assert (
        org.call("DELETE", one).json()[0]["errorCode"] == "ENTITY_IS_DELETED"
        and org.call("GET", one).status_code == 404
    )


def test_composite_refers_and_halts(org):
    """Composite hands earlier answers on; with allOrNone a failure undoes everything, a dependent is halted."""
    parts = [
        {
            "method": "PATCH",
            "url": f"{DATA}/sobjects/Account/Abmatic_Id__c/acc_17",
            "referenceId": "a",
            "body": {"Name": "Acme"},
        },
        {
            "method": "POST",
            "url": f"{DATA}/sobjects/Contact",
            "referenceId": "c",
            "body": {"LastName": "Ruiz", "AccountId": "@{a.id}"},
        },
        {
            "method": "GET",
            "url": f"{DATA}/query?q=SELECT+Id+FROM+Contact+WHERE+AccountId='@{{a.id}}'",
            "referenceId": "q",
        },
    ]
    found = org.call("POST", "/composite", {"compositeRequest": parts}).json()["compositeResponse"]
    assert [part["httpStatusCode"] for part in found] == [201, 201, 200] and found[2]["body"]["totalSize"] == 1
    parts[1]["body"] = {}
    parts.append({"method": "GET", "url": f"{DATA}/sobjects/Contact/@{{c.id}}", "referenceId": "d"})
    parts[0]["url"] += "b"
    found = org.call("POST", "/composite", {"allOrNone": True, "compositeRequest": parts}).json()["compositeResponse"]
    assert [part["body"][0]["errorCode"] for part in found] == [
        "PROCESSING_HALTED",
        "REQUIRED_FIELD_MISSING",
        "PROCESSING_HALTED",
        "PROCESSING_HALTED",
    ]
    assert len(org.records("SELECT Id FROM Account")) == 1


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_composite_is_stricter_than_the_collection_in_it(org, method):
    """allOrNone of the whole overrides that of a collection: one bad row undoes the rows beside it."""
    kept = org.call("POST", "/sobjects/Account", {"Name": "Kept"}).json()["id"]
    good, bad = {"attributes": {"type": "Account"}, "Name": "Good"}, {"attributes": {"type": "Account"}}
    parts = {
        "POST": {"url": f"{DATA}/composite/sobjects", "body": {"allOrNone": False, "records": [good, bad]}},
        "DELETE": {"url": f"{DATA}/composite/sobjects?allOrNone=false&ids={kept},nonsense"},
    }
    part = {"method": method, "referenceId": "rows", **parts[method]}
    found = org.call("POST", "/composite", {"allOrNone": True, "compositeRequest": [part]}).json()["compositeResponse"]
    codes = [row["errors"][0]["statusCode"] for row in found[0]["body"]]
    refusal = "REQUIRED_FIELD_MISSING" if method == "POST" else "MALFORMED_ID"
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", refusal]
    assert [row["Name"] for row in org.records("SELECT Name FROM Account WHERE Name IN ('Good', 'Kept')")] == ["Kept"]


def planted(org, *graphs):
    body = {"graphs": [{"graphId": str(n), "compositeRequest": parts} for n, parts in enumerate(graphs)]}
    return org.call("POST", "/composite/graph", body)


def node(name, reference="a", kind="Account", **more):
    return {
        "method": "POST",
        "url": f"{DATA}/sobjects/{kind}",
        "referenceId": reference,
        "body": {"Name": name},
        **more,
    }


def test_a_graph_holds_rows_of_objects_only(org):
    """A query or a collection in a graph fells that graph, and that graph alone."""
    query = {"method": "GET", "url": f"{DATA}/query?q=SELECT+Id+FROM+Account", "referenceId": "q"}
    told = planted(org, [node("A"), query], [node("B")]).json()["graphs"]
    assert [graph["isSuccessful"] for graph in told] == [False, True]
    parts = told[0]["graphResponse"]["compositeResponse"]
    assert [part["body"][0]["errorCode"] for part in parts] == ["PROCESSING_HALTED", "INVALID_OPERATION"]
    assert [row["Name"] for row in org.records("SELECT Name FROM Account")] == ["B"]


def test_after_many_fallen_graphs_the_rest_is_not_tried(org):
    """When more than 14 graphs have fallen, those behind them are halted, good ones too."""
    told = planted(org, [node("good")], *([node("")] for _ in range(15)), [node("late")]).json()["graphs"]
    assert [graph["isSuccessful"] for graph in told] == [True, *[False] * 16]
    last = told[-1]["graphResponse"]["compositeResponse"][0]
    assert (last["body"][0]["errorCode"], last["httpStatusCode"]) == ("PROCESSING_HALTED", 400)
    assert [row["Name"] for row in org.records("SELECT Name FROM Account")] == ["good"]


def test_a_graph_has_bounds(org):
    """More than 15 levels or kinds of nodes in a graph, and more than 500 nodes in all, are refused as a whole."""

    def chain(length):
        return [
            node("A"),
            *(
                node("A", f"n{n}", body={"Name": "A", "ParentId": f"@{{{'a' if n == 1 else f'n{n - 1}'}.id}}"})
                for n in range(1, length)
            ),
        ]

    assert planted(org, chain(15)).json()["graphs"][0]["isSuccessful"]
    kinds = [node("A", f"k{n}", kind=f"Kind{n}") for n in range(16)]
    many = [node("A", f"m{n}") for n in range(251)]
    for graphs in ([chain(16)], [[node("A")], kinds], [many, many]):
        refused = planted(org, *graphs)
        assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "LIMIT_EXCEEDED")
    assert len(org.records("SELECT Id FROM Account")) == 15


def test_batch_graph_and_tree(org):
    """Batch parts are independent and counted; a graph stands or falls alone; a tree is all or nothing."""
    used = org.call("GET", "/limits").json()["DailyApiRequests"]["Remaining"]
    batch = org.call(
        "POST",
        "/composite/batch",
        {"batchRequests": [{"method": "GET", "url": "v67.0/limits"}, {"method": "GET", "url": "v67.0/nope"}]},
    ).json()
    assert batch["hasErrors"] and [part["statusCode"] for part in batch["results"]] == [200, 404]
    assert org.call("GET", "/limits").json()["DailyApiRequests"]["Remaining"] == used - 4

    def nodes(name):
        return [{"method": "POST", "url": f"{DATA}/sobjects/Account", "referenceId": "a", "body": {"Name": name}}]

    graphs = org.call(
        "POST",
        "/composite/graph",
        {"graphs": [{"graphId": "1", "compositeRequest": nodes("A")}, {"graphId": "2", "compositeRequest": nodes("")}]},
    ).json()
    assert [graph["isSuccessful"] for graph in graphs["graphs"]] == [True, False]
    child = {"attributes": {"type": "Contact", "referenceId": "r2"}, "LastName": "Ruiz"}
    tree = {
        "records": [
            {"attributes": {"type": "Account", "referenceId": "r1"}, "Name": "T", "Contacts": {"records": [child]}}
        ]
    }
    assert [row["referenceId"] for row in org.call("POST", "/composite/tree/Account", tree).json()["results"]] == [
        "r1",
        "r2",
    ]
    del child["LastName"]
    refused = org.call("POST", "/composite/tree/Account", tree)
    assert (
        refused.status_code == 400
        and refused.json()["results"][0]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    )
    assert {row["Name"] for row in org.records("SELECT Name FROM Account")} == {"A", "T"}


def test_hidden_field_read_only_user_and_triggers(org):
    """A hidden field vanishes from describe and refuses writes; a read-only user is refused; a trigger rewrites under our user."""
    org.vendor.limit(
        {
            "hide_fields": ["Contact.HasOptedOutOfEmail"],
            "triggers": [{"object": "Contact", "field": "Title", "set": "upper"}],
        }
    )
    assert "HasOptedOutOfEmail" not in [
        f["name"] for f in org.call("GET", "/sobjects/Contact/describe").json()["fields"]
    ]
    assert (
        error_of(org.upsert("Contact", [{"CRM_Sync_Id__c": "a", "LastName": "A", "HasOptedOutOfEmail": True}]))[0]
        == "INVALID_FIELD"
    )
    org.upsert("Contact", [{"CRM_Sync_Id__c": "a", "LastName": "A", "Title": "cto"}])
    assert org.records("SELECT Title FROM Contact")[0]["Title"] == "CTO"
    org.vendor.limit({"read_only": True})
    refused = org.upsert("Contact", [{"CRM_Sync_Id__c": "a", "Title": "x"}])
    assert refused.status_code == 403 and refused.json()[0]["errorCode"] == "INSUFFICIENT_ACCESS_OR_READONLY"


def test_lead_owner_follows_assignment_rules_unless_told_not_to(org):
    """A Lead written without Sforce-Auto-Assign: FALSE changes hands."""
    me = org.login()["id"].rsplit("/", 1)[1]
    for header, mine in ({}, False), ({"Sforce-Auto-Assign": "FALSE"}, True):
        made = org.call("POST", "/sobjects/Lead", {"LastName": "A", "Company": "B"}, headers=header).json()
        assert (org.call("GET", f"/sobjects/Lead/{made['id']}").json()["OwnerId"] == me) is mine


def test_duplicate_rule(org):
    """A duplicate rule refuses with the vendor's misspelt key; allowSave passes an alert."""
    org.vendor.limit({"duplicate_rule": "alert"})
    person = {"LastName": "A", "Email": "a@acme.example"}
    first = org.call("POST", "/sobjects/Contact", person).json()["id"]
    error = org.call("POST", "/sobjects/Contact", person).json()[0]
    assert error["errorCode"] == "DUPLICATES_DETECTED"
    assert error["duplicateResut"]["matchResults"][0]["matchRecords"][0]["record"]["Id"] == first
    saved = org.call("POST", "/sobjects/Contact", person, headers={"Sforce-Duplicate-Rule-Header": "allowSave=true"})
    assert saved.status_code == 201


def test_campaign_members(org):
    """One membership per campaign and person; its status must be the campaign's; a delete leaves no trace but the log."""
    campaign, person = (
        org.edit("Campaign", create={"Name": "C"}),
        org.edit("Contact", create={"LastName": "A", "Email": "a@acme.example"}),
    )
    member = {"CampaignId": campaign, "ContactId": person}
    made = org.call("POST", "/sobjects/CampaignMember", member).json()["id"]
    assert org.call("POST", "/sobjects/CampaignMember", member).json()[0]["errorCode"] == "DUPLICATE_VALUE"
    assert (
        org.call("PATCH", f"/sobjects/CampaignMember/{made}", {"Status": "Nope"}).json()[0]["errorCode"]
        == "FIELD_INTEGRITY_EXCEPTION"
    )
    assert org.records("SELECT Email, LeadOrContactId, HasResponded FROM CampaignMember") == [
        {"Email": "a@acme.example", "LeadOrContactId": person, "HasResponded": False}
    ]
    org.call("DELETE", f"/sobjects/CampaignMember/{made}")
    assert org.records("SELECT Id FROM CampaignMember", "queryAll") == []

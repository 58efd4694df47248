"""What the vendor does not document is a setting: how names are written, whether a PUT replaces, what a blank is, who else writes."""

import pytest
from abmatic_server import Abmatic1
from test_abmatic_connector import connect, create, filled, told, update

from sync.connectors.abmatic.bodies import camelled, merged, partial
from sync.model.remote import Outcome


def test_bodies_in_camel_case_arrive_where_nothing_else_is_taken():
    """POST and PUT name columns as the vendor's JavaScript sample does; answers are read in snake_case."""
    server = Abmatic1()
    server.camel = True
    one = connect(server, wire_case="camel")
    [made] = one.push([create({"email": "ada@acme.example", "first_name": "Ada"}, name="contacts")])
    [changed] = one.push([update(made.remote_id, {"last_name": "Byron", "field_01": "x"}, name="contacts")])
    row = server.rows["contacts"][made.remote_id]
    assert (row["first_name"], row["last_name"], row["field_01"]) == ("Ada", "Byron", "x")
    assert (told(made, "first_name"), told(changed, "first_name", "last_name")) == (["Ada"], ["Ada", "Byron"])
    assert server.bodies == [
        {"email": "ada@acme.example", "firstName": "Ada"},
        {"email": "ada@acme.example", "firstName": "Ada", "lastName": "Byron", "field_01": "x"},
    ]


def test_bodies_are_in_snake_case_unless_the_setting_says_otherwise():
    """The names of the documents' own responses are the default."""
    server = Abmatic1()
    connect(server).push([create({"email": "ada@acme.example", "first_name": "Ada"}, name="contacts")])
    assert server.bodies == [{"email": "ada@acme.example", "first_name": "Ada"}]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"linkedin_url": 1, "NAICS Code": 2, "field_07": 3}, {"linkedinUrl": 1, "NAICS Code": 2, "field_07": 3}),
        ({"location": {"postal_code": 1}, "tags": ["a_b"]}, {"location": {"postalCode": 1}, "tags": ["a_b"]}),
        ({"first_name": "ours", "firstName": "theirs"}, {"firstName": "ours"}),
        ({"_id": 1, "first__name": 2, "": 3}, {"_id": 1, "first__name": 2, "": 3}),
    ],
)
def test_only_names_are_spelled_otherwise(body, said):
    """Custom columns, names with spaces and all values stay as they are."""
    assert camelled(body) == said


def test_a_partial_put_sends_what_differs_and_undoes_nobody():
    """Where a PUT keeps what it does not name, only changed columns go, so that an edit beside ours stands."""
    server = filled(1)
    server.replaces = False
    server.touch("accounts", "acc_1", industry="Tech", field_07="before")

    def beside(method, path, params):
        if method == "PUT":
            server.touch("accounts", "acc_1", field_07="theirs")

    server.before.append(beside)
    [receipt] = connect(server, put_mode="partial").push([update("acc_1", {"industry": "Software", "name": "n0"})])
    row = server.rows["accounts"]["acc_1"]
    assert server.bodies == [{"industry": "Software"}]
    assert (row["industry"], row["field_07"], row["name"]) == ("Software", "theirs", "n0")
    assert (receipt.outcome, told(receipt, "industry", "name")) == (Outcome.ACKED, ["Software", "n0"])


@pytest.mark.parametrize(
    ("row", "values", "sent"),
    [
        ({"job_title": "CTO"}, {"title": "CEO"}, {"job_title": "CEO"}),
        ({"location": {"city": "a", "state": "b"}}, {"location.city": "c"}, {"location": {"city": "c", "state": "b"}}),
        ({"location.city": "a", "x": 1}, {"location.city": "c"}, {"location.city": "c"}),
        ({"score": 1}, {"score": True}, {"score": True}),
        ({"score": 1}, {"score": 1}, {}),
        ({}, {"a.b": "c"}, {"a": {"b": "c"}}),
    ],
)
def test_what_differs_is_named_as_the_row_names_it(row, values, sent):
    """Aliases, flat names with a dot and objects inside a row are sent in the row's own form."""
    assert partial(row, values) == sent


@pytest.mark.parametrize(
    ("row", "values", "account"),
    [
        ({"email": "a", "account": {"id": "acc_1", "name": "Acme"}}, {"title": "CEO"}, "acc_1"),
        ({"email": "a", "account": {"id": "acc_1"}}, {"account_id": "acc_2"}, "acc_2"),
        ({"email": "a", "account": {"id": "acc_1"}, "account_id": "acc_3"}, {"title": "CEO"}, "acc_3"),
        ({"email": "a", "account": {"id": "acc_1"}, "account_id": None}, {"title": "CEO"}, None),
        ({"email": "a", "account": None}, {"title": "CEO"}, None),
    ],
)
def test_a_whole_put_keeps_the_account_of_a_contact(row, values, account):
    """A contact that tells its account by the object alone is not cut off from it by a PUT that replaces."""
    body = merged(row, values)
    assert (body.get("account_id"), "account" in body) == (account, False)


@pytest.mark.parametrize(("clearing", "stored"), [("null", None), ("empty", "")])
def test_a_blank_is_sent_as_the_setting_says(clearing, stored):
    """`clearing` chooses between null and an empty text, whichever blank the merge came to; a blank there is left alone."""
    server = filled(1)
    one = connect(server, clearing=clearing)
    assert one.capabilities("accounts").clearable
    for blank in (None, ""):
        server.touch("accounts", "acc_1", industry="Tech")
        assert one.push([update("acc_1", {"industry": blank})])[0].outcome is Outcome.ACKED
        assert server.rows["accounts"]["acc_1"]["industry"] == stored
    server.bodies.clear()
    server.touch("accounts", "acc_1", city=None, state="")
    one.push([update("acc_1", {"city": "", "state": None})])
    assert server.bodies == []


def test_beside_a_sync_that_fetches_from_salesforce_nothing_is_created():
    """`pull_only`: Abmatic makes its own rows of what is new in Salesforce, so ours would stand there twice; updates and groups go on."""
    server = filled(1)
    one = connect(server, native_salesforce_sync="pull_only")
    can = [one.capabilities(name) for name in ("accounts", "contacts", "groups")]
    assert [(c.writable, c.creatable, c.returns_record) for c in can] == [
        (True, False, True),
        (True, False, True),
        (False, True, True),
    ]
    refused, changed = one.push([create({"name": "Acme"}), update("acc_1", {"industry": "Software"}, number=2)])
    assert (refused.error, changed.outcome) == ("UNSUPPORTED", Outcome.ACKED)
    assert "native_salesforce_sync" in refused.remedy
    assert one.create_group("Tier 1").outcome is Outcome.ACKED
    assert len(server.rows["accounts"]) == 1


def test_beside_a_sync_that_writes_to_salesforce_nothing_is_written():
    """`on`: whatever we wrote would reach Salesforce by another way and come back; `check` says so."""
    server = filled(1)
    one = connect(server, native_salesforce_sync="on", profile="auto")
    for name in ("accounts", "contacts"):
        assert not one.capabilities(name).writable
        assert not one.capabilities(name).creatable
    receipts = one.push([create({"name": "Acme"}), update("acc_1", {"industry": "Software"}, number=2)])
    assert [receipt.error for receipt in receipts] == ["UNSUPPORTED"] * 2
    assert server.bodies == []
    [finding] = [found for found in one.probe() if found.what == "native_salesforce_sync"]
    assert not finding.well
    assert finding.remedy


def test_without_a_sync_of_the_vendors_own_nothing_is_said_of_it():
    """`off` is the default and leaves everything to us."""
    one = connect(filled(1))
    assert all(found.what != "native_salesforce_sync" for found in one.probe())
    assert one.capabilities("accounts").creatable
    assert one.capabilities("accounts").batch_size == 1

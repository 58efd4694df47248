"""A new address in Conversion is a new row there: the record goes on with it; the former row is kept, and never opted in."""

import time
from datetime import UTC, datetime, timedelta

import pytest

OLD, NEW = "ada@acme.example", "ada.new@acme.example"
FIELDS = {"email": "email", "first_name": "variables.first_name", "last_name": "variables.last_name", "title": "variables.title", "city": "variables.city"}  # fmt: skip


@pytest.fixture
def town(scene):
    """Ada is in Abmatic, Salesforce and Conversion, subscribed."""
    quick = {"horizon": "1s", "verify_delays": ["0.1s"], "retries": 2, "requests_per_second": 1000}
    scene.settings("systems.conversion", {"base_url": scene.urls["conversion"], "api_key": "env:KEY", **quick})
    scene.mapping("contacts.systems.conversion", {"object": "contacts", "create": True})
    scene.mapping("contacts.prefer", ["salesforce", "abmatic", "conversion"])
    for name, path in FIELDS.items():
        scene.mapping(f"contacts.fields.{name}.conversion", path)
    scene.mapping("contacts.fields.subscription.conversion", "subscriptionStatus")
    scene.linked("ada", title="CTO")
    return scene


def salesforce(scene, **values):
    [row] = scene.table("salesforce", "Contact")
    scene.control("edit", {"system": "salesforce", "object": "Contact", "id": row["Id"], "set": values})


def conversion(scene, address, **values):
    row = there(scene)[address]
    scene.control("edit", {"system": "conversion", "object": "contacts", "id": row["id"], "set": values})


def there(scene):
    return {row["email"]: row for row in scene.table("conversion", "contacts")}


def titles(scene):
    return {address: row["variables"].get("title") for address, row in there(scene).items()}


def moved(scene):
    """Her address changes in Salesforce, and that has arrived."""
    salesforce(scene, Email=NEW)
    scene.quiet(scene.sync())
    scene.nothing_to_do()


def links(scene, key=NEW):
    return {link["id"]: link["state"] for link in scene.explained("contact", key)["links"] if link["system"] == "conversion"}  # fmt: skip


def test_the_record_goes_on_with_the_new_row(town):
    """What comes later is written to the row under the new address, and to the former one: nobody reads there what is no longer so."""
    moved(town)
    assert titles(town) == {OLD: "CTO", NEW: "CTO"}
    assert links(town) == {OLD: "former", NEW: "linked"}
    salesforce(town, Title="CEO")
    town.forget_calls()
    town.quiet(town.sync())
    assert titles(town) == {OLD: "CEO", NEW: "CEO"}
    town.nothing_to_do()
    assert (town.verify()["unexplained"], town.verify()["explained"]) == ([], [])
    conversion(town, OLD, **{"variables.title": "CDO"})
    verdict = town.verify()
    assert {row["field"] for row in [*verdict["unexplained"], *verdict["explained"]]} == {"title"}


@pytest.mark.law("L9")
@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_lost_answer(town, kind):
    """Whether the new row came to be or not: in the end the record is linked with it, once."""
    salesforce(town, Email=NEW)
    town.fault("conversion", kind, method="POST", path="contacts/batch", times=1)
    for _ in range(3):
        town.sync()
        time.sleep(1.1)  # the horizon of the workspace
    assert titles(town) == {OLD: "CTO", NEW: "CTO"}
    assert links(town) == {OLD: "former", NEW: "linked"}
    town.nothing_to_do()


def test_an_edit_on_the_way_moves_with_her(town):
    """What somebody wrote into the row just before her address changed is an edit still, not beaten by an order of preference."""
    conversion(town, OLD, **{"variables.title": "CDO"})
    salesforce(town, Email=NEW)
    town.quiet(town.sync())
    town.quiet(town.sync())
    assert {row["Title"] for row in town.table("salesforce", "Contact")} == {"CDO"}
    assert titles(town)[NEW] == "CDO"


def test_an_edit_of_the_former_row_counts(town):
    """It is one person: the value goes everywhere, and gives way to what is said later."""
    moved(town)
    conversion(town, OLD, **{"variables.title": "CDO"})
    town.quiet(town.sync(full=True))
    assert {row["Title"] for row in town.table("salesforce", "Contact")} == {"CDO"}
    assert titles(town) == {OLD: "CDO", NEW: "CDO"}
    salesforce(town, Title="CEO")
    town.quiet(town.sync())
    town.quiet(town.sync(full=True))
    assert titles(town) == {OLD: "CEO", NEW: "CEO"}


def test_a_question_about_the_former_row_is_answered_once(town):
    """Where people decide, the choice holds for both rows."""
    town.mapping("contacts.fields.title.conflict", "manual")
    moved(town)
    conversion(town, OLD, **{"variables.title": "CDO"})
    salesforce(town, Title="CEO")
    town.sync(full=True)
    assert [row["field"] for row in town.conflicts()] == ["title"]
    town.resolve("salesforce")
    town.quiet(town.sync(full=True))
    assert titles(town) == {OLD: "CEO", NEW: "CEO"}
    town.nothing_to_do()


def test_what_was_blank_in_the_former_row_may_be_edited(town):
    """A field that nobody had filled when the address changed."""
    moved(town)
    conversion(town, OLD, **{"variables.city": "Turin"})
    town.quiet(town.sync(full=True))
    assert {row["MailingCity"] for row in town.table("salesforce", "Contact")} == {"Turin"}
    assert there(town)[NEW]["variables"]["city"] == "Turin"


@pytest.mark.law("L6")
def test_an_opt_out_is_told_to_both_addresses(town):
    """Whoever has opted out is written to at neither address."""
    moved(town)
    salesforce(town, HasOptedOutOfEmail=True)
    town.quiet(town.sync())
    assert {row["subscriptionStatus"] for row in there(town).values()} == {"UNSUBSCRIBED"}
    town.nothing_to_do()


@pytest.mark.law("L6")
def test_nobody_is_opted_in_at_a_former_address(town):
    """Consent that is given now is given for the address of now."""
    town.mapping("contacts.fields.subscription.conversion", {"field": "subscriptionStatus", "subscribe": True})
    moved(town)
    conversion(town, NEW, subscriptionStatus="SUBSCRIBED")
    town.quiet(town.sync(full=True))
    assert {address: row["subscriptionStatus"] for address, row in there(town).items()} == {OLD: None, NEW: "SUBSCRIBED"}  # fmt: skip
    town.nothing_to_do()


@pytest.mark.law("L6")
def test_an_opt_out_at_the_former_address_counts(town):
    """She follows the link in a letter to her former address."""
    moved(town)
    conversion(town, OLD, subscriptionStatus="UNSUBSCRIBED")
    town.quiet(town.sync(full=True))
    assert {row["HasOptedOutOfEmail"] for row in town.table("salesforce", "Contact")} == {True}
    assert {row["subscriptionStatus"] for row in there(town).values()} == {"UNSUBSCRIBED"}


@pytest.mark.law("L6")
def test_whoever_is_made_anew_in_a_system_that_cannot_be_listed_is_out_there_again(town):
    """Somebody deletes her there and enters her anew, subscribed: the next full run looks, links her again and tells it that she is out."""
    salesforce(town, HasOptedOutOfEmail=True)
    town.quiet(town.sync())
    gone = {"system": "conversion", "object": "contacts", "id": there(town)[OLD]["id"], "delete": True}
    town.control("edit", gone)
    for _ in range(2):
        town.sync(full=True)
    assert there(town) == {}
    anew = {"email": OLD, "subscriptionStatus": "SUBSCRIBED"}
    town.control("edit", {"system": "conversion", "object": "contacts", "create": anew})
    town.quiet(town.sync(full=True))
    assert there(town)[OLD]["subscriptionStatus"] == "UNSUBSCRIBED"
    assert links(town, OLD) == {OLD: "linked"}
    town.nothing_to_do()


@pytest.mark.law("L3")
@pytest.mark.parametrize("noticed", [True, False])
def test_who_is_made_anew_without_values_empties_nobody(town, noticed):
    """The blanks of a new row under the old address are nobody's edits, whether its deletion was seen or not: it is filled instead."""
    town.control("edit", {"system": "conversion", "object": "contacts", "id": there(town)[OLD]["id"], "delete": True})
    for _ in range(2 if noticed else 0):
        town.sync(full=True)
    later = (datetime.now(UTC) + timedelta(minutes=2)).isoformat()
    blank = {"email": OLD, "variables": {"title": None, "first_name": None}}
    town.control("edit", {"system": "conversion", "object": "contacts", "create": blank, "at": later})
    town.quiet(town.sync(full=True))
    assert {row["Title"] for row in town.table("salesforce", "Contact")} == {"CTO"}
    assert titles(town) == {OLD: "CTO"}
    assert links(town, OLD) == {OLD: "linked"}
    town.nothing_to_do()


def test_back_to_the_former_address(town):
    """The former row is hers again, and no third row is made."""
    moved(town)
    salesforce(town, Title="CEO")
    town.quiet(town.sync())
    salesforce(town, Email=OLD)
    town.quiet(town.sync())
    town.quiet(town.sync())
    assert titles(town) == {OLD: "CEO", NEW: "CEO"}
    assert links(town, OLD) == {OLD: "linked", NEW: "former"}
    assert {row["Title"] for row in town.table("salesforce", "Contact")} == {"CEO"}
    town.nothing_to_do()


@pytest.mark.law("L4")
def test_somebody_else_at_the_former_address_is_a_question(town):
    """A stranger who gets the address is not taken for her, until the former row is gone."""
    moved(town)
    stranger = {"Email": OLD, "LastName": "Byron"}
    town.control("edit", {"system": "salesforce", "object": "Contact", "create": stranger})
    assert town.sync().exit_code == 3
    assert {row["error"] for row in town.quarantine()} == {"AMBIGUOUS_MATCH"}
    assert {row["email"] for row in town.table("abmatic", "contacts")} == {NEW}
    town.control("edit", {"system": "conversion", "object": "contacts", "id": there(town)[OLD]["id"], "delete": True})
    for _ in range(3):
        town.sync(full=True)
    assert {row["email"] for row in town.table("abmatic", "contacts")} == {NEW, OLD}


@pytest.mark.parametrize("address", ["ada", "ada.new"])
def test_forgotten_under_both_addresses(town, address):
    """Where the address is the id of a row, the journal forgets it too."""
    moved(town)
    assert town.state_holds(OLD.encode())
    town.known[address] = "contact"
    town.forget(address)
    assert not town.state_holds(OLD.encode())
    assert not town.state_holds(NEW.encode())


@pytest.mark.parametrize("old", [None, "Turin", "Rome"])
def test_a_field_that_is_mapped_later_reaches_the_former_row_too(town, old):
    """The row under the former address is kept like the other in fields that the mapping gets afterwards; what stood there is kept as the loser."""
    city = town.mappings["contacts"]["fields"]["city"]
    town.mapping("contacts.fields.city", None)
    moved(town)
    if old:
        conversion(town, OLD, **{"variables.city": old})
    salesforce(town, MailingCity="Rome")
    town.mapping("contacts.fields.city", city)
    town.quiet(town.sync(full=True))
    town.quiet(town.sync(full=True))
    assert {address: row["variables"].get("city") for address, row in there(town).items()} == {OLD: "Rome", NEW: "Rome"}
    town.nothing_to_do()
    verdict = town.verify()
    assert (verdict["unexplained"], verdict["explained"]) == ([], [])
    lost = [
        row["value"] for turn in town.explained("contact", NEW)["fields"]["city"]["history"] for row in turn["lost"]
    ]
    assert lost == (["Turin"] if old == "Turin" else [])
    conversion(town, OLD, **{"variables.city": "Milan"})
    town.quiet(town.sync(full=True))
    assert {address: row["variables"].get("city") for address, row in there(town).items()} == {
        OLD: "Milan",
        NEW: "Milan",
    }

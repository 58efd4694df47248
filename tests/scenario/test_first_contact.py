"""First contact: what stands in both systems is brought together, what stands in one is made in the other."""

import pytest


def test_the_same_person_in_both_systems_is_linked_not_copied(scene):
    """Two rows with one address become one record, and nobody is made twice."""
    scene.person("ada", abmatic={"title": "CTO"}, salesforce={"title": "CTO"})
    assert scene.quiet(scene.sync()).operations == []
    scene.expect("ada", title="CTO")
    assert scene.explain("ada")["ids"] == {system: scene.id("ada", system) for system in ("abmatic", "salesforce")}
    scene.nothing_to_do()


def test_whoever_is_in_one_system_alone_is_made_in_the_other(scene):
    """A create carries every mapped value, and happens once."""
    scene.person("ada", abmatic={"title": "CTO", "city": "Turin"})
    scene.person("bob", salesforce={"title": "Editor", "phone": "+12025550101"})
    scene.quiet(scene.sync())
    scene.expect("ada", title="CTO", city="Turin")
    scene.expect("bob", title="Editor", phone="+12025550101")
    scene.nothing_to_do()


def test_what_one_side_lacks_the_other_fills(scene):
    """At first contact a blank never wins, on whichever side it is."""
    scene.person("ada", abmatic={"title": "CTO"}, salesforce={"city": "Turin"})
    scene.quiet(scene.sync())
    scene.expect("ada", title="CTO", city="Turin")
    assert [c["id"] for c in scene.conflicts()] == []


def test_where_both_sides_differ_the_preferred_one_wins_and_the_loser_is_kept(scene):
    """At first contact the field's order decides, never the clock; what lost can be read in the change."""
    scene.mapping("contacts.fields.title.conflict", "latest")
    scene.mapping("contacts.fields.title.prefer", ["salesforce", "abmatic"])
    scene.person("ada", abmatic={"title": "later"}, salesforce={"title": "preferred"})
    run = scene.quiet(scene.sync())
    scene.expect("ada", title="preferred")
    [change] = [change for row in run.operations for change in row["changes"]]
    assert change["lost"] == [{"system": "abmatic", "value": "later", "rule": "prefer"}]


@pytest.mark.law("row 53")
def test_a_record_without_a_required_field_is_created_nowhere(scene):
    """A missing last name keeps a person where they are, until somebody fills it in."""
    scene.person("ada", abmatic={"last_name": None})
    run = scene.sync()
    scene.expect("ada", salesforce=None)
    assert run.operations == []
    scene.edit("ada", abmatic={"last_name": "Lovelace"})
    scene.quiet(scene.sync())
    scene.expect("ada", last_name="Lovelace")


@pytest.mark.law("row 150")
def test_two_candidates_are_a_question_and_never_a_guess(scene):
    """Two rows with one address on one side are set aside with both named; when a person has cleared up, the rest is linked."""
    scene.person("ada", abmatic={"title": "CTO"}, salesforce={"title": "one"})
    twin = scene.create("ada", "salesforce", {"email": scene.key("ada"), "last_name": "Ada", "title": "two"})
    assert scene.sync().exit_code == 3
    rows = scene.quarantine()
    assert all(
        row["error"] == "AMBIGUOUS_MATCH" and f"salesforce:{twin}" in row["candidates"] and row["remedy"]
        for row in rows
    )
    assert {row["Title"] for row in scene.rows("ada", "salesforce")} == {"one", "two"}
    scene.control("edit", {"system": "salesforce", "object": "Contact", "id": twin, "delete": True})
    scene.retry()
    scene.quiet(scene.sync())
    assert scene.quarantine() == []
    assert scene.held("ada", "abmatic", "title") == scene.held("ada", "salesforce", "title")


def test_a_company_is_made_before_its_people(scene):
    """In one run the parent goes first, and the child refers to the row that was just made."""
    scene.with_accounts()
    scene.account("acme", abmatic={})
    scene.person("ada", abmatic={"account": scene.id("acme", "abmatic")})
    scene.quiet(scene.sync())
    scene.expect("acme", name="Acme")
    scene.expect("ada", salesforce={"account": scene.id("acme", "salesforce")})
    scene.nothing_to_do()


def test_a_person_follows_to_another_company(scene):
    """A changed reference travels as the other system's own id of that company."""
    scene.with_accounts()
    scene.account("acme", abmatic={}, salesforce={})
    scene.account("bolt", abmatic={}, salesforce={})
    scene.person("ada", abmatic={"account": scene.id("acme", "abmatic")})
    scene.quiet(scene.sync())
    scene.edit("ada", salesforce={"account": scene.id("bolt", "salesforce")})
    scene.quiet(scene.sync())
    scene.expect("ada", abmatic={"account": scene.id("bolt", "abmatic")})


def test_a_condition_gates_creation_alone(scene):
    """`when` decides who is made in a system; whoever is there follows every edit."""
    scene.mapping("contacts.systems.salesforce.when", 'title == "CTO"')
    scene.person("ada", abmatic={"title": "CTO"})
    scene.person("bob", abmatic={"title": "Editor"})
    scene.quiet(scene.sync())
    scene.expect("ada", title="CTO")
    scene.expect("bob", salesforce=None)
    scene.edit("ada", abmatic={"title": "Editor"})
    scene.quiet(scene.sync())
    scene.expect("ada", title="Editor")


@pytest.mark.law("L2")
def test_after_a_backfill_in_both_directions_a_full_run_has_no_news(scene):
    """What Abmatic computes for a company that the backfill has made there arrives in the same run; the next one writes nothing."""
    scene.with_accounts()
    score = {
        "type": "integer", "owner": "abmatic", "abmatic": "engagement_score",
        "salesforce": {"field": "Abmatic_Score__c", "mode": "write"},
    }  # fmt: skip
    scene.mapping("accounts.fields.engagement_score", score)
    scene.account("acme", salesforce={"city": "Turin"})
    scene.account("bolt", abmatic={"phone": "+12025550101"})
    scene.person("ada", salesforce={"title": "CTO", "account": scene.id("acme", "salesforce")})
    scene.person("bob", abmatic={"title": "Editor", "account": scene.id("bolt", "abmatic")})
    scene.quiet(scene.backfill())
    [made] = scene.rows("acme", "salesforce")
    assert made["Abmatic_Score__c"] == 0
    scene.forget_calls()
    assert scene.quiet(scene.sync(full=True)).operations == []
    assert scene.writes() == 0

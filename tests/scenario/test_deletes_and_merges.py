"""Deletes, merges, returns: nothing is deleted without evidence, and nothing rises again by our doing."""

import pytest


@pytest.mark.parametrize("system", ["abmatic", "salesforce"])
def test_what_was_deleted_is_neither_made_anew_nor_deleted_elsewhere(scene, system):
    """By default a deletion stays where it happened."""
    scene.linked("ada", "bob", title="CTO")
    scene.delete("ada", system)
    scene.quiet(scene.sync(full=True))
    scene.quiet(scene.sync(full=True))
    other = "salesforce" if system == "abmatic" else "abmatic"
    scene.expect("ada", **{system: None, other: {"title": "CTO"}})
    scene.edit("ada", **{other: {"title": "CEO"}})
    scene.quiet(scene.sync())
    scene.expect("ada", **{system: None, other: {"title": "CEO"}})


def test_absence_from_one_read_is_no_deletion(scene):
    """Only what two complete reads, a run apart, do not show, and what is not there by its id either, is gone."""
    scene.mapping("contacts.systems.salesforce.deleted", "delete")
    scene.linked("ada", "bob", title="CTO")
    scene.delete("ada", "abmatic")
    scene.quiet(scene.sync())
    scene.quiet(scene.sync(full=True))
    scene.expect("ada", abmatic=None)
    scene.quiet(scene.sync(full=True))
    scene.expect("ada", abmatic=None, salesforce=None)


@pytest.mark.law("row 140")
def test_an_empty_answer_deletes_nobody(scene):
    """A list that is empty although rows were there is not believed."""
    scene.mapping("contacts.systems.salesforce.deleted", "delete")
    scene.linked("ada", "bob", "cyd", title="CTO")
    body = {"success": True, "data": [], "meta": {"page": 1, "per_page": 100, "total": 0}, "pagination": {"page": 1, "per_page": 100, "total": 0, "total_pages": 0}}  # fmt: skip
    scene.fault("abmatic", "status", method="GET", path="/contacts$", status=200, body=body, times=None)
    scene.sync(full=True)
    scene.sync(full=True)
    scene.no_faults()
    for name in ("ada", "bob", "cyd"):
        scene.expect(name, title="CTO")


def test_a_deletion_that_meets_an_edit_is_a_question(scene):
    """Under `deleted = "delete"`: deleted here and edited there waits for a person, who may choose either."""
    scene.mapping("contacts.systems.salesforce.deleted", "delete")
    scene.linked("ada", "bob", title="CTO")
    scene.delete("ada", "abmatic")
    scene.edit("ada", salesforce={"title": "CEO"})
    scene.sync(full=True)
    assert scene.sync(full=True).exit_code == 3
    scene.expect("ada", abmatic=None, salesforce={"title": "CEO"})
    [conflict] = scene.conflicts()
    assert set(conflict["values"]) == {"abmatic", "salesforce"}


@pytest.mark.parametrize(("take", "stays"), [("abmatic", False), ("salesforce", True)])
def test_a_person_decides_between_deletion_and_edit(scene, take, stays):
    """Taking the deletion deletes; taking the edit keeps the row, and does not ask again."""
    scene.mapping("contacts.systems.salesforce.deleted", "delete")
    scene.linked("ada", "bob", title="CTO")
    scene.delete("ada", "abmatic")
    scene.edit("ada", salesforce={"title": "CEO"})
    scene.sync(full=True)
    scene.sync(full=True)
    scene.quiet(scene.resolve(take))
    scene.quiet(scene.sync(full=True))
    scene.expect("ada", abmatic=None, salesforce={"title": "CEO"} if stays else None)
    assert scene.conflicts() == []


def test_an_undeleted_row_returns_to_its_link(scene):
    """What Salesforce takes out of the bin is the same record as before, and follows again."""
    scene.linked("ada", "bob", title="CTO")
    record, row = scene.explain("ada")["record"], scene.delete("ada", "salesforce")
    scene.quiet(scene.sync())
    scene.undelete("ada", "salesforce", row)
    scene.edit("ada", abmatic={"title": "CEO"})
    scene.quiet(scene.sync())
    scene.expect("ada", title="CEO")
    assert scene.explain("ada")["record"] == record


def test_a_row_that_a_person_makes_anew_is_linked_again(scene):
    """Somebody re-creates a deleted person by hand: that row is theirs, and it is linked."""
    scene.linked("ada", "bob", title="CTO")
    scene.delete("ada", "salesforce")
    scene.quiet(scene.sync())
    scene.create("ada", "salesforce", {"email": scene.key("ada"), "last_name": "Ada"})
    scene.quiet(scene.sync())
    scene.expect("ada", title="CTO")


@pytest.mark.law("row 143")
def test_a_merge_hands_the_record_to_the_winner(scene):
    """A Salesforce merge moves the loser's link; the loser's partner elsewhere is reported as a duplicate, never deleted."""
    scene.linked("ada", "bob", title="CTO")
    scene.merge("ada", "bob")
    assert scene.sync().exit_code == 3
    [row] = scene.quarantine()
    assert (row["error"], row["system"]) == ("DUPLICATE", "abmatic")
    assert row["remedy"]
    assert len(scene.rows("ada", "abmatic")) == len(scene.rows("bob", "abmatic")) == 1
    scene.edit("bob", salesforce={"title": "CEO"})
    scene.sync()
    scene.expect("bob", title="CEO")
    assert scene.held("ada", "abmatic", "title") == "CTO"


def test_the_opt_out_of_the_loser_of_a_merge_binds_the_winner(scene):
    """Merging a person who opted out into one who did not does not lift the opt-out."""
    scene.linked("ada", "bob", title="CTO")
    scene.edit("ada", salesforce={"opted_out": True})
    scene.quiet(scene.sync())
    scene.merge("ada", "bob")
    scene.edit("bob", salesforce={"opted_out": False})
    scene.sync()
    scene.sync()
    scene.expect("bob", salesforce={"opted_out": True})


@pytest.mark.parametrize("linked", [True, False])
def test_an_opt_out_just_before_the_merge_binds_the_winner_too(scene, linked):
    """Nobody has read the loser between the opt-out and the merge: its last image tells, also where the winner is a row never seen."""
    scene.linked("ada", "bob", title="CTO")
    if not linked:
        scene.create("cyd", "salesforce", {"email": scene.key("cyd"), "last_name": "Cyd"})
    winner = "bob" if linked else "cyd"
    scene.edit("ada", salesforce={"opted_out": True})
    scene.merge("ada", winner)
    scene.sync()
    scene.sync()
    scene.expect(winner, salesforce={"opted_out": True})


@pytest.mark.law("row 144")
def test_a_converted_lead_hands_its_link_to_the_contact(scene):
    """A person who was a Lead and becomes a Contact stays one record, and is made nowhere again."""
    scene.mapping("contacts.systems.salesforce.object", ["Contact", "Lead"])
    scene.mapping("contacts.fields.city", None)
    scene.mapping("contacts.fields.company", {"type": "string", "default": "Acme", "salesforce": "Department"})
    scene.mapping("contacts.fields.company", None)
    scene.person("ada", abmatic={"title": "CTO"})
    lead = scene.control("edit", {"system": "salesforce", "object": "Lead", "create": {"Email": scene.key("ada"), "LastName": "Ada", "Company": "Acme"}})["id"]  # fmt: skip
    scene.quiet(scene.sync())
    record = scene.explain("ada")["record"]
    assert scene.explain("ada")["ids"]["salesforce"] == lead
    scene.control("edit", {"system": "salesforce", "object": "Lead", "id": lead, "set": {"IsConverted": True}})
    scene.quiet(scene.sync())
    assert scene.explain("ada")["record"] == record
    scene.edit("ada", abmatic={"title": "CEO"})
    scene.quiet(scene.sync())
    scene.expect("ada", title="CEO")
    assert scene.explain("ada")["ids"]["salesforce"] == scene.id("ada", "salesforce")


def test_a_lead_is_told_only_what_a_lead_has(scene):
    """Where a person may be a Contact or a Lead, columns that one of the two lacks are neither missed nor written there."""
    scene.mapping("contacts.systems.salesforce.object", ["Contact", "Lead"])
    scene.mapping("contacts.fields.city", None)
    scene.with_accounts()
    company = {"field": "Company", "mode": "write"}
    scene.mapping(
        "contacts.fields.company", {"type": "string", "compute": 'account.name ?? "none"', "salesforce": company}
    )
    scene.account("firm", abmatic={"name": "Acme"})
    firm = scene.id("firm", "abmatic")
    scene.create("bob", "salesforce", {"email": scene.key("bob"), "last_name": "Bob"})
    for name in ("ada", "bob"):
        scene.create(name, "abmatic", {"email": scene.key(name), "last_name": name.title(), "account": firm})
    scene.quiet(scene.sync())
    [lead] = scene.table("salesforce", "Lead")
    [contact] = scene.table("salesforce", "Contact")
    assert (lead["Email"], lead["Company"]) == (scene.key("ada"), "Acme")
    assert (contact["Email"], contact["AccountId"]) == (scene.key("bob"), scene.id("firm", "salesforce"))
    for name in ("ada", "bob"):
        scene.edit(name, abmatic={"title": "CEO"})
    scene.quiet(scene.sync())
    assert {row["Title"] for kind in ("Lead", "Contact") for row in scene.table("salesforce", kind)} == {"CEO"}
    assert not scene.verify()["unexplained"]


@pytest.mark.law("L3")
def test_what_was_edited_before_the_deletion_stands_elsewhere(scene):
    """Salesforce shows a deleted row as it last was: an edit that nobody had read before stands in the other systems, once."""
    scene.linked("ada", "bob", title="CTO")
    scene.edit("ada", salesforce={"title": "CEO"})
    scene.delete("ada", "salesforce")
    scene.quiet(scene.sync())
    scene.expect("ada", salesforce=None, abmatic={"title": "CEO"})
    scene.edit("ada", abmatic={"title": "Founder"})
    scene.quiet(scene.sync())
    scene.expect("ada", salesforce=None, abmatic={"title": "Founder"})


def test_a_row_that_leaves_the_filter_stays_linked(scene):
    """`where` chooses who is heard: nothing is deleted when a row leaves it, what is edited elsewhere arrives there still, its own edits wait."""
    scene.mapping("contacts.systems.salesforce.where", "MailingCity != 'Turin'")
    scene.mapping("contacts.systems.salesforce.deleted", "delete")
    scene.linked("ada", "bob", title="CTO", city="Rome")
    scene.edit("ada", salesforce={"city": "Turin", "first_name": "Augusta"})
    for _ in range(3):
        scene.quiet(scene.sync(full=True))
    scene.expect(
        "ada", abmatic={"city": "Rome", "first_name": None}, salesforce={"city": "Turin", "first_name": "Augusta"}
    )
    scene.edit("ada", abmatic={"title": "Chief"})
    scene.quiet(scene.sync())
    scene.expect("ada", title="Chief")
    scene.nothing_to_do()
    scene.edit("ada", salesforce={"city": "Milan"})
    scene.quiet(scene.sync())
    scene.expect("ada", title="Chief", city="Milan", first_name="Augusta")


def test_an_opt_out_in_a_row_that_left_the_filter_counts(scene):
    """Whoever opts out where the mapping's filter does not look any more is out at the next full compare, and nothing else of the row is heard."""
    scene.mapping("contacts.systems.salesforce.where", "MailingCity != 'Turin'")
    scene.linked("ada", city="Rome")
    scene.edit("ada", salesforce={"city": "Turin", "opted_out": True})
    scene.quiet(scene.sync(full=True))
    assert scene.consent("ada")["state"] == "UNSUBSCRIBED"
    scene.expect("ada", abmatic={"city": "Rome"}, salesforce={"city": "Turin"})
    scene.nothing_to_do()

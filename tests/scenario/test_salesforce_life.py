"""What happens to rows in a living Salesforce: merges, undeletes, deleted parents, swapped addresses, automations."""

import pytest


@pytest.mark.law("row 143")
def test_a_chain_of_merges_ends_at_the_last_winner(scene):
    """Ada into Bob, Bob into Cyd: Cyd stays, the others' partners are reported and touched by nobody."""
    scene.linked("ada", "bob", "cyd", title="CTO")
    scene.merge("ada", "bob")
    scene.merge("bob", "cyd")
    scene.sync()
    scene.sync()
    scene.edit("cyd", salesforce={"title": "CEO"})
    scene.sync()
    scene.expect("cyd", title="CEO")
    assert {row["error"] for row in scene.quarantine()} == {"DUPLICATE"}
    for name in ("ada", "bob"):
        assert scene.held(name, "abmatic", "title") == "CTO"
        assert scene.rows(name, "salesforce") == []


@pytest.mark.law("row 143")
def test_a_merge_that_is_taken_back(scene):
    """The loser comes out of the bin: both go on as before, and nobody is made twice."""
    scene.linked("ada", "bob", title="CTO")
    loser = scene.id("ada", "salesforce")
    scene.merge("ada", "bob")
    scene.sync()
    scene.undelete("ada", "salesforce", loser)
    scene.sync(full=True)
    scene.sync(full=True)
    for name in ("ada", "bob"):
        assert len(scene.rows(name, "abmatic")) == len(scene.rows(name, "salesforce")) == 1
    scene.edit("ada", abmatic={"title": "CEO"})
    scene.sync()
    scene.expect("ada", title="CEO")
    scene.expect("bob", title="CTO")


@pytest.mark.law("row 146")
def test_a_deleted_parent_takes_nobody_along(scene):
    """Its account goes, and in Salesforce its people with it: they stay elsewhere, and neither is made anew."""
    scene.with_accounts()
    scene.account("firm", salesforce={})
    scene.quiet(scene.sync())
    scene.create("ada", "salesforce", {"email": "ada@acme.example", "last_name": "Ada", "account": scene.id("firm", "salesforce")})  # fmt: skip
    scene.quiet(scene.sync())
    scene.delete("firm", "salesforce")
    scene.sync(full=True)
    scene.sync(full=True)
    for name in ("ada", "firm"):
        assert scene.rows(name, "salesforce") == []
        assert len(scene.rows(name, "abmatic")) == 1


@pytest.mark.law("row 145")
def test_swapped_addresses_are_a_question(scene):
    """Two people whose addresses are exchanged in one system are not merged, swapped or made anew by a guess."""
    scene.linked("ada", "bob", title="CTO")
    ids = {name: scene.id(name, "salesforce") for name in ("ada", "bob")}
    for name, other in (("ada", "bob"), ("bob", "ada")):
        body = {"system": "salesforce", "object": "Contact", "id": ids[name], "set": {"Email": scene.key(other)}}
        scene.control("edit", body)
    assert scene.sync().exit_code == 3
    scene.sync(full=True)
    assert {row["field"] for row in scene.conflicts()} == {"email"}
    assert len(scene.table("salesforce", "Contact")) == len(scene.table("abmatic", "contacts")) == 2
    for name in ("ada", "bob"):
        assert len(scene.rows(name, "abmatic")) == 1


@pytest.mark.law("row 142")
@pytest.mark.law("L8")
def test_an_automation_that_turns_a_field_back_is_frozen(scene):
    """A trigger that undoes our write again and again is met with a question, not with a write for ever; other fields go on."""
    scene.linked("ada", title="CTO", city="Turin")
    written = 0
    for _ in range(12):
        scene.edit("ada", abmatic={"title": "CEO"})
        scene.sync()
        scene.forget_calls()
        scene.edit("ada", salesforce={"title": "CTO"})
        scene.sync()
        written += scene.writes() > 0
    assert written <= 7
    [conflict] = scene.conflicts()
    assert (conflict["field"], conflict["reason"]) == ("title", "flapping")
    scene.edit("ada", abmatic={"city": "Milan"})
    scene.sync()
    scene.expect("ada", city="Milan")


def test_a_refreshed_sandbox_is_another_org(scene):
    """The same address and credentials open another org than before: it takes no part, and nothing is written there or anywhere."""
    scene.linked("ada", title="CTO")
    scene.tamper("UPDATE meta SET value = '00Dak0000000001EAA' WHERE key = 'tenant:salesforce'")
    scene.edit("ada", abmatic={"title": "CEO"})
    scene.forget_calls()
    run = scene.sync()
    assert run.exit_code == 5
    assert [(failure.system, failure.kind) for failure in run.failures] == [("salesforce", "tenant")]
    assert scene.writes() == 0
    scene.expect("ada", abmatic={"title": "CEO"}, salesforce={"title": "CTO"})

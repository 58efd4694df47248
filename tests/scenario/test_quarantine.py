"""Quarantine: a record that a system refuses stands aside with reason and remedy; everything else goes on."""

import pytest

LONG = "x" * 200


def refused(scene):
    scene.linked("ada", "bob", title="CTO")
    scene.edit("ada", abmatic={"title": LONG, "city": "Turin"})
    scene.edit("bob", abmatic={"title": "CEO"})
    run = scene.sync()
    assert run.exit_code == 3
    [row] = scene.quarantine()
    return row


def test_a_refused_value_stands_aside_with_its_remedy(scene):
    """The row names system, record, code and remedy, never the value; other records, and other fields, are served."""
    row = refused(scene)
    assert (row["system"], row["key"], row["error"], row["field"]) == ("salesforce", "ada@acme.example", "STRING_TOO_LONG", "title")  # fmt: skip
    assert row["remedy"]
    assert LONG not in row["message"]
    scene.expect("bob", title="CEO")
    assert scene.held("ada", "salesforce", "title") == "CTO"


def test_status_counts_what_waits_in_words(scene):
    """One record is `1 record`, and the line below says where to look."""
    refused(scene)
    [why] = scene.status()["why"]
    assert why["what"] == "1 record set aside"
    assert "crm-sync quarantine" in why["remedy"]


@pytest.mark.law("row 55")
def test_a_refused_value_is_not_sent_again(scene):
    """The next runs do not hammer the system with what it has refused."""
    refused(scene)
    assert scene.sync().exit_code == 3
    scene.expect("ada", city="Turin")
    scene.forget_calls()
    assert scene.sync().exit_code == 3
    assert scene.writes() == 0


def test_a_corrected_value_leaves_the_quarantine_by_itself(scene):
    """Whoever corrects the value needs no command."""
    refused(scene)
    scene.edit("ada", abmatic={"title": "CEO"})
    scene.quiet(scene.sync())
    assert scene.quarantine() == []
    scene.expect("ada", title="CEO", city="Turin")


def test_a_value_put_back_to_what_the_system_holds_leaves_the_quarantine_too(scene):
    """Nothing has to be written for it: the question is gone."""
    refused(scene)
    scene.edit("ada", abmatic={"title": "CTO"})
    scene.quiet(scene.sync())
    assert scene.quarantine() == []
    scene.edit("ada", abmatic={"city": "Milan"})
    scene.quiet(scene.sync())


def test_another_field_of_a_refused_record_still_travels(scene):
    """What is refused of a record stays in the list while the rest of it is written."""
    row = refused(scene)
    scene.edit("ada", abmatic={"city": "Milan"})
    assert scene.sync().exit_code == 3
    scene.expect("ada", city="Milan")
    assert [each["id"] for each in scene.quarantine()] == [row["id"]]


def test_retry_tries_again(scene):
    """After the cause is gone elsewhere (here: the mapping cuts), `retry` sends it once more."""
    row = refused(scene)
    assert scene.retry(row["id"]).exit_code == 3
    scene.mapping("contacts.fields.title.max_length", 128)
    scene.mapping("contacts.fields.title.truncate", value=True)
    scene.quiet(scene.retry())
    assert scene.quarantine() == []
    assert scene.held("ada", "salesforce", "title") == "x" * 128


def test_drop_forgets_the_row_and_does_not_try_again(scene):
    """A dropped row is gone from the list; nothing is sent until the record changes."""
    row = refused(scene)
    scene.sync()
    scene.drop(row["id"])
    assert scene.quarantine() == []
    scene.forget_calls()
    scene.sync()
    assert scene.writes() == 0
    assert scene.quarantine() == []
    scene.edit("ada", abmatic={"title": "CEO"})
    scene.quiet(scene.sync())
    scene.expect("ada", title="CEO")


def test_a_create_that_is_refused_stands_aside_alone(scene):
    """One refused person in a batch of several: the others are made."""
    for name in ("ada", "bob", "cyd"):
        scene.person(name, abmatic={"title": LONG if name == "bob" else "CTO"})
    assert scene.sync().exit_code == 3
    scene.expect("ada", title="CTO")
    scene.expect("bob", salesforce=None)
    scene.expect("cyd", title="CTO")
    scene.edit("bob", abmatic={"title": "CTO"})
    scene.quiet(scene.sync())
    scene.expect("bob", title="CTO")


@pytest.mark.law("row 26")
def test_a_locked_row_is_tried_again_in_a_later_run(scene):
    """A row lock is nobody's mistake: nothing has to be decided, the next run writes it."""
    scene.linked("ada", "bob", title="CTO")
    scene.edit("ada", abmatic={"title": "CEO"})
    scene.edit("bob", abmatic={"title": "CEO"})
    scene.fault("salesforce", "rows", rows=[0], error="UNABLE_TO_LOCK_ROW", times=3)
    scene.sync()
    scene.no_faults()
    scene.quiet(scene.sync())
    assert scene.quarantine() == []
    scene.expect("ada", title="CEO")
    scene.expect("bob", title="CEO")


@pytest.mark.law("row 45")
def test_a_word_without_a_translation_is_held_and_changes_nothing(scene):
    """`else = "hold"`: an unknown word stays where it is until somebody adds it to the mapping."""
    seniority = {"type": "enum", "values": ["VP", "Director"], "salesforce": "Seniority__c"}
    words = {"field": "seniority", "values": {"vp": "VP"}, "else": "hold"}
    scene.mapping("contacts.fields.seniority", {**seniority, "abmatic": words})
    scene.person("ada", abmatic={"seniority": "vp"}, salesforce={})
    scene.quiet(scene.sync())
    scene.expect("ada", abmatic={"seniority": "vp"}, salesforce={"seniority": "VP"})
    scene.edit("ada", abmatic={"seniority": "dir"})
    assert scene.sync().exit_code == 3
    [row] = scene.quarantine()
    assert (row["error"], row["field"]) == ("UNMAPPED_VALUE", "seniority")
    assert row["held"] and str(row["held"]) not in row["message"]
    scene.expect("ada", salesforce={"seniority": "VP"})
    scene.mapping(
        "contacts.fields.seniority", {**seniority, "abmatic": words | {"values": {"vp": "VP", "dir": "Director"}}}
    )
    scene.quiet(scene.retry())
    scene.expect("ada", salesforce={"seniority": "Director"})

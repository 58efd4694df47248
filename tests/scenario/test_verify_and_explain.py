"""Verify and explain: every difference has its reason, and every value its history."""

import pytest

from sync.errors import UsageError


def test_agreement_is_said(scene):
    """Where everything agrees nothing is listed."""
    scene.linked("ada", "bob", title="CTO", city="Turin")
    verdict = scene.verify()
    assert (verdict["explained"], verdict["unexplained"], verdict["failures"]) == ([], [], [])
    assert verdict["agreed"] > 0


def test_what_the_next_run_will_bring_is_explained(scene):
    """An edit that nobody has synced yet is pending, not a mistake."""
    scene.linked("ada", title="CTO")
    scene.edit("ada", abmatic={"title": "CEO"})
    verdict = scene.verify()
    assert verdict["unexplained"] == []
    [row] = verdict["explained"]
    assert (row["key"], row["field"]) == ("ada@acme.example", "title")
    assert "pending" in row["why"]


def test_conflict_quarantine_and_one_way_are_explained(scene):
    """The question, the refusal and the side that is only read each say so."""
    scene.mapping("contacts.fields.title.conflict", "manual")
    scene.mapping("contacts.fields.phone.abmatic", {"field": "phone", "mode": "read"})
    scene.linked("ada", "bob", "cyd", title="CTO", phone="555")
    scene.edit("ada", abmatic={"title": "one"}, salesforce={"title": "two"})
    scene.edit("bob", abmatic={"title": "x" * 200})
    scene.edit("cyd", salesforce={"phone": "556"})
    scene.sync()
    verdict = scene.verify()
    assert verdict["unexplained"] == []
    assert {row["key"][:3]: row["why"].split(":")[0] for row in verdict["explained"]} == {"ada": "conflict", "bob": "quarantine", "cyd": "one-way"}  # fmt: skip


def test_a_difference_that_nothing_explains_is_listed(scene):
    """A value that changed behind everybody's back, in a row that no read shows, is found and is nobody's fault but ours."""
    scene.linked("ada", title="CTO")
    scene.edit("ada", abmatic={"title": "CEO"})
    scene.quiet(scene.sync())
    scene.tamper("UPDATE record SET cells = replace(cells, 'CEO', 'Cleaner')")
    verdict = scene.verify()
    assert {(row["key"], row["field"]) for row in verdict["unexplained"]} == {("ada@acme.example", "title")}


def test_explain_tells_where_a_value_is_from(scene):
    """Value, source, rule, time, what each system holds, and every change with its run."""
    scene.linked("ada", title="CTO")
    scene.edit("ada", salesforce={"title": "CEO"})
    run = scene.quiet(scene.sync())
    title = scene.explain("ada")["fields"]["title"]
    assert (title["value"], title["from"]) == ("CEO", "salesforce")
    assert {name: (cell["native"], cell["agrees"]) for name, cell in title["systems"].items()} == {"abmatic": ("CEO", True), "salesforce": ("CEO", True)}  # fmt: skip
    [turn] = [turn for turn in title["history"] if turn["run"] == run.run]
    assert (turn["before"], turn["after"], turn["from"]) == ("CTO", "CEO", "salesforce")


def test_a_record_is_found_by_whatever_a_person_knows_of_it(scene):
    """By address in any case, by our id, and by the id in either system."""
    scene.linked("ada", title="CTO")
    record = scene.explain("ada")["record"]
    for key in ("ADA@Acme.example", record, scene.id("ada", "abmatic"), scene.id("ada", "salesforce")):
        assert scene.explained("contact", key)["record"] == record


def test_every_write_is_in_the_history_with_its_cause(scene):
    """A run's own page has each remote write: before, after, rule, source."""
    scene.linked("ada", title="CTO")
    scene.edit("ada", abmatic={"title": "CEO"})
    run = scene.quiet(scene.sync())
    [row] = scene.run(run.run)["operations"]
    [change] = row["changes"]
    assert (row["status"], row["system"], change["before"], change["after"], change["from"]) == ("settled", "salesforce", "CTO", "CEO", "abmatic")  # fmt: skip
    assert change["rule"]


def test_what_we_may_not_write_is_explained_as_one_way(scene):
    """With `writes = false` a system falls behind by intention, and verify says so."""
    scene.linked("ada", title="CTO")
    scene.settings("systems.abmatic.writes", value=False)
    scene.edit("ada", salesforce={"title": "CEO"})
    scene.quiet(scene.sync())
    verdict = scene.verify()
    assert verdict["unexplained"] == []
    assert [(row["field"], row["why"]) for row in verdict["explained"]] == [
        ("title", "one-way: this side is read, not written")
    ]


def test_a_record_is_found_by_the_id_that_a_report_shows(scene):
    """Salesforce's reports show ids of 15 characters, its API 18: both name the row. An id of another kind of record is not taken for it."""
    scene.with_accounts()
    scene.account("acme", salesforce={"name": "Acme"}, abmatic={"name": "Acme"})
    scene.linked("ada", title="CTO")
    long = scene.id("ada", "salesforce")
    assert len(long) == 18
    assert scene.explained("contact", long[:15])["ids"]["salesforce"] == long
    account = scene.explained("account", scene.id("acme", "salesforce"))["record"]
    with pytest.raises(UsageError, match="another kind of record: account"):
        scene.explained("contact", account)

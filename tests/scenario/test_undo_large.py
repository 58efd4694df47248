"""Undo of a large run, compared by dump; and its preview."""

import pytest
from test_undo import edited

MANY = 1_000
TOUCHED = 10


def test_a_preview_shows_what_undo_would_write_and_writes_nothing(scene):
    """`undo --dry-run`: the operations that undo then carries out, and what it would leave alone."""
    run = edited(scene)
    scene.edit("bob", abmatic={"title": "typed since"})
    scene.forget_calls()
    shown = scene.try_undo(run)
    assert scene.writes() == 0
    assert shown.undone == run.run
    planned = {_essence(row) for row in shown.operations if row["status"] == "planned"}
    done = scene.undo(run)
    assert planned == {_essence(row) for row in done.operations if row["status"] == "settled"}
    assert [row["key"] for row in shown.operations if row["status"] == "skipped"] == [scene.key("bob")]
    scene.expect("ada", title="CTO", city="Turin")
    scene.expect("bob", title="typed since")


def _essence(row):
    return (row["system"], row["id"], row["op"], *((c["field"], c["before"], c["after"]) for c in row["changes"]))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.law("L13")
@pytest.mark.parametrize("many", [MANY, MANY + 200])
def test_a_thousand_changes_are_taken_back_but_for_those_that_people_touched(scene, many):
    """Every value that nobody touched is as it was before the run, in both systems; the ten touched in between are reported."""
    rows = [{"email": f"p{n}@acme.example", "last_name": f"P{n}", "title": f"old {n}"} for n in range(many)]
    ids = scene.control("load", {"system": "abmatic", "object": "contacts", "records": rows})["ids"]
    scene.settings("safety.max_updates", many)
    assert scene.backfill().exit_code == 0
    before = _titles(scene)
    for number, row in enumerate(ids):
        _retitle(scene, row, f"new {number}")
    run = scene.sync()
    assert run.exit_code == 0
    for number, row in enumerate(ids[:TOUCHED]):
        _retitle(scene, row, f"touched {number}")
    undone = scene.undo(run)
    skipped = {row["key"] for row in undone.operations if row["status"] == "skipped"}
    touched = {f"p{n}@acme.example" for n in range(TOUCHED)}
    assert skipped == touched
    after = _titles(scene)
    for system, titles in after.items():
        for email, title in titles.items():
            expected = f"touched {email[1:].split('@')[0]}" if email in touched else before[system][email]
            assert title == expected, (system, email)


def _retitle(scene, row, title):
    scene.control("edit", {"system": "abmatic", "object": "contacts", "id": row, "set": {"title": title}})


def _titles(scene):
    return {
        "abmatic": {row["email"]: row["title"] for row in scene.table("abmatic", "contacts")},
        "salesforce": {row["Email"]: row["Title"] for row in scene.table("salesforce", "Contact")},
    }

"""`required`, `default`, `max_length` and `truncate`, in every direction."""

import pytest


def test_without_a_required_value_nobody_is_made_and_it_is_never_emptied(scene):
    """A required field keeps a person where they are; once there, an emptied one is filled again, in the row where it was emptied."""
    scene.mapping("contacts.fields.title.required", value=True)
    scene.person("ada", abmatic={})
    scene.person("bob", salesforce={"title": "CTO"})
    scene.quiet(scene.sync())
    scene.expect("ada", salesforce=None)
    scene.expect("bob", title="CTO")
    scene.edit("ada", abmatic={"title": "CEO"})
    scene.edit("bob", salesforce={"title": None})
    scene.quiet(scene.sync())
    scene.expect("ada", title="CEO")
    scene.expect("bob", title="CTO")
    scene.nothing_to_do()


@pytest.mark.parametrize("required", [False, True])
def test_a_default_is_what_a_create_writes(scene, required):
    """It stands in for a value that nobody has, a required one too; it overwrites nothing, fills no row that is there, and is no edit of anybody."""
    scene.mapping(
        "contacts.fields.title",
        {**scene.mappings["contacts"]["fields"]["title"], "default": "Unknown", "required": required},
    )
    scene.person("ada", abmatic={})
    scene.person("bob", abmatic={"title": "CTO"})
    scene.person("cyd", abmatic={}, salesforce={})
    scene.quiet(scene.sync())
    scene.expect("ada", abmatic={"title": None}, salesforce={"title": "Unknown"})
    scene.expect("bob", title="CTO")
    scene.expect("cyd", title=None)
    scene.nothing_to_do()
    assert scene.verify()["unexplained"] == []
    scene.edit("ada", abmatic={"title": "Chief"})
    scene.quiet(scene.sync())
    scene.expect("ada", title="Chief")
    scene.nothing_to_do()
    scene.edit("ada", abmatic={"title": "Boss"}, salesforce={"title": "Boss"})
    scene.quiet(scene.sync())
    scene.expect("ada", title="Boss")


def test_a_default_that_somebody_replaces_travels(scene):
    """Who corrects it in the row that was made with it has made an edit."""
    scene.mapping("contacts.fields.title.default", "Unknown")
    scene.person("ada", abmatic={})
    scene.quiet(scene.sync())
    scene.edit("ada", salesforce={"title": "Chief"})
    scene.quiet(scene.sync())
    scene.expect("ada", title="Chief")
    scene.nothing_to_do()


@pytest.mark.parametrize("here", ["abmatic", "salesforce"])
def test_what_is_too_long_is_held_and_reported(scene, here):
    """It is written nowhere, in an update as in a create, stays where it was said, and is told of until it is shortened."""
    there = "salesforce" if here == "abmatic" else "abmatic"
    scene.mapping("contacts.fields.title.max_length", 8)
    scene.linked("ada", title="CTO")
    scene.edit("ada", **{here: {"title": "Chief of Everything"}})
    scene.person("bob", **{here: {"title": "Head of Everything"}})
    assert scene.sync().exit_code == 3
    scene.sync()
    scene.expect("ada", **{here: {"title": "Chief of Everything"}, there: {"title": "CTO"}})
    scene.expect("bob", **{here: {"title": "Head of Everything"}, there: {"title": None}})
    told = {(row["key"], row["system"], row["field"], row["error"]) for row in scene.quarantine()}
    assert told == {(f"{name}@acme.example", there, "title", "UNMAPPED_VALUE") for name in ("ada", "bob")}
    scene.edit("ada", **{here: {"title": "Chief"}})
    scene.edit("bob", **{here: {"title": "Head"}})
    scene.quiet(scene.sync())
    scene.expect("ada", title="Chief")
    scene.expect("bob", title="Head")
    assert scene.quarantine() == []
    scene.nothing_to_do()


@pytest.mark.parametrize("here", ["abmatic", "salesforce"])
def test_with_truncate_it_is_cut_once(scene, here):
    """The other system holds the beginning, the whole stays where it was said, and neither side is written again for it."""
    there = "salesforce" if here == "abmatic" else "abmatic"
    scene.mapping("contacts.fields.title.max_length", 8)
    scene.mapping("contacts.fields.title.truncate", value=True)
    scene.linked("ada", title="CTO")
    scene.edit("ada", **{here: {"title": "Chief of Everything"}})
    scene.person("bob", **{here: {"title": "Head of Everything"}})
    scene.quiet(scene.sync())
    scene.expect("ada", **{here: {"title": "Chief of Everything"}, there: {"title": "Chief of"}})
    scene.expect("bob", **{here: {"title": "Head of Everything"}, there: {"title": "Head of"}})
    scene.nothing_to_do()
    scene.edit("ada", **{there: {"title": "Boss"}})
    scene.quiet(scene.sync())
    scene.expect("ada", title="Boss")


@pytest.mark.parametrize("here", ["abmatic", "salesforce"])
def test_nobody_is_made_without_a_required_value_that_has_no_word_there(scene, here):
    """A required value that is too long for the other system makes nobody there without it, and is told of until it is shortened."""
    there = "salesforce" if here == "abmatic" else "abmatic"
    scene.mapping("contacts.fields.title.max_length", 8)
    scene.mapping("contacts.fields.title.required", value=True)
    scene.person("ada", **{here: {"title": "Chief of Everything"}})
    assert scene.sync().exit_code == 3
    assert scene.sync().exit_code == 3
    scene.expect("ada", **{there: None})
    [row] = scene.quarantine()
    assert (row["key"], row["system"], row["field"], row["error"]) == (
        "ada@acme.example",
        there,
        "title",
        "UNMAPPED_VALUE",
    )
    scene.edit("ada", **{here: {"title": "Chief"}})
    scene.quiet(scene.sync())
    scene.expect("ada", title="Chief")
    assert scene.quarantine() == []

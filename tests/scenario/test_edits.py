"""Edits: what people change on one side, on both sides, at once or later."""

import pytest

from sync.connectors.abmatic import Abmatic


@pytest.mark.parametrize("system", ["abmatic", "salesforce"])
def test_an_edit_travels_and_its_echo_does_not(scene, system):
    """One edit is one write in the other system; seen again, it plans nothing."""
    scene.linked("ada", title="CTO")
    scene.edit("ada", **{system: {"title": "CEO"}})
    run = scene.quiet(scene.sync())
    assert [(row["op"], [change["field"] for change in row["changes"]]) for row in run.operations] == [
        ("update", ["title"])
    ]
    scene.expect("ada", title="CEO")
    scene.nothing_to_do()


def test_two_fields_of_one_person_edited_on_both_sides_both_stay(scene):
    """Merging is by field: a title from one side and a city from the other are no conflict."""
    scene.linked("ada", title="CTO", city="Turin")
    scene.edit("ada", abmatic={"title": "CEO"}, salesforce={"city": "Milan"})
    scene.quiet(scene.sync())
    scene.expect("ada", title="CEO", city="Milan")
    scene.nothing_to_do()


def test_the_same_edit_on_both_sides_is_no_conflict(scene):
    """What agrees is absorbed without a write."""
    scene.linked("ada", title="CTO")
    scene.edit("ada", abmatic={"title": "CEO"}, salesforce={"title": "CEO"})
    scene.nothing_to_do()


@pytest.mark.parametrize("order", [["abmatic", "salesforce"], ["salesforce", "abmatic"]])
def test_prefer(scene, order):
    """Where both sides changed, the first system of the order wins, and the loser is kept with the rule."""
    scene.mapping("contacts.fields.title.prefer", order)
    scene.linked("ada", title="CTO")
    scene.edit("ada", abmatic={"title": "of abmatic"}, salesforce={"title": "of salesforce"})
    scene.quiet(scene.sync())
    scene.expect("ada", title=f"of {order[0]}")
    [lost] = scene.explain("ada")["fields"]["title"]["history"][0]["lost"]
    assert lost == {"system": order[1], "value": f"of {order[1]}", "rule": "prefer"}


@pytest.mark.parametrize(("abmatic", "salesforce", "winner"), [(-600, -60, "salesforce"), (-60, -600, "abmatic"), (-60, -61, "salesforce")])  # fmt: skip
def test_latest(scene, abmatic, salesforce, winner):
    """The later edit wins; where the times are too near each other to tell, the order decides."""
    scene.mapping("contacts.fields.title", scene.mappings["contacts"]["fields"]["title"] | {"conflict": "latest", "prefer": ["salesforce", "abmatic"]})  # fmt: skip
    scene.linked("ada", title="CTO")
    scene.edit("ada", at=abmatic, abmatic={"title": "of abmatic"})
    scene.edit("ada", at=salesforce, salesforce={"title": "of salesforce"})
    scene.quiet(scene.sync())
    scene.expect("ada", title=f"of {winner}")


@pytest.mark.parametrize("take", ["abmatic", "salesforce"])
def test_manual_waits_for_a_person_and_does_what_they_say(scene, take):
    """A manual field is written for nobody until a person takes a side; everything else of the record goes on."""
    scene.mapping("contacts.fields.title.conflict", "manual")
    scene.linked("ada", title="CTO", city="Turin")
    scene.edit("ada", abmatic={"title": "of abmatic", "city": "Milan"}, salesforce={"title": "of salesforce"})
    run = scene.sync()
    assert run.exit_code == 3
    scene.expect("ada", abmatic={"title": "of abmatic"}, salesforce={"title": "of salesforce"}, city="Milan")
    [conflict] = scene.conflicts()
    assert conflict["values"].items() >= {"abmatic": "of abmatic", "salesforce": "of salesforce"}.items()
    scene.quiet(scene.resolve(take))
    scene.expect("ada", title=f"of {take}")
    assert scene.conflicts() == []
    scene.nothing_to_do()


def test_a_conflict_ends_by_itself_when_people_agree(scene):
    """Whoever makes both sides the same has answered the question."""
    scene.mapping("contacts.fields.title.conflict", "manual")
    scene.linked("ada", title="CTO")
    scene.edit("ada", abmatic={"title": "one"}, salesforce={"title": "two"})
    assert scene.sync().exit_code == 3
    scene.edit("ada", abmatic={"title": "two"})
    scene.quiet(scene.sync())
    assert scene.conflicts() == []
    scene.expect("ada", title="two")


def test_what_somebody_emptied_is_emptied_elsewhere(scene):
    """With an exchange on record a blank is an edit like any other."""
    scene.settings("systems.abmatic.clearing", "null")
    scene.linked("ada", title="CTO", city="Turin")
    scene.edit("ada", salesforce={"city": None}, abmatic={"title": None})
    scene.quiet(scene.sync())
    scene.expect("ada", city=None, title=None)
    scene.nothing_to_do()


def test_an_emptied_field_of_a_system_that_cannot_be_emptied_is_reported(scene):
    """Abmatic documents no way to empty a field: nothing is sent, a person is told, and `verify` explains the difference."""
    scene.linked("ada", city="Turin")
    scene.edit("ada", salesforce={"city": None})
    scene.forget_calls()
    assert scene.sync().exit_code == 3
    assert scene.writes() == 0
    scene.expect("ada", abmatic={"city": "Turin"}, salesforce={"city": None})
    verdict = scene.verify()
    assert verdict["unexplained"] == []
    assert verdict["explained"]
    [row] = scene.quarantine()
    assert (row["error"], row["field"]) == ("UNCLEARED", "city")
    scene.edit("ada", abmatic={"city": None})
    scene.nothing_to_do()
    assert scene.quarantine() == []


def test_a_blank_that_is_to_be_kept_is_refilled(scene):
    """`blank = "keep"`: an empty value never overwrites."""
    scene.mapping("contacts.fields.city.blank", "keep")
    scene.linked("ada", city="Turin")
    scene.edit("ada", salesforce={"city": None})
    scene.quiet(scene.sync())
    scene.expect("ada", city="Turin")


def test_only_the_owner_counts(scene):
    """A field with an owner is put right elsewhere, whoever touched it."""
    scene.mapping("contacts.fields.title.owner", "abmatic")
    scene.linked("ada", title="CTO")
    scene.edit("ada", salesforce={"title": "mine"})
    scene.quiet(scene.sync())
    scene.expect("ada", title="CTO")
    scene.edit("ada", abmatic={"title": "CEO"})
    scene.quiet(scene.sync())
    scene.expect("ada", title="CEO")


def test_fields_that_are_not_mapped_are_never_touched(scene):
    """What the mapping does not name is neither read into the state nor written."""
    scene.linked("ada", title="CTO")
    scene.control("edit", {"system": "salesforce", "object": "Contact", "id": scene.id("ada", "salesforce"), "set": {"Department": "canary-department"}})  # fmt: skip
    scene.edit("ada", abmatic={"title": "CEO"})
    scene.quiet(scene.sync())
    [row] = scene.rows("ada", "salesforce")
    assert (row["Title"], row["Department"]) == ("CEO", "canary-department")
    assert not [
        file for file in scene.folder.rglob("*") if file.is_file() and b"canary-department" in file.read_bytes()
    ]


def test_an_edit_between_the_look_and_the_write_is_not_overwritten(scene):
    """What moved since it was read is dropped from the plan and merged anew, in the same run."""
    scene.linked("ada", title="CTO", city="Turin")
    scene.edit("ada", abmatic={"title": "CEO"})
    plan = scene.plan()
    scene.edit("ada", salesforce={"title": "their own"})
    run = scene.apply(plan)
    assert run.exit_code == 3
    assert scene.held("ada", "salesforce", "title") == "their own"


def test_an_edit_between_the_plan_and_the_write_is_not_overwritten_in_abmatic(scene):
    """What a person has edited in Abmatic since the plan was made stands; nothing is sent, and the next run decides anew."""
    scene.linked("ada", title="CTO", city="Turin")
    scene.edit("ada", salesforce={"title": "CEO"})
    plan = scene.plan()
    scene.edit("ada", abmatic={"title": "their own"})
    scene.forget_calls()
    run = scene.apply(plan)
    assert (run.exit_code, run.skipped, scene.writes()) == (3, 1, 0)
    assert scene.held("ada", "abmatic", "title") == "their own"
    scene.sync()
    assert scene.held("ada", "abmatic", "title") == scene.held("ada", "salesforce", "title")


def test_an_edit_between_plan_and_write_is_merged_in_the_same_run(scene, monkeypatch):
    """Abmatic's connector looks itself before it writes: what it finds instead of what was expected is no one's to overwrite, and is decided
    at once."""
    scene.mapping("contacts.fields.title.prefer", ["abmatic", "salesforce"])
    scene.linked("ada", title="CTO")
    scene.edit("ada", salesforce={"title": "CEO"})
    push, times = Abmatic.push, []

    def edited_before(self, writes):
        if not times:
            scene.edit("ada", abmatic={"title": "Carpenter"})
        times.append(len(writes))
        return push(self, writes)

    monkeypatch.setattr(Abmatic, "push", edited_before)
    scene.quiet(scene.sync())
    assert times == [1], "after the refusal nothing was left to write in Abmatic"
    scene.expect("ada", title="Carpenter")
    scene.nothing_to_do()

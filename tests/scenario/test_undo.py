"""Undo: the values of before a run come back everywhere, but where somebody has touched them since."""

import pytest

from sync.errors import UsageError


def edited(scene):
    scene.linked("ada", "bob", title="CTO", city="Turin")
    scene.edit("ada", abmatic={"title": "CEO", "city": "Milan"})
    scene.edit("bob", salesforce={"title": "Editor"})
    run = scene.quiet(scene.sync())
    scene.expect("ada", title="CEO", city="Milan")
    return run


def test_a_run_is_undone_in_every_system(scene):
    """The source of the edit goes back too, and the next run leaves it so."""
    run = edited(scene)
    undone = scene.quiet(scene.undo(run))
    assert undone.undone == run.run
    scene.expect("ada", title="CTO", city="Turin")
    scene.expect("bob", title="CTO", city="Turin")
    scene.nothing_to_do()


def test_the_undo_of_an_undo_restores_the_run(scene):
    """Nothing is lost by trying."""
    undone = scene.quiet(scene.undo(edited(scene)))
    scene.quiet(scene.undo(undone))
    scene.expect("ada", title="CEO", city="Milan")
    scene.expect("bob", title="Editor", city="Turin")
    scene.nothing_to_do()


def test_one_record_can_be_undone(scene):
    """`--record`: the others keep what the run gave them."""
    run = edited(scene)
    scene.quiet(scene.undo(run, record=scene.key("ada")))
    scene.expect("ada", title="CTO", city="Turin")
    scene.expect("bob", title="Editor")


def test_one_field_can_be_undone(scene):
    """`--field`: the other fields keep what the run gave them."""
    run = edited(scene)
    scene.quiet(scene.undo(run, field="title"))
    scene.expect("ada", title="CTO", city="Milan")
    scene.expect("bob", title="CTO")


def test_what_people_touched_since_is_left_alone_and_reported(scene):
    """A newer edit is worth more than the undo, whether it was synced already or not."""
    run = edited(scene)
    scene.edit("ada", salesforce={"title": "President"})
    undone = scene.undo(run)
    assert undone.exit_code == 3
    [skipped] = [row for row in undone.operations if row["status"] == "skipped"]
    assert skipped["key"] == scene.key("ada")
    assert "title" in skipped["reason"]
    assert (skipped["system"], skipped["id"]) == ("salesforce", scene.id("ada", "salesforce"))
    scene.expect("ada", title="President", city="Turin")
    scene.expect("bob", title="CTO")


def test_an_opt_out_is_never_undone(scene):
    """Consent does not come back by undo."""
    scene.mapping("contacts.fields.subscription.abmatic", {"field": "opted_out", "lens": "opt_out_flag"})
    scene.linked("ada", title="CTO", opted_out=False)
    scene.edit("ada", abmatic={"opted_out": True, "title": "CEO"})
    scene.undo(scene.quiet(scene.sync()))
    scene.expect("ada", title="CTO", opted_out=True)


def test_a_merge_of_two_edits_is_undone_to_what_stood_before_both(scene):
    """The loser of a conflict does not rise again by an undo: the value of before the run does."""
    scene.linked("ada", title="CTO")
    scene.edit("ada", abmatic={"title": "one"}, salesforce={"title": "two"})
    scene.quiet(scene.undo(scene.quiet(scene.sync())))
    scene.expect("ada", title="CTO")
    scene.nothing_to_do()


def test_an_undo_empties_nothing_that_stood_there_before_the_run(scene):
    """Where the systems met in that run each held a value of its own: none of them is emptied, and the undo says so."""
    scene.settings("systems.abmatic.clearing", "null")
    scene.person("ada", abmatic={"title": "CTO"}, salesforce={"title": "Chief"})
    undone = scene.undo(scene.quiet(scene.sync()))
    scene.expect("ada", title="CTO")
    assert undone.exit_code == 3
    [skipped] = [row for row in undone.operations if row["status"] == "skipped"]
    assert "met here" in skipped["reason"]
    scene.nothing_to_do()


def test_what_was_empty_everywhere_is_emptied_again(scene):
    """A value that a person filled in goes back to nothing, and the undo of the undo brings it back."""
    scene.settings("systems.abmatic.clearing", "null")
    scene.linked("ada", city="Turin")
    scene.edit("ada", salesforce={"title": "CEO"})
    undone = scene.quiet(scene.undo(scene.quiet(scene.sync())))
    scene.expect("ada", title=None)
    scene.quiet(scene.undo(undone))
    scene.expect("ada", title="CEO")


def test_a_record_or_field_that_is_nobodys_name_is_refused(scene):
    """A slip of the pen undoes nothing, and does not say that it is done."""
    run = edited(scene)
    with pytest.raises(UsageError, match="there is no field `titel`") as slip:
        scene.undo(run, field="titel")
    assert "`title`" in slip.value.remedy
    for undo in (scene.undo, scene.try_undo):
        with pytest.raises(UsageError, match="no record is known"):
            undo(run, record="adda@nowhere.example")
    scene.expect("ada", title="CEO", city="Milan")


def test_what_a_run_did_not_change_is_said_to_be_so(scene):
    """An undo that finds nothing to take back says why; records that were created stay, and it says that too."""
    scene.person("eve", abmatic={"title": "CTO"})
    created = scene.sync()
    undone = scene.undo(created)
    assert any("created stay" in note for note in undone.notes)
    run = edited(scene)
    assert any("changed no value there" in note for note in scene.undo(run, record=scene.key("eve")).notes)

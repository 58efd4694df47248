"""Undo: the values of before a run come back everywhere, but where somebody has touched them since."""


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

"""Safety limits: a plan beyond one writes nothing; a person releases exactly that plan."""

import pytest

from sync.errors import UsageError

NAMES = ("ada", "bob", "cyd")
OPTED_OUT = {
    "type": "consent",
    "abmatic": {"field": "opted_out", "lens": "opt_out_flag"},
    "salesforce": {"field": "HasOptedOutOfEmail", "lens": "opt_out_flag"},
}


def stopped(scene, limit, planned):
    scene.forget_calls()
    run = scene.sync()
    assert run.exit_code == 4
    assert [(hit.limit, hit.planned, hit.allowed) for hit in run.limits_hit] == [(limit, planned, 2)]
    assert scene.writes() == 0
    return run


def test_creates(scene):
    """Three creates where two are allowed: nobody is made until that run is released by its id."""
    scene.settings("safety.max_creates", 2)
    for name in NAMES:
        scene.person(name, abmatic={})
    run = stopped(scene, "max_creates", 3)
    assert scene.run(run.run)["planned"] == {"salesforce": {"created": 3, "updated": 0, "deleted": 0}}
    scene.quiet(scene.apply(run.run))
    for name in NAMES:
        scene.expect(name)
    scene.nothing_to_do()


@pytest.mark.law("row 141")
def test_updates(scene):
    """Three updates where two are allowed."""
    scene.linked(*NAMES, title="CTO")
    scene.settings("safety.max_updates", 2)
    for name in NAMES:
        scene.edit(name, abmatic={"title": "CEO"})
    run = stopped(scene, "max_updates", 3)
    assert scene.status()["well"] is False
    scene.quiet(scene.apply(run.run))
    for name in NAMES:
        scene.expect(name, title="CEO")


@pytest.mark.law("row 44")
def test_clears(scene):
    """Three values that would be emptied where two are allowed."""
    scene.linked(*NAMES, city="Turin")
    scene.settings("safety.max_clears", 2)
    for name in NAMES:
        scene.edit(name, abmatic={"city": None})
    run = stopped(scene, "max_clears", 3)
    scene.quiet(scene.apply(run.run))
    for name in NAMES:
        scene.expect(name, city=None)


@pytest.mark.law("row 139")
def test_deletes(scene):
    """Three deletions that would travel where two are allowed."""
    scene.mapping("contacts.systems.salesforce.deleted", "delete")
    scene.linked(*NAMES, "dan", title="CTO")
    scene.settings("safety.max_deletes", 2)
    for name in NAMES:
        scene.delete(name, "abmatic")
    scene.sync(full=True)
    scene.forget_calls()
    run = scene.sync(full=True)
    assert run.exit_code == 4
    assert scene.writes() == 0
    scene.quiet(scene.apply(run.run))
    for name in NAMES:
        scene.expect(name, abmatic=None, salesforce=None)
    scene.expect("dan")


def test_opt_outs(scene):
    """A suspicious mass of opt-outs is held and reported, because it cannot be undone; it is not dropped."""
    scene.mapping("contacts.fields.subscription", OPTED_OUT)
    scene.linked(*NAMES, opted_out=False)
    scene.settings("safety.max_opt_outs", 2)
    for name in NAMES:
        scene.edit(name, abmatic={"opted_out": True})
    run = stopped(scene, "max_opt_outs", 3)
    scene.quiet(scene.apply(run.run))
    for name in NAMES:
        scene.expect(name, opted_out=True)


def test_a_share_of_the_linked_records_counts_where_it_is_larger(scene):
    """A limit of a count and a share is the larger of the two."""
    scene.linked(*NAMES, title="CTO")
    scene.settings("safety.max_updates", [1, "100%"])
    for name in NAMES:
        scene.edit(name, abmatic={"title": "CEO"})
    scene.quiet(scene.sync())


def test_opt_outs_pass_while_the_rest_is_stopped(scene):
    """A limit that stops a plan does not stop an opt-out in it."""
    scene.mapping("contacts.fields.subscription", OPTED_OUT)
    scene.linked(*NAMES, title="CTO", opted_out=False)
    scene.settings("safety.max_updates", 2)
    for name in NAMES:
        scene.edit(name, abmatic={"title": "CEO"})
    scene.edit("ada", abmatic={"opted_out": True})
    assert scene.sync().exit_code == 4
    scene.expect("ada", salesforce={"title": "CTO"}, opted_out=True)


def test_a_backfill_may_create_and_update_without_limit(scene):
    """Bringing everything together for the first time is what a backfill is for."""
    scene.settings("safety.max_creates", 2)
    scene.settings("safety.max_updates", 2)
    for name in NAMES:
        scene.person(name, abmatic={})
    scene.quiet(scene.backfill())
    for name in NAMES:
        scene.expect(name)


def test_a_release_approves_that_plan_and_no_other(scene):
    """What changed after the run was stopped is not carried out by its release: it is skipped and reported."""
    scene.linked(*NAMES, title="CTO")
    scene.settings("safety.max_updates", 2)
    for name in NAMES:
        scene.edit(name, abmatic={"title": "CEO"})
    run = stopped(scene, "max_updates", 3)
    scene.edit("ada", abmatic={"title": "something else"})
    released = scene.apply(run.run)
    assert (released.exit_code, released.skipped) == (3, 1)
    scene.expect("ada", salesforce={"title": "CTO"})
    scene.expect("bob", title="CEO")


def test_only_a_stopped_run_can_be_released(scene):
    """A run that was not stopped has nothing to release."""
    scene.linked("ada", title="CTO")
    with pytest.raises(UsageError, match="not stopped"):
        scene.apply(scene.sync().run)

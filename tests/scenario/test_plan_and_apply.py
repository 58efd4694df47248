"""Plan and apply: what was shown is what is done, and showing leaves no trace."""

import hashlib

import pytest

from sync.errors import UsageError


def essence(rows):
    return sorted((row["record"], row["system"], row["op"], [(c["field"], c["before"], c["after"]) for c in row["changes"]]) for row in rows)  # fmt: skip


def prepared(scene):
    scene.linked("ada", "bob", title="CTO")
    scene.edit("ada", abmatic={"title": "CEO"})
    scene.edit("bob", salesforce={"title": "Editor"})
    scene.person("cyd", abmatic={"title": "Clerk"})


def test_apply_does_exactly_what_the_plan_said(scene):
    """Operation by operation, before and after."""
    prepared(scene)
    plan = scene.plan()
    run = scene.quiet(scene.apply(plan))
    assert len(plan.operations) == 3
    assert essence(run.operations) == essence(plan.operations)
    scene.expect("ada", title="CEO")
    scene.expect("bob", title="Editor")
    scene.expect("cyd", title="Clerk")
    scene.nothing_to_do()


def test_sync_does_what_plan_showed(scene):
    """A sync right after a plan makes the same operations."""
    prepared(scene)
    plan = scene.plan()
    assert essence(scene.quiet(scene.sync()).operations) == essence(plan.operations)


def test_apply_skips_what_moved_and_does_the_rest(scene):
    """A row that somebody changed since is left alone and reported (exit code 3)."""
    prepared(scene)
    plan = scene.plan()
    scene.edit("ada", abmatic={"title": "President"})
    run = scene.apply(plan)
    assert (run.exit_code, run.skipped) == (3, 1)
    assert [row["key"] for row in run.operations if row["status"] == "skipped"] == ["ada@acme.example"]
    scene.expect("ada", salesforce={"title": "CTO"})
    scene.expect("bob", title="Editor")
    scene.quiet(scene.sync())
    scene.expect("ada", title="President")


def test_a_plan_applied_twice_does_nothing_more(scene):
    """The second time everything is skipped."""
    prepared(scene)
    plan = scene.plan()
    scene.quiet(scene.apply(plan))
    scene.forget_calls()
    assert scene.apply(plan).skipped == 3
    assert scene.writes() == 0


def test_a_plan_that_was_tampered_with_is_refused(scene):
    """The digest names the plan: a changed value is not carried out."""
    prepared(scene)
    plan = scene.plan().to_json()
    plan["operations"][0]["changes"][0]["after"] = "evil"
    with pytest.raises(UsageError, match="digest"):
        scene.apply_json(plan)


@pytest.mark.parametrize("words", [("plan",), ("sync", "--dry-run"), ("verify",), ("plan", "--full")])
def test_looking_leaves_the_state_as_it_was_to_the_byte(scene, words):
    """Neither the systems nor one byte of the state change."""
    prepared(scene)

    def state():
        return {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(scene.folder.glob("state.db*"))
        }

    before = state()
    scene.forget_calls()
    process = scene.command(*words)
    assert process.communicate()[1] == ""
    assert process.returncode == 0
    assert state() == before
    assert scene.writes() == 0

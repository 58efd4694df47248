"""What is declared about a vendor that documents little, from configuration to what stands in the systems."""

import pytest


def test_beside_a_sync_that_fetches_from_salesforce_only_what_is_linked_is_written(scene):
    """`pull_only`: nobody is made in Abmatic; an edit of somebody linked arrives, and what Abmatic has is made in Salesforce."""
    scene.linked("ada", title="CTO")
    scene.settings("systems.abmatic.native_salesforce_sync", "pull_only")
    scene.person("bob", salesforce={"title": "Editor"})
    scene.person("eve", abmatic={"title": "Clerk"})
    scene.edit("ada", salesforce={"title": "CEO"})
    scene.quiet(scene.sync())
    scene.expect("ada", title="CEO")
    scene.expect("bob", abmatic=None)
    scene.expect("eve", title="Clerk")
    scene.nothing_to_do()
    assert scene.verify()["unexplained"] == []
    scene.person("bob", abmatic={"title": "Editor"})
    scene.quiet(scene.sync())
    scene.edit("bob", salesforce={"title": "Author"})
    scene.quiet(scene.sync())
    scene.expect("bob", title="Author")


def test_beside_a_sync_that_writes_to_salesforce_abmatic_is_a_source(scene):
    """`on`: no request asks Abmatic for a change; its edits still reach Salesforce."""
    scene.linked("ada", title="CTO")
    scene.settings("systems.abmatic.native_salesforce_sync", "on")
    scene.edit("ada", salesforce={"title": "CEO"}, abmatic={"city": "Turin"})
    scene.person("bob", salesforce={"title": "Editor"})
    scene.forget_calls()
    scene.quiet(scene.sync())
    assert scene.writes("abmatic") == 0
    scene.expect("ada", abmatic={"title": "CTO"}, salesforce={"title": "CEO"}, city="Turin")
    scene.expect("bob", abmatic=None)
    scene.nothing_to_do()
    assert scene.verify()["unexplained"] == []


@pytest.mark.parametrize(("put_mode", "server"), [("partial", "merge"), ("full", "merge"), ("full", "replace")])
def test_no_column_is_lost_by_an_update(scene, put_mode, server):
    """Whatever a PUT does with columns that it does not name, the setting that fits keeps them all."""
    scene.control("limits", {"system": "abmatic", "put_mode": server})
    scene.settings("systems.abmatic.put_mode", put_mode)
    try:
        scene.linked("ada", title="CTO", city="Turin")
        scene._edit("abmatic", "contacts", {"id": scene.id("ada", "abmatic"), "set": {"department": "R&D"}})
        scene.edit("ada", salesforce={"title": "CEO"})
        scene.quiet(scene.sync())
        scene.expect("ada", title="CEO", city="Turin", last_name="Ada")
        [row] = scene.rows("ada", "abmatic")
        assert row["department"] == "R&D"
        scene.nothing_to_do()
    finally:
        scene.control("limits", {"system": "abmatic", "put_mode": "replace"})

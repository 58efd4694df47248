"""Settings of a mapping file as a whole, and of config.toml, that no other scenario shows at work."""

import pytest

from sync.runner import upkeep

MICROSECONDS_A_DAY = 86_400 * 1_000_000


@pytest.mark.parametrize("policy", ["prefer", "manual"])
def test_the_policy_of_a_file_holds_for_fields_that_say_nothing(scene, policy):
    """`conflict` at the head of a file decides about two edits of a field; a field that has its own word keeps it."""
    scene.mapping("contacts", {"conflict": policy, **scene.mappings["contacts"]})
    scene.mapping("contacts.fields.city.conflict", "prefer")
    scene.linked("ada", title="CTO", city="Rome")
    scene.edit("ada", abmatic={"title": "CEO", "city": "Turin"}, salesforce={"title": "Chief", "city": "Milan"})
    assert scene.sync().exit_code == (3 if policy == "manual" else 0)
    assert [row["field"] for row in scene.conflicts()] == (["title"] if policy == "manual" else [])
    scene.expect("ada", city="Turin", salesforce={"title": "Chief" if policy == "manual" else "CEO"})


@pytest.mark.parametrize("order", [["abmatic", "salesforce"], ["salesforce", "abmatic"]])
def test_the_order_of_a_file_holds_for_fields_that_say_nothing(scene, order):
    """`prefer` at the head of a file names the winner of two edits; a field that has its own order keeps it."""
    scene.mapping("contacts", {"prefer": order, **scene.mappings["contacts"]})
    scene.mapping("contacts.fields.city.prefer", order[::-1])
    scene.linked("ada", title="CTO", city="Rome")
    scene.edit(
        "ada",
        abmatic={"title": "of abmatic", "city": "of abmatic"},
        salesforce={"title": "of salesforce", "city": "of salesforce"},
    )
    scene.quiet(scene.sync())
    scene.expect("ada", title=f"of {order[0]}", city=f"of {order[1]}")


@pytest.mark.parametrize("named", [True, False])
def test_our_id_is_written_where_the_mapping_names_a_field_for_it(scene, named):
    """`external_id` holds the id of the record in the row that was made for it; without the key no field is touched for it."""
    if not named:
        scene.mapping("contacts.systems.salesforce.external_id", None)
    scene.person("ada", abmatic={})
    scene.quiet(scene.sync())
    [row] = scene.rows("ada", "salesforce")
    assert row["CRM_Sync_Id__c"] == (scene.explain("ada")["record"] if named else None)


@pytest.mark.parametrize(("margin", "winner"), [("5s", "salesforce"), ("0s", "abmatic")])
def test_the_margin_of_a_clock_decides_what_is_certainly_later(scene, margin, winner):
    """Two seconds apart: within `clock_margin` nobody can tell which was later, and the order decides."""
    for system in ("abmatic", "salesforce"):
        scene.settings(f"systems.{system}.clock_margin", margin)
    title = scene.mappings["contacts"]["fields"]["title"]
    scene.mapping("contacts.fields.title", title | {"conflict": "latest", "prefer": ["salesforce", "abmatic"]})
    scene.linked("ada", title="CTO")
    scene.edit("ada", at=-58, abmatic={"title": "of abmatic"})
    scene.edit("ada", at=-60, salesforce={"title": "of salesforce"})
    scene.quiet(scene.sync())
    scene.expect("ada", title=f"of {winner}")


@pytest.mark.parametrize(("days", "kept"), [(1, False), (5, True)])
def test_what_is_older_than_history_days_is_forgotten(scene, days, kept):
    """Two days old, an edit is still in the history of five days, and no more in that of one; its value stands all the same."""
    scene.settings("state.history_days", days)
    scene.linked("ada", title="CTO")
    scene.edit("ada", abmatic={"title": "CEO"})
    scene.quiet(scene.sync())
    scene.tamper(f"UPDATE turn SET at = at - {2 * MICROSECONDS_A_DAY}")
    upkeep.tidy(*scene.both)
    title = scene.explain("ada")["fields"]["title"]
    assert (title["value"], bool(title["history"])) == ("CEO", kept)

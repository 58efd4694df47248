"""A mapping that changes: only what the change concerns is looked at anew."""

import pytest


def test_a_field_mapped_later_is_filled_by_itself(scene):
    """A new row in the mapping brings values that nobody has touched since, in the next plain run."""
    phone = scene.mappings["contacts"]["fields"]["phone"]
    scene.mapping("contacts.fields.phone", None)
    scene.person("ada", abmatic={"phone": "+12025550101"}, salesforce={})
    scene.quiet(scene.sync())
    scene.expect("ada", salesforce={"phone": None})
    scene.mapping("contacts.fields.phone", phone)
    scene.quiet(scene.sync())
    scene.expect("ada", phone="+12025550101")
    scene.nothing_to_do()


@pytest.mark.parametrize("full", [False, True])
def test_a_field_mapped_later_is_first_contact_for_every_row(scene, full):
    """Equal values stay, a blank is filled from either side, two values follow the order and the loser is kept; other fields do not move."""
    city = scene.mappings["contacts"]["fields"]["city"]
    scene.mapping("contacts.fields.city", None)
    pairs = {
        "ada": ("Rome", "Rome"),
        "bob": ("Turin", None),
        "cyd": (None, "Milan"),
        "dan": ("Lucca", "Pisa"),
        "eve": (None, None),
    }
    for name, (here, there) in pairs.items():
        scene.person(name, abmatic={"title": "CTO", "city": here}, salesforce={"title": "CTO", "city": there})
    scene.quiet(scene.sync())
    scene.mapping("contacts.fields.city", {**city, "prefer": ["salesforce", "abmatic"]})
    run = scene.quiet(scene.sync(full=full))
    assert {change["field"] for row in run.operations for change in row["changes"]} == {"city"}
    assert sorted((row["key"], row["system"]) for row in run.operations) == [
        ("bob@acme.example", "salesforce"), ("cyd@acme.example", "abmatic"), ("dan@acme.example", "abmatic"),
    ]  # fmt: skip
    for name, city in zip(pairs, ("Rome", "Turin", "Milan", "Pisa", None), strict=True):
        scene.expect(name, city=city, title="CTO")
    [turn] = scene.explain("dan")["fields"]["city"]["history"]
    assert turn["lost"] == [{"system": "abmatic", "value": "Lucca", "rule": "prefer"}]
    scene.nothing_to_do()
    scene.edit("cyd", salesforce={"city": "Como"})
    scene.quiet(scene.sync())
    scene.expect("cyd", city="Como")


def test_a_column_that_a_system_gets_later_is_not_written_blindly(scene):
    """Where nothing can be listed (Conversion) the value that stands there is read before the first write, and follows the order like any other."""
    quick = {"horizon": "1s", "verify_delays": ["0.1s"], "retries": 2, "requests_per_second": 1000}
    scene.settings("systems.conversion", {"base_url": scene.urls["conversion"], "api_key": "env:KEY", **quick})
    scene.mapping("contacts.systems.conversion", {"object": "contacts", "create": True})
    scene.mapping("contacts.fields.email.conversion", "email")
    scene.mapping("contacts.fields.last_name.conversion", "variables.last_name")
    scene.linked("ada", city="Rome")
    [row] = scene.table("conversion", "contacts")
    change = {"id": row["id"], "set": {"variables.city": "Turin"}}
    scene.control("edit", {"system": "conversion", "object": "contacts", **change})
    scene.mapping("contacts.fields.city.conversion", "variables.city")
    scene.mapping("contacts.fields.city.prefer", ["conversion", "abmatic", "salesforce"])
    scene.quiet(scene.sync())
    assert scene.table("conversion", "contacts")[0]["variables"]["city"] == "Turin"
    scene.expect("ada", city="Turin")
    scene.nothing_to_do()


def test_a_field_that_is_mapped_no_more_is_left_as_it_is(scene):
    """Taking a row out clears nothing anywhere."""
    scene.linked("ada", title="CTO", city="Turin")
    scene.mapping("contacts.fields.city", None)
    scene.nothing_to_do()
    scene.edit("ada", abmatic={"city": "Milan"})
    scene.nothing_to_do()
    scene.expect("ada", salesforce={"city": "Turin"})


def test_a_column_that_moves_is_first_contact_for_that_field_alone(scene):
    """A field that is mapped to another native field follows the order of preference; no other field moves."""
    scene.linked("ada", title="CTO", city="Turin")
    scene.control("edit", {"system": "salesforce", "object": "Contact", "id": scene.id("ada", "salesforce"), "set": {"OtherCity": "Milan"}})  # fmt: skip
    scene.mapping("contacts.fields.city.salesforce", "OtherCity")
    scene.mapping("contacts.fields.city.prefer", ["salesforce", "abmatic"])
    run = scene.quiet(scene.sync())
    assert {change["field"] for row in run.operations for change in row["changes"]} == {"city"}
    scene.expect("ada", abmatic={"city": "Milan", "title": "CTO"}, salesforce={"title": "CTO"})


def test_what_a_mapping_change_would_rewrite_is_guarded(scene):
    """A changed column does not overwrite everybody before somebody has looked."""
    scene.linked("ada", "bob", "cyd", title="CTO", city="Turin")
    scene.settings("safety.max_updates", 2)
    scene.mapping("contacts.fields.city.salesforce", "OtherCity")
    assert scene.sync().exit_code == 4
    scene.expect("ada", title="CTO", city="Turin")


def test_an_opt_out_that_a_mapping_change_brings_is_held(scene):
    """Any opt-out after a change of a consent cell waits for a person: it cannot be undone."""
    scene.linked("ada", opted_out=False)
    scene.mapping("contacts.fields.subscription.abmatic", {"field": "opted_out", "lens": "opt_out_flag"})
    scene.edit("ada", abmatic={"opted_out": True})
    scene.mapping("contacts.fields.subscription.salesforce", {"field": "DoNotCall", "lens": "opt_out_flag"})
    run = scene.sync()
    assert run.exit_code == 4
    assert [hit.limit for hit in run.limits_hit] == ["max_opt_outs"]
    again = scene.sync()
    assert again.exit_code == 4  # a schedule is no person
    assert [row["DoNotCall"] for row in scene.rows("ada", "salesforce")] == [False]
    scene.quiet(scene.apply(again.run))
    assert [row["DoNotCall"] for row in scene.rows("ada", "salesforce")] == [True]
    scene.quiet(scene.sync())
    scene.linked("bob", opted_out=False)
    scene.edit("bob", abmatic={"opted_out": True})
    scene.quiet(scene.sync())


def test_an_opt_out_that_a_new_consent_cell_brings_is_held(scene):
    """A system that was mapped without consent, and now tells of it, is no less sudden than one that tells it otherwise."""
    scene.mapping("contacts.fields.subscription.abmatic", None)
    scene.linked("ada", opted_out=False)
    scene.edit("ada", abmatic={"opted_out": True})
    scene.quiet(scene.sync())
    scene.mapping("contacts.fields.subscription.abmatic", {"field": "opted_out", "lens": "opt_out_flag"})
    assert scene.sync().exit_code == 4
    assert scene.sync().exit_code == 4
    scene.expect("ada", salesforce={"opted_out": False})


@pytest.mark.parametrize("entity", ["account"])
def test_an_entity_that_is_mapped_later_joins(scene, entity):
    """A second mapping file brings its rows without touching the first."""
    scene.linked("ada", title="CTO")
    scene.with_accounts()
    scene.account("acme", abmatic={"city": "Turin"})
    scene.quiet(scene.sync())
    scene.expect("acme", city="Turin")
    scene.expect("ada", title="CTO")


@pytest.mark.law("row 43")
def test_a_column_that_is_not_there_is_never_green(scene):
    """A slip in a column's name stops that field alone, and run, status, plan and verify say so until it is put right."""
    scene.linked("ada", title="CTO", city="Turin")
    scene.mapping("contacts.fields.title.salesforce", "Titel")
    scene.edit("ada", abmatic={"title": "CEO", "city": "Milan"})
    run = scene.sync()
    scene.expect("ada", salesforce={"city": "Milan"})
    column = {"system": "salesforce", "entity": "contact", "field": "title", "object": "Contact", "native": "Titel"}
    line = (scene.folder / "mappings/contacts.toml").read_text().splitlines().index('salesforce = "Titel"') + 1
    column |= {"where": f"mappings/contacts.toml:{line}", "nearest": "Title"}
    assert (run.status, run.exit_code, list(run.unseen)) == ("attention", 3, [column])
    assert [row["Title"] for row in scene.rows("ada", "salesforce")] == ["CTO"]
    assert scene.sync().unseen == scene.plan().unseen == [column]
    status = scene.status()
    assert not status["well"]
    named = f"Contact.Titel (mappings/contacts.toml:{line}, did you mean Title?)"
    assert any(named in each["what"] and "crm-sync check" in each["remedy"] for each in status["why"])
    assert any(row["field"] == "title" and row["why"].startswith("not shown") for row in scene.verify()["explained"])
    scene.mapping("contacts.fields.title.salesforce", "Title")
    scene.quiet(scene.sync())
    scene.expect("ada", title="CEO")
    assert scene.status()["well"]


def test_the_column_for_our_id_is_missed_aloud(scene):
    """Without the column that holds our id duplicates cannot be prevented: its absence is told like that of any other."""
    scene.linked("ada", title="CTO")
    scene.mapping("contacts.systems.salesforce.external_id", "Our_Id__c")
    assert [(row["field"], row["native"]) for row in scene.sync().unseen] == [("", "Our_Id__c")]


def test_a_record_is_made_without_a_column_that_is_not_there(scene):
    """A column that nobody can see holds up that field, not whoever is new; it is filled when it can be seen."""
    scene.mapping("contacts.fields.title.salesforce", "Titel")
    scene.person("ada", abmatic={"title": "CTO", "city": "Turin"})
    run = scene.sync()
    assert (run.exit_code, run.quarantined) == (3, [])
    assert [(row["MailingCity"], row.get("Title")) for row in scene.rows("ada", "salesforce")] == [("Turin", None)]
    scene.mapping("contacts.fields.title.salesforce", "Title")
    scene.quiet(scene.sync())
    scene.expect("ada", title="CTO", city="Turin")


def test_nobody_who_opted_out_is_made_where_that_cannot_be_said(scene):
    """A person who is out is not made in a system whose consent column cannot be seen: there nobody would know."""
    scene.mapping("contacts.fields.subscription.abmatic", {"field": "opted_out", "lens": "opt_out_flag"})
    scene.mapping("contacts.fields.subscription.salesforce.field", "HasOptedOut")
    scene.person("ada", abmatic={"opted_out": True})
    scene.person("bob", abmatic={"opted_out": False})
    run = scene.sync()
    assert [row["error"] for row in run.quarantined] == ["INVALID_FIELD"]
    assert not scene.rows("ada", "salesforce")
    assert scene.rows("bob", "salesforce")

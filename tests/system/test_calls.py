"""What a run costs in calls, at small scale: the same counts hold for a million rows, and no clock is asked."""

import pytest
from process import vendors
from volume import as_contact, batches, contacts, counted, edit, pages, workspace

PEOPLE = 1000
EDITS = 10
DAYS_S = 4 * 86_400
"""Longer than every overlap, so that only news is read again."""
READS = ("queryAll", "/query")
WRITES = ("PATCH",)
SALESFORCE = ("Account", "Campaign", "Contact")
ABMATIC = ("accounts", "campaigns", "contacts", "groups")
"""The objects that the shipped mappings read there."""


@pytest.fixture
def world():
    with vendors("--no-limits", "--accounts", "0", "--contacts", "0") as found:
        yield found


def agreed(world, folder):
    """A workspace with a thousand linked contacts, in agreement, some days later."""
    rows = contacts(PEOPLE)
    world.load("abmatic", "contacts", rows)
    world.load("salesforce", "Contact", [as_contact(row) for row in rows])
    crm = workspace(folder, world)
    crm.report("backfill")
    world.call("POST", "clock", {"advance_s": DAYS_S})
    crm.report("sync")
    return crm


def test_a_backfill_reads_full_pages_and_writes_full_batches(world, tmp_path):
    """A thousand contacts go over in ten pages and five batches, read back in one call; a second full run writes nothing."""
    world.load("abmatic", "contacts", contacts(PEOPLE))
    crm = workspace(tmp_path, world)
    world.forget_calls()
    crm.report("backfill")
    assert counted(world, "abmatic", "GET /v1/contacts") == pages("abmatic", PEOPLE)
    assert counted(world, "salesforce", *WRITES) == batches(PEOPLE)
    assert counted(world, "salesforce", "POST") == pages("salesforce", PEOPLE), "read back in bites of 2,000"
    assert counted(world, "salesforce", *READS) == len(SALESFORCE) + 1, "each object, and a look at what came meanwhile"
    world.forget_calls()
    again = crm.report("sync", "--full")
    assert not any(world.writes().values()) and again["operations"] == []
    assert counted(world, "salesforce", *READS) == len(SALESFORCE) - 1 + pages("salesforce", PEOPLE)
    assert counted(world, "abmatic", "GET /v1/contacts") == pages("abmatic", PEOPLE)


def test_an_idle_run_asks_once_for_each_object(world, tmp_path):
    """With no news a run asks each (system, object) once, and beside it who is in which group; it writes nothing."""
    crm = agreed(world, tmp_path)
    world.forget_calls()
    crm.report("sync")
    assert world.totals()["salesforce"] == counted(world, "salesforce", *READS) == len(SALESFORCE)
    assert [counted(world, "abmatic", f"GET /v1/{name}") for name in ABMATIC[:-1]] == [1, 1, 1]
    assert world.totals()["abmatic"] == len(ABMATIC) + 1, (
        "the list of groups is read for the groups, and for their members"
    )
    assert not any(world.writes().values())


def test_a_tick_with_edits_on_both_sides_costs_what_the_edits_cost(world, tmp_path):
    """One per cent edited on each side: Salesforce is asked for news, looked at, written and read back in one call each; Abmatic per row."""
    crm = agreed(world, tmp_path)
    here, there = world.dump("abmatic", "contacts"), world.dump("salesforce", "Contact")
    edit(world, "abmatic", "contacts", ((row["id"], {"title": f"Here {k}"}) for k, row in enumerate(here[:EDITS])))
    edit(world, "salesforce", "Contact", ((row["Id"], {"Title": f"There {k}"}) for k, row in enumerate(there[-EDITS:])))
    world.forget_calls()
    run = crm.report("sync")
    assert {name: run["systems"][name]["updated"] for name in run["systems"]} == {"abmatic": EDITS, "salesforce": EDITS}
    assert counted(world, "salesforce", *READS) <= 3
    assert counted(world, "salesforce", *WRITES) == batches(EDITS)
    assert counted(world, "salesforce", "POST") == 2, "one look before the write, one after it"
    assert counted(world, "abmatic", "PUT") == EDITS
    assert counted(world, "abmatic", "GET /v1/contacts") == 1 + EDITS, "the list, and each row that is written once"

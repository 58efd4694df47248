"""A two-way tick: ten thousand linked contacts, one per cent of them edited on each side."""

import pytest
from bench import ratio, rows, tell, timed
from process import vendors
from volume import as_contact, contacts, counted, edit, workspace

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]
PEOPLE = 10_000
DAYS_S = 4 * 86_400
PEER = 302
"""Calls of the only open two-way peer for the same edits."""


def test_one_per_cent_edited_on_each_side(tmp_path):
    """Salesforce: news, one look, one batch, one reading back; Abmatic: its page of news, then each row alone, as its API wants."""
    number = rows(PEOPLE)
    edits = number // 100
    with vendors("--no-limits", "--accounts", "0", "--contacts", "0") as world:
        people = contacts(number)
        world.load("abmatic", "contacts", people)
        world.load("salesforce", "Contact", [as_contact(row) for row in people])
        crm = workspace(tmp_path, world)
        timed(world, crm, "backfill", "--json")
        world.call("POST", "clock", {"advance_s": DAYS_S})
        timed(world, crm, "sync", "--json")
        here, there = world.dump("abmatic", "contacts"), world.dump("salesforce", "Contact")
        edit(world, "abmatic", "contacts", ((row["id"], {"title": f"Here {k}"}) for k, row in enumerate(here[:edits])))
        edit(
            world,
            "salesforce",
            "Contact",
            ((row["Id"], {"Title": f"There {k}"}) for k, row in enumerate(there[-edits:])),
        )
        done, calls = timed(world, crm, "sync", "--json")
        tell(f"tick, {number:,} linked, {edits} edited on each side", done, calls)
        for system, routes in world.routes().items():
            print(f"    {system}: {routes}")
        single = counted(world, "abmatic", "PUT", "/:id")
        batched = sum(calls.values()) - single
        print(
            f"calls beside Abmatic's single rows {batched}, with them {sum(calls.values())}; the peer's for the same edits {PEER}"
        )
        ratio("calls per edited row of Abmatic", single, edits)
        idle, calls = timed(world, crm, "sync", "--json")
        tell("the next run", idle, calls)
        assert not any(world.writes().values())

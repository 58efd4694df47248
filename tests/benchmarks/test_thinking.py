"""The cost of thinking: crm-sync beside a loop that only reads and writes."""

import pytest
from bench import ratio, rival, rows, tell, timed
from process import vendors
from volume import as_contact, batches, contacts, edit, pages, workspace

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]
PEOPLE = 50_000


def test_fifty_thousand_changed_contacts_beside_the_bare_loop(tmp_path):
    """Reading 50,000 contacts of Salesforce and upserting them all: calls like the loop's, and how much more time it takes."""
    number = rows(PEOPLE)
    with vendors("--no-limits", "--accounts", "0", "--contacts", "0") as world:
        people = contacts(number)
        world.load("abmatic", "contacts", people)
        world.load(
            "salesforce", "Contact", [as_contact(row) | {"CRM_Sync_Id__c": f"c{k}"} for k, row in enumerate(people)]
        )
        crm = workspace(tmp_path, world)
        first, calls = timed(world, crm, "backfill", "--json", "--limit", "1")
        tell(f"backfill, {number:,} linked", first, calls)
        same, calls = timed(world, crm, "sync", "--full", "--json", "--limit", "1")
        tell("sync --full, no change: reads both sides", same, calls)
        start = crm.run("runs", "--json")
        tell("of which start-up (`runs`)", start)
        edit(
            world,
            "abmatic",
            "contacts",
            ((row["id"], {"title": f"New {row['title']}"}) for row in world.dump("abmatic", "contacts")),
        )
        ours, calls = timed(world, crm, "sync", "--full", "--json", "--limit", "1")
        tell("sync --full, every contact changed", ours, calls)
        world.forget_calls()
        theirs = rival("bare_loop.py", world.urls["salesforce"])
        assert theirs.code == 0, theirs.err
        tell("bare loop: query_all_iter, collections of 200", theirs, {"salesforce": world.totals()["salesforce"]})
    ratio("wall, ours to the loop's", ours.seconds, theirs.seconds)
    ratio("CPU, ours to the loop's", ours.cpu_s, theirs.cpu_s)
    print(
        f"CPU per contact: ours {1e6 * (ours.cpu_s - start.cpu_s) / number:.0f} us, the loop's {1e6 * theirs.cpu_s / number:.0f} us"
    )
    assert ours.json()["systems"]["salesforce"]["updated"] == number
    assert (
        calls["salesforce"]
        <= 1.02 * (2 * pages("salesforce", number) + batches(number) + pages("salesforce", number)) + 2
    )

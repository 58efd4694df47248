"""What it costs in calls to bring people into each system, against the fewest that its batches allow."""

import pytest
from bench import rows, tell
from process import Workspace, vendors
from volume import OPEN, as_contact, contacts

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]
PEOPLE = 10_000
BATCH = {"abmatic": 1, "salesforce": 200, "conversion": 100, "activecampaign": 250}
"""People that one request takes, by the vendors' documents (`apis/`)."""


@pytest.mark.parametrize("system", BATCH)
def test_people_into_one_system(tmp_path, system):
    """They stand in one other system; the writes' requests are the fewest, what is read again and polled for stands beside them."""
    number = rows(PEOPLE)
    source = "abmatic" if system == "salesforce" else "salesforce"
    people = contacts(number)
    with vendors("--no-limits", "--accounts", "0", "--contacts", "0") as world:
        if source == "salesforce":
            world.load("salesforce", "Contact", [as_contact(row) for row in people])
        else:
            world.load("abmatic", "contacts", people)
        extra = {"salesforce": "bulk_threshold = 100000000"}
        crm = Workspace(tmp_path / system, world.urls, systems=(source, system), tail=OPEN, extra=extra)
        world.forget_calls()
        done = crm.run("backfill", "--json")
        assert done.code in (0, 3), done.err
        fewest, written = -(-number // BATCH[system]), world.writes().get(system, 0)
        tell(f"{number:,} people into {system}", done, {name: n for name, n in world.totals().items() if n})
        print(f"    writing: {written} requests, {fewest} at the least", flush=True)
        for route, count in sorted(world.routes()[system].items(), key=lambda pair: -pair[1])[:8]:
            print(f"        {count:6d}  {route}", flush=True)
        assert len(world.dump(system, "Contact" if system == "salesforce" else "contacts")) == number
        assert written <= fewest * 1.02 + 1

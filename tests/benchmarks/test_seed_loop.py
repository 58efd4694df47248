"""Against the seed's own loop: list accounts, one update for each."""

import pytest
from bench import ratio, rival, rows, tell
from process import vendors
from volume import as_account, companies, workspace

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]
ACCOUNTS = 10_000
FAR_S = 0.05
"""A round trip to a vendor, at its best."""


def both(tmp_path, number, delay_s):
    """The same accounts for both, in two sandboxes of their own: (ours, its calls, the loop, its calls)."""
    found = []
    for who in ("ours", "loop"):
        with vendors("--no-limits", "--accounts", "0", "--contacts", "0") as world:
            firms = companies(number)
            world.load("abmatic", "accounts", firms)
            world.load("salesforce", "Account", [as_account(row) for row in firms])
            crm = workspace(tmp_path / who, world)
            if delay_s:
                for system in ("abmatic", "salesforce"):
                    world.fault(system, "delay_before", delay_s=delay_s, times=None)
            world.forget_calls()
            done = crm.run("backfill", "--json", "--limit", "1") if who == "ours" else rival("seed_loop.py", world.urls["abmatic"], world.urls["salesforce"])  # fmt: skip
            assert done.code in (0, 3), done.err
            calls = {system: n for system, n in world.totals().items() if n}
            tell(f"{'crm-sync backfill' if who == 'ours' else 'the loop'}, {number:,} accounts, {delay_s * 1000:.0f} ms away", done, calls)  # fmt: skip
            sizes = {row["Website"]: row["NumberOfEmployees"] for row in world.dump("salesforce", "Account")}
            assert sizes == {row["website"]: row["employee_count"] for row in firms}
            found += [done, sum(calls.values())]
    return found


@pytest.mark.parametrize("delay_s", [0, FAR_S], ids=["loopback", "far"])
def test_the_same_accounts_by_the_seeds_loop(tmp_path, delay_s):
    """A first backfill, state and all, needs a twentieth of the loop's calls at most; the times stand beside it."""
    number = rows(ACCOUNTS)
    ours, our_calls, loop, loop_calls = both(tmp_path, number, delay_s)
    ratio("calls, the loop's to ours", loop_calls, our_calls)
    ratio("wall, the loop's to ours", loop.seconds, ours.seconds)
    assert loop_calls >= 20 * our_calls or number < ACCOUNTS

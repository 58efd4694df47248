"""A hundred thousand accounts with their contacts: memory that stays, time that grows with the rows and not faster."""

import math
import os

import pytest
from bench import SCALE, rows, tell, timed
from process import vendors
from volume import companies, contacts, workspace

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(4 * 3600)]
SIZES = [int(word) for word in os.environ.get("BENCH_SIZES", "10000,30000,100000").split(",")]


def test_backfill_and_a_full_run_without_change(tmp_path):
    """Half of the rows accounts, half contacts, all in Abmatic, none in Salesforce; bulk jobs as configured by default."""
    points = {"backfill": [], "full": []}
    for size in map(rows, SIZES):
        with vendors("--no-limits", "--accounts", "0", "--contacts", "0") as world:
            world.load("abmatic", "accounts", companies(size))
            world.load("abmatic", "contacts", contacts(size))
            crm = workspace(tmp_path / str(size), world, bulk=True)
            for word, command in (("backfill", ("backfill",)), ("full", ("sync", "--full"))):
                done, calls = timed(world, crm, *command, "--json", "--limit", "1")
                tell(f"{word}, {size:,} accounts and {size:,} contacts", done, calls)
                points[word].append((size, done.cpu_s))
                assert done.peak_mb < 300 or SCALE > 1
            assert not any(world.writes().values())
    for word, found in points.items():
        if len(found) > 1:
            (n, s), (m, t) = found[0], found[-1]
            print(f"{word}: CPU grows like rows to the power of {math.log(t / s) / math.log(m / n):.2f}")

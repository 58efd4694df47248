"""A month in minutes: the service under edits, webhooks, merges, faults, outages and reloads; nothing of it grows, and all agrees at the end.

`pytest -m slow tests/soak -s` prints the figures of every day. $SOAK_DAYS sets their number (30).
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "system"))

from process import vendors
from service import Place, Service, event, until

DAYS = int(os.environ.get("SOAK_DAYS", "30"))
PEOPLE = 60
SYSTEMS = ("abmatic", "salesforce", "activecampaign")
FAULTS = (
    {"kind": "status", "status": 503, "times": 5},
    {"kind": "status", "status": 429, "times": 3, "headers": {"Retry-After": "1"}},
    {"kind": "drop_before", "times": 3},
    {"kind": "drop_after", "times": 2},
    {"kind": "delay", "delay_s": 1.0, "times": 3},
    {"kind": "malformed", "times": 2},
)


class Driven(Service):
    """The service with a clock that can be moved."""

    def line(self):
        return [
            sys.executable,
            str(Path(__file__).with_name("driven.py")),
            str(self.place.config),
            str(self.place.folder / "day"),
        ]


def figures(service, place):
    """What may grow: memory, descriptors, threads, the state with what lies beside it, the log."""
    pid = service.process.pid
    status = Path(f"/proc/{pid}/status").read_text()
    rss = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return {
        "rss_mb": round(rss / 1024, 1),
        "descriptors": sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
        "threads": sum(1 for _ in Path(f"/proc/{pid}/task").iterdir()),
        "state_kb": sum(f.stat().st_size for f in place.folder.glob("crm-sync.db*") if f.is_file()) // 1024,
        "backups": len(list((place.folder / "backups").glob("*.db"))),
        "log_kb": (place.folder / "service.log").stat().st_size // 1024,
    }


class Month:
    """What people and fate do in a day."""

    def __init__(self, remote, place, seed):
        self.remote, self.place, self.chance = remote, place, random.Random(seed)
        self.good = (place.mappings / "contacts.toml").read_text()
        self.made = 0

    def rows(self):
        return self.remote.dump("salesforce", "Contact")

    def day(self, number, service):
        self.remote.call("POST", "clock", {"advance_s": 86_400})
        (self.place.folder / "day").write_text(str(number))
        self.faults(number)
        self.edits(number)
        self.merge(number)
        self.reload(number, service)
        self.hook(service)
        time.sleep(6)
        self.remote.calm()

    def faults(self, number):
        for system in self.chance.sample(SYSTEMS, 2):
            self.remote.fault(system, path=".*", after=self.chance.randrange(10), **self.chance.choice(FAULTS))
        if number % 5 in (1, 2):  # two days in five one system is dead
            self.remote.fault("activecampaign", "status", path=".*", status=503, times=100_000)

    def edits(self, number):
        for row in self.chance.sample(self.rows(), 8):
            self.remote.set("salesforce", "Contact", row["Id"], {"Title": f"Title {number}"})
        for row in self.chance.sample(self.remote.dump("abmatic", "contacts"), 4):
            self.remote.set("abmatic", "contacts", row["id"], {"title": f"Titel {number}"})

    def merge(self, number):
        """Somebody is made twice, and the two are merged."""
        self.made += 1
        values = {"Email": f"twin{self.made}@acme.example.com", "LastName": f"Twin {number}", "Title": "Twin"}
        loser = self.remote.create("salesforce", "Contact", values)
        winner = self.chance.choice([row["Id"] for row in self.rows() if row["Id"] != loser])
        time.sleep(1.5)
        self.remote.call(
            "POST", "edit", {"system": "salesforce", "object": "Contact", "id": loser, "merge_into": winner}
        )

    def reload(self, number, service):
        """A bad mapping every third day, put right at once; a harmless change on the others."""
        file = self.place.mappings / "contacts.toml"
        file.write_text("[[" if number % 3 == 0 else f"# day {number}\n{self.good}")
        service.reload()
        time.sleep(1)
        file.write_text(f"# day {number}, in order\n{self.good}")

    def hook(self, service):
        rows = self.remote.dump("abmatic", "contacts")
        for _ in range(5):
            service.deliver(event(contact_id=self.chance.choice(rows)["id"]))


@pytest.mark.slow
@pytest.mark.law("row 88")
@pytest.mark.timeout(3600)
def test_a_month_leaves_nothing_behind(tmp_path):
    """Over thirty days memory, descriptors, threads, state and log stay flat, and afterwards every difference is explained."""
    with vendors("--accounts", "0", "--contacts", "0", "--no-limits") as remote:
        remote.load(
            "salesforce",
            "Contact",
            [{"Email": f"p{n}@acme.example.com", "LastName": f"P{n}", "Title": "T"} for n in range(PEOPLE)],
        )
        more = '[state]\nbackups = "backups"\nbackups_kept = 3\nhistory_days = 3\n'
        place = Place(tmp_path, remote.urls, systems=SYSTEMS, more=more, level="info")
        (tmp_path / "day").write_text("0")
        month, days = Month(remote, place, seed=7), []
        with Driven(place) as service:
            until(lambda: len(remote.dump("abmatic", "contacts")) == PEOPLE, limit_s=180, what="the first load")
            for number in range(1, DAYS + 1):
                month.day(number, service)
                days.append(figures(service, place))
                print(number, json.dumps(days[-1]), flush=True)
            until(
                lambda: all(lane["failures"] == 0 for lane in service.facts()["lanes"].values()),
                limit_s=180,
                what="all lanes well",
            )
            service.idle()
            assert service.facts()["reload_error"] is None
            assert not service.events("bug")
            code, out, _ = place.command("verify", "--json")
            assert service.stop() == 0
    verdict = json.loads(out)
    print(code, {name: len(rows) if isinstance(rows, list) else rows for name, rows in verdict.items()})
    assert verdict["unexplained"] == []
    middle, last = days[len(days) // 3 : 2 * len(days) // 3], days[2 * len(days) // 3 :]

    def grew(name):
        return median(d[name] for d in last) / max(1, median(d[name] for d in middle))

    logs = [after["log_kb"] - before["log_kb"] for before, after in pairwise(days)]
    half = len(logs) // 2
    print({name: round(grew(name), 3) for name in days[0]}, "log kB a day:", median(logs[:half]), median(logs[half:]))
    assert grew("rss_mb") < 1.1
    assert grew("descriptors") < 1.1
    assert grew("threads") < 1.2
    assert grew("state_kb") < 1.15
    assert days[-1]["backups"] <= 3
    assert median(logs[half:]) < 1.5 * max(1, median(logs[:half]))

"""Edits in every system at a steady pace, and how long until every other system holds them."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import bench  # noqa: F401 - it knows the folder of the processes
from process import ADDRESSES, ROOT, Vendors
from service import PATH_SECRET, WEBHOOK_SECRET, Service, free_port

SYSTEMS = ("abmatic", "salesforce", "conversion", "activecampaign")
OBJECTS = {"abmatic": "contacts", "salesforce": "Contact", "conversion": "contacts", "activecampaign": "contacts"}
NAMES = {
    "abmatic": "last_name",
    "salesforce": "LastName",
    "conversion": "variables.last_name",
    "activecampaign": "lastName",
}
"""The field that is edited: one that every system has, and that needs no schema of its own."""
SECRETS = {
    "abmatic": 'webhook_secret = "env:WEBHOOK_SECRET"',
    "activecampaign": 'webhook_secret = "env:PATH_SECRET"',
}
LOOK_S = 1.0
"""Between two looks at the vendors; what is measured is late by at most this and the look itself."""


class Site:
    """A folder with the shipped mappings and a configuration that leaves every limit as it is documented."""

    def __init__(self, folder: Path, urls: Mapping[str, str], *, poll: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.config = folder / "config.toml"
        tables = ['workspace = "test"', f"mappings = {json.dumps(str(ROOT / 'mappings'))}"]
        for system in SYSTEMS:
            address, secrets = ADDRESSES[system]
            tables += [f"[systems.{system}]", f"{address} = {json.dumps(urls[system])}"]
            tables += [f'{secret} = "env:CRM_SYNC_TEST_KEY"' for secret in secrets] + [SECRETS.get(system, "")]
        tables += [
            f'[schedule]\npoll = "{poll}"',
            f'[server]\nlisten = "127.0.0.1:{self.port}"',
            '[logging]\nformat = "json"\nlevel = "debug"',
        ]
        self.config.write_text("\n".join([*tables, ""]), encoding="utf-8")


@dataclass
class Edit:
    """A value that somebody wrote in one system, and after how many seconds each other system held it."""

    source: str
    person: int
    value: str
    at: float
    held_s: dict[str, float] = field(default_factory=dict)

    @property
    def others(self) -> set[str]:
        """Where it must arrive."""
        return set(SYSTEMS) - {self.source}

    @property
    def took_s(self) -> float:
        """Until the last system held it; infinite while one does not."""
        return max(self.held_s.values()) if set(self.held_s) == self.others else math.inf


class World:
    """The vendors with people who are linked in all of them."""

    def __init__(self, vendors: Vendors) -> None:
        self.vendors = vendors
        self.ids: list[dict[str, str]] = []

    def rows(self, system: str, ids: Iterable[str] = ()) -> list[dict[str, Any]]:
        """The people of one system: those with these ids, else all."""
        name = OBJECTS[system]
        asked = urlencode([("system", system), ("object", name), *(("id", each) for each in ids)])
        found = self.vendors.call("GET", f"dump?{asked}")[name]
        return [row for row in found if not row["_deleted"]]

    def meet(self, people: int) -> int:
        """Notes the ids of everybody whom all systems have; how many they are."""
        by_email: dict[str, dict[str, str]] = {}
        for system in SYSTEMS:
            for row in self.rows(system):
                by_email.setdefault(row.get("email") or row.get("Email"), {})[system] = row.get("id") or row.get("Id")
        self.ids = [by_email[email(k)] for k in range(people) if len(by_email.get(email(k), {})) == len(SYSTEMS)]
        return len(self.ids)

    def edit(self, source: str, person: int, value: str) -> Edit:
        """Somebody writes a value."""
        self.vendors.set(source, OBJECTS[source], self.ids[person][source], {NAMES[source]: value})
        return Edit(source, person, value, time.monotonic())

    def look(self, waiting: Sequence[Edit]) -> None:
        """Notes which systems hold which edits by now; a system where nothing is to arrive is not looked at."""
        for system in SYSTEMS:
            wanted = [each for each in waiting if system in each.others - set(each.held_s)]
            if not wanted:
                continue
            ids = {self.ids[each.person][system] for each in wanted}
            held = {row.get("id") or row.get("Id"): _name(system, row) for row in self.rows(system, ids)}
            now = time.monotonic()
            for each in wanted:
                if held.get(self.ids[each.person][system]) == each.value:
                    each.held_s[system] = now - each.at

    def tell(self, edit: Edit, service: Service) -> None:
        """The vendor's own event about an edit, where it has any."""
        row_id = self.ids[edit.person][edit.source]
        if edit.source == "abmatic":
            told = {"url": f"{service.base}/webhooks/abmatic", "event": "contact.updated", "secret": WEBHOOK_SECRET}
            self.vendors.call("POST", "webhooks", {**told, "data": {"contact_id": row_id}})
        elif edit.source == "activecampaign":
            form = {"type": "update", "date_time": datetime.now(UTC).isoformat(), "contact[id]": row_id}
            assert service.post(f"/webhooks/activecampaign/{PATH_SECRET}", urlencode(form).encode()) == 200


def email(person: int) -> str:
    """Of somebody linked."""
    return f"live{person}@live{person % 7}.example"


def person(number: int, address: str) -> dict[str, Any]:
    """As Abmatic has them."""
    return {"email": address, "first_name": "Ada", "last_name": f"Name {number}"}


def _name(system: str, row: Mapping[str, Any]) -> Any:
    return row["variables"].get("last_name") if system == "conversion" else row[NAMES[system]]


def steady(
    world: World,
    service: Service,
    sources: Sequence[str],
    number: int,
    *,
    pace_s: float,
    patience_s: float,
    hooks: bool = False,
    mark: str = "edit",
    expects: Callable[[Edit], bool] = lambda _: True,
) -> list[Edit]:
    """Makes so many edits, one every `pace_s`, the sources in turn; then waits for those that `expects` says will arrive."""
    edits: list[Edit] = []
    began = time.monotonic()
    while True:
        now = time.monotonic()
        if len(edits) < number and now >= began + len(edits) * pace_s:
            source = sources[len(edits) % len(sources)]
            made = world.edit(source, len(edits) % len(world.ids), f"{mark} {len(edits)}")
            edits.append(made)
            if hooks:
                world.tell(made, service)
        world.look(edits)
        open_ = [each for each in edits if expects(each) and math.isinf(each.took_s)]
        if len(edits) == number and (not open_ or time.monotonic() > edits[-1].at + patience_s):
            return edits
        time.sleep(LOOK_S)


def share(values: Iterable[float], part: float) -> float:
    """The value below or at which so large a part (0..1) lies, the nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else math.nan


def table(what: str, edits: Sequence[Edit]) -> None:
    """Seconds until the last system held an edit, by source; and by target, over all sources."""
    print(f"\n{what}\n{'':<30}{'edits':>6}{'arrived':>9}{'p50':>8}{'p95':>8}{'max':>8}")
    for source in SYSTEMS:
        mine = [each for each in edits if each.source == source]
        if mine:
            _line(f"{source} to all others", len(mine), [each.took_s for each in mine])
    for target in SYSTEMS:
        due = [each for each in edits if target in each.others and each.held_s]
        if due:
            _line(f"  arrival in {target}", len(due), [each.held_s.get(target, math.inf) for each in due])


def _line(what: str, number: int, took_s: Sequence[float]) -> None:
    there = [each for each in took_s if math.isfinite(each)]
    figures = "".join(f"{each:8.1f}" for each in (share(there, 0.5), share(there, 0.95), max(there, default=math.nan)))
    print(f"{what:<30}{number:>6}{len(there):>9}{figures}", flush=True)

"""Volume: many rows in the sandbox, many edits, a workspace whose limits let them pass, and what calls they need at least."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from process import Vendors, Workspace

PAGES = {"abmatic": 100, "salesforce": 2000}
BATCH = 200
OPEN = "[safety]\n" + "".join(
    f'max_{what} = [100000000, "100%"]\n' for what in ("creates", "updates", "clears", "deletes", "opt_outs")
)
ROW_BY_ROW = "bulk_threshold = 100000000"
"""Keeps Salesforce on collections of 200, as the loops that it is compared with."""


def contacts(number: int) -> list[dict[str, Any]]:
    """People as Abmatic has them."""
    return [
        {
            "email": f"p{k}@c{k % 1000}.example",
            "first_name": f"First {k}",
            "last_name": f"Last {k}",
            "title": f"Title {k % 50}",
            "phone": f"+1202{k:07d}",
        }
        for k in range(number)
    ]


def companies(number: int) -> list[dict[str, Any]]:
    """Companies as Abmatic has them."""
    return [
        {"name": f"Company {k}", "website": f"https://www.c{k}.example", "industry": "software", "employee_count": 10 + k % 5000}
        for k in range(number)
    ]  # fmt: skip


def as_contact(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same person as Salesforce has it."""
    names = {"email": "Email", "first_name": "FirstName", "last_name": "LastName", "title": "Title", "phone": "Phone"}
    return {names[key]: value for key, value in row.items()}


def as_account(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same company as Salesforce has it; its industry in Salesforce's words."""
    return {"Name": row["name"], "Website": row["website"], "Industry": "Technology"}


def workspace(folder: Path, world: Vendors, *, bulk: bool = False) -> Workspace:
    """A workspace with the shipped mappings and limits that do not matter."""
    return Workspace(folder, world.urls, tail=OPEN, extra={} if bulk else {"salesforce": ROW_BY_ROW})


def edit(world: Vendors, system: str, name: str, edits: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
    """Many people's edits, (id, values), over one connection; how many."""
    place = urlsplit(world.urls["control"])
    line = http.client.HTTPConnection(place.hostname or "", place.port)
    done = 0
    for row_id, values in edits:
        body = json.dumps({"system": system, "object": name, "id": row_id, "set": dict(values)})
        line.request("POST", "/_control/edit", body, {"Content-Type": "application/json"})
        answer = line.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
        done += 1
    line.close()
    return done


def pages(system: str, rows: int) -> int:
    """The fewest calls that read so many rows; one, to learn that there are none."""
    return max(1, -(-rows // PAGES[system]))


def batches(rows: int) -> int:
    """The fewest calls that write so many rows to Salesforce."""
    return -(-rows // BATCH)


def counted(world: Vendors, system: str, *parts: str) -> int:
    """Calls of a system whose route holds one of these parts."""
    return sum(n for route, n in world.routes().get(system, {}).items() if any(part in route for part in parts))

"""The quarantine: records set aside, by what is wrong with them; tried again or given up, one by one or many at once."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final

from sync.errors import UsageError
from sync.runner import api
from sync.runner.context import Silence
from sync.web.asking import Ask, Elsewhere, Page
from sync.web.pages.conflicts import outcome

SHOWN: Final = 200


def show(ask: Ask) -> Page:
    """What is set aside."""
    rows = api.quarantine(ask.desk.config, ask.desk.mappings)
    return Page(
        "quarantine.html",
        {
            "groups": _groups(rows[:SHOWN]),
            "total": len(rows),
            "hidden": max(0, len(rows) - SHOWN),
            "done": outcome(ask),
            "dropped": ask.number("dropped", 0, 10_000),
        },
    )


def _groups(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that the same remedy helps, together."""
    found = []
    for (system, error, remedy), alike in groupby(sorted(rows, key=_cause), key=_cause):
        found.append({"system": system, "error": error, "remedy": remedy, "rows": list(alike)})
    return sorted(found, key=lambda group: -len(group["rows"]))


def _cause(row: dict[str, Any]) -> tuple[str, str, str]:
    return str(row["system"]), str(row["error"]), str(row["remedy"] or "")


def decide(ask: Ask) -> Elsewhere:
    """Tries again, or drops, what is ticked."""
    ids = ask.form.all("shown") if ask.form.one("all") else ask.form.all("id")
    if not ids:
        raise UsageError("nothing is ticked", remedy="Tick records, or `all of them`.")
    return _drop(ask, ids) if ask.form.one("do") == "drop" else _retry(ask, ids)


def _retry(ask: Ask, ids: list[str]) -> Elsewhere:
    config, mappings = ask.desk.config, ask.desk.mappings
    done = ask.desk.perform(lambda: api.retry(config, mappings, ids, progress=Silence()))
    return Elsewhere(f"/quarantine?done={done.run}")


def _drop(ask: Ask, ids: list[str]) -> Elsewhere:
    config, mappings = ask.desk.config, ask.desk.mappings
    dropped = ask.desk.perform(lambda: api.drop_all(config, mappings, ids))
    return Elsewhere(f"/quarantine?dropped={len(dropped)}")

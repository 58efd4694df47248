"""Conflicts: values that a person must choose between, one by one or many at once."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from sync.errors import UsageError
from sync.runner import api
from sync.runner.context import Silence
from sync.web.asking import Ask, Elsewhere, Page

SHOWN: Final = 100


def show(ask: Ask) -> Page:
    """Open conflicts, all or of one field."""
    rows = api.conflicts(ask.desk.config, ask.desk.mappings)
    kinds = Counter((row["entity"], row["field"]) for row in rows)
    entity, field = ask.query.get("entity", ""), ask.query.get("field", "")
    chosen = [row for row in rows if entity in ("", row["entity"]) and field in ("", row["field"])]
    shown = chosen[:SHOWN]
    return Page(
        "conflicts.html",
        {
            "rows": shown,
            "total": len(rows),
            "hidden": len(chosen) - len(shown),
            "kinds": sorted(kinds.items()),
            "chosen": (entity, field),
            "systems": _systems(ask, shown),
            "done": outcome(ask),
        },
    )


def _systems(ask: Ask, rows: list[dict[str, Any]]) -> list[str]:
    named = {system for row in rows for system in row["values"]}
    return [system for system in ask.desk.config.systems if system in named]


def outcome(ask: Ask) -> dict[str, Any] | None:
    """The run that a choice on this page led to."""
    run = ask.query.get("done", "")
    if not run:
        return None
    try:
        return api.run(ask.desk.config, run)
    except UsageError:
        return None


def resolve(ask: Ask) -> Elsewhere:
    """Takes the side of one button, or of the list for every conflict that is ticked; every system gets it at once."""
    config, mappings = ask.desk.config, ask.desk.mappings
    choices = _choices(ask)
    done = ask.desk.perform(lambda: api.resolve_all(config, mappings, choices, progress=Silence()))
    return Elsewhere(f"/conflicts?done={done.run}")


def _choices(ask: Ask) -> dict[str, str]:
    conflict, _, system = ask.form.one("choose").partition(" ")
    if conflict and system:
        return {conflict: system}
    ids = ask.form.all("shown") if ask.form.one("all") else ask.form.all("id")
    take = ask.form.one("take")
    if not ids or not take:
        raise UsageError("nothing is chosen", remedy="Tick conflicts and say whose value to take.")
    able = {row["id"] for row in api.conflicts(ask.desk.config, ask.desk.mappings) if take in row["values"]}
    choices = {each: take for each in ids if each in able}
    if not choices:
        raise UsageError(f"none of these has a value from {take}", remedy="Choose another system.")
    return choices

"""Finding a record, and its whole life: every field with its value in every system, where it came from, and what it was before.

What somebody looks for is sent as a form, so that no address ends up in a URL, a history or a proxy's log.
"""

from __future__ import annotations

from typing import Any

from sync.runner import api
from sync.runner.finding import FOUND_MAX, find
from sync.web.asking import Ask, Page


def ask(ask: Ask) -> Page:
    """The question."""
    text = ask.query.get("q", "")
    return _found(ask, text) if text.strip() else Page("records.html", {"text": "", "found": None, "most": FOUND_MAX})


def find_them(ask: Ask) -> Page:
    """The answer."""
    return _found(ask, ask.form.one("q"))


def _found(ask: Ask, text: str) -> Page:
    found = find(ask.desk.config, ask.desk.mappings, text)
    return Page("records.html", {"text": text, "found": found, "most": FOUND_MAX})


def show(ask: Ask) -> Page:
    """One record, explained."""
    entity = ask.path["entity"]
    record = api.explain(ask.desk.config, ask.desk.mappings, entity, ask.path["record"])
    mapped = ask.desk.mappings.entities[entity]
    order = {name: place for place, name in enumerate(mapped.fields)}
    fields = sorted(record["fields"].items(), key=lambda item: order.get(item[0], len(order)))
    return Page("record.html", {"record": record, "fields": fields, "name": _name(record), "life": _life(record)})


def _name(record: dict[str, Any]) -> str:
    values = {name: field["value"] for name, field in record["fields"].items()}
    words = [values.get("name"), values.get("first_name"), values.get("last_name")]
    return " ".join(str(word) for word in words if word) or str(record["key"])


def _life(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Every turn of every field, newest first."""
    turns = [{"field": name, **turn} for name, field in record["fields"].items() for turn in field["history"]]
    return sorted(turns, key=lambda turn: str(turn["at"]), reverse=True)

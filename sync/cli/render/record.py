"""One record explained: each field's value, where it came from, when, by which rule; who agrees, what lost, what it was before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from sync.cli.render.paper import Paper, ago, heading, styled, text, value

Row = Mapping[str, Any]


def draw_record(paper: Paper, record: Row) -> None:
    """The whole record; fields in the order of the mapping."""
    paper.line(heading(dict(record) | {"ids": {}}))
    paper.line(styled(f"record {record['record']}", "quiet"))
    paper.table(
        ["", ""],
        ([styled(system, "quiet"), text(remote)] for system, remote in record.get("ids", {}).items()),
        indent=2,
    )
    for name, field in record["fields"].items():
        paper.gap()
        _draw_field(paper, name, field)


def _draw_field(paper: Paper, name: str, field: Row) -> None:
    paper.line(
        styled(name, "name"), "  ", value(field.get("value")), styled(f"  {_provenance(field)}", "quiet"), indent=2
    )
    for note in field.get("notes", ()):
        paper.line(styled("! ", "warn"), text(note), indent=4)
    cells = field.get("systems") or {}
    if cells:
        paper.table(["", "", ""], (_cell(system, cell) for system, cell in cells.items()), indent=4)
    for row in field.get("lost", ()):
        paper.line(
            styled("lost  ", "warn"),
            value(row.get("value")),
            styled(f"  {row['system']}, beaten by {row['rule']}", "quiet"),
            indent=4,
        )
    for past in (field.get("history") or ())[:5]:
        paper.line(
            styled("was   ", "quiet"),
            value(past.get("value", past.get("before"))),
            styled(f"  {_past(past)}", "quiet"),
            indent=4,
        )


def _provenance(field: Row) -> str:
    parts = [
        f"from {field['from']}" if field.get("from") else "",
        f"by {field['rule']}" if field.get("rule") else "",
        ago(field["changed_at"]) if field.get("changed_at") else "",
    ]
    return " · ".join(part for part in parts if part)


def _cell(system: str, cell: Row) -> list[Text]:
    return [styled(f"{system}.{cell.get('native', '')}", "quiet"), value(cell.get("seen")), _verdict(cell)]


def _verdict(cell: Row) -> Text:
    if cell.get("agrees") is None:
        word, style = "not read", "quiet"
    else:
        word, style = ("agrees", "good") if cell["agrees"] else ("differs", "bad")
    return styled(f"{word}: {cell['why']}", "warn") if cell.get("why") else styled(word, style)


def _past(past: Row) -> str:
    when = past.get("until") or past.get("at") or past.get("changed_at")
    parts = [
        f"until {ago(when)}" if when else "",
        f"run {past['run']}" if past.get("run") else "",
        str(past.get("rule") or ""),
    ]
    return " · ".join(part for part in parts if part)

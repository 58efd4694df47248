"""One record explained: each field's value, where it came from, when, by which rule; who agrees, what lost, what it was before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.text import Text

from sync.cli.render.paper import Paper, ago, heading, styled, text, value, when

Row = Mapping[str, Any]
_TOLD_MAX: Final = 5


def draw_record(paper: Paper, record: Row) -> None:
    """The whole record; fields in the order of the mapping."""
    paper.line(heading(dict(record) | {"ids": {}}))
    paper.line(styled(f"record {record['record']}", "quiet"))
    links = record.get("links") or [
        {"system": system, "id": remote} for system, remote in record.get("ids", {}).items()
    ]
    paper.table([""] * 4, (_link(link) for link in links), indent=2)
    _draw_open(paper, record)
    for told in (record.get("engagements") or ())[:_TOLD_MAX]:
        _draw_told(paper, told)
    for name, field in record["fields"].items():
        paper.gap()
        _draw_field(paper, name, field)


def _draw_told(paper: Paper, told: Row) -> None:
    """What an event about the record caused elsewhere."""
    at = f" · {when(told['at'])}" if told.get("at") else ""
    paper.line(
        text(f"told {told['system']}, {told['object']} "),
        styled(f"{told.get('id') or ''} {told['status'].replace('_', ' ')}{at} · {told['reason']}".strip(), "quiet"),
        indent=2,
    )


def _link(link: Row) -> list[Text]:
    state = "" if link.get("state") in (None, "linked") else str(link["state"]).replace("_", " ")
    seen = f"seen {ago(link['seen_at'])}" if link.get("seen_at") else ""
    return [styled(str(link["system"]), "quiet"), text(link["id"]), styled(state, "warn"), styled(seen, "quiet")]


def _draw_open(paper: Paper, record: Row) -> None:
    for key, command in (("conflicts", "crm-sync conflicts"), ("quarantined", "crm-sync quarantine")):
        if record.get(key):
            paper.line(
                styled("! ", "warn"),
                text(f"{key}: {', '.join(map(str, record[key]))}"),
                styled(f"  {command}", "quiet"),
                indent=2,
            )


def _draw_field(paper: Paper, name: str, field: Row) -> None:
    paper.line(
        styled(name, "name"), "  ", value(field.get("value")), styled(f"  {_provenance(field)}", "quiet"), indent=2
    )
    if field.get("held"):
        paper.line(
            styled("! a person must choose: ", "warn"),
            text(f"crm-sync conflicts resolve {field['held']} --take SYSTEM"),
            indent=4,
        )
    cells = field.get("systems") or {}
    if cells:
        paper.table([""] * 3, (_cell(system, cell) for system, cell in cells.items()), indent=4)
    for turn in (field.get("history") or ())[:5]:
        _draw_turn(paper, turn)


def _provenance(field: Row) -> str:
    parts = [
        f"from {field['from']}" if field.get("from") else "",
        f"by {field['rule']}" if field.get("rule") else "",
        when(field["changed_at"]) if field.get("changed_at") else "",
    ]
    return " · ".join(part for part in parts if part)


def _cell(system: str, cell: Row) -> list[Text]:
    return [styled(system, "quiet"), value(cell.get("native")), _verdict(cell)]


def _verdict(cell: Row) -> Text:
    if cell.get("agrees") is None:
        word, style = "not read", "quiet"
    else:
        word, style = ("agrees", "good") if cell["agrees"] else ("differs", "bad")
    why = cell.get("why") or {"read": "only read", "write": "only written", "fill": "fills blanks only"}.get(
        cell.get("mode") or ""
    )
    return styled(f"{word}: {why}", "warn") if why and word == "differs" else styled(word, style)


def _draw_turn(paper: Paper, turn: Row) -> None:
    why = " · ".join(
        part
        for part in (
            when(turn["at"]) if turn.get("at") else "",
            f"{turn.get('rule') or ''}{' from ' + turn['from'] if turn.get('from') else ''}",
            f"run {turn['run']}" if turn.get("run") else "",
        )
        if part
    )
    paper.line(
        styled("was ", "quiet"),
        value(turn.get("before")),
        f" {paper.arrow} ",
        value(turn.get("after")),
        styled(f"  {why}", "quiet"),
        indent=4,
    )
    for row in turn.get("lost", ()):
        paper.line(
            styled("lost ", "warn"),
            value(row.get("value")),
            styled(f"  {row['system']}, beaten by {row['rule']}", "quiet"),
            indent=6,
        )

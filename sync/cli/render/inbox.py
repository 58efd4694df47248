"""What waits for a person: conflicts and quarantine, each with the command that settles it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from sync.cli.render.paper import Paper, ago, counted, heading, styled, text, value

Row = Mapping[str, Any]


def draw_conflicts(paper: Paper, conflicts: Sequence[Row], shown: int = 50) -> None:
    """Each open conflict: the record, the field, every system's value, and how to choose."""
    if not conflicts:
        paper.line(styled("No conflicts: nothing waits for a choice.", "good"))
        return
    paper.title(counted(len(conflicts), "conflict"), "values that a person must choose between")
    for row in conflicts[:shown]:
        paper.gap()
        paper.line(heading(dict(row)), "  ", styled(str(row["field"]), "name"), indent=2)
        paper.table(
            ["", ""], ([styled(system, "quiet"), value(held)] for system, held in row["values"].items()), indent=4
        )
        if row.get("reason"):
            paper.line(styled(str(row["reason"]), "quiet"), indent=4)
        paper.line(f"crm-sync conflicts resolve {text(row['id'])} --take {'|'.join(map(str, row['values']))}", indent=4)
    _more(paper, len(conflicts) - shown, "crm-sync conflicts")


def draw_quarantine(paper: Paper, rows: Sequence[Row], shown: int = 50) -> None:
    """Records set aside, by what is wrong with them: the remedy once, then the records."""
    if not rows:
        paper.line(styled("The quarantine is empty.", "good"))
        return
    paper.title(f"{counted(len(rows), 'record')} in quarantine", "set aside; everything else goes on")
    ordered = sorted(rows[:shown], key=_cause)
    for (system, error, remedy), alike in groupby(ordered, key=_cause):
        group = list(alike)
        paper.gap()
        paper.line(styled(error, "bad"), text(f"  {system}  {counted(len(group), 'record')}"), indent=2)
        if remedy:
            paper.line(styled("do: ", "warn"), text(remedy), indent=4)
        paper.table(["", "", "", ""], (_quarantined(row) for row in group), indent=4)
    paper.gap()
    paper.line(
        styled(
            "Put right, then: crm-sync quarantine retry [ID…]   Give up on one: crm-sync quarantine drop ID", "quiet"
        ),
        indent=2,
    )
    _more(paper, len(rows) - shown, "crm-sync quarantine")


def _cause(row: Row) -> tuple[str, str, str]:
    return str(row["system"]), str(row["error"]), str(row.get("remedy") or "")


def _quarantined(row: Row) -> list[Any]:
    again = f"tried {counted(int(row['attempts']), 'time')}" if row.get("attempts") else ""
    if row.get("next_try_at"):
        again += f", again {ago(row['next_try_at'])}"
    return [heading(dict(row)), text(row.get("message")), styled(again, "quiet"), styled(str(row["id"]), "quiet")]


def _more(paper: Paper, hidden: int, command: str) -> None:
    if hidden > 0:
        paper.line(styled(f"… and {hidden:,} more: {command} --json", "quiet"), indent=2)

"""What waits for a person: conflicts and quarantine, each with the command that settles it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from sync.cli.render.paper import Paper, ago, counted, heading, styled, text, value

Row = Mapping[str, Any]

_WHY: Final = {"manual": "both sides changed it, and the mapping leaves the choice to a person"}


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
            paper.line(styled(_WHY.get(row["reason"], str(row["reason"])), "quiet"), indent=4)
        for system in row["values"]:
            paper.command(f"crm-sync conflicts resolve {row['id']} --take {system}", indent=4)
    _more(paper, len(conflicts) - shown, "crm-sync conflicts")
    if len(conflicts) > 1:
        paper.line(styled("Many at once: the page Conflicts of the dashboard (`crm-sync run`).", "quiet"), indent=2)


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
        for row in group:
            _draw_quarantined(paper, row)
    paper.gap()
    paper.line(styled("Put right, then try again (without an ID: all of them), or give up on one:", "quiet"), indent=2)
    paper.command("crm-sync quarantine retry ID", indent=4)
    paper.command("crm-sync quarantine drop ID", indent=4)
    _more(paper, len(rows) - shown, "crm-sync quarantine")


def _cause(row: Row) -> tuple[str, str, str]:
    return str(row["system"]), str(row["error"]), str(row.get("remedy") or "")


def _draw_quarantined(paper: Paper, row: Row) -> None:
    again = f"tried {counted(int(row['attempts']), 'time')}" if row.get("attempts") else ""
    if row.get("next_try_at"):
        again += f", again {ago(row['next_try_at'])}"
    paper.line(styled(f"{row['id']}  ", "name"), heading(dict(row)), indent=4)
    held = [text(": "), value(row["held"])] if "held" in row else []
    paper.line(text(row.get("message")), *held, styled(f"  {again}" if again else "", "quiet"), indent=6)


def _more(paper: Paper, hidden: int, command: str) -> None:
    if hidden > 0:
        paper.line(styled(f"… and {hidden:,} more: {command} --json", "quiet"), indent=2)

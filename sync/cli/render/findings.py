"""Findings: what `check` saw in each system, what `verify` found different, why a person may be mailed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from sync.cli.render.paper import Paper, counted, dated, heading, styled, text, value
from sync.cli.render.run import failed

Row = Mapping[str, Any]


def draw_check(paper: Paper, check: Row) -> None:
    """Findings by system; what must be put right last, so that it stands above the prompt."""
    findings = list(check["findings"])
    for system, rows in groupby(
        sorted(findings, key=lambda row: str(row.get("system") or "")), key=lambda row: row.get("system")
    ):
        paper.title(system or "workspace")
        for row in rows:
            _draw_finding(paper, row)
        paper.gap()
    _draw_notes(paper, check.get("notes") or ())
    bad = sum(not row["well"] for row in findings)
    if bad:
        paper.line(styled(f"{counted(bad, 'finding needs', 'findings need')} you. Nothing was written.", "bad"))
    else:
        paper.line(styled("All is ready. Nothing was written.", "good"), " Next: crm-sync plan")


def _draw_notes(paper: Paper, notes: Sequence[Row]) -> None:
    """What refuses nothing and is worth a look in the mapping files."""
    if notes:
        paper.title("worth a look")
        for note in notes:
            place = f"{note['file']}:{note['line']}" if note.get("line") else str(note["file"])
            paper.line(text(place), styled(f"  {note['message']}", "quiet"), indent=2)
            if note.get("remedy"):
                paper.line(text(note["remedy"]), indent=7)
        paper.gap()


def _draw_finding(paper: Paper, row: Row) -> None:
    mark = styled("ok   ", "good") if row["well"] else styled("fix  ", "bad")
    count = f"  {counted(row['count'], 'record')} would fail" if row.get("count") else ""
    example = f", for example {row['example']}" if row.get("example") else ""
    paper.line(
        mark,
        text(row["what"]),
        styled(f"  {row.get('detail') or ''}", "quiet"),
        styled(count + example, "warn"),
        indent=2,
    )
    if row.get("remedy") and not row["well"]:
        paper.line(text(row["remedy"]), indent=7)


def draw_verify(paper: Paper, verify: Row) -> None:
    """Unexplained differences in full, explained ones as counts."""
    paper.line(text(f"{int(verify['agreed']):,} cells agree."))
    explained: dict[str, int] = {}
    for row in verify["explained"]:
        explained[str(row["why"])] = explained.get(str(row["why"]), 0) + 1
    for why, number in sorted(explained.items(), key=lambda item: -item[1]):
        paper.line(styled(f"{counted(number, 'difference')} explained: {why}", "quiet"), indent=2)
    for failure in verify.get("failures", ()):
        paper.line(*failed(failure), indent=2)
        if failure.get("remedy"):
            paper.line(text(failure["remedy"]), indent=6)
    paper.gap()
    if verify["unexplained"]:
        _draw_differences(paper, verify["unexplained"])
    elif not verify.get("failures"):
        paper.line(styled("No unexplained difference.", "good"))
    if verify.get("failures"):
        names = ", ".join(failure["system"] for failure in verify["failures"])
        paper.line(styled(f"Not everything was read: of {names} the last known values were compared.", "bad"))
        paper.line("This says nothing of what they hold now. When they answer: crm-sync verify")


def _draw_differences(paper: Paper, rows: Sequence[Row], shown: int = 50) -> None:
    paper.line(styled(counted(len(rows), "unexplained difference"), "bad"))
    for row in rows[:shown]:
        paper.gap()
        paper.line(heading(dict(row)), "  ", styled(str(row["field"]), "name"), indent=2)
        paper.table(
            ["", ""], ([styled(system, "quiet"), value(held)] for system, held in row["values"].items()), indent=4
        )
    paper.gap()
    paper.line("Next: crm-sync sync --full   One of them: crm-sync explain ENTITY KEY")


def draw_consent(paper: Paper, consent: Row) -> None:
    """The answer first: may this person be mailed, and why."""
    verdict = styled("May be mailed", "good") if consent["mailable"] else styled("May not be mailed", "bad")
    paper.line(verdict, text(f": {consent['why']}"))
    if consent.get("systems"):
        seen = consent.get("seen_at") or {}
        rows = ([name, value(state), dated(seen.get(name))] for name, state in consent["systems"].items())
        paper.table(["system", "says", "last seen"], rows)
    if consent.get("ledger"):
        paper.gap()
        paper.title("On record")
        acts = (
            [text(dated(row.get("at"))), text(row.get("state")), text(row.get("source")), value(row.get("evidence"))]
            for row in consent["ledger"]
        )
        paper.table(["when", "state", "source", "evidence"], acts)
    if consent.get("told"):
        paper.gap()
        paper.title("What we told whom")
        paper.table(["when", "system", "id", "told", "outcome", "run"], map(_told, consent["told"]))


def _told(row: Row) -> list[Any]:
    outcome = {"settled": "taken over"}.get(row["status"], str(row["status"]).replace("_", " "))
    names = (dated(row["at"]), row["system"], f"{row['object']} {row.get('id') or ''}".strip())
    return [*map(text, names), value(row["state"]), text(outcome), styled(str(row["run"]), "quiet")]

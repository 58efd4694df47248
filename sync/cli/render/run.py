"""A run: its counts, its changes record by record, what it asks of a person; the list of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from rich.text import Text

from sync.cli.render.inbox import draw_conflicts, draw_quarantine
from sync.cli.render.paper import Paper, ago, counted, heading, seconds, styled, text, value, when
from sync.model.report import OPERATIONS_SHOWN, place_of

Row = Mapping[str, Any]

_SAID: Final = {
    "ok": ("Done, everything agrees.", "good"),
    "attention": ("Done, but something needs you.", "warn"),
    "stopped": ("Stopped by a safety limit before the first write.", "bad"),
    "failed": ("Not every system could be served.", "bad"),
}
_VERBS: Final = {"create": "new", "delete": "old", "update": "name", "subscribe": "warn"}
PREVIEWS: Final = ("Plan", "Undo, not done yet")
"""Words for runs that only show what they would do."""
WRITTEN: Final = ("created", "updated", "deleted", "engaged")
_PLANNED: Final = ("created", "updated", "deleted")
_COUNTS: Final = ("read", "created", "updated", "deleted", "unchanged", "failed", "calls")


def draw_run(paper: Paper, run: Row, word: str, shown: int = 20) -> None:
    """A finished run (`word` says which kind: Sync, Backfill …): summary, counts, at most `shown` changes, open questions."""
    sentence, style = _SAID.get(run["status"], (str(run["status"]), "warn"))
    if word in PREVIEWS and run["status"] in ("ok", "attention"):
        sentence, style = _planned(run), "name"
    paper.line(styled(sentence, style))
    began = f" · began {when(run['started_at'])}" if run.get("started_at") else ""
    length = f"{'full' if run['full'] else 'incremental'} · {seconds(run['seconds'])}"
    paper.line(styled(f"{word} {run['run']} · {length}{began}", "quiet"))
    paper.gap()
    draw_counts(paper, run["systems"])
    _draw_trouble(paper, run)
    draw_operations(paper, run["operations"], shown, _extent(run))
    _draw_questions(paper, run)


def _planned(run: Row) -> str:
    if not run["operations"]:
        return "Nothing to do: everything agrees."
    writes = _written(run)
    return f"{counted(writes, 'write')} planned; nothing has been written." if writes else "Nothing would be written."


def _written(run: Row) -> int:
    """Rows written, or to be written by a plan: the counts are complete where the operations are a sample."""
    if len(run["operations"]) < OPERATIONS_SHOWN:
        return sum(row["status"] in ("settled", "planned") for row in run["operations"])
    return sum(int(row.get(name, 0)) for row in run["systems"].values() for name in WRITTEN)


def draw_counts(paper: Paper, systems: Mapping[str, Row]) -> None:
    """One line for each system."""
    if not systems:
        return
    told = any(row.get("engaged") for row in systems.values())
    counts = (*_COUNTS, "engaged") if told else _COUNTS
    paper.table(
        ["system", *(f"#{name}" for name in counts)],
        ([name, *map(_count(row), counts)] for name, row in systems.items()),
    )


def _count(row: Row) -> Any:
    def cell(name: str) -> Text:
        number = int(row.get(name, 0))
        return Text(f"{number:,}", style="bold red" if name == "failed" and number else "dim" if not number else "")

    return cell


def _draw_trouble(paper: Paper, run: Row) -> None:
    hits = run.get("limits_hit", ())
    if hits:
        paper.gap()
        for hit in hits:
            beyond = f"{hit['system']}: {hit['planned']:,} planned, {hit['limit']} allows {hit['allowed']:,}"
            paper.line(styled("limit ", "bad"), text(beyond))
    if run.get("planned"):
        paper.gap()
        rows = ([name, *map(_count(row), _PLANNED)] for name, row in run["planned"].items())
        paper.table(["would be", *(f"#{name}" for name in _PLANNED)], rows)
        paper.gap()
    if run["status"] == "stopped":
        paper.line("Look at the plan, or release exactly this:" if hits else "Release exactly this plan:", indent=4)
        if hits:
            paper.command(f"crm-sync runs {run['run']}", indent=6)
        paper.command(f"crm-sync apply {run['run']}", indent=6)
        paper.line("Raise the limit in [safety] if this is normal; on a fresh workspace: crm-sync backfill", indent=4)
    for failure in run.get("failures", ()):
        paper.gap()
        paper.line(*failed(failure))
        if failure.get("remedy"):
            paper.line(text(failure["remedy"]), indent=4)
    for row in run.get("unseen", ()):
        what = f"{row['entity']}.{row['field']}" if row["field"] else f"our id of each {row['entity']}"
        column = (
            f"{row['system']} does not show {row['object']}.{row['native']}: {what} is neither read nor written there"
        )
        paper.line(styled("unseen ", "bad"), text(column))
        paper.line(text(place_of(row)), indent=4)
    if run.get("unseen"):
        paper.line("Correct the name in the mapping, or let our user see the column: crm-sync check", indent=4)
    for note in run.get("notes", ()):
        paper.line(styled("note ", "warn"), text(note))


def _extent(run: Row) -> str:
    """How many writes a run came to, all told: its operations are a sample, its counts are complete."""
    operations = run["operations"]
    if run.get("planned"):
        total = sum(sum(row.values()) for row in run["planned"].values())
        return f"{total:,} planned" + (", the first of them" if total > len(operations) else "")
    if run["status"] == "stopped":
        return f"the first {len(operations):,} of the plan" if len(operations) >= OPERATIONS_SHOWN else "planned"
    left = sum(row["status"] not in ("settled", "planned") for row in operations)
    return counted(_written(run), "write") + (f", {left:,} not written" if left else "")


def draw_operations(paper: Paper, operations: Sequence[Row], shown: int, extent: str) -> None:
    """Changes grouped by record, before and after, rule and reason; ``extent`` says how many there are."""
    if not operations or not shown:
        return
    paper.gap()
    paper.title("Changes", extent)
    for _, rows in groupby(operations[:shown], key=lambda row: (row["entity"], row["record"])):
        group = list(rows)
        paper.gap()
        paper.line(heading(dict(group[0]) | {"ids": {}}), indent=2)
        for row in group:
            _draw_operation(paper, row)
    if len(operations) > shown:
        paper.gap()
        all_of_them = "" if len(operations) >= OPERATIONS_SHOWN else ", --json all of them"
        paper.line(
            styled(f"… and {len(operations) - shown:,} more; --limit N shows more{all_of_them}", "quiet"), indent=2
        )


def _draw_operation(paper: Paper, row: Row) -> None:
    verb = styled(f"{row['op']:<9} ", _VERBS.get(row["op"], "name"))
    state = "" if row["status"] in ("settled", "planned") else f"  {row['status'].replace('_', ' ')}"
    remote = f" {row['id']}" if row.get("id") else ""
    reason = f"  {row['reason']}" if row.get("reason") else ""
    paper.line(
        verb, text(row["system"]), styled(remote, "quiet"), styled(state, "bad"), styled(reason, "quiet"), indent=4
    )
    if row.get("message"):
        paper.line(styled(f"{row.get('error') or ''} ", "bad"), text(row["message"]), indent=6)
    if row["changes"]:
        rows = [_change(paper, row["op"], change) for change in row["changes"]]
        paper.table([""] * len(rows[0]), rows, indent=6)


def _change(paper: Paper, op: str, change: Row) -> list[Text]:
    why = f"{change['rule']} from {change['from']}" if change.get("from") else str(change.get("rule") or "")
    lost = "".join(f"; {row['system']} lost by {row['rule']}" for row in change.get("lost", ()))
    before = [] if op == "create" else [value(change.get("before"), "old"), Text(paper.arrow, style="dim")]
    return [
        styled(str(change["field"]), "name"),
        *before,
        value(change.get("after"), "new"),
        styled(why + lost, "quiet"),
    ]


def _draw_questions(paper: Paper, run: Row) -> None:
    if run.get("conflicts"):
        paper.gap()
        draw_conflicts(paper, run["conflicts"], shown=5)
    if run.get("quarantined"):
        paper.gap()
        draw_quarantine(paper, run["quarantined"], shown=5)
    if run.get("in_doubt"):
        paper.gap()
        paper.line(
            styled(counted(run["in_doubt"], "write"), "warn"),
            " of unknown outcome: looked up by the next runs, never repeated blindly.",
        )


def draw_runs(paper: Paper, runs: Sequence[Row]) -> None:
    """The list of runs, newest first."""
    if not runs:
        paper.line("No runs yet. Begin with `crm-sync plan`, then `crm-sync backfill`.")
        return
    paper.table(
        ["run", "what", "began", "status", "#took", "#read", "#written", "#failed", "#calls"],
        (_run_line(run) for run in runs),
        indent=0,
    )


def _run_line(run: Row) -> list[Text]:
    def total(*names: str) -> Text:
        return text(sum(int(row.get(name, 0)) for row in run.get("systems", {}).values() for name in names))

    style = {"ok": "good", "attention": "warn"}.get(run["status"], "bad")
    numbers = [total("read"), total("created", "updated", "deleted"), total("failed"), total("calls")]
    return [
        styled(run["run"], "name"),
        text(run.get("kind")),
        text(ago(run.get("started_at"))),
        styled(run["status"], style),
        text(seconds(run.get("seconds"))),
        *numbers,
    ]


def failed(failure: Row) -> tuple[Text, Text]:
    """A system that was not served, and why; its name once."""
    system = failure["system"]
    return styled(f"{system} ", "bad"), text(failure["message"].removeprefix(f"{system}: "))

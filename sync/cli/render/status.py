"""The status screen: is all well, and what to do if not, in ten seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from sync.cli.render.paper import Paper, ago, counted, seconds, styled, text

Row = Mapping[str, Any]


def draw_status(paper: Paper, status: Row) -> None:
    """The verdict first, then what to do, then the systems."""
    if status["well"]:
        paper.line(styled("All is well.", "good"))
    else:
        why = list(status["why"])
        paper.line(styled(f"{counted(len(why), 'thing needs', 'things need')} you.", "bad"))
        for number, reason in enumerate(why, 1):
            _draw_reason(paper, number, reason)
    paper.gap()
    if status["systems"]:
        paper.table(
            ["system", "state", "#behind", "#calls left"],
            (_system(name, row) for name, row in status["systems"].items()),
            indent=0,
        )
        paper.gap()
    paper.line(_last(status.get("last_run")))
    paper.line(_service(status.get("service")))
    if (told := _opt_outs(status.get("opt_outs"))) is not None:
        paper.line(told)
    paper.line(*_open(status))


def _draw_reason(paper: Paper, number: int, reason: Any) -> None:
    what = reason["what"] if isinstance(reason, Mapping) else reason
    paper.line(styled(f"{number}. ", "bad"), text(what), indent=2)
    if isinstance(reason, Mapping) and reason.get("remedy"):
        paper.line(text(reason["remedy"]), indent=5)


def _system(name: str, row: Row) -> list[Text | str]:
    state = _state(row)
    unseen = "asked by key" if row.get("linked") else "never read"  # Conversion has no list to be behind of
    lag = seconds(row["lag_seconds"]) if row.get("lag_seconds") is not None else unseen
    left = row.get("calls_left")
    return [styled(name, "name"), state, lag, text(left) if left is not None else styled("no limit told", "quiet")]


def _state(row: Row) -> Text:
    if row.get("error"):
        return styled(str(row["error"]), "bad")
    if row.get("reachable") is None:
        return styled("not tried yet", "quiet")
    return styled("reachable", "good") if row["reachable"] else styled("not served", "bad")


def _last(run: Any) -> Text:
    if not run:
        return styled("No run yet. Begin with `crm-sync plan`, then `crm-sync backfill`.", "quiet")
    row = run if isinstance(run, Mapping) else {"run": run}
    parts = [
        f"Last run {row.get('run', '?')}",
        row.get("status"),
        ago(row["started_at"]) if row.get("started_at") else None,
    ]
    return text(" · ".join(str(part) for part in parts if part))


def _service(service: Any) -> Text:
    if not service:
        return styled("No service runs: `crm-sync sync` does one run, `crm-sync run` goes on doing them.", "quiet")
    since = ago(service["started_at"]) if service.get("started_at") else "?"
    return text(f"Service: process {service.get('pid', '?')}, started {since}, {service.get('url') or 'no address'}")


def _opt_outs(told: Any) -> Text | None:
    """How long opt-outs take to be everywhere; nothing where there were none."""
    if not told or not told.get("count"):
        return None
    if told.get("waiting"):
        oldest = seconds(told["oldest_waiting_seconds"])
        return styled(f"Opt-outs on their way: {told['waiting']}, the oldest for {oldest}.", "warn")
    return text(
        f"Opt-outs of seven days: {told['count']}, everywhere after {seconds(told['median_seconds'])},"
        f" at worst {seconds(told['worst_seconds'])}."
        if told.get("median_seconds") is not None
        else f"Opt-outs of seven days: {told['count']}."
    )


def _open(status: Row) -> list[Text | str]:
    words = {"conflicts": "conflict", "quarantined": "record in quarantine", "in_doubt": "write in doubt"}
    plural = {"quarantined": "records in quarantine", "in_doubt": "writes in doubt"}
    found = [counted(int(status[key]), word, plural.get(key, "")) for key, word in words.items() if status.get(key)]
    return [styled("Open: " + ", ".join(found), "warn")] if found else [styled("No open questions.", "quiet")]

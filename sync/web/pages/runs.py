"""The history of runs, and one run with its changes, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, Final

from sync.errors import UsageError
from sync.runner import api
from sync.runner.context import Silence
from sync.web.asking import Ask, Elsewhere, Page

SHOWN: Final = 50
MOST: Final = 500
SAID: Final[Mapping[str, tuple[str, str]]] = {
    "ok": ("Done, everything agrees.", "good"),
    "attention": ("Done, but something needs you.", "warn"),
    "stopped": ("Stopped by a safety limit before the first write.", "bad"),
    "failed": ("Not every system could be served.", "bad"),
    "running": ("Under way, or interrupted: the next run goes on from there.", "warn"),
}
DONE: Final[Mapping[str, str]] = {
    "sync": "The run is done.",
    "undo": "The undo is done. This run can be undone as well.",
    "apply": "The plan was released and carried out.",
}


def show_all(ask: Ask) -> Page:
    """Runs, newest first; with `quiet` also those that had nothing to do."""
    limit = ask.number("limit", SHOWN, MOST)
    rows = api.runs(ask.desk.config, limit=limit)
    return Page("runs.html", {"runs": rows, "limit": limit, "more": len(rows) == limit and limit < MOST, "said": SAID})


def show(ask: Ask) -> Page:
    """One run."""
    run = api.run(ask.desk.config, ask.path["run"])
    return Page(
        "run.html",
        {
            "run": run,
            "said": SAID.get(run["status"], (run["status"], "warn")),
            "done": DONE.get(ask.query.get("done", "")),
            "records": list(_by_record(run["operations"])),
            "undoable": bool(run["turns"]),
            "undoes": run["undone"],
        },
    )


def _by_record(operations: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    """Operations of one record together, as they stand in the plan."""
    for (entity, record), rows in groupby(operations, key=lambda row: (row["entity"], row["record"])):
        group = list(rows)
        yield {"entity": entity, "record": record, "key": group[0].get("key"), "operations": group}


def release(ask: Ask) -> Elsewhere:
    """Carries out the plan of a run that a limit stopped: exactly that, nothing else."""
    config, mappings, run = ask.desk.config, ask.desk.mappings, ask.path["run"]
    if ask.form.one("sure") != "yes":
        raise UsageError("the release was not confirmed", remedy="Tick the box below the limits, then release.")
    done = ask.desk.perform(lambda: api.apply_run(config, mappings, run, progress=Silence()))
    return Elsewhere(f"/runs/{done.run}?done=apply")

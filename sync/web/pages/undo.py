"""Undo: first what would be written where, then the button."""

from __future__ import annotations

from urllib.parse import urlencode

from sync.runner import api
from sync.runner.context import Silence
from sync.runner.preview import ROWS_MAX, preview_undo
from sync.web.asking import Ask, Elsewhere, Page


def preview(ask: Ask) -> Page:
    """What the undo would write, and what it would leave alone."""
    record, field = ask.query.get("record") or None, ask.query.get("field") or None
    found = preview_undo(ask.desk.config, ask.desk.mappings, ask.path["run"], record=record, field=field)
    cut = ROWS_MAX in (len(found["changes"]), len(found["kept"]))
    return Page("undo.html", {"preview": found, "cut": cut, "link": _link})


def _link(run: str, record: str | None, field: str | None) -> str:
    asked = {name: value for name, value in (("record", record), ("field", field)) if value}
    return f"/runs/{run}/undo" + (f"?{urlencode(asked)}" if asked else "")


def carry_out(ask: Ask) -> Elsewhere:
    """Does it, on the thread that owns the state."""
    config, mappings, run = ask.desk.config, ask.desk.mappings, ask.path["run"]
    record, field = ask.form.one("record") or None, ask.form.one("field") or None
    done = ask.desk.perform(lambda: api.undo(config, mappings, run, record=record, field=field, progress=Silence()))
    return Elsewhere(f"/runs/{done.run}?done=undo")

"""The front page: is all well, and what to do if not; lag and throughput over time; opt-outs; what was done last."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sync.runner import api
from sync.runner.context import Silence
from sync.runner.pulse import pulse
from sync.runner.status import ANSWERED
from sync.web.asking import Ask, Elsewhere, Page

_RUNS: Final = 6
_DAYS: Final = {6: "6 hours", 24: "24 hours", 24 * 7: "7 days", 24 * 30: "30 days"}
_PLACES: Final = (
    (re.compile(r"crm-sync conflicts"), "/conflicts", "Choose"),
    (re.compile(r"crm-sync quarantine"), "/quarantine", "Look at them"),
    (re.compile(r"crm-sync check --offline"), "/mappings", "Look at the mappings"),
    (re.compile(r"crm-sync (?:runs|apply) (\w+)"), "/runs/{}", "Look at the run"),
)


def show(ask: Ask) -> Page:
    """The overview."""
    config, mappings = ask.desk.config, ask.desk.mappings
    status, facts = api.status(config, mappings), ask.desk.facts()
    hours = ask.number("hours", 24, 24 * 30)
    return Page(
        "overview.html",
        {
            "status": status,
            "why": reasons(status["why"], facts),
            "pulse": pulse(config, mappings, hours=hours),
            "hours": hours,
            "windows": _DAYS,
            "runs": api.runs(config, limit=_RUNS),
            "service": dict(facts),
        },
    )


def reasons(why: Sequence[Mapping[str, str]], facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What needs a person, each trouble once: what the state says, and what only the service knows, as `crm-sync status` counts it."""
    told = [alert for alert in alerts(facts) if str(alert.get("key")).partition(":")[0] not in ANSWERED]
    known = {alert["what"] for alert in told}
    return [_reason(each) for each in why if each["what"] not in known] + told


def _reason(why: Mapping[str, Any]) -> dict[str, Any]:
    """A reason with the page where it is settled."""
    for pattern, path, word in _PLACES:
        found = pattern.search(why["remedy"])
        if found:
            return {**why, "path": path.format(*found.groups()), "word": word}
    return {**why, "path": None, "word": None}


def alerts(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the service itself has to say: changed files that it did not take, and its alerts."""
    found = [_reason(alert) for alert in facts.get("alerts") or ()]
    error = facts.get("reload_error")
    if error and not any(alert.get("key") == "reload" for alert in found):
        what = {"what": "changed files were not taken: the settings of before are in force", "remedy": str(error)}
        found.insert(0, {**what, "path": "/mappings", "word": "Look at the mappings"})
    return found


def sync_now(ask: Ask) -> Elsewhere:
    """One run, at once."""
    config, mappings = ask.desk.config, ask.desk.mappings
    done = ask.desk.perform(lambda: api.sync(config, mappings, (), full=False, init=False, progress=Silence()))
    return Elsewhere(f"/runs/{done.run}?done=sync")

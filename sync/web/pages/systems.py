"""The systems: are they reachable, how far behind, how many calls are left, what the last day cost; how long opt-outs take."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sync.runner import api
from sync.runner.pulse import pulse
from sync.web.asking import Ask, Page


def show(ask: Ask) -> Page:
    """One card each."""
    config, mappings = ask.desk.config, ask.desk.mappings
    facts = ask.desk.facts()
    return Page(
        "systems.html",
        {
            "status": api.status(config, mappings),
            "settings": {name: _settings(system) for name, system in config.systems.items()},
            "pulse": pulse(config, mappings),
            "spent": _spent(api.runs(config, limit=500)),
            "lanes": dict(facts.get("lanes") or {}),
        },
    )


def _settings(system: Any) -> dict[str, Any]:
    return {"kind": system.kind, "writes": system.writes, "rate": _rate(system), "base": system.base}


def _rate(system: Any) -> str:
    if system.requests_per_second:
        return f"{system.requests_per_second:,g} a second"
    return f"{system.requests_per_minute:,g} a minute" if system.requests_per_minute else "the vendor's own"


def _spent(runs: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Calls and rows by system, of the runs that are told."""
    found: dict[str, Counter[str]] = {}
    for run in runs:
        for system, counts in run["systems"].items():
            found.setdefault(system, Counter()).update({key: int(counts.get(key) or 0) for key in _KEYS})
    return {name: dict(counts) for name, counts in found.items()}


_KEYS = ("calls", "read", "created", "updated", "deleted", "failed")

"""Is all well? One answer, the reasons against it, and what to do about each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sync.config import Config
from sync.mapping import Mappings
from sync.model.clock import Clock
from sync.state import RunRow, Store


def status(config: Config, mappings: Mappings, store: Store, clock: Clock) -> dict[str, Any]:
    """The published object. ``well`` only if nothing needs a person and the last run served every system."""
    last = store.last_run(("sync", "backfill", "apply", "undo", "resolve", "retry"))
    conflicts, quarantined, doubts = store.conflicts(), store.quarantined(), store.in_doubt()
    why = _reasons(store, last, len(conflicts), len(quarantined), len(doubts))
    systems = {name: _system(store, name, last, clock.now()) for name in config.systems}
    return {
        "well": not why,
        "workspace": config.workspace,
        "why": why,
        "systems": systems,
        "records": {name: store.record_count(name) for name in mappings.entities},
        "conflicts": len(conflicts),
        "quarantined": len(quarantined),
        "in_doubt": len(doubts),
        "pending": store.pending_count(),
        "events_waiting": store.waiting_count(),
        "last_run": _run(last),
    }


def _reasons(store: Store, last: RunRow | None, conflicts: int, quarantined: int, doubts: int) -> list[dict[str, str]]:
    why = []
    if store.rolled_back:
        why.append(
            _reason(
                "the state is older than it was: an old copy was put back",
                "Run `crm-sync verify`, then `crm-sync sync --full`.",
            )
        )
    if last is None:
        why.append(_reason("nothing was synced yet", "Run `crm-sync backfill`."))
    elif last.status == "stopped":
        why.append(
            _reason(
                f"run {last.run} was stopped by a safety limit",
                f"Look at `crm-sync runs {last.run}`; `crm-sync apply {last.run}` carries out exactly that plan.",
            )
        )
    elif last.status == "failed":
        why.append(
            _reason(
                f"run {last.run} could not serve every system",
                f"`crm-sync runs {last.run}` names them; `crm-sync check` finds out why.",
            )
        )
    elif last.status == "running":
        why.append(
            _reason(
                f"run {last.run} has not ended",
                "If none is under way, it was interrupted: run `crm-sync sync` and it goes on.",
            )
        )
    counts = (
        (conflicts, "values a person must choose between", "`crm-sync conflicts`"),
        (quarantined, "records set aside", "`crm-sync quarantine`"),
        (doubts, "writes of which nobody knows yet whether they happened", "`crm-sync sync` looks them up"),
    )
    why += [_reason(f"{count} {what}", remedy) for count, what, remedy in counts if count]
    return why


def _reason(what: str, remedy: str) -> dict[str, str]:
    return {"what": what, "remedy": remedy}


def _system(store: Store, name: str, last: RunRow | None, now: datetime) -> dict[str, Any]:
    seen = store.seen_at(name)
    failed = last is not None and name in last.failed
    return {
        "reachable": None if last is None else not failed,
        "lag_seconds": round((now - seen).total_seconds()) if seen else None,
        "calls_left": store.calls_left(name),
        "linked": store.linked_count(None, name),
        "last_run": dict(last.systems.get(name, {})) if last else {},
    }


def _run(last: RunRow | None) -> dict[str, Any] | None:
    if last is None:
        return None
    return {
        "run": last.run,
        "kind": last.kind,
        "status": last.status,
        "started_at": last.started_at.isoformat(),
        "seconds": last.seconds,
    }

"""Is all well? One answer, the reasons against it, and what to do about each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from sync.config import Config
from sync.mapping import Mappings
from sync.model.clock import Clock
from sync.model.report import column_named
from sync.runner.context import Context
from sync.runner.pulse import opt_outs
from sync.runner.unseen import Unseen, unseen
from sync.state import RunRow, Store, holder, keep_fact, state_file

KINDS = ("sync", "reconcile", "backfill", "apply", "undo", "resolve", "retry")
UNSEEN_REMEDY = "`crm-sync check` says where each is mapped: correct the name there, or let our user see the column."
_LOOKED_BACK = 200
ANSWERED = frozenset({"guard", "system", "credentials", "conflicts", "quarantine", "doubt", "differences", "unseen"})
"""Kinds of alerts that the state itself gives as a reason."""


def status(config: Config, mappings: Mappings, store: Store, clock: Clock) -> dict[str, Any]:
    """The published object. ``well`` only if nothing needs a person and the last run served every system.

    ``service`` is the life of the service that holds the state, or None; ``opt_outs`` how long opt-outs took to be everywhere.
    """
    service = _service(config, store)
    last = _last(store, underway=holder(state_file(config.state.url)) is not None)
    conflicts, quarantined, doubts = store.conflicts(), store.quarantined(), store.in_doubt()
    unexplained = _unexplained(store)
    why = _reasons(store, last, len(conflicts), len(quarantined), len(doubts))
    hidden = unseen(store, mappings)
    why += _unseen_reasons(hidden) + _more_reasons(unexplained, service)
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
        "unexplained": unexplained,
        "unseen": [each.to_json() for each in hidden],
        "opt_outs": opt_outs(store, mappings, clock.now()),
        "events_waiting": store.waiting_count(),
        "last_run": _run(last),
        "service": service,
    }


def _last(store: Store, *, underway: bool) -> RunRow | None:
    """The run to judge by: the newest, or, while that is under way, the one before it."""
    newest = store.last_run(KINDS)
    if newest is None or newest.seconds is not None or not underway:
        return newest
    rows = store.runs(_LOOKED_BACK)
    return next((row for row in rows if row.kind in KINDS and row.seconds is not None), newest)


def _service(config: Config, store: Store) -> dict[str, Any] | None:
    """Who serves this state now, and what it last noted of itself."""
    told = holder(state_file(config.state.url)) or {}
    if "url" not in told:
        return None
    noted = store.get_meta("service:facts")
    facts: dict[str, Any] = orjson.loads(noted) if noted else {}
    return {name: told.get(name) for name in ("pid", "host", "url", "started_at")} | facts


def remember(config: Config, context: Context, unexplained: int) -> None:
    """Keeps what a verify came to: nobody says that all is well over differences that nothing explains."""
    if not unexplained and (context.entities or context.failed or not _unexplained(context.store)):
        return  # it has looked at a part only, or there is nothing to take back: a command that looks leaves the state as it is
    verdict = {"at": context.clock.now().isoformat(), "unexplained": unexplained}
    keep_fact(config.state.url, "verified", orjson.dumps(verdict).decode())


def _unexplained(store: Store) -> int:
    """Differences that the last verify could not explain, until a full run has looked at everything again and found all well."""
    noted = store.get_meta("verified")
    verdict: dict[str, Any] = orjson.loads(noted) if noted else {"unexplained": 0}
    if not verdict["unexplained"]:
        return 0
    at = datetime.fromisoformat(verdict["at"])
    rows = store.runs(_LOOKED_BACK)
    mended = any(row.full and row.status == "ok" and row.kind != "plan" and row.started_at > at for row in rows)
    return 0 if mended else int(verdict["unexplained"])


def _unseen_reasons(hidden: Sequence[Unseen]) -> list[dict[str, str]]:
    """One reason a system, with every column."""
    why = []
    for system in dict.fromkeys(each.system for each in hidden):
        columns = ", ".join(column_named(each.to_json()) for each in hidden if each.system == system)
        what = f"{system} does not show mapped columns: {columns}; they are neither read nor written"
        why.append(_reason(what, UNSEEN_REMEDY))
    return why


def _more_reasons(unexplained: int, service: Mapping[str, Any] | None) -> list[dict[str, str]]:
    why = []
    if unexplained:
        what = f"the last verify found {unexplained} differences that nothing explains"
        why.append(_reason(what, "`crm-sync verify` lists them; `crm-sync sync --full` puts right what can be."))
    open_alerts = (service or {}).get("alerts", ())
    own = [alert for alert in open_alerts if alert["key"].partition(":")[0] not in ANSWERED]
    return why + [_reason(alert["what"], alert["remedy"]) for alert in own]


def _reasons(store: Store, last: RunRow | None, conflicts: int, quarantined: int, doubts: int) -> list[dict[str, str]]:
    why = []
    if store.rolled_back:
        why.append(
            _reason(
                "the state is older than it was: an old copy was put back",
                "Whoever was forgotten since that copy was made: `crm-sync forget` them again."
                " Then run `crm-sync verify`, then `crm-sync sync --full`.",
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
        why += _unserved(last)
    elif last.status == "running":
        why.append(
            _reason(
                f"run {last.run} ({last.kind}) has not ended",
                "If none is under way, it was interrupted: run"
                f" `crm-sync {'backfill' if last.kind == 'backfill' else 'sync'}` and it goes on.",
            )
        )
    counts = (
        (conflicts, "conflict", "that a person must decide", "`crm-sync conflicts` lists them."),
        (quarantined, "record", "set aside", "`crm-sync quarantine` says why, and what to do."),
        (doubts, "write", "of unknown outcome", "`crm-sync sync` looks again, and repeats nothing blindly."),
    )
    why += [_reason(f"{n:,} {what}{'s' * (n > 1)} {of}", remedy) for n, what, of, remedy in counts if n]
    return why


def _unserved(last: RunRow) -> list[dict[str, str]]:
    """One reason a system, with what it answered and what to do."""
    if not last.failed:
        return [_reason(f"run {last.run} could not serve every system", "`crm-sync check` finds out why.")]
    found = []
    for system, told in last.failed.items():
        why, remedy = told or (f"run {last.run} could not serve it", "")
        what = f"{system} is not served: {why.removeprefix(f'{system}: ')}"
        found.append(_reason(what, f"{remedy} `crm-sync check` asks it now.".strip()))
    return found


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

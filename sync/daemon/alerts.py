"""What a person should know now: pure, from what the state, the last run and the lanes say. Which of it is news is `told`'s question.

An alert has a key: the same trouble is the same alert however its words change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sync.model.report import column_named

AGEING: Final = timedelta(hours=24)
FAILING_AFTER: Final = 3
OPT_OUT_LATE_S: Final = 900.0
QUOTA_LOW: Final = 0.1
DOUBT_AFTER: Final = timedelta(hours=1)
INBOX_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Alert:
    """One trouble. ``key`` is stable; `what` and `remedy` are sentences without values of persons."""

    key: str
    what: str
    remedy: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What alerts are judged by. ``status`` is the published object, ``quotas`` are calls left and allowed by system."""

    status: Mapping[str, Any]
    lanes: Mapping[str, Mapping[str, Any]]
    oldest_conflict: datetime | None = None
    oldest_quarantined: datetime | None = None
    oldest_doubt: datetime | None = None
    quotas: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    spooled: int = 0


def judge(seen: Seen, now: datetime) -> list[Alert]:
    """All troubles that the state of things shows."""
    return [
        *_run(seen.status),
        *_lanes(seen.lanes),
        *_ages(seen, now),
        *_quotas(seen),
        *_opt_outs(seen.status),
        *_inbox(seen),
    ]


def _run(status: Mapping[str, Any]) -> Iterable[Alert]:
    last = status.get("last_run") or {}
    if last.get("status") == "stopped":
        yield Alert(
            "guard",
            f"Run {last['run']} was stopped by a safety limit: nothing but opt-outs is written.",
            f"Look at it with `crm-sync runs {last['run']}`. If it is right, `crm-sync apply {last['run']}` carries out exactly that"
            " plan; if not, correct the mapping or the data. A first load of everything is `crm-sync backfill`.",
        )
    for system in dict.fromkeys(row["system"] for row in status.get("unseen", ())):
        columns = [column_named(row) for row in status["unseen"] if row["system"] == system]
        yield Alert(
            f"unseen:{system}",
            f"{system} does not show mapped columns: {', '.join(columns)}. They are neither read nor written; the rest goes on.",
            "`crm-sync check` says where each is mapped: correct the name there, or let our user see the column.",
        )
    if status.get("unexplained"):
        yield Alert(
            "differences",
            f"The last verify found {status['unexplained']} differences between the systems that nothing explains.",
            "`crm-sync verify` lists them; `crm-sync sync --full` puts right what can be.",
        )


def _lanes(lanes: Mapping[str, Mapping[str, Any]]) -> Iterable[Alert]:
    for name, lane in lanes.items():
        why = str(lane["why"]).removeprefix(f"{name}: ")
        if lane["state"] == "in" and not lane["failures"]:
            continue
        if lane["kind"] in ("auth", "tenant"):
            remedy = lane["remedy"] or "Replace the credentials; `crm-sync check` says whether the new ones work."
            yield Alert(f"credentials:{name}", f"{name} does not accept our credentials: {why}.", remedy)
        elif lane["failures"] >= FAILING_AFTER:
            yield Alert(
                f"system:{name}",
                f"{name} fails: {why}. The other systems are served; changes for {name} wait and are not lost.",
                lane["remedy"]
                or f"It is tried again every minute. `crm-sync check` finds out why; {name} may have an outage.",
            )


def _ages(seen: Seen, now: datetime) -> Iterable[Alert]:
    if seen.oldest_conflict and now - seen.oldest_conflict > AGEING:
        count = seen.status.get("conflicts", 0)
        yield Alert(
            "conflicts",
            f"{count} values wait for a person's choice, the oldest for {_age(now - seen.oldest_conflict)}.",
            "`crm-sync conflicts` lists them; the dashboard decides them in bulk.",
        )
    if seen.oldest_quarantined and now - seen.oldest_quarantined > AGEING:
        count = seen.status.get("quarantined", 0)
        yield Alert(
            "quarantine",
            f"{count} records are set aside, the oldest for {_age(now - seen.oldest_quarantined)}.",
            "`crm-sync quarantine` says why and what to do about each.",
        )
    if seen.oldest_doubt and now - seen.oldest_doubt > DOUBT_AFTER:
        yield Alert(
            "doubt",
            f"Writes have been in doubt for {_age(now - seen.oldest_doubt)}: nobody knows whether they happened.",
            "Their system must answer again before they can be looked up; `crm-sync status` names it.",
        )


def _quotas(seen: Seen) -> Iterable[Alert]:
    for name, (left, limit) in seen.quotas.items():
        if limit > 0 and left < limit * QUOTA_LOW:
            yield Alert(
                f"quota:{name}",
                f"{name} allows {left:,} more calls of {limit:,} for now.",
                "Poll less often ([schedule] poll), or ask the vendor for more. Opt-outs still flow to the last.",
            )


def _opt_outs(status: Mapping[str, Any]) -> Iterable[Alert]:
    told = status.get("opt_outs") or {}
    oldest = told.get("oldest_waiting_seconds")
    if oldest is not None and oldest > OPT_OUT_LATE_S:
        yield Alert(
            "opt_out_late",
            f"{told.get('waiting')} opt-outs have not reached every system, the oldest for {_age(timedelta(seconds=oldest))}.",
            "Do not mail from the systems that fail (`crm-sync status` names them) until this is over.",
        )


def _inbox(seen: Seen) -> Iterable[Alert]:
    if seen.spooled > INBOX_MAX:
        yield Alert(
            "inbox",
            f"{seen.spooled:,} webhook events wait to be handled.",
            "If it does not shrink, somebody floods the address or the state is slow; polls find every change all the same.",
        )


def _age(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    if hours < 1:
        return f"{span.total_seconds() / 60:.0f} minutes"
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"  # noqa: PLR2004 - two days

"""What a service does beside the commands: its runs, what it takes in, what it throws away, and what it must know to call for help.

All of it works with the state that the calling thread holds (`sync.runner.hold`), or opens its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sync.config import Config
from sync.mapping import Mappings
from sync.model.report import RunReport
from sync.runner import poison
from sync.runner import status as judging
from sync.runner.approve import plan_holder
from sync.runner.context import Context, Silence
from sync.runner.cycle import Order, run_cycle
from sync.runner.report import report
from sync.runner.wire import opened
from sync.state import Store

IDLE_KEPT = timedelta(days=1)
"""How long runs are remembered that found nothing to do."""
STOPPED_KEPT = 10
"""Of runs that a safety limit stopped: so many plans can still be applied."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run of a service. ``entities`` empty: all. ``look_share``: of what cannot be listed, 0..1."""

    kind: str = "sync"
    full: bool = False
    entities: tuple[str, ...] = ()
    look_share: float = 0.0


def run(config: Config, mappings: Mappings, wanted: Wanted) -> RunReport:
    """One run. A plan that a limit stopped, and that an earlier run made already, is kept once: by the run that made it first."""
    with opened(config, mappings, progress=Silence(), entities=wanted.entities, command="run") as context:
        order = Order(wanted.kind, full=wanted.full, look_share=wanted.look_share)
        done = report(context, run_cycle(context, order))
        if done.status == "stopped":
            _keep_few_plans(context.store, done.run)
        return done


def _keep_few_plans(store: Store, newest: str) -> None:
    """A service that is stopped makes the same plan again every minute; the first is kept, for it is what somebody was told of.

    A later run of the same content refers to it, so both names release it. Of different plans a few are kept.
    """
    before = [row for row in store.runs(200) if row.status == "stopped" and row.run != newest]
    holder = plan_holder(before[0]) if before else newest
    if holder != newest and store.plan_alike(holder, newest):
        with store.transaction():
            store.drop_planned(newest)
            store.note_run(newest, holder)
    else:
        holder = newest
    holders = dict.fromkeys([holder, *map(plan_holder, before)])
    for name in list(holders)[STOPPED_KEPT:]:
        store.drop_planned(name)


def set_aside_poison(config: Config, mappings: Mappings, entity: str) -> list[str]:
    """Sets the records of an entity aside that kill every run; their ids."""
    found = mappings.entities.get(entity)
    if found is None:
        return []
    with opened(config, mappings, progress=Silence(), command="run") as context:
        return poison.set_aside_poison(context, found)


def take_in(config: Config, mappings: Mappings, events: Sequence[tuple[str, str, str, str]]) -> int:
    """Puts verified events (system, id, kind, body) into the inbox; how many are new."""
    with opened(config, mappings, progress=Silence(), command="run") as context, context.store.transaction():
        return sum(context.store.receive(*event) for event in events)


def tidy(config: Config, mappings: Mappings) -> dict[str, int]:
    """Throws away history that is older than the configuration keeps; rows by table."""
    with opened(config, mappings, progress=Silence(), command="run") as context:
        now = context.clock.now()
        gone = context.store.prune(now - timedelta(days=config.state.history_days))
        gone["idle run"] = context.store.prune_idle(now - IDLE_KEPT)
        return gone


def back_up(config: Config, mappings: Mappings) -> Path:
    """A consistent, checked copy in the folder of backups, named by its time; the oldest beyond those kept are removed."""
    folder = config.state.backups
    assert folder is not None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with opened(config, mappings, progress=Silence(), command="run") as context:
        target = folder / f"crm-sync-{context.clock.now():%Y%m%dT%H%M%SZ}.db"
        context.store.backup(target)
    for old in sorted(folder.glob("crm-sync-*.db"))[: -config.state.backups_kept]:
        old.unlink(missing_ok=True)
    return target


@dataclass(frozen=True, slots=True)
class Condition:
    """What a service must know to call for help. ``quotas``: calls left and allowed by system."""

    status: Mapping[str, Any]
    oldest_conflict: datetime | None
    oldest_quarantined: datetime | None
    oldest_doubt: datetime | None
    quotas: Mapping[str, tuple[int, int]]


def condition(config: Config, mappings: Mappings) -> Condition:
    """How things stand."""
    with opened(config, mappings, progress=Silence(), command="run") as context:
        store = context.store
        doubts = [row.sent_at for row in store.in_doubt() if row.sent_at is not None]
        return Condition(
            judging.status(config, mappings, store, context.clock),
            min((each.opened_at for each in store.conflicts() if each.opened_at), default=None),
            store.oldest_quarantined(),
            min(doubts, default=None),
            _quotas(context),
        )


def _quotas(context: Context) -> dict[str, tuple[int, int]]:
    usages = {name: system.connector.usage() for name, system in context.systems.items()}
    return {
        name: (usage.calls_left, usage.calls_limit)
        for name, usage in usages.items()
        if usage.calls_left is not None and usage.calls_limit
    }


def last_started(config: Config, mappings: Mappings, kind: str) -> datetime | None:
    """When a run of this kind was started last."""
    with opened(config, mappings, progress=Silence(), command="run") as context:
        found = context.store.last_run((kind,))
        return found.started_at if found else None


def note(config: Config, mappings: Mappings, key: str, value: str) -> None:
    """Remembers a fact about the service."""
    with opened(config, mappings, progress=Silence(), command="run") as context:
        context.store.set_meta(f"service:{key}", value)


def noted(config: Config, mappings: Mappings, key: str) -> str | None:
    """A fact about the service."""
    with opened(config, mappings, progress=Silence(), command="run") as context:
        return context.store.get_meta(f"service:{key}")

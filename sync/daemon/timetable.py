"""When what is done: APScheduler, with its defaults put right.

A job of the scheduler only asks the worker for a job of its own, so it is over at once. Nothing is stored: the timetable is the
configuration, and what was done when is in the state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from sync.config import ScheduleConfig
from sync.daemon.cron import Cron

REVERIFY: Final = timedelta(minutes=10)
TIDY: Final = timedelta(hours=6)
DEFAULTS: Final = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
"""A start that is late is made up for, once; APScheduler's own default drops whatever is a second late."""

Ask = Callable[[], object]
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Times:
    """When the next poll and the next reconcile begin."""

    poll: datetime | None
    reconcile: datetime | None


def zone(name: str) -> tzinfo:
    """A time zone by its name."""
    return UTC if name == "UTC" else ZoneInfo(name)


class Timetable:
    """Asks for poll, reconcile, reverify, tidy and backup at their times.

    Args:
        asks: by name, what to call.
    """

    def __init__(self, asks: Mapping[str, Ask]) -> None:
        self._asks = asks
        self._scheduler = BackgroundScheduler(
            timezone=UTC, job_defaults=dict(DEFAULTS), executors={"default": ThreadPoolExecutor(2)}
        )
        self._scheduler.add_listener(_tell, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES | EVENT_JOB_ERROR)

    def start(self, schedule: ScheduleConfig, *, backups: bool) -> None:
        """Begins; the first poll is at once."""
        self.set(schedule, backups=backups)
        self._scheduler.start()

    def set(self, schedule: ScheduleConfig, *, backups: bool) -> None:
        """The timetable of a configuration, in place of the one before."""
        timezone, now = zone(schedule.timezone), datetime.now(UTC)
        self._put("poll", IntervalTrigger(seconds=schedule.poll.total_seconds(), timezone=UTC), next_run_time=now)
        self._put("reconcile", Cron(schedule.reconcile, timezone))
        self._put("reverify", IntervalTrigger(seconds=REVERIFY.total_seconds(), timezone=UTC))
        self._put("tidy", IntervalTrigger(seconds=TIDY.total_seconds(), timezone=UTC))
        if backups:
            self._put("backup", Cron(schedule.backup, timezone))
        elif self._scheduler.get_job("backup"):
            self._scheduler.remove_job("backup")

    def _put(self, name: str, trigger: Any, **more: Any) -> None:
        self._scheduler.add_job(self._asks[name], trigger, id=name, replace_existing=True, **more)

    def times(self) -> Times:
        """What comes next."""
        return Times(self._next("poll"), self._next("reconcile"))

    def _next(self, name: str) -> datetime | None:
        job = self._scheduler.get_job(name)
        found: datetime | None = getattr(job, "next_run_time", None)
        return found

    def stop(self) -> None:
        """Asks for nothing more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)


def _tell(event: Any) -> None:
    if event.code == EVENT_JOB_MISSED:
        _log.warning("schedule.missed", job=event.job_id)
    elif event.code == EVENT_JOB_MAX_INSTANCES:
        _log.warning("schedule.overrun", job=event.job_id)
    else:
        _log.error("bug", where=f"schedule {event.job_id}", error=type(event.exception).__name__)

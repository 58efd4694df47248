"""A cron line as people mean it.

Sunday is 0 or 7, day or weekday suffices where both are given, and a clock that is set back makes no line fire twice.
APScheduler counts weekdays from Monday, wants day and weekday both to fit, and fires again in the repeated hour.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger

_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class Cron(BaseTrigger):  # type: ignore[misc] # APScheduler has no types
    """Fires at the times of one cron line, in a time zone."""

    def __init__(self, line: str, timezone: tzinfo) -> None:
        minute, hour, day, month, weekday = line.lower().split()
        base = {"minute": minute, "hour": hour, "month": month, "timezone": timezone}
        either = [("day", day), ("day_of_week", weekdays(weekday))]
        given = [(name, value) for name, value in either if value != "*"]
        self._line = line
        self._triggers = (
            [CronTrigger(**base, **{name: value}) for name, value in given] if given else [CronTrigger(**base)]
        )

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """The first time after `now` that no earlier one looked like on the wall."""
        found = self._first(previous_fire_time, now)
        while found is not None and previous_fire_time is not None and _same_on_the_wall(found, previous_fire_time):
            found = self._first(found, (found.astimezone(UTC) + timedelta(seconds=1)).astimezone(found.tzinfo))
        return found

    def _first(self, previous: datetime | None, now: datetime) -> datetime | None:
        times = [trigger.get_next_fire_time(previous, now) for trigger in self._triggers]
        return min((time for time in times if time is not None), default=None)

    def __str__(self) -> str:
        return f"cron[{self._line}]"


def _same_on_the_wall(one: datetime, other: datetime) -> bool:
    return one.timestamp() != other.timestamp() and one.replace(tzinfo=None, fold=0) == other.replace(
        tzinfo=None, fold=0
    )


def weekdays(spelled: str) -> str:
    """A cron line's weekdays by name: numbers mean another day to APScheduler."""
    if spelled == "*":
        return "*"
    numbers = sorted({number % 7 for item in spelled.split(",") for number in _numbers(item)})
    return ",".join(_DAYS[number] for number in numbers)


def _numbers(item: str) -> range:
    body, _, step = item.partition("/")
    first, _, last = body.partition("-")
    begin = 0 if body == "*" else _number(first)
    end = 6 if body == "*" else _number(last) if last else 6 if step else begin
    return range(begin, max(begin, end) + 1, int(step or 1))


def _number(spelled: str) -> int:
    return _DAYS.index(spelled) if spelled in _DAYS else int(spelled)


def missed(line: str, timezone: tzinfo, last: datetime | None, now: datetime) -> bool:
    """Whether a line should have fired after `last` and before `now`; never where it has not fired yet at all."""
    if last is None:
        return False
    due: Any = Cron(line, timezone).get_next_fire_time(None, last.astimezone(timezone) + timedelta(seconds=1))
    return due is not None and due <= now

"""Cron lines fire when people think they do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sync.daemon.cron import Cron, missed, weekdays

BERLIN = ZoneInfo("Europe/Berlin")


def times(line, zone, start, count):
    trigger, found, previous = Cron(line, zone), [], None
    now = start
    for _ in range(count):
        previous = trigger.get_next_fire_time(previous, now)
        found.append(previous)
        now = (previous.astimezone(UTC) + timedelta(seconds=1)).astimezone(zone)
    return found


@pytest.mark.parametrize(
    ("spelled", "named"),
    [
        ("*", "*"),
        ("0", "sun"),
        ("7", "sun"),
        ("1-5", "mon,tue,wed,thu,fri"),
        ("sat,sun", "sun,sat"),
        ("*/2", "sun,tue,thu,sat"),
        ("5-7", "sun,fri,sat"),
    ],
)
def test_weekdays_count_from_sunday(spelled, named):
    """0 and 7 are Sunday, as in crontab files."""
    assert weekdays(spelled) == named


def test_day_or_weekday_suffices():
    """Where both are given, either fits: on the 13th, and on Fridays."""
    found = times("0 0 13 * 5", UTC, datetime(2026, 11, 10, tzinfo=UTC), 3)
    assert [(each.day, each.strftime("%a")) for each in found] == [(13, "Fri"), (20, "Fri"), (27, "Fri")]
    found = times("0 0 13 * 1", UTC, datetime(2026, 11, 10, tzinfo=UTC), 2)
    assert [(each.day, each.strftime("%a")) for each in found] == [(13, "Fri"), (16, "Mon")]


@pytest.mark.law("row 63")
def test_the_hour_that_comes_twice_fires_once():
    """When the clock is set back, 02:30 is one night's reconcile, not two."""
    found = times("30 2 * * *", BERLIN, datetime(2026, 10, 24, 12, tzinfo=BERLIN), 3)
    assert [each.strftime("%d %H:%M") for each in found] == ["25 02:30", "26 02:30", "27 02:30"]


@pytest.mark.law("row 63")
def test_the_hour_that_does_not_come_is_made_up_for():
    """When the clock is set forward over 02:30, that night has its reconcile all the same."""
    found = times("30 2 * * *", BERLIN, datetime(2026, 3, 28, 12, tzinfo=BERLIN), 2)
    assert [each.day for each in found] == [29, 30]


@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        (None, datetime(2026, 11, 20, 12, tzinfo=UTC), False),
        (datetime(2026, 11, 20, 3, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC), False),
        (datetime(2026, 11, 19, 3, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC), True),
        (datetime(2026, 11, 19, 3, tzinfo=UTC), datetime(2026, 11, 20, 2, tzinfo=UTC), False),
    ],
)
def test_a_start_that_was_slept_through_is_known(last, now, expected):
    """Who was down at three in the morning knows it at the next start."""
    assert missed("0 3 * * *", UTC, last, now) is expected

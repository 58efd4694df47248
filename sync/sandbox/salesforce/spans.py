"""Spans of values: what a condition lets an index skip, and the days that a relative date stands for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sync.sandbox.salesforce.times import DAY_S

Span = tuple[Any, Any]
"""low <= value < high; None is open."""
OPEN: Span = (None, None)


def span_of(operator: str, value: Any) -> Span:
    """Values that a comparison with a text or with seconds can let through."""
    just_above = f"{value}\0" if isinstance(value, str) else None if value is None else int(value) + 1
    floor = value if isinstance(value, str) or value is None else int(value)
    spans = {
        "=": (floor, just_above),
        ">": (floor, None),
        ">=": (floor, None),
        "<": (None, just_above),
        "<=": (None, just_above),
    }
    return spans.get(operator, OPEN)


def intersection(spans: list[Span]) -> Span:
    """What lies in all spans."""
    lows = [low for low, _ in spans if low is not None]
    highs = [high for _, high in spans if high is not None]
    return max(lows, default=None), min(highs, default=None)


def hull(spans: list[Span]) -> Span:
    """The smallest span that holds them all."""
    lows, highs = [low for low, _ in spans], [high for _, high in spans]
    return None if None in lows else min(lows), None if None in highs else max(highs)


def days(word: str, now: datetime) -> tuple[datetime, datetime]:
    """First instant and end of a relative date literal, in UTC."""
    today = datetime(now.year, now.month, now.day, tzinfo=UTC)
    name, _, count = word.partition(":")
    day = timedelta(seconds=DAY_S)
    number = int(count or 0)
    if name in ("LAST_90_DAYS", "NEXT_90_DAYS"):
        name, number = name.replace("90", "N"), 90
    simple = {
        "TODAY": (today, today + day),
        "YESTERDAY": (today - day, today),
        "TOMORROW": (today + day, today + 2 * day),
        "LAST_N_DAYS": (today - number * day, today + day),
        "NEXT_N_DAYS": (today + day, today + (number + 1) * day),
        "N_DAYS_AGO": (today - number * day, today - (number - 1) * day),
    }
    return simple[name] if name in simple else _calendar(name, today)


def _calendar(name: str, today: datetime) -> tuple[datetime, datetime]:
    which, _, unit = name.partition("_")
    step = {"LAST": -1, "THIS": 0, "NEXT": 1}[which]
    if unit == "WEEK":
        start = today - timedelta(days=(today.weekday() + 1) % 7) + step * timedelta(days=7)
        return start, start + timedelta(days=7)
    if unit == "YEAR":
        return today.replace(year=today.year + step, month=1, day=1), today.replace(
            year=today.year + step + 1, month=1, day=1
        )
    return _month(today, step), _month(today, step + 1)


def _month(today: datetime, step: int) -> datetime:
    months = today.year * 12 + today.month - 1 + step
    return today.replace(year=months // 12, month=months % 12 + 1, day=1)

"""Abmatic's time stamps: UTC, milliseconds, ``Z``; one form everywhere, so that they sort as text."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sync.sandbox.vendor import EditRefused


def stamp(moment: datetime) -> str:
    """The moment as Abmatic writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def stamp_of(value: Any) -> str:
    """An ISO 8601 text in that form; without a zone it is UTC. Raises EditRefused."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise EditRefused(f"{value!r} is no ISO 8601 time") from error
    return stamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def day_starts(day: str, zone_h: float) -> str:
    """When that day begins in a zone `zone_h` hours east of UTC; raises ValueError when it is no date."""
    midnight = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
    return stamp(midnight - timedelta(hours=zone_h))


def next_day_starts(day: str, zone_h: float) -> str:
    """When the day after begins."""
    return day_starts((date.fromisoformat(day) + timedelta(days=1)).isoformat(), zone_h)

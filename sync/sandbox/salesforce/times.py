"""Dates and times as Salesforce reads and writes them: whole seconds, ``+0000`` in JSON, ``Z`` in CSV (2.3, 2.6)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
DAY_S = 86_400


@lru_cache(maxsize=65536)
def json_text(seconds: int) -> str:
    """``2026-11-20T09:15:02.000+0000``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


@lru_cache(maxsize=65536)
def csv_text(seconds: int) -> str:
    """``2026-11-20T09:15:02.000Z``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def parse_moment(text: str) -> float | None:
    """Seconds since the epoch of an ISO 8601 time with a zone; None if it is none."""
    if not MOMENT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def parse_day(text: str) -> str | None:
    """A valid ``YYYY-MM-DD``, else None."""
    if not DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def person_moment(text: str) -> int:
    """The second of any ISO time; UTC where it names no zone. Raises ValueError."""
    found = datetime.fromisoformat(text)
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())

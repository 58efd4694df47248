"""The vendor's stamps: US Central wall clock with its offset, to the second (``apis/`` sheet, section 13)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

STANDARD = timezone(timedelta(hours=-6))
SUMMER = timezone(timedelta(hours=-5))
MARCH, NOVEMBER, SUNDAY = 3, 11, 6


def stamp(moment: datetime) -> str:
    """``2026-07-10T09:00:00-05:00``."""
    return central(moment).isoformat(timespec="seconds")


def central(moment: datetime) -> datetime:
    """The same moment on a clock in Chicago."""
    start, end = _summer(moment.astimezone(UTC).year)
    return moment.astimezone(SUMMER if start <= moment < end else STANDARD)


def midnight(day: str) -> float | None:
    """Epoch seconds of 00:00 in Chicago on a day written ``YYYY-MM-DD…``; None when it is no date."""
    try:
        naive = datetime.fromisoformat(day[:10])
    except ValueError:
        return None
    guess = naive.replace(tzinfo=STANDARD)
    return naive.replace(tzinfo=central(guess).tzinfo).timestamp()


def epoch(text: str) -> float:
    """Seconds of a stamp written by `stamp`, or of any ISO time; naive ones are UTC."""
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def naive(text: str | None) -> str | None:
    """A stamp as the ``*_timestamp`` columns show it: server-local wall clock without an offset."""
    return text[:19].replace("T", " ") if text else None


def naive_utc(text: str | None) -> str | None:
    """A stamp as the ``*_utc_timestamp`` columns show it."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if text else None


@lru_cache(maxsize=64)
def _summer(year: int) -> tuple[datetime, datetime]:
    start = _sunday(year, MARCH, 8).replace(hour=8)
    return start, _sunday(year, NOVEMBER, 1).replace(hour=7)


def _sunday(year: int, month: int, earliest: int) -> datetime:
    first = datetime(year, month, earliest, tzinfo=UTC)
    return first + timedelta(days=(SUNDAY - first.weekday()) % 7)

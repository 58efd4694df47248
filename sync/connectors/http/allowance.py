"""What the headers of an answer say about time and allowance.

Known spellings: ``X-RateLimit-*`` (reset in epoch seconds or in seconds from now), ``RateLimit-*`` (IETF drafts:
reset in seconds from now), ``Retry-After`` (seconds or HTTP date), and a ``retry_after`` in the JSON body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

WAIT_MAX_S: Final = 900.0
_EPOCH_FROM: Final = 10**9
"""A reset above this is a point in time (2001 and later), below it a span."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The vendor's count: requests per window, left in it, and seconds until it begins anew. None: not told."""

    limit: int | None = None
    left: int | None = None
    reset_s: float | None = None


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """The server's clock, UTC."""
    return _http_date(headers.get("date", ""))


def allowance_of(headers: Mapping[str, str], now: datetime) -> Allowance:
    """The vendor's count; `now` is the server's time, for resets given as a point in time."""
    reset = _number(_first(headers, "reset"))
    if reset is not None and reset > _EPOCH_FROM:
        reset -= now.timestamp()
    return Allowance(_whole(_first(headers, "limit")), _whole(_first(headers, "remaining")), _clamp(reset))


def wait_of(headers: Mapping[str, str], data: Any, now: datetime) -> float | None:
    """How long a throttled caller must wait at least: the largest of what is told, clamped to 0 s .. 15 min."""
    told = (
        _retry_after(headers.get("retry-after", ""), now),
        _number(data.get("retry_after")) if isinstance(data, Mapping) else None,
        allowance_of(headers, now).reset_s,
    )
    waits = [wait for wait in map(_clamp, told) if wait is not None]
    return max(waits) if waits else None


def _first(headers: Mapping[str, str], name: str) -> str | None:
    return headers.get(f"x-ratelimit-{name}", headers.get(f"ratelimit-{name}"))


def _retry_after(text: str, now: datetime) -> float | None:
    seconds = _number(text)
    if seconds is not None:
        return seconds
    at = _http_date(text)
    return (at - now).total_seconds() if at else None


def _http_date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < float("inf") else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None or number < 0 else int(number)


def _clamp(seconds: float | None) -> float | None:
    return None if seconds is None else min(max(seconds, 0.0), WAIT_MAX_S)

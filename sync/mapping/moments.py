"""Dates and times in the spellings of the vendors; canonical times are UTC.

Salesforce writes `2026-11-20T09:15:02.000+0000` and keeps seconds (apis/salesforce.md 2.6); ActiveCampaign writes
`2020-05-19T02:45:00-05:00` and `0000-00-00` for none (apis/activecampaign.md 5). A time without a zone is UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from sync.mapping.lens import Codec, Encode, Options
from sync.mapping.numbers import number
from sync.mapping.text import norm_by, text
from sync.model.values import HELD, Absence, Canonical, Native

_DAY = len("2026-01-02")
_SECOND = len("2026-01-02T03:04:05")


def day(native: Native) -> str | Absence | None:
    """The calendar day that is written, without regard to zones."""
    raw = text(native)
    if not isinstance(raw, str) or isinstance(native, (int, float)):
        return HELD if isinstance(raw, str) else raw
    if raw.startswith("0000-00-00"):
        return None
    if len(raw) > _DAY and raw[_DAY] not in "T t":
        return HELD
    try:
        return date.fromisoformat(raw[:_DAY]).isoformat()
    except ValueError:
        return HELD


def moment(native: Native) -> str | Absence | None:
    """A point in time, in UTC."""
    raw = text(native)
    if not isinstance(raw, str) or isinstance(native, (int, float)):
        return HELD if isinstance(raw, str) else raw
    if raw.startswith("0000-00-00"):
        return None
    try:
        return spelled(datetime.fromisoformat(raw))
    except (ValueError, OverflowError):
        return HELD


def spelled(found: datetime) -> str:
    """A time as canonical text. Raises OverflowError at the ends of the calendar."""
    found = found.astimezone(UTC) if found.tzinfo else found
    return found.replace(tzinfo=None).isoformat() + "Z"


def from_epoch(native: Native) -> str | Absence | None:
    """Seconds (or, beyond the year 5138, milliseconds) since 1970, as a time."""
    found = number(native)
    if not isinstance(found, Decimal):
        return moment(native) if isinstance(native, str) else found
    seconds = found / 1000 if abs(found) >= 10**11 else found
    try:
        return spelled(datetime.fromtimestamp(float(seconds), UTC))
    except (ValueError, OverflowError, OSError):
        return HELD


def to_epoch(value: str) -> int:
    """Whole seconds since 1970 of a canonical date or time."""
    found = datetime.fromisoformat(value)
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() // 1)


def date_codec(options: Options) -> Codec:
    """`date`: `format` is date (default), datetime (midnight UTC) or epoch."""
    if options.format == "epoch":
        return Codec(lambda native: day(from_epoch(native)), to_epoch, norm_by(from_epoch))
    encode: Encode = (lambda value: f"{value}T00:00:00Z") if options.format == "datetime" else _same
    return Codec(day, encode, norm_by(day))


def datetime_codec(options: Options) -> Codec:
    """`datetime`: `format` is datetime (default), date (the day in UTC) or epoch."""
    if options.format == "epoch":
        return Codec(from_epoch, to_epoch, norm_by(from_epoch), lossy=True)
    if options.format == "date":
        return Codec(moment, lambda value: value[:_DAY], norm_by(day), lossy=True)
    if options.kind == "salesforce":
        return Codec(moment, _same, norm_by(_second), lossy=True)
    return Codec(moment, _same, norm_by(moment))


def _second(native: Native) -> str | Absence | None:
    found = moment(native)
    return found[:_SECOND] if isinstance(found, str) else found


def _same(value: Canonical) -> Native:
    return value

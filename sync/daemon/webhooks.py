"""Is this event the vendor's own, and is it new enough? What is verified is a hint to look, never a value to believe.

Abmatic signs the raw body (HMAC-SHA256, hex, optional ``sha256=``; the scheme is assumed: `apis/abmatic-conversion-letrics.md` 1.4).
Nothing dates the signature, so an old event may be replayed: older than a day, or dated ahead of our clock, it is acknowledged and
dropped. ActiveCampaign signs nothing (`apis/activecampaign.md` 12): its secret is the end of the path. 410 is never answered: it would
switch the vendor's hook off.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from sync.config import AbmaticConfig, ActivecampaignConfig, Secret, SystemConfig
from sync.daemon.spool import Arrived

TAKEN, DROPPED, REFUSED, UNSIGNED, UNKNOWN, TOO_LARGE = 200, 200, 400, 401, 404, 413
BUSY: Final = 503
SIZE_MAX: Final = 256 * 1024
AGE_MAX: Final = timedelta(hours=24)
AHEAD_MAX: Final = timedelta(hours=1)
"""An honest clock may be wrong by minutes, a zone by an hour."""
FORM_FIELDS_MAX: Final = 1000
_SIGNATURE_MAX: Final = 256


class Fate(str, Enum):
    """What becomes of a delivery."""

    TAKEN = "taken"
    OLD = "old"
    AHEAD = "ahead"
    UNREADABLE = "unreadable"
    UNSIGNED = "unsigned"
    UNKNOWN = "unknown"
    TOO_LARGE = "too_large"


_STATUS: Final[Mapping[Fate, int]] = {
    Fate.TAKEN: TAKEN,
    Fate.OLD: DROPPED,
    Fate.AHEAD: DROPPED,
    Fate.UNREADABLE: REFUSED,
    Fate.UNSIGNED: UNSIGNED,
    Fate.UNKNOWN: UNKNOWN,
    Fate.TOO_LARGE: TOO_LARGE,
}


@dataclass(frozen=True, slots=True)
class Judged:
    """A delivery, judged. ``arrived`` is there where it is taken."""

    fate: Fate
    arrived: Arrived | None = None

    @property
    def status(self) -> int:
        """The HTTP status to answer."""
        return _STATUS[self.fate]


def judge(
    config: SystemConfig | None, headers: Mapping[str, str], body: bytes, secret_path: str | None, now: datetime
) -> Judged:
    """What becomes of one delivery to a system. ``headers`` have names in lower case; `secret_path` is what follows the name."""
    if len(body) > SIZE_MAX:
        return Judged(Fate.TOO_LARGE)
    if isinstance(config, AbmaticConfig) and config.webhook_secret and not secret_path:
        return _signed(config, headers.get(config.webhook_header.lower(), ""), body, now)
    if isinstance(config, ActivecampaignConfig) and config.webhook_secret and secret_path:
        if not _matches(secret_path, (secret.reveal() for secret in config.webhook_secret)):
            return Judged(Fate.UNKNOWN)
        return _form(config.name, body, now)
    return Judged(Fate.UNKNOWN)


# Abmatic -----------------------------------------------------------------------------------------------------------------


def _signed(config: AbmaticConfig, signature: str, body: bytes, now: datetime) -> Judged:
    given = signature.removeprefix("sha256=")
    if len(given) > _SIGNATURE_MAX or not _matches(given, (_sign(body, secret) for secret in config.webhook_secret)):
        return Judged(Fate.UNSIGNED)
    try:
        told = orjson.loads(body)
    except ValueError:
        return Judged(Fate.UNREADABLE)
    if not isinstance(told, dict) or not isinstance(told.get("data"), dict):
        return Judged(Fate.UNREADABLE)
    return _dated(config.name, told.get("event"), _moment(told.get("timestamp")), body, body.decode(), now)


def _sign(body: bytes, secret: Secret) -> str:
    return hmac.new(secret.reveal().encode(), body, hashlib.sha256).hexdigest()


def _matches(given: str, rights: Iterable[str]) -> bool:
    """Whether it is one of them, in a time that tells nothing: all are compared."""
    spelled = given.encode("utf-8", "surrogatepass")
    return any([hmac.compare_digest(spelled, right.encode()) for right in rights])  # noqa: C419 - no early end


# ActiveCampaign ------------------------------------------------------------------------------------------------------------


def _form(system: str, body: bytes, now: datetime) -> Judged:
    """Form pairs as they are: keys like ``contact[fields][39]`` stay plain text."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX)
    except ValueError:
        return Judged(Fate.UNREADABLE)
    fields: dict[str, Any] = dict(pairs)
    at = _moment(fields.get("date_time"))
    told = {"event": fields.get("type"), "timestamp": at.isoformat() if at else None, "data": fields}
    return _dated(system, fields.get("type"), at, body, orjson.dumps(told).decode(), now)


# both ----------------------------------------------------------------------------------------------------------------------


def _dated(system: str, kind: Any, at: datetime | None, body: bytes, text: str, now: datetime) -> Judged:
    if not isinstance(kind, str) or not kind or at is None:
        return Judged(Fate.UNREADABLE)
    if now - at > AGE_MAX:
        return Judged(Fate.OLD)
    if at - now > AHEAD_MAX:
        return Judged(Fate.AHEAD)
    return Judged(Fate.TAKEN, Arrived(system, hashlib.sha256(body).hexdigest(), kind, text))


def _moment(spelled: Any) -> datetime | None:
    """A time of ISO 8601; without a zone it is UTC."""
    if not isinstance(spelled, str):
        return None
    try:
        found = datetime.fromisoformat(spelled)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None

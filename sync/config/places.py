"""Values that name a place or a time: URLs, the listen address, the state, cron lines and time zones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from sync.config.refused import Around, Refused
from sync.config.secrets import is_reference, resolve

_CRON: Final = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    ("weekday", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
_POSTGRES: Final = ("postgresql", "postgres", "postgresql+psycopg")


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the server listens. Port 0 picks a free one."""

    host: str
    port: int

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def base_url(value: Any, around: Around) -> str:
    """https, or http on loopback; without user, query or fragment; no slash at the end."""
    del around
    parts = _split(value)
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise Refused("a URL is expected", 'It begins with "https://".')
    if parts.username is not None or parts.password is not None:
        raise Refused("the URL holds a user name or password", "Take it out; secrets have keys of their own.")
    if parts.query or parts.fragment:
        raise Refused("the URL has a query or fragment", "End it at the path.")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise Refused("http:// is accepted for loopback only: the key would travel in the clear", "Use https://.")
    return str(value).rstrip("/")


def _split(value: Any) -> SplitResult:
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        _ = parts.port
    except ValueError:
        raise Refused("a URL is expected", 'It begins with "https://".') from None
    return parts


def listen(value: Any, around: Around) -> Listen:
    """HOST:PORT."""
    del around
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([\w.-]+)):(\d{1,5})", value) if isinstance(value, str) else None
    if not found or int(found[3]) > 65535:  # noqa: PLR2004 - the last port
        raise Refused(
            f"{value!r} is no address to listen on".replace("'", '"'), 'Write HOST:PORT, for example "127.0.0.1:8787".'
        )
    return Listen(found[1] or found[2], int(found[3]))


def state_url(value: Any, around: Around) -> str:
    """`sqlite:///FILE` (relative to the configuration) or `postgresql+psycopg://USER@HOST/DB`; may be a reference to one."""
    if not isinstance(value, str):
        raise Refused("a URL is expected", 'For example "sqlite:///crm-sync.db".')
    spelled = resolve(value, around).reveal() if is_reference(value) else value
    scheme, _, rest = spelled.partition("://")
    if scheme == "sqlite":
        return f"sqlite:///{_sqlite_file(rest, around)}"
    if scheme in _POSTGRES and rest:
        if not is_reference(value) and urlsplit(spelled).password:
            raise Refused(
                "a password is written in the state URL", "Use ~/.pgpass, or a reference: `env:CRM_SYNC_STATE_URL`."
            )
        return f"postgresql+psycopg://{rest}"
    known = re.match(r"[a-z][a-z0-9+]*(?=:)", spelled)
    raise Refused(
        f"the state cannot live in {known[0] if known else 'this'}",
        'Use "sqlite:///crm-sync.db" or "postgresql+psycopg://user@host/db".',
    )


def _sqlite_file(rest: str, around: Around) -> Path:
    if not rest.startswith("/") or rest == "/" or ":memory:" in rest:
        raise Refused("the state needs a file: it must outlive the program", 'Write "sqlite:///crm-sync.db".')
    return around.path(rest[1:]).absolute()


def cron(value: Any, around: Around) -> str:
    """Minute, hour, day, month, weekday. Sunday is 0 or 7, as in crontab files."""
    del around
    fields = value.split() if isinstance(value, str) else []
    if len(fields) != len(_CRON):
        raise Refused("a cron line has five fields", 'minute hour day month weekday, for example "0 3 * * *".')
    for spelled, (name, least, most, words) in zip(fields, _CRON, strict=True):
        if not all(_cron_item(item, least, most, words) for item in spelled.lower().split(",")):
            raise Refused(
                f"the {name} {spelled!r} of the cron line is out of bounds",
                f"{name}: {least} to {most}, *, */N, lists, ranges.",
            )
    return " ".join(fields)


def _cron_item(item: str, least: int, most: int, words: tuple[str, ...]) -> bool:
    body, slash, step = item.partition("/")
    if slash and not (step.isdigit() and 0 < int(step) <= most):
        return False
    if body == "*":
        return True
    ends = [words.index(end) + least if end in words else int(end) if end.isdigit() else -1 for end in body.split("-")]
    return len(ends) <= 2 and all(least <= end <= most for end in ends) and ends == sorted(ends)  # noqa: PLR2004


def timezone(value: Any, around: Around) -> str:
    """A name of the IANA time zone database."""
    del around
    import zoneinfo  # noqa: PLC0415 - only here

    try:
        if value != "UTC":  # known even where no database is installed
            zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise Refused(f"{value!r} is no time zone".replace("'", '"'), 'For example "UTC" or "Europe/Berlin".') from None
    return str(value)

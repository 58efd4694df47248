"""Abmatic's rows: reading a native path out of one.

The three revisions disagree about names, so a path also finds the name another revision uses (`apis/` 1.9).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from sync.connectors.abmatic.profiles import Endpoint
from sync.model.remote import Feed, NativeRecord
from sync.model.values import MISSING, Native

Row = Mapping[str, Any]

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("work_email",),
    "work_email": ("email",),
    "title": ("job_title",),
    "job_title": ("title",),
    "last_seen_at": ("last_seen",),
    "last_seen": ("last_seen_at",),
    "account_id": ("account.id",),
}

READ_ONLY: Final = re.compile(r"groups|analytics(\..*)?")
"""Paths this connector puts together itself: there is nothing to write them to."""


def read(row: Row, path: str) -> Native:
    """The value under a path: a flat key (which may hold a dot or a space), nested, or under an alias; else MISSING."""
    for name in (path, *ALIASES.get(path, ())):
        value = at(row, name)
        if value is not MISSING:
            return value
    return MISSING


def at(row: Row, path: str) -> Native:
    """The value under this very path, flat or nested; else MISSING."""
    if path in row:
        return row[path]
    head, dot, rest = path.partition(".")
    inner = row.get(head)
    return at(inner, rest) if dot and isinstance(inner, Mapping) else MISSING


_WITHOUT_CASE: Final = frozenset({"website", "email", "work_email"})


def key_of(endpoint: Endpoint, row: Row) -> str | None:
    """The row's identity, or None where it has none that can be used."""
    for name in endpoint.keys:
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            return value.lower() if name in _WITHOUT_CASE else value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None


def is_row_of(row: Any, key: str) -> bool:
    """Whether an answer is about the row that was asked for, by id or by the other documented identifiers."""
    return isinstance(row, Mapping) and key.casefold() in {name.casefold() for name in _names_of(row)}


def is_nameless(row: Row) -> bool:
    """Whether an answer does not tell which row it is about."""
    return not _names_of(row)


def _names_of(row: Row) -> list[str]:
    return [str(row[name]) for name in ("id", "website", "session_id") if row.get(name) is not None]


def record(feed: Feed, key: str, row: Row) -> NativeRecord:
    """The native record of a row, with the feed's paths alone."""
    found = {path: read(row, path) for path in feed.paths}
    stamp = row.get("updated_at")
    return NativeRecord(
        feed.object,
        key,
        {path: value for path, value in found.items() if value is not MISSING},
        version=stamp if isinstance(stamp, str) else None,
        changed_at=moment(stamp),
        created_at=moment(row.get("created_at")),
    )


def moment(value: Any) -> datetime | None:
    """A time of the API in UTC; one without a zone is taken as UTC (`apis/` 0.1)."""
    try:
        at = datetime.fromisoformat(value)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def pick(row: Row, paths: Iterable[str]) -> dict[str, Native]:
    """The values of a row under these paths, MISSING ones left out."""
    found = {path: read(row, path) for path in paths}
    return {path: value for path, value in found.items() if value is not MISSING}


class Told(Mapping[str, Native]):
    """A row that an answer carries, by native path. It tells no path that this connector puts together itself.

    It is found under every path that `read` knows; iterated are the row's own names.
    """

    def __init__(self, row: Row) -> None:
        self._row = row

    def __getitem__(self, path: str) -> Native:
        value = MISSING if READ_ONLY.fullmatch(path) else read(self._row, path)
        if value is MISSING:
            raise KeyError(path)
        return value

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._row if not READ_ONLY.fullmatch(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def comparable(path: str, value: Native) -> str:
    """A value as a search compares it: without case; an address of a website by its host without www."""
    text = str(value).strip().casefold()
    if path != "website":
        return text
    try:
        host = urlsplit(text if "://" in text else f"//{text}").hostname or text
    except ValueError:
        return text
    return host.removeprefix("www.").rstrip(".")

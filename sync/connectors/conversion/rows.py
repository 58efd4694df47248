"""Conversion's rows: a native path read out of one, and values laid into the item of a batch.

Native paths: ``email``, ``subscriptionStatus``, ``variables.NAME`` of contacts; ``id`` (ours), ``baseDomain``,
``variables.NAME`` of companies. A variable that is not in the answer is MISSING, not blank: names that the vendor does
not know may vanish without a word (T-C10), and that must never look like a person emptying a field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sync.connectors.conversion.profiles import Endpoint, Profile
from sync.model.remote import Feed, NativeRecord
from sync.model.values import MISSING, Native

Row = Mapping[str, Any]

STATUS: Final = "subscriptionStatus"
_VARIABLE: Final = "variables."
_ADDRESS: Final = re.compile(r"[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+")
_ID: Final = re.compile(r"[^\x00-\x1f\x7f]+")


def normal(address: Native) -> str:
    """An address as it is sent and as it names a contact: trimmed, lower case (`apis/` 2.6)."""
    return address.strip().lower() if isinstance(address, str) else ""


def is_key(endpoint: Endpoint, key: str) -> bool:
    """Whether this can name a row at all: reads by key put it into an address of the web."""
    pattern = _ADDRESS if endpoint.key == "email" else _ID
    return pattern.fullmatch(key) is not None and key not in (".", "..")


def bag_of(profile: Profile, row: Row) -> dict[str, Native]:
    """The variables of a row; none where it has none."""
    found = row.get(profile.bag)
    return dict(found) if isinstance(found, Mapping) else {}


def read(profile: Profile, endpoint: Endpoint, key: str, row: Row, path: str) -> Native:
    """The value under a path, or MISSING. Our key is taken from the request: an ``id`` in an answer may be the vendor's."""
    if path == endpoint.key:
        told = row.get("email") if path == "email" else None
        return told if isinstance(told, str) else key
    if path.startswith(_VARIABLE):
        name = path.removeprefix(_VARIABLE)
        return bag_of(profile, row).get(endpoint.names.get(name, name), MISSING)
    if path == STATUS:
        return row.get(profile.status_key, MISSING)
    return row.get(endpoint.names.get(path, path), MISSING)


def record(profile: Profile, feed: Feed, key: str, row: Row) -> NativeRecord:
    """The native record of a row, with the feed's paths alone."""
    endpoint = profile.endpoint(feed.object)
    found = {path: read(profile, endpoint, key, row, path) for path in feed.paths}
    return NativeRecord(
        feed.object,
        key,
        {path: value for path, value in found.items() if value is not MISSING},
        version=row["updatedAt"] if isinstance(row.get("updatedAt"), str) else None,
        changed_at=moment(row.get("updatedAt")),
        created_at=moment(row.get("createdAt")),
    )


def item(profile: Profile, endpoint: Endpoint, key: str, values: Mapping[str, Native]) -> dict[str, Any]:
    """The item of a batch: the key, the columns, and the variables that change."""
    body: dict[str, Any] = {endpoint.key: key}
    bag: dict[str, Native] = {}
    for path, value in values.items():
        if path.startswith(_VARIABLE):
            name = path.removeprefix(_VARIABLE)
            bag[endpoint.names.get(name, name)] = value
        elif path in endpoint.tops:
            body[endpoint.names.get(path, path)] = value
    return body | ({profile.bag: bag} if bag else {})


def is_writable(endpoint: Endpoint, path: str) -> bool:
    """Whether a path has a place in an item."""
    return path.startswith(_VARIABLE) or path in endpoint.tops or path == endpoint.key


def moment(value: Any) -> datetime | None:
    """A time of the API in UTC (C2 tells nanoseconds); one without a zone is taken as UTC (`apis/` 0.1)."""
    try:
        at = datetime.fromisoformat(value)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None

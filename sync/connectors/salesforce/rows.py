"""Turns a row of a query into a native record: the mapped paths, and what the row says about itself.

A converted Lead is handed over like a merge loser: the runner sees object ``Lead``, ``deleted=True`` and
``merged_into="003…"``, the Contact that took its place (an id of another object than the record's own).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sync.connectors.salesforce.ids import to18
from sync.model.remote import Feed, NativeRecord

STAMP = "SystemModstamp"
ABOUT = ("Id", "IsDeleted", STAMP, "LastModifiedDate", "LastModifiedById", "CreatedDate")
"""Columns that every object of interest has."""
ABOUT_MORE: Mapping[str, tuple[str, ...]] = {
    "Account": ("MasterRecordId",),
    "Contact": ("MasterRecordId",),
    "Lead": ("MasterRecordId", "IsConverted", "ConvertedContactId"),
}
"""Columns that only the objects have which can be merged or converted (apis/salesforce.md 5.3)."""


def columns(feed: Feed) -> tuple[str, ...]:
    """What to select: what rows say about themselves, then the feed's paths; each once."""
    return tuple(dict.fromkeys((*ABOUT, *ABOUT_MORE.get(feed.object, ()), *feed.paths)))


def record(row: Mapping[str, Any], feed: Feed, me: str | None) -> NativeRecord:
    """A row as a record. `me` is our user's id, by which our own last writes are known."""
    winner = row.get("MasterRecordId") or (row.get("ConvertedContactId") if row.get("IsConverted") is True else None)
    author = row.get("LastModifiedById")
    return NativeRecord(
        object=feed.object,
        id=full_id(row["Id"]),
        values=values(row, feed.paths),
        version=row.get(STAMP),
        changed_at=moment(row.get("LastModifiedDate") or row.get(STAMP)),
        created_at=moment(row.get("CreatedDate")),
        deleted=bool(row.get("IsDeleted")) or winner is not None,
        merged_into=full_id(winner) if winner else None,
        by_us=full_id(author) == me if me and author else None,
    )


def values(row: Mapping[str, Any], paths: Sequence[str]) -> dict[str, Any]:
    """The paths that the row has; a path below an empty relationship is None, one that is not there is left out."""
    found = ((path, pluck(row, path)) for path in paths)
    return {path: value for path, value in found if value is not _NOTHING}


def pluck(row: Any, path: str) -> Any:
    """The value under a dotted path."""
    for name in path.split("."):
        if row is None:
            return None
        if not isinstance(row, Mapping) or name not in row:
            return _NOTHING
        row = row[name]
    return row


def moment(text: Any) -> datetime | None:
    """A Salesforce date-time (``…02.000+0000``), in UTC; None where it is none."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if isinstance(text, str) else None
    except ValueError:
        return None


def full_id(text: Any) -> str:
    """The 18-character form; what is no id stays as it is."""
    return to18(str(text)) or str(text)


_NOTHING = object()

"""A contact as one row: its columns, and under paths of their own what hangs on it.

``fields.TAG`` is a custom value, ``lists.NAME`` the status on a list, ``tags`` the names of all tags, ``account`` the id of the
account. A hard bounce is told as status 3 on every list and an erased person as ``erased``: nobody mails either, whatever
the list says (`apis/activecampaign.md` 14).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sync.connectors.activecampaign.api import Row
from sync.connectors.activecampaign.directory import Directory
from sync.connectors.activecampaign.sides import ACCOUNTS, LISTS, TAGS, VALUES, Sides
from sync.connectors.activecampaign.values import column, moment
from sync.model.remote import Feed, NativeRecord
from sync.model.values import MISSING, Absence, Native

COLUMNS: Final = ("email", "firstName", "lastName", "phone")
"""What may be written of the row itself."""
BOUNCED: Final = "3"
ERASED: Final = "erased"
_STRICTEST: Final = (BOUNCED, "2", "0")


class People:
    """Makes native records of contacts."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def record(self, feed: Feed, row: Row, sides: Sides) -> NativeRecord:
        """One contact with the paths of the feed, as far as they were told."""
        read = {path: self._value(path, row, sides) for path in feed.paths}
        values = {path: value for path, value in read.items() if value is not MISSING}
        created = moment(row.get("cdate"))
        return NativeRecord(
            feed.object,
            str(row["id"]),
            values,
            version=str(row.get("udate") or row.get("cdate") or ""),
            changed_at=moment(row.get("udate")) or created,
            created_at=created,
        )

    def _value(self, path: str, row: Row, sides: Sides) -> Native | Absence:
        head, _, name = path.partition(".")
        contact = str(row["id"])
        if head == "lists" and name:
            return self._status(name, row, sides.of(LISTS, contact))
        if is_erased(row):
            return MISSING
        if head == "fields" and name:
            return self._custom(name, sides.of(VALUES, contact))
        if path == "tags":
            return self._tags(sides.of(TAGS, contact))
        if path == "account":
            return _account(sides.of(ACCOUNTS, contact))
        return column(row[path]) if path in row else MISSING

    def _custom(self, name: str, rows: list[Row] | None) -> Native | Absence:
        if rows is None:
            return MISSING
        field_id = self._directory.find("fields", name)
        if field_id is None:
            return MISSING
        return next((row.get("value") for row in rows if str(row.get("field")) == field_id), None)

    def _status(self, name: str, row: Row, rows: list[Row] | None) -> Native | Absence:
        if is_erased(row):
            return ERASED
        if str(row.get("bounced_hard") or "0") not in ("0", ""):
            return BOUNCED
        if rows is None:
            return MISSING
        list_id = self._directory.find("lists", name)
        if list_id is None:
            return MISSING
        return status_on(rows, list_id)

    def _tags(self, rows: list[Row] | None) -> Native | Absence:
        if rows is None:
            return MISSING
        found = [self._directory.row("tags", str(row.get("tag"))) for row in rows]
        return sorted(str(tag.get("tag")) for tag in found if tag is not None)


def status_on(rows: Iterable[Row], list_id: str) -> str | None:
    """The status on one list; the strictest, should a contact be on it twice."""
    found = [str(row.get("status")) for row in rows if str(row.get("list")) == list_id]
    return next((strict for strict in _STRICTEST if strict in found), found[0] if found else None)


def is_erased(row: Row) -> bool:
    """Whether the vendor has made a person unrecognisable."""
    return str(row.get("anonymized") or "0") == "1"


def is_gone(row: Row) -> bool:
    """Whether a row says of itself that it was deleted."""
    return str(row.get("deleted") or "0") == "1"


def _account(rows: list[Row] | None) -> Native | Absence:
    if rows is None:
        return MISSING
    return next((str(row["account"]) for row in rows if str(row.get("account") or "0") != "0"), None)

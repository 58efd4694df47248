"""The collections beside contacts, read: walked as a whole, because none of them can be asked what changed.

An account's custom values are a table of their own, whose rows do not move the account's time of change, so that table is read beside it
where a mapping needs it (`apis/activecampaign.md` 7, 13). Deals alone know a filter by time; their list is short enough without.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sync.connectors.activecampaign.answers import holds, is_absent
from sync.connectors.activecampaign.api import LIMIT, Api, Row, rows_of, total_of
from sync.connectors.activecampaign.directory import META, Directory
from sync.connectors.activecampaign.objects import Endpoint, endpoint_of
from sync.connectors.activecampaign.place import Place, digest
from sync.connectors.activecampaign.unseen import Unseen
from sync.connectors.activecampaign.values import account_value, column, moment
from sync.connectors.activecampaign.where import passes
from sync.errors import UnreachableError
from sync.model.remote import Feed, NativeRecord, Page
from sync.model.values import MISSING, Absence, Native

DATA: Final = "accountCustomFieldData"
_DAY: Final = timedelta(days=1)
_FEW: Final = 3
_PAGE: Final = 1000

Values = Mapping[str, Sequence[Row]]


class Others:
    """The reads of one connector but for contacts."""

    def __init__(self, api: Api, directory: Directory, unseen: Unseen, overlap: timedelta) -> None:
        self._api = api
        self._directory = directory
        self._unseen = unseen
        self._overlap = overlap

    def pull(self, feed: Feed, cursor: str | None, *, full: bool) -> Iterator[Page]:
        """Everything where asked or at first; else what says that it changed since, or does not say."""
        endpoint, place = endpoint_of(feed.object), self._unseen.resume(feed, Place.parse(cursor, digest(feed)))
        walk = self._api.all(endpoint.route, endpoint.key)
        blind = self._unseen.note(feed)
        values = self._values(feed, walk.rows, whole=True)
        since = None if full else place.since
        rows = passes(feed, walk.rows.values())
        if since is not None:
            floor = min(since, walk.at) - self._overlap  # the vendor's clock may have been put back
            rows = [row for row in rows if _is_fresh(endpoint, row, values, floor)]
        for start in range(0, max(1, len(rows)), _PAGE):
            records = tuple(self._record(feed, endpoint, row, values) for row in rows[start : start + _PAGE])
            last = start + _PAGE >= len(rows)
            cursor = Place(place.feed, walk.at, blind=blind).dump() if last else None
            yield Page(records, cursor, complete=last and walk.held and since is None, total=len(rows))

    def fetch(self, feed: Feed, ids: Sequence[str]) -> Mapping[str, NativeRecord | None]:
        """Rows by id, read now: each alone, or the whole list where that is less; who is not on it is asked for alone."""
        endpoint = endpoint_of(feed.object)
        rows: dict[str, Row] = {}
        if len(ids) > _FEW:
            first = self._api.read(endpoint.route, params={"limit": 1}, shape=holds(endpoint.key))
            total = total_of(first.data)
            if total is not None and total <= len(ids) * LIMIT // 2:
                rows = self._api.all(endpoint.route, endpoint.key).rows
        found = {name: rows[name] if name in rows else self._alone(endpoint, name) for name in dict.fromkeys(ids)}
        there = {name: row for name, row in found.items() if row is not None}
        values = self._values(feed, there)
        self._api.client.meter.add(read=len(there))
        return {name: self._record(feed, endpoint, row, values) if row else None for name, row in found.items()}

    def lookup(self, feed: Feed, path: str, wanted: Sequence[Native]) -> Mapping[str, tuple[NativeRecord, ...]]:
        """Rows whose `path` is this text, without regard to case; accounts by name are searched, others walked."""
        endpoint = endpoint_of(feed.object)
        everything = (
            None if (feed.object, path) == ("accounts", "name") else self._api.all(endpoint.route, endpoint.key).rows
        )
        found = {}
        for value in wanted:
            name = str(value).strip()
            rows = (
                everything
                if everything is not None
                else self._api.all(endpoint.route, endpoint.key, {"search": name}).rows
            )
            same = {
                key: row for key, row in rows.items() if str(row.get(path) or "").strip().casefold() == name.casefold()
            }
            values = self._values(feed, same)
            found[str(value)] = tuple(self._record(feed, endpoint, row, values) for row in same.values() if name)
        return found

    def alone(self, object_name: str, name: str) -> Row | None:
        """One row as it stands, or None where it is gone."""
        return self._alone(endpoint_of(object_name), name)

    def _alone(self, endpoint: Endpoint, name: str) -> Row | None:
        shape = holds(endpoint.single, endpoint.key)
        answer = self._api.read(f"{endpoint.route}/{{id}}", parts={"id": name}, shape=shape, accept=(403, 404))
        if is_absent(answer):
            return None
        rows = [*rows_of(answer.data, endpoint.single), *rows_of(answer.data, endpoint.key)]
        for row in rows:
            if str(row["id"]) == name:
                return row
        raise UnreachableError(
            f"{self._api.system}: {endpoint.route}/{{id}} {answer.summary} without saying whether the row exists",
            system=self._api.system,
        )

    # an account's custom values ------------------------------------------------------------------------------------------

    def _values(self, feed: Feed, rows: Mapping[str, Row], *, whole: bool = False) -> Values:
        """Custom values by account, where the feed has some. ``whole``: the accounts are all that there are."""
        if feed.object != "accounts" or not rows or not any(path.startswith("fields.") for path in feed.paths):
            return {}
        found: defaultdict[str, list[Row]] = defaultdict(list)
        for row in self._whole_table() if whole or not self._is_less_alone(len(rows)) else self._asked_alone(rows):
            if _owner(row) in rows:
                found[_owner(row)].append(row)
        return found

    def _is_less_alone(self, accounts: int) -> bool:
        """Whether a call for each account is less than the table of all values."""
        if accounts <= _FEW:
            return True
        first = self._api.read(f"/{DATA}", params={"limit": 1}, shape=holds(DATA))
        return (total_of(first.data) or 0) > accounts * LIMIT

    def _whole_table(self) -> Iterable[Row]:
        return self._api.all(f"/{DATA}", DATA).rows.values()

    def _asked_alone(self, accounts: Iterable[str]) -> Iterator[Row]:
        """The values of each account. Where the filter has no effect, the first answer is the table of all."""
        for account in accounts:
            rows = self._api.all(f"/{DATA}", DATA, {"filters[customerAccountId]": account}).rows.values()
            if any(_owner(row) != account for row in rows):
                yield from rows
                return
            yield from rows

    def _record(self, feed: Feed, endpoint: Endpoint, row: Row, values: Values) -> NativeRecord:
        read = {path: self._value(path, row, values) for path in feed.paths}
        changed = moment(row.get(endpoint.changed or ""))
        created = moment(row.get(endpoint.created or ""))
        return NativeRecord(
            feed.object,
            str(row["id"]),
            {path: value for path, value in read.items() if value is not MISSING},
            version=str(row.get(endpoint.changed or "") or "") or None,
            changed_at=changed or created,
            created_at=created,
        )

    def _value(self, path: str, row: Row, values: Values) -> Native | Absence:
        head, _, name = path.partition(".")
        if head == "fields" and name:
            field_id = self._directory.find(META, name)
            if field_id is None:
                return MISSING
            meta = self._directory.row(META, field_id) or {}
            rows = values.get(str(row["id"]), ())
            found = next((value for value in rows if str(value.get("customFieldId")) == field_id), None)
            return None if found is None else account_value(meta, found.get("fieldValue"))
        return column(row[path]) if path in row else MISSING


def _owner(value: Row) -> str:
    """The account of a custom value, in either spelling of the documents."""
    return str(value.get("customerAccountId") or value.get("accountId"))


def _is_fresh(endpoint: Endpoint, row: Row, values: Values, floor: datetime) -> bool:
    """Whether a row, or one of its custom values, changed since; where that is not told it may have."""
    changed = moment(row.get(endpoint.changed or "")) or (
        moment(row.get(endpoint.created or "")) if endpoint.changed else None
    )
    if changed is None or changed >= floor:
        return True
    return any(_value_changed(value) >= floor for value in values.get(str(row["id"]), ()))


def _value_changed(value: Row) -> datetime:
    """When a custom value changed: a wall clock without a zone, so it is taken a day late."""
    try:
        told = datetime.fromisoformat(str(value.get("updatedTimestamp")))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return (told if told.tzinfo else told.replace(tzinfo=UTC)) + _DAY

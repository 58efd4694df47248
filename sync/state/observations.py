"""What was read from the systems, and how far.

Crash paragraph: the rows of a page, their match keys, the marks on the records they belong to and the cursor are one
transaction, so a cursor never passes a row that is not stored. A page that is read again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sync.model.record import LinkState, Observation
from sync.model.remote import NativeRecord
from sync.model.values import Native
from sync.state.consent import Consent
from sync.state.documents import dump, load, moment, moment_or_none, stamp
from sync.state.door import array
from sync.state.page import Known, PagePlan, Prior
from sync.state.rows import Holder, Keys, Seen, Unlinked
from sync.state.statements import asked, insert, within
from sync.state.tables import CursorTable, MatchKeyTable, ObservedTable

OBSERVATION = (
    "number, system, object, remote_id, image, version, changed_at, unchanged_at, seen_at, deleted, merged_into"
)
"""The columns that `observation` takes, in its order."""

WALK = "+"
"""Behind the fingerprint of a feed: the cursor of a walk from the start that is not complete yet."""

_O = ", ".join("o." + name for name in OBSERVATION.split(", "))
_KNOWN = within(
    "SELECT remote_id, number, digest, version, deleted, merged_into, created_at FROM observed"
    " WHERE system = ? AND object = ? AND remote_id IN @list"
)
_IMAGES = within("SELECT number, image FROM observed WHERE number IN @list")
_NEW = insert(ObservedTable, without=())
_CHANGED = (
    "UPDATE observed SET entity = ?, version = ?, changed_at = coalesce(?, changed_at),"
    " created_at = coalesce(?, created_at),"
    " unchanged_at = seen_at, seen_at = ?, deleted = ?, merged_into = ?,"
    " dirty = NOT EXISTS (SELECT 1 FROM link WHERE link.observed_number = observed.number), sweep = coalesce(?, sweep),"
    " absent = 0, digest = ?, image = ? WHERE number = ?"
)
_SWEPT = within(
    "UPDATE observed SET sweep = coalesce(?, sweep), absent = 0 WHERE system = ? AND object = ? AND remote_id IN @list"
)
_TOUCH = within("UPDATE observed SET seen_at = ?, sweep = coalesce(?, sweep), absent = 0 WHERE number IN @list")
_VERSION = "UPDATE observed SET version = ? WHERE number = ?"
_DROP_KEYS = within("DELETE FROM match_key WHERE observed_number IN @list")
_DROP_SHOWN_KEYS = "DELETE FROM match_key WHERE observed_number = ? AND field NOT IN (SELECT value FROM json_each(?))"
_KEY = insert(MatchKeyTable, "ON CONFLICT DO NOTHING", without=())
_MARK = within(
    "UPDATE record SET pending = 2 WHERE pending < 2 AND status = 'live' AND number IN"
    " (SELECT record_number FROM link WHERE observed_number IN @list)"
)
_OTHER_FEEDS = within("DELETE FROM cursor WHERE system = ? AND object = ? AND feed NOT IN @list")
_CURSOR = insert(
    CursorTable,
    "ON CONFLICT (system, object, feed) DO UPDATE SET cursor = excluded.cursor, at = excluded.at",
    without=(),
)
_STRANGE = within("UPDATE link SET exchange = '{}' WHERE observed_number IN @list")
_CLEAN = within("UPDATE observed SET dirty = 0 WHERE number IN @list")
_UNLINKED = (
    f"SELECT {_O} FROM observed AS o WHERE o.entity = ? AND o.dirty = 1 AND o.number > ?"  # noqa: S608 - column names
    " AND NOT EXISTS (SELECT 1 FROM link WHERE link.observed_number = o.number) ORDER BY o.number LIMIT ?"
)
_UNLINKED_OF = within(
    f"SELECT {_O} FROM observed AS o WHERE o.system = ? AND o.object = ? AND o.remote_id IN @list AND o.dirty = 1"  # noqa: S608 - column names
    " AND NOT EXISTS (SELECT 1 FROM link WHERE link.observed_number = o.number) ORDER BY o.number"
)
_KEYS_OF = within("SELECT observed_number, field, value FROM match_key WHERE observed_number IN @list ORDER BY 1, 2, 3")
_HOLDERS = asked(
    "SELECT k.field, k.value, o.number, o.system, o.object, o.remote_id, o.deleted, r.number, r.id, l.state"
    " FROM @asked CROSS JOIN match_key AS k ON k.entity = ? AND k.field = asked.field AND k.value = asked.value"
    " JOIN observed AS o ON o.number = k.observed_number LEFT JOIN link AS l ON l.observed_number = o.number"
    " LEFT JOIN record AS r ON r.number = l.record_number ORDER BY o.number",
    ("field", "value"),
)
_OBSERVED = within(
    f"SELECT {OBSERVATION} FROM observed WHERE system = ? AND object = ? AND remote_id IN @list"  # noqa: S608 - column names
)
_TWIN = (
    "SELECT 1 FROM observed AS o WHERE o.system = ? AND o.object = ? AND o.deleted = 0 AND o.number <> ? AND instr(o.image, ?) > 0"
    " AND NOT EXISTS (SELECT 1 FROM json_each(?) AS asked WHERE NOT EXISTS (SELECT 1 FROM json_each(o.image) AS held"
    " WHERE held.key = json_extract(asked.value, '$[0]') AND held.value IS json_extract(asked.value, '$[1]')))"
    " AND NOT EXISTS (SELECT 1 FROM link AS l JOIN record AS r ON r.number = l.record_number"
    " WHERE l.observed_number = o.number AND r.id = ?) LIMIT 1"
)
_NOT_IN_SWEEP = (
    f"SELECT {OBSERVATION} FROM observed WHERE entity = ? AND system = ? AND object = ? AND deleted = 0"  # noqa: S608 - column names
    " AND sweep IS NOT ? AND number > ? ORDER BY number LIMIT ?"
)
_ABSENT = within(
    "UPDATE observed SET absent = absent + 1, absent_run = ?"
    " WHERE number IN @list AND deleted = 0 AND absent_run IS NOT ?"
)
_GONE = within(
    "UPDATE observed SET deleted = 1, unchanged_at = seen_at WHERE number IN @list AND deleted = 0 AND absent >= ?"
    " RETURNING number"
)


def observation(row: Sequence[Any]) -> Observation:
    """An observed row as the model has it."""
    number, system, object_, remote_id, image, version, changed, unchanged, seen, deleted, merged_into = row
    times = moment_or_none(changed), moment_or_none(unchanged), moment(seen)
    return Observation(number, system, object_, remote_id, load(image), version, *times, bool(deleted), merged_into)


class Observations(Consent):
    """Remote rows as last observed."""

    def cursor(self, system: str, object: str, feed: str) -> str | None:  # noqa: A002 - the field's word
        """How far this very feed was read; None: from the start.

        ``feed`` is the fingerprint of what it asks for, with a `WALK` behind it for a walk from the start that goes on
        after a break.
        """
        sql = "SELECT cursor FROM cursor WHERE system = ? AND object = ? AND feed = ?"
        found: str | None = self._value(sql, system, object, feed)
        return found

    def cursors(self, system: str) -> list[str]:
        """The cursors of all objects of a system, in no order."""
        return [cursor for (cursor,) in self._rows("SELECT cursor FROM cursor WHERE system = ?", system)]

    def keep_cursors(self, system: str, object: str, feeds: Sequence[str]) -> None:  # noqa: A002 - the field's word
        """Drops the cursors of all other feeds of an object: the rows that they passed lack what the feeds of today read."""
        self._write(_OTHER_FEEDS, system, object, array([*feeds, *(feed + WALK for feed in feeds)]))

    def drop_cursor(self, system: str, object: str, feed: str) -> None:  # noqa: A002 - the field's word
        """The next walk of this feed starts anew."""
        self._write("DELETE FROM cursor WHERE system = ? AND object = ? AND feed = ?", system, object, feed)

    def save_page(
        self,
        entity: str,
        system: str,
        object: str,  # noqa: A002 - the field's word
        feed: str,
        rows: Sequence[Seen],
        *,
        cursor: str | None,
        seen_at: datetime,
        sweep: str | None,
        news: bool = True,
    ) -> int:
        """Stores a page and, if there is one, its cursor; returns how many rows are new or changed.

        A row changed when its image, its deletion or its merge did; then it is dirty, its record is pending and its
        ``unchanged_at`` is the time it was last seen as it was. Other rows only move ``seen_at`` and ``version``. A
        deleted row keeps the values it does not bring. A forgotten person is not stored. ``sweep`` marks the rows of
        one complete enumeration. What was made anew under its old name has exchanged nothing yet: its blanks are no
        edits. Without ``news`` (the rows show what we wrote ourselves) no record becomes pending.
        """
        with self.transaction():
            rows = self._without_forgotten(system, object, rows)
            plan = PagePlan(entity, system, object, stamp(seen_at), sweep)
            known = self._known(system, object, rows)
            plan.take(rows, known, self._last_images(rows, known))
            self._store_page(plan, news=news)
            if cursor is not None:
                self._execute(_CURSOR, (system, object, feed, cursor, plan.seen_at))
        return plan.changed_count

    def _known(self, system: str, object_: str, rows: Sequence[Seen]) -> Known:
        found = self._rows(_KNOWN, system, object_, array(row.record.id for row in rows))
        return {row[0]: Prior(*row[1:]) for row in found}

    def _last_images(self, rows: Sequence[Seen], known: Known) -> dict[int, Mapping[str, Any]]:
        """The images that rows deleted now may have to keep."""
        numbers = [known[row.record.id].number for row in rows if row.record.deleted and row.record.id in known]
        return {number: load(image) for number, image in self._rows(_IMAGES, array(numbers))} if numbers else {}

    def _store_page(self, plan: PagePlan, *, news: bool) -> None:
        first = (self._value("SELECT max(number) FROM observed") or 0) + 1
        self._many(_NEW, plan.new_rows(first))
        self._many(_CHANGED, plan.changed)
        self._many(_VERSION, plan.versions)
        if plan.touched:
            self._execute(_TOUCH, (plan.seen_at, plan.sweep, array(plan.touched)))
        if plan.reborn:
            self._execute(_STRANGE, (array(plan.reborn),))
        if plan.changed and news:
            self._execute(_MARK, (array(row[-1] for row in plan.changed),))
        if plan.rekeyed:
            self._execute(_DROP_KEYS, (array(plan.rekeyed),))
        self._many(_DROP_SHOWN_KEYS, [(number, array(hidden)) for number, hidden in plan.partly_rekeyed])
        self._many(_KEY, plan.keys)

    def mark_there(self, system: str, object: str, remote_ids: Sequence[str], sweep: str | None) -> None:  # noqa: A002
        """These rows exist, as an enumeration (``sweep``) has shown; what it showed of them is older than what is known."""
        self._write(_SWEPT, sweep, system, object, array(remote_ids))

    def mark_clean(self, numbers: Iterable[int]) -> None:
        """These observed rows have been looked at by the matching."""
        self._write(_CLEAN, array(numbers))

    def unlinked(self, entity: str, *, after: int, limit: int) -> list[Unlinked]:
        """Changed rows without a link, by number, beginning after one."""
        found = [observation(row) for row in self._rows(_UNLINKED, entity, after, limit)]
        keys = self._keys_of([each.number for each in found])
        return [Unlinked(each, keys.get(each.number, ())) for each in found]

    def unlinked_of(self, system: str, object: str, remote_ids: Sequence[str]) -> list[Unlinked]:  # noqa: A002
        """Those of these rows that changed and have no link, by number."""
        found = [observation(row) for row in self._rows(_UNLINKED_OF, system, object, array(remote_ids))]
        keys = self._keys_of([each.number for each in found])
        return [Unlinked(each, keys.get(each.number, ())) for each in found]

    def _keys_of(self, numbers: Sequence[int]) -> dict[int, Keys]:
        keys: dict[int, Keys] = {}
        for number, field, value in self._rows(_KEYS_OF, array(numbers)):
            keys[number] = (*keys.get(number, ()), (field, value))
        return keys

    def by_key(self, entity: str, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[Holder]]:
        """Who holds each match key, oldest first; every pair asked for is in the answer."""
        holders: dict[tuple[str, str], list[Holder]] = {pair: [] for pair in pairs}
        for field, value, *row in self._rows(_HOLDERS, array(holders), entity):
            holders[field, value].append(_holder(row))
        return holders

    def observed(self, system: str, object: str, remote_ids: Sequence[str]) -> dict[str, Observation]:  # noqa: A002
        """The stored rows of these remote ids, by remote id."""
        found = map(observation, self._rows(_OBSERVED, system, object, array(remote_ids)))
        return {each.remote_id: each for each in found}

    def has_twin(self, seen: Observation, values: Mapping[str, Native], record: str) -> bool:
        """Whether another live row of the object, and not of this record, holds these very values (by native path).

        Reads the object's rows: for rare questions.
        """
        plain = [
            value for value in values.values() if isinstance(value, str) and value.isascii() and value.isprintable()
        ]
        rarest = max(map(dump, plain), key=len, default="")  # written alike in every image; saves reading most of them
        pairs = dump([[path, value] for path, value in values.items()])
        return self._value(_TWIN, seen.system, seen.object, seen.number, rarest, pairs, record) is not None

    def not_in_sweep(
        self,
        entity: str,
        system: str,
        object: str,  # noqa: A002 - the field's word
        sweep: str,
        *,
        after: int,
        limit: int,
    ) -> list[Observation]:
        """Rows not deleted that a complete enumeration did not show, by number, beginning after one."""
        return [observation(row) for row in self._rows(_NOT_IN_SWEEP, entity, system, object, sweep, after, limit)]

    def mark_absent(self, numbers: Sequence[int], *, run: str, times: int) -> list[int]:
        """These rows were positively not there in this run; after so many runs in a row they count as deleted.

        Returns the numbers of those that do now. A run counts once, and being seen sets the count back.
        """
        with self.transaction():
            self._execute(_ABSENT, (run, array(numbers), run))
            gone = [number for (number,) in self._rows(_GONE, array(numbers), times)]
            self._execute(_MARK, (array(gone),))
        return gone

    def observe(self, entity: str, system: str, object: str, record: NativeRecord, *, at: datetime) -> None:  # noqa: A002
        """Stores one row that was read on its own; its match keys stay as they are until the feed brings it."""
        with self.transaction():
            known = self._known(system, object, [Seen(record)])
            keys = self._keys_of([prior.number for prior in known.values()])
            for seen in self._without_forgotten(system, object, [Seen(record, next(iter(keys.values()), ()))]):
                plan = PagePlan(entity, system, object, stamp(at), None)
                plan.take([seen], known, self._last_images([seen], known))
                self._store_page(plan, news=True)


def _holder(row: Sequence[Any]) -> Holder:
    number, system, object_, remote_id, deleted, record_number, record, state = row
    linked = None if state is None else LinkState(state)
    return Holder(number, system, object_, remote_id, bool(deleted), record, linked, record_number)

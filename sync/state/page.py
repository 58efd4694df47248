"""Sorts a page into new, changed and merely seen rows; pure. What it finds is stored by `observations`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sync.state.documents import image, stamp_or_none
from sync.state.rows import Keys, Seen


class Prior(NamedTuple):
    """What is stored of a row."""

    number: int
    digest: bytes
    version: str | None
    deleted: int
    merged_into: str | None
    created_at: int | None


Known = Mapping[str, Prior]

_BIRTH_MARGIN = 60_000_000
"""Microseconds by which two tellings of one creation may differ."""


class PagePlan:
    """The rows to store, as parameters of their statements.

    ``reborn``: rows that were made anew under a name that was known, where the system names them by an address or an id of the caller's.
    """

    def __init__(self, entity: str, system: str, object_: str, seen_at: int, sweep: str | None) -> None:
        self.seen_at = seen_at
        self.sweep = sweep
        self.changed: list[tuple[Any, ...]] = []
        self.versions: list[tuple[Any, ...]] = []
        self.touched: list[int] = []
        self.reborn: list[int] = []
        self.rekeyed: list[int] = []
        self.partly_rekeyed: list[tuple[int, tuple[str, ...]]] = []
        self.keys: list[tuple[str, str, str, int]] = []
        self._entity = entity
        self._place = (entity, system, object_)
        self._new: list[Seen] = []

    @property
    def changed_count(self) -> int:
        """New and changed rows."""
        return len(self._new) + len(self.changed)

    def take(self, rows: Sequence[Seen], known: Known, images: Mapping[int, Mapping[str, Any]]) -> None:
        """Sorts the rows. A remote id that comes twice counts as it came last."""
        for row in _last_of_each(rows):
            prior = known.get(row.record.id)
            if prior is None:
                self._new.append(row)
            else:
                self._compare(row, prior, images)

    def _compare(self, row: Seen, prior: Prior, images: Mapping[int, Mapping[str, Any]]) -> None:
        record = row.record
        values = {**images[prior.number], **record.values} if record.deleted else record.values
        text, digest = image(values)
        if digest == prior.digest and record.deleted == prior.deleted and record.merged_into == prior.merged_into:
            self.touched.append(prior.number)
            if record.version != prior.version:
                self.versions.append((record.version, prior.number))
            return
        stamps = (stamp_or_none(record.changed_at), stamp_or_none(record.created_at), self.seen_at)
        if stamps[1] is not None and prior.created_at is not None and stamps[1] > prior.created_at + _BIRTH_MARGIN:
            self.reborn.append(prior.number)
        state = (record.deleted, record.merged_into, self.sweep, digest, text)
        self.changed.append((self._entity, record.version, *stamps, *state, prior.number))
        if row.keys or not record.deleted:
            self._rekey(row, prior.number)

    def _rekey(self, row: Seen, number: int) -> None:
        """The keys that the row shows replace those it had; a column that is hidden says nothing."""
        if row.hidden:
            self.partly_rekeyed.append((number, row.hidden))
        else:
            self.rekeyed.append(number)
        self._add_keys(row.keys, number)

    def _add_keys(self, keys: Keys, number: int) -> None:
        for field, value in keys:
            if _is_storable(value):
                self.keys.append((self._entity, field, value, number))

    def new_rows(self, number: int) -> list[tuple[Any, ...]]:
        """The new rows, numbered from here on; their keys join the others."""
        rows = []
        for number, row in enumerate(self._new, number):  # noqa: B020, PLR1704 - it counts on
            record = row.record
            text, digest = image(record.values)
            stamps = (stamp_or_none(record.changed_at), stamp_or_none(record.created_at), None, self.seen_at)
            state = (record.deleted, record.merged_into, True, self.sweep, 0, None, digest, text)
            rows.append((number, *self._place, record.id, record.version, *stamps, *state))
            self._add_keys(row.keys, number)
        return rows


def _last_of_each(rows: Sequence[Seen]) -> list[Seen]:
    latest: dict[str, Seen] = {}
    for row in rows:
        earlier = latest.get(row.record.id)
        if earlier is None or not row.record.deleted:
            latest[row.record.id] = row
        else:
            whole = replace(row.record, values={**earlier.record.values, **row.record.values})
            latest[row.record.id] = Seen(whole, row.keys or earlier.keys, row.hidden)
    return list(latest.values())


def _is_storable(value: str) -> bool:
    """Whether a text is one: half a surrogate pair matches nothing, and no table takes it."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True

"""Sorts a page into new, changed and merely seen rows; pure. What it finds is stored by `observations`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sync.model.remote import NativeRecord
from sync.state.documents import image, stamp_or_none
from sync.state.rows import Keys, Seen


class Prior(NamedTuple):
    """What is stored of a row."""

    number: int
    digest: bytes
    version: str | None
    deleted: int
    merged_into: str | None


Known = Mapping[str, Prior]


class PagePlan:
    """The rows to store, as parameters of their statements."""

    def __init__(self, entity: str, system: str, object_: str, seen_at: int, sweep: str | None) -> None:
        self.seen_at = seen_at
        self.sweep = sweep
        self.changed: list[tuple[Any, ...]] = []
        self.versions: list[tuple[Any, ...]] = []
        self.touched: list[int] = []
        self.rekeyed: list[int] = []
        self.keys: list[tuple[str, str, str, int]] = []
        self._entity = entity
        self._place = (entity, system, object_)
        self._new: list[tuple[NativeRecord, Keys]] = []

    @property
    def changed_count(self) -> int:
        """New and changed rows."""
        return len(self._new) + len(self.changed)

    def take(self, rows: Sequence[Seen], known: Known, images: Mapping[int, Mapping[str, Any]]) -> None:
        """Sorts the rows. A remote id that comes twice counts as it came last."""
        for record, keys in _last_of_each(rows):
            prior = known.get(record.id)
            if prior is None:
                self._new.append((record, keys))
            else:
                self._compare(record, keys, prior, images)

    def _compare(self, record: NativeRecord, keys: Keys, prior: Prior, images: Mapping[int, Mapping[str, Any]]) -> None:
        values = {**images[prior.number], **record.values} if record.deleted else record.values
        text, digest = image(values)
        if digest == prior.digest and record.deleted == prior.deleted and record.merged_into == prior.merged_into:
            self.touched.append(prior.number)
            if record.version != prior.version:
                self.versions.append((record.version, prior.number))
            return
        stamps = (stamp_or_none(record.changed_at), stamp_or_none(record.created_at), self.seen_at)
        state = (record.deleted, record.merged_into, self.sweep, digest, text)
        self.changed.append((self._entity, record.version, *stamps, *state, prior.number))
        if keys or not record.deleted:
            self.rekeyed.append(prior.number)
            self._add_keys(keys, prior.number)

    def _add_keys(self, keys: Keys, number: int) -> None:
        for field, value in keys:
            if _is_storable(value):
                self.keys.append((self._entity, field, value, number))

    def new_rows(self, number: int) -> list[tuple[Any, ...]]:
        """The new rows, numbered from here on; their keys join the others."""
        rows = []
        for number, (record, keys) in enumerate(self._new, number):  # noqa: B020, PLR1704 - it counts on
            text, digest = image(record.values)
            stamps = (stamp_or_none(record.changed_at), stamp_or_none(record.created_at), None, self.seen_at)
            state = (record.deleted, record.merged_into, True, self.sweep, 0, None, digest, text)
            rows.append((number, *self._place, record.id, record.version, *stamps, *state))
            self._add_keys(keys, number)
        return rows


def _last_of_each(rows: Sequence[Seen]) -> list[tuple[NativeRecord, Keys]]:
    latest: dict[str, tuple[NativeRecord, Keys]] = {}
    for record, keys in ((row.record, row.keys) for row in rows):
        earlier = latest.get(record.id)
        if earlier is None or not record.deleted:
            latest[record.id] = (record, keys)
        else:
            whole = replace(record, values={**earlier[0].values, **record.values})
            latest[record.id] = (whole, keys or earlier[1])
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

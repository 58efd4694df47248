"""Creates of which nobody knows what became, and the rows by which they may be known.

A row with the key that was sent is the create's, whatever the record's key is by now. A row whose key leads nowhere may be the create's
too, if all else that was sent is there: a person may have changed the key before we looked. Such a row is held back while the create is
in doubt; `recover` decides, or a person.

Crash: a question and the doubt it is about are stored in the caller's transaction; what was held back is found again by the next run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sync.engine.likeness import Likeness, likeness
from sync.mapping import EntityMapping
from sync.model.record import Journalled, Observation, Status
from sync.model.remote import Capabilities, Kind, NativeRecord
from sync.runner.abilities import able
from sync.runner.aside import unknown_create
from sync.runner.context import Context
from sync.runner.pull import keys_of
from sync.state import Finished, Holder, Unlinked

BATCH = 1000
VAIN_DAYS = timedelta(days=1)
"""How long a row is taken for a create that we gave up, landed late."""
UNDER_ANOTHER_KEY = "there is a row that agrees with what was sent, under another key"

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A row may be what this create made. ``full``: it holds all that was sent and nothing else, and no other row there does."""

    create: Journalled
    full: bool


class Doubted:
    """The creates of one entity that are in doubt, or were given up within a day."""

    def __init__(self, context: Context, entity: EntityMapping) -> None:
        """Reads them; no transaction is open, for a system may be asked what it can do."""
        self._context = context
        self._store = context.store
        self._entity = entity
        vain = self._store.in_vain(entity.name, context.clock.now() - VAIN_DAYS)
        creates = [row for row in (*vain, *self._store.in_doubt()) if _is_create(row, entity)]
        self.by_key: Mapping[tuple[str, Key], tuple[str, bool]] = {
            (row.operation.system, key): (row.operation.record, is_open(row))
            for row in creates
            for key in sent_keys(entity, row)
        }
        """(system, match key) -> the record that a create with this key was sent for, and whether it is still in doubt."""
        self._nameless: dict[tuple[str, str], dict[str, Journalled]] = {}
        for row in creates:
            self._add(row)
        self._able = {place: self._ability(*place) for place in self._nameless}
        self._held: dict[int, list[str]] = {}
        self._unasked: dict[int, Journalled] = {}

    def _ability(self, system: str, name: str) -> Capabilities:
        """What the object can do; of a system that does not tell, a column that is not shown says nothing."""
        found = able(self._context, system, name) if system in self._context.systems else None
        return found or Capabilities(sparse=False)

    def _add(self, row: Journalled) -> None:
        """One create for each record, the newest; where our id is on the row, nothing need be guessed from its values."""
        system = self._entity.systems.get(row.operation.system)
        if system is not None and system.external_id is None:
            place = row.operation.system, row.operation.object
            self._nameless.setdefault(place, {})[row.operation.record] = row

    @property
    def records(self) -> set[str]:
        """The records that these creates were sent for."""
        return {record for record, _ in self.by_key.values()}

    def records_of(self, system: str, name: str) -> frozenset[str]:
        """The records whose creates in this object may be known by their values alone."""
        return frozenset(self._nameless.get((system, name), ()))

    def unclaimed(self, system: str, name: str) -> Iterator[Observation]:
        """Live rows of an object that belong to no record and whose keys lead nowhere."""
        after = 0
        while rows := self._store.unlinked(self._entity.name, after=after, limit=BATCH):
            after = rows[-1].observation.number
            here = [row for row in rows if (row.observation.system, row.observation.object) == (system, name)]
            holders = self._store.by_key(self._entity.name, sorted({key for row in here for key in row.keys}))
            yield from (row.observation for row in here if self._is_unclaimed(row, holders))

    def _is_unclaimed(self, row: Unlinked, holders: Mapping[Key, Sequence[Holder]]) -> bool:
        seen = row.observation
        if seen.deleted or hides_key(self._entity, row) or any((seen.system, key) in self.by_key for key in row.keys):
            return False
        return all(holder.number == seen.number for key in row.keys for holder in holders[key])

    def suspicions(self, seen: Observation) -> list[Suspicion]:
        """The creates that may have made this row, whose keys lead nowhere; one for each record."""
        if seen.deleted:
            return []
        creates = self._nameless.get((seen.system, seen.object), {}).values()
        found = [self._suspicion(create, seen) for create in creates]
        return [each for each in found if each is not None]

    def _suspicion(self, create: Journalled, seen: Observation) -> Suspicion | None:
        like = self._likeness(create, seen)
        distinct = (like.is_full or like.is_near) and self._is_distinct(create, seen, like)
        full = like.is_full and distinct
        if is_open(create):
            return Suspicion(create, full) if like.is_full or like.is_vague or distinct else None
        return Suspicion(create, full) if full else None

    def _likeness(self, create: Journalled, seen: Observation) -> Likeness:
        system = self._entity.systems[seen.system]
        sent = {change.native: change.after for change in create.operation.changes}
        return likeness(self._entity, system, sent, seen.values, self._able[seen.system, seen.object])

    def _is_distinct(self, create: Journalled, seen: Observation, like: Likeness) -> bool:
        """Whether no other row there holds the same: what colleagues have in common tells nobody from another."""
        return not self._store.has_twin(seen, like.same, create.operation.record)

    # questions ---------------------------------------------------------------------------------------------------------

    def hold(self, seen: Observation, suspicions: Sequence[Suspicion]) -> None:
        """The row waits. Where nobody is looking for the create any longer, a person is asked (`ask`)."""
        for each in suspicions:
            if each.create.error == "UNKNOWN" or not is_open(each.create):
                self._held.setdefault(each.create.number, []).append(row_name(seen.system, seen.remote_id))
                self._unasked[each.create.number] = each.create

    def ask(self) -> None:
        """Puts the questions, in the caller's transaction; a create that was given up is in doubt again, so that it is not repeated."""
        for number, create in self._unasked.items():
            ask(self._context, self._entity, create, UNDER_ANOTHER_KEY, self._held[number])
        self._unasked.clear()


def ask(context: Context, entity: EntityMapping, create: Journalled, why: str, names: Sequence[str]) -> None:
    """Only a person can tell whether this create happened, and which of these rows it made."""
    context.store.finish(
        [Finished(create.number, Status.IN_DOUBT, error="UNKNOWN", message=why, doubt_until=create.doubt_until)]
    )
    context.store.quarantine(unknown_create(entity.name, create.operation, why, tuple(names)))


def close_doubts(context: Context, entity: str, record: str, system: str) -> None:
    """A person has looked: whatever rows there are, none of them is what these creates made; the record is planned again."""
    vain = context.store.in_vain(entity, context.clock.now() - VAIN_DAYS)
    rows = [*vain, *(row for row in context.store.in_doubt() if row.error == "UNKNOWN")]
    context.store.finish(
        [
            Finished(row.number, Status.FAILED, error="RETRIED", message="released by a person")
            for row in rows
            if row.operation.kind is Kind.CREATE and (row.operation.record, row.operation.system) == (record, system)
        ]
    )


def row_name(system: str, remote_id: str) -> str:
    """How a question names a row."""
    return f"{system}:{remote_id}"


def is_open(row: Journalled) -> bool:
    """Whether a create is still in doubt; else it was given up."""
    return row.error not in ("NOT_APPLIED", "REPEATED")


def sent_keys(entity: EntityMapping, row: Journalled) -> list[Key]:
    """The match keys that a create was sent with."""
    mapping = entity.systems.get(row.operation.system)
    values = {change.native: change.after for change in row.operation.changes}
    return list(keys_of(entity, mapping, NativeRecord(row.operation.object, "", values))) if mapping else []


def hides_key(entity: EntityMapping, row: Unlinked) -> bool:
    """Whether a match key is not even shown: then neither a partner nor the lack of one can be known."""
    cells, values = entity.systems[row.observation.system].cells, row.observation.values
    hidden = {
        name for name in entity.match_keys if name in cells and cells[name].reads and cells[name].path not in values
    }
    return not row.observation.deleted and bool(hidden) and {name for name, _ in row.keys} <= hidden


def _is_create(row: Journalled, entity: EntityMapping) -> bool:
    return row.operation.entity == entity.name and row.operation.kind is Kind.CREATE

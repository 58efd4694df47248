"""The laws of the merge as questions to a history that has come to rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync.connectors.memory import Row
from sync.model.record import Link, LinkState, Record
from sync.model.remote import Kind
from sync.model.values import MISSING, UNSUBSCRIBED, is_blank
from sync.runner.refs import StoreRefs
from sync.state import Store
from tests.simulation.world import OBJECT, OUT, PATHS, SYSTEMS, Edit, World, mappings

if TYPE_CHECKING:
    from tests.simulation.machine import Done


@dataclass(frozen=True, slots=True)
class Violation:
    law: str
    what: str


def after_each(world: World, done: Done) -> Iterator[Violation]:
    """What no run may do, whatever befell it."""
    if done.refusals:
        yield Violation("L6", "the last gate had to refuse a payload")
    for row in done.operations:
        if row.operation.kind is Kind.DELETE and not _was_deleted(world, row.operation):
            yield Violation("L5", f"deleted {row.operation.system} {row.operation.remote_id} without evidence")


def _was_deleted(world: World, operation: object) -> bool:
    row = world.systems[operation.system].tables[OBJECT][operation.remote_id]  # type: ignore[attr-defined]
    person = world.person_of(operation.system, row)  # type: ignore[attr-defined]
    return any(who == person and system != operation.system for who, system, _ in world.deletions)  # type: ignore[attr-defined]


def at_rest(world: World, store: Store, quiet: Done) -> Iterator[Violation]:
    """Everything that must hold after three healthy runs and a quiet one."""
    state = _State(world, store)
    if quiet.pushed or quiet.operations:
        yield Violation("L2", f"{quiet.pushed} rows written without news")
    if store.in_doubt():
        yield Violation("L1", "writes are in doubt for good")
    yield from state.converged()
    yield from state.kept()
    yield from state.single()
    yield from state.buried()
    yield from state.consented()


class _State:
    def __init__(self, world: World, store: Store) -> None:
        self.world, self.store = world, store
        self.entity = mappings(world.setting).entities["contact"]
        self.refs = StoreRefs(store)
        self.records = store.load(store.numbers("contact", after=0, limit=1000))
        self.aside = {(q.record, q.system) for q in store.quarantined()}
        self.questioned = {q.remote_id for q in store.quarantined()}

    # L1 --------------------------------------------------------------------------------------------------------------

    def converged(self) -> Iterator[Violation]:
        for record in self.records:
            for link in record.links:
                if link.state is LinkState.LINKED:
                    yield from self._link(record, link)
        yield from self._complete()

    def _link(self, record: Record, link: Link) -> Iterator[Violation]:
        row = self.world.systems[link.system].row(OBJECT, link.observed.remote_id)
        if row is None:
            yield Violation("L1", f"{link.system} {link.observed.remote_id} is gone and still linked")
            return
        for name, cell in self.entity.systems[link.system].cells.items():
            hub, native = record.cells.get(name), row.values.get(cell.path, MISSING)
            if hub is not None and not hub.held and not self._agrees(record, link, name, native):
                yield Violation("L1", f"{name} in {link.system} is {native!r}, the record has {hub.value!r}")

    def _agrees(self, record: Record, link: Link, name: str, native: object) -> bool:
        cell, hub, x = self.entity.systems[link.system].cells[name], record.cells[name], link.exchange.get(name)
        if cell.agrees(hub.value, native, self.refs) or (is_blank(hub.value) and is_blank(native)):
            return True
        if (record.id, link.system) in self.aside or (x is not None and x.rejected):
            return True
        if is_blank(hub.value):
            return self.world.systems[link.system].traits.clearable is False or name == "email"
        if self.entity.fields[name].type == "consent":
            return hub.value != UNSUBSCRIBED
        tried = x is not None and cell.eq(native, x.seen) and cell.eq(cell.put(hub.value, native, self.refs), x.sent)
        return tried and not cell.eq(x.sent, x.seen)  # type: ignore[union-attr]

    def _complete(self) -> Iterator[Violation]:
        """Whoever is somewhere is everywhere, but for those who were deleted or wait for a person."""
        gone = {person for person, _, _ in self.world.deletions}
        waiting = {record for record, _ in self.aside}
        held = {r.id for r in self.records if any(r.cells[n].held for n in ("email",) if n in r.cells)}
        for record in self.records:
            linked = {link.system for link in record.links if link.state is LinkState.LINKED}
            if not linked or linked == set(SYSTEMS) or record.id in waiting | held:
                continue
            if not gone & self._people(record):
                yield Violation("L1", f"{record.id} is only in {sorted(linked)}")

    def _people(self, record: Record) -> set[int | None]:
        rows = [(x.system, self.world.systems[x.system].tables[OBJECT][x.observed.remote_id]) for x in record.links]
        return {self.world.person_of(system, row) for system, row in rows}

    # L3 --------------------------------------------------------------------------------------------------------------

    def kept(self) -> Iterator[Violation]:
        links = {(x.system, x.observed.remote_id): r for r in self.records for x in r.links}
        for (system, row, name), edit in self.world.edits.items():
            live = self.world.systems[system].row(OBJECT, row)
            record = links.get((system, row))
            if live is None or name in ("consent", "score") or row in self.questioned:
                continue
            if record is None or not self._remembers(record, edit):
                yield Violation("L3", f"{system} {row}: {name} = {edit.value!r} is lost")

    def _remembers(self, record: Record, edit: Edit) -> bool:
        hub = record.cells.get(edit.field)
        path = PATHS[edit.system][edit.field]
        cuts = self.world.systems[edit.system]._kept(OBJECT, path, edit.value)
        wanted = {_plain(edit.value), _plain(cuts)}
        row = self.world.systems[edit.system].row(OBJECT, edit.row)
        if row is not None and _plain(row.values.get(path)) in wanted:
            return True
        known = [hub.value, *(past.value for past in hub.past)] if hub else []
        for turns in self.store.turns(record=record.id):
            for turn in turns.turns:
                if turn.field == edit.field:
                    known += [turn.before, turn.after, *(lost.value for lost in turn.lost)]
        for conflict in self.store.conflicts():
            if conflict.record == record.id and conflict.field == edit.field:
                known += conflict.values.values()
        if is_blank(edit.value) and edit.field == "email":
            return True
        return bool(wanted & {_plain(value) for value in known}) or self._keeps(edit)

    def _keeps(self, edit: Edit) -> bool:
        """A blank that the mapping says has no say."""
        return is_blank(edit.value) and (self.world.setting.blank == "keep" and edit.field == "city")

    # L4, L5 ----------------------------------------------------------------------------------------------------------

    def single(self) -> Iterator[Violation]:
        for name, system in self.world.systems.items():
            count = Counter(self.world.person_of(name, row) for row in system.live(OBJECT))
            for person, number in count.items():
                rows = [row for row in system.live(OBJECT) if self.world.person_of(name, row) == person]
                if number > 1 and any(row.made_by for row in rows) and not self._unseen(name, rows):
                    yield Violation("L4", f"{number} rows of person {person} in {name}")

    def _unseen(self, name: str, rows: Sequence[Row]) -> bool:
        """Whether a person's row could not be seen yet when ours was made, or ours landed late: stated limits."""
        ours = [row for row in rows if row.made_by]
        late = any((name, row.id) in self.world.landed_late for row in ours)
        theirs = [row for row in rows if not row.made_by]
        return bool(theirs) and (late or any(row.shown_at > our.created_at for row in theirs for our in ours))

    def buried(self) -> Iterator[Violation]:
        for person, name, at in self.world.deletions:
            for row in self.world.systems[name].live(OBJECT):
                if row.made_by and row.created_at > at and self.world.person_of(name, row) == person:
                    yield Violation("L5", f"person {person} was deleted in {name} and made anew")

    # L6 --------------------------------------------------------------------------------------------------------------

    def consented(self) -> Iterator[Violation]:
        out = {r.id for r in self.records if self._is_out(r)}
        for record in self.records:
            if record.id not in out:
                continue
            if "consent" not in record.cells or record.cells["consent"].value != UNSUBSCRIBED:
                yield Violation("L6", f"{record.id} opted out and the record says otherwise")
            for link in record.links:
                path = PATHS[link.system].get("consent")
                row = self.world.systems[link.system].row(OBJECT, link.observed.remote_id)
                if path is None or row is None or (record.id, link.system) in self.aside:
                    continue
                if link.state is LinkState.LINKED and row.values[path] != OUT[link.system]:
                    yield Violation("L6", f"{record.id} opted out and {link.system} holds {row.values[path]!r}")

    def _is_out(self, record: Record) -> bool:
        addresses = {
            str(link.observed.values.get(PATHS[link.system]["email"]) or "").casefold() for link in record.links
        }
        said = any(
            edit.field == "consent"
            and edit.value == OUT[edit.system]
            and (edit.system, edit.row) in self._places(record)
            for edit in self.world.edits.values()
        )
        return said or any(self.store.is_suppressed(address) for address in addresses - {""})

    def _places(self, record: Record) -> set[tuple[str, str]]:
        return {(link.system, link.observed.remote_id) for link in record.links}


def _plain(value: object) -> object:
    return value.strip().casefold() if isinstance(value, str) else value

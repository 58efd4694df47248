"""The laws of the merge as questions to a history that has come to rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sync.connectors.memory import Row
from sync.engine.merge import FLAP_LIMIT
from sync.model.record import Link, LinkState, Operation, Record
from sync.model.remote import Kind
from sync.model.values import MISSING, UNSUBSCRIBED, is_blank
from sync.runner.refs import StoreRefs
from sync.state import Store
from tests.simulation.graph import plain
from tests.simulation.people import Edit, World
from tests.simulation.world import CANARY, FOREIGN, OBJECT, OUT, PATHS, SYSTEMS, mappings

if TYPE_CHECKING:
    from tests.simulation.machine import Done

TURNS_MAX = FLAP_LIMIT // 2 + 1
"""How often one of two values that take turns may come: the field is frozen after the sixth change."""
GRAPHED = ("email", "title", "city", "size")


@dataclass(frozen=True, slots=True)
class Violation:
    law: str
    what: str


def after_each(world: World, done: Done) -> Iterator[Violation]:
    """What no run may do, whatever befell it."""
    if done.refusals:
        yield Violation("L6", "the last gate had to refuse a payload")
    for what in done.unjournalled:
        yield Violation("L9", f"sent before it was durably in the journal: {what}")
    for row in done.operations:
        if row.operation.kind is Kind.DELETE and not _was_deleted(world, row.operation):
            yield Violation("L5", f"deleted {row.operation.system} {row.operation.remote_id} without evidence")
        if row.operation.kind is not Kind.DELETE and not row.operation.reason:
            yield Violation("L16", f"no reason for {row.operation.system} {row.operation.remote_id}")
        yield from _caused(world, row.operation)


def _caused(world: World, operation: Operation) -> Iterator[Violation]:
    """L16: what is written was once written by a person, into that field of that person; a blank too."""
    people = world.people_of(operation)
    for change in operation.changes if operation.kind is not Kind.DELETE else ():
        if change.field in GRAPHED and not world.graph.was_written(
            people, operation.system, change.field, change.after
        ):
            where = f"{operation.system} {operation.remote_id or 'a new row'}"
            yield Violation("L16", f"{where}: {change.field} = {change.after!r}, which nobody wrote")


def _was_deleted(world: World, operation: object) -> bool:
    row = world.systems[operation.system].tables[OBJECT][operation.remote_id]  # type: ignore[attr-defined]
    person = world.person_of(operation.system, row)  # type: ignore[attr-defined]
    return any(who == person and system != operation.system for who, system, _ in world.deletions)  # type: ignore[attr-defined]


def at_rest(world: World, store: Store, quiet: Done, dead: str | None) -> Iterator[Violation]:
    """Everything that must hold after three healthy runs and a quiet one; of a dead system nothing is asked."""
    state = _State(world, store, dead)
    wrote = [row.operation for row in quiet.operations if row.operation.system != dead]
    if quiet.pushed or wrote:
        yield Violation("L2", f"{quiet.pushed} rows written, {len(wrote)} planned, without news")
    asked = {verb: quiet.calls[verb] for verb in ("fetch", "lookup") if quiet.calls[verb]}
    if asked and not dead:
        yield Violation("L2", f"a run without news read by id: {asked}")
    if any(row.operation.system != dead and row.error != "UNKNOWN" for row in store.in_doubt()):
        yield Violation("L1", "writes are in doubt for good")
    yield from state.converged()
    yield from state.kept()
    yield from state.single()
    yield from state.buried()
    yield from state.consented()
    yield from state.calm()


def foreign(world: World, file: Path) -> Iterator[Violation]:
    """L17: a column that is not mapped stays as people left it, and is nowhere in the state, not even until the next run."""
    for name, system in world.systems.items():
        for row in system.tables[OBJECT].values():
            if row.values[FOREIGN] not in (None, CANARY):
                yield Violation("L17", f"{name} {row.id}: a column that is not mapped was written")
    if any(CANARY.encode() in part.read_bytes() for part in file.parent.glob(f"{file.name}*")):
        yield Violation("L17", "a column that is not mapped is in the state")


def false_conflicts(world: World, store: Store) -> Counter[str]:
    """How many values lost, and how many of them to a value that was made from them or that they were made from."""
    found: Counter[str] = Counter()
    people = set(world.owner.values())
    for record in store.load(store.numbers("contact", after=0, limit=1000)):
        for row in store.turns(record=record.id):
            for turn in row.turns:
                for lost in turn.lost if turn.field in GRAPHED else ():
                    won, beaten = plain(turn.after), plain(lost.value)
                    found["losers"] += 1
                    found["false losers"] += beaten in world.graph.ancestry(people, turn.field, [won]) or (
                        won in world.graph.ancestry(people, turn.field, [beaten])
                    )
    return found


class _State:
    def __init__(self, world: World, store: Store, dead: str | None) -> None:
        self.world, self.store, self.dead = world, store, dead
        self.entity = mappings(world.setting).entities["contact"]
        self.refs = StoreRefs(store)
        self.records = store.load(store.numbers("contact", after=0, limit=1000))
        self.aside = {(q.record, q.system) for q in store.quarantined()}
        self.questioned = {q.remote_id for q in store.quarantined()}
        self.conflicts = store.conflicts()

    # L1 --------------------------------------------------------------------------------------------------------------

    def converged(self) -> Iterator[Violation]:
        for record in self.records:
            for link in record.links:
                if link.alive and link.system != self.dead:
                    yield from self._link(record, link)
        yield from self._complete()

    def _link(self, record: Record, link: Link) -> Iterator[Violation]:
        row = self.world.systems[link.system].row(OBJECT, link.observed.remote_id)
        if row is None and self.world.systems[link.system].traits.drifts:
            return  # neither tombstones nor complete lists: nobody can know before it is written to
        if row is None:
            yield Violation("L1", f"{link.system} {link.observed.remote_id} is gone and still linked")
            return
        for name, cell in self.entity.systems[link.system].cells.items():
            if link.state is LinkState.FORMER and name == "email":
                continue
            hub, native = record.cells.get(name), row.values.get(cell.path, MISSING)
            if hub is not None and not hub.held and not self._agrees(record, link, name, native):
                yield Violation("L1", f"{name} in {link.system} is {native!r}, the record has {hub.value!r}")

    def _agrees(self, record: Record, link: Link, name: str, native: object) -> bool:
        cell, hub, x = self.entity.systems[link.system].cells[name], record.cells[name], link.exchange.get(name)
        if cell.agrees(hub.value, native, self.refs) or (is_blank(hub.value) and is_blank(native)):
            return True
        if any(c.record == record.id and c.field == "(record)" and link.system in c.values for c in self.conflicts):
            return True
        if (record.id, link.system) in self.aside or (x is not None and x.rejected):
            return True
        if is_blank(hub.value):
            return self.world.systems[link.system].traits.clearable is False or name == "email"
        if self.entity.fields[name].type == "consent":
            return hub.value != UNSUBSCRIBED
        asked = cell.put(hub.value, native, self.refs)
        kept = self.world.systems[link.system].kept(OBJECT, cell.path, asked)
        return x is not None and cell.eq(asked, x.sent) and cell.eq(native, kept)  # it cannot hold it better

    def _complete(self) -> Iterator[Violation]:
        """Whoever is somewhere is everywhere, but for those who were deleted or wait for a person."""
        gone = {person for person, _, _ in self.world.deletions}
        waiting = {record for record, _ in self.aside}
        held = {r.id for r in self.records if any(r.cells[n].held for n in ("email",) if n in r.cells)}
        for record in self.records:
            linked = {link.system for link in record.links if link.state is LinkState.LINKED} | {self.dead}
            alive = linked - {self.dead}
            if not alive or linked >= set(SYSTEMS) or record.id in waiting | held:
                continue
            if not gone & self._people(record):
                yield Violation("L1", f"{record.id} is only in {sorted(map(str, linked))}")

    def _people(self, record: Record) -> set[int | None]:
        rows = [(x.system, self.world.systems[x.system].tables[OBJECT][x.observed.remote_id]) for x in record.links]
        return {self.world.person_of(system, row) for system, row in rows}

    # L3 --------------------------------------------------------------------------------------------------------------

    def kept(self) -> Iterator[Violation]:
        """Every edit is an ancestor of a value that stands, lost or is in question, or within a stated limit."""
        records = {(x.system, x.observed.remote_id): r for r in self.records for x in r.links}
        families: dict[str, list[Edit]] = {}
        for edit in self.world.edits:
            record = records.get((edit.system, edit.row))
            if record is not None and edit.system != self.dead and edit.field in GRAPHED and not self._excused(edit):
                families.setdefault(record.id, []).append(edit)
        for record in self.records:
            known: dict[str, set[object]] = {}
            for edit in families.get(record.id, ()):
                if edit.field not in known:
                    known[edit.field] = self._ancestors(record, edit.field)
                if not self._is_known(edit, known[edit.field]):
                    yield Violation("L3", f"{edit.system} {edit.row}: {edit.field} = {edit.value!r} is lost")
        yield from self._adrift(records)

    def _adrift(self, records: dict[tuple[str, str], Record]) -> Iterator[Violation]:
        """Rows of people that belong to no record, though nobody asks about them."""
        doubted = {system for _, system in self.aside}
        for name, system in self.world.systems.items():
            for row in system.live(OBJECT) if name not in doubted else ():
                if (name, row.id) not in records and row.id not in self.questioned and name != self.dead:
                    yield Violation("L3", f"{name} {row.id} is linked to nothing")

    def _excused(self, edit: Edit) -> bool:
        """Rows that are gone, blanks that the mapping says have no say, writes that were under way."""
        if self._went_unread(edit):
            return True
        if is_blank(edit.value) and (
            edit.field == "email" or (self.world.setting.blank == "keep" and edit.field == "city")
        ):
            return True
        return (edit.system, edit.row, edit.field, edit.value) in self.world.excused

    def _went_unread(self, edit: Edit) -> bool:
        """A row that is gone: what was edited in it counts only where the system shows the row as it last was."""
        system = self.world.systems[edit.system]
        row = system.tables[OBJECT].get(edit.row)
        if system.row(OBJECT, edit.row) is not None:
            return False
        return (
            row is None
            or not system.traits.tombstones
            or row.merged_into is not None
            or row.by_us
            or edit.field == "email"
        )

    def _ancestors(self, record: Record, field: str) -> set[object]:
        people = {person for person in self._people(record) if person is not None}
        hub = record.cells.get(field)
        values = [plain(hub.value)] if hub is not None else []
        for row in self.store.turns(record=record.id):
            values += [plain(lost.value) for turn in row.turns if turn.field == field for lost in turn.lost]
        for conflict in self.conflicts:
            if conflict.record == record.id and conflict.field == field:
                values += [plain(value) for value in conflict.values.values()]
        places = {(link.system, link.observed.remote_id) for link in record.links}
        for system, row_id, name, native in self.world.excused:  # what an excused edit was made from went with it
            if (system, row_id) in places and name == field:
                values.append(self.world.graph.canonical(system, field, native))
        for link in record.links:
            path, row = (
                PATHS[link.system].get(field),
                self.world.systems[link.system].row(OBJECT, link.observed.remote_id),
            )
            if path is not None and row is not None:
                for person in people:
                    values += self.world.graph.meanings(person, link.system, field, row.values.get(path))
        return self.world.graph.ancestry(people, field, values)

    def _is_known(self, edit: Edit, known: set[object]) -> bool:
        graph = self.world.graph
        if graph.canonical(edit.system, edit.field, edit.value) in known:
            return True
        return not is_blank(edit.value) and any(
            graph.shows(edit.system, edit.field, value, edit.value) for value in known if value is not None
        )

    # L4, L5 ----------------------------------------------------------------------------------------------------------

    def single(self) -> Iterator[Violation]:
        links = [link for record in self.records for link in record.links if link.state is LinkState.FORMER]
        former = {(link.system, link.observed.remote_id) for link in links}
        for name, system in self.world.systems.items():
            present = [row for row in system.live(OBJECT) if (name, row.id) not in former]
            count = Counter(self.world.person_of(name, row) for row in present)
            for person, number in count.items():
                rows = [row for row in present if self.world.person_of(name, row) == person]
                if number > 1 and any(row.made_by for row in rows) and not self._unseen(name, rows):
                    yield Violation("L4", f"{number} rows of person {person} in {name}")

    def _unseen(self, name: str, rows: Sequence[Row]) -> bool:
        """Whether a person's row could not be seen yet when ours was made, or ours landed late: stated limits.

        Where a create is sent again at once, the first one may land late under a key that its row has no longer: then it is asked about.
        """
        ours = [row for row in rows if row.made_by]
        late = any((name, row.id) in self.world.landed_late for row in ours)
        if late and self.world.systems[name].traits.natural_key and any(row.id in self.questioned for row in ours):
            return True
        theirs = [row for row in rows if not row.made_by]
        hidden = any((name, row.id) in self.world.hidden for row in theirs)
        return bool(theirs) and (late or hidden)

    def buried(self) -> Iterator[Violation]:
        for person, name, at in self.world.deletions:
            for row in self.world.systems[name].live(OBJECT):
                late = (name, row.id) in self.world.landed_late  # nobody can call back what lands after the deletion
                if row.made_by and not late and row.created_at > at and self.world.person_of(name, row) == person:
                    yield Violation("L5", f"person {person} was deleted in {name} and made anew")

    # L8 --------------------------------------------------------------------------------------------------------------

    def calm(self) -> Iterator[Violation]:
        """No value comes back to a cell again and again; a history is shorter than the day that the law speaks of."""
        for record in self.records:
            turns = [
                turn for row in self.store.turns(record=record.id) for turn in row.turns if turn.before != turn.after
            ]
            for (name, value), number in Counter((turn.field, plain(turn.after)) for turn in turns).items():
                if number > TURNS_MAX:
                    yield Violation("L8", f"{record.id}: {name} became {value!r} {number} times")

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
                if path is None or row is None or link.system == self.dead or (record.id, link.system) in self.aside:
                    continue
                if link.alive and row.values[path] != OUT[link.system]:
                    yield Violation("L6", f"{record.id} opted out and {link.system} holds {row.values[path]!r}")

    def _is_out(self, record: Record) -> bool:
        addresses = {
            str(link.observed.values.get(PATHS[link.system]["email"]) or "").casefold() for link in record.links
        }
        places = {(link.system, link.observed.remote_id) for link in record.links if link.system != self.dead}
        last = {
            (edit.system, edit.row): edit.value
            for edit in self.world.edits
            if edit.field == "consent" and (edit.system, edit.row) in places
        }
        systems = self.world.systems  # of a deleted row only what was seen counts, where the system does not show it
        shown = [
            place for place in last if systems[place[0]].row(OBJECT, place[1]) or systems[place[0]].traits.tombstones
        ]
        said = any(last[system, row] == OUT[system] for system, row in shown)
        return said or any(self.store.is_suppressed(address) for address in addresses - {""})

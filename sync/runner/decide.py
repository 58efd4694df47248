"""Merge and plan every record that has news, in batches, and write the plan into the journal.

Crash: what was merged is durable and the record stays pending until its plan is carried out; a plan that is lost is computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sync.engine.consent import is_opt_out
from sync.engine.detect import readable
from sync.engine.merge import Circumstances, Merged, merge
from sync.engine.plan import Planned, plan
from sync.engine.surroundings import Surroundings
from sync.mapping import EntityMapping
from sync.model.record import Link, LinkState, Operation, Record
from sync.model.remote import Capabilities, Kind
from sync.model.values import is_blank
from sync.runner.abilities import able
from sync.runner.aside import delete_conflict, rival, uncleared, wordless_here, wordless_there
from sync.runner.book import refusal_id
from sync.runner.context import Context
from sync.runner.ghosts import ghosts
from sync.runner.refs import StoreRefs
from sync.runner.unseen import lacking, left_out
from sync.state import RecordSaved, Suppression

BATCH = 1000
_SEEN_TO = ("AMBIGUOUS_MATCH", "UNMAPPED_VALUE", "UNCLEARED")


@dataclass(slots=True)
class Decided:
    """What the decision came to beside the operations in the journal.

    ``coming``: (system, record) that this run creates and that others may refer to.
    """

    coming: set[tuple[str, str]] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    uncleared: int = 0
    planned: int = 0
    woken: int = 0
    """Records that the opt-out of another record with the same address concerns: they need another look."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which records a run is about (`backfill --from --since`); everything by default."""

    system: str | None = None
    since: datetime | None = None
    records: frozenset[str] | None = None

    def holds(self, record: Record) -> bool:
        """Whether the run is about this record."""
        if self.records is not None:
            return record.id in self.records
        if self.system is None and self.since is None:
            return True
        return any(self._holds_link(link) for link in record.links if link.state is LinkState.LINKED)

    def _holds_link(self, link: Link) -> bool:
        if self.system is not None and link.system != self.system:
            return False
        changed = link.observed.changed_at
        return self.since is None or changed is None or changed >= self.since


def decide(context: Context, entity: EntityMapping, run: str, decided: Decided, scope: Scope) -> None:
    """Decides for all pending records of one entity."""
    numbers = context.store.pending(entity.name, after=0, limit=BATCH)
    desk = _Desk(context, entity, run, decided, scope) if numbers else None
    while desk is not None and numbers:
        with context.store.transaction():
            desk.work(context.store.load(numbers))
        context.breathe()
        numbers = context.store.pending(entity.name, after=numbers[-1], limit=BATCH)
    _wake_children(context, entity, run)


def _wake_children(context: Context, entity: EntityMapping, run: str) -> None:
    """What is written or decided by a parent's fields is decided anew where these changed, though the child has no news."""
    for child in context.mappings.entities.values():
        for ref, parent in child.watches:
            if parent == entity.name:
                context.store.mark_children(child.name, ref, run)


def decide_these(context: Context, entity: EntityMapping, run: str, decided: Decided, numbers: Sequence[int]) -> None:
    """Decides for these records of one entity, by number, and for no others."""
    if numbers:
        desk = _Desk(context, entity, run, decided, Scope())
        for start in range(0, len(numbers), BATCH):
            with context.store.transaction():
                desk.work(context.store.load(numbers[start : start + BATCH]))


class _Desk:
    """The decisions about one entity in one run."""

    def __init__(self, context: Context, entity: EntityMapping, run: str, decided: Decided, scope: Scope) -> None:
        self.context = context
        self.store = context.store
        self.entity = entity
        self.run = run
        self.decided = decided
        self.scope = scope
        self.refs = StoreRefs(context.store)
        self.margins = {name: system.clock_margin for name, system in context.systems.items()}
        self.able = _abilities(context, entity)
        self.lacking = lacking(context.store, entity)
        self.refused: Mapping[str, Mapping[str, str]] = {}
        self.aside = _decided_here(context)
        self.ghosts = ghosts(context, entity)
        self.left_out = left_out(context.store, entity)
        self.is_parent = context.mappings.has_children(entity.name)

    def work(self, records: Sequence[Record]) -> None:
        self.refs.prefetch(records, self.entity)
        addresses = self._addresses(records)
        suppressed = self.store.suppressed({a for found in addresses.values() for a in found})
        merged = {r.id: self._merge(r, bool(addresses[r.id] & suppressed)) for r in records}
        while fresh := self._learn_opt_outs(list(merged.values())):
            suppressed |= fresh
            for record in records:
                if addresses[record.id] & fresh:
                    merged[record.id] = self._merge(record, suppressed=True)
        decided = list(merged.values())
        rivals = self._rivals(decided)
        self.refused = self.store.refused_creates([record.id for record in records])
        self._finish(
            [
                (m, self._plan(m, rivals.get(m.record.id, {}), bool(addresses[m.record.id] & suppressed)))
                for m in decided
            ]
        )

    # merge ---------------------------------------------------------------------------------------------------------

    def _merge(self, record: Record, suppressed: bool) -> Merged:
        around = Circumstances(
            now=self.context.clock.now(),
            refs=self.refs,
            margins=self.margins,
            suppressed=suppressed,
            taken=self._taken(record),
            ghosts=self.ghosts,
            related=self.refs.related(record, self.entity),
        )
        merged = merge(record, self.entity, around)
        related = self.refs.related(merged.record, self.entity)  # with the parent that the merge has just found
        return merged if related == around.related else merge(record, self.entity, replace(around, related=related))

    def _taken(self, record: Record) -> frozenset[str]:
        """Match keys that changed to one that another record holds."""
        if not record.cells:
            return frozenset()
        fresh = {}
        for name in self.entity.match_keys:
            hub = record.cells.get(name)
            for link in record.links:
                cell = self.entity.systems[link.system].cells.get(name) if link.system in self.entity.systems else None
                if cell is None or hub is None or not cell.reads or cell.path not in link.observed.values:
                    continue
                if link.observed.values[cell.path] == hub.value:
                    continue
                key = self.entity.key_of(name, cell.get(link.observed.values[cell.path], self.refs))
                if key is not None and key != self.entity.key_of(name, hub.value):
                    fresh[name, key] = name
        if not fresh:
            return frozenset()
        holders = self.store.by_key(self.entity.name, sorted(fresh))
        return frozenset(
            name
            for pair, name in fresh.items()
            if any(h.record not in (None, record.id) and not h.deleted for h in holders.get(pair, ()))
        )

    def _addresses(self, records: Sequence[Record]) -> dict[str, set[str]]:
        """Every address that a record has or had: on its links, in its cell, in the cell's past."""
        name = self.entity.address_field
        found: dict[str, set[str]] = {record.id: set() for record in records}
        if name is None or self.entity.consent_field is None:
            return found
        for record in records:
            hub = record.cells.get(name)
            values = [hub.value, *(past.value for past in hub.past)] if hub else []
            for link in record.links:
                cell = self.entity.systems[link.system].cells.get(name) if link.system in self.entity.systems else None
                if cell is not None:
                    values.append(cell.get(link.observed.values.get(cell.path), self.refs))
            found[record.id] = {value for value in values if isinstance(value, str)}
        return found

    def _learn_opt_outs(self, merged: Sequence[Merged]) -> set[str]:
        """Whoever is out is out under every address; returns those that are new to the ledger.

        A new one inherits the opt-out before anything is planned, and whoever else has it is out too: the records at hand are merged
        again, all others wake up.
        """
        name = self.entity.consent_field
        if name is None:
            return set()
        out = [m.record for m in merged if name in m.record.cells and is_opt_out(m.record.cells[name].value)]
        addresses = self._addresses(out)
        fresh = self.store.suppress(
            [
                Suppression(a, record.cells[name].origin or "ledger", f"record {record.id}")
                for record in out
                for a in sorted(addresses[record.id])
            ]
        )
        if fresh:
            at_hand = [m.record.number for m in merged]
            self.decided.woken += self.store.mark_pending_by_key(
                self.entity.name, self.entity.address_field or "", fresh, but=at_hand
            )
        return fresh

    # plan ----------------------------------------------------------------------------------------------------------

    def _plan(self, merged: Merged, rivals: Mapping[str, tuple[str, ...]], suppressed: bool) -> Planned:
        if not self.scope.holds(merged.record):
            return Planned(merged.record)
        around = Surroundings(
            refs=self.refs,
            writable=self.able["writable"],
            creatable=self.able["creatable"],
            clearable=self.able["clearable"],
            deletable=self.able["deletable"],
            sparse=self.able["sparse"],
            unread=self.able["unread"],
            rivals=rivals,
            coming=self.decided.coming,
            barred=self._barred(merged.record),
            related=self.refs.related(merged.record, self.entity),
            lost={turn.field: turn.lost for turn in merged.turns if turn.lost},
            suppressed=suppressed,
            refused=self.refused.get(merged.record.id, {}),
            left_out=self.left_out,
            lacking=self.lacking,
        )
        return plan(merged.record, self.entity, around)

    def _barred(self, record: Record) -> frozenset[tuple[str, str]]:
        """(system, parent) pairs where the parent will never be: a child does not wait for it."""
        pairs = set()
        for name, mapped in self.entity.fields.items():
            parent = record.cells[name].value if mapped.type == "ref" and name in record.cells else None
            target = self.context.mappings.entities.get(mapped.entity or "")
            if not isinstance(parent, str) or target is None:
                continue
            for system in mapped.cells:
                there = target.systems.get(system)
                if there is None or not there.create or there.mode == "read" or self.refs.buried(system, parent):
                    pairs.add((system, parent))
        return frozenset(pairs)

    def _rivals(self, merged: Sequence[Merged]) -> dict[str, dict[str, tuple[str, ...]]]:
        """Record -> system -> remote ids there that hold one of its keys without being linked to it."""
        wanted: dict[tuple[str, str], list[Record]] = {}
        for m in merged:
            if self._lacks_link(m.record):
                for name in self.entity.match_keys:
                    value = m.record.cells[name].value if name in m.record.cells else None
                    key = self.entity.key_of(name, value) if not is_blank(value) else None
                    if key is not None:
                        wanted.setdefault((name, key), []).append(m.record)
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        for pair, holders in self.store.by_key(self.entity.name, sorted(wanted)).items():
            for record in wanted[pair]:
                for h in holders:
                    if h.record != record.id and not h.deleted:
                        there = found.setdefault(record.id, {})
                        there[h.system] = (*there.get(h.system, ()), f"{h.system}:{h.remote_id}")
        return found

    def _lacks_link(self, record: Record) -> bool:
        linked = {link.system for link in record.links}
        return any(s.create and s.system not in linked for s in self.entity.systems.values())

    # finish ----------------------------------------------------------------------------------------------------------

    def _finish(self, results: Sequence[tuple[Merged, Planned]]) -> None:
        operations: list[Operation] = []
        saved: list[RecordSaved] = []
        for merged, planned in results:
            operations += planned.operations
            self._note(merged, planned)
            saved.append(RecordSaved(planned.record, self._is_pending(merged, planned), tuple(merged.turns)))
        self.store.save(saved, run=self.run)
        self.store.plan(self.run, operations)
        self.decided.planned += len(operations)

    def _is_pending(self, merged: Merged, planned: Planned) -> bool:
        waits = bool(merged.waiting or planned.waiting or planned.questions) or self._behind()
        if waits:
            self.decided.waiting.add(merged.record.id)
        if not self.scope.holds(merged.record):
            return True
        return waits or bool(planned.operations) or any(link.busy_until for link in merged.record.links)

    def _behind(self) -> bool:
        """A system of this entity is out of this run, or cannot be seen through, so something may remain to be done there."""
        out = {*self.context.failed, *(system for name, system in self.context.blind if name == self.entity.name)}
        return any(system in out for system in self.entity.systems)

    def _note(self, merged: Merged, planned: Planned) -> None:
        record = merged.record
        for operation in planned.operations:
            if operation.kind is Kind.CREATE and self.is_parent:
                self.decided.coming.add((operation.system, operation.record))
        self.decided.uncleared += len(planned.uncleared)
        if merged.settled:
            self.store.close_conflicts(record.id, merged.settled)
        conflicts = [*merged.conflicts, *(delete_conflict(record, link, gone) for link, gone in planned.doubtful)]
        for conflict in conflicts:
            self.store.open_conflict(conflict)
        self._note_questions(merged, planned)

    def _note_questions(self, merged: Merged, planned: Planned) -> None:
        """Sets aside what a person must see to, and releases what has seen to itself."""
        record = merged.record
        rows = [rival(record, system, rivals) for system, rivals in planned.questions]
        fields = self.entity.fields
        rows += [wordless_here(record, s.link, fields[name]) for s, name in merged.held]
        rows += [wordless_there(record, link.system, link, fields[name]) for link, name in planned.wordless]
        rows += [wordless_there(record, system, None, fields[name]) for system, name in planned.unmade]
        rows += [uncleared(record, system, name) for system, name in planned.uncleared]
        for row in rows:
            self.store.quarantine(row)
        if self.scope.holds(record):
            still = {row.id for row in rows} | self._refusals(planned)
            over = self.aside.get(record.id, set()) - still
            if over:
                self.store.release(sorted(over))

    def _refusals(self, planned: Planned) -> set[str]:
        """Refusals that stand, or of which nothing new can be known before the write."""
        record = planned.record
        open_ = planned.refused | {operation.system for operation in planned.operations}
        open_ |= set(self.entity.systems) - self.able["writable"]
        open_ |= {link.system for link in record.links if not readable(link)}
        return {refusal_id(record.id, system) for system in open_}


def _decided_here(context: Context) -> dict[str, set[str]]:
    """Record -> ids of what is set aside for it and may have seen to itself since."""
    found: dict[str, set[str]] = {}
    for row in context.store.quarantined():
        if row.record is not None and (row.error in _SEEN_TO or row.id == refusal_id(row.record, row.system)):
            found.setdefault(row.record, set()).add(row.id)
    return found


def _abilities(context: Context, entity: EntityMapping) -> dict[str, frozenset[str]]:
    """Which systems can do what for this entity, now."""
    tests: dict[str, Callable[[Capabilities], bool]] = {
        "writable": lambda c: c.writable,
        "creatable": lambda c: c.creatable,
        "clearable": lambda c: c.clearable,
        "deletable": lambda c: c.deletable,
        "sparse": lambda c: c.sparse,
        "unread": lambda c: not c.readable,
    }
    found: dict[str, set[str]] = {what: set() for what in tests}
    for mapping in entity.systems.values():
        if not context.hears(mapping.system) or not context.systems[mapping.system].writes:
            continue
        can = able(context, mapping.system, mapping.objects[-1])
        for what, test in tests.items():
            if (
                can is not None
                and test(can)
                and not (what == "creatable" and (entity.name, mapping.system) in context.blind)
            ):
                found[what].add(mapping.system)
    return {what: frozenset(systems) for what, systems in found.items()}

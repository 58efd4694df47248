"""Verify: after a complete read, every difference between the systems is either explained or listed. Writes nothing remotely.

It works on a throwaway copy of the state: what a run would do there is a difference that is pending, which is an explanation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.engine.consent import strictness
from sync.engine.detect import readable
from sync.engine.merge import canonical_values
from sync.mapping import Cell, EntityMapping, FieldMapping, SystemMapping
from sync.model.record import Link, LinkState, Operation, Record, Status
from sync.model.values import HELD, MISSING, is_blank
from sync.runner.abilities import able
from sync.runner.approve import planned
from sync.runner.context import Context
from sync.runner.cycle import Ran
from sync.runner.refs import StoreRefs
from sync.runner.report import Keys
from sync.runner.unseen import unseen

BATCH = 1000


@dataclass(slots=True)
class Verdict:
    """How many cells agree, and every difference with its explanation, or without."""

    agreed: int = 0
    explained: list[dict[str, Any]] = field(default_factory=list)
    unexplained: list[dict[str, Any]] = field(default_factory=list)


def compare(context: Context, ran: Ran) -> Verdict:
    """Compares every link with its record after the dry run `ran`."""
    verdict = Verdict()
    pending = _pending(context, ran.run)
    aside = {(q.record, q.system): q.error for q in context.store.quarantined()}
    keys = Keys(context.store, context.mappings)
    hidden = frozenset((each.system, each.entity, each.field) for each in unseen(context.store, context.mappings))
    for entity in context.chosen():
        refs, shut = StoreRefs(context.store), _shut(context, entity)
        for records in _all(context, entity):
            refs.prefetch(records, entity)
            keys.learn(record.id for record in records)
            for record in records:
                _Comparison(entity, record, refs, pending, aside, shut, hidden, keys, verdict).run()
    return verdict


def _shut(context: Context, entity: EntityMapping) -> frozenset[str]:
    """The systems that this entity's rows are read from and, as configured, not written to."""
    return frozenset(
        mapping.system
        for mapping in entity.systems.values()
        if context.alive(mapping.system) and not _is_written(context, mapping)
    )


def _is_written(context: Context, mapping: SystemMapping) -> bool:
    can = able(context, mapping.system, mapping.objects[-1])
    return context.systems[mapping.system].writes and (can is None or can.writable)


def _pending(context: Context, run: str) -> dict[tuple[str, str], Operation]:
    return {
        (row.operation.record, row.operation.system): row.operation
        for row in planned(context.store, run, (Status.PLANNED,))
    }


def _all(context: Context, entity: EntityMapping) -> Iterator[list[Record]]:
    after = 0
    while numbers := context.store.numbers(entity.name, after=after, limit=BATCH):
        after = numbers[-1]
        yield context.store.load(numbers)


@dataclass(frozen=True, slots=True)
class _Comparison:
    entity: EntityMapping
    record: Record
    refs: StoreRefs
    pending: dict[tuple[str, str], Operation]
    aside: dict[tuple[str | None, str], str]
    shut: frozenset[str]
    unseen: frozenset[tuple[str, str, str]]
    keys: Keys
    verdict: Verdict

    def run(self) -> None:
        for link in self.record.links:
            if link.alive and link.system in self.entity.systems:
                for name, cell in self.entity.systems[link.system].cells.items():
                    if link.state is LinkState.LINKED or name not in self.entity.match_keys:
                        self._cell(link, cell, self.entity.fields[name])

    def _cell(self, link: Link, cell: Cell, mapped: FieldMapping) -> None:
        hub = self.record.cells.get(mapped.name)
        native = link.observed.values.get(cell.path, MISSING)
        if native is MISSING and (link.system, self.entity.name, mapped.name) in self.unseen:
            self.verdict.explained.append(
                self._row(link, mapped, "not shown: the column is mapped, and the system does not show it")
            )
        if native is MISSING or hub is None:
            return
        value = cell.source(canonical_values(self.record.cells), self.refs.related(self.record, self.entity))
        if cell.agrees(value, native, self.refs) or (is_blank(value) and is_blank(native)):
            self.verdict.agreed += 1
            return
        why = self._why(link, cell, mapped)
        row = self._row(link, mapped, why, {"record": value, link.system: native})
        (self.verdict.unexplained if why is None else self.verdict.explained).append(row)

    def _row(
        self, link: Link, mapped: FieldMapping, why: str | None, values: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        return {
            "entity": self.entity.name,
            "record": self.record.id,
            "key": self.keys.of(self.record.id),
            "field": mapped.name,
            "values": self.keys.veil.values(self.entity.name, mapped.name, values or {link.system: None}),
            "why": why,
        }

    def _why(self, link: Link, cell: Cell, mapped: FieldMapping) -> str | None:
        hub = self.record.cells[mapped.name]
        if hub.held:
            return "conflict: a person must choose"
        if not readable(link):
            return "in doubt: a write may still land"
        operation = self.pending.get((self.record.id, link.system))
        if operation is not None and any(change.field == mapped.name for change in operation.changes):
            return "pending: the next sync brings it"
        if (self.record.id, link.system) in self.aside:
            return f"quarantine: {self.aside[self.record.id, link.system]}"
        return self._one_way(link, cell, mapped)

    def _one_way(self, link: Link, cell: Cell, mapped: FieldMapping) -> str | None:
        exchange = link.exchange.get(mapped.name)
        native = link.observed.values[cell.path]
        if mapped.type == "consent":
            return (
                None
                if _opted_in_wrongly(self, cell, native)
                else "consent: nothing is known there, and software subscribes nobody"
            )
        if not cell.writes or self.entity.systems[link.system].mode == "read" or link.system in self.shut:
            return "one-way: this side is read, not written"
        if cell.get(native, self.refs) is HELD:
            return "the mapping has no word for it"
        if exchange is not None and exchange.rejected is not None:
            return "refused by the system"
        if exchange is not None and cell.eq(native, exchange.seen) and not cell.eq(exchange.sent, exchange.seen):
            return "the system keeps it in its own form"
        if is_blank(self.record.cells[mapped.name].value):
            return "uncleared: the system documents no way to empty it, or it was never there"
        if mapped.type == "ref":
            return "its parent has no row there"
        return None


def _opted_in_wrongly(comparison: _Comparison, cell: Cell, native: Any) -> bool:
    hub = next(c for name, c in comparison.record.cells.items() if name == cell.field)
    return strictness(cell.get(native, comparison.refs)) > 0 and strictness(hub.value) > strictness(
        cell.get(native, comparison.refs)
    )

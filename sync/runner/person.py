"""What a person decides about one field of one record: a conflict resolved, a run undone, consent granted.

The cell takes the value as a new version; every link is taken as seen as it stands, so that the plan that follows brings all of them,
the source of the undone edit too, to the decided value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sync.engine.detect import has_last_image
from sync.engine.merge import PAST_MAX
from sync.errors import UsageError
from sync.mapping import EntityMapping
from sync.model.record import (
    Change,
    Conflict,
    Exchange,
    HubCell,
    Link,
    LinkState,
    Lost,
    Operation,
    Past,
    Record,
    Turn,
)
from sync.model.remote import Kind
from sync.model.values import MISSING, SUBSCRIBED, Canonical, is_blank
from sync.runner import streams
from sync.runner.context import Context
from sync.runner.doubted import close_doubts
from sync.runner.refs import StoreRefs
from sync.state import RecordSaved, Store

ALL = 1 << 31
DELETE_CONFLICT = "(record)"


def decided_cell(hub: HubCell | None, value: Canonical, *, origin: str, rule: str, now: datetime) -> HubCell:
    """The cell after a person's decision: a new version, no longer held."""
    if hub is None or not hub.version:
        return HubCell(value, 1, origin, rule, changed_by=now)
    past = (Past(hub.value, hub.version, now), *hub.past)[:PAST_MAX]
    return replace(
        hub, value=value, version=hub.version + 1, origin=origin, rule=rule, changed_by=now, held=None, past=past
    )


def decide_field(record: Record, entity: EntityMapping, field: str, cell: HubCell, refs: StoreRefs) -> Record:
    """The record with the decided cell; what every link holds now counts as seen."""
    links = tuple(_acknowledged(link, entity, field, cell, refs) for link in record.links)
    return replace(record, cells={**record.cells, field: cell}, links=links)


def _acknowledged(link: Link, entity: EntityMapping, field: str, hub: HubCell, refs: StoreRefs) -> Link:
    cell = entity.fields[field].cells.get(link.system)
    native = link.observed.values.get(cell.path, MISSING) if cell is not None else MISSING
    if cell is None or native is MISSING or not (link.alive or has_last_image(link)):
        return link
    acked = hub.version if cell.agrees(hub.value, native, refs) else hub.version - 1
    return replace(link, exchange={**link.exchange, field: Exchange(native, native, acked)})


# conflicts ---------------------------------------------------------------------------------------------------------------


def resolve_conflict(context: Context, conflict: Conflict, take: str, run: str) -> None:
    """Takes one side of a conflict; raises UsageError where that side is not in it."""
    if take not in conflict.values:
        raise UsageError(
            f"conflict {conflict.id} has no value from {take}",
            remedy=f"Choose one of: {', '.join(sorted(conflict.values))}.",
        )
    record = context.store.load_ids([conflict.record])[0]
    entity = context.mappings.entities[conflict.entity]
    if conflict.field == DELETE_CONFLICT:
        _resolve_delete(context, record, conflict, take)
    else:
        _take(context, record, entity, conflict, take, run)
    context.store.resolve_conflict(conflict.id, f"took {take}")
    context.store.audit(
        "conflict resolved", {"conflict": conflict.id, "record": record.id, "field": conflict.field, "take": take}
    )
    context.store.mark_pending(records=[record.id])


def _take(context: Context, record: Record, entity: EntityMapping, conflict: Conflict, take: str, run: str) -> None:
    hub = record.cells.get(conflict.field)
    value = conflict.values[take]
    cell = decided_cell(hub, value, origin=take, rule="operator", now=context.clock.now())
    lost = tuple(Lost(system, other, "operator") for system, other in conflict.values.items() if other != value)
    turn = Turn(conflict.field, hub.value if hub else None, value, take, "operator", lost)
    decided = decide_field(record, entity, conflict.field, cell, StoreRefs(context.store))
    context.store.save([RecordSaved(decided, pending=True, turns=(turn,))], run=run)


def _resolve_delete(context: Context, record: Record, conflict: Conflict, take: str) -> None:
    """Taking the deletion lets it travel; taking the edit makes the tombstone silent."""
    deleted = conflict.values[take] == "deleted"
    for link in record.links:
        if link.state is not LinkState.TOMBSTONE:
            continue
        if not deleted:
            context.store.set_link_state(link.number, LinkState.OUT_OF_SCOPE)
            continue
        exchange = {
            name: replace(x, acked=record.cells[name].version)
            for name, x in link.exchange.items()
            if name in record.cells
        }
        changed = replace(link, exchange={**link.exchange, **exchange})
        links = tuple(changed if other.number == link.number else other for other in record.links)
        context.store.save([RecordSaved(replace(record, links=links), pending=True)], run=None)


# undo --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Undo:
    """What to undo: a run, or some of its records and fields. ``records`` are ids."""

    run: str
    records: frozenset[str] | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """One turn that undo leaves alone, and why."""

    record: str
    field: str
    why: str


def touched_by(store: Store, run: str) -> set[str]:
    """The records that a run changed, however many."""
    return {row.record for row in store.turns(run=run, limit=ALL)}


def undo(context: Context, wanted: Undo, run: str) -> list[Kept]:
    """Sets the cells of a run back to what they held before, where nobody has touched them since; all of them or, killed, none.

    What a run changed twice is taken back step by step, the last change first.
    """
    kept: list[Kept] = []
    with context.store.transaction():
        for row in context.store.turns(run=wanted.run, limit=ALL):
            if wanted.records is not None and row.record not in wanted.records:
                continue
            turns = [turn for turn in row.turns if wanted.field in (None, turn.field)]
            if turns:
                kept += _undo_record(context, row.record, turns, run)
    return kept


def _undo_record(context: Context, name: str, turns: Sequence[Turn], run: str) -> list[Kept]:
    found = context.store.load_ids([name])
    if not found:
        return [Kept(name, turn.field, "the record is gone") for turn in turns]
    record, kept, done = found[0], [], []
    entity = context.mappings.entities[record.entity]
    refs = StoreRefs(context.store)
    for turn in turns:
        why = untouchable(record, entity, turn)
        if why is not None:
            kept.append(Kept(name, turn.field, why))
            continue
        hub = record.cells[turn.field]
        cell = decided_cell(hub, turn.before, origin="", rule="undo", now=context.clock.now())
        record = decide_field(record, entity, turn.field, cell, refs)
        done.append(Turn(turn.field, turn.after, turn.before, "", "undo"))
    if done:
        context.store.save([RecordSaved(record, pending=True, turns=tuple(done))], run=run)
    return kept


def untouchable(record: Record, entity: EntityMapping, turn: Turn) -> str | None:
    """Why this turn is left alone; None where it can be undone."""
    mapped, hub = entity.fields.get(turn.field), record.cells.get(turn.field)
    if mapped is None or hub is None:
        return "it is not mapped any more"
    if mapped.type == "consent":
        return "consent is never undone by software; see `crm-sync consent grant`"
    if mapped.compute is not None:
        return "it is computed from other fields"
    if hub.value != turn.after or hub.held:
        return "somebody has changed it since"
    if is_blank(turn.before) and not any(is_blank(past.value) for past in hub.past):
        return (
            "the systems met here in this run: what each held before is its own, and `crm-sync explain` keeps what lost"
        )
    for link in record.links:
        cell, x = mapped.cells.get(link.system), link.exchange.get(turn.field)
        native = link.observed.values.get(cell.path, MISSING) if cell is not None and cell.reads else MISSING
        if cell is not None and x is not None and native is not MISSING and not cell.eq(native, x.seen):
            return f"somebody has changed it in {link.system} since"
    return None


# consent -----------------------------------------------------------------------------------------------------------------


def grant(context: Context, address: str, evidence: str, run: str) -> list[str]:
    """Lifts an opt-out on a person's own word, with evidence; returns the records concerned."""
    context.store.lift(address, evidence=evidence, by="operator")
    context.store.audit("consent granted", {"evidence": evidence})
    touched = []
    for entity in context.mappings.entities.values():
        if entity.consent_field is not None and entity.address_field is not None:
            key = entity.key_of(entity.address_field, address) or address.strip().casefold()
            touched += _grant_records(context, entity, context.store.find(entity.name, key), evidence, run)
    return touched


def _grant_records(context: Context, entity: EntityMapping, ids: Iterable[str], evidence: str, run: str) -> list[str]:
    field = entity.consent_field
    assert field is not None
    done = []
    for record in context.store.load_ids(list(ids)):
        hub = record.cells.get(field)
        cell = decided_cell(hub, SUBSCRIBED, origin="operator", rule="granted", now=context.clock.now())
        decided = decide_field(record, entity, field, cell, StoreRefs(context.store))
        turn = Turn(field, hub.value if hub else None, SUBSCRIBED, "operator", f"granted: {evidence}")
        context.store.save([RecordSaved(decided, pending=True, turns=(turn,))], run=run)
        done.append(record.id)
    return done


# quarantine --------------------------------------------------------------------------------------------------------------


def retry(context: Context, ids: Sequence[str] | None) -> int:
    """Forgets refusals, so that the next plan tries again; returns how many rows were released."""
    rows = [row for row in context.store.quarantined() if ids is None or row.id in ids]
    with context.store.transaction():
        for row in rows:
            if row.entity == streams.ENTITY:
                streams.retry(context, row)
            elif row.record is not None:
                _forget_refusal(context, row.record, row.system)
                if row.error == "IN_DOUBT":
                    close_doubts(context, row.entity, row.record, row.system)
            if (
                row.error != "UNMAPPED_VALUE"
            ):  # it leaves by itself once the word is known, and keeps what was said meanwhile
                context.store.release(ids=[row.id])
    return len(rows)


def _forget_refusal(context: Context, name: str, system: str) -> None:
    context.store.forget_refused_create(name, system)
    for record in context.store.load_ids([name]):
        links = tuple(_unrefused(link) if link.system == system else link for link in record.links)
        context.store.save([RecordSaved(replace(record, links=links), pending=True)], run=None)


def _unrefused(link: Link) -> Link:
    exchange: Mapping[str, Exchange] = {name: replace(x, rejected=None) for name, x in link.exchange.items()}
    return replace(link, exchange=exchange)


def kept_operation(record: Record, kept: Kept) -> Operation:
    """What undo left alone, as an operation that changes nothing."""
    hub = record.cells.get(kept.field)
    value = hub.value if hub is not None else None
    change = Change(kept.field, kept.field, value, value, hub.origin if hub else "", "undo", hub.version if hub else 0)
    links = {link.system: link for link in reversed(record.links)}
    seen = links.get(change.origin, record.links[0]).observed
    return Operation(
        record.entity,
        record.id,
        seen.system,
        seen.object,
        Kind.UPDATE,
        seen.remote_id,
        (change,),
        f"{kept.field}: {kept.why}",
    )

"""Explain one record: each field's value, where it came from, when, by which rule, what each system holds, what lost."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sync.engine.merge import canonical_values
from sync.errors import UsageError
from sync.mapping import NO_REFS, EntityMapping, Mappings
from sync.mapping.text import long_id
from sync.model.record import Journalled, Link, LinkState, Record, Turn
from sync.model.remote import Kind
from sync.model.values import MISSING
from sync.runner.refs import StoreRefs
from sync.runner.report import Keys
from sync.runner.veil import Veil
from sync.state import Store

KEY_SHOWN: Final = 80
"""Letters of what somebody typed that an error repeats."""


def explain(store: Store, mappings: Mappings, entity: str, key: str) -> dict[str, Any]:
    """The published object for one record; raises UsageError where there is none, or more than one."""
    if entity not in mappings.entities:
        raise UsageError(f"there is no entity `{entity}`", remedy=f"Known: {', '.join(mappings.entities)}.")
    mapped = mappings.entities[entity]
    found = store.load_ids(find(store, mapped, key))
    if not found:
        raise UsageError(
            f"no {entity} is known as `{key[:KEY_SHOWN]}`",
            remedy="Give its e-mail, domain, name, our id or a remote id; `crm-sync sync` reads new ones.",
        )
    if found[0].entity != entity:
        raise UsageError(
            f"`{key}` is the id of another kind of record: {found[0].entity}",
            remedy=f"Try `crm-sync explain {found[0].entity} {key}`.",
        )
    if len(found) > 1:
        names = ", ".join(record.id for record in found)
        raise UsageError(
            f"{len(found)} {entity} records are known as `{key}`", remedy=f"Give one of their ids: {names}."
        )
    return _explain(store, mappings, mapped, found[0])


def find(store: Store, entity: EntityMapping, key: str) -> list[str]:
    """The records that a person means by `key`: a match key in any spelling, our id, a remote id (Salesforce's in either length)."""
    names = [
        key,
        long_id(key.strip()),
        *(k for field in entity.match_keys if (k := entity.key_of(field, _canonical(entity, field, key))) is not None),
    ]
    return list(dict.fromkeys(record for name in names for record in store.find(entity.name, name)))


def _canonical(entity: EntityMapping, field: str, key: str) -> Any:
    cell = next(iter(entity.fields[field].cells.values()), None)
    return cell.get(key, NO_REFS) if cell is not None else key


def _explain(store: Store, mappings: Mappings, entity: EntityMapping, record: Record) -> dict[str, Any]:
    refs, keys = StoreRefs(store), Keys(store, mappings)
    history = store.turns(record=record.id)
    fields = {name: _field(entity, record, name, refs, keys, history) for name in entity.fields if name in record.cells}
    return {
        "entity": entity.name,
        "record": record.id,
        "key": keys.of(record.id),
        "ids": {
            link.system: keys.veil.remote_id(entity.name, link.system, link.observed.remote_id) for link in record.links
        },
        "links": [_link(link, entity, keys) for link in record.links],
        "fields": fields,
        "conflicts": [c.id for c in store.conflicts() if c.record == record.id],
        "quarantined": [q.id for q in store.quarantined() if q.record == record.id],
        "engagements": [_engagement(row, entity, keys) for row in store.of_record(record.id, Kind.ENGAGE)],
    }


def _engagement(row: Journalled, entity: EntityMapping, keys: Keys) -> dict[str, Any]:
    """What an event about the record caused in another system."""
    done = row.operation
    return {
        "run": row.run,
        "system": done.system,
        "object": done.object,
        "id": keys.veil.remote_id(entity.name, done.system, done.remote_id),
        "status": row.status.value,
        "at": _time(row.sent_at),
        "reason": done.reason,
        "message": row.message,
    }


def _link(link: Link, entity: EntityMapping, keys: Keys) -> dict[str, Any]:
    state = "deleted" if link.state is LinkState.TOMBSTONE else link.state.value
    return {
        "system": link.system,
        "object": link.observed.object,
        "id": keys.veil.remote_id(entity.name, link.system, link.observed.remote_id),
        "state": state,
        "seen_at": _time(link.observed.seen_at),
    }


def _field(
    entity: EntityMapping, record: Record, name: str, refs: StoreRefs, keys: Keys, history: Iterable[Any]
) -> dict[str, Any]:
    hub = record.cells[name]
    mapped = entity.fields[name]
    shown = hub.value
    if mapped.type == "ref" and isinstance(hub.value, str):
        shown = keys.of(hub.value) or hub.value
    veil = keys.veil
    return {
        "value": veil.value(entity.name, name, shown),
        "from": hub.origin or None,
        "rule": hub.rule,
        "changed_at": _time(hub.changed_by),
        "version": hub.version,
        "held": hub.held,
        "systems": {
            link.system: seen
            for link in record.links
            if (seen := _seen(entity, link, name, record, refs, veil)) is not None
        },
        "history": [
            _turn(row.run, row.at, veil.turn(entity.name, turn))
            for row in history
            for turn in row.turns
            if turn.field == name
        ],
    }


def _seen(
    entity: EntityMapping, link: Link, name: str, record: Record, refs: StoreRefs, veil: Veil
) -> dict[str, Any] | None:
    cell = entity.fields[name].cells.get(link.system)
    native = link.observed.values.get(cell.path, MISSING) if cell is not None else MISSING
    if cell is None or native is MISSING or link.state is not LinkState.LINKED:
        return None
    value = cell.source(canonical_values(record.cells), refs.related(record, entity))
    agrees = cell.agrees(value, native, refs)
    exchange = link.exchange.get(name)
    return {
        "native": veil.value(entity.name, name, native),
        "seen": _time(link.observed.seen_at),
        "agrees": agrees,
        "sent": veil.value(entity.name, name, exchange.sent) if exchange is not None else None,
        "mode": cell.mode,
    }


def _turn(run: str, at: datetime, turn: Turn) -> dict[str, Any]:
    return {
        "run": run,
        "at": _time(at),
        "before": turn.before,
        "after": turn.after,
        "from": turn.origin or None,
        "rule": turn.rule,
        "lost": [{"system": lost.system, "value": lost.value, "rule": lost.rule} for lost in turn.lost],
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at is not None else None

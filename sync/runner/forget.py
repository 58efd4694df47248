"""Consent shown, and a person erased: from the state always, from the systems where they can and it was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sync.engine.consent import is_opt_out
from sync.engine.plan import address_of
from sync.errors import AbortError
from sync.mapping import EntityMapping, Mappings
from sync.model.record import LinkState, Record
from sync.model.remote import Kind, Outcome, Write
from sync.runner.context import Context
from sync.runner.refs import StoreRefs
from sync.state import Store

DELETED: Final = "deleted"


def consent(store: Store, mappings: Mappings, email: str) -> dict[str, Any]:
    """State, reason, every system's own word, the ledger, and which system was told what when, for one address."""
    ledger = [_act(act) for act in store.consent_history(email)]
    suppressed = store.is_suppressed(email)
    states: dict[str, Any] = {}
    seen: dict[str, str] = {}
    told: list[dict[str, Any]] = []
    state: Any = None
    for entity in mappings.entities.values():
        if entity.consent_field is None:
            continue
        for record in store.load_ids(store.find(entity.name, email.strip().casefold())):
            hub = record.cells.get(entity.consent_field)
            state = hub.value if hub else state
            states |= _words(entity, record, store)
            seen |= {link.system: link.observed.seen_at.isoformat() for link in record.links if link.system in states}
            told += _told(entity, record, store)
    if suppressed:
        state = "UNSUBSCRIBED"
    return {
        "email": email,
        "state": state,
        "mailable": state == "SUBSCRIBED" and not suppressed,
        "why": _why(state, suppressed=suppressed, ledger=ledger),
        "systems": states,
        "seen_at": seen,
        "ledger": ledger,
        "told": sorted(told, key=lambda row: str(row["at"]), reverse=True),
    }


def _act(act: Mapping[str, str]) -> dict[str, Any]:
    state = "granted" if act["act"] == "lift" else "UNSUBSCRIBED"
    return {
        "at": act["at"],
        "source": act["source"] or act["by"] or act["act"],
        "state": state,
        "evidence": act["evidence"] or act["reason"],
    }


def _words(entity: EntityMapping, record: Record, store: Store) -> dict[str, Any]:
    assert entity.consent_field is not None
    cells = entity.fields[entity.consent_field].cells
    found = {}
    for link in sorted(record.links, key=lambda link: link.state is LinkState.LINKED):
        cell = cells.get(link.system)
        if cell is not None and cell.path in link.observed.values:
            found[link.system] = cell.get(link.observed.values[cell.path], StoreRefs(store))
    return found


def _told(entity: EntityMapping, record: Record, store: Store) -> list[dict[str, Any]]:
    """Every write of the person's consent that the journal still has: when it was sent, to whom, what it said, what became of it."""
    found = []
    for kind in (Kind.SUBSCRIBE, Kind.CREATE, Kind.UPDATE):
        for row in store.of_record(record.id, kind):
            done = row.operation
            changes = [change for change in done.changes if change.field == entity.consent_field]
            if row.sent_at is None or not changes:
                continue
            cell = entity.fields[changes[0].field].cells.get(done.system)
            said = {
                "at": row.sent_at.isoformat(),
                "system": done.system,
                "object": done.object,
                "id": done.remote_id,
                "state": cell.get(changes[0].after, StoreRefs(store)) if cell is not None else changes[0].after,
                "status": row.status.value,
                "run": row.run,
            }
            found.append(said)
    return found


def _why(state: Any, *, suppressed: bool, ledger: list[dict[str, Any]]) -> str:
    if suppressed:
        first = ledger[-1] if ledger else {}
        return f"opted out; first learnt from {first.get('source', 'an earlier run')}"
    if is_opt_out(state):
        return "a linked system says so"
    if state == "SUBSCRIBED":
        return "a system states the subscription, and nothing forbids it"
    return "nothing is known that would allow it"


def forget(context: Context, email: str, *, remote: bool) -> dict[str, Any]:
    """Erases one person; the address stays suppressed by its keyed hash. ``kept``: rows that nobody deleted, and that are known no more."""
    systems: dict[str, str] = {}
    kept: list[dict[str, str]] = []
    for entity in context.mappings.entities.values():
        if entity.address_field is not None:
            for record in context.store.load_ids(context.store.find(entity.name, email.strip().casefold())):
                if remote:
                    systems |= _delete_everywhere(context, entity, record)
                else:
                    kept += _rows(record)
    counts = context.store.forget(email)
    return {"erased": counts.get("records", 0), "counts": counts, "systems": systems, "kept": kept}


def _rows(record: Record) -> list[dict[str, str]]:
    rows = (link.observed for link in record.links if link.alive)
    return [{"system": row.system, "object": row.object, "id": row.remote_id} for row in rows]


def _delete_everywhere(context: Context, entity: EntityMapping, record: Record) -> dict[str, str]:
    done: dict[str, str] = {}
    for link in record.links:
        if link.alive and link.system in context.systems:
            seen = link.observed
            said = _delete(context, entity, record, link.system, seen.object, seen.remote_id)
            done[link.system] = said if done.get(link.system, DELETED) == DELETED else done[link.system]
    return done


def _delete(context: Context, entity: EntityMapping, record: Record, system: str, name: str, remote_id: str) -> str:
    connector = context.systems[system].connector
    by_hand = f"delete {name} {remote_id} there by hand"  # the state forgets the row: nobody is told of it again
    write = Write(0, Kind.DELETE, name, remote_id, record.id, {}, address=address_of(record, entity))
    try:
        if not connector.capabilities(name).deletable:
            return f"cannot delete: {system} has no way to; {by_hand}"
        receipt = connector.push([write])[0]
    except AbortError as error:
        return f"not deleted: {error.message}; {by_hand}"
    if receipt.outcome in (Outcome.ACKED, Outcome.GONE):
        return DELETED
    return f"not deleted: {receipt.message or receipt.outcome.value}; {by_hand}"

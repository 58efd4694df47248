"""Who an event is about: the contact that it names, else the address, else nobody; and the account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sync.engine.consent import is_opt_out
from sync.engine.plan import address_of
from sync.mapping import EntityMapping
from sync.model.record import Record
from sync.runner.context import Context
from sync.runner.streams.happening import Happening


@dataclass(frozen=True, slots=True)
class Who:
    """The person and the account of an event, as far as they are known.

    ``person``, ``account`` and ``campaign`` are records. ``out``: may not be mailed. ``forgotten``: was erased, and nothing of it is kept.
    """

    person: str | None = None
    address: str | None = None
    account: str | None = None
    campaign: str | None = None
    out: bool = False
    forgotten: bool = False


def who(context: Context, happening: Happening) -> Who:
    """Looks the event's ids and its address up in the state; the event's own words about them do not count."""
    rows = happening.rows(context.systems[happening.system].kind) if happening.system in context.systems else {}
    told = _address(happening.data.get("email"))
    person = _linked(context, happening.system, rows.get("contacts")) or _known(context, told)
    account = _linked(context, happening.system, rows.get("accounts"), of_people=False)
    campaign = _linked(context, happening.system, rows.get("campaigns"), of_people=False)
    record, entity = person or (None, None)
    address = (address_of(record, entity) if record and entity else None) or told
    return Who(
        record.id if record else None,
        address,
        account[0].id if account else None,
        campaign[0].id if campaign else None,
        out=_is_out(context, record, entity, address),
        forgotten=_is_forgotten(context, happening.system, rows.get("contacts"), address, told),
    )


def is_out(context: Context, record_id: str | None, address: str | None) -> bool:
    """Whether somebody may not be mailed, as the state knows it now."""
    if address is not None and context.store.is_suppressed(address):
        return True
    found = context.store.load_ids([record_id]) if record_id else []
    return any(_is_out(context, record, context.mappings.entities.get(record.entity), address) for record in found)


def _is_out(context: Context, record: Record | None, entity: EntityMapping | None, address: str | None) -> bool:
    if address is not None and context.store.is_suppressed(address):
        return True
    cell = record.cells.get(entity.consent_field) if record and entity and entity.consent_field else None
    return cell is not None and is_opt_out(cell.value)


def _is_forgotten(context: Context, system: str, remote_id: str | None, *addresses: str | None) -> bool:
    named = [address for address in addresses if address is not None]
    if named and context.store.forgotten(named):
        return True
    return remote_id is not None and context.store.is_forgotten_row(system, "contacts", remote_id)


def _linked(
    context: Context, system: str, remote_id: str | None, *, of_people: bool = True
) -> tuple[Record, EntityMapping] | None:
    """The record of a row of that system, among those of people or of others."""
    if remote_id is None:
        return None
    for entity in _entities(context, of_people=of_people):
        found = context.store.records_of([(system, entity.name, remote_id)])
        for record in context.store.load_ids(sorted(set(found.values()))):
            return record, entity
    return None


def _known(context: Context, address: str | None) -> tuple[Record, EntityMapping] | None:
    """The one record with that address, where people are matched by it."""
    for entity in _entities(context, of_people=True):
        field = entity.address_field or ""
        key = entity.key_of(field, address)
        if key is None or field not in entity.match_keys:
            continue
        holders = context.store.by_key(entity.name, [(field, key)]).get((field, key), ())
        found = context.store.load_ids(sorted({each.record for each in holders if each.record is not None}))
        if len(found) == 1:
            return found[0], entity
    return None


def _entities(context: Context, *, of_people: bool) -> Iterator[EntityMapping]:
    return (e for e in context.mappings.entities.values() if (e.address_field is not None) is of_people)


def _address(value: object) -> str | None:
    text = value.strip().casefold() if isinstance(value, str) else ""
    return text if "@" in text else None

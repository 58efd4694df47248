"""Before anything is read: whose data is this, and has the mapping changed since the last run?

A system whose credentials open another tenant than the pinned one takes no part. A mapping row that changed is first contact
again for that field alone; a mapping row that is new or gone makes its entity be looked at once more.
"""

from __future__ import annotations

import hashlib
from typing import Final

import orjson

from sync.connectors.base import Introduced
from sync.errors import AbortError
from sync.mapping import EntityMapping
from sync.model.remote import Tenant
from sync.runner.context import Context, System

_HELD: Final = "consent_changed:"
"""Before an entity's name: whether opt-outs wait because the mapping of consent changed."""


def pin_tenants(context: Context) -> None:
    """Asks each system whose data it holds when its address or credentials are not those of the last run, or the log-in tells."""
    for system in list(context.systems.values()):
        if not context.alive(system.name):
            continue
        known = context.store.get_meta(f"credentials:{system.name}") == system.credentials
        try:
            tenant = _introduction(context, system) if known else system.connector.identify()
            if tenant is not None:
                context.store.pin_tenant(system.name, tenant)
        except AbortError as error:
            context.fail(system.name, error)
        else:
            if not known:
                context.store.set_meta(f"credentials:{system.name}", system.credentials)


def _introduction(context: Context, system: System) -> Tenant | None:
    """A sandbox that was refreshed is another org behind the same address and credentials; a system of no use now is not asked."""
    connector = system.connector
    wanted = any(system.name in entity.systems for entity in context.chosen())
    return connector.introduction() if wanted and isinstance(connector, Introduced) else None


def adopt_mappings(context: Context) -> None:
    """Notes which cells changed, and whether one of them carries consent."""
    for entity in context.chosen():
        _adopt(context, entity)


def consent_changed(context: Context) -> bool:
    """Whether the mapping of consent changed, and nobody has seen yet to what that brings: an opt-out cannot be undone."""
    return any(context.store.get_meta(_HELD + entity.name) for entity in context.chosen())


def consent_seen_to(context: Context) -> None:
    """The change brought nothing, or nothing more than a person has released."""
    for entity in context.chosen():
        if context.store.get_meta(_HELD + entity.name):
            context.store.set_meta(_HELD + entity.name, "")


def _adopt(context: Context, entity: EntityMapping) -> None:
    store, name = context.store, f"mapping:{entity.name}"
    now = _fingerprints(entity)
    raw = store.get_meta(name)
    before: dict[str, str] = orjson.loads(raw) if raw else {}
    if before == now:
        return
    changed = [key for key, digest in now.items() if key in before and before[key] != digest]
    cells = [key.split("/", 1) for key in changed if "/" in key]
    with store.transaction():
        for system, mapped in cells:
            store.drop_exchanges(entity.name, system, mapped)
        if before:
            store.mark_pending(entity=entity.name)
        if _brings_consent(entity, before, now):
            store.set_meta(_HELD + entity.name, "1")
        store.set_meta(name, orjson.dumps(now).decode())


def _brings_consent(entity: EntityMapping, before: dict[str, str], now: dict[str, str]) -> bool:
    """Whether consent is read otherwise, or at last, in a system that was mapped before."""
    known = {key.split("/", 1)[0] for key in before if "/" in key}
    cells = {f"{system}/{entity.consent_field}" for system in known}
    return any(key in now and before.get(key) != now[key] for key in cells)


def _fingerprints(entity: EntityMapping) -> dict[str, str]:
    """One digest per cell (``system/field``) and one for the rest of the entity."""
    found = {
        f"{system}/{name}": cell.fingerprint
        for system, mapping in entity.systems.items()
        for name, cell in mapping.cells.items()
    }
    found["entity"] = _rest(entity)
    return found


def _rest(entity: EntityMapping) -> str:
    systems = [
        [s.system, s.objects, s.mode, s.create, s.when.text if s.when else None, s.where, s.deleted, s.external_id]
        for s in entity.systems.values()
    ]
    fields = [
        [f.name, f.type, f.conflict, f.prefer, f.owner, f.blank, f.compute.text if f.compute else None]
        for f in entity.fields.values()
    ]
    shape = orjson.dumps([entity.match_keys, entity.required, systems, fields], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(shape, digest_size=8).hexdigest()

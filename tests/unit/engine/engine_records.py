"""Records, links and a system that keeps what it is asked to, for the engine's tests."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sync.engine.merge import Circumstances, merge
from sync.engine.plan import plan
from sync.engine.surroundings import Surroundings
from sync.mapping import load
from sync.model.record import Exchange, HubCell, Link, LinkState, Observation, Record
from sync.model.remote import Kind

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SYSTEMS = ("one", "two", "three")

HEAD = """
entity = "contact"
[match]
keys = ["email"]
[systems.one]
object = "people"
create = true
[systems.two]
object = "people"
create = true
[systems.three]
object = "people"
create = true
[fields.email]
type = "email"
required = true
one = "email"
two = "email"
three = "email"
"""


@functools.cache
def mapped(fields: str, head: str = HEAD, systems: tuple[str, ...] = SYSTEMS):
    """The contact mapping made of these fields."""
    return loaded({"contacts.toml": head + fields}, systems)["contact"]


def loaded(files, systems=SYSTEMS):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text)
        return load(Path(folder), dict.fromkeys(systems, "memory")).entities


class Refs:
    """Links between records: (system, remote id) <-> record."""

    def __init__(self, pairs=(), values=()):
        self.pairs, self.values = dict(pairs), dict(values)

    def record_of(self, system, entity, remote_id):
        return self.pairs.get((system, remote_id))

    def remote_of(self, system, entity, record_id):
        return next((remote for (s, remote), record in self.pairs.items() if (s, record) == (system, record_id)), None)

    def value_of(self, entity, record_id, field):
        return self.values.get((record_id, field))


def at(minutes):
    return NOW + timedelta(minutes=minutes)


def observed(number, system, values, *, changed_at=None, deleted=False, merged_into=None):
    return Observation(
        number, system, "people", f"{system}-{number}", values, None, changed_at, None, NOW, deleted, merged_into
    )


def link(system, values, exchange=None, *, state=LinkState.LINKED, busy=None, aside=False, **more):
    """A link; ``exchange`` maps a field to an Exchange, or to (native as sent and seen, version)."""
    number = SYSTEMS.index(system) + 1
    known = {name: x if isinstance(x, Exchange) else Exchange(x[0], x[0], x[1]) for name, x in (exchange or {}).items()}
    return Link(number, state, observed(number, system, values, **more), known, busy, aside)


def record(*links, **cells):
    """A record; cells are HubCells, or plain values of version 1 that came from `one`."""
    hubs = {name: c if isinstance(c, HubCell) else HubCell(c, 1, "one", "edit") for name, c in cells.items()}
    return Record(1, "rec", "contact", hubs, tuple(links))


def merged(rec, mapping, **around):
    return merge(rec, mapping, Circumstances(**{"now": NOW, "refs": Refs(), **around}))


def planned(rec, mapping, **around):
    able = frozenset(mapping.systems)
    given = {"refs": Refs(), "writable": able, "creatable": able, "clearable": able, "deletable": able}
    return plan(rec, mapping, Surroundings(**{**given, **around}))


def seen(rec, system, **natives):
    """The record after its row in a system was read with these values."""
    changed_at = natives.pop("changed_at", None)

    def fresh(x):
        values = {**x.observed.values, **natives}
        return replace(x, observed=replace(x.observed, values=values, changed_at=changed_at or x.observed.changed_at))

    return replace(rec, links=tuple(fresh(x) if x.system == system else x for x in rec.links))


def applied(rec, operations, keeps=lambda system, native, value: value):
    """The record after every operation was carried out; `keeps` is what a server makes of a value."""
    links = list(rec.links)
    for op in operations:
        held = {c.native: keeps(op.system, c.native, c.after) for c in op.changes}
        told = {c.field: Exchange(c.after, held[c.native], c.version) for c in op.changes}
        if op.kind is Kind.CREATE:
            links.append(link(op.system, held, told))
            continue
        for place, x in enumerate(links):
            if (x.system, x.observed.remote_id) == (op.system, op.remote_id):
                row = replace(x.observed, values={**x.observed.values, **held}, deleted=op.kind is Kind.DELETE)
                state = LinkState.TOMBSTONE if op.kind is Kind.DELETE else x.state
                links[place] = replace(x, observed=row, exchange={**x.exchange, **told}, state=state)
    return replace(rec, links=tuple(links))


def settled(mapping, **natives):
    """A record at rest: its links exist with these values (system=dict), everything merged, planned and carried out."""
    rec = record(*(link(system, values) for system, values in natives.items()))
    rec = merged(rec, mapping).record
    done = planned(rec, mapping)
    return applied(done.record, done.operations)


def writes(done):
    """(system, native) -> value, of all operations of a plan."""
    return {(op.system, c.native): c.after for op in done.operations for c in op.changes}

"""Detect, by value and in native space, what happened to one field of one link since the last exchange.

``o eq seen`` means that nothing happened there, whatever the timestamps say. What agrees with the hub value already is absorbed:
the same edit made twice, our own echo, a coarser view, a write recovered after a crash.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from sync.mapping import Cell, FieldMapping, Refs
from sync.model.record import Exchange, HubCell, Link, LinkState
from sync.model.values import HELD, MISSING, UNRESOLVED, Absence, Canonical, Native


class News(Enum):
    """What a link says about a field."""

    NOTHING = "nothing"
    UNKNOWN = "unknown"
    """MISSING, or a parent that is not known yet: nothing may be concluded."""
    HELD = "held"
    FIRST = "first"
    """Never exchanged: first contact."""
    ABSORBED = "absorbed"
    EDIT = "edit"


@dataclass(frozen=True, slots=True)
class Seen:
    """One field of one link as it stands now. ``acked`` is the cell version that its author had seen."""

    link: Link
    cell: Cell
    native: Native
    news: News
    value: Canonical | Absence = None
    acked: int = 0


def readable(link: Link) -> bool:
    """Whether anything may be concluded from a link now: linked, or once so; not in doubt, not deleted, not set aside."""
    return link.alive and link.busy_until is None and not link.observed.deleted and not link.quarantined


def has_last_image(link: Link) -> bool:
    """Whether the row was deleted and is known as it last was: what somebody had edited in it stands, elsewhere."""
    row = link.observed
    gone = link.state is LinkState.TOMBSTONE and row.deleted and row.merged_into is None
    return gone and link.busy_until is None and not link.quarantined


def detect(link: Link, mapped: FieldMapping, hub: HubCell | None, refs: Refs) -> Seen | None:
    """What `link` says about the field; None where it has no say (not mapped there, or only written)."""
    cell = mapped.cells.get(link.system)
    if cell is None or not cell.reads:
        return None
    native = link.observed.values.get(cell.path, MISSING)
    if native is MISSING:
        return Seen(link, cell, native, News.UNKNOWN)
    exchange = link.exchange.get(mapped.name)
    if exchange is not None and cell.eq(native, exchange.seen):
        return Seen(link, cell, native, News.NOTHING, acked=exchange.acked)
    return _changed(link, cell, native, exchange, hub, refs)


def _changed(
    link: Link, cell: Cell, native: Native, exchange: Exchange | None, hub: HubCell | None, refs: Refs
) -> Seen:
    value = cell.get(native, refs)
    if value is HELD:
        return Seen(link, cell, native, News.HELD, value)
    if value is UNRESOLVED or value is MISSING:
        return Seen(link, cell, native, News.UNKNOWN, value)
    acked = exchange.acked if exchange is not None else 0
    if hub is not None and cell.agrees(hub.value, native, refs):
        return Seen(link, cell, native, News.ABSORBED, value, acked)
    return Seen(link, cell, native, News.FIRST if exchange is None else News.EDIT, value, acked)

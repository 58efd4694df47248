"""How like a row is to what a create sent, whatever its match key is by now: a person may have changed that before we could look.

A row that our create made holds what was sent and nothing else. What is compared is native, as that system keeps it (cut, trimmed,
rounded …). Match keys are left out, and consent, which says nothing about who somebody is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sync.engine.plan import PENDING_REF
from sync.mapping import Cell, EntityMapping, SystemMapping
from sync.model.remote import Capabilities, NativeRecord
from sync.model.values import MISSING, Absence, Native, is_blank

ENOUGH = 2
"""So many values may tell one row from another; one alone (a country, a company) does not."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """``same``: what the row holds, by native path, where it holds what was sent; ``sent``: how many values were compared.

    ``other``: how many values it holds that were not sent, or lacks.
    """

    same: Mapping[str, Native]
    sent: int
    other: int

    @property
    def is_full(self) -> bool:
        """All that was sent is there and nothing else, and it is enough to tell one row from another."""
        return self.other == 0 and self.sent >= ENOUGH

    @property
    def is_near(self) -> bool:
        """One value besides the key is another, and something is left that may tell one row from another."""
        return self.other == 1 and self.sent >= ENOUGH and bool(self.same)

    @property
    def is_vague(self) -> bool:
        """All that was sent is there and nothing else, and it is too little to know anybody by."""
        return self.other == 0 and self.sent < ENOUGH


def likeness(
    entity: EntityMapping,
    system: SystemMapping,
    sent: Mapping[str, Native],
    held: Mapping[str, Native],
    able: Capabilities,
) -> Likeness:
    """Compares a row with a create.

    Args:
        entity: whose match keys and consent are left out.
        system: where the create was sent.
        sent: native path -> what was sent.
        held: native path -> what the row holds; a path that the system does not show is not compared.
        able: what the system can do with the object: what its columns hold, and what a path means that is not returned.
    """
    same, asked, other = {}, 0, 0
    for path, cell in _compared(entity, system).items():
        now = held.get(path, None if able.sparse else MISSING)
        if now is MISSING or _is_bound_later(sent.get(path)):
            continue
        asked += path in sent
        if path not in sent:
            other += _is_added(entity, cell, now)
        elif _is_kept(cell, sent[path], now, able.lengths.get(path)):
            same[path] = now
        else:
            other += 1
    return Likeness(same, asked, other)


def edited_since(sent_at: datetime, there: NativeRecord) -> bool:
    """Whether a row that holds all but one value of a create was made by it and edited since: by its times.

    It was made since we sent; and changed later than that, where the system tells changes.
    """
    if there.created_at is None or there.created_at < sent_at.replace(microsecond=0):
        return False
    return there.changed_at is None or there.changed_at > there.created_at


def _compared(entity: EntityMapping, system: SystemMapping) -> dict[str, Cell]:
    """Columns by native path, without those that a key or consent is kept in."""
    cells = {name: cell for name, cell in system.cells.items() if cell.reads or cell.writes}
    left_out = {cells[name].path for name in (*entity.match_keys, entity.consent_field or "") if name in cells}
    return {cell.path: cell for cell in cells.values() if cell.path not in left_out}


def _is_bound_later(sent: Native) -> bool:
    """A reference to a record that had no row there when the create was planned."""
    return isinstance(sent, Mapping) and PENDING_REF in sent


def _is_added(entity: EntityMapping, cell: Cell, now: Native | Absence) -> bool:
    """Whether somebody has put a value there: the system itself fills in zeros, boxes that are not ticked, and columns of its own."""
    ours = cell.reads and cell.writes and entity.fields[cell.field].owner != cell.system
    return ours and not is_blank(now) and now not in (0, False)


def _is_kept(cell: Cell, sent: Native, now: Native | Absence, limit: int | None) -> bool:
    return cell.eq(now, sent) or (not is_blank(now) and cell.variant(sent, now, limit))

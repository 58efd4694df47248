"""The lens laws on real rows: GetPut and PutGet of every cell, for `check`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sync.errors import Problem
from sync.mapping.cell import Cell
from sync.mapping.lens import NO_REFS
from sync.mapping.model import EntityMapping
from sync.model.values import MISSING, Absence, Native


def check_laws(entity: EntityMapping, system: str, samples: Iterable[Mapping[str, Native]]) -> list[Problem]:
    """Runs sampled native rows (path -> value) through the cells of `system`.

    A cell that breaks a law is a problem, with how many rows do and the number of the first (from 1); values are not
    shown. Cells that are one-way, lossy by declaration or need links are judged by GetPut alone.
    """
    rows = list(samples)
    found: list[Problem] = []
    for cell in entity.systems[system].cells.values():
        broken = [number for number, row in enumerate(rows, 1) if not holds(cell, row.get(cell.path, MISSING))]
        if broken:
            count = f"{len(broken)} of {len(rows)} sampled rows, the first is row {broken[0]}"
            message = f"{cell.field!r} does not survive translation in {system}: {count}"
            found.append(
                Problem(
                    entity.file,
                    cell.line,
                    message,
                    "Declare the column one-way, or give each value a native word of its own.",
                )
            )
    return found


def holds(cell: Cell, native: Native | Absence) -> bool:
    """GetPut, and PutGet where the cell promises it, for one native value."""
    value = cell.get(native, NO_REFS)
    if isinstance(value, Absence):
        return True
    if not cell.eq(cell.put(value, native, NO_REFS), native):
        return False
    if cell.lossy or not (cell.reads and cell.writes) or value is None:
        return True
    written = cell.put(value, MISSING, NO_REFS)
    return isinstance(written, Absence) or cell.get(written, NO_REFS) == value

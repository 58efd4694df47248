"""Cells and links made by hand."""

from sync.mapping.build import lens_of
from sync.mapping.cell import Cell
from sync.mapping.lens import Options


class Links:
    """Refs over a table: (system, entity, remote id) -> record."""

    def __init__(self, table, values=None):
        self.table = table
        self.values = values or {}

    def record_of(self, system, entity, remote_id):
        return self.table.get((system, entity, remote_id))

    def remote_of(self, system, entity, record_id):
        return next(
            (key[2] for key, record in self.table.items() if key[:2] == (system, entity) and record == record_id), None
        )

    def value_of(self, entity, record_id, field):
        return self.values.get((entity, record_id, field))


def make_cell(target=None, mode="both", **options):
    found = Options(**{"system": options.get("kind", "salesforce"), "kind": "salesforce", "path": "Path", **options})
    lens = lens_of(found, target)
    return Cell(
        "field", found.system, found.path, mode, found.subscribe, "", 1, found, lens, lambda values: values.get("field")
    )

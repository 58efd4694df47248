"""Reading one column of a row: as stored (for filters), as JSON, as CSV."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sync.sandbox.salesforce.database import Database
from sync.sandbox.salesforce.fields import NUMERIC, Field
from sync.sandbox.salesforce.formulas import FORMULAS
from sync.sandbox.salesforce.schema import SObject
from sync.sandbox.salesforce.times import csv_text, json_text
from sync.sandbox.store import Row

Reader = Callable[[Row], Any]


def stored_reader(database: Database, kind: SObject, field: Field) -> Reader:
    """Reads the stored or computed value: None where empty, False for an unset boolean, seconds for times."""
    name = field.name
    formula = FORMULAS.get((kind.name, name))
    if formula is not None:
        lookup = database.lookup
        if field.type == "boolean":
            return lambda row: bool(formula(row, lookup))
        return lambda row: formula(row, lookup)
    if field.type == "boolean":
        return lambda row: row.get(name, False)
    return lambda row: row.get(name)


def json_reader(database: Database, kind: SObject, field: Field) -> Reader:
    """Reads the value as it stands in a REST answer."""
    read = stored_reader(database, kind, field)
    return _timed(read, json_text) if field.type == "datetime" else read


def csv_reader(database: Database, kind: SObject, field: Field) -> Reader:
    """Reads the value as the text of a Bulk result; empty for null."""
    read = stored_reader(database, kind, field)
    if field.type == "datetime":
        read = _timed(read, csv_text)
    if field.type == "boolean":
        return lambda row: "true" if read(row) else "false"
    if field.type in NUMERIC:
        return lambda row: "" if (value := read(row)) is None else str(value)
    return lambda row: read(row) or ""


def _timed(read: Reader, show: Callable[[int], str]) -> Reader:
    def timed(row: Row) -> Any:
        seconds = read(row)
        return show(seconds) if isinstance(seconds, int) else seconds

    return timed


def shown(database: Database, kind: SObject) -> Callable[[Row], Row]:
    """Makes rows as the control plane dumps them: what is stored, and always Name, booleans and custom fields."""
    always: Row = {
        f.name: False if f.type == "boolean" else None for f in kind.fields() if f.type == "boolean" or f.custom
    }
    computed = [
        (f.name, json_reader(database, kind, f))
        for f in kind.fields()
        if (kind.name, f.name) in FORMULAS and f.type != "address"
    ]
    times = [(f.name, json_reader(database, kind, f)) for f in kind.fields() if f.type == "datetime"]

    def show(row: Row) -> Row:
        out = {**always, **row}
        for name, read in computed:
            out[name] = read(row)
        for name, read in times:
            if name in row:
                out[name] = read(row)
        out["_deleted"] = "IsDeleted" in row
        return out

    return show

"""The rows of a Bulk upload: cells to values, one row at a time, each with its own outcome (apis/salesforce.md 3.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sync.sandbox.salesforce.csvtext import BadCsv
from sync.sandbox.salesforce.fields import Field
from sync.sandbox.salesforce.ids import normalised
from sync.sandbox.salesforce.org import Org
from sync.sandbox.salesforce.refusals import Refusal, injected
from sync.sandbox.salesforce.schema import SObject
from sync.sandbox.salesforce.times import json_text
from sync.sandbox.salesforce.values import from_csv
from sync.sandbox.salesforce.writes import Writer

UNIT = 200
NULL = "#N/A"
CELL_MAX = 32_000
Outcome = tuple[str, bool, str | None]
"""(id or empty, created, error text)."""


class Loader:
    """Writes rows under one header; raises BadCsv for a header that the job cannot use."""

    def __init__(self, org: Org, kind: SObject, operation: str, key: str | None, header: list[str]) -> None:
        self._writer = Writer(org, assign=False)
        self._kind = kind
        self._operation = operation
        self._columns = [self._column(name) for name in header]
        self._key = kind.column(key) if key else None
        wanted = self._key.name if self._key else None if operation == "insert" else "Id"
        self._key_at = None if wanted is None else self._place(header, wanted)

    def _column(self, name: str) -> tuple[Field, str | None, str]:
        """(field to write, external id column of a parent or None, name)."""
        relation, _, column = name.partition(".")
        link = self._kind.relationship(relation) if column else None
        field = link if column else self._kind.field(name)
        if field is None:
            raise BadCsv(f"InvalidBatch : Field name not found : {name}")
        return field, column or None, name

    def _place(self, header: list[str], wanted: str) -> int:
        low = [name.lower() for name in header]
        if wanted.lower() not in low:
            raise BadCsv(f"InvalidBatch : Field name not found : {wanted}")
        return low.index(wanted.lower())

    def load(self, rows: list[list[str]], failing: dict[int, str], offset: int) -> Iterator[tuple[list[str], Outcome]]:
        """Each row with its outcome; keys are compared within units of 200."""
        for start in range(0, len(rows), UNIT):
            unit = rows[start : start + UNIT]
            keys = Counter(self._key_text(row) for row in unit)
            for at, row in enumerate(unit, offset + start):
                yield row, self._outcome(row, keys, failing.get(at))

    def _key_text(self, row: list[str]) -> str:
        text = "" if self._key_at is None else row[self._key_at].strip()
        return text if self._key is None or self._key.case_sensitive else text.lower()

    def _outcome(self, row: list[str], keys: Counter[str], code: str | None) -> Outcome:
        own = "" if self._key_at is None or self._key is not None else row[self._key_at]
        try:
            self._check(row, keys, code)
            row_id, created = self._write(row)
        except Refusal as error:
            return normalised(own) or own, False, error.as_bulk_error()
        return row_id, created, None

    def _check(self, row: list[str], keys: Counter[str], code: str | None) -> None:
        if code:
            raise injected(code)
        text = self._key_text(row)
        if text and keys[text] > 1:
            name = "external id" if self._key else "id"
            raise Refusal("DUPLICATE_VALUE", f"Duplicate {name} specified: {row[self._key_at or 0]}", [])

    def _write(self, row: list[str]) -> tuple[str, bool]:
        if self._operation in ("delete", "hardDelete"):
            return self._delete(row[self._key_at or 0]), False
        record = self._record(row)
        if self._operation == "insert":
            return self._writer.create(self._kind, record), True
        key = row[self._key_at or 0].strip()
        if self._operation == "update":
            return self._writer.update(self._kind, key, record), False
        if self._key is None or not key:
            raise Refusal("MISSING_ARGUMENT", f"{self._key.name if self._key else 'Id'} not specified", [])
        if self._key.name == "Id":
            return self._writer.update(self._kind, key, record), False
        record.pop(self._key.name, None)
        return self._writer.upsert(self._kind, self._key, key, record)

    def _delete(self, text: str) -> str:
        row_id = self._writer.delete(text.strip())
        if self._operation == "hardDelete":
            self._writer.database.purge(self._kind, row_id)
        return row_id

    def _record(self, row: list[str]) -> dict[str, Any]:
        """The JSON record of a CSV row: empty cells are left out, ``#N/A`` is null."""
        record: dict[str, Any] = {}
        for at, ((field, parent, name), text) in enumerate(zip(self._columns, row, strict=True), 1):
            if len(text) > CELL_MAX:
                raise Refusal("STRING_TOO_LONG", f"{name}: data value too large: (max length={CELL_MAX})", [field.name])
            if text == "" or (field.name == "Id" and parent is None):
                continue
            if text == NULL:
                record[field.name] = None
            elif parent is not None:
                record[name.partition(".")[0]] = {parent: text.strip()}
            else:
                record[field.name] = self._json(field, text, at)
        return record

    def _json(self, field: Field, text: str, at: int) -> Any:
        value = from_csv(field, text, at)
        return json_text(value) if field.type == "datetime" and value is not None else value

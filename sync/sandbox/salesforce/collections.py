"""sObject Collections: up to 200 rows a call, each with its own outcome (apis/salesforce.md 3.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import groupby
from typing import Any

from sync.sandbox.salesforce.columns import json_reader
from sync.sandbox.salesforce.database import RolledBack
from sync.sandbox.salesforce.fields import Field
from sync.sandbox.salesforce.ids import normalised
from sync.sandbox.salesforce.org import Call, Route
from sync.sandbox.salesforce.refusals import Mismatch, Refusal, injected
from sync.sandbox.salesforce.schema import SObject
from sync.sandbox.salesforce.single import MISSING_ROW
from sync.sandbox.salesforce.writes import Writer, writer_for
from sync.sandbox.wire import Response, json_response

ROWS_MAX = 200
CHUNKS_MAX = 10
RETRIEVED_MAX = 2000
ROLLED_BACK = "Record rolled back because not all records were valid and the request was using AllOrNone header"
Outcome = dict[str, Any]
Action = Callable[[int, Any], Outcome]


def create(call: Call) -> Response:
    """``POST composite/sobjects``."""
    records, all_or_none = rows_of(call)
    writer = writer_for(call.org, call.request.headers)

    def one(_: int, record: Any) -> Outcome:
        return {"id": writer.create(kind_of(call, record), record), "success": True, "errors": []}

    return run(call, records, one, all_or_none=all_or_none)


def update(call: Call) -> Response:
    """``PATCH composite/sobjects``."""
    records, all_or_none = rows_of(call)
    writer = writer_for(call.org, call.request.headers)
    named = [record.get("id", record.get("Id")) for record in records]
    twice = repeated(normalised(text) for text in named if isinstance(text, str))

    def one(at: int, record: Any) -> Outcome:
        row_id = normalised(named[at]) if isinstance(named[at], str) else None
        if row_id in twice:
            raise Refusal("DUPLICATE_VALUE", f"Duplicate id specified: {row_id}", [])
        return {"id": writer.update(kind_of(call, record), named[at], record), "success": True, "errors": []}

    return run(call, records, one, all_or_none=all_or_none)


def upsert(call: Call) -> Response:
    """``PATCH composite/sobjects/X/FIELD``; the key stands in the rows."""
    records, all_or_none = rows_of(call)
    kind = call.kind()
    field = kind.field(call.args["field"])
    if field is None or not (field.external_id or field.name == "Id"):
        raise Refusal("NOT_FOUND", MISSING_ROW + call.args["field"], status=404)
    keyed = [key_of(record, field) for record in records]
    return run(
        call,
        records,
        upserter(call, writer_for(call.org, call.request.headers), kind, field, keyed),
        all_or_none=all_or_none,
    )


def upserter(
    call: Call, writer: Writer, kind: SObject, field: Field, keyed: list[tuple[Any, dict[str, Any]]]
) -> Action:
    """What an upsert does with each row; `keyed` are (key, the record without it)."""

    def fold(text: str) -> str:
        return text if field.case_sensitive else text.lower()

    twice = repeated(fold(str(key)) for key, _ in keyed if key not in (None, ""))

    def one(at: int, record: Any) -> Outcome:
        key, rest = keyed[at]
        if kind_of(call, record) is not kind:
            raise Refusal("INVALID_TYPE", f"the type of the record is not {kind.name}", [])
        if key not in (None, "") and fold(str(key)) in twice:
            raise Refusal("DUPLICATE_VALUE", f"Duplicate external id specified: {key}", [field.name])
        if field.name == "Id":
            row_id = writer.update(kind, key, rest) if key else writer.create(kind, rest)
            return {"id": row_id, "success": True, "errors": [], "created": not key}
        if record.get("id"):
            raise Refusal(
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                "cannot specify both an external ID reference and a salesforce id",
                ["Id"],
            )
        if key in (None, ""):
            raise Refusal("MISSING_ARGUMENT", f"{field.name} not specified", [])
        row_id, created = writer.upsert(kind, field, str(key).strip(), rest)
        return {"id": row_id, "success": True, "errors": [], "created": created}

    return one


def key_of(record: dict[str, Any], field: Field) -> tuple[Any, dict[str, Any]]:
    """The key's value, whatever the case of its name, and the record without it."""
    low = field.name.lower()
    rest = {name: value for name, value in record.items() if name.lower() != low}
    return next((value for name, value in record.items() if name.lower() == low), None), rest


def delete(call: Call) -> Response:
    """``DELETE composite/sobjects?ids=…``."""
    call.check_writable()
    ids = [text for text in (call.request.param("ids") or "").split(",") if text]
    check_size(ids)
    writer = writer_for(call.org, call.request.headers)
    all_or_none = (call.request.param("allOrNone") or "").lower() == "true"
    return run(
        call, ids, lambda _, text: {"id": writer.delete(text), "success": True, "errors": []}, all_or_none=all_or_none
    )


# the batch ------------------------------------------------------------------------------------------------------------
def rows_of(call: Call) -> tuple[list[dict[str, Any]], bool]:
    """Records and allOrNone of a write; raises Refusal for the whole request."""
    call.check_writable()
    data = call.json_object()
    records = data.get("records")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise Refusal("JSON_PARSER_ERROR", "The HTTP entity body is required to be an object with an array of records")
    check_size(records)
    types = [(record.get("attributes") or {}).get("type") for record in records]
    if not all(isinstance(name, str) for name in types):
        raise Refusal("INVALID_TYPE", "Each record needs attributes with its type")
    if sum(1 for _ in groupby(types)) > CHUNKS_MAX:
        words = f"Cannot have more than {CHUNKS_MAX} chunks in a single operation. "
        raise Refusal("LIMIT_EXCEEDED", words + "Please rearrange the data to reduce chunking.")
    return records, bool(data.get("allOrNone"))


def check_size(rows: list[Any]) -> None:
    """Raises Refusal for none or more than 200."""
    if not rows:
        raise Refusal("REQUIRED_FIELD_MISSING", "At least 1 record is required")
    if len(rows) > ROWS_MAX:
        raise Refusal(
            "LIMIT_EXCEEDED", f"record limit reached. cannot submit more than {ROWS_MAX} records into this call"
        )


def kind_of(call: Call, record: dict[str, Any]) -> SObject:
    """The object that a record's attributes name; raises Refusal."""
    name = str((record.get("attributes") or {}).get("type"))
    found = call.org.schema.find(name)
    if found is None:
        raise Refusal("INVALID_TYPE", f"sObject type '{name}' is not supported.", [])
    return found


def repeated(keys: Any) -> set[Any]:
    """Keys that occur more than once."""
    return {key for key, times in Counter(keys).items() if times > 1 and key is not None}


def run(call: Call, rows: list[Any], action: Action, *, all_or_none: bool) -> Response:
    """Runs every row in one transaction; a JSON mismatch in any of them refuses, and undoes, the whole request."""
    outcomes: list[Outcome] = []
    refusal: Refusal | None = None
    try:
        with call.database.transaction():
            for at, row in enumerate(rows):
                outcomes.append(outcome(call, action, at, row))
            if all_or_none and not all(found["success"] for found in outcomes):
                raise RolledBack  # noqa: TRY301
    except Mismatch as error:
        refusal = error
    except RolledBack:
        undone = Refusal("ALL_OR_NONE_OPERATION_ROLLED_BACK", ROLLED_BACK, []).as_row()
        outcomes = [undone if found["success"] else found for found in outcomes]
    if refusal is not None:
        raise refusal
    return json_response(200, outcomes, rows=len(rows), write=True)


def outcome(call: Call, action: Action, at: int, row: Any) -> Outcome:
    """One row's result."""
    code = call.request.failing_rows.get(at)
    try:
        return injected(code).as_row() if code else action(at, row)
    except Mismatch:
        raise
    except Refusal as error:
        return error.as_row()


# reading --------------------------------------------------------------------------------------------------------------
def retrieve(call: Call) -> Response:
    """``POST composite/sobjects/X`` with ids and fields, or a GET: in the order asked, null for what is gone."""
    kind = call.kind()
    if call.request.method == "GET":
        ids = [text for text in (call.request.param("ids") or "").split(",") if text]
        names = [text for text in (call.request.param("fields") or "").split(",") if text]
    else:
        data = call.json_object()
        ids, names = data.get("ids") or [], data.get("fields") or []
    if not ids or not names:
        raise Refusal("MALFORMED_ID" if not ids else "REQUIRED_FIELD_MISSING", "ids and fields must be specified")
    if len(ids) > RETRIEVED_MAX:
        raise Refusal("EXCEEDED_ID_LIMIT", f"at most {RETRIEVED_MAX} ids")
    fields = [kind.column(str(name)) for name in names]
    cells = [(field.name, json_reader(call.database, kind, field)) for field in fields]
    table, prefix = call.database.store.table(kind.name), f"{call.base}/sobjects/{kind.name}/"
    rows = [table.get(normalised(str(text)) or "") for text in ids]
    shown = [
        None
        if row is None or "IsDeleted" in row
        else {"attributes": {"type": kind.name, "url": prefix + row["Id"]}, **{name: read(row) for name, read in cells}}
        for row in rows
    ]
    return json_response(200, shown, rows=len(shown))


ROUTES: list[Route] = [
    ("POST", "composite/sobjects", create),
    ("PATCH", "composite/sobjects", update),
    ("DELETE", "composite/sobjects", delete),
    ("PATCH", "composite/sobjects/:object/:field", upsert),
    ("POST", "composite/sobjects/:object", retrieve),
    ("GET", "composite/sobjects/:object", retrieve),
]

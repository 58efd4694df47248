"""One row a call: read, create, update, delete, and all of it by external id (apis/salesforce.md 2.7, 3.2)."""

from __future__ import annotations

from typing import Any

from sync.sandbox.salesforce.columns import json_reader
from sync.sandbox.salesforce.fields import Field
from sync.sandbox.salesforce.ids import normalised
from sync.sandbox.salesforce.org import Call, Route
from sync.sandbox.salesforce.refusals import Refusal, injected, missing
from sync.sandbox.salesforce.schema import SObject
from sync.sandbox.salesforce.writes import writer_for
from sync.sandbox.store import Row
from sync.sandbox.wire import Response, json_response

SUFFIXES = (".inc", ".json", ".xml", ".html", ".csv", ".txt", ".zip")
MISSING_ROW = "Provided external ID field does not exist or is not accessible: "


def shown(call: Call, kind: SObject, row: Row, names: str | None) -> dict[str, Any]:
    """A row as JSON: the named fields, or all."""
    wanted = [kind.column(name) for name in names.split(",")] if names else list(kind.fields())
    url = f"{call.base}/sobjects/{kind.name}/{row['Id']}"
    cells = {field.name: json_reader(call.database, kind, field)(row) for field in wanted}
    return {"attributes": {"type": kind.name, "url": url}, **cells}


def found_by_id(call: Call) -> tuple[SObject, Row]:
    """The live row that the path names; raises Refusal 404."""
    kind = call.kind()
    row_id = normalised(call.args["id"])
    if row_id is None or not row_id.startswith(kind.prefix):
        raise missing(f"Provided external ID field does not exist or is not accessible: {call.args['id']}")
    return kind, live(call, kind, row_id)


def live(call: Call, kind: SObject, row_id: str) -> Row:
    """A row that is there and not in the bin; raises Refusal 404."""
    row = call.database.lookup(kind.name, row_id)
    if row is None:
        raise missing()
    if "IsDeleted" in row:
        raise Refusal("ENTITY_IS_DELETED", "entity is deleted", [], status=404)
    return row


def read(call: Call) -> Response:
    """``GET sobjects/X/ID?fields=``."""
    kind, row = found_by_id(call)
    return json_response(200, shown(call, kind, row, call.request.param("fields")))


def create(call: Call) -> Response:
    """``POST sobjects/X``."""
    call.check_writable()
    check_injected(call)
    kind = call.kind()
    row_id = writer_for(call.org, call.request.headers).create(kind, call.json_object())
    headers = {"location": f"{call.base}/sobjects/{kind.name}/{row_id}"}
    return json_response(201, {"id": row_id, "success": True, "errors": []}, headers=headers, rows=1, write=True)


def update(call: Call) -> Response:
    """``PATCH sobjects/X/ID``."""
    call.check_writable()
    check_injected(call)
    kind, record = call.kind(), call.json_object()
    if any(name.lower() == "id" for name in record):
        raise Refusal("INVALID_FIELD", "The Id field should not be specified in the sobject data.", ["Id"])
    row_id = normalised(call.args["id"])
    if row_id is None:
        raise missing(MISSING_ROW + call.args["id"])
    writer_for(call.org, call.request.headers).update(kind, row_id, record)
    return Response(204, rows=1, write=True)


def delete(call: Call) -> Response:
    """``DELETE sobjects/X/ID``."""
    call.check_writable()
    check_injected(call)
    kind, row_id = call.kind(), call.args["id"]
    if normalised(row_id) is not None and not row_id.startswith(kind.prefix):
        raise missing()
    writer_for(call.org, call.request.headers).delete(row_id)
    return Response(204, rows=1, write=True)


# by external id -------------------------------------------------------------------------------------------------------
def key_field(call: Call, kind: SObject) -> Field:
    """The external id field that the path names; raises Refusal 404, as for values that look like a file (2.7)."""
    if call.args["value"].lower().endswith(SUFFIXES):
        raise missing()
    field = kind.field(call.args["field"])
    if field is None or not (field.external_id or field.name == "Id"):
        raise missing(MISSING_ROW + call.args["field"])
    return field


def only_match(call: Call, kind: SObject, field: Field) -> Row | Response:
    """The one live row with the key, or the 300 answer that lists several; raises Refusal 404."""
    text = call.args["value"]
    row_id = normalised(text) if field.name == "Id" else None
    if row_id is not None:
        return call.database.live(kind, row_id)
    rows = call.database.matching(kind, field.name, text) if field.external_id else []
    if not rows:
        raise missing()
    return rows[0] if len(rows) == 1 else several(call, kind, rows)


def several(call: Call, kind: SObject, rows: list[Row]) -> Response:
    """300: the external id is ambiguous."""
    return json_response(300, [f"{call.base}/sobjects/{kind.name}/{row['Id']}" for row in rows])


def read_by_key(call: Call) -> Response:
    """``GET sobjects/X/FIELD/VALUE``, and ``GET sobjects/X/ID/RELATIONSHIP``: a parent, or all children."""
    kind = call.kind()
    row_id = normalised(call.args["field"])
    if row_id is not None and row_id.startswith(kind.prefix):
        return related(call, kind, row_id, call.args["value"])
    row = only_match(call, kind, key_field(call, kind))
    if isinstance(row, Response):
        return row
    return json_response(200, shown(call, kind, row, call.request.param("fields")))


def related(call: Call, kind: SObject, row_id: str, name: str) -> Response:
    """What a row is related to by this name; raises Refusal 404 where there is no such relationship, or no parent."""
    row, names = live(call, kind, row_id), call.request.param("fields")
    link, below = kind.relationship(name), call.org.schema.child_relationship(kind, name)
    if link is not None:
        return json_response(200, shown(call, *parent_of(call, row, link), names))
    if below is None:
        raise missing()
    child, field = below
    children = [one for one in call.database.index(child).equal(field.name, row_id) if "IsDeleted" not in one]
    records = [shown(call, child, one, names) for one in children]
    return json_response(200, {"totalSize": len(records), "done": True, "records": records})


def parent_of(call: Call, row: Row, link: Field) -> tuple[SObject, Row]:
    """The row that a reference points to; raises Refusal 404 when it is empty or gone."""
    parent_id = str(row.get(link.name) or "")
    kind = call.org.schema.of_id(parent_id)
    parent = call.database.lookup(kind.name, parent_id) if kind else None
    if kind is None or parent is None or "IsDeleted" in parent:
        raise missing()
    return kind, parent


def upsert(call: Call) -> Response:
    """``PATCH sobjects/X/FIELD/VALUE``; ``?updateOnly=true`` never creates."""
    call.check_writable()
    check_injected(call)
    kind, record = call.kind(), call.json_object()
    field, text = key_field(call, kind), call.args["value"]
    if any(name.lower() == field.name.lower() for name in record):
        raise Refusal(
            "INVALID_FIELD", f"The {field.name} field should not be specified in the sobject data.", [field.name]
        )
    writer = writer_for(call.org, call.request.headers)
    if field.name == "Id":
        writer.update(kind, text, record)
        return json_response(
            200, {"id": normalised(text), "success": True, "errors": [], "created": False}, rows=1, write=True
        )
    rows = call.database.matching(kind, field.name, text)
    if len(rows) > 1:
        return several(call, kind, rows)
    only = (call.request.param("updateOnly") or "").lower() == "true"
    row_id, created = writer.upsert(kind, field, text, record, update_only=only)
    body = {"id": row_id, "success": True, "errors": [], "created": created}
    headers = {"location": f"{call.base}/sobjects/{kind.name}/{row_id}"} if created else {}
    return json_response(201 if created else 200, body, headers=headers, rows=1, write=True)


def delete_by_key(call: Call) -> Response:
    """``DELETE sobjects/X/FIELD/VALUE``."""
    call.check_writable()
    kind = call.kind()
    row = only_match(call, kind, key_field(call, kind))
    if isinstance(row, Response):
        return row
    writer_for(call.org, call.request.headers).delete(row["Id"])
    return Response(204, rows=1, write=True)


def check_injected(call: Call) -> None:
    """A `rows` fault that names row 0 fails a single write too; raises Refusal."""
    if 0 in call.request.failing_rows:
        raise injected(call.request.failing_rows[0])


ROUTES: list[Route] = [
    ("POST", "sobjects/:object", create),
    ("GET", "sobjects/:object/:id", read),
    ("PATCH", "sobjects/:object/:id", update),
    ("DELETE", "sobjects/:object/:id", delete),
    ("GET", "sobjects/:object/:field/:value", read_by_key),
    ("PATCH", "sobjects/:object/:field/:value", upsert),
    ("DELETE", "sobjects/:object/:field/:value", delete_by_key),
]

"""What the answers of the API look like, as JSON schemas. An answer may hold more than its schema says, never less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Schema = dict[str, Any]


def obj(required: Mapping[str, Any] | None = None, **optional: Any) -> Schema:
    """An object that has at least these keys; more may be added to any answer later."""
    properties = {**(required or {}), **optional}
    return {"type": "object", "properties": properties, "required": list(required or {})}


def rows(items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": items}


def maybe(schema: Schema) -> Schema:
    """This or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def ref(name: str) -> Schema:
    """One of the schemas below."""
    return {"$ref": f"#/components/schemas/{name}"}


TEXT: Final[Schema] = {"type": "string"}
WHOLE: Final[Schema] = {"type": "integer"}
NUMBER: Final[Schema] = {"type": "number"}
TRUTH: Final[Schema] = {"type": "boolean"}
ANY: Final[Schema] = {}
TIME: Final[Schema] = {"type": "string", "description": "ISO 8601, UTC"}
IDS: Final[Schema] = {"type": "object", "additionalProperties": TEXT, "description": "remote id by system"}
BY_SYSTEM: Final[Schema] = {"type": "object", "additionalProperties": {"type": "object"}}
VALUES: Final[Schema] = {"type": "object", "description": "value by system"}
OBJECTS: Final = rows({"type": "object"})
LOST: Final = rows(obj({"system": TEXT, "value": ANY, "rule": TEXT}))
PROBLEM: Final = obj({"file": TEXT, "line": maybe(WHOLE), "message": TEXT, "remedy": TEXT})

SCHEMAS: Final[Mapping[str, Schema]] = {
    "Error": obj({"error": obj({"kind": TEXT, "message": TEXT, "remedy": TEXT, "exit": WHOLE})}),
    "Index": obj({"openapi": TEXT, "reading": rows(TEXT), "commands": rows(TEXT)}),
    "Status": obj(
        {
            "well": TRUTH,
            "workspace": TEXT,
            "why": rows(obj({"what": TEXT, "remedy": TEXT})),
            "systems": {"type": "object", "additionalProperties": ref("System")},
            "records": {"type": "object", "additionalProperties": WHOLE},
            "conflicts": WHOLE,
            "quarantined": WHOLE,
            "in_doubt": WHOLE,
            "pending": WHOLE,
            "last_run": maybe(
                obj({"run": TEXT, "kind": TEXT, "status": TEXT, "started_at": TIME, "seconds": maybe(NUMBER)})
            ),
            "service": {"type": "object"},
        },
        unseen=OBJECTS,
    ),
    "System": obj({"reachable": maybe(TRUTH), "lag_seconds": maybe(NUMBER), "calls_left": maybe(WHOLE)}),
    "Pulse": obj(
        {
            "since": TIME,
            "until": TIME,
            "span_seconds": WHOLE,
            "read": rows(WHOLE),
            "written": rows(WHOLE),
            "failed": rows(WHOLE),
            "lag": {"type": "object", "additionalProperties": rows(maybe(WHOLE))},
            "opt_outs": obj(
                {"count": WHOLE, "median_seconds": maybe(NUMBER), "worst_seconds": maybe(NUMBER), "waiting": WHOLE}
            ),
        }
    ),
    "Change": obj(
        {"field": TEXT, "native": TEXT, "before": ANY, "after": ANY, "from": maybe(TEXT), "rule": TEXT}, lost=LOST
    ),
    "Operation": obj(
        {
            "entity": TEXT,
            "record": TEXT,
            "system": TEXT,
            "op": TEXT,
            "id": maybe(TEXT),
            "status": TEXT,
            "reason": TEXT,
            "changes": rows(ref("Change")),
        },
        key=maybe(TEXT),
        error=TEXT,
        message=TEXT,
    ),
    "Run": obj(
        {
            "run": TEXT,
            "status": {"enum": ["ok", "attention", "stopped", "failed"]},
            "full": TRUTH,
            "seconds": NUMBER,
            "systems": BY_SYSTEM,
            "operations": rows(ref("Operation")),
            "conflicts": rows(ref("Conflict")),
            "quarantined": rows(ref("Quarantined")),
        },
        in_doubt=WHOLE,
        skipped=WHOLE,
        limits_hit=OBJECTS,
        failures=OBJECTS,
        unseen=OBJECTS,
        notes=rows(TEXT),
        digest=TEXT,
        undone=TEXT,
    ),
    "RunRow": obj(
        {
            "run": TEXT,
            "kind": TEXT,
            "status": TEXT,
            "full": TRUTH,
            "started_at": TIME,
            "seconds": maybe(NUMBER),
            "systems": BY_SYSTEM,
        },
        undone=maybe(TEXT),
    ),
    "PastRun": obj(
        {
            "run": TEXT,
            "kind": TEXT,
            "status": TEXT,
            "started_at": TIME,
            "seconds": maybe(NUMBER),
            "systems": BY_SYSTEM,
            "operations": rows(ref("Operation")),
            "turns": rows(obj({"record": TEXT, "key": maybe(TEXT), "changes": OBJECTS})),
            "failures": OBJECTS,
        },
        planned=BY_SYSTEM,
    ),
    "UndoPreview": obj({"run": TEXT, "changes": rows(ref("UndoRow")), "kept": rows(ref("UndoRow"))}),
    "UndoRow": obj(
        {"entity": maybe(TEXT), "record": TEXT, "key": maybe(TEXT), "field": TEXT, "now": ANY, "back": ANY},
        systems=rows(TEXT),
        why=TEXT,
    ),
    "Found": obj({"entity": TEXT, "record": TEXT, "key": maybe(TEXT), "name": maybe(TEXT), "ids": IDS}),
    "Explained": obj(
        {
            "entity": TEXT,
            "record": TEXT,
            "key": maybe(TEXT),
            "ids": IDS,
            "fields": {"type": "object", "additionalProperties": ref("ExplainedField")},
        }
    ),
    "ExplainedField": obj(
        {
            "value": ANY,
            "from": maybe(TEXT),
            "rule": TEXT,
            "changed_at": maybe(TIME),
            "systems": BY_SYSTEM,
            "history": OBJECTS,
        }
    ),
    "Conflict": obj(
        {"id": TEXT, "entity": TEXT, "record": TEXT, "field": TEXT, "values": VALUES, "reason": TEXT},
        key=maybe(TEXT),
        ids=IDS,
    ),
    "Quarantined": obj(
        {
            "id": TEXT,
            "entity": TEXT,
            "system": TEXT,
            "record": maybe(TEXT),
            "error": TEXT,
            "message": TEXT,
            "remedy": TEXT,
        },
        key=maybe(TEXT),
        ids=IDS,
        attempts=WHOLE,
        next_try_at=maybe(TIME),
    ),
    "QuarantinedList": rows(ref("Quarantined")),
    "Mappings": obj({"entities": OBJECTS, "routes": OBJECTS, "notes": rows(PROBLEM), "problems": rows(PROBLEM)}),
    "Consent": obj(
        {"email": TEXT, "state": maybe(TEXT), "mailable": TRUTH, "why": TEXT, "systems": VALUES, "ledger": OBJECTS},
        told=OBJECTS,
        seen_at=VALUES,
    ),
    "Forgotten": obj({"erased": WHOLE, "systems": VALUES}, kept=OBJECTS),
    "Verdict": obj({"agreed": WHOLE, "explained": OBJECTS, "unexplained": OBJECTS, "failures": OBJECTS}),
    "Check": obj(
        {"well": TRUTH, "findings": OBJECTS, "drift": TRUTH, "unreachable": rows(TEXT), "notes": rows(PROBLEM)}
    ),
}

"""The OpenAPI document of the JSON API, made from the same tables that the routes and the commands are made from."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from sync import __version__
from sync.web.arguments import REQUIRED, Argument
from sync.web.commands import COMMANDS, OPERATIONS_MAX, Command
from sync.web.shapes import SCHEMAS, TEXT, Schema, maybe, ref, rows


def _query(name: str, schema: Schema, text: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": text}


def _path(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


_LIMIT: Final = _query("limit", {"type": "integer", "minimum": 1}, "At most so many rows.")
READS: Final[Mapping[str, tuple[str, Schema, list[Schema]]]] = {
    "/api": ("What there is.", ref("Index"), []),
    "/api/openapi.json": ("This document.", {"type": "object"}, []),
    "/api/status": ("Is all well, and what to do if not.", ref("Status"), []),
    "/api/pulse": (
        "Rows, lag and opt-outs over time.",
        ref("Pulse"),
        [_query("hours", {"type": "integer", "minimum": 1, "maximum": 2160}, "How far back.")],
    ),
    "/api/runs": ("Runs, newest first.", rows(ref("RunRow")), [_LIMIT]),
    "/api/runs/{run}": ("One run with its changes.", ref("PastRun"), [_path("run")]),
    "/api/runs/{run}/undo": (
        "What an undo would do; writes nothing and asks no system.",
        ref("UndoPreview"),
        [_path("run"), _query("record", TEXT, "Only this record."), _query("field", TEXT, "Only this field.")],
    ),
    "/api/records": (
        "Records by e-mail, domain, name, part of a value, our id or a remote id.",
        rows(ref("Found")),
        [_query("q", TEXT, "What to look for."), _LIMIT],
    ),
    "/api/explain/{entity}/{key}": ("One record.", ref("Explained"), [_path("entity"), _path("key")]),
    "/api/conflicts": ("Open conflicts.", rows(ref("Conflict")), []),
    "/api/quarantine": ("Records set aside.", rows(ref("Quarantined")), []),
    "/api/mappings": ("The mappings in force, and what the lint says of the files.", ref("Mappings"), []),
    "/api/plan": (
        "What a sync would do. Reads every system, so it costs calls.",
        ref("Run"),
        [
            _query("entities", TEXT, "Only these, separated by commas."),
            _query("full", {"type": "boolean"}, "Read everything."),
            _LIMIT,
        ],
    ),
}
_STATUSES: Final[Mapping[str, str]] = {
    "400": "Not understood.",
    "401": "The token is missing or wrong.",
    "403": "From another site.",
    "404": "There is no such thing.",
    "408": "Sent too slowly.",
    "409": "Not now: the state, a limit or another crm-sync is in the way.",
    "413": "Too large.",
    "415": "Not JSON.",
    "421": "Addressed to a name that is not ours.",
    "422": "The arguments cannot be used.",
    "424": "A system was not served.",
    "429": "Too many at once, or too many wrong tokens.",
}
_OF_READING: Final = ("400", "401", "404", "409", "421", "422", "424", "429")


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "crm-sync",
            "version": __version__,
            "description": "What the commands say, as JSON; `exit` in an error is the exit code that the command would have had.",
        },
        "security": [{"bearer": []}, {}],
        "paths": {
            **{path: {"get": _read(path, *told)} for path, told in READS.items()},
            **{f"/api/commands/{name}": {"post": _write(name, command)} for name, command in COMMANDS.items()},
        },
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": dict(SCHEMAS),
        },
    }


def _read(path: str, summary: str, schema: Schema, parameters: list[Schema]) -> Schema:
    name = "get" + "".join(part.title() for part in path.replace("{", "").replace("}", "").replace(".", "/").split("/"))
    return {
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": {"200": _said("The answer.", schema), **_errors(_OF_READING)},
    }


def _write(name: str, command: Command) -> Schema:
    return {
        "operationId": name,
        "summary": command.summary,
        "parameters": [
            _query("limit", {"type": "integer", "minimum": 1, "maximum": OPERATIONS_MAX}, "Operations told.")
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _arguments(command.arguments)}}},
        "responses": {"200": _said("Done.", ref(command.answers)), **_errors(tuple(_STATUSES))},
    }


def _arguments(arguments: Mapping[str, Argument]) -> Schema:
    properties = {
        name: maybe(dict(each.kind.schema)) if each.default is None else dict(each.kind.schema)
        for name, each in arguments.items()
    }
    required = [name for name, each in arguments.items() if each.default is REQUIRED]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _said(text: str, schema: Schema) -> Schema:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _errors(statuses: tuple[str, ...]) -> Schema:
    found = {status: _said(_STATUSES[status], ref("Error")) for status in statuses}
    if "421" in found:
        found["421"] = {"description": _STATUSES["421"], "content": {"text/plain": {"schema": TEXT}}}
    return found

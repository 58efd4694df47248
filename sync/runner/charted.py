"""The mappings as rows for a table: an entity, a row per field, a column per system; with what the lint says of the files now."""

from __future__ import annotations

from typing import Any

from sync.config import Config
from sync.errors import ConfigError, Problem
from sync.mapping import Cell, EntityMapping, FieldMapping, Mappings, Route, SystemMapping, load

Row = dict[str, Any]


def mapping_tables(config: Config, mappings: Mappings) -> Row:
    """`{"entities": [...], "routes": [...], "notes": [...], "problems": [...]}` of the mappings in force.

    ``notes`` are worth a look; ``problems`` are why the files, as they are on the disk now, would be refused.
    """
    return {
        "entities": [_entity(each) for each in mappings.entities.values()],
        "routes": [_route(each) for each in mappings.routes],
        "notes": [_problem(each) for each in mappings.notes],
        "problems": [_problem(each) for each in problems_now(config)],
    }


def problems_now(config: Config) -> tuple[Problem, ...]:
    """What the lint says of the files on the disk, against the systems of the configuration in force."""
    try:
        load(config.mappings, {name: system.kind for name, system in config.systems.items()})
    except ConfigError as error:
        return error.problems
    return ()


def _problem(found: Problem) -> Row:
    return {"file": found.file, "line": found.line, "message": found.message, "remedy": found.remedy}


def _entity(found: EntityMapping) -> Row:
    return {
        "entity": found.name,
        "file": found.file,
        "match_keys": list(found.match_keys),
        "required": list(found.required),
        "systems": {name: _system(system) for name, system in found.systems.items()},
        "fields": [_field(field) for field in found.fields.values()],
    }


def _system(found: SystemMapping) -> Row:
    return {
        "objects": list(found.objects),
        "mode": found.mode,
        "create": found.create,
        "when": found.when.text if found.when else None,
        "where": found.where,
        "deleted": found.deleted,
        "external_id": found.external_id,
    }


def _field(found: FieldMapping) -> Row:
    return {
        "field": found.name,
        "line": found.line,
        "type": found.type,
        "conflict": found.conflict,
        "prefer": list(found.prefer),
        "owner": found.owner,
        "blank": found.blank,
        "required": found.required,
        "key": found.is_key,
        "sensitive": found.sensitive,
        "compute": found.compute.text if found.compute else None,
        "values": list(found.values) if found.values else None,
        "cells": {system: _cell(cell) for system, cell in found.cells.items()},
    }


def _cell(found: Cell) -> Row:
    return {"path": found.path, "mode": found.mode, "lossy": found.lossy, "subscribe": found.subscribe}


def _route(found: Route) -> Row:
    return {
        "on": found.on,
        "to": found.to,
        "when": found.when.text if found.when else None,
        "object": found.object,
        "automation": found.automation,
        "file": found.file,
        "line": found.line,
    }

"""Check, against the live systems and without a write: credentials, permissions, schema against mapping, records that would fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sync.errors import AbortError, Problem
from sync.mapping import NO_REFS, EntityMapping, Route, check_laws, drift, failing
from sync.mapping.load import STREAM
from sync.model.remote import NativeRecord, ObjectSchema
from sync.model.values import Absence, Canonical
from sync.runner.context import Context, feeds

SAMPLE = 2000


def check(context: Context) -> dict[str, Any]:
    """All findings; `well` when none needs a person."""
    found: list[dict[str, Any]] = []
    unreachable = []
    for system in context.systems.values():
        try:
            found += [_finding(system.name, f.what, f.detail, f.remedy, well=f.well) for f in system.connector.probe()]
        except AbortError as error:
            context.fail(system.name, error.message)
            found.append(_finding(system.name, "reach", error.message, error.remedy, well=False))
            unreachable.append(system.name)
    drifted = False
    for entity in context.chosen():
        schemas = _schemas(context, entity)
        problems = [p for system, schema in schemas.items() for p in drift(entity, system, schema)]
        drifted = drifted or bool(problems)
        found += [_problem(entity, problem) for problem in problems]
        found += _rows(context, entity, schemas)
    strange = _routes(context) if context.streaming() else []
    drifted = drifted or bool(strange)
    found += strange
    return {"well": all(f["well"] for f in found), "findings": found, "drift": drifted, "unreachable": unreachable}


def _routes(context: Context) -> list[dict[str, Any]]:
    """Fields that a route fills and that are not there, or not for our user to fill."""
    found = []
    for route in context.mappings.routes:
        if route.object is None or not context.alive(route.to):
            continue
        try:
            schema = context.systems[route.to].connector.describe(route.object)
        except AbortError as error:
            found.append(_route_problem(route, error.message, error.remedy))
            continue
        if schema is not None and not schema.open:
            found += [_route_problem(route, *why) for name in route.fields if (why := _unfillable(schema, name))]
    return found


def _unfillable(schema: ObjectSchema, name: str) -> tuple[str, str] | None:
    field = schema.fields.get(name)
    if field is None:
        return f"{schema.object} has no field {name}", "Correct the name, or let our user see the field."
    if not field.createable:
        return (
            f"{schema.object}.{name} cannot be filled by our user",
            "Take it out of the route, or grant the permission.",
        )
    return None


def _route_problem(route: Route, message: str, remedy: str) -> dict[str, Any]:
    return _finding(STREAM, f"{route.file}:{route.line}", message, remedy, well=False)


def _finding(
    system: str,
    what: str,
    detail: str,
    remedy: str,
    *,
    well: bool,
    count: int | None = None,
    example: str | None = None,
) -> dict[str, Any]:
    return {
        "system": system,
        "what": what,
        "well": well,
        "detail": detail,
        "remedy": remedy,
        "count": count,
        "example": example,
    }


def _problem(entity: EntityMapping, problem: Problem) -> dict[str, Any]:
    place = f"{problem.file}:{problem.line}" if problem.line else problem.file
    return _finding(entity.name, place, problem.message, problem.remedy, well=False)


def _schemas(context: Context, entity: EntityMapping) -> dict[str, dict[str, ObjectSchema]]:
    found: dict[str, dict[str, ObjectSchema]] = {}
    for mapping in entity.systems.values():
        if not context.alive(mapping.system):
            continue
        for name in mapping.objects:
            schema = context.systems[mapping.system].connector.describe(name)
            if schema is not None:
                found.setdefault(mapping.system, {})[name] = schema
    return found


def _rows(context: Context, entity: EntityMapping, schemas: dict[str, dict[str, ObjectSchema]]) -> list[dict[str, Any]]:
    """Counts, per target system and rule, the sampled records that it would refuse, with one example id."""
    counts: Counter[tuple[str, str, str]] = Counter()
    examples: dict[tuple[str, str, str], tuple[str, str]] = {}
    findings = []
    for mapping in entity.systems.values():
        if not context.alive(mapping.system) or mapping.mode == "write":
            continue
        samples = list(islice(_sample(context, entity, mapping.system), SAMPLE))
        findings += [
            _problem(entity, p) for p in check_laws(entity, mapping.system, [record.values for record in samples])
        ]
        for target, schema in schemas.items():
            if target != mapping.system:
                _count(entity, mapping.system, target, schema, samples, counts, examples)
    for place, count in sorted(counts.items()):
        target, field, rule = place
        record, why = examples[place]
        findings.append(
            _finding(
                target,
                f"{entity.name}.{field}: {rule}",
                why,
                f"Correct the values, or the mapping of {field} for {target}.",
                well=False,
                count=count,
                example=record,
            )
        )
    return findings


def _sample(context: Context, entity: EntityMapping, system: str) -> Iterator[NativeRecord]:
    for feed in feeds(entity.systems[system]):
        if context.systems[system].connector.capabilities(feed.object).listable:
            for page in context.systems[system].connector.pull(feed, None, full=True):
                yield from (record for record in page.records if not record.deleted)


def _count(
    entity: EntityMapping,
    source: str,
    target: str,
    schema: dict[str, ObjectSchema],
    samples: Iterable[NativeRecord],
    counts: Counter[tuple[str, str, str]],
    examples: dict[tuple[str, str, str], tuple[str, str]],
) -> None:
    for record in samples:
        for rule, field, why in failing(entity, target, schema, _canonical(entity, source, record)):
            place = (target, field, rule)
            counts[place] += 1
            examples.setdefault(place, (f"{source} {record.id}", why))


def _canonical(entity: EntityMapping, system: str, record: NativeRecord) -> dict[str, Canonical]:
    found: dict[str, Canonical] = {}
    for name, cell in entity.systems[system].cells.items():
        if cell.reads and cell.path in record.values and entity.fields[name].type != "ref":
            value = cell.get(record.values[cell.path], NO_REFS)
            if not isinstance(value, Absence):
                found[name] = value
    return found

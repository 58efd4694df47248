"""Check, against the live systems and without a write: credentials, permissions, schema against mapping, records that would fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from sync.errors import AbortError, AuthError, DriftError, Problem
from sync.mapping import NO_REFS, EntityMapping, Route, check_laws, drift, failing
from sync.mapping.load import STREAM
from sync.model.remote import NativeRecord, ObjectSchema
from sync.model.values import Absence, Canonical
from sync.runner.context import Context, System, feeds
from sync.runner.veil import Veil

SAMPLE = 2000
CREDENTIALS = "credentials"
"""What a finding is about that says whether a system takes our key."""
T = TypeVar("T")


@dataclass(slots=True)
class _Found:
    """The findings so far, the systems that were not served, and whether a mapping does not fit a system."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)
    drift: bool = False

    def probed(self, context: Context, system: str, rows: list[dict[str, Any]]) -> None:
        """What a system said of itself. One that does not take the key was not served, whichever way it says so."""
        self.rows += rows
        refused = next((row for row in rows if row["what"] == CREDENTIALS and not row["well"]), None)
        if refused is not None and context.alive(system):
            context.fail(system, refused["detail"])
            self.unreachable.append(system)

    def tried(self, context: Context, system: str, ask: Callable[[], T]) -> T | None:
        """What a system answers; None where it does not: then it is out, and a finding says why unless one does already."""
        try:
            return ask()
        except AbortError as error:
            context.fail(system, error.message)
            if isinstance(error, DriftError):
                self.drift = True
            else:
                self.unreachable.append(system)
            if all(row["well"] for row in self.rows if row["system"] == system):
                kinds = ((DriftError, "mapping"), (AuthError, CREDENTIALS))
                what = next((word for kind, word in kinds if isinstance(error, kind)), "reach")
                self.rows.append(_finding(system, what, error.message, error.remedy, well=False))
            return None


def check(context: Context) -> dict[str, Any]:
    """All findings; `well` when none needs a person. A system that refuses an answer keeps no other from being looked at."""
    found = _Found()
    for system in context.systems.values():
        found.probed(context, system.name, found.tried(context, system.name, partial(_probed, system)) or [])
    for entity in context.chosen():
        schemas = _schemas(context, entity, found)
        problems = [p for system, schema in schemas.items() for p in drift(entity, system, schema)]
        problems += _undeletable(context, entity, found)
        found.drift = found.drift or bool(problems)
        found.rows += [_problem(entity, problem) for problem in problems]
        found.rows += _rows(context, entity, schemas, found)
    strange = _routes(context) if context.streaming() else []
    found.drift = found.drift or bool(strange)
    found.rows += strange
    well = all(row["well"] for row in found.rows)
    notes = [asdict(note) for note in context.mappings.notes]
    return {
        "well": well,
        "findings": found.rows,
        "drift": found.drift,
        "unreachable": found.unreachable,
        "notes": notes,
    }


def _probed(system: System) -> list[dict[str, Any]]:
    return [_finding(system.name, f.what, f.detail, f.remedy, well=f.well) for f in system.connector.probe()]


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
    found = schema.fields.get(name)
    if found is None:
        return f"{schema.object} has no field {name}", "Correct the name, or let our user see the field."
    if not found.createable:
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


def _schemas(context: Context, entity: EntityMapping, before: _Found) -> dict[str, dict[str, ObjectSchema]]:
    found: dict[str, dict[str, ObjectSchema]] = {}
    for mapping in entity.systems.values():
        if not context.alive(mapping.system):
            continue
        describe = context.systems[mapping.system].connector.describe
        for name in mapping.objects:
            schema = before.tried(context, mapping.system, partial(describe, name))
            if schema is not None:
                found.setdefault(mapping.system, {})[name] = schema
    return found


def _undeletable(context: Context, entity: EntityMapping, before: _Found) -> list[Problem]:
    """Where a deletion is to be carried to rows that our user, or this surface of the API, cannot delete."""
    found = []
    for mapping in entity.systems.values():
        if mapping.deleted != "delete" or not context.alive(mapping.system):
            continue
        name, connector = mapping.objects[-1], context.systems[mapping.system].connector
        can = before.tried(context, mapping.system, partial(connector.capabilities, name))
        if can is not None and not can.deletable:
            message = f"deleted = 'delete' would do nothing: {name} cannot be deleted in {mapping.system} by our user"
            remedy = 'Grant the permission to delete, or use deleted = "ignore".'
            found.append(Problem(entity.file, mapping.line, message, remedy))
    return found


def _rows(
    context: Context,
    entity: EntityMapping,
    schemas: dict[str, dict[str, ObjectSchema]],
    before: _Found,
) -> list[dict[str, Any]]:
    """Counts, per target system and rule, the sampled records that it would refuse, with one example id."""
    veil = Veil(context.mappings, context.store.veiled)
    counts: Counter[tuple[str, str, str]] = Counter()
    examples: dict[tuple[str, str, str], tuple[tuple[str, str], str]] = {}
    findings = []
    for mapping in entity.systems.values():
        if not context.alive(mapping.system) or mapping.mode == "write":
            continue
        sample = partial(_sampled, context, entity, mapping.system)
        samples = before.tried(context, mapping.system, sample) or []
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
                example=_named(veil, entity, record),
            )
        )
    return findings


def _named(veil: Veil, entity: EntityMapping, example: tuple[str, str]) -> str:
    """System and id of a row, as they may be shown."""
    system, remote_id = example
    return f"{system} {veil.remote_id(entity.name, system, remote_id)}"


def _sampled(context: Context, entity: EntityMapping, system: str) -> list[NativeRecord]:
    return list(islice(_sample(context, entity, system), SAMPLE))


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
    examples: dict[tuple[str, str, str], tuple[tuple[str, str], str]],
) -> None:
    for record in samples:
        for rule, name, why in failing(entity, target, schema, _canonical(entity, source, record)):
            place = (target, name, rule)
            counts[place] += 1
            examples.setdefault(place, ((source, record.id), why))


def _canonical(entity: EntityMapping, system: str, record: NativeRecord) -> dict[str, Canonical]:
    found: dict[str, Canonical] = {}
    for name, cell in entity.systems[system].cells.items():
        if cell.reads and cell.path in record.values and entity.fields[name].type != "ref":
            value = cell.get(record.values[cell.path], NO_REFS)
            if not isinstance(value, Absence):
                found[name] = value
    return found

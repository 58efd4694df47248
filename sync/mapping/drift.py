"""A mapping against the live schema of a system: what is missing, read-only, of the wrong type, too short, unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from sync.errors import Problem
from sync.mapping.cell import Cell
from sync.mapping.lens import NO_REFS
from sync.mapping.model import EntityMapping, FieldMapping, SystemMapping
from sync.mapping.numbers import number
from sync.mapping.report import listed, nearest
from sync.mapping.sets import words
from sync.model.remote import FieldSchema, ObjectSchema
from sync.model.values import HELD, MISSING, Absence, Canonical, Native

Schema = Mapping[str, ObjectSchema]
Failure = tuple[str, str, str]
Finding = tuple[int | None, str, str]

_NUMBERS: Final = frozenset({"int", "double", "currency", "percent", "long", "number", "integer", "decimal"})
_FITS: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(_NUMBERS, frozenset({"integer", "decimal"})),
    "boolean": frozenset({"boolean", "consent"}),
    "date": frozenset({"date", "datetime"}),
    "datetime": frozenset({"date", "datetime"}),
    "reference": frozenset({"ref", "id"}),
    "multipicklist": frozenset({"multi"}),
    "listbox": frozenset({"multi"}),
    "checkbox": frozenset({"multi", "boolean"}),
}
"""Canonical types by native type (Salesforce's and ActiveCampaign's names); native types not listed take any."""


def drift(entity: EntityMapping, system: str, schema: Schema) -> list[Problem]:
    """Everything in which the mapping of `system` does not fit its live schema, with file and line.

    An object that the schema does not hold is one that the system does not describe: it is not judged.
    """
    mapping = entity.systems[system]
    described = [schema[name] for name in mapping.objects if name in schema]
    if not described:
        return []
    found = [*_external_id(mapping, described), *_uncovered(mapping, described)]
    for cell in mapping.cells.values():
        found.extend(_cell(entity.fields[cell.field], cell, described))
    return sorted(Problem(entity.file, line, message, remedy) for line, message, remedy in found)


def _external_id(mapping: SystemMapping, described: Iterable[ObjectSchema]) -> Iterator[Finding]:
    path = mapping.external_id
    if path is None:
        return
    for each in described:
        field = each.fields.get(path)
        if field is None and not each.open:
            yield mapping.line, f"{each.object} has no field {path} to hold our record id", _nearest(path, each)
        elif field is not None and not (field.unique and field.external_id):
            yield (
                mapping.line,
                f"{path} of {each.object} is not a unique external id",
                "Tick External ID and Unique, or duplicates cannot be prevented.",
            )


def _uncovered(mapping: SystemMapping, described: Iterable[ObjectSchema]) -> Iterator[Finding]:
    """Native fields without which a create is refused."""
    if not mapping.create:
        return
    written = {cell.path for cell in mapping.cells.values() if cell.writes} | {mapping.external_id}
    for each in described:
        if each.object != mapping.objects[-1]:
            continue
        if not each.createable:
            yield (
                mapping.line,
                f"this user may not create {each.object} in {mapping.system}",
                "Grant Create, or set create = false.",
            )
        for path, field in each.fields.items():
            if field.required and field.createable and path not in written:
                yield (
                    mapping.line,
                    f"{each.object} cannot be created without {path}, which is not mapped for writing",
                    f"Map a field to {path}.",
                )


def _cell(field: FieldMapping, cell: Cell, described: list[ObjectSchema]) -> Iterator[Finding]:
    holders = [each for each in described if cell.path in each.fields]
    if not holders:
        if not any(each.open for each in described):
            objects = listed(each.object for each in described)
            message = f"{objects} of {cell.system} has no field {cell.path}, or hides it from this user"
            yield cell.line, message, _nearest(cell.path, *described)
        return
    for each in holders:
        schema = each.fields[cell.path]
        where = f"{each.object}.{cell.path}"
        for message, remedy in _mismatches(field, cell, schema):
            yield cell.line, f"{where}: {message}", remedy


def _nearest(path: str, *described: ObjectSchema) -> str:
    near = nearest(path, {known for each in described for known in each.fields})
    return f"Did you mean {near}?" if near else "Create the field, or grant this user access to it."


def _mismatches(field: FieldMapping, cell: Cell, schema: FieldSchema) -> Iterator[tuple[str, str]]:
    if cell.writes and not (schema.createable or schema.updateable):
        yield "it cannot be written by this user", 'Use mode = "read", or grant Edit.'
    fits = _FITS.get(schema.type.lower())
    if fits is not None and not _is_fitting(field, cell, fits):
        yield (
            f"it is a {schema.type}, the field {field.name!r} is of type {field.type!r}",
            f"Use type {' or '.join(sorted(fits))}, or another native field.",
        )
    if cell.writes:
        yield from _too_short(field, schema)
        yield from _unknown_words(field, cell, schema)


def _is_fitting(field: FieldMapping, cell: Cell, fits: frozenset[str]) -> bool:
    if "boolean" in fits and field.type == "consent":
        return cell.options.lens == "opt_out_flag"
    if cell.options.values or cell.options.bands or cell.options.of or field.type == "json":
        return True
    return field.type in fits or (not cell.writes and field.type in ("string", "text"))


def _too_short(field: FieldMapping, schema: FieldSchema) -> Iterator[tuple[str, str]]:
    longest = max((len(word) for word in field.values or ()), default=field.max_length or 0)
    if field.type != "multi" and schema.length and longest > schema.length:
        yield (
            f"it holds {schema.length} characters, {field.name!r} has up to {longest}",
            f"Set max_length = {schema.length}, or make the native field longer.",
        )


def _unknown_words(field: FieldMapping, cell: Cell, schema: FieldSchema) -> Iterator[tuple[str, str]]:
    """Words that we would write and a restricted picklist refuses."""
    if not schema.restricted or schema.values is None or field.type == "consent":
        return
    for meaning in dict.fromkeys([*(field.values or ()), *cell.options.values.values()]):
        native = cell.put([meaning] if field.type == "multi" else meaning, MISSING, NO_REFS)
        if not isinstance(native, Absence) and not _is_picked(native, schema.values):
            near = nearest(str(meaning), schema.values)
            yield (
                f"its picklist does not know {meaning!r}",
                f"Did you mean {near!r}?" if near else "Add the value, or translate it with 'values'.",
            )


def _is_picked(native: Native, known: tuple[str, ...]) -> bool:
    return all(word in known for word in words(native) or [])


def failing(entity: EntityMapping, system: str, schema: Schema, values: Mapping[str, Canonical]) -> list[Failure]:
    """Why a record with these canonical values would be refused by `system`: (rule, field, reason), no values."""
    mapping = entity.systems[system]
    described = schema.get(mapping.objects[-1])
    values = {**values, **{each.name: each.compute.evaluate(values) for each in entity.fields.values() if each.compute}}
    found: list[Failure] = []
    for cell in mapping.cells.values():
        if cell.writes and entity.fields[cell.field].type != "ref":
            value = cell.source(values, {})
            native = cell.put(value, MISSING, NO_REFS)
            found.extend(_refusals(cell, value, native, described.fields.get(cell.path) if described else None))
    return found + [("required", name, "it has no value") for name in entity.required if values.get(name) is None]


def _refusals(cell: Cell, value: Canonical, native: Native | Absence, schema: FieldSchema | None) -> Iterator[Failure]:
    if native is HELD:
        yield "no_word", cell.field, f"{cell.system} has no word for it, or it is too long"
    if schema is None or isinstance(native, Absence):
        return
    if native is None:
        if schema.required and value is None:
            yield "required", cell.field, f"{cell.path} must have a value"
    elif isinstance(native, str):
        yield from _text_refusals(cell, native, schema)
    else:
        yield from _number_refusals(cell, native, schema)


def _text_refusals(cell: Cell, native: str, schema: FieldSchema) -> Iterator[Failure]:
    if schema.length and len(native) > schema.length:
        yield "too_long", cell.field, f"{len(native)} characters, {cell.path} holds {schema.length}"
    if schema.restricted and schema.values is not None and not _is_picked(native, schema.values):
        yield "picklist", cell.field, f"the picklist of {cell.path} does not know it"
    if schema.type == "email" and ("@" not in native or " " in native):
        yield "email", cell.field, "it is no e-mail address"


def _number_refusals(cell: Cell, native: Native, schema: FieldSchema) -> Iterator[Failure]:
    found = number(native)
    if (
        isinstance(found, Decimal)
        and schema.precision
        and found.adjusted() + 1 > schema.precision - (schema.scale or 0)
    ):
        yield (
            "number_range",
            cell.field,
            f"{cell.path} holds {schema.precision} digits, {schema.scale or 0} of them decimals",
        )

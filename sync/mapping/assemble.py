"""Drafts without mistakes -> the mapping that other rooms use. Columns of systems not configured fall away."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace

from sync.mapping.build import canonical_of, lens_of
from sync.mapping.cell import Cell
from sync.mapping.drafts import CellDraft, Draft, FieldDraft, SystemDraft
from sync.mapping.expressions import Expression
from sync.mapping.lens import Options
from sync.mapping.lint_expressions import Compiled
from sync.mapping.model import EntityMapping, FieldMapping, SystemMapping
from sync.mapping.sensitive import sensitive_fields
from sync.model.values import Absence, Canonical

Source = Callable[[Mapping[str, Canonical]], Canonical]


def assemble(draft: Draft, drafts: Mapping[str, Draft], compiled: Compiled, kinds: Mapping[str, str]) -> EntityMapping:
    """The mapping of one entity, for the systems that are configured."""
    systems = {name: system for name, system in draft.systems.items() if name in kinds}
    fields = {name: _field(draft, drafts, field, compiled, list(systems)) for name, field in draft.fields.items()}
    fields |= {name: replace(fields[name], sensitive=True) for name in sensitive_fields(draft, drafts)}
    built = {name: _system(draft, system, fields, compiled) for name, system in systems.items()}
    required = tuple(name for name, field in fields.items() if field.required)
    return EntityMapping(str(draft.entity), draft.file, draft.keys, built, fields, required)


def _system(draft: Draft, system: SystemDraft, fields: Mapping[str, FieldMapping], compiled: Compiled) -> SystemMapping:
    cells = {name: field.cells[system.name] for name, field in fields.items() if system.name in field.cells}
    return SystemMapping(
        system=system.name,
        kind=system.kind,
        objects=system.objects,
        mode=draft.system_mode(system),
        create=system.create,
        when=compiled.get((*system.path, "when")),
        where=system.where,
        deleted=system.deleted,
        external_id=system.external_id,
        params=system.params,
        paths=tuple(dict.fromkeys(cell.path for cell in cells.values())),
        cells=cells,
        line=draft.report.lines.at(system.path),
    )


def _field(
    draft: Draft, drafts: Mapping[str, Draft], field: FieldDraft, compiled: Compiled, systems: list[str]
) -> FieldMapping:
    compute = compiled.get((*field.path, "compute"))
    cells = {
        name: _cell(draft, drafts, cell, compute, compiled) for name, cell in field.cells.items() if name in systems
    }
    strongest = [name for name in field.prefer or draft.prefer if name in systems]
    default = None if field.default is None else canonical_of(field.type)(field.default)
    return FieldMapping(
        name=field.name,
        type=field.type,
        conflict=field.conflict or draft.conflict,
        prefer=tuple(dict.fromkeys([*strongest, *systems])),
        owner=field.owner,
        blank=field.blank,
        required=field.required,
        default=default,
        sensitive=field.sensitive,
        max_length=field.max_length,
        truncate=field.truncate,
        compute=compute,
        values=field.values,
        entity=field.entity,
        is_key=field.name in draft.keys,
        cells=cells,
        line=draft.report.lines.at(field.path),
    )


def _cell(
    draft: Draft, drafts: Mapping[str, Draft], cell: CellDraft, compute: Expression | None, compiled: Compiled
) -> Cell:
    expression = compiled.get((*cell.place, "expr"))
    return Cell(
        field=cell.field,
        system=cell.system,
        path=cell.path,
        mode=draft.mode_of(cell),
        subscribe=cell.options.subscribe,
        fingerprint=_fingerprint(cell.options, expression or compute),
        line=draft.report.lines.at(cell.place),
        options=cell.options,
        lens=lens_of(cell.options, _target(cell, drafts)),
        origin=_origin(cell, expression),
        expression=expression,
    )


def _target(cell: CellDraft, drafts: Mapping[str, Draft]) -> Options | None:
    """How the parent's field would be written here, for a ref that is written as one."""
    parent = drafts.get(cell.options.entity or "")
    if cell.options.type != "ref" or not cell.options.of or parent is None:
        return None
    own = parent.fields[cell.options.of[0]].options()
    return replace(own, system=cell.system, kind=cell.options.kind, path=cell.path)


def _origin(cell: CellDraft, expression: Expression | None) -> Source:
    if expression is not None:
        return _computed(expression, cell.options.type)
    if cell.options.lens == "join":
        return _joined(cell.options.of, cell.options.joiner)
    name = cell.field
    return lambda values: values.get(name)


def _computed(expression: Expression, kind: str) -> Source:
    canonical = canonical_of(kind)

    def source(values: Mapping[str, Canonical]) -> Canonical:
        found = canonical(expression.evaluate(values))
        return None if isinstance(found, Absence) else found

    return source


def _joined(names: tuple[str, ...], joiner: str) -> Source:
    def source(values: Mapping[str, Canonical]) -> Canonical:
        found = (values.get(name) for name in names)
        parts = [str(part) for part in found if part is not None and not isinstance(part, Absence)]
        return joiner.join(parts).strip() or None

    return source


def _fingerprint(options: Options, expression: Expression | None) -> str:
    """A hash of all that decides what a cell reads and writes. A table's order counts: its first word is written."""
    definition = asdict(options) | {
        "values": list(options.values.items()),
        "expression": expression.text if expression else None,
    }
    text = json.dumps(definition, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()

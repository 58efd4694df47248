"""Compiles the expressions of a file against its fields: what they name, what they yield, and that none needs itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sync.mapping.drafts import Draft, FieldDraft
from sync.mapping.expressions import Expression, ExpressionError, Symbol, compile_expression
from sync.mapping.lines import Path
from sync.mapping.report import listed, suggest

Compiled = dict[Path, Expression]

_YIELDS: Final[Mapping[str, frozenset[str]]] = {
    "integer": frozenset({"number"}),
    "decimal": frozenset({"number"}),
    "boolean": frozenset({"flag"}),
    "date": frozenset({"moment", "text"}),
    "datetime": frozenset({"moment", "text"}),
    "multi": frozenset({"set"}),
}
_UNCOMPUTABLE: Final = ("ref", "consent", "json")


def symbols_of(draft: Draft, drafts: Mapping[str, Draft], *, parents: bool = True) -> dict[str, Symbol]:
    """The fields of an entity as expressions see them, and through a ref the fields of its parent."""
    found: dict[str, Symbol] = {}
    for field in draft.fields.values():
        target = drafts.get(field.entity or "") if parents and field.type == "ref" else None
        parent = symbols_of(target, drafts, parents=False) if target else None
        found[field.name] = Symbol(field.type, not (field.required or field.name in draft.keys), parent)
    return found


def compile_all(draft: Draft, drafts: Mapping[str, Draft]) -> Compiled:
    """Every expression of the file by its place; mistakes go to the report."""
    symbols = symbols_of(draft, drafts)
    found: Compiled = {}
    for system in draft.systems.values():
        _condition(draft, (*system.path, "when"), system.when, symbols, found)
    for field in draft.fields.values():
        _value(draft, field, (*field.path, "compute"), field.compute, symbols, found)
        for cell in field.cells.values():
            _value(draft, field, (*cell.place, "expr"), cell.expr, symbols, found)
    return found


def _compile(draft: Draft, path: Path, text: str | None, symbols: Mapping[str, Symbol], found: Compiled) -> Expression | None:
    if text is None:
        return None
    key = path[-1]
    try:
        expression = compile_expression(text, symbols)
    except ExpressionError as error:
        draft.report.add(path, f"{key} = {text!r}: {error.message}", error.remedy)
        return None
    if expression.note:
        draft.report.note(path, f"{key} = {expression.note}")
    found[path] = expression
    return expression


def _condition(draft: Draft, path: Path, text: str | None, symbols: Mapping[str, Symbol], found: Compiled) -> None:
    expression = _compile(draft, path, text, symbols, found)
    if expression is not None and expression.kind not in ("flag", "any"):
        draft.report.add(path, f"{path[-1]} = {text!r}: a condition is true or false, this is a {expression.kind}", "Compare it with something.")


def _value(draft: Draft, field: FieldDraft, path: Path, text: str | None, symbols: Mapping[str, Symbol], found: Compiled) -> None:
    if text is not None and field.type in _UNCOMPUTABLE:
        draft.report.add(path, f"{path[-1]!r} cannot make a field of type {field.type!r}")
        return
    expression = _compile(draft, path, text, symbols, found)
    if expression is None:
        return
    allowed = _YIELDS.get(field.type, frozenset({"text"}))
    if expression.kind != "any" and expression.kind not in allowed:
        message = f"{path[-1]} = {text!r}: this is a {expression.kind}, the field {field.name!r} is of type {field.type!r}"
        draft.report.add(path, message, f"It needs a {' or '.join(sorted(allowed))}.")
    for word in expression.words():
        if field.type == "enum" and field.values is not None and word not in field.values:
            draft.report.add(path, f"{path[-1]} may yield {word!r}, which is none of the values of {field.name!r}", suggest(word, field.values))


def cycles(draft: Draft, compiled: Compiled) -> None:
    """Reports each ring of computed fields once, at the first of them."""
    needs = {str(path[1]): expression.names for path, expression in compiled.items() if path[0] == "fields" and path[2] == "compute"}
    reported: set[str] = set()
    for name in needs:
        ring = _ring(name, needs)
        if ring and not reported.intersection(ring):
            reported.update(ring)
            message = f"computed in a circle: {listed([*ring, name])}"
            draft.report.add(("fields", name, "compute"), message.replace(", ", " needs "), "Compute one of them from fields that are read.")


def _ring(start: str, needs: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The computed fields on a way from `start` back to itself, `start` first; empty if there is none."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for name in needs.get(way[-1], ()):
            if name == start:
                return way
            if name in needs and name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []

"""Compiles the expressions of a file: what they name, what they yield, and that none needs itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    compiler = _Compiler(draft, symbols_of(draft, drafts), {})
    for system in draft.systems.values():
        compiler.condition((*system.path, "when"), system.when)
    for field in draft.fields.values():
        compiler.value(field, (*field.path, "compute"), field.compute)
        for cell in field.cells.values():
            compiler.value(field, (*cell.place, "expr"), cell.expr)
    return compiler.found


@dataclass(frozen=True, slots=True)
class _Compiler:
    draft: Draft
    symbols: Mapping[str, Symbol]
    found: Compiled

    def compile(self, path: Path, text: str | None) -> Expression | None:
        if text is None:
            return None
        try:
            expression = compile_expression(text, self.symbols)
        except ExpressionError as error:
            self.draft.report.add(path, f"{path[-1]} = {text!r}: {error.message}", error.remedy)
            return None
        if expression.note:
            self.draft.report.note(path, f"{path[-1]} = {expression.note}")
        self.found[path] = expression
        return expression

    def condition(self, path: Path, text: str | None) -> None:
        expression = self.compile(path, text)
        if expression is not None and expression.kind not in ("flag", "any"):
            message = f"{path[-1]} = {text!r}: a condition is true or false, this is a {expression.kind}"
            self.draft.report.add(path, message, "Compare it with something.")

    def value(self, field: FieldDraft, path: Path, text: str | None) -> None:
        if text is not None and field.type in _UNCOMPUTABLE:
            self.draft.report.add(
                path,
                f"{path[-1]!r} cannot make a field of type {field.type!r}",
                "Compute a field of another type, or take it out.",
            )
            return
        expression = self.compile(path, text)
        if expression is not None:
            self.check_yield(field, path, expression)

    def check_yield(self, field: FieldDraft, path: Path, expression: Expression) -> None:
        allowed = _YIELDS.get(field.type, frozenset({"text"}))
        if expression.kind != "any" and expression.kind not in allowed:
            what = f"this is a {expression.kind}, the field {field.name!r} is of type {field.type!r}"
            message = f"{path[-1]} = {expression.text!r}: {what}"
            self.draft.report.add(path, message, f"It needs a {' or '.join(sorted(allowed))}.")
        for word in expression.words():
            if field.type == "enum" and field.values is not None and word not in field.values:
                message = f"{path[-1]} may yield {word!r}, which is none of the values of {field.name!r}"
                self.draft.report.add(path, message, suggest(word, field.values))


def cycles(draft: Draft, compiled: Compiled) -> None:
    """Reports each ring of computed fields once, at the first of them."""
    needs = {
        str(path[1]): expression.names
        for path, expression in compiled.items()
        if path[0] == "fields" and path[2] == "compute"
    }
    reported: set[str] = set()
    for name in needs:
        ring = _ring(name, needs)
        if ring and not reported.intersection(ring):
            reported.update(ring)
            message = f"computed in a circle: {listed([*ring, name])}"
            draft.report.add(
                ("fields", name, "compute"),
                message.replace(", ", " needs "),
                "Compute one of them from fields that are read.",
            )


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

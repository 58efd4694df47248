"""`when`, `compute` and `expr`: rule-engine's language, kept to what cannot run long, checked before it runs.

rule-engine is imported with the first expression (274 ms) and stays behind this module. Its types know null: a field
that may be blank is compared as `(score ?? 0) >= 50`. An expression that forgets this is accepted with a note if it is
sound for fields that are there; over a blank it has no value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sync.mapping.moments import spelled
from sync.mapping.numbers import json_number, number, plain
from sync.mapping.report import suggest
from sync.model.values import Absence, Canonical

if TYPE_CHECKING:
    from rule_engine import Rule

LENGTH_MAX = 2000
"""Characters of an expression."""
SUBJECT_MAX = 256
"""Characters of a value that a pattern is matched against: patterns take time that grows with them."""

_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
_BANNED = re.compile(r"<<|>>|\*\*|\bfor\b|\$(?!(?:abs|min|max|sum|any|all)\b)\w*")
_MATCH = re.compile(r"[=!]~~?\s*(\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')?")
_REPEATED_GROUP = re.compile(r"\)\s*[*+{]")
_OPEN_ENDED = re.compile(r"(?<!\\)[*+]|\{\d*,\}")
_OPEN_ENDED_MAX = 3


class ExpressionError(ValueError):
    """The expression cannot be used; `remedy` says what could."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name that an expression may use: its canonical type, whether it may be blank, a ref's parent's fields."""

    type: str
    nullable: bool = True
    parent: Mapping[str, Symbol] | None = None


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. `names`: the fields it reads; `kind`: text, number, flag, moment, set or any."""

    text: str
    names: tuple[str, ...]
    kind: str
    note: str
    _rule: Rule = field(repr=False, compare=False)
    _symbols: Mapping[str, Symbol] = field(repr=False, compare=False)
    _limit: int | None = field(repr=False, compare=False)

    def evaluate(self, values: Mapping[str, Canonical | Mapping[str, Canonical]]) -> Canonical:
        """The value over canonical fields; a ref may be given as a mapping of its parent's fields.

        Never raises: what has no value, because a field is blank where one was needed, is None.
        """
        try:
            thing = {name: _given(self._symbols[name], values.get(name), self._limit) for name in self.names}
            return _taken(self._rule.evaluate(thing))
        except Exception:  # noqa: BLE001 - rule-engine raises its own, Python's and decimal's errors; all mean: no value
            return None

    def words(self) -> Iterator[str]:
        """The literal texts that it can yield, as far as they show."""
        yield from _leaves(getattr(self._rule.statement, "expression", None))


def compile_expression(text: str, symbols: Mapping[str, Symbol]) -> Expression:
    """Parses and checks an expression. Raises ExpressionError."""
    _refuse_unbounded(text)
    note = ""
    try:
        rule = _rule(text, symbols, strict=True)
    except ExpressionError as error:
        if "nullable" not in error.message:
            raise
        rule = _rule(text, symbols, strict=False)
        note = f"{text!r} has no value while a field in it is blank; say what then, as in (score ?? 0)"
    limit = SUBJECT_MAX if _MATCH.search(text) else None
    names = tuple(sorted(name for name in rule.context.symbols if name in symbols))
    return Expression(text, names, _kind(rule), note, rule, symbols, limit)


def _refuse_unbounded(text: str) -> None:
    if not text.strip():
        raise ExpressionError("the expression is empty", "Write one, or take the key out.")
    if len(text) > LENGTH_MAX:
        raise ExpressionError(
            f"the expression is longer than {LENGTH_MAX} characters",
            "Say it in shorter words, or compute a field and use that.",
        )
    found = _BANNED.search(_QUOTED.sub('""', text))
    if found:
        raise ExpressionError(
            f"{found.group()!r} is not available in expressions", "Use comparisons, ?:, ??, and, or, not, in, + - * /."
        )
    for match in _MATCH.finditer(text):
        _refuse_slow_pattern(match[1])


def _refuse_slow_pattern(quoted: str | None) -> None:
    if quoted is None:
        raise ExpressionError("a pattern must be written out as text", "Write the pattern in quotes where it is used.")
    if _REPEATED_GROUP.search(quoted) or len(_OPEN_ENDED.findall(quoted)) > _OPEN_ENDED_MAX:
        raise ExpressionError(
            "the pattern may take very long", f"Repeat no group, and use at most {_OPEN_ENDED_MAX} of * and +."
        )


def _rule(text: str, symbols: Mapping[str, Symbol], *, strict: bool) -> Rule:
    import rule_engine  # noqa: PLC0415 - 274 ms, only where there are expressions

    types = {name: _type_of(name, symbol, strict=strict) for name, symbol in symbols.items()}
    context = rule_engine.Context(type_resolver=types, resolver=_resolve, default_timezone="utc")
    try:
        return rule_engine.Rule(text, context=context)
    except rule_engine.errors.SymbolResolutionError as error:
        name = str(error.symbol_name)
        raise ExpressionError(f"there is no field {name!r}", suggest(name, symbols)) from error
    except rule_engine.errors.ObjectAttributeError as error:
        name = str(error.attribute_name)
        parents = {key for symbol in symbols.values() for key in symbol.parent or ()}
        raise ExpressionError(f"the parent has no field {name!r}", suggest(name, sorted(parents))) from error
    except Exception as error:
        raise ExpressionError(
            str(getattr(error, "message", "") or error) or type(error).__name__,
            "Compare like `score > 50`, join with `and` and `or`, choose with `condition ? this : that`.",
        ) from error


def _resolve(thing: Any, name: str) -> Any:
    """Fields of a record, and keys of an event at any depth; a key that is not there is null."""
    if isinstance(thing, _Json):
        return _wrapped(thing.found.get(name), thing.limit)
    return thing[name]


def _type_of(name: str, symbol: Symbol, *, strict: bool) -> Any:
    from rule_engine import DataType  # noqa: PLC0415

    plain_types = {
        "integer": DataType.FLOAT,
        "decimal": DataType.FLOAT,
        "boolean": DataType.BOOLEAN,
        "json": DataType.UNDEFINED,
    }
    plain_types |= {"date": DataType.DATETIME, "datetime": DataType.DATETIME, "multi": DataType.ARRAY(DataType.STRING)}
    if symbol.parent is not None:
        inner = {key: _type_of(key, each, strict=strict) for key, each in symbol.parent.items()}
        return DataType.OBJECT(name, inner, accessor=_attribute)
    found = plain_types.get(symbol.type, DataType.STRING)
    return DataType.NULLABLE(found) if strict and symbol.nullable and symbol.type != "json" else found


def _attribute(parent: Mapping[str, Any] | None, name: str) -> Any:
    return parent.get(name) if parent else None


def _kind(rule: Rule) -> str:
    from rule_engine import DataType  # noqa: PLC0415

    found = DataType.NULLABLE.unwrap(rule.statement.expression.result_type)
    kinds = {"STRING": "text", "FLOAT": "number", "BOOLEAN": "flag", "DATETIME": "moment", "ARRAY": "set", "SET": "set"}
    return kinds.get(str(getattr(found, "name", "")), "any")


def _leaves(node: Any) -> Iterator[str]:
    """Texts at the ends of ?: and ??."""
    if isinstance(getattr(node, "value", None), str):
        yield node.value
    for name in ("case_true", "case_false", "left", "right"):
        child = getattr(node, name, None)
        if child is not None and type(node).__name__ in ("TernaryExpression", "CoalesceExpression"):
            yield from _leaves(child)


def _given(symbol: Symbol, value: Any, limit: int | None) -> Any:
    """A canonical value as rule-engine wants it."""
    if symbol.parent is not None:
        if value is None:
            return None
        parent = value if isinstance(value, Mapping) else {}
        return {key: _given(each, parent.get(key), limit) for key, each in symbol.parent.items()}
    if value is None or isinstance(value, Absence) or (isinstance(value, Mapping) and symbol.type != "json"):
        return None
    if symbol.type == "json":
        return _wrapped(value, limit)
    if symbol.type in ("integer", "decimal"):
        found = number(value)
        return found if isinstance(found, Decimal) else None
    if symbol.type in ("date", "datetime"):
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if symbol.type == "multi":
        return tuple(str(item)[:limit] for item in value)
    return value if symbol.type == "boolean" else str(value)[:limit]


@dataclass(frozen=True, slots=True)
class _Json:
    """An object of an event. Not a mapping for rule-engine, whose own look-up of keys by dot is deprecated."""

    found: Mapping[str, Any]
    limit: int | None


def _wrapped(value: Any, limit: int | None) -> Any:
    if isinstance(value, Mapping):
        return _Json(value, limit)
    if isinstance(value, list | tuple):
        return tuple(_wrapped(item, limit) for item in value)
    return value[:limit] if isinstance(value, str) else value


def _taken(value: Any) -> Canonical:
    """What rule-engine yields, as a canonical value."""
    if isinstance(value, Decimal):
        whole = json_number(value) if value.is_finite() else None
        return whole if isinstance(whole, int) or whole is None else plain(value)
    if isinstance(value, datetime):
        return spelled(value)
    if isinstance(value, tuple | set | frozenset | list):
        return sorted({str(item) for item in value if item is not None})
    return value if isinstance(value, str | bool | int) else None

"""A WHERE clause to a function of a row, and the bounds that let an index stand in for a scan."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from operator import ge, gt, le, lt
from typing import Any

from sync.sandbox.salesforce.columns import Reader, stored_reader
from sync.sandbox.salesforce.database import Database
from sync.sandbox.salesforce.fields import NUMERIC, Field
from sync.sandbox.salesforce.ids import normalised
from sync.sandbox.salesforce.refusals import Refusal
from sync.sandbox.salesforce.schema import SObject
from sync.sandbox.salesforce.soql import Both, Call, Compare, Literal, Not, Operand, Path, Query, at_place
from sync.sandbox.salesforce.spans import OPEN, Span, days, hull, intersection, span_of
from sync.sandbox.store import Row

Test = Callable[[Row], bool]
SubQuery = Callable[[Query], set[Any]]
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


class Filters:
    """Compiles the conditions of one query on one object."""

    def __init__(self, database: Database, kind: SObject, query: Query, run: SubQuery) -> None:
        self._database = database
        self._kind = kind
        self._query = query
        self._text = query.text
        self._run = run

    def column(self, path: Operand) -> tuple[SObject, Field, Reader]:
        """The object, field and stored-value reader behind a path; raises Refusal INVALID_FIELD with its place."""
        if isinstance(path, Call):
            raise Refusal("MALFORMED_QUERY", f"an aggregate needs a grouped query: {path.name}")
        return self._descend(self._kind, self._query.local(path))

    def _descend(self, kind: SObject, path: Path) -> tuple[SObject, Field, Reader]:
        if len(path) == 1:
            try:
                field = kind.column(path[0])
            except Refusal as refusal:
                raise self._placed(path[0], refusal) from None
            return kind, field, stored_reader(self._database, kind, field)
        link = kind.relationship(path[0])
        if link is None:
            message = f"Didn't understand relationship '{path[0]}' in field path. {HINT}"
            raise self._placed(path[0], Refusal("INVALID_FIELD", message))
        parent = self._database.schema.known(link.refers[0])
        end, field, read = self._descend(parent, path[1:])
        return (
            end,
            field,
            through(
                self._database, parents(self._database, link), stored_reader(self._database, kind, link), read, field
            ),
        )

    def _placed(self, word: str, refusal: Refusal) -> Refusal:
        return at_place(self._text, max(self._text.find(word), 0), refusal.code, refusal.message)

    # tests ------------------------------------------------------------------------------------------------------------
    def test(self, term: Any) -> Test:
        """A function that tells whether a row meets the condition."""
        if isinstance(term, Not):
            inner = self.test(term.term)
            return lambda row: not inner(row)
        if isinstance(term, Both):
            tests = [self.test(part) for part in term.terms]
            if term.every:
                return lambda row: all(test(row) for test in tests)
            return lambda row: any(test(row) for test in tests)
        return self._comparison(term)

    def _comparison(self, term: Compare) -> Test:
        _, field, read = self.column(term.path)
        if field.long_text or field.type == "address":
            raise Refusal("INVALID_FIELD", f"field '{field.name}' can not be filtered in a query call")
        if term.values and isinstance(term.values[0], Query):
            wanted = self._run(term.values[0])
            return (lambda row: read(row) in wanted) if term.operator == "in" else (lambda row: read(row) not in wanted)
        if term.operator in ("includes", "excludes"):
            return _includes(field, read, term)
        if term.operator == "like":
            return _like(field, read, str(term.values[0].value))
        if term.operator in ("in", "not in"):
            wanted = {self.value(field, value) for value in term.values}
            fold = folds(field)
            if term.operator == "in":
                return lambda row: fold(read(row)) in wanted
            return lambda row: fold(read(row)) not in wanted
        return self._ordered(field, read, term)

    def _ordered(self, field: Field, read: Reader, term: Compare) -> Test:
        literal = term.values[0]
        if literal.kind == "relative" and field.type in ("date", "datetime"):
            return _in_span(read, term.operator, self.span(field, literal))
        if term.operator not in ("=", "!=") and field.type == "boolean":
            raise Refusal(
                "INVALID_QUERY_FILTER_OPERATOR", f"filtering on {field.name} with {term.operator} is not supported"
            )
        value = self.value(field, literal)
        if value is None and literal.kind == "string" and term.operator in (">", ">="):
            value = ""  # a keyset walk starts with ``Id > ''``
        return ordering(folds(field), read, term.operator, value)

    def value(self, field: Field, literal: Literal) -> Any:
        """The comparable value of a literal for this field; raises Refusal when the kinds do not fit."""
        if literal.kind == "null":
            return None
        wanted = wanted_kind(field)
        if literal.kind != wanted:
            shape = "should be enclosed in quotes" if wanted == "string" else "should not be enclosed in quotes"
            label = {"datetime": "dateTime", "number": "double"}.get(wanted, wanted)
            message = f"value of filter criterion for field '{field.name}' must be of type {label} and {shape}"
            raise self._placed(field.name, Refusal("INVALID_FIELD", message))
        if field.type in ("id", "reference"):
            return _checked_id(field, literal.value)
        return folds(field)(literal.value)

    def span(self, field: Field, literal: Literal) -> Span:
        """The days of a relative literal in the field's own unit."""
        first, last = days(literal.value, self._database.clock.now())
        if field.type == "datetime":
            return first.timestamp(), last.timestamp()
        return first.date().isoformat(), last.date().isoformat()

    # bounds -----------------------------------------------------------------------------------------------------------
    def bounds(self, term: Any, name: str) -> Span:
        """A span that holds the column's value in every row that can meet the condition."""
        if isinstance(term, Both):
            spans = [self.bounds(part, name) for part in term.terms]
            return intersection(spans) if term.every else hull(spans)
        if not isinstance(term, Compare) or self._plain(term.path).lower() != name.lower():
            return OPEN
        literal = term.values[0]
        if not isinstance(literal, Literal) or literal.kind not in ("datetime", "string"):
            return OPEN
        value = self.value(self._kind.column(name), literal)
        return span_of(term.operator, value)

    def exact(self, term: Any) -> tuple[str, list[str]] | None:
        """A looked-up column and the texts that it must have one of, taken from the top level of the condition."""
        terms = term.terms if isinstance(term, Both) and term.every else (term,)
        for part in terms:
            if not isinstance(part, Compare) or part.operator not in ("=", "in"):
                continue
            field = self._kind.field(self._plain(part.path))
            strings = all(isinstance(v, Literal) and v.kind == "string" for v in part.values)
            if field and strings and (field.name == "Id" or self._database.index(self._kind).covers(field.name)):
                return field.name, [str(self.value(field, v)) for v in part.values]
        return None

    def _plain(self, path: Operand) -> str:
        """The name of a column of the object itself, else empty."""
        own = () if isinstance(path, Call) else self._query.local(path)
        return own[0] if len(own) == 1 else ""


HINT = (
    "If you are attempting to use a custom relationship, be sure to append the '__r' after the custom "
    "relationship name. Please reference your WSDL or the describe call for the appropriate names."
)


def parents(database: Database, link: Field) -> Callable[[str], Row | None]:
    """Finds the row behind a reference id."""
    if len(link.refers) == 1:
        name = link.refers[0]
        return lambda row_id: database.lookup(name, row_id)

    def find(row_id: str) -> Row | None:
        kind = database.schema.of_id(row_id)
        return None if kind is None else database.lookup(kind.name, row_id)

    return find


def through(
    _database: Database, find: Callable[[str], Row | None], read_id: Reader, read: Reader, field: Field
) -> Reader:
    """Reads a parent's column; empty (false) without a parent."""
    empty = False if field.type == "boolean" else None

    def from_parent(row: Row) -> Any:
        row_id = read_id(row)
        parent = find(row_id) if row_id else None
        return empty if parent is None else read(parent)

    return from_parent


def wanted_kind(field: Field) -> str:
    """The kind of literal that a field is compared with."""
    return (
        field.type if field.type in ("boolean", "date", "datetime") else "number" if field.type in NUMERIC else "string"
    )


def folds(field: Field) -> Callable[[Any], Any]:
    """Case folding for ordinary text; identity for ids, numbers, times and case-sensitive fields."""
    plain = wanted_kind(field) != "string" or field.type in ("id", "reference") or field.case_sensitive
    return _as_it_is if plain else _lower


def _as_it_is(value: Any) -> Any:
    return value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def ordering(fold: Callable[[Any], Any], read: Reader, operator: str, value: Any) -> Test:
    """A comparison; nothing is smaller or larger than an empty value."""
    if operator == "=":
        return lambda row: fold(read(row)) == value
    if operator == "!=":
        return lambda row: fold(read(row)) != value
    if value is None:
        return lambda _row: False
    compare = COMPARISONS[operator]
    return lambda row: (found := fold(read(row))) is not None and compare(found, value)


def _in_span(read: Reader, operator: str, span: Span) -> Test:
    low, high = span
    tests: dict[str, Callable[[Any], bool]] = {
        "=": lambda v: low <= v < high,
        "!=": lambda v: not low <= v < high,
        "<": lambda v: v < low,
        "<=": lambda v: v < high,
        ">": lambda v: v >= high,
        ">=": lambda v: v >= low,
    }
    test = tests[operator]
    return lambda row: (found := read(row)) is not None and test(found)


def _includes(field: Field, read: Reader, term: Compare) -> Test:
    if field.type != "multipicklist":
        raise Refusal("INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {field.type} field: {term.operator}")
    choices = [{part.strip().lower() for part in str(v.value or "").split(";")} for v in term.values]

    def test(row: Row) -> bool:
        held = {part.lower() for part in (read(row) or "").split(";")}
        return any(choice <= held for choice in choices)

    return test if term.operator == "includes" else lambda row: not test(row)


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    parts = re.findall(r"\\[_%]|[_%]|[^_%\\]+|\\", text)
    wild = {"%": ".*", "_": ".", "\\_": "_", "\\%": "%"}
    return re.compile("".join(wild.get(part, re.escape(part)) for part in parts), re.IGNORECASE | re.DOTALL)


def _like(field: Field, read: Reader, text: str) -> Test:
    if wanted_kind(field) != "string" or field.type in ("id", "reference"):
        raise Refusal("INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {field.type} field: like")
    pattern = _pattern(text)
    return lambda row: pattern.fullmatch(read(row) or "") is not None


def _checked_id(field: Field, text: str) -> str | None:
    if not text:
        return None
    found = normalised(text)
    if found is None:
        raise Refusal("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {text}")
    return found if field else None

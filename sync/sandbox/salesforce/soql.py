"""SOQL text to a query value (apis/salesforce.md 2.1, 2.2); which fields exist is the business of `search`."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput
from lark.exceptions import VisitError

from sync.sandbox.salesforce.refusals import Refusal
from sync.sandbox.salesforce.times import parse_day, parse_moment

QUERY_MAX = 100_000
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "N": "\n", "R": "\r", "T": "\t", "B": "\b", "F": "\f"}
ESCAPED = re.compile(r"\\([uU][0-9A-Fa-f]{4}|.)", re.DOTALL)
LIST_ITEM = re.compile(r"'(?:[^'\\]|\\.)*'|[^()',\s]+", re.DOTALL)
RELATIVE = re.compile(
    r"(?i)TODAY|YESTERDAY|TOMORROW|(LAST|THIS|NEXT)_(WEEK|MONTH|YEAR)|(LAST|NEXT)_(90_DAYS|N_DAYS:\d+)|N_DAYS_AGO:\d+"
)
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal by kind: string, number, boolean, null, date, datetime (seconds) or relative (``LAST_N_DAYS:3``)."""

    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class Call:
    """An aggregate, or ``FIELDS``; ``path`` empty for ``COUNT()``."""

    name: str
    path: Path
    alias: str | None


Operand = Path | Call


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison of a column (under HAVING also of an aggregate); ``values`` are literals, or one `Query`."""

    path: Operand
    operator: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Both:
    """All (``every``) or any of the terms."""

    every: bool
    terms: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    term: Any


@dataclass(frozen=True, slots=True)
class Sorting:
    """One ORDER BY column, or aggregate."""

    path: Operand
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query; ``select`` holds paths, `Call`s and child `Query`s in order, ``alias`` is the object's."""

    select: tuple[Any, ...]
    object: str
    where: Any = None
    group: tuple[Path, ...] = ()
    having: Any = None
    order: tuple[Sorting, ...] = ()
    limit: int | None = None
    offset: int = 0
    all_rows: bool = False
    alias: str = ""
    text: str = ""

    def local(self, path: Path) -> Path:
        """The path without the object's own name or alias in front."""
        own = (self.object.lower(), self.alias.lower())
        return path[1:] if len(path) > 1 and path[0].lower() in own else path


def unquoted(text: str) -> str:
    """The content of a string literal, escapes resolved but for the two of LIKE."""
    return ESCAPED.sub(_unescaped, text[1:-1])


def _unescaped(found: re.Match[str]) -> str:
    """What an escape stands for; raises Refusal for one that SOQL does not have (apis/salesforce.md 2.2)."""
    mark = found[1]
    if mark in "_%":
        return found[0]
    if mark in ESCAPES or mark in "\"'\\":
        return ESCAPES.get(mark, mark)
    if len(mark) == len("u0000"):
        return chr(int(mark[1:], 16))
    raise Refusal("MALFORMED_QUERY", f"Illegal character sequence '\\{mark}' in string literal")


def literal(text: str) -> Literal:
    """A literal from its source text; raises Refusal."""
    if text.startswith("'"):
        return Literal("string", unquoted(text))
    low = text.lower()
    if low in ("true", "false"):
        return Literal("boolean", low == "true")
    if low == "null":
        return Literal("null", None)
    if NUMBER.fullmatch(text):
        return Literal("number", float(text))
    if (moment := parse_moment(text)) is not None:
        return Literal("datetime", moment)
    if (day := parse_day(text)) is not None:
        return Literal("date", day)
    if RELATIVE.fullmatch(text):
        return Literal("relative", text.upper())
    raise Refusal("MALFORMED_QUERY", f"unexpected token: '{text}'")


def literals(text: str) -> tuple[Literal, ...]:
    """The literals of a parenthesised list."""
    return tuple(literal(item) for item in LIST_ITEM.findall(text[1:-1]))


class _Builder(Transformer[Token, Any]):
    """Lark tree to `Query`; method names are the grammar's."""

    def path(self, names: list[Token]) -> Path:
        return tuple(str(name) for name in names)

    def items(self, found: list[Any]) -> tuple[str, Any]:
        names = Counter(".".join(path).lower() for path in found if isinstance(path, tuple))
        if twice := [name for name, times in names.items() if times > 1]:
            raise Refusal("INVALID_FIELD", f"duplicate field selected: {twice[0]}")
        return "select", tuple(found)

    def count(self, found: list[Token]) -> Call:
        return Call(str(found[0]).upper(), (), _alias(found[1:]))

    def call(self, found: list[Any]) -> Call:
        return Call(str(found[0]).upper(), found[1], _alias(found[2:]))

    def children(self, found: list[Query]) -> Query:
        return found[0]

    def alias(self, found: list[Token]) -> tuple[str, str]:
        return "alias", str(found[0])

    def literal(self, found: list[Token]) -> Literal:
        return literal(str(found[0]))

    def compare(self, found: list[Any]) -> Compare:
        return Compare(found[0], str(found[1]).replace("<>", "!="), (found[2],))

    def like(self, found: list[Any]) -> Compare:
        return Compare(found[0], "like", (Literal("string", unquoted(str(found[1]))),))

    def within(self, found: list[Any]) -> Compare:
        return Compare(found[0], "in", literals(str(found[1])))

    def without(self, found: list[Any]) -> Compare:
        return Compare(found[0], "not in", literals(str(found[1])))

    def within_query(self, found: list[Any]) -> Compare:
        return Compare(found[0], "in", (found[1],))

    def without_query(self, found: list[Any]) -> Compare:
        return Compare(found[0], "not in", (found[1],))

    def includes(self, found: list[Any]) -> Compare:
        return Compare(found[0], "includes", literals(str(found[1])))

    def excludes(self, found: list[Any]) -> Compare:
        return Compare(found[0], "excludes", literals(str(found[1])))

    def negation(self, found: list[Any]) -> Not:
        return Not(found[0])

    def conjunction(self, found: list[Any]) -> Both:
        return Both(every=True, terms=tuple(found))

    def disjunction(self, found: list[Any]) -> Both:
        return Both(every=False, terms=tuple(found))

    def where(self, found: list[Any]) -> tuple[str, Any]:
        return "where", found[0]

    def group(self, found: list[Path]) -> tuple[str, Any]:
        return "group", tuple(found)

    def having(self, found: list[Any]) -> tuple[str, Any]:
        return "having", found[0]

    def order(self, found: list[Sorting]) -> tuple[str, Any]:
        return "order", tuple(found)

    def sorting(self, found: list[Any]) -> Sorting:
        words = " ".join(str(word).upper() for word in found[1:])
        return Sorting(found[0], "DESC" in words, "LAST" in words)

    def limit(self, found: list[Token]) -> tuple[str, Any]:
        return "limit", _whole(found[0])

    def offset(self, found: list[Token]) -> tuple[str, Any]:
        return "offset", _whole(found[0])

    def purpose(self, _found: list[Token]) -> tuple[str, Any]:
        return "purpose", None

    def all_rows(self, _found: list[Token]) -> tuple[str, Any]:
        return "all_rows", True

    def start(self, found: list[Any]) -> Query:
        clauses: dict[str, Any] = dict(part for part in found if isinstance(part, tuple))
        clauses.pop("purpose", None)
        name = next(str(part) for part in found if isinstance(part, Token))
        return Query(object=name, **clauses)


def _alias(found: list[Any]) -> str | None:
    return str(found[0]) if found else None


def _whole(token: Token) -> int:
    if not token.isdigit():
        raise Refusal("MALFORMED_QUERY", f"unexpected token: '{token}'")
    return int(token)


@lru_cache(maxsize=1)
def _parser() -> Lark:
    grammar = FilePath(__file__).with_name("soql.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", maybe_placeholders=False)


@lru_cache(maxsize=512)
def parse(text: str) -> Query:
    """The query of a text; raises Refusal MALFORMED_QUERY with the place of the fault."""
    if len(text) > QUERY_MAX:
        raise Refusal("QUERY_TOO_COMPLICATED", "SOQL statements cannot be longer than 100,000 characters.")
    try:
        query: Query = _Builder().transform(_parser().parse(text))
    except UnexpectedInput as error:
        raise at_place(text, max(error.pos_in_stream or 0, 0), "MALFORMED_QUERY", _unexpected(error, text)) from None
    except VisitError as error:
        if isinstance(error.orig_exc, Refusal):
            raise error.orig_exc from None
        raise
    return Query(**{name: getattr(query, name) for name in Query.__slots__ if name != "text"}, text=text)


def _unexpected(error: UnexpectedInput, text: str) -> str:
    token = getattr(error, "token", None)
    if token is None or token.type == "$END":
        at = error.pos_in_stream or 0
        return (
            f"unexpected token: '{text[at : at + 1]}'"
            if 0 <= at < len(text) and token is None
            else "unexpected token: <EOF>"
        )
    return f"unexpected token: '{token}'"


def at_place(text: str, position: int, code: str, message: str) -> Refusal:
    """A query refusal in Salesforce's shape: a line of the query, a caret line, row and column, then the message."""
    start = max(0, position - 40)
    line = text[start : position + 20].replace("\n", " ")
    return Refusal(code, f"\n{line}\n{' ' * (position - start)}^\nERROR at Row:1:Column:{position + 1}\n{message}")

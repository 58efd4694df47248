"""Text search: SOSL (``search?q=FIND {…}``) and ``parameterizedSearch``. Beyond the ``apis/`` sheet, as the vendor's clients call it.

Words are found whole, in any case; ``*`` and ``?`` stand for letters, AND, OR and AND NOT join them. Without RETURNING every object that
can be searched answers with ids alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fnmatch import translate
from typing import Any

from sync.sandbox.salesforce.fields import Field
from sync.sandbox.salesforce.org import Call, Route
from sync.sandbox.salesforce.refusals import Refusal
from sync.sandbox.salesforce.search import Search
from sync.sandbox.salesforce.soql import parse
from sync.sandbox.wire import Response, json_response

SEARCHED = ("Account", "Contact", "Lead", "Campaign", "Task", "User")
FOUND_MAX = 2000
LETTERS_MIN = 2
SOSL = re.compile(
    r"\s*FIND\s*\{(?P<term>(?:[^{}\\]|\\.)*)\}"
    r"(?:\s+IN\s+(?P<place>ALL|NAME|EMAIL|PHONE|SIDEBAR)\s+FIELDS)?"
    r"(?:\s+RETURNING\s+(?P<returning>.+?))?"
    r"(?:\s+LIMIT\s+(?P<limit>\d+))?\s*",
    re.IGNORECASE | re.DOTALL,
)
RETURNED = re.compile(r"\s*(\w+)\s*(?:\((.*)\))?\s*", re.DOTALL)
CLAUSES = re.compile(r"\s+(?=(?:WHERE|ORDER\s+BY|LIMIT|OFFSET)\b)", re.IGNORECASE)
WORD = re.compile(r'"[^"]*"|[^\s"()]+')
PLACES: dict[str, Callable[[Field], bool]] = {
    "ALL": lambda field: field.type in ("string", "textarea", "email", "phone", "url", "picklist", "combobox"),
    "NAME": lambda field: field.name in ("Name", "FirstName", "LastName", "Subject"),
    "EMAIL": lambda field: field.type == "email",
    "PHONE": lambda field: field.type == "phone",
    "SIDEBAR": lambda field: field.name in ("Name", "FirstName", "LastName", "Subject") or field.type == "phone",
}
Holds = Callable[[str], bool]


@dataclass(frozen=True)
class Wanted:
    """One object to look in, as the SOQL that it amounts to."""

    soql: str


def search(call: Call) -> Response:
    """``GET search?q=FIND {…}``."""
    text = call.request.param("q") or ""
    match = SOSL.fullmatch(text)
    if match is None:
        raise Refusal("MALFORMED_SEARCH", "No search term found. The search term must be enclosed in braces.")
    term = re.sub(r"\\(.)", r"\1", match["term"])
    wanted = [_returned(part) for part in _parts(match["returning"])] if match["returning"] else _everything()
    limit = int(match["limit"] or FOUND_MAX)
    return _answer(list(_found(call, term, match["place"] or "ALL", wanted, limit)))


def parameterized(call: Call) -> Response:
    """``GET`` and ``POST parameterizedSearch``: the same search from parameters."""
    asked = call.json_object() if call.request.method == "POST" else _from_query(call)
    sobjects = [one for one in asked.get("sobjects") or [] if isinstance(one, dict)]
    place = str(asked.get("in") or "ALL").upper()
    if not str(asked.get("q") or "").strip() or place not in PLACES:
        raise Refusal("INVALID_SEARCH", "'q' must hold a term, and 'in' one of ALL, NAME, EMAIL, PHONE, SIDEBAR")
    limit = _whole(asked.get("defaultLimit"))
    wanted = [_of_parameters(one, asked.get("fields"), limit) for one in sobjects] or _everything()
    return _answer(list(_found(call, str(asked["q"]), place, wanted, _whole(asked.get("overallLimit")))))


def _whole(value: Any) -> int:
    if value is None:
        return FOUND_MAX
    if not str(value).isdigit():
        raise Refusal("INVALID_SEARCH", f"a limit must be a whole number, not {value}")
    return int(value)


def _from_query(call: Call) -> dict[str, Any]:
    values: dict[str, list[str]] = {}
    for name, value in call.request.query:
        values.setdefault(name, []).append(value)
    plain: dict[str, Any] = {name: value[0] for name, value in values.items() if "." not in name}
    names = [name for value in values.get("sobject", []) for name in value.split(",")]
    sobjects = [{"name": name} | _below(name, values) for name in names]
    return {
        **plain,
        "fields": [f for value in values.get("fields", []) for f in value.split(",")],
        "sobjects": sobjects,
    }


def _below(name: str, values: dict[str, list[str]]) -> dict[str, Any]:
    found: dict[str, Any] = {key: values[f"{name}.{key}"][0] for key in ("where", "limit") if f"{name}.{key}" in values}
    fields = values.get(f"{name}.fields")
    return found | ({"fields": fields[0].split(",")} if fields else {})


def _of_parameters(one: dict[str, Any], fields: Any, limit: int) -> Wanted:
    name, names = str(one.get("name")), one.get("fields") or fields or ["Id"]
    where = f"WHERE {one['where']}" if one.get("where") else ""
    most = _whole(one.get("limit")) if "limit" in one else limit
    listed = ",".join(map(str, names)) if isinstance(names, list) else str(names)
    return Wanted(_soql(listed, name, where, f"LIMIT {most}"))


def _soql(fields: str, name: str, *clauses: str) -> str:
    return " ".join(("SELECT", fields, "FROM", name, *filter(None, clauses)))


def _everything() -> list[Wanted]:
    return [Wanted(_soql("Id", name)) for name in SEARCHED]


def _parts(text: str) -> Iterator[str]:
    """The objects of RETURNING: commas within brackets or quotes belong to an object."""
    depth, start = 0, 0
    for at, letter in enumerate(re.sub(r"'(?:[^'\\]|\\.)*'", lambda m: "_" * len(m[0]), text)):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and not depth:
            yield text[start:at]
            start = at + 1
    yield text[start:]


def _returned(part: str) -> Wanted:
    match = RETURNED.fullmatch(part)
    if match is None:
        raise Refusal("MALFORMED_SEARCH", f"unexpected token: '{part.strip()}'")
    name, inner = match[1], (match[2] or "Id").strip()
    fields, _, clauses = CLAUSES.sub("\0", inner, count=1).partition("\0")
    return Wanted(_soql(fields, name, clauses))


def _found(call: Call, term: str, place: str, wanted: list[Wanted], limit: int) -> Iterator[dict[str, Any]]:
    holds = _holds(term)
    left = limit
    for one in wanted:
        for record in _of_object(call, one, PLACES[place.upper()], holds)[:left]:
            left -= 1
            yield record


def _of_object(call: Call, wanted: Wanted, searched: Callable[[Field], bool], holds: Holds) -> list[dict[str, Any]]:
    query = parse(wanted.soql)
    whole = Search.of(call.database, replace(query, limit=None, offset=0), deleted=False, base=call.base)
    if whole.kind.name not in SEARCHED:
        raise Refusal("INVALID_TYPE", f"sObject type '{whole.kind.name}' cannot be searched")
    names = [field.name for field in whole.kind.fields() if searched(field)]
    rows = [row for row in whole.rows() if holds(" ".join(str(row[name]) for name in names if row.get(name)))]
    end = None if query.limit is None else query.offset + query.limit
    show = whole.show()
    return [show(row) for row in rows[query.offset : end]]


def _holds(term: str) -> Holds:
    """Whether a text has what the term asks for; raises Refusal for a term that is too short."""
    if len(re.sub(r"[\W_]", "", term)) < LETTERS_MIN:
        raise Refusal("MALFORMED_SEARCH", f"search term must be longer than one character: {term}")
    options = [[_word(word) for word in _words(option)] for option in re.split(r"\s+OR\s+", term, flags=re.IGNORECASE)]

    def holds(text: str) -> bool:
        tokens = set(re.split(r"[\W_]+", text.lower()))
        return any(all(has(tokens) is want for want, has in words) for words in options)

    return holds


def _words(option: str) -> Iterator[tuple[bool, str]]:
    """The words of an AND, each with whether it is wanted."""
    wanted = True
    for word in WORD.findall(option):
        if word.upper() == "AND":
            continue
        if word.upper() == "NOT":
            wanted = False
            continue
        for part in re.split(r"[^\w*?]+|_", word):
            if part:
                yield wanted, part.lower()
        wanted = True


def _word(asked: tuple[bool, str]) -> tuple[bool, Callable[[set[str]], bool]]:
    wanted, word = asked
    if "*" not in word and "?" not in word:
        return wanted, lambda tokens: word in tokens
    pattern = re.compile(translate(word))
    return wanted, lambda tokens: any(pattern.match(token) for token in tokens)


def _answer(records: list[dict[str, Any]]) -> Response:
    return json_response(200, {"searchRecords": records}, rows=len(records))


ROUTES: list[Route] = [
    ("GET", "search", search),
    ("GET", "parameterizedSearch", parameterized),
    ("POST", "parameterizedSearch", parameterized),
]

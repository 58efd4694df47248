"""`[[routes]]`: what happens in one system (a webhook event, a polled stream) and what is made of it in another."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sync.mapping.expressions import Expression, ExpressionError, Symbol, compile_expression
from sync.mapping.lines import Path
from sync.mapping.reader import Reader
from sync.mapping.report import Report, listed, suggest
from sync.mapping.templates import Render, TemplateError, rendering
from sync.mapping.vendors import KINDS, STREAMS

PARTS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "conversion": (("name",), ("description", "data")),
    "salesforce": (("object", "fields"), ("person", "account", "external_id")),
    "activecampaign": ((), ("automation", "note", "tag")),
}
"""By kind of the receiving system: what a route must say, and what it may say."""

ONE_OF: Final[Mapping[str, tuple[str, ...]]] = {"activecampaign": ("automation", "note", "tag")}
"""By kind: the parts of which a route says exactly one."""

_PLAIN: Final = ("object", "automation", "person", "account", "external_id")
_RENDERED: Final = ("name", "description", "fields", "data", "note", "tag")
_DATA: Final = re.compile(
    r"""\bevent\s*(?:\.\s*data\b|\[\s*['"]data['"]\s*\])\s*(?:\.\s*(\w+)|\[\s*['"]([^'"]+)['"]\s*\])"""
)


@dataclass(frozen=True, slots=True)
class Route:
    """One route. ``on`` is `system:stream`, ``to`` the configured system that receives.

    To Conversion goes an engagement (`name`, `description`, `data`), to Salesforce a row of `object` with `fields`,
    to ActiveCampaign an enrolment in `automation`, a `note` or a `tag`. ``person`` and ``account`` name the fields that
    take their ids there, ``external_id`` the one that makes the row repeatable. ``key`` names the route: a correction
    of its texts leaves it the same, so that nothing is delivered twice. ``reads`` are the names it reads in the data,
    ``fields`` the native fields it fills.
    """

    on: str
    system: str
    stream: str
    to: str
    when: Expression | None
    object: str | None
    automation: str | None
    person: str | None
    account: str | None
    external_id: str | None
    key: str
    reads: frozenset[str]
    fields: tuple[str, ...]
    file: str
    line: int | None
    _parts: Mapping[str, Render] = field(repr=False, compare=False)

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether `when` holds for the event; without `when` it does."""
        return self.when is None or self.when.evaluate({"event": event}) is True

    def render(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The parts that the route gives of name, description, fields, data, note and tag, filled from the event."""
        return {name: part(event) for name, part in self._parts.items()}


def read_routes(tables: list[Mapping[str, Any]], report: Report, kinds: Mapping[str, str]) -> tuple[Route, ...]:
    """Checks `[[routes]]`; a route between systems of which one is not configured is noted and left out."""
    found: list[Route] = []
    for place, table in enumerate(tables):
        route = _route(table, ("routes", place), report, kinds, {other.key for other in found})
        if route is not None:
            found.append(route)
    return tuple(found)


def _route(
    table: Mapping[str, Any], path: Path, report: Report, kinds: Mapping[str, str], taken: set[str]
) -> Route | None:
    reader = Reader(table, path, report)
    on, to = reader.text("on"), reader.text("to")
    when = _condition(reader)
    plain = {key: reader.text(key) for key in _PLAIN}
    parts = _parts(reader)
    reader.refuse_rest("a route")
    for key, value in (("on", on), ("to", to)):
        if value is None and not reader.given(key):
            report.add(path, f"the route does not say {key!r}", 'on = "abmatic:visitors", to = "conversion", say.')
    system, _, stream = (on or "").partition(":")
    if on and not _check_on(reader, system, stream, kinds):
        return None
    if to and not _check_to(reader, to, kinds):
        return None
    if not on or not to or not _configured(reader, system, to, kinds):
        return None
    return Route(
        on=on,
        system=system,
        stream=stream,
        to=to,
        when=when,
        object=plain["object"],
        automation=plain["automation"],
        person=plain["person"],
        account=plain["account"],
        external_id=plain["external_id"],
        key=_key(table, taken),
        reads=_read(table),
        fields=_filled(table),
        file=report.file,
        line=report.lines.at(path),
        _parts=parts,
    )


def _key(table: Mapping[str, Any], taken: set[str]) -> str:
    """What the route does where, without its texts; two that do the same are told apart by their order."""
    said = [str(table.get(name)) for name in ("on", "to", "when", "object", "automation", "name", "tag")]
    number = 0
    while True:
        found = hashlib.blake2b("\0".join([*said, str(number)]).encode(), digest_size=8).hexdigest()
        if found not in taken:
            return found
        number += 1


def _read(table: Mapping[str, Any]) -> frozenset[str]:
    """The names directly below `event.data` that any text of the route reads."""
    return frozenset(one or two for text in _texts(table) for one, two in _DATA.findall(text))


def _filled(table: Mapping[str, Any]) -> tuple[str, ...]:
    """The native fields that the route names, those that take ids too."""
    fields = table.get("fields")
    named = [table.get(key) for key in ("person", "account", "external_id")]
    return (*(fields if isinstance(fields, Mapping) else ()), *(name for name in named if isinstance(name, str)))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)


def _condition(reader: Reader) -> Expression | None:
    text = reader.text("when")
    if text is None:
        return None
    try:
        found = compile_expression(text, {"event": Symbol("json")})
    except ExpressionError as error:
        reader.wrong("when", f"when = {text!r}: {error.message}", error.remedy)
        return None
    if found.kind not in ("flag", "any"):
        reader.wrong(
            "when",
            f"when = {text!r}: a condition is true or false, this is a {found.kind}",
            "Compare it with something.",
        )
    return found


def _parts(reader: Reader) -> dict[str, Render]:
    found: dict[str, Render] = {}
    for key in _RENDERED:
        value = reader.table_of(key) if key in ("fields", "data") else reader.text(key)
        if value is None:
            continue
        try:
            found[key] = rendering(value)
        except TemplateError as error:
            reader.wrong(key, f"{key!r} is no template: {error}", 'Write substitutions as "{{ event.data.page }}".')
    return found


def _check_on(reader: Reader, system: str, stream: str, kinds: Mapping[str, str]) -> bool:
    if not _check_system(reader, "on", system, kinds):
        return False
    known = STREAMS.get(kinds.get(system, system))
    if known is None or stream not in known:
        reader.wrong("on", f"{system} has no stream {stream!r}", suggest(stream, known or ()))
        return False
    return True


def _check_system(reader: Reader, key: str, name: str, kinds: Mapping[str, str]) -> bool:
    known = [*kinds, *(kind for kind in KINDS if kind not in kinds)]
    if name not in known:
        reader.wrong(key, f"{key} names {name!r}, which is no system", suggest(name, known))
    return name in known


def _check_to(reader: Reader, to: str, kinds: Mapping[str, str]) -> bool:
    if not _check_system(reader, "to", to, kinds):
        return False
    parts = PARTS.get(kinds.get(to, to))
    if parts is None:
        reader.wrong("to", f"nothing can be delivered to {to}", f"Routes lead to {listed(PARTS)}.")
        return False
    must, may = parts
    for key in must:
        if not reader.given(key):
            reader.report.add(reader.path, f"a route to {to} needs {key!r}", f"Add {key} to this route.")
    one_of = ONE_OF.get(kinds.get(to, to), ())
    if one_of and sum(reader.given(key) for key in one_of) != 1:
        reader.report.add(reader.path, f"a route to {to} needs one of {listed(one_of)}", "Say exactly one of them.")
    for key in (*_PLAIN, *_RENDERED):
        if reader.given(key) and key not in (*must, *may):
            reader.wrong(key, f"{key!r} means nothing in a route to {to}", f"It takes {listed((*must, *may))}.")
    return True


def _configured(reader: Reader, system: str, to: str, kinds: Mapping[str, str]) -> bool:
    missing = [name for name in dict.fromkeys((system, to)) if name not in kinds]
    if missing:
        reader.report.note(reader.path, f"the route is left out: {listed(missing)} is not configured")
    return not missing

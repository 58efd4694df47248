"""TOML text -> drafts. Everything that can be said about one table alone is said here, with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from sync.errors import Problem
from sync.mapping.build import LENS_NAMES, TYPE_NAMES, foreign_lenses
from sync.mapping.drafts import CellDraft, Draft, FieldDraft, SystemDraft
from sync.mapping.lens import Options
from sync.mapping.lines import Lines, locate
from sync.mapping.reader import Reader
from sync.mapping.report import Report, suggest
from sync.mapping.vendors import KINDS

CONFLICTS = ("prefer", "latest", "manual")
BLANKS = ("clear", "keep", "hold")
MODES = ("both", "read", "write")
CELL_MODES = (*MODES, "fill")
DELETIONS = ("ignore", "delete", "archive")
FORMATS = ("date", "datetime", "epoch", "name", "code", "root", ";", "||", "array")
SIZE_MAX = 1_000_000
"""Bytes of a mapping file."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_AT_LINE = re.compile(r"\(at line (\d+), column (\d+)\)")


def parse(file: FilePath, shown: str, kinds: Mapping[str, str]) -> Draft:
    """One file; `shown` names it in messages, `kinds` are the configured systems."""
    report = Report(shown, Lines({}))
    raw = _document(file, report)
    if raw is None:
        return Draft(shown, report, None)
    return _Parser(report, kinds).file(raw)


def _document(file: FilePath, report: Report) -> dict[str, Any] | None:
    """The document, or None with a problem: unreadable, not UTF-8, no TOML."""
    try:
        content = file.read_bytes()
        if len(content) > SIZE_MAX:
            report.add(
                (),
                "the file is larger than a mapping can be",
                f"Keep it below {SIZE_MAX:,} bytes: long tables belong into the systems.",
            )
            return None
        text = content.decode("utf-8-sig")
        raw = tomllib.loads(text)
    except OSError as error:
        report.add((), f"the file cannot be read: {error.strerror}", "Check the file's rights.")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        report.problems.append(Problem(report.file, line, "the file is not UTF-8", "Save it as UTF-8."))
    except tomllib.TOMLDecodeError as error:
        report.problems.append(_syntax(report.file, text, str(error)))
    except RecursionError:
        report.add((), "the file is nested too deeply", "Write plain tables, as in the shipped mappings.")
    else:
        report.lines = locate(text)
        return raw
    return None


def _syntax(file: str, text: str, message: str) -> Problem:
    found = _AT_LINE.search(message)
    line = int(found[1]) if found else text.rstrip().count("\n") + 1
    return Problem(
        file, line, f"this is no TOML: {_AT_LINE.sub('', message).strip()}", "Look at this line and the one before it."
    )


class _Parser:
    def __init__(self, report: Report, kinds: Mapping[str, str]) -> None:
        self.report = report
        self.kinds = kinds
        self.known = [*kinds, *(kind for kind in KINDS if kind not in kinds)]

    def file(self, raw: dict[str, Any]) -> Draft:
        reader = Reader(raw, (), self.report)
        draft = Draft(self.report.file, self.report, reader.text("entity"))
        if draft.entity is None and not reader.given("entity"):
            self.report.add(
                (),
                "the file does not say which entity it maps",
                'Begin it with entity = "contact" (or account, campaign, …).',
            )
        draft.conflict = reader.word("conflict", CONFLICTS, "prefer")
        draft.prefer = self.systems_named(reader, "prefer") or ()
        draft.keys = self.match(reader.table_of("match"))
        tables = {name: reader.table_of(name) or {} for name in ("systems", "fields")}
        draft.routes = self.routes(reader)
        reader.refuse_rest("a mapping file")
        self.add_systems(draft, tables["systems"])
        self.add_fields(draft, tables["fields"])
        return draft

    def match(self, table: Mapping[str, Any] | None) -> tuple[str, ...]:
        if table is None:
            return ()
        reader = Reader(table, ("match",), self.report)
        keys = reader.words("keys") or ()
        reader.refuse_rest("[match]")
        return keys

    def routes(self, reader: Reader) -> list[Mapping[str, Any]]:
        found = reader.any("routes") or []
        if isinstance(found, list) and all(isinstance(row, dict) for row in found):
            return list(found)
        reader.wrong("routes", "routes are written as [[routes]] tables", "Begin each route with a line [[routes]].")
        return []

    def systems_named(self, reader: Reader, key: str) -> tuple[str, ...] | None:
        names = reader.words(key)
        for place, name in enumerate(names or ()):
            if name not in self.known:
                self.report.add(
                    (*reader.path, key, place), f"{key} names {name!r}, which is no system", suggest(name, self.known)
                )
        return names

    def add_systems(self, draft: Draft, tables: Mapping[str, Any]) -> None:
        for name, table in tables.items():
            if not isinstance(table, dict):
                self.report.add(
                    ("systems", name), f"[systems.{name}] must be a table", f"Begin it with a line [systems.{name}]."
                )
            elif name not in self.known:
                remedy = suggest(name, self.known)
                self.report.add(("systems", name), f"no system {name!r} is configured", remedy)
            else:
                draft.systems[name] = self.system(name, Reader(table, ("systems", name), self.report))

    def system(self, name: str, reader: Reader) -> SystemDraft:
        draft = SystemDraft(
            name=name,
            kind=self.kinds.get(name, name),
            objects=self.objects(reader),
            mode=reader.word("mode", MODES, "both") if reader.given("mode") else None,
            create=reader.flag("create"),
            when=reader.text("when"),
            where=reader.text("where"),
            deleted=reader.word("deleted", DELETIONS, "ignore"),
            external_id=reader.text("external_id"),
            params=reader.table_of("params") or {},
        )
        reader.asked.append("mode")
        reader.refuse_rest(f"[systems.{name}]")
        return draft

    def objects(self, reader: Reader) -> tuple[str, ...]:
        if isinstance(reader.table.get("object"), list):
            found = reader.words("object") or ()
        else:
            one = reader.text("object")
            found = (one,) if one else ()
        if not found and (not reader.given("object") or reader.table["object"] == []):
            self.report.add(reader.path, "it is not said which object is mapped", 'Add object = "Contact", say.')
        return found

    def add_fields(self, draft: Draft, tables: Mapping[str, Any]) -> None:
        for name, table in tables.items():
            if not isinstance(table, dict):
                self.report.add(
                    ("fields", name), f"[fields.{name}] must be a table", f"Begin it with a line [fields.{name}]."
                )
            elif not _NAME.fullmatch(name):
                self.report.add(
                    ("fields", name), f"{name!r} cannot be a field's name", "Use letters, digits and _ only."
                )
            else:
                draft.fields[name] = self.field(name, Reader(table, ("fields", name), self.report), draft)

    def field(self, name: str, reader: Reader, draft: Draft) -> FieldDraft:
        found = FieldDraft(name, reader.word("type", TYPE_NAMES, "string"), reader.table)
        found.conflict = reader.word("conflict", CONFLICTS, "prefer") if reader.given("conflict") else None
        found.prefer = self.systems_named(reader, "prefer")
        found.owner = reader.text("owner")
        found.blank = reader.word("blank", BLANKS, "clear")
        found.required, found.sensitive, found.truncate = (
            reader.flag(key) for key in ("required", "sensitive", "truncate")
        )
        found.default = reader.any("default")
        found.max_length = reader.count("max_length", 1)
        found.compute, found.entity = reader.text("compute"), reader.text("entity")
        found.values = reader.words("values")
        found.resubscribe_from = self.systems_named(reader, "resubscribe_from") or ()
        reader.asked.append("conflict")
        for key in reader.rest():
            self.column(found, key, reader, draft)
        return found

    def column(self, found: FieldDraft, key: str, reader: Reader, draft: Draft) -> None:
        """A key of a field that is none of its settings: a system, or a mistake."""
        value = reader.table[key]
        if key not in draft.systems:
            self.not_a_column(key, reader, draft)
        elif isinstance(value, str) and value.strip():
            cell = CellDraft(found.name, key, value, None, Options(), None, {})
            found.cells[key] = self.placed(cell, found, draft)
        elif isinstance(value, dict):
            cell = self.cell(found, key, Reader(value, (*reader.path, key), self.report))
            found.cells[key] = self.placed(cell, found, draft)
        else:
            reader.wrong(
                key,
                f"{key!r} must be a native path in quotes, or a table with a field",
                f'Write {key} = "name", or {key} = {{ field = "name" }}.',
            )

    def not_a_column(self, key: str, reader: Reader, draft: Draft) -> None:
        if key in self.known:
            reader.wrong(key, f"the file has no [systems.{key}]", f"Add [systems.{key}], or take this column out.")
            return
        remedy = suggest(key, [*draft.systems, *reader.asked])
        reader.wrong(key, f"{key!r} is neither a system nor a key of a field", remedy)

    def placed(self, cell: CellDraft, found: FieldDraft, draft: Draft) -> CellDraft:
        """With what the field and the system say added to the cell's options."""
        base = found.options()
        kept = {name: getattr(base, name) for name in ("type", "vocabulary", "entity", "max_length", "truncate")}
        system = draft.systems[cell.system]
        cell.options = replace(cell.options, system=cell.system, kind=system.kind, path=cell.path, **kept)
        return cell

    def cell(self, found: FieldDraft, system: str, reader: Reader) -> CellDraft:
        path = reader.text("field")
        if path is None and not reader.given("field"):
            self.report.add(
                reader.path, f"the column {system!r} does not name its native field", 'Write { field = "…" }.'
            )
        mode = reader.word("mode", CELL_MODES, "both") if reader.given("mode") else None
        expr = reader.text("expr")
        options = self.options(reader)
        reader.asked.append("mode")
        reader.refuse_rest("a column")
        return CellDraft(found.name, system, path or "?", mode, options, expr, reader.table)

    def options(self, reader: Reader) -> Options:
        otherwise, literal = self.otherwise(reader)
        return Options(
            lens=self.lens(reader),
            values=reader.table_of("values") or {},
            otherwise=otherwise,
            literal=literal,
            bands=reader.words("bands") or (),
            of=self.of(reader),
            scale=reader.count("scale", 0),
            format=reader.word("format", FORMATS, "") or None,
            region=reader.text("region"),
            part=reader.word("part", ("first", "last"), "first"),
            on=reader.raw_text("on", " ") or " ",
            joiner=reader.raw_text("with", " "),
            prefix=reader.raw_text("prefix", ""),
            case=reader.word("case", ("lower", "upper", "title"), "") or None,
            subscribe=reader.flag("subscribe"),
            params=reader.table_of("params") or {},
        )

    def lens(self, reader: Reader) -> str | None:
        if not reader.given("lens"):
            reader.asked.append("lens")
            return None
        return reader.word("lens", (*LENS_NAMES, *foreign_lenses()), "") or None

    def otherwise(self, reader: Reader) -> tuple[str, Any]:
        value = reader.any("else")
        if value is None:
            return "keep", None
        return (value, None) if value in ("keep", "hold", "drop") else ("literal", value)

    def of(self, reader: Reader) -> tuple[str, ...]:
        if isinstance(reader.table.get("of"), list):
            return reader.words("of") or ()
        one = reader.text("of")
        return (one,) if one else ()

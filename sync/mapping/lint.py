"""What a file means, checked without asking any system: the lint list of the mapping language.

Everything that can be known from the files alone. What needs the live schema is in `drift`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from sync.mapping.build import TEXTUAL
from sync.mapping.drafts import CellDraft, Draft, FieldDraft, SystemDraft
from sync.mapping.lint_cells import check_cell, check_default, check_default_is_written
from sync.mapping.lint_expressions import Compiled, compile_all, cycles
from sync.mapping.lint_systems import check_system
from sync.mapping.report import listed, suggest
from sync.mapping.vendors import UNPROVEN_OPT_IN, WITHOUT_CONSENT

Drafts = Mapping[str, Draft]

_WORD = re.compile(r"\w+")
_UNMATCHABLE = ("consent", "json", "multi", "boolean")
_SINGLE_VOICE = ("conflict", "prefer", "owner", "compute", "default")


def check(draft: Draft, drafts: Drafts) -> Compiled:
    """Reports every mistake of one record entity; returns its compiled expressions."""
    _check_shape(draft)
    for system in draft.systems.values():
        check_system(draft, system)
    for field in draft.fields.values():
        _check_field(draft, field, drafts)
    _check_keys(draft)
    _check_shared_natives(draft)
    compiled = compile_all(draft, drafts)
    cycles(draft, compiled)
    return compiled


def _check_shape(draft: Draft) -> None:
    if draft.routes:
        draft.report.add(
            ("routes",),
            f'{draft.entity!r} has routes; routes belong to entity = "engagement"',
            "Move the routes to a file of their own, say engagements.toml.",
        )
    if not draft.systems:
        draft.report.add((), "no system is mapped", "Add [systems.NAME] tables.")
    consents = [field for field in draft.fields.values() if field.type == "consent"]
    for field in consents[1:]:
        draft.report.add(
            field.path,
            f"a second consent field beside {consents[0].name!r}",
            "One field of type consent holds a person's opt-out.",
        )


def _check_field(draft: Draft, field: FieldDraft, drafts: Drafts) -> None:
    if field.table.get("type", field.type) != field.type:
        return  # the type is not known: nothing can be said of the rest
    before = len(draft.report.problems)
    _check_type(draft, field, drafts)
    _check_values(draft, field)
    _check_voice(draft, field)
    _check_length(draft, field)
    check_default(draft, field)
    for cell in field.cells.values():
        check_cell(draft, field, cell, drafts)
    if len(draft.report.problems) == before:
        check_default_is_written(draft, field)
    if not any(draft.mode_of(cell) in ("both", "write") for cell in field.cells.values()) and not _is_used(
        field, drafts
    ):
        remedy = "Give one column a direction that writes (both or write), or take the field out."
        draft.report.add(field.path, f"nobody writes the field {field.name!r}: it is only read", remedy)


def _is_used(field: FieldDraft, drafts: Drafts) -> bool:
    """Whether something else is made of a field of this name: a match key, a condition, a join."""
    return any(field.name in draft.keys or field.name in _mentioned(draft) for draft in drafts.values())


def _mentioned(draft: Draft) -> set[str]:
    """Words of all expressions, and the names in joins."""
    texts = [system.when for system in draft.systems.values()]
    texts += [field.compute for field in draft.fields.values()]
    texts += [cell.expr for cell in draft.cells()]
    words = {word for text in texts for word in _WORD.findall(text or "")}
    return words | {name for cell in draft.cells() for name in cell.options.of}


def _check_consent(draft: Draft, field: FieldDraft) -> None:
    for cell in field.cells.values():
        kind = draft.systems[cell.system].kind if cell.system in draft.systems else ""
        if field.type == "consent" and kind in WITHOUT_CONSENT:
            message = f"{kind} knows nothing of consent: what it says makes nobody subscribed, or out"
            draft.report.add(cell.place, message, "Take the column out.")


def _check_type(draft: Draft, field: FieldDraft, drafts: Drafts) -> None:
    _check_consent(draft, field)
    if field.type != "ref":
        if field.entity is not None:
            draft.report.add(
                (*field.path, "entity"),
                f"'entity' belongs to type = \"ref\", not to {field.type!r}",
                'Use type = "ref", or take entity out.',
            )
        return
    if field.entity is None:
        if "entity" not in field.table:
            draft.report.add(
                field.path, f"the ref {field.name!r} does not say to which entity", 'Add entity = "account", say.'
            )
    elif field.entity not in drafts:
        remedy = suggest(field.entity, drafts) if drafts else ""
        draft.report.add(
            (*field.path, "entity"), f"the ref {field.name!r} points to {field.entity!r}, which no file maps", remedy
        )


def _check_values(draft: Draft, field: FieldDraft) -> None:
    path = (*field.path, "values")
    if field.values is None:
        return
    if field.type not in ("enum", "multi"):
        draft.report.add(
            path,
            f"'values' belongs to type enum or multi, not to {field.type!r}",
            'Use type = "enum", or take values out.',
        )
    if not field.values:
        draft.report.add(
            path, "'values' is empty: no value could ever be right", "List the words, or leave 'values' out."
        )
    for word, times in Counter(word.casefold() for word in field.values).items():
        if times > 1:
            draft.report.add(path, f"'values' lists {word!r} {times} times", "Name it once.")


def _check_voice(draft: Draft, field: FieldDraft) -> None:
    if field.type == "consent":
        for key in _SINGLE_VOICE:
            if key in field.table:
                draft.report.add(
                    (*field.path, key),
                    f"{key!r} means nothing for consent: it is always merged by the opt-out rule",
                    f"Take {key!r} out.",
                )
        _check_resubscribe(draft, field)
        if field.sensitive:
            draft.report.add(
                (*field.path, "sensitive"),
                "'sensitive' means nothing for consent: who may not be mailed is shown to whoever asks",
                "Take 'sensitive' out.",
            )
    elif field.resubscribe_from:
        draft.report.add(
            (*field.path, "resubscribe_from"), "'resubscribe_from' belongs to type = \"consent\"", "Take it out."
        )
    if field.owner is not None:
        _check_owner(draft, field, field.owner)


def _check_resubscribe(draft: Draft, field: FieldDraft) -> None:
    """An opt-out ends by a system's word only if that word proves that the person gave it, and since; no connector can."""
    for place, name in enumerate(field.resubscribe_from):
        kind = draft.kind_of(name)
        why = UNPROVEN_OPT_IN.get(kind, f"the connector for {kind} brings no evidence of it")
        draft.report.add(
            (*field.path, "resubscribe_from", place),
            f"{name} cannot prove that a person has asked for mail again after opting out: {why}",
            "Take it out: `crm-sync consent grant EMAIL --evidence TEXT` is the one way to lift an opt-out.",
        )


def _check_owner(draft: Draft, field: FieldDraft, owner: str) -> None:
    path = (*field.path, "owner")
    cell = field.cells.get(owner)
    if field.compute:
        draft.report.add(path, "a field with 'compute' has no owner: it is made of other fields", "Take owner out.")
    elif owner not in draft.systems:
        draft.report.add(path, f"the owner {owner!r} is no system of this file", suggest(owner, draft.systems))
    elif cell is None:
        draft.report.add(
            path,
            f"the owner {owner!r} is not mapped for {field.name!r}",
            f"Add a column {owner} to [fields.{field.name}].",
        )
    elif draft.mode_of(cell) not in ("both", "read"):
        mode = draft.mode_of(cell)
        message = f"the owner {owner!r} cannot own {field.name!r}: mode = {mode!r} does not let its value count"
        draft.report.add(path, message, 'Use mode = "both" or "read" there.')


def _check_length(draft: Draft, field: FieldDraft) -> None:
    if field.truncate and "max_length" not in field.table:
        draft.report.add(
            (*field.path, "truncate"),
            "'truncate' needs 'max_length': cut to which length?",
            "Add max_length = 255, say, or take truncate out.",
        )
    whole = f"a value of type {field.type!r}" if field.type not in ("string", "text") else ""
    whole = "a match key" if field.name in draft.keys else whole
    if field.truncate and field.type in TEXTUAL and whole:
        message = f"{field.name!r} cannot be cut: the beginning of {whole} is another one"
        draft.report.add(
            (*field.path, "truncate"), message, "Take truncate out: what is too long is held and reported."
        )
    if field.max_length is not None and field.type not in TEXTUAL:
        draft.report.add(
            (*field.path, "max_length"),
            f"'max_length' belongs to text, not to {field.type!r}",
            'Take it out, or use type = "string".',
        )


def _check_keys(draft: Draft) -> None:
    creators = [system for system in draft.systems.values() if system.create]
    if (
        creators
        and not draft.keys
        and not any(problem.message.startswith("'keys'") for problem in draft.report.problems)
    ):
        names = listed(system.name for system in creators)
        message = f"records are created in {names}, but no match keys say which exist already"
        draft.report.add(("match",), message, 'Add [match] with keys = ["…"].')
    for place, key in enumerate(draft.keys):
        _check_key(draft, key, ("match", "keys", place), creators)


def _check_key(draft: Draft, key: str, path: tuple[str | int, ...], creators: list[SystemDraft]) -> None:
    field = draft.fields.get(key)
    if field is None:
        draft.report.add(path, f"keys names {key!r}, which is no field of this file", suggest(key, draft.fields))
        return
    if field.type in _UNMATCHABLE or field.compute:
        draft.report.add(
            path,
            f"keys names {key!r}, which cannot match records: it is {'computed' if field.compute else field.type}",
            "Match by a field that is read as text, say email or domain.",
        )
    missing = [system.name for system in creators if system.name not in field.cells]
    if missing:
        message = f"keys names {key!r}, which is not mapped in {listed(missing)}, where records may be created"
        draft.report.add(path, message, f"Add the column to [fields.{key}], or set create = false there.")


def _check_shared_natives(draft: Draft) -> None:
    """Two fields may share a native field only through lenses, and only one of them may write it."""
    first: dict[tuple[str, str], CellDraft] = {}
    for cell in draft.cells():
        other = first.setdefault((cell.system, cell.path), cell)
        if other is cell or cell.path == "?":
            continue
        both_write = all(draft.mode_of(each) in ("both", "write") for each in (cell, other))
        if both_write or not (_is_lensed(cell) and _is_lensed(other)):
            what = "written to" if both_write else "mapped to"
            message = f"two fields, {other.field!r} and {cell.field!r}, are {what} {cell.path} of {cell.system}"
            draft.report.add(cell.place, message, "Map each native field once; lenses may share one for reading.")


def _is_lensed(cell: CellDraft) -> bool:
    return bool(
        cell.options.lens
        or cell.expr
        or cell.options.of
        or cell.options.bands
        or cell.options.values
        or cell.options.prefix
    )

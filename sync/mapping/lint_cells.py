"""Lint of one column: settings against type and lens, words against the vocabulary, bands, PutGet on tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from sync.mapping.build import TEXTUAL, canonical_of, codec_of, foreign_lenses, lens_of
from sync.mapping.drafts import CellDraft, Draft, FieldDraft
from sync.mapping.lens import NO_REFS
from sync.mapping.numbers import band
from sync.mapping.phones import is_region
from sync.mapping.report import listed, suggest
from sync.mapping.vendors import shown_only
from sync.model.values import HELD, MISSING, PENDING, SUBSCRIBED, UNSUBSCRIBED, Absence, Canonical

_FORMATS: Final[Mapping[str, tuple[str, ...]]] = {
    "date": ("date", "datetime", "epoch"),
    "datetime": ("date", "datetime", "epoch"),
    "country": ("name", "code"),
    "domain": ("root",),
    "multi": (";", "||", "array"),
}
_TABLES: Final = TEXTUAL | {"multi", "boolean", "integer", "decimal", "consent"}
_LENSES: Final[Mapping[str, frozenset[str]]] = {
    "opt_out_flag": frozenset({"consent"}),
    "list_status": frozenset({"consent"}),
    "multi": frozenset({"multi"}),
    "split": TEXTUAL,
    "join": TEXTUAL,
}
_STATES: Final = (SUBSCRIBED, PENDING, UNSUBSCRIBED)

_PLAIN: Final[Mapping[str, tuple[type, ...]]] = {
    "integer": (int,),
    "boolean": (bool,),
    "multi": (str, list),
    "decimal": (int, float, str),
}

Fits = Callable[[CellDraft], bool]


def _has_words(cell: CellDraft) -> bool:
    options = cell.options
    return bool(options.values or options.bands or options.vocabulary or options.type in ("enum", "multi", "country"))


_FITS: Final[Mapping[str, tuple[Fits, str]]] = {
    "bands": (lambda cell: cell.options.type == "integer", 'type = "integer"'),
    "scale": (lambda cell: cell.options.type == "decimal", 'type = "decimal"'),
    "region": (lambda cell: cell.options.type == "phone", 'type = "phone"'),
    "format": (lambda cell: cell.options.type in _FORMATS, f"types {listed(_FORMATS)}"),
    "of": (lambda cell: cell.options.type == "ref" or cell.options.lens == "join", 'type = "ref" or lens = "join"'),
    "part": (lambda cell: cell.options.lens == "split", 'lens = "split"'),
    "on": (lambda cell: cell.options.lens == "split", 'lens = "split"'),
    "with": (lambda cell: cell.options.lens == "join", 'lens = "join"'),
    "prefix": (lambda cell: cell.options.type in TEXTUAL | {"multi"}, "text and multi"),
    "case": (lambda cell: cell.options.type in TEXTUAL | {"multi"}, "text and multi"),
    "subscribe": (
        lambda cell: cell.options.type == "consent" and cell.options.lens != "opt_out_flag",
        'type = "consent"',
    ),
    "values": (lambda cell: cell.options.type in _TABLES, f"types {listed(sorted(_TABLES))}"),
    "else": (_has_words, "columns with 'values' or 'bands', and to enum, multi and country"),
    "params": (lambda cell: cell.options.lens in foreign_lenses(), "lenses that are not built in"),
    "expr": (
        lambda cell: cell.options.type not in ("ref", "consent", "json"),
        "types other than ref, consent and json",
    ),
}


def check_cell(draft: Draft, field: FieldDraft, cell: CellDraft, drafts: Mapping[str, Draft]) -> None:
    """Reports every mistake of one column."""
    before = len(draft.report.problems)
    _check_fits(draft, cell)
    _check_mode(draft, field, cell)
    _check_of(draft, field, cell, drafts)
    _check_words(draft, field, cell)
    _check_bands(draft, cell)
    if len(draft.report.problems) == before:
        _check_put_get(draft, field, cell)


def _check_fits(draft: Draft, cell: CellDraft) -> None:
    for key, (fits, where) in _FITS.items():
        if key in cell.table and not fits(cell):
            draft.report.add(
                (*cell.place, key),
                f"{key!r} belongs to {where}, not to this column of type {cell.options.type!r}",
                f"Take {key!r} out of this column.",
            )
    lens, allowed = cell.options.lens, _LENSES.get(cell.options.lens or "")
    if allowed is not None and cell.options.type not in allowed:
        message = f"lens {lens!r} belongs to {listed(sorted(allowed))}, not to {cell.options.type!r}"
        draft.report.add((*cell.place, "lens"), message, "Change the field's type, or take the lens out.")
    formats = _FORMATS.get(cell.options.type)
    if cell.options.format and formats and cell.options.format not in formats:
        draft.report.add(
            (*cell.place, "format"),
            f"format {cell.options.format!r} is none of {listed(formats)}",
            "Use one of them, or take format out.",
        )
    if cell.options.region and cell.options.type == "phone" and not is_region(cell.options.region):
        draft.report.add(
            (*cell.place, "region"), f"region {cell.options.region!r} is no country", 'Use a code such as "US" or "DE".'
        )


def _check_mode(draft: Draft, field: FieldDraft, cell: CellDraft) -> None:
    mode, whole = draft.mode_of(cell), draft.system_mode(draft.systems[cell.system])
    path = (*cell.place, "mode")
    one_way = _one_way(field, cell)
    if one_way == "write" and mode != "write":
        draft.report.add(
            path,
            f"mode {mode!r} is not possible: this column is made of other fields and can only be written",
            'Use mode = "write".',
        )
    elif one_way == "read" and mode not in ("read", "fill"):
        draft.report.add(
            path, f"mode {mode!r} is not possible: a part cannot be written back", 'Use mode = "read" or "fill".'
        )
    elif shown_only(cell.options.kind, cell.path) and mode not in ("read", "fill"):
        message = f"{cell.path!r} cannot be written: {cell.system} only shows it, its API has no way to change it"
        draft.report.add(path, message, 'Use mode = "read", and change it there by hand.')
    elif whole == "read" and mode in ("both", "write"):
        draft.report.add(
            path, f"{field.name!r} cannot be written to {cell.system}: it is only read", 'Use mode = "read" or "fill".'
        )
    elif whole == "write" and mode != "write":
        draft.report.add(
            path, f"{field.name!r} cannot be read from {cell.system}: it is only written", 'Use mode = "write".'
        )


def _one_way(field: FieldDraft, cell: CellDraft) -> str | None:
    if field.compute or cell.expr or cell.options.lens == "join" or (cell.options.of and cell.options.type == "ref"):
        return "write"
    return "read" if cell.options.lens == "split" else None


def _check_of(draft: Draft, field: FieldDraft, cell: CellDraft, drafts: Mapping[str, Draft]) -> None:
    path = (*cell.place, "of")
    if cell.options.lens == "join":
        _check_join(draft, cell)
        return
    target = drafts.get(field.entity or "")
    if field.type != "ref" or target is None:
        return
    if not cell.options.of:
        if cell.system not in target.systems:
            message = (
                f"{field.entity!r} is not mapped in {cell.system}, so that {field.name!r} can never be resolved there"
            )
            draft.report.add(cell.place, message, f'Add [systems.{cell.system}] to {target.file}, or use of = "…".')
    elif len(cell.options.of) > 1:
        draft.report.add(
            path, "'of' of a ref names one field", "Name the one field of the parent that is written here."
        )
    elif cell.options.of[0] not in target.fields:
        draft.report.add(
            path, f"{field.entity!r} has no field {cell.options.of[0]!r}", suggest(cell.options.of[0], target.fields)
        )


def _check_join(draft: Draft, cell: CellDraft) -> None:
    if not cell.options.of:
        draft.report.add(cell.place, "lens 'join' does not say what it joins", 'Add of = ["first_name", "last_name"].')
    for name in cell.options.of:
        if name not in draft.fields:
            draft.report.add((*cell.place, "of"), f"there is no field {name!r} to join", suggest(name, draft.fields))


def _check_words(draft: Draft, field: FieldDraft, cell: CellDraft) -> None:
    """Canonical words of a table must be in the vocabulary, and of the field's type."""
    for native, meaning in cell.options.values.items():
        _check_word(draft, field, meaning, (*cell.place, "values", native))
    if cell.options.otherwise == "literal":
        _check_word(draft, field, cell.options.literal, (*cell.place, "else"))


def _check_word(draft: Draft, field: FieldDraft, word: Canonical, path: tuple[str | int, ...]) -> None:
    known = _STATES if field.type == "consent" else field.values or None
    if known is not None and word not in known:
        draft.report.add(path, f"{word!r} is none of the values of {field.name!r}", suggest(str(word), known))
    elif known is None and not is_of_type(field, word):
        draft.report.add(path, f"{word!r} is no value of type {field.type!r}", f"Write a value of type {field.type!r}.")


def is_of_type(field: FieldDraft, value: Canonical) -> bool:
    """Whether a value written in the file is one of the field's type: text for text, a number for numbers."""
    plain = _PLAIN.get(field.type, (str,))
    if field.type == "json":
        return True
    if not isinstance(value, plain) or (isinstance(value, bool) and field.type != "boolean"):
        return False
    return not isinstance(canonical_of(field.type)(value), Absence)


def check_default(draft: Draft, field: FieldDraft) -> None:
    """`default` must be a value of the field's type and vocabulary."""
    default, path = field.default, (*field.path, "default")
    if default is None or field.type == "consent":
        return
    words: Iterable[Canonical] = default if isinstance(default, list) else [default]
    if field.type == "ref" or not is_of_type(field, default):
        draft.report.add(
            path,
            f"the default is no value of type {field.type!r}",
            f"Write a value of type {field.type!r}, or take default out.",
        )
    elif field.values is not None:
        for word in words:
            if word not in field.values:
                draft.report.add(
                    path,
                    f"the default {word!r} is none of the values of {field.name!r}",
                    suggest(str(word), field.values),
                )


def check_default_is_written(draft: Draft, field: FieldDraft) -> None:
    """Some create must write `default`; where a system has no word for it, that is worth a look."""
    makers = [cell for cell in field.cells.values() if draft.systems[cell.system].create]
    written = [cell for cell in makers if draft.mode_of(cell) in ("both", "write")]
    path, dumb = (*field.path, "default"), [cell for cell in written if not _says(cell, field)]
    if field.default is None or (not written and field.required):
        return
    if not written:
        message = f"the default of {field.name!r} would do nothing: no system with create = true writes the field"
        draft.report.add(path, message, "Take it out, or add a column where records are created.")
    elif dumb == written:
        message = f"no system has a word for the default of {field.name!r}, or it is longer than max_length"
        draft.report.add(path, message, "Give it a word in a column's 'values', or shorten it.")
    elif dumb:
        names = listed(cell.system for cell in dumb)
        draft.report.note(
            path, f"{names} has no word for the default of {field.name!r}: records are made there without it"
        )


def _says(cell: CellDraft, field: FieldDraft) -> bool:
    """Whether a column can say the field's default; what it makes of other fields it can."""
    if cell.expr or cell.options.of or field.default is None:
        return True
    return lens_of(cell.options).put(canonical_of(field.type)(field.default), MISSING, NO_REFS) is not HELD


def _check_bands(draft: Draft, cell: CellDraft) -> None:
    above, last = -1, ""
    for place, label in enumerate(cell.options.bands):
        path, found = (*cell.place, "bands", place), band(label)
        if found is None or (found[1] is not None and found[1] < found[0]):
            draft.report.add(path, f"{label!r} is no band", 'Write bands as "11-50" and the last as "51+".')
            continue
        if found[0] <= above:
            draft.report.add(path, f"the band {label!r} overlaps {last!r}", "Bands rise and do not overlap.")
        above, last = found[1] if found[1] is not None else 10**18, label


def _check_put_get(draft: Draft, field: FieldDraft, cell: CellDraft) -> None:
    """Exhaustively: each word of a table or vocabulary must come back as itself, or be held."""
    if field.type not in ("enum", "multi", "string", "text") or not (cell.options.values or field.values):
        return
    codec = codec_of(cell.options)
    folded = {word.casefold(): word for word in reversed(list(cell.options.values))}
    for word in cell.options.values:
        if cell.options.values[word] != cell.options.values[folded[word.casefold()]]:
            draft.report.add(
                (*cell.place, "values", word),
                f"{word!r} and {folded[word.casefold()]!r} differ only in case and mean two things",
                "Keep one of them.",
            )
    if cell.options.case or cell.options.otherwise == "literal":
        return
    for meaning in dict.fromkeys([*cell.options.values.values(), *(field.values or ())]):
        native = codec.encode(meaning)
        back = HELD if isinstance(native, Absence) else codec.decode(native)
        if back is not HELD and back != meaning:
            message = f"{meaning!r} is written as {native!r}, which is read as {back!r}"
            draft.report.add((*cell.place, "values"), message, f"Give {meaning!r} a native word of its own.")

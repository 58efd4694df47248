"""Which fields are sensitive: those that say so, and those that are made of one, whatever they say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sync.mapping.drafts import Draft, FieldDraft

_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?")
_TEXT = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")


def sensitive_fields(draft: Draft, drafts: Mapping[str, Draft]) -> frozenset[str]:
    """Names of the fields of `draft` whose values are not shown: by `compute`, `expr`, `join` and `of` it is handed on, to children too."""
    return _found(draft, drafts, frozenset())


def _found(draft: Draft, drafts: Mapping[str, Draft], above: frozenset[str]) -> frozenset[str]:
    """``above``: entities that are being asked already; a ring of refs ends there."""
    above |= {str(draft.entity)}
    parents = {
        name: _found(drafts[field.entity], drafts, above)
        for name, field in draft.fields.items()
        if field.entity is not None and field.entity in drafts and field.entity not in above
    }
    hidden = {name for name, field in draft.fields.items() if field.sensitive}
    hidden |= {f"{ref}.{name}" for ref, names in parents.items() for name in names}
    while more := {
        name for name, field in draft.fields.items() if name not in hidden and hidden & set(_made_of(field))
    }:
        hidden |= more
    return frozenset(hidden & draft.fields.keys())


def _made_of(field: FieldDraft) -> Iterator[str]:
    """Names of the fields that a field's values are made of; `account.score` for a parent's."""
    for text in (field.compute, *(cell.expr for cell in field.cells.values())):
        yield from _NAME.findall(_TEXT.sub("", text or ""))
    for cell in field.cells.values():
        yield from (f"{field.name}.{name}" if field.type == "ref" else name for name in cell.options.of)

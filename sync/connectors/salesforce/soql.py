"""Writes SOQL. `literal` is the one place where a value becomes text of a query."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from sync.errors import DriftError

_ESCAPES = str.maketrans(
    {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
)
_PATH = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*){0,5}", re.ASCII)
LIST_MAX = 8_000
"""Encoded characters of one IN list; leaves room in the address for the fields."""


def literal(value: Any) -> str:
    """A SOQL literal: text quoted and escaped, date-times in UTC with milliseconds (apis/salesforce.md 2.2)."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, int | float):
        return str(value)
    return "'" + str(value).translate(_ESCAPES) + "'"


def checked(path: str) -> str:
    """A field path, as it is. Raises DriftError for what could smuggle a clause into a query."""
    if not _PATH.fullmatch(path):
        raise DriftError(f"{path!r} is not the name of a field or object", remedy="correct the mapping")
    return path


def select(columns: Iterable[str], source: str, conditions: Sequence[str] = (), order: str = "") -> str:
    """A query; the conditions are joined by AND, each in brackets."""
    where = " WHERE " + " AND ".join(f"({condition})" for condition in conditions) if conditions else ""
    tail = f" ORDER BY {order}" if order else ""
    return f"SELECT {', '.join(checked(column) for column in columns)} FROM {checked(source)}{where}{tail}"  # noqa: S608 - names are checked, values literal


def membership(path: str, values: Sequence[Any]) -> Iterator[str]:
    """``path IN (…)`` conditions that together hold all `values`, each short enough for an address."""
    batch: list[str] = []
    size = 0
    for text in map(literal, values):
        length = len(quote(text, safe="")) + 3
        if batch and size + length > LIST_MAX:
            yield f"{checked(path)} IN ({','.join(batch)})"
            batch, size = [], 0
        batch.append(text)
        size += length
    if batch:
        yield f"{checked(path)} IN ({','.join(batch)})"

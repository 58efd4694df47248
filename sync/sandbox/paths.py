"""Native paths of a person's edit, such as ``variables.title``, applied to a stored row."""

from __future__ import annotations

from typing import Any

from sync.sandbox.store import Row


def with_path(row: Row, path: str, value: Any) -> Row:
    """A copy of ``row`` with ``value`` at the dotted ``path``; dicts on the way are copied or made."""
    head, _, tail = path.partition(".")
    if not tail:
        return {**row, path: value}
    inner = row.get(head)
    return {**row, head: with_path(inner if isinstance(inner, dict) else {}, tail, value)}


def with_paths(row: Row, changes: Row) -> Row:
    """A copy of ``row`` with every path of ``changes`` set."""
    for path, value in changes.items():
        row = with_path(row, path, value)
    return row

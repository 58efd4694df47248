"""Finds the handler of a request by method and path pattern, and the pattern's name for the call log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Match(Generic[T]):
    """The pattern a request fell under, what it stands for, and the decoded segments in the pattern's holes."""

    pattern: str
    target: T
    holes: tuple[str, ...]


class Patterns(Generic[T]):
    """A table of ``"GET /contacts/:id"`` to anything; words win over holes. Cuts the raw path, then decodes."""

    def __init__(self, table: Mapping[str, T]) -> None:
        self._rows = [(*_split(pattern), pattern, target) for pattern, target in table.items()]
        self._rows.sort(key=lambda row: [part.startswith(":") for part in row[1]])

    def find(self, method: str, path: str) -> Match[T] | None:
        """The match of a request; ``path`` is still percent-encoded."""
        parts = _parts(path)
        for row_method, row_parts, pattern, target in self._rows:
            if row_method == method and (holes := _fill(row_parts, parts)) is not None:
                return Match(pattern, target, holes)
        return None

    def names(self) -> list[tuple[str, str]]:
        """Method and path pattern of every row."""
        return [(method, pattern.split(" ", 1)[1]) for method, _, pattern, _ in self._rows]

    def knows(self, path: str) -> bool:
        """Whether any method is served at this path."""
        parts = _parts(path)
        return any(_fill(row[1], parts) is not None for row in self._rows)


def _split(pattern: str) -> tuple[str, list[str]]:
    method, path = pattern.split(" ", 1)
    return method, _parts(path)


def _parts(path: str) -> list[str]:
    return path.strip("/").split("/")


def _fill(pattern: list[str], parts: list[str]) -> tuple[str, ...] | None:
    if len(pattern) != len(parts):
        return None
    if any(want != have for want, have in zip(pattern, parts, strict=True) if not want.startswith(":")):
        return None
    return tuple(unquote(have) for want, have in zip(pattern, parts, strict=True) if want.startswith(":"))

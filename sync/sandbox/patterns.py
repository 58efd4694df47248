"""Finds the handler of a request by method and path pattern, and the pattern's name for the call log."""

from __future__ import annotations

from collections import defaultdict
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
        self._names = [(pattern.split(" ", 1)[0], pattern.split(" ", 1)[1]) for pattern in table]
        self._rows: defaultdict[tuple[str, int], list[tuple[list[str], str, T]]] = defaultdict(list)
        for pattern, target in sorted(table.items(), key=lambda item: [p.startswith(":") for p in _parts(item[0])]):
            method, path = pattern.split(" ", 1)
            self._rows[method, len(_parts(path))].append((_parts(path), pattern, target))

    def find(self, method: str, path: str) -> Match[T] | None:
        """The match of a request; ``path`` is still percent-encoded."""
        parts = _parts(path)
        for wanted, pattern, target in self._rows.get((method, len(parts)), ()):
            if (holes := _fill(wanted, parts)) is not None:
                return Match(pattern, target, holes)
        return None

    def names(self) -> list[tuple[str, str]]:
        """Method and path pattern of every row."""
        return list(self._names)

    def knows(self, path: str) -> bool:
        """Whether any method is served at this path."""
        return any(self.find(method, path) for method in {method for method, _ in self._names})


def _parts(path: str) -> list[str]:
    return path.strip("/").split("/")


def _fill(pattern: list[str], parts: list[str]) -> tuple[str, ...] | None:
    if any(want != have for want, have in zip(pattern, parts, strict=True) if not want.startswith(":")):
        return None
    return tuple(unquote(have) for want, have in zip(pattern, parts, strict=True) if want.startswith(":"))

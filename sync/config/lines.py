"""Where in a TOML file each key stands, so that a mistake can be named with its line. tomllib parses; this only counts lines.

It reads documents that tomllib has accepted, and so may be simple: it need not find mistakes.
"""

from __future__ import annotations

import tomllib
from typing import Final

Path = tuple[str | int, ...]

_SPACE: Final = " \t\r\n"
_ENDS_BARE: Final = " \t\r\n=.]},#"


def line_index(text: str) -> dict[Path, int]:
    """The line (from 1) of every key, table and list item, by its path; list items by their position."""
    scan = _Scan(text)
    scan.document()
    return scan.lines


class _Scan:
    """One walk over the text; `at` is the place of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self._counted = (0, 1)
        self._lengths: dict[Path, int] = {}

    def document(self) -> None:
        table: Path = ()
        self._space()
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._space()

    def _header(self) -> Path:
        is_list = self.text.startswith("[[", self.at)
        here = self._line()
        self.at += 2 if is_list else 1
        path = self._inside(self._key())
        self.at += 2 if is_list else 1
        if is_list:
            self.lines.setdefault(path, here)
            path = (*path, self._count(path))
        self._mark((), path, here)
        return path

    def _inside(self, key: Path) -> Path:
        """`[a.b]` after `[[a]]` belongs to the last item of `a`."""
        path: Path = ()
        for part in key[:-1]:
            path = (*path, part)
            if path in self._lengths:
                path = (*path, self._lengths[path] - 1)
        return (*path, key[-1])

    def _count(self, path: Path) -> int:
        self._lengths[path] = self._lengths.get(path, 0) + 1
        return self._lengths[path] - 1

    def _mark(self, base: Path, path: Path, here: int) -> None:
        for length in range(len(base) + 1, len(path) + 1):
            self.lines.setdefault(path[:length], here)

    def _pair(self, table: Path) -> None:
        here = self._line()
        path = (*table, *self._key())
        self._mark(table, path, here)
        self._space()
        self.at += 1  # the equals sign
        self._space()
        self._value(path)

    def _key(self) -> Path:
        parts: list[str] = []
        while True:
            self._space()
            parts.append(self._word())
            self._space()
            if self.text[self.at] != ".":
                return tuple(parts)
            self.at += 1

    def _word(self) -> str:
        start = self.at
        if self.text[start] in "\"'":
            self._string()
            return str(tomllib.loads("x = " + self.text[start : self.at])["x"])
        while self.text[self.at] not in _ENDS_BARE:
            self.at += 1
        return self.text[start : self.at]

    def _value(self, path: Path) -> None:
        first = self.text[self.at]
        if first in "\"'":
            self._string()
        elif first == "{":
            self._members("}", path)
        elif first == "[":
            self._members("]", path)
        else:
            while self.at < len(self.text) and self.text[self.at] not in ",]}#\n":
                self.at += 1

    def _members(self, end: str, path: Path) -> None:
        """The pairs of an inline table, or the items of a list."""
        self.at += 1
        position = 0
        self._space()
        while self.text[self.at] != end:
            if end == "}":
                self._pair(path)
            else:
                self.lines[(*path, position)] = self._line()
                self._value((*path, position))
            position += 1
            self._space()
            self.at += self.text[self.at] == ","
            self._space()
        self.at += 1

    def _string(self) -> None:
        mark = self.text[self.at]
        fence = mark * 3 if self.text.startswith(mark * 3, self.at) else mark
        self.at += len(fence)
        while not self.text.startswith(fence, self.at):
            self.at += 2 if self.text[self.at] == "\\" and mark == '"' else 1
        self.at += len(fence)
        while len(fence) > 1 and self.at < len(self.text) and self.text[self.at] == mark:
            self.at += 1

    def _space(self) -> None:
        while self.at < len(self.text):
            if self.text[self.at] == "#":
                self._comment()
            elif self.text[self.at] not in _SPACE:
                return
            else:
                self.at += 1

    def _comment(self) -> None:
        end = self.text.find("\n", self.at)
        self.at = len(self.text) if end < 0 else end

    def _line(self) -> int:
        place, number = self._counted
        number += self.text.count("\n", place, self.at)
        self._counted = (self.at, number)
        return number

"""Where in a TOML file a key stands: a small scanner for text that tomllib has already accepted.

tomllib gives values without lines. The scanner walks the same text and notes the line of every table header, key and
array element under the path by which the parsed document reaches it: ``("fields", "title", "salesforce", "field")``,
``("routes", 0, "on")``, ``("match", "keys", 1)``.
"""

from __future__ import annotations

import contextlib
import re
import tomllib

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}\n#]*")


class Lines:
    """Lines by path; a path that has none of its own is where its nearest ancestor is."""

    def __init__(self, found: dict[Path, int]) -> None:
        self._found = found

    def at(self, path: Path) -> int | None:
        """The line of `path`, counted from 1; None for the document itself."""
        while path:
            if path in self._found:
                return self._found[path]
            path = path[:-1]
        return None


def locate(text: str) -> Lines:
    """Walks valid TOML; text that turns out odd ends the walk early, with what was found so far."""
    scanner = _Scanner(text)
    with contextlib.suppress(IndexError, AssertionError, tomllib.TOMLDecodeError):
        scanner.document()
    return Lines(scanner.found)


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.place = 0
        self.found: dict[Path, int] = {}
        self.tables: dict[Path, int] = {}

    def line(self) -> int:
        return self.text.count("\n", 0, self.place) + 1

    def skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.place)
        assert match is not None
        self.place = match.end()
        return match.group()

    def here(self, mark: str) -> bool:
        return self.text.startswith(mark, self.place)

    def document(self) -> None:
        base: Path = ()
        self.skip(_GAP)
        while self.place < len(self.text):
            base = self.header() if self.here("[") else self.pair(base)
            self.skip(_GAP)

    def header(self) -> Path:
        line, repeated = self.line(), self.here("[[")
        self.place += 2 if repeated else 1
        path = self.resolve(self.key(), repeated=repeated)
        self.place += 2 if repeated else 1
        self.found.setdefault(path, line)
        return path

    def resolve(self, keys: list[str], *, repeated: bool) -> Path:
        path: Path = ()
        for number, key in enumerate(keys):
            path = (*path, key)
            if repeated and number == len(keys) - 1:
                self.tables[path] = self.tables.get(path, -1) + 1
            if path in self.tables:
                path = (*path, self.tables[path])
        return path

    def pair(self, base: Path) -> Path:
        line = self.line()
        path: Path = base
        for key in self.key():
            path = (*path, key)
            self.found.setdefault(path, line)
        self.place += 1
        self.skip(_SPACE)
        self.value(path)
        return base

    def key(self) -> list[str]:
        keys: list[str] = []
        while True:
            self.skip(_SPACE)
            keys.append(self.string() if self.text[self.place] in "\"'" else self.skip(_BARE))
            self.skip(_SPACE)
            if not self.here("."):
                return keys
            self.place += 1

    def string(self) -> str:
        start, mark = self.place, self.text[self.place]
        fence = mark * 3 if self.here(mark * 3) else mark
        self.place += len(fence)
        while not self.here(fence):
            assert self.place < len(self.text), "the text never ends"
            self.place += 2 if mark == '"' and self.here("\\") else 1
        self.place += len(fence)
        while len(fence) > 1 and self.here(mark):
            self.place += 1
        raw = self.text[start : self.place]
        return str(tomllib.loads(f"x = {raw}")["x"])

    def value(self, path: Path) -> None:
        first = self.text[self.place]
        if first in "\"'":
            self.string()
        elif first == "[":
            self.array(path)
        elif first == "{":
            self.inline(path)
        else:
            self.skip(_SCALAR)

    def array(self, path: Path) -> None:
        self.place += 1
        number = 0
        self.skip(_GAP)
        while not self.here("]"):
            before = self.place
            self.found[(*path, number)] = self.line()
            self.value((*path, number))
            number += 1
            self.comma()
            assert self.place > before, "an element is no value"
        self.place += 1

    def inline(self, path: Path) -> None:
        self.place += 1
        self.skip(_GAP)
        while not self.here("}"):
            self.pair(path)
            self.comma()
        self.place += 1

    def comma(self) -> None:
        self.skip(_GAP)
        if self.here(","):
            self.place += 1
            self.skip(_GAP)

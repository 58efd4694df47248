"""One table of the file against one class: unknown keys, missing keys, wrong values; nothing stops at the first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from sync.config.keys import REQUIRED, Key, keys_of
from sync.config.lines import Path
from sync.config.refused import Around, Refused
from sync.config.suggest import did_you_mean
from sync.errors import Problem

T = TypeVar("T")
_FAILED: Final = object()
_SECTIONS: Final = ("systems", "state", "schedule", "safety", "server", "logging", "notify")


class Tables:
    """Reads tables and gathers what is wrong with them."""

    def __init__(self, file: str, around: Around, lines: Mapping[Path, int]) -> None:
        self.file = file
        self.around = around
        self.lines = lines
        self.problems: list[Problem] = []
        self.kinds: dict[str, str] = {}
        """Kind by name of every system that is a table, known or not."""

    def wrong(self, path: Path, message: str, remedy: str = "") -> None:
        """Notes a problem at the line of `path`, or of the nearest thing that holds it."""
        near = next((path[:length] for length in range(len(path), 0, -1) if path[:length] in self.lines), None)
        self.problems.append(Problem(self.file, self.lines[near] if near else None, message, remedy))

    def read(self, model: type[T], raw: Any, path: Path, **more: Any) -> T | None:
        """An instance of `model`, or None when a problem was found in it."""
        if not isinstance(raw, dict):
            self.wrong(path, f"{_dotted(path)} is not a table", f"Write [{_dotted(path)}].")
            return None
        before = len(self.problems)
        values = self.values(model, raw, path)
        return model(**values, **more) if len(self.problems) == before else None

    def values(self, model: type, raw: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """The values of all keys of `model` that could be read."""
        keys = keys_of(model)
        for name in raw.keys() - keys.keys():
            self.wrong(
                (*path, name), f"unknown key `{_dotted((*path, name))}`", did_you_mean(name, self._known(keys, path))
            )
        found = {name: self._value(key, raw, (*path, name)) for name, key in keys.items()}
        return {name: value for name, value in found.items() if value is not _FAILED}

    def _known(self, keys: Mapping[str, Key], path: Path) -> list[str]:
        return [
            *keys,
            *(() if path else _SECTIONS),
        ]

    def _value(self, key: Key, raw: Mapping[str, Any], path: Path) -> Any:
        value = raw.get(str(path[-1]), key.default)
        if value is REQUIRED:
            self.wrong(path, f"`{_dotted(path)}` is missing", "It has no default.")
            return _FAILED
        if value is None:  # only a default can be: TOML has no null
            return None
        try:
            return key.parse(value, self.around)
        except Refused as refusal:
            self.wrong(path, f"`{_dotted(path)}`: {refusal.message}", refusal.remedy)
            return _FAILED


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))

"""Reads one TOML table key by key: wrong types, unknown words and unknown keys become problems, never exceptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sync.mapping.lines import Path
from sync.mapping.report import Report, suggest


class Reader:
    """A table at `path`. What has been asked for is known; `rest` is what nobody asked for."""

    def __init__(self, table: Mapping[str, Any], path: Path, report: Report) -> None:
        self.table = table
        self.path = path
        self.report = report
        self.asked: list[str] = []

    def wrong(self, key: str, message: str, remedy: str) -> None:
        """A mistake in the value of `key`."""
        self.report.add((*self.path, key), message, remedy)

    def given(self, key: str) -> bool:
        """Whether the table has the key."""
        return key in self.table

    def _typed(self, key: str, kind: type | tuple[type, ...], what: str) -> Any:
        self.asked.append(key)
        value = self.table.get(key)
        if value is None or (isinstance(value, kind) and not (isinstance(value, bool) and kind is int)):
            return value
        self.wrong(key, f"{key!r} must be {what}", f"Change the value of {key!r}.")
        return None

    def text(self, key: str) -> str | None:
        """Text that is not blank."""
        value = self._typed(key, str, "text in quotes")
        if value is not None and not value.strip():
            self.wrong(key, f"{key!r} is empty", "Give it a value, or take it out.")
            return None
        return value if value is None else str(value)

    def raw_text(self, key: str, default: str) -> str:
        """Text that may be blank."""
        value = self._typed(key, str, "text in quotes")
        return default if value is None else str(value)

    def flag(self, key: str) -> bool:
        """A flag; false if absent."""
        return bool(self._typed(key, bool, "true or false"))

    def count(self, key: str, least: int) -> int | None:
        """A whole number of at least `least`."""
        value = self._typed(key, int, "a whole number")
        if value is not None and value < least:
            self.wrong(key, f"{key!r} must be at least {least}", f"Use {least} or more.")
            return None
        return value if value is None else int(value)

    def word(self, key: str, choices: Sequence[str], default: str) -> str:
        """One of `choices`."""
        value = self._typed(key, str, f"one of {', '.join(choices)}")
        if value is None:
            return default
        if value in choices:
            return str(value)
        self.wrong(
            key, f"{key} {value!r} is not known", f"{suggest(value, choices)} {key} is one of {', '.join(choices)}."
        )
        return default

    def words(self, key: str) -> tuple[str, ...] | None:
        """A list of texts; None if absent."""
        value = self._typed(key, list, "a list of texts")
        if value is None:
            return None
        for place, item in enumerate(value):
            if not isinstance(item, str) or not item.strip():
                self.report.add(
                    (*self.path, key, place), f"{key!r} may hold nothing but texts", "Put each one in quotes."
                )
        return tuple(item for item in value if isinstance(item, str))

    def table_of(self, key: str) -> Mapping[str, Any] | None:
        """A table; None if absent."""
        value = self._typed(key, dict, "a table")
        return None if value is None else dict(value)

    def any(self, key: str) -> Any:
        """Whatever stands there."""
        self.asked.append(key)
        return self.table.get(key)

    def rest(self, *also: str) -> list[str]:
        """Keys that nobody asked for."""
        return [key for key in self.table if key not in self.asked and key not in also]

    def refuse_rest(self, what: str, more: Iterable[str] = ()) -> None:
        """Every key that nobody asked for is a mistake."""
        for key in self.rest():
            self.wrong(key, f"{key!r} is no key of {what}", suggest(key, [*self.asked, *more]))

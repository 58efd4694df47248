"""The ledger of opt-outs once more, in a file beside the database: what a restored backup must not have forgotten.

NAME.ledger begins with the key of the digests; every further line is one act, as the table has it. Lines are only ever added.

Crash paragraph: the database comes first, the file follows after the commit. A kill in between leaves the file behind, a half line at
its end is no line; the next program that opens the state for writing adds what is missing, on either side (`recall`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from sync.state.files import PRIVATE_FILE, close_to_others, sync_folder, unusable

Act = tuple[Any, ...]
"""A row of the ledger without its number: digest, act, at (stamp), system, reason, evidence, author."""

_LENGTH = 7


@dataclass(frozen=True, slots=True)
class Kept:
    """What the file says. ``key``: hexadecimal, None where there is no file, or none that can be understood."""

    key: str | None
    acts: tuple[Act, ...] = ()


class LedgerFile:
    """The file of one state."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ends_with(self, key: str, count: int, last: Act) -> bool:
        """Whether it begins with the key, has so many acts and this one as its last: as good as read, and quicker by far."""
        content = self._content()
        begins = content.startswith(_text([{"key": key}])) and content.count(b"\n[") == count
        return begins and content.endswith(_text([list(last)])[1:])

    def read(self) -> Kept:
        """The key and all whole lines, oldest first. Raises StateError where it is there and cannot be read."""
        lines = self._content().split(b"\n")
        found = [line for line in map(_line, lines[:-1]) if line is not None]
        keys = [line["key"] for line in found if isinstance(line, dict) and isinstance(line.get("key"), str)]
        acts = tuple(tuple(line) for line in found if isinstance(line, list) and len(line) == _LENGTH)
        return Kept(keys[0] if keys else None, acts)

    def _content(self) -> bytes:
        try:
            close_to_others(self.path)
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise unusable(self.path, error) from error

    def add(self, key: str, acts: Iterable[Act], *, begin: bool = False) -> None:
        """Durably appends acts; ``begin`` or a missing file: the key first. Raises StateError."""
        lines: list[Any] = [list(act) for act in acts]
        try:
            fresh = begin or not self.path.exists()
            handle = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, PRIVATE_FILE)
            with os.fdopen(handle, "ab") as file:
                file.write(_text([{"key": key}, *lines] if fresh else lines))
                file.flush()
                os.fsync(handle)
            if fresh:
                sync_folder(self.path.parent)
        except OSError as error:
            raise unusable(self.path, error) from error


def _line(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def _text(lines: Sequence[Any]) -> bytes:
    """Begins on a new line: whatever stands there may have been cut short."""
    return b"\n" + b"".join(orjson.dumps(line) + b"\n" for line in lines)

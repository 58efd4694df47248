"""Webhook events between their arrival and the state: one small file each, durable before the vendor is answered.

An arrival does not wait for the state, which a large transaction may keep for longer than a vendor has patience. The worker moves
the files into the state's inbox, which knows each event once.

Crash: a file is written whole under another name, flushed, and renamed; the folder is flushed too. It is removed only when the
inbox has it, durably. A crash in between brings it once more, and the inbox knows it already.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from sync.errors import StateError

WAITING_MAX: Final = 10_000
_DRAFT: Final = ".draft"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A verified event. ``event`` identifies it within its system, ``body`` is its text."""

    system: str
    event: str
    kind: str
    body: str


class Spool:
    """A folder beside the state. May be used from any thread."""

    def __init__(self, state: Path) -> None:
        self.folder = state.with_name(state.name + ".inbox")

    def keep(self, arrived: Arrived) -> bool:
        """Durable when this returns True; False where too many wait already.

        Raises:
            StateError: the disk is full or the folder cannot be written.
        """
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            target = self.folder / f"{arrived.system}-{arrived.event}.json"
            if target.exists():
                return True
            if self.count() >= WAITING_MAX:
                return False
            _write(target, orjson.dumps(asdict(arrived)))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise StateError(
                f"an event cannot be kept: {reason}", remedy="check folder, rights and free space"
            ) from error
        return True

    def count(self) -> int:
        """How many wait."""
        return sum(1 for _ in self._files())

    def waiting(self) -> Iterator[tuple[Path, Arrived]]:
        """Events that are not in the state yet, oldest first. A file that cannot be read is set aside under another name."""
        for file in sorted(self._files(), key=_age):
            try:
                yield file, Arrived(**orjson.loads(file.read_bytes()))
            except (ValueError, TypeError):
                file.rename(file.with_suffix(".unreadable"))
            except FileNotFoundError:
                continue

    def done(self, files: list[Path]) -> None:
        """These are in the state."""
        for file in files:
            file.unlink(missing_ok=True)

    def _files(self) -> Iterator[Path]:
        try:
            with os.scandir(self.folder) as found:
                yield from [Path(entry.path) for entry in found if entry.name.endswith(".json")]
        except FileNotFoundError:
            return


def _age(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _write(target: Path, content: bytes) -> None:
    draft = target.with_suffix(f"{_DRAFT}-{os.getpid()}-{os.urandom(4).hex()}")
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

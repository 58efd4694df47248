"""One writer at a time: a lock of the kernel on NAME.lock, gone with the process that held it.

The file says who holds it (process, host, command, and what a service adds: where it can be asked); what it says counts for
nothing, the lock alone does. The file is never removed: removing it would let two processes hold two different files of one name.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from sync.errors import LockedError
from sync.state.files import Files, make_private, unusable

_TOLD_MAX = 4096
_TRIES = 6
_PAUSE_S = 0.02
"""Somebody who only looks who the holder is takes the lock for less than this."""


class Lock:
    """The lock on the state at a path (`state_file` of its URL), held between `acquire` and `release`, or inside `with`."""

    def __init__(self, state: Path, command: str) -> None:
        self._path = Files(state).lock
        self._command = command
        self._handle: int | None = None

    def acquire(self) -> None:
        """Takes the lock at once or not at all.

        Raises:
            LockedError: another process (or another lock object of this one) holds it; the message names it.
            StateError: the lock file cannot be made.
        """
        make_private(self._path)
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise unusable(self._path, error) from error
        if not _take(handle):
            holder = _in_words(_told(handle))
            os.close(handle)
            remedy = "wait until it is done, or stop it; a lock never outlives its process"
            raise LockedError(f"the state is in use by {holder}", remedy=remedy)
        self._handle = handle
        self.tell({})

    @property
    def held(self) -> bool:
        """Whether it is ours now."""
        return self._handle is not None

    def tell(self, more: Mapping[str, str]) -> None:
        """Signs the file, with `more` about the holder: a service says where it can be asked."""
        assert self._handle is not None, "only the holder signs"
        told = orjson.dumps({"pid": os.getpid(), "host": socket.gethostname(), "command": self._command, **more})
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, told, 0)

    def release(self) -> None:
        """Gives the lock back; more than once is no harm."""
        if self._handle is not None:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder(state: Path) -> Mapping[str, Any] | None:
    """What the process that holds the lock on a state says of itself; None where nobody holds it. Never waits."""
    try:
        handle = os.open(Files(state).lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _told(handle)
    else:
        return None
    finally:
        os.close(handle)


def _take(handle: int) -> bool:
    for _ in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        else:
            return True
    return False


def _told(handle: int) -> Mapping[str, Any]:
    """What the file says; it may be just being signed, then nothing."""
    try:
        told = orjson.loads(os.pread(handle, _TOLD_MAX, 0))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _in_words(told: Mapping[str, Any]) -> str:
    try:
        return f"{told['command']} (process {told['pid']} on {told['host']})"
    except KeyError:
        return "another process"

"""One writer at a time: a lock of the kernel on NAME.lock, gone with the process that held it.

The file says who holds it (process, host, command); what it says counts for nothing, the lock alone does. The file is
never removed: removing it would let two processes hold two different files of one name.
"""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from sync.errors import LockedError
from sync.state.files import Files, make_private, unusable

_TOLD_MAX = 4096


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
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _holder(handle)
            os.close(handle)
            remedy = "wait until it is done, or stop it; a lock never outlives its process"
            raise LockedError(f"the state is in use by {holder}", remedy=remedy) from error
        self._handle = handle
        self._sign(handle)

    def _sign(self, handle: int) -> None:
        told = orjson.dumps({"pid": os.getpid(), "host": socket.gethostname(), "command": self._command})
        os.ftruncate(handle, 0)
        os.pwrite(handle, told, 0)

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


def _holder(handle: int) -> str:
    """Who signed the file, in words; it may be just being signed, then nobody knows."""
    try:
        told = orjson.loads(os.pread(handle, _TOLD_MAX, 0))
        return f"{told['command']} (process {told['pid']} on {told['host']})"
    except (ValueError, KeyError, TypeError):
        return "another process"

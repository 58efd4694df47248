"""The files of a state: where they are, who may read them, and the sidecar that tells its age.

NAME is the database; beside it lie NAME.generation (the sidecar), NAME.ledger (`ledger`) and NAME.lock. All are 0600; a
folder that has to be made is 0700. The sidecar holds the generation, a counter that every run moves on: a database whose own counter is
behind was restored from a backup. It also holds size and time of the database at its last clean close: a file that
does not look like that was left by a crash, or written by somebody else, and is checked before it is used.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import orjson

from sync.errors import StateError

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "ceph", "glusterfs"}
"""Where SQLite's file locks cannot be relied on (sqlite.org/howtocorrupt.html, 2.1)."""


def forget_lost(url: str) -> None:
    """A person gives a lost state up for good: what is left of it beside the missing database no longer counts."""
    files = Files.of(url)
    if not files.exists():
        files.sidecar.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Files:
    """The paths of one state."""

    database: Path

    @classmethod
    def of(cls, url: str) -> Files:
        """From `sqlite:///PATH`. Raises StateError for anything else."""
        if url.startswith(("postgresql:", "postgresql+", "postgres:")):
            raise StateError(
                "a state in PostgreSQL is not supported", remedy='set url = "sqlite:///crm-sync.db" in [state]'
            )
        path = url.removeprefix("sqlite:///")
        if path == url or not path or path == ":memory:" or "?" in path:
            scheme = url.partition(":")[0]
            raise StateError(
                f"no state can be kept at a {scheme} URL like this", remedy='use "sqlite:///PATH" in [state]'
            )
        return cls(Path(os.path.abspath(path)))  # noqa: PTH100 - resolve() would follow links

    @property
    def sidecar(self) -> Path:
        """Beside the database: its generation."""
        return self.database.with_name(self.database.name + ".generation")

    @property
    def ledger(self) -> Path:
        """Beside the database: every opt-out once more."""
        return self.database.with_name(self.database.name + ".ledger")

    @property
    def lock(self) -> Path:
        """Beside the database: who holds it."""
        return self.database.with_name(self.database.name + ".lock")

    def exists(self) -> bool:
        """Whether there is a database with anything in it."""
        try:
            return self.database.stat().st_size > 0
        except FileNotFoundError:
            return False
        except OSError as error:
            raise unusable(self.database, error) from error

    def looks(self) -> list[int]:
        """Size in bytes and time in nanoseconds of the last write of the database."""
        found = self.database.stat()
        return [found.st_size, found.st_mtime_ns]


def unusable(path: Path, error: OSError) -> StateError:
    """A file error in the words of this room."""
    reason = error.strerror or type(error).__name__
    return StateError(
        f"the state at {path} cannot be used: {reason}", remedy="check folder, owner, rights and free space"
    )


def make_private(path: Path) -> None:
    """Makes an empty file that only its owner may read, and the folder for it, where they are missing.

    Raises:
        StateError: the folder cannot be written.
    """
    try:
        if not path.parent.exists():
            path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
    except FileExistsError:
        close_to_others(path)
    except OSError as error:
        raise unusable(path.parent, error) from error


def close_to_others(path: Path) -> bool:
    """Takes group's and others' rights away; whether there were any. Raises StateError where that is not ours to do.

    By path, never by opening it: closing any handle of the file would drop SQLite's own locks
    (sqlite.org/howtocorrupt.html, 2.2).
    """
    if not path.stat().st_mode & 0o077:
        return False
    try:
        path.chmod(PRIVATE_FILE)
    except OSError as error:
        raise unusable(path, error) from error
    return True


def refuse_network(path: Path) -> None:
    """Raises StateError where the folder lies on a network file system (known on Linux only)."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    kinds = {Path(fields[1]): fields[2] for fields in map(str.split, mounts)}
    nearest = next((each for each in [path, *path.parents] if each in kinds), None)
    if nearest is not None and kinds[nearest] in _NETWORK:
        remedy = "keep the state on a local disk: file locks do not hold on network file systems"
        raise StateError(f"the state at {path} lies on a network file system ({kinds[nearest]})", remedy=remedy)


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What the sidecar says. ``closed``: how the database looked at its last clean close; None since it was opened."""

    generation: int
    closed: list[int] | None

    @classmethod
    def read(cls, path: Path) -> Sidecar | None:
        """None where there is none, or none that can be understood."""
        try:
            found = orjson.loads(path.read_bytes())
            return cls(int(found["generation"]), found.get("closed"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def write(self, path: Path) -> None:
        """Durably, and wholly or not at all. Raises StateError."""
        draft = path.with_name(path.name + ".new")
        try:
            draft.unlink(missing_ok=True)
            handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE)
            with os.fdopen(handle, "wb") as file:
                file.write(orjson.dumps({"generation": self.generation, "closed": self.closed}))
                file.flush()
                os.fsync(handle)
            draft.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            raise unusable(path, error) from error


def sync_folder(folder: Path) -> None:
    """Makes new names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""The age of a state: a counter in the database, mirrored in the sidecar, that every run moves on.

Crash paragraph: the counter moves in the transaction that starts a run, and the sidecar follows after the commit. A
crash in between leaves the sidecar behind, which is harmless. It is never ahead of a state that is whole: a database
behind its sidecar, or without one, is an older copy, and stays marked so (in itself) until a person confirms.
"""

from __future__ import annotations

from sqlalchemy import Connection

from sync.model.clock import Clock
from sync.state.files import Files, Sidecar
from sync.state.meta import Meta

_GENERATION = "generation"
_ROLLED_BACK = "rolled_back"


class Generation(Meta):
    """Knows whether this state is the newest one."""

    rolled_back: bool
    """Older than its sidecar: nothing is deleted, cleared or made without a look-up until a person confirms."""

    def __init__(self, connection: Connection, clock: Clock, files: Files, *, mirrored: bool) -> None:
        super().__init__(connection, clock, files.database)
        self._files = files
        self._mirrored = mirrored
        self.rolled_back = False

    def _generation(self) -> int:
        return int(self.get_meta(_GENERATION) or 0)

    def _compare_generation(self, sidecar: Sidecar | None) -> None:
        """Finds out at the start whether the state is older than its sidecar, and marks it if it may be marked."""
        own = self._generation()
        behind = own > 0 if sidecar is None else own < sidecar.generation
        self.rolled_back = behind or self.get_meta(_ROLLED_BACK) == "1"
        if self._mirrored:
            if behind:
                self.set_meta(_ROLLED_BACK, "1")
            self._mirror(max(own, sidecar.generation if sidecar else 0))

    def _move_generation(self) -> None:
        """One step on, inside the transaction of the caller."""
        generation = self._generation() + 1
        self.set_meta(_GENERATION, str(generation))
        if self._mirrored and not self.rolled_back:
            self._after_commit.append(lambda: self._mirror(generation))

    def confirm_generation(self) -> None:
        """A person accepts this older state as the one that counts from now on."""
        sidecar = Sidecar.read(self._files.sidecar)
        generation = max(self._generation(), sidecar.generation if sidecar else 0) + 1
        with self.transaction():
            self.set_meta(_GENERATION, str(generation))
            self.set_meta(_ROLLED_BACK, "0")
            if self._mirrored:
                self._after_commit.append(lambda: self._mirror(generation))
        self.rolled_back = False

    def _mirror(self, generation: int, closed: list[int] | None = None) -> None:
        Sidecar(generation, closed).write(self._files.sidecar)

"""Vendors put behind ports: one server each, the control plane in front. Which vendors, ``vendors`` says."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from sync.sandbox.clock import Clock
from sync.sandbox.control import Control
from sync.sandbox.front import LIMITS, Front
from sync.sandbox.server import Server
from sync.sandbox.store import Row
from sync.sandbox.vendor import EditRefused, Vendor

LOAD_BATCH = 10_000


class LoadError(ValueError):
    """A ``SYSTEM:OBJECT=FILE.csv`` that cannot be loaded; the text says why."""


class Emulation:
    """A running sandbox; use as a context manager.

    ``urls`` maps ``control`` and every vendor's name to its base URL. With ``port`` P the control plane listens on P
    and the vendors on the ports after it; 0 takes free ones.
    """

    def __init__(self, vendors: Sequence[Callable[[Clock], Vendor]], port: int = 0) -> None:
        """Binds every port; raises OSError, with nothing left open, when one is taken."""
        self.clock = Clock()
        self.fronts = {front.vendor.name: front for front in (Front(make, self.clock) for make in vendors)}
        self.control = Control(self.fronts, self.clock)
        self._servers = self._bound(port)
        self.urls = {
            name: f"http://127.0.0.1:{server.port}{self._root(name)}" for name, server in self._servers.items()
        }

    def start(self) -> Self:
        """Begins to answer."""
        for front in self.fronts.values():
            front.start()
        for server in self._servers.values():
            server.start()
        return self

    def close(self) -> None:
        """Cuts every connection and frees the ports."""
        for front in self.fronts.values():
            front.closing.set()
        for server in self._servers.values():
            server.close()
        for front in self.fronts.values():
            front.close()
        self.control.close()

    def lift_limits(self) -> None:
        """No vendor has a rate limit or a quota from now on."""
        for front in self.fronts.values():
            front.limit(dict.fromkeys(LIMITS))

    def load(self, spec: str) -> int:
        """Loads ``SYSTEM:OBJECT=FILE.csv``, columns named like native fields, blank cells left out; the number of rows.

        Raises LoadError.
        """
        system, name, path = _load_parts(spec)
        if system not in self.fronts:
            raise LoadError(f"{spec!r}: unknown system {system!r}; known are: {', '.join(self.fronts)}")
        front = self.fronts[system]
        if name not in front.vendor.objects():
            raise LoadError(f"{spec!r}: {system} has no object {name!r}; it has: {', '.join(front.vendor.objects())}")
        try:
            return sum(self._load_batch(front, name, batch) for batch in _batches(path))
        except (OSError, UnicodeDecodeError, csv.Error, EditRefused) as error:
            raise LoadError(f"{spec!r}: {error}") from error

    def _load_batch(self, front: Front, name: str, batch: list[Row]) -> int:
        with front.lock:
            return len(front.vendor.load(name, batch))

    def _bound(self, port: int) -> dict[str, Server]:
        answers = {"control": self.control.answer, **{name: front.answer for name, front in self.fronts.items()}}
        servers: dict[str, Server] = {}
        try:
            for number, (name, answer) in enumerate(answers.items()):
                servers[name] = Server(port + number if port else 0, answer, self.clock)
        except OSError:
            for server in servers.values():
                server.close()
            raise
        return servers

    def _root(self, name: str) -> str:
        return self.fronts[name].vendor.root if name in self.fronts else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _load_parts(spec: str) -> tuple[str, str, Path]:
    target, equals, path = spec.partition("=")
    system, colon, name = target.partition(":")
    if not (equals and colon and system and name and path):
        raise LoadError(f"{spec!r} should read SYSTEM:OBJECT=FILE.csv, e.g. abmatic:accounts=companies.csv")
    return system, name, Path(path)


def _batches(path: Path) -> Iterator[list[Row]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        records: Iterable[Row] = (
            {key: cell for key, cell in row.items() if key and cell} for row in csv.DictReader(file)
        )
        rows = iter(records)
        while batch := list(islice(rows, LOAD_BATCH)):
            yield batch

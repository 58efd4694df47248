"""Starting the sandbox: inside a process (`Sandbox`) or as one (`run`)."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from sync.sandbox.emulation import Emulation
from sync.sandbox.vendors import VENDORS

SEED, ACCOUNTS, CONTACTS, OVERLAP = 1, 20, 100, 0.5


class Sandbox(Emulation):
    """The five vendors on loopback, filled: ``with Sandbox(contacts=50) as sandbox: sandbox.urls["abmatic"]``.

    ``loads`` are ``SYSTEM:OBJECT=FILE.csv``; ``accounts=0, contacts=0`` starts empty. Raises OSError for a taken port
    and LoadError for a file that cannot be loaded.
    """

    def __init__(
        self,
        port: int = 0,
        seed: int = SEED,
        accounts: int = ACCOUNTS,
        contacts: int = CONTACTS,
        *,
        loads: Sequence[str] = (),
        limits: bool = True,
        overlap: float = OVERLAP,
    ) -> None:
        super().__init__(VENDORS, port)
        try:
            self._fill(seed, accounts, contacts, overlap, loads)
        except BaseException:
            self.close()
            raise
        if not limits:
            self.lift_limits()

    def _fill(self, seed: int, accounts: int, contacts: int, overlap: float, loads: Sequence[str]) -> None:
        self.control.fill(seed, accounts, contacts, overlap)
        for spec in loads:
            self.load(spec)


def run(
    port: int = 0,
    seed: int = SEED,
    accounts: int = ACCOUNTS,
    contacts: int = CONTACTS,
    *,
    loads: Sequence[str] = (),
    limits: bool = True,
) -> None:
    """Prints the base URLs as one JSON line, then serves until SIGTERM or SIGINT. Call it from the main thread."""
    stop = threading.Event()

    def end(_: int, __: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with Sandbox(port, seed, accounts, contacts, loads=loads, limits=limits) as sandbox:
            sys.stdout.write(json.dumps(sandbox.urls) + "\n")
            sys.stdout.flush()
            stop.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""The program in a history: the real runner and a real state on a file, over the world; it can be killed anywhere.

Threads run inline here, one after the other, so that a history is the same each time it is run.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self
from unittest import mock

from sync.connectors.memory import Memory, Trouble
from sync.engine.guard import Limits
from sync.model.remote import Kind, Receipt, Write
from sync.runner import pull, push
from sync.runner.context import Context, System
from sync.runner.cycle import Order, Ran, run_cycle
from sync.runner.report import report
from sync.state import Store
from tests.simulation.world import World, mappings

FREE = Limits(None, None, None, None, None)
HORIZON = timedelta(minutes=5)


class Crash(BaseException):
    """The process is killed here."""


@dataclass
class Faults:
    """What goes wrong in one run: by (system, verb, ordinal) a trouble, "crash" or a person's act; crashes by number of commit."""

    calls: dict[tuple[str, str, int], object] = field(default_factory=dict)
    commits: frozenset[int] = frozenset()
    seen: dict[tuple[str, str], int] = field(default_factory=dict)
    committed: int = 0

    def next(self, system: str, verb: str) -> object:
        self.seen[system, verb] = number = self.seen.get((system, verb), 0) + 1
        return self.calls.get((system, verb, number))


class KillableStore(Store):
    """Dies before or after a commit."""

    faults = Faults()

    def _commit(self) -> None:
        self.faults.committed += 1
        if self.faults.committed in self.faults.commits:
            raise Crash
        super()._commit()
        if -self.faults.committed in self.faults.commits:
            raise Crash


class Watched(Memory):
    """Knows which of its writes land late."""

    def __init__(self, name: str, world: World, gate: Callable[[str], bool], faults: Faults) -> None:
        super().__init__(name, world.systems[name], gate=gate, hook=self._befall)
        self.world, self.faults = world, faults
        self.pushed = 0
        self._late: set[int] = set()

    def _befall(self, verb: str, write: Write | None) -> Trouble | None:
        what = self.faults.next(self.name, verb)
        self.pushed += write is not None
        if what == "crash":
            raise Crash
        if isinstance(what, tuple):
            self.world.act(self.name, *what)
            return None
        if what is Trouble.LATE and write is not None:
            self._late.add(write.number)
        return what if isinstance(what, Trouble) else None

    def _apply(self, write: Write) -> Receipt:
        receipt = super()._apply(write)
        if write.number in self._late and receipt.remote_id:
            self.world.covered(self.name, receipt.remote_id, set(write.values))
            if write.kind is Kind.CREATE:
                self.world.landed_late.add((self.name, receipt.remote_id))
        return receipt


@dataclass
class Done:
    """One run, or a killed one (``ran`` None)."""

    ran: Ran | None
    pushed: int
    reads: int
    refusals: int
    failed: dict[str, str]
    operations: list[Any]


class Machine:
    """Runs of the program over one world and one state."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.url = f"sqlite:///{folder}/state.db"

    def run(self, faults: Faults, *, full: bool = False) -> Done:
        """One run in a process of its own."""
        store = self.open(faults)
        context = self.context(store, faults)
        connectors: list[Any] = [system.connector for system in context.systems.values()]
        ran, operations = None, []
        try:
            with serial():
                ran = run_cycle(context, Order("sync", full=full))
                report(context, ran)
                operations = store.operations(ran.run, limit=1000)
            self.world.known |= linked(store)
            store.close()
        except Crash:
            ran = None
            store._connection.close()  # as the kernel would: what was not committed is gone
            store._connection.engine.dispose()
        reads = sum(faults.seen.get((name, "pull"), 0) for name in context.systems)
        pushed, refusals = sum(c.pushed for c in connectors), sum(c.usage().gate_refusals for c in connectors)
        return Done(ran, pushed, reads, refusals, context.failed, operations)

    def open(self, faults: Faults) -> KillableStore:
        KillableStore.faults = Faults()
        store = KillableStore.open(self.url, clock=self.world.clock)
        store._connection.exec_driver_sql("PRAGMA synchronous=OFF")  # no power is cut in a history
        store.faults = faults
        return store

    def context(self, store: Store, faults: Faults) -> Context:
        found = {
            name: System(
                name=name,
                kind="memory",
                connector=Watched(name, self.world, store.is_suppressed, faults),
                writes=True,
                horizon=HORIZON,
                verify_delays=(2.0, 10.0, 30.0),
                clock_margin=timedelta(seconds=5),
                credentials=name,
            )
            for name in self.world.systems
        }
        return Context(store, mappings(self.world.setting), found, self.world.clock, FREE)


@contextmanager
def serial() -> Iterator[None]:
    """Threads and pools of the runner work inline."""
    inline = SimpleNamespace(Thread=_Thread, Event=threading.Event)
    with (
        mock.patch.object(pull, "threading", inline),
        mock.patch.object(pull, "queue", SimpleNamespace(Queue=lambda _: queue.Queue(), Empty=queue.Empty)),
        mock.patch.object(push, "ThreadPoolExecutor", _Pool),
        mock.patch.object(push, "wait", lambda waiting, return_when: ([next(iter(waiting))], [])),
    ):
        yield


class _Thread:
    def __init__(self, target: Callable[..., None], args: tuple[Any, ...], daemon: bool) -> None:
        self.start = lambda: target(*args)


class _Pool:
    def __init__(self, max_workers: int) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, call: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(call())
        except Crash:
            raise
        except BaseException as error:  # noqa: BLE001 - as a pool does
            future.set_exception(error)
        return future


def linked(store: Store) -> set[tuple[str, str]]:
    """Rows that have been exchanged with."""
    records = store.load(store.numbers("contact", after=0, limit=1000))
    return {(x.system, x.observed.remote_id) for record in records for x in record.links if x.exchange}

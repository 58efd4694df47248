"""The program in a history: the real runner and a real state on a file, over the world; it can be killed anywhere.

Threads run inline here, one after the other, so that a history is the same each time it is run.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self
from unittest import mock

from sync.connectors.memory import Memory, Row, Trouble
from sync.engine.guard import Limits
from sync.errors import StateError
from sync.model.record import Status
from sync.model.remote import Feed, Kind, NativeRecord, Receipt, Write
from sync.runner import fetching, push
from sync.runner.context import Context, System
from sync.runner.cycle import Order, Ran, run_cycle
from sync.runner.report import report
from sync.state import Store
from tests.simulation.people import World
from tests.simulation.world import OBJECT, PATHS, mappings

FREE = Limits(None, None, None, None, None)
HORIZON = timedelta(minutes=5)
DEAD = "dead"


class Crash(BaseException):
    """The process is killed here."""


@dataclass
class Faults:
    """What goes wrong in one run.

    ``calls``: by (system, verb, ordinal) a trouble, "crash", "crash after", or a person's act, there or ("in", another system, …);
    by (system, "hide", field) a column that the system does not show. ``commits``: numbers of commits, negative for killed after it; ``full``: commits that find the disk full.
    """

    calls: dict[tuple[str, str, object], object] = field(default_factory=dict)
    commits: frozenset[int] = frozenset()
    full: frozenset[int] = frozenset()
    dead: str | None = None
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    committed: int = 0

    def next(self, system: str, verb: str) -> object:
        self.seen[system, verb] += 1
        if system == self.dead:
            return Trouble.UNREACHABLE
        what = self.calls.get((system, verb, self.seen[system, verb]))
        if what is not None:
            name = what.value if isinstance(what, Trouble) else what if isinstance(what, str) else "person"
            self.met[f"{'push' if verb == 'push' else 'read'} {name}"] += 1
        return what


class KillableStore(Store):
    """Dies before or after a commit; finds its disk full."""

    faults = Faults()

    def _commit(self) -> None:
        self.faults.committed += 1
        number = self.faults.committed
        if number in self.faults.full:
            self.faults.met["disk full"] += 1
            raise StateError("the disk is full")
        if number in self.faults.commits:
            self.faults.met["crash before commit"] += 1
            raise Crash
        super()._commit()
        if -number in self.faults.commits:
            self.faults.met["crash after commit"] += 1
            raise Crash


class Watched(Memory):
    """Knows which of its writes land late, what was under way, and whether the journal knew of each write first."""

    def __init__(self, name: str, machine: Machine, store: Store, faults: Faults) -> None:
        super().__init__(name, machine.world.systems[name], gate=store.is_suppressed, hook=self._befall)
        self.machine, self.world, self.store, self.faults = machine, machine.world, store, faults
        self.pushed, self.calls_made = 0, Counter[str]()
        self.unjournalled: list[str] = []
        self._late: set[int] = set()
        self._meanwhile: set[tuple[str, str]] = set()
        """(row, path): what people wrote while a request of ours was under way; none of its rows can take notice any more."""
        self._dies = False

    def _befall(self, verb: str, write: Write | None) -> Trouble | None:
        self.machine.trace.append((self.name, verb, repr(write.values) if write else ""))
        self.calls_made[verb] += 1
        if write is not None:
            self.pushed += 1
            self._check_journal(write)
        return self._meets(self.faults.next(self.name, verb), write)

    def _meets(self, what: object, write: Write | None) -> Trouble | None:
        if what == "crash":
            raise Crash
        if what == "crash after":
            self._dies = True
            return None
        if isinstance(what, tuple):
            before = self._natives()
            self.world.act(*(what[1:] if what[0] == "in" else (self.name, *what)))
            if write is not None:
                self._meanwhile |= {(row, path) for row, path, _ in before ^ self._natives()}
            return None
        if what is Trouble.LATE and write is not None:
            self._late.add(write.number)
        return what if isinstance(what, Trouble) else None

    def _check_journal(self, write: Write) -> None:
        """L9 and L16: durable, as sent, before its first byte."""
        row = self.store._row("SELECT status FROM operation WHERE number = ?", write.number)
        if row is None or row[0] != Status.SENT.value or self.store._depth:
            self.unjournalled.append(f"{self.name} {write.kind.value} {write.record}")

    def _natives(self) -> set[tuple[str, str, object]]:
        return {(row.id, path, value) for row in self.system.live(OBJECT) for path, value in row.values.items()}

    def _note_hidden(self, write: Write) -> None:
        """Rows of whom we are about to make, which no look-up could show: not in the index yet, or made since our request began."""
        meanwhile = {row for row, path in self._meanwhile if path == PATHS[self.name]["email"]}
        person = self.world.owner.get(str(write.values.get(PATHS[self.name]["email"])).casefold())
        for row in self.world.rows(person, self.name) if person is not None else ():
            if row.shown_at > self.world.clock.now() or row.id in meanwhile:
                self.world.hidden.add((self.name, row.id))

    def push(self, writes: Sequence[Write]) -> list[Receipt]:
        self._meanwhile.clear()
        for write in writes:
            if write.kind is Kind.CREATE:
                self._note_hidden(
                    write
                )  # before anybody edits such a row while the request is under way, and shows it by that
        receipts = super().push(writes)
        if self._dies:
            raise Crash
        return receipts

    def _apply(self, write: Write) -> Receipt:
        late = write.number in self._late
        if write.kind is Kind.CREATE:
            self._note_hidden(write)
        holder = self._holder(write)[0] if write.kind is Kind.CREATE else None
        target = write.remote_id or (holder.id if holder is not None else None)
        if target is not None:
            under_way = set(write.values) if late else {path for row, path in self._meanwhile if row == target}
            self.world.excuse(self.name, target, under_way & set(write.values))
        receipt = super()._apply(write)
        if late and receipt.remote_id and write.kind is Kind.CREATE:
            self.world.landed_late.add((self.name, receipt.remote_id))
        return receipt

    def _record(self, feed: Feed, row: Row) -> NativeRecord:
        record = super()._record(feed, row)
        hidden = [path for name, path in PATHS[self.name].items() if (self.name, "hide", name) in self.faults.calls]
        for path in hidden:
            self.faults.met["column hidden"] += 1
            dict.pop(record.values, path, None)  # type: ignore[arg-type]
        return record


@dataclass
class Done:
    """One run, or a killed one (``ran`` None)."""

    ran: Ran | None
    pushed: int
    calls: Counter[str]
    refusals: int
    failed: dict[str, str]
    operations: list[Any]
    unjournalled: list[str]


class Machine:
    """Runs of the program over one world and one state."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.file = folder / "state.db"
        self.url = f"sqlite:///{self.file}"
        self.trace: list[tuple[str, str, str]] = []

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
        except (Crash, StateError):
            ran = None
            store._connection.close()  # as the kernel would: what was not committed is gone
            store._connection.engine.dispose()
        self.trace.append(("", "run", f"{faults.committed} {ran is not None}"))
        pushed, refusals = sum(c.pushed for c in connectors), sum(c.usage().gate_refusals for c in connectors)
        calls = sum((c.calls_made for c in connectors), Counter[str]())
        unjournalled = [each for c in connectors for each in c.unjournalled]
        return Done(ran, pushed, calls, refusals, context.failed, operations, unjournalled)

    def open(self, faults: Faults) -> KillableStore:
        KillableStore.faults = Faults()
        store = KillableStore.open(self.url, clock=self.world.ours)
        store._connection.exec_driver_sql("PRAGMA synchronous=OFF")  # no power is cut in a history
        store.faults = faults
        return store

    def context(self, store: Store, faults: Faults) -> Context:
        found = {
            name: System(
                name=name,
                kind="memory",
                connector=Watched(name, self, store, faults),
                writes=True,
                horizon=HORIZON,
                verify_delays=(2.0, 10.0, 30.0),
                clock_margin=timedelta(seconds=5),
                credentials=name,
            )
            for name in self.world.systems
        }
        return Context(store, mappings(self.world.setting), found, self.world.ours, FREE)


@contextmanager
def serial() -> Iterator[None]:
    """Threads and pools of the runner work inline."""
    inline = SimpleNamespace(Thread=_Thread, Event=threading.Event)
    with (
        mock.patch.object(fetching, "threading", inline),
        mock.patch.object(fetching, "queue", SimpleNamespace(Queue=lambda _: queue.Queue(), Empty=queue.Empty)),
        mock.patch.object(push, "ThreadPoolExecutor", _Pool),
        mock.patch.object(push, "wait", lambda waiting, **_: ([next(iter(waiting))], [])),
    ):
        yield


class _Thread:
    def __init__(self, target: Callable[..., None], args: tuple[Any, ...], daemon: bool) -> None:
        self.start = lambda: target(*args)
        self.is_alive = lambda: False


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

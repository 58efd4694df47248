"""A state held open for longer than one command: lock, store and connectors of a service, kept from run to run.

A service that logged in anew for every poll would spend its log-ins, and one that let go of the lock would lose it. On the
thread that has `Hold.taken`, every command of `sync.runner.api` works with what is held; everywhere else it opens its own.

Crash: the lock is gone with the process; the store is as after any crash; connectors keep nothing that a crash would miss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Final

import structlog

from sync.config import Config, SalesforceConfig, SystemConfig
from sync.connectors.base import Connector, Paced
from sync.engine.guard import Limits
from sync.errors import AbortError
from sync.mapping import Mappings
from sync.model.clock import Clock
from sync.runner.context import Context, Progress, Surroundings, System
from sync.runner.veil import veil_key
from sync.state import Lock, Store, state_file

LEFT: Final = 0.5
"""The part of a system's rate that a long run leaves to live changes: Abmatic's 100 calls a minute are a look every 10 s (30 calls) and
6 rows written (3 calls each)."""
_log = structlog.get_logger()
Connect = Callable[[Config, Clock, Store], Mapping[str, System]]
Outside = Callable[[], Mapping[str, str | AbortError]]


def open_to_write(config: Config, clock: Clock) -> Store:
    """The state, of which the caller holds the lock; what it has to say of itself is logged. Raises StateError."""
    store = Store.open(config.state.url, clock=clock)
    store.veil_with(veil_key(config))
    for notice in store.notices:
        _log.info("state.noticed", what=notice)
    return store


class Hold:
    """Belongs to the thread that calls `taken` first: a store is one thread's.

    Args:
        config: what to open; `swap` replaces it.
        clock: time and waiting.
        command: how the lock file calls the holder.
        connect: builds the connectors.
        around: what surrounds every run.
        outside: the systems that take no part at present, and why.
    """

    def __init__(
        self, config: Config, clock: Clock, command: str, connect: Connect, around: Surroundings, outside: Outside
    ) -> None:
        self.config = config
        self.clock = clock
        self.lock = Lock(state_file(config.state.url), command)
        self._connect = connect
        self._around = around
        self._outside = outside
        self._store: Store | None = None
        self._systems: Mapping[str, System] = {}
        self._long: Mapping[str, System] = {}

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Within it, commands on this thread use what is held. Raises what opening the state raises."""
        token = _held.set(self)
        try:
            yield
        finally:
            _held.reset(token)

    @property
    def store(self) -> Store:
        """The state, opened when it is first asked for."""
        if self._store is None:
            self._store = open_to_write(self.config, self.clock)
        return self._store

    @property
    def systems(self) -> Mapping[str, System]:
        """The connectors, made when they are first asked for."""
        if not self._systems:
            self._systems = self._connect(self.config, self.clock, self.store)
        return self._systems

    def _of_long_runs(self) -> Mapping[str, System]:
        """Connectors at a lower rate, made when they are first asked for; news is carried by the others meanwhile.

        A system whose log-in rotates its token has but one: two connections would make each other's token worthless.
        """
        if not self._long:
            apart = {name: _slower(each) for name, each in self.config.systems.items() if not _rotates(each)}
            made = self._connect(replace(self.config, systems=apart), self.clock, self.store)
            usual = self.systems
            for name, each in made.items():
                _share_pace(each.connector, usual[name].connector)
            # the pace is no reason to ask anew what a system can do
            self._long = {
                name: replace(made[name], settings=each.settings) if name in made else each
                for name, each in usual.items()
            }
        return self._long

    def peek(self, name: str) -> System | None:
        """A system whose connector is made already; from any thread."""
        return self._systems.get(name)

    def context(self, mappings: Mappings, progress: Progress, entities: Sequence[str], limits: Limits) -> Context:
        """A context for one run, without the systems that are out."""
        systems = self._of_long_runs() if self._around.gives_way() else self.systems
        found = Context(
            self.store,
            mappings,
            systems,
            self.clock,
            limits,
            progress,
            entities=tuple(entities),
            around=self._around,
            calls_before={name: system.connector.usage().calls for name, system in systems.items()},
        )
        for name, why in self._outside().items():
            if name in found.systems:
                found.fail(name, why)
        return found

    def second(self) -> Mapping[str, System]:
        """The connectors that a run which gives way does not use; a system whose log-in rotates its token has none."""
        return {name: each for name, each in self.systems.items() if not _rotates(self.config.systems[name])}

    def swap(self, config: Config) -> None:
        """Another configuration from the next run on; its connectors are made anew."""
        self._hang_up()
        self.config = config
        if self._store is not None:
            self._store.veil_with(veil_key(config))

    def close(self) -> None:
        """Gives store and connectors back, not the lock. What is asked for next is opened anew."""
        self._hang_up()
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _hang_up(self) -> None:
        connectors = {id(each.connector): each.connector for each in (*self._systems.values(), *self._long.values())}
        self._systems, self._long = {}, {}
        for connector in connectors.values():
            connector.close()


def _share_pace(part: Connector, whole: Connector) -> None:
    """Both together keep to the limit of the one."""
    if isinstance(part, Paced) and isinstance(whole, Paced):
        part.pace.be_part_of(whole.pace)


def _slower(system: SystemConfig) -> SystemConfig:
    rate = system.rate_per_second
    return system if rate is None else replace(system, requests_per_second=rate * (1 - LEFT), requests_per_minute=None)


def _rotates(system: SystemConfig) -> bool:
    return isinstance(system, SalesforceConfig) and system.auth == "refresh_token"


_held: ContextVar[Hold | None] = ContextVar("held state", default=None)


def held_here(url: str) -> Hold | None:
    """What this thread holds, if it is the state of that URL."""
    found = _held.get()
    return found if found is not None and found.config.state.url == url else None

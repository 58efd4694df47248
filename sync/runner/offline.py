"""What is wrong with a workspace and can be told without a network, beyond its files' own grammar.

The connectors are built, which contacts nobody, upon a state that is empty and thrown away: what a run would refuse before its first call
(an address, a grant, a filter that the vendor does not know, a place where no state can be kept) is told by `check --offline`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from sync.config import Config
from sync.connectors.base import Filtering
from sync.errors import AbortError, ConfigError, Problem, StateError
from sync.mapping import Mappings, SystemMapping
from sync.model.clock import SystemClock
from sync.runner.context import feeds
from sync.runner.wire import build
from sync.state import Store, state_file


def problems_offline(config: Config, mappings: Mappings) -> list[Problem]:
    """Every problem, with file, line and remedy. Writes nothing, contacts nobody."""
    found = list(_state(config))
    with TemporaryDirectory(prefix="crm-sync-") as folder:
        url = f"sqlite:///{Path(folder) / 'none.db'}"
        with Store.open_copy(url, clock=SystemClock()) as store:
            for name in config.systems:
                found += _system(config, mappings, name, store, url)
    return found


def _state(config: Config) -> Iterator[Problem]:
    try:
        state_file(config.state.url)
    except StateError as error:
        yield Problem(config.file.name, config.lines.get(("state", "url")), error.message, error.remedy)


def _system(config: Config, mappings: Mappings, name: str, store: Store, url: str) -> Iterator[Problem]:
    try:
        connector = build(config.systems[name], SystemClock(), store, url).connector
    except ConfigError as error:
        line = config.lines.get(("systems", name))
        yield from (Problem(config.file.name, line, problem.message, problem.remedy) for problem in error.problems)
        return
    try:
        for entity in mappings.entities.values():
            if name in entity.systems and isinstance(connector, Filtering):
                yield from _filters(connector, entity.file, entity.systems[name])
    finally:
        connector.close()


def _filters(connector: Filtering, file: str, mapping: SystemMapping) -> Iterator[Problem]:
    for feed in feeds(mapping):
        try:
            connector.check_filter(feed)
        except AbortError as error:
            yield Problem(file, mapping.line, error.message, error.remedy)

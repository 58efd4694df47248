"""What the stages of a push hand to each other: where a group of operations goes, and the run it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from sync.mapping import EntityMapping, SystemMapping
from sync.model.remote import Capabilities, Feed
from sync.runner.context import Context, System
from sync.runner.doubted import Doubted
from sync.runner.pull import feed_key

Call = Callable[[], Any]
"""Something that asks a system: it runs on a worker thread."""
Steps = Generator[Call, Any, None]
"""What a lane does: yields calls, gets their answers, and works with the state in between."""


@dataclass(slots=True)
class Pushed:
    """What became of a plan: how many rows were looked at again because the world moved, and which writes are in doubt."""

    moved: int = 0
    doubts: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a group of operations goes."""

    entity: EntityMapping
    mapping: SystemMapping
    system: System
    feed: Feed
    able: Capabilities

    @property
    def key(self) -> str:
        """Fingerprint of the feed that reads it."""
        return feed_key(self.feed)


@dataclass(slots=True)
class Work:
    """One system's lane in one run."""

    context: Context
    system: System
    run: str
    pushed: Pushed
    looked: set[tuple[str, str]] = field(default_factory=set)
    _doubted: dict[str, Doubted] = field(default_factory=dict)

    def doubted(self, entity: EntityMapping) -> Doubted:
        """The creates of which nobody knew what became when the lane first asked; no push changes that for the creates before it."""
        if entity.name not in self._doubted:
            self._doubted[entity.name] = Doubted(self.context, entity)
        return self._doubted[entity.name]

"""A run that dies again and again does not stop the rest.

After three deaths its entities run one by one, and one that still dies three times is set aside, tried again with growing pauses.

Crash: what is being worked on is written down before the work begins (`begin`) and struck out after it. A process that is killed
in the middle finds it at its next start and counts it as a death.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

STRIKES: Final = 3
PAUSE: Final = timedelta(seconds=30)
PAUSE_MAX: Final = timedelta(minutes=30)

Group = tuple[str, ...]
"""Entities that run together; empty: all of them."""
ALL: Final[Group] = ()


@dataclass(slots=True)
class Isolation:
    """Deaths in a row, by group; when a group that is set aside is tried again; what was being worked on."""

    deaths: dict[Group, int] = field(default_factory=dict)
    aside: dict[Group, datetime] = field(default_factory=dict)
    working: Group | None = None

    def groups(self, entities: Sequence[str], now: datetime) -> list[Group]:
        """What to run, in this order."""
        if self.deaths.get(ALL, 0) < STRIKES:
            return [ALL]
        return [(name,) for name in entities if self.aside.get((name,), now) <= now]

    def begin(self, group: Group) -> None:
        """Work on a group begins."""
        self.working = group

    def end(self) -> None:
        """It is over, however it ended."""
        self.working = None

    def died(self, group: Group, now: datetime) -> None:
        """It ended with a bug, or with the process."""
        self.working = None
        count = self.deaths[group] = self.deaths.get(group, 0) + 1
        if group != ALL and count >= STRIKES:
            self.aside[group] = now + min(PAUSE_MAX, PAUSE * 2.0 ** (count - STRIKES))

    def lived(self, group: Group) -> None:
        """It ended well."""
        self.working = None
        self.deaths.pop(group, None)
        self.aside.pop(group, None)

    def together(self) -> None:
        """Every single group has lived in one pass: they run together again."""
        self.deaths.pop(ALL, None)

    def split(self) -> bool:
        """Whether the entities run one by one."""
        return self.deaths.get(ALL, 0) >= STRIKES

    def to_json(self) -> dict[str, Any]:
        """For the state."""
        return {
            "deaths": [[list(group), count] for group, count in self.deaths.items()],
            "aside": [[list(group), until.isoformat()] for group, until in self.aside.items()],
            "working": None if self.working is None else list(self.working),
        }

    @classmethod
    def from_json(cls, raw: Any) -> Isolation:
        """From the state; anything else is a clean slate."""
        try:
            return cls(
                {tuple(group): int(count) for group, count in raw["deaths"]},
                {tuple(group): datetime.fromisoformat(until) for group, until in raw["aside"]},
                None if raw["working"] is None else tuple(raw["working"]),
            )
        except (KeyError, TypeError, ValueError):
            return cls()

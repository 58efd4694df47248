"""An event of the inbox, read: what routes see of it, and the name of what it causes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from sync.mapping import Route
from sync.mapping.load import STREAM
from sync.mapping.vendors import HINTS
from sync.state import Event

ENTITY: Final = STREAM
"""The entity under which the journal and the reports know what events cause."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One event. ``number`` is the inbox's; ``data`` is what its system says happened, as yet unproven."""

    number: int
    system: str
    stream: str
    id: str
    timestamp: str | None
    data: Mapping[str, Any]
    received_at: datetime

    @property
    def on(self) -> str:
        """How a route names its stream."""
        return f"{self.system}:{self.stream}"

    def shown(self) -> dict[str, Any]:
        """The event as templates and conditions see it."""
        return {
            "id": self.id,
            "system": self.system,
            "event": self.stream,
            "timestamp": self.timestamp,
            "data": self.data,
        }

    def cause(self, route: Route) -> str:
        """The name of what this event causes on this route."""
        return f"{route.key}/{self.system}/{self.id}"

    def rows(self, kind: str) -> dict[str, str]:
        """Remote ids by collection of the rows that the event is about, in a system of this kind."""
        found = {}
        for name, paths in HINTS.get(kind, {}).items():
            ids = [value for path in paths if isinstance(value := at(self.data, path), str) and value]
            if ids:
                found[name] = ids[0]
        return found


def read(event: Event) -> Happening:
    """An event as it was received; one without usable content has no data."""
    try:
        body = orjson.loads(event.body)
    except orjson.JSONDecodeError:
        body = None
    told = body if isinstance(body, Mapping) else {}
    data, stamp = told.get("data"), told.get("timestamp")
    return Happening(
        event.number,
        event.system,
        event.kind,
        event.event,
        stamp if isinstance(stamp, str) else None,
        data if isinstance(data, Mapping) else {},
        event.received_at,
    )


def split(cause: str) -> tuple[str, str, str]:
    """(route key, system, event id) of a cause."""
    key, system, event = cause.split("/", 2)
    return key, system, event


def at(data: Mapping[str, Any], path: str) -> Any:
    """The value under a dotted path; None where there is none."""
    value: Any = data
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

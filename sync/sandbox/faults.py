"""Faults on demand: which request each one hits, and how often. What a hit does to the answer is done in ``front``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import orjson

from sync.sandbox.wire import Response

KINDS = {
    "status": "answers `status` without acting (with `commit`: after acting)",
    "drop_before": "cuts the connection before acting",
    "drop_after": "acts, then cuts the connection",
    "delay": "acts, then answers `delay_s` late",
    "delay_before": "waits `delay_s`, then acts and answers",
    "malformed": "acts, then answers half of the body (or `body`) with status 200",
    "rows": "the rows of a batch at positions `rows` fail with `error`",
    "stale": "answers reads from `delay_s` seconds ago",
    "late_commit": "what is written now becomes visible `delay_s` later, with the stamps of now",
}
OF_READS = {"stale"}
OF_WRITES = {"rows", "late_commit"}
TIMED = {"delay", "delay_before", "stale", "late_commit"}


@dataclass
class Fault:
    """One armed fault. ``after`` requests pass first, then ``times`` are hit (None: for ever)."""

    kind: str
    method: str = ""
    path: re.Pattern[str] = field(default_factory=lambda: re.compile(""))
    after: int = 0
    times: int | None = 1
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    delay_s: float = 0.0
    rows: tuple[int, ...] = ()
    error: str = "UNABLE_TO_LOCK_ROW"
    commit: bool = False

    def concerns(self, method: str, path: str, query: str, *, reads: bool) -> bool:
        """Whether a request is of the kind that this fault waits for; the pattern may need the query or not."""
        if (self.kind in OF_READS and not reads) or (self.kind in OF_WRITES and reads):
            return False
        if self.method and self.method != method:
            return False
        return bool(self.path.search(path) or (query and self.path.search(f"{path}?{query}")))

    def own_response(self, status: int) -> Response:
        """The answer this fault was armed with."""
        if self.body is None:
            return Response(status, b"", dict(self.headers))
        if isinstance(self.body, str):
            return Response(status, self.body.encode(), {"content-type": "text/plain; charset=utf-8", **self.headers})
        return Response(status, orjson.dumps(self.body), {"content-type": "application/json", **self.headers})

    def shown(self) -> dict[str, Any]:
        """What `GET /_control/faults` tells of it."""
        return {
            "kind": self.kind,
            "method": self.method,
            "path": self.path.pattern,
            "after": self.after,
            "times": self.times,
        }


class Faults:
    """The faults armed for one vendor, in the order they were armed. Used under the vendor's lock."""

    def __init__(self) -> None:
        self._armed: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        """Adds one behind those already there."""
        self._armed.append(fault)

    def disarm(self) -> None:
        """Forgets all."""
        self._armed.clear()

    def shown(self) -> list[dict[str, Any]]:
        """All armed faults as plain data."""
        return [fault.shown() for fault in self._armed]

    def take(
        self, method: str, path: str, query: str = "", *, reads: bool, kinds: set[str] | None = None
    ) -> Fault | None:
        """The first fault that hits this request; those it meets on the way count the request towards their `after`."""
        for fault in self._armed:
            if (kinds and fault.kind not in kinds) or not fault.concerns(method, path, query, reads=reads):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            self._use(fault)
            return fault
        return None

    def _use(self, fault: Fault) -> None:
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times <= 0:
            self._armed = [other for other in self._armed if other is not fault]

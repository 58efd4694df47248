"""What was asked of one vendor: totals by route, and a log of the latest calls."""

from __future__ import annotations

from collections import Counter, deque
from datetime import UTC, datetime
from typing import Any, NamedTuple

LOG_MAX = 200_000


class Call(NamedTuple):
    """One row of the log; status 0 is a connection cut without an answer."""

    n: int
    at: float
    method: str
    path: str
    query: str
    status: int
    write: bool
    rows: int
    auth: bool

    def shown(self) -> dict[str, Any]:
        """The row as the control plane gives it."""
        return {**self._asdict(), "at": datetime.fromtimestamp(self.at, UTC).isoformat().replace("+00:00", "Z")}


class Calls:
    """Counts are complete; the log keeps the latest `LOG_MAX`. Used under the vendor's lock."""

    def __init__(self) -> None:
        self._count = 0
        self._total = 0
        self._by_route: Counter[str] = Counter()
        self._log: deque[Call] = deque(maxlen=LOG_MAX)

    def record(self, route: str, call: Call) -> None:
        """Adds one call; its `n` is given here. Log-ins are logged and not counted in the total."""
        self._count += 1
        self._log.append(call._replace(n=self._count))
        if not call.auth:
            self._total += 1
            self._by_route[route] += 1

    def forget(self) -> None:
        """Starts from nought."""
        self._count = self._total = 0
        self._by_route.clear()
        self._log.clear()

    def shown(self, *, log: bool) -> dict[str, Any]:
        """Totals, and the log when asked for."""
        counts: dict[str, Any] = {"total": self._total, "by_route": dict(self._by_route)}
        return {**counts, "log": [call.shown() for call in self._log]} if log else counts

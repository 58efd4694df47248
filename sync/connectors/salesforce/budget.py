"""What Salesforce lets us spend: calls counted, the org's allowance as the last answer told it, and our pace.

``Sforce-Limit-Info`` comes with every REST answer (apis/salesforce.md 4.1). It is the only count that survives a
restart, so the share of the day is measured with it: with the app's own number where the org reports one, else with
the whole org's, because a full quota stops everybody in the org, not only us.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

from sync.errors import QuotaError
from sync.model.clock import Clock

_ORG = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")
_APP = re.compile(r"per-app-api-usage=(\d+)/(\d+)")
RESET_S = 900.0
"""The allowance is a rolling day: there is no reset time, a quarter of an hour frees a hundredth of it."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Calls of the last 24 hours, and the limit they count against."""

    used: int
    limit: int
    ours: int

    @property
    def left(self) -> int:
        """Calls that the org still has."""
        return max(0, self.limit - self.used)


def parse_limit_info(header: str) -> Allowance | None:
    """Reads ``api-usage=18/15000; per-app-api-usage=17/250(appName=x)``; further parts may follow or be absent."""
    org = _ORG.search(header)
    if org is None:
        return None
    app = _APP.search(header)
    return Allowance(int(org[1]), int(org[2]), int((app or org)[1]))


class Budget:
    """Shared by all threads of one connector."""

    def __init__(self, clock: Clock, share: float, requests_per_minute: float | None, system: str) -> None:
        self._clock = clock
        self._share = share
        self._gap = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._system = system
        self._lock = threading.Lock()
        self._next = 0.0
        self.calls = 0
        self._told_at = 0.0
        self.allowance: Allowance | None = None

    def admit(self, *, exempt: bool) -> None:
        """Waits for this request's turn. Raises QuotaError past our share of the day, unless the call is `exempt`."""
        if not exempt and self._spent():
            raise QuotaError(
                "our share of the org's daily API calls is spent",
                wait_s=RESET_S,
                remedy="raise daily_call_share, poll less often, or wait for the rolling day to free calls",
                system=self._system,
            )
        wait = self._turn()
        if wait > 0:
            self._clock.sleep(wait)

    def count(self, limit_info: str | None) -> None:
        """One request was answered; remembers what the answer says about the allowance."""
        told = parse_limit_info(limit_info or "")
        with self._lock:
            self.calls += 1
            if told is not None:
                self.allowance, self._told_at = told, self._clock.monotonic()

    def _spent(self) -> bool:
        """Whether the share was spent at the last answer; an old one is not believed, or we would never ask again."""
        allowance = self.allowance
        fresh = self._clock.monotonic() - self._told_at < RESET_S
        return allowance is not None and fresh and allowance.ours >= allowance.limit * self._share

    def _turn(self) -> float:
        with self._lock:
            now = self._clock.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._gap
            return turn - now

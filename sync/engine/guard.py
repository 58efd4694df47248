"""Guard a whole plan before its first byte: limits on operations per system, each the larger of a count and a share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` operations, or `share` of the linked records, whichever is larger. None: that half does not apply."""

    count: int | None = None
    share: float | None = None

    def of(self, linked: int) -> int:
        """The limit for this many linked records."""
        return max(self.count or 0, int((self.share or 0.0) * linked))


@dataclass(frozen=True, slots=True)
class Limits:
    """The safety section of the configuration. None: no limit."""

    creates: Limit | None
    updates: Limit | None
    clears: Limit | None
    deletes: Limit | None
    opt_outs: Limit | None


@dataclass(frozen=True, slots=True)
class Load:
    """What a plan would do to one system, in operations; ``linked`` records are there now."""

    creates: int = 0
    updates: int = 0
    clears: int = 0
    deletes: int = 0
    opt_outs: int = 0
    linked: int = 0


@dataclass(frozen=True, slots=True)
class Breach:
    """One limit that a plan exceeds."""

    system: str
    what: str
    planned: int
    limit: int

    def __str__(self) -> str:
        return f"{self.planned} {self.what.replace('_', ' ')} in {self.system}; the limit is {self.limit}"


def guard(
    loads: Mapping[str, Load], limits: Limits, *, backfill: bool = False, consent_mapping_changed: bool = False
) -> list[Breach]:
    """Every limit exceeded, per system. A backfill may create and update without limit."""
    breaches = []
    for system, load in sorted(loads.items()):
        for what in ("creates", "updates", "clears", "deletes", "opt_outs"):
            limit: Limit | None = getattr(limits, what)
            if limit is None or (backfill and what in ("creates", "updates")):
                continue
            allowed = 0 if what == "opt_outs" and consent_mapping_changed else limit.of(load.linked)
            planned: int = getattr(load, what)
            if planned > allowed:
                breaches.append(Breach(system, what, planned, allowed))
    return breaches

"""Choose one of several values that people gave one field: a deterministic function of the contenders.

Says nothing about how contenders come about (``detect``) nor what happens to the losers (``merge``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sync.model.values import Canonical

WEAKEST = 1_000


@dataclass(frozen=True, slots=True)
class Contender:
    """One value in the running. ``changed_at`` is the record's own time of the change (None: it tells none)."""

    system: str
    value: Canonical
    changed_at: datetime | None = None
    margin: timedelta = timedelta(0)
    hub: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The winner and the rule that made it win. No winner: a person must choose."""

    winner: Contender | None
    rule: str


def prefer(contenders: Sequence[Contender], order: Sequence[str]) -> Contender:
    """The contender of the strongest system; among equals the hub, then the later change, then the smaller text."""
    return min(contenders, key=lambda c: (_rank(c.system, order), not c.hub, _lateness(c), str(c.value)))


def latest(contenders: Sequence[Contender]) -> Contender | None:
    """The contender whose change is certainly later than every different value's, or None where that is not known."""
    if any(c.changed_at is None for c in contenders):
        return None
    last = max(contenders, key=lambda c: -_lateness(c))
    others = [c for c in contenders if c.value != last.value]
    return last if all(_certainly_before(other, last) for other in others) else None


def choose(contenders: Sequence[Contender], policy: str, order: Sequence[str]) -> Choice:
    """One winner by `policy` (prefer, latest or manual); contenders of one value never conflict."""
    strongest = prefer(contenders, order)
    if all(c.value == strongest.value for c in contenders):
        return Choice(strongest, "edit")
    if policy == "manual":
        return Choice(None, "manual")
    if policy == "latest" and (last := latest(contenders)) is not None:
        return Choice(last, "latest")
    return Choice(strongest, "prefer")


def _rank(system: str, order: Sequence[str]) -> int:
    return order.index(system) if system in order else WEAKEST


def _lateness(contender: Contender) -> float:
    return -contender.changed_at.timestamp() if contender.changed_at else 0.0


def _certainly_before(earlier: Contender, later: Contender) -> bool:
    if earlier.changed_at is None or later.changed_at is None:
        return False
    return earlier.changed_at + earlier.margin < later.changed_at - later.margin

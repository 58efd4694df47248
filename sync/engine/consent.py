"""The consent lattice: UNSUBSCRIBED > PENDING > SUBSCRIBED > nothing known. A join, never a vote; software never lowers it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sync.model.values import PENDING, SUBSCRIBED, UNSUBSCRIBED, Canonical

STRICTNESS: Final = {SUBSCRIBED: 1, PENDING: 2, UNSUBSCRIBED: 3}


def strictness(state: Canonical) -> int:
    """0 for nothing known, up to 3 for an opt-out."""
    return STRICTNESS.get(state, 0) if isinstance(state, str) else 0


def join(states: Iterable[Canonical]) -> Canonical:
    """The strictest of the states; None when none is known."""
    return max(states, key=strictness, default=None) or None


def is_opt_out(state: Canonical) -> bool:
    """Whether the state forbids mailing for good."""
    return bool(state == UNSUBSCRIBED)

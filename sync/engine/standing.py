"""Whose word stands beside whose: a living row goes before a deleted one, and the row under a former address says no first word."""

from __future__ import annotations

from collections.abc import Sequence

from sync.engine.detect import News, Seen
from sync.engine.policy import Contender
from sync.model.record import LinkState


def is_first_word(s: Seen) -> bool:
    """Whether a system says something of a field for the first time; a former row there is not its word."""
    return s.news is News.FIRST and s.link.state is not LinkState.FORMER


def standing(voices: Sequence[Seen], contenders: Sequence[Contender]) -> list[Contender]:
    """The contenders that may win. ``contenders``: those of the voices, in their order, then the hub value where it runs.

    An edit in a row that lives, or that became the value and was never seen by a row that was deleted since, goes before an edit
    in that row; the first word of a former row goes after all.
    """
    said, others = list(zip(voices, contenders, strict=False)), list(contenders[len(voices) :])
    now = [(s, c) for s, c in said if s.news is not News.FIRST or is_first_word(s)]
    said = now if now or others else said
    living = [c for s, c in said if s.link.state is not LinkState.TOMBSTONE]
    return living + others or [c for _, c in said]

"""Match an unlinked remote row with its record, or make a question of it. Never a guess.

Order: our id in the remote's external-id field, then the match keys in their order, then a new record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What to do with an unlinked row."""

    NEW = "new"
    LINK = "link"
    TOMBSTONE = "tombstone"
    """The row is deleted and belonged to this record: remember it, so that it is never made anew."""
    AMBIGUOUS = "ambiguous"
    WAIT = "wait"
    """A create of ours is in doubt here that may have made it, or its key is not shown: nothing can be known yet."""
    IGNORE = "ignore"
    """A deleted row that belongs to nobody."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A remote row that holds the same match key. ``record`` is its record, where it has one; ``linked`` says by a live link."""

    system: str
    object: str
    remote_id: str
    deleted: bool
    record: str | None
    linked: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, with the record it names and the remote ids in question (``system:id``)."""

    verdict: Verdict
    record: str | None = None
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unmatched:
    """The row to match: its place, its keys in order with who else holds them, and the record stamped on it, if that is known.

    ``sent_for``: the record for which we sent a create with one of these keys to this system and never learned what became of it;
    ``open`` says that recovery is still looking. ``hidden``: the row does not show a match key (no permission, a schema that drifted).
    """

    system: str
    object: str
    remote_id: str
    deleted: bool
    stamped: str | None
    claims: Sequence[Sequence[Claim]]
    sent_for: str | None = None
    open: bool = False
    hidden: bool = False


def match(row: Unmatched, slots: Mapping[str, frozenset[str]], occupied: Mapping[str, frozenset[str]]) -> Decision:
    """Decides about one row.

    Args:
        row: the unlinked row.
        slots: record -> systems where it has a live link.
        occupied: record -> systems where a create of ours is in doubt.
    """
    if row.stamped is not None:
        return _stamped(row, slots)
    if row.sent_for is not None and not row.deleted:
        if row.open:
            return Decision(Verdict.WAIT, row.sent_for)
        if row.system not in slots.get(row.sent_for, frozenset()):
            return Decision(Verdict.LINK, row.sent_for)
        # The create was sent once more, its record goes by another key since, and the first sending may have made this row.
        return Decision(Verdict.AMBIGUOUS, row.sent_for, (_name(row.system, row.remote_id),))
    if row.hidden:
        return Decision(Verdict.WAIT)
    for claims in row.claims:
        decision = _by_key(row, claims, slots, occupied)
        if decision is not None:
            return decision
    return Decision(Verdict.IGNORE if row.deleted else Verdict.NEW)


def _stamped(row: Unmatched, slots: Mapping[str, frozenset[str]]) -> Decision:
    record = row.stamped
    assert record is not None
    if row.deleted:
        return Decision(Verdict.TOMBSTONE, record)
    if row.system in slots.get(record, frozenset()):
        return Decision(Verdict.AMBIGUOUS, record, (_name(row.system, row.remote_id),))
    return Decision(Verdict.LINK, record)


def _by_key(
    row: Unmatched, claims: Sequence[Claim], slots: Mapping[str, frozenset[str]], occupied: Mapping[str, frozenset[str]]
) -> Decision | None:
    others = [
        claim
        for claim in claims
        if (claim.system, claim.object, claim.remote_id) != (row.system, row.object, row.remote_id)
    ]
    records = sorted({claim.record for claim in others if claim.record is not None})
    if row.deleted:
        free = [record for record in records if row.system not in slots.get(record, frozenset())]
        return Decision(Verdict.TOMBSTONE, free[0]) if len(free) == 1 else None
    rivals = [claim for claim in others if claim.system == row.system and not claim.deleted]
    if rivals:
        return _question([*rivals, *others], row)
    living = [record for record in records if slots.get(record)]
    if len(living) > 1:
        return _question(others, row)
    if living and row.system in occupied.get(living[0], frozenset()):
        return Decision(Verdict.WAIT, living[0])
    if living and row.system in slots.get(living[0], frozenset()):
        return _question(others, row)
    if living:
        return Decision(Verdict.LINK, living[0])
    return Decision(Verdict.LINK, records[0]) if len(records) == 1 else None


def _question(claims: Sequence[Claim], row: Unmatched) -> Decision:
    names = {_name(claim.system, claim.remote_id) for claim in claims if not claim.deleted}
    return Decision(Verdict.AMBIGUOUS, None, tuple(sorted(names | {_name(row.system, row.remote_id)})))


def _name(system: str, remote_id: str) -> str:
    return f"{system}:{remote_id}"

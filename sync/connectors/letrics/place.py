"""The cursor of Letrics: what of time has been read, what is owed, and when the whole was last gone over, as JSON.

No row tells when it was changed, and a person who joins an old company is not new (T-L1, T-L2): so beside the newest companies, which
each pull asks for, everything is read again in tiers, the young often and the old seldom.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from sync.connectors.letrics.windows import Window, moment, spell
from sync.model.remote import Feed


@dataclass(frozen=True, slots=True)
class Tier:
    """Companies added within ``span`` (None: all) are read again ``every`` so often."""

    span: timedelta | None
    every: timedelta


TIERS: Final = (
    Tier(timedelta(days=7), timedelta(days=1)),
    Tier(timedelta(days=90), timedelta(days=7)),
    Tier(None, timedelta(days=30)),
)
"""The sheet's proposal (T-L1), from the narrowest to the widest."""


@dataclass(frozen=True, slots=True)
class Place:
    """Everything added by ``through`` has been yielded, but for the windows that are still ``owed``.

    ``tier`` is the widest one that is being read again, since ``begun``; ``scanned`` when each was last begun and then ended.
    ``spent``: rows read of this object on ``day`` (UTC), for the daily budget.
    """

    feed: str
    object: str
    through: datetime | None = None
    owed: tuple[Window, ...] = ()
    tier: int | None = None
    begun: datetime | None = None
    scanned: tuple[datetime | None, ...] = ()
    day: str = ""
    spent: int = 0

    def begin(self, now: datetime, overlap: timedelta, tiers: Sequence[Tier], *, full: bool) -> Place:
        """What a pull that begins now has to read: the newest first, then what is owed, or else the widest tier that is due."""
        widest = len(tiers) - 1
        walking = self.through is not None and self.owed and self.tier == widest
        if self.through is None or (full and not walking):
            everything = (Window(None, now),)
            return replace(self, through=now, owed=everything, tier=widest, begun=now, scanned=(None,) * len(tiers))
        low = min(self.through, now) - overlap
        started = replace(self, through=max(now, self.through), owed=(Window(low, now), *self.owed))
        due = None if self.owed else self._due(now, tiers)
        if due is None:
            return started
        span = tiers[due].span
        low_due = None if span is None else min(low, now - span)
        return replace(started, owed=(Window(low_due, now),), tier=due, begun=now)

    def _due(self, now: datetime, tiers: Sequence[Tier]) -> int | None:
        last = (*self.scanned, *(None for _ in tiers))
        late = [n for n, tier in enumerate(tiers) if (at := last[n]) is None or now - at >= tier.every or at > now]
        return max(late, default=None)

    def settle(self, pieces: Iterable[Window] = ()) -> Place:
        """The first window is read, or has come to pieces that are still to be read."""
        owed = (*pieces, *self.owed[1:])
        if owed or self.tier is None:
            return replace(self, owed=owed)
        done = tuple(self.begun if n <= self.tier else at for n, at in enumerate(self.scanned))
        return replace(self, owed=(), tier=None, begun=None, scanned=done)

    def postpone(self) -> Place:
        """The first window has its turn after the others."""
        return replace(self, owed=(*self.owed[1:], *self.owed[:1]))

    def dump(self) -> str:
        """The cursor."""
        body: dict[str, Any] = {
            "feed": self.feed,
            "object": self.object,
            "through": _told(self.through),
            "owed": [[_told(window.after), _told(window.before)] for window in self.owed],
            "tier": self.tier,
            "begun": _told(self.begun),
            "scanned": [_told(at) for at in self.scanned],
            "day": self.day,
            "spent": self.spent,
        }
        return orjson.dumps(body).decode()

    @classmethod
    def parse(cls, cursor: str | None, feed: str, name: str) -> Place:
        """The place of a cursor. One that is damaged or belongs to another feed is a start from nothing."""
        try:
            body = orjson.loads(cursor or "{}")
            if body.get("feed") != feed:
                return cls(feed, name)
            owed = tuple(Window(moment(low), _sure(moment(high))) for low, high in body["owed"])
            scanned = tuple(moment(at) for at in body["scanned"])
            through, begun = moment(body["through"]), moment(body["begun"])
            tier = None if body["tier"] is None else int(body["tier"])
            return cls(feed, name, through, owed, tier, begun, scanned, str(body["day"]), int(body["spent"]))
        except (ValueError, TypeError, AttributeError, KeyError):
            return cls(feed, name)


def digest(feed: Feed) -> str:
    """What ties a cursor to a feed: other columns or filters make every row new."""
    asked = [feed.object, sorted(feed.paths), feed.where or "", sorted(feed.params.items())]
    return hashlib.sha256(orjson.dumps(asked, default=str)).hexdigest()[:12]


def spent_on(cursors: Iterable[str]) -> dict[tuple[str, str], int]:
    """Rows read by (day, object), as cursors of one system tell it."""
    found: dict[tuple[str, str], int] = {}
    for cursor in cursors:
        try:
            body = orjson.loads(cursor)
            pair = (str(body["day"]), str(body["object"]))
            found[pair] = max(found.get(pair, 0), int(body["spent"]))
        except (ValueError, TypeError, KeyError):
            continue
    return found


def _told(at: datetime | None) -> str | None:
    return None if at is None else spell(at)


def _sure(at: datetime | None) -> datetime:
    if at is None:
        raise ValueError("a window without an end")
    return at

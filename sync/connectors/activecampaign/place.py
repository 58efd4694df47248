"""The cursor: where a later pull goes on, as JSON."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime

import orjson

from sync.connectors.activecampaign.values import moment
from sync.model.remote import Feed


@dataclass(frozen=True, slots=True)
class Place:
    """Everything that changed before ``since`` (the vendor's clock) has been yielded.

    ``fine``: the vendor's filter was seen to know seconds; ``tried_at``: when that was last asked. ``blind``: paths that were left out.
    ``after`` is the last id yielded of a walk over everything that has not ended, which ``began`` at that time. ``feed`` ties
    the cursor to what was asked.
    """

    feed: str
    since: datetime | None = None
    after: int = 0
    began: datetime | None = None
    fine: bool = False
    tried_at: datetime | None = None
    blind: tuple[str, ...] = ()

    def dump(self) -> str:
        """The cursor."""
        return orjson.dumps({name: value for name, value in asdict(self).items() if value}).decode()

    @classmethod
    def parse(cls, cursor: str | None, feed: str) -> Place:
        """The place of a cursor. One that is damaged or belongs to another feed is a start from nothing."""
        try:
            stored = orjson.loads(cursor or "{}")
            if stored.get("feed") != feed:
                return cls(feed)
            since, began, tried_at = (moment(stored.get(name)) for name in ("since", "began", "tried_at"))
            after, fine = int(stored.get("after", 0)), stored.get("fine") is True
            return cls(feed, since, after, began, fine, tried_at, tuple(map(str, stored.get("blind", ()))))
        except (ValueError, TypeError, AttributeError):
            return cls(feed)


def digest(feed: Feed) -> str:
    """What ties a cursor to a feed: other columns or filters make every row new."""
    asked = [feed.object, sorted(feed.paths), feed.where or "", sorted(map(str, feed.params.items()))]
    return hashlib.sha256(orjson.dumps(asked)).hexdigest()[:12]

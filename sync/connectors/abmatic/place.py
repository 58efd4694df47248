"""The cursor of Abmatic: where a later pull goes on, as JSON."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime

import orjson

from sync.connectors.abmatic.listing import Count
from sync.connectors.abmatic.rows import moment
from sync.model.remote import Feed


@dataclass(frozen=True, slots=True)
class Place:
    """Everything that changed before ``watermark`` (server time) has been yielded.

    ``page`` is the last page yielded of a first full walk that has not ended, with its ``count`` so far, and the time the
    pull ``began``. ``side`` is the digest of the group memberships,
    ``swept_at`` when the analytics of all ``size`` campaigns were last read. ``by_creation``: new rows carry
    no change time, so they must be asked for by creation as well. ``rows``: what the list shows of a row, ``whole`` or ``sparse``;
    empty until there was one to find out by. ``feed`` ties the cursor to what was asked.
    """

    feed: str
    watermark: datetime | None = None
    page: int = 0
    began: datetime | None = None
    count: Count | None = None
    side: str | None = None
    swept_at: datetime | None = None
    size: int = 0
    by_creation: bool = False
    rows: str = ""

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
            times = {name: moment(stored[name]) for name in ("watermark", "began", "swept_at") if name in stored}
            count = stored.get("count")
            counted = {"count": Count(**(count | {"opened": moment(count["opened"])}))} if count else {}
            return cls(**(stored | times | counted))
        except (ValueError, TypeError, AttributeError, KeyError):
            return cls(feed)


def digest(profile: str, feed: Feed) -> str:
    """What ties a cursor to a feed: other columns or filters make every row new."""
    asked = [profile, feed.object, sorted(feed.paths), feed.where or "", sorted(map(str, feed.params.items()))]
    return hashlib.sha256(orjson.dumps(asked)).hexdigest()[:12]

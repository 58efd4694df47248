"""Where a pull stands: three frozen values and their JSON. Every time in them is the server's.

* `Walk`: in the middle of a full enumeration by id.
* `Mark`: all changes up to `stamp` are persisted; where the next incremental pull starts from.
* `Step`: in the middle of an incremental pull that started from `mark`.

How late rows are found. A row gets its SystemModstamp inside its transaction and becomes visible at commit, so it may
show up behind rows that carry later stamps. `stamp` is the smaller of the newest stamp persisted and of the server's
time when the pull began: what was not visible then is stamped at most one transaction before then. A pull reads again:

* tier 1, on every pull while that costs a call: the last `overlap_s` (600 s) before `stamp`. Where it held more than a page (a bulk
  load lies in it) it is read every `DEEP_EVERY_S` only, from `overlap_s` before where the last such reading began, so that no row falls
  between two of them; the pulls between read the last `NEAR_S` before `stamp`, and what was changed just now does not wait for the load;
* tier 2: the last hour before `stamp` (`WIDE_S`), on every pull while that window is cheap (at most `CHEAP_ROWS`
  rows, the same single call), else on every fifth pull or when five minutes have passed; given up for one turn where
  the first page shows that it would cost more than `WIDE_ROWS_MAX` rows;
* tier 3, the runner's: the nightly 48 h (a cursor handed back by `rewound`) and the weekly full enumeration.

An unchanged row that is read again is equal to what is known and costs nothing but its bytes. After a bulk load even
tier 1 may hold many pages, with nothing newer to move it on; so after a pull of more than a page `stamp` is the start
of that pull itself, and on an object that is idle since then the window is empty `overlap_s` later.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from sync.connectors.salesforce.rows import moment

WIDE_S = 3600.0
WIDE_EVERY = 5
WIDE_EVERY_S = 300.0
WIDE_ROWS_MAX = 10_000
CHEAP_ROWS = 500
PAGE_ROWS = 2000
NEAR_S = 120.0
DEEP_EVERY_S = 300.0
EPOCH = "1970-01-01T00:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Mark:
    """All rows stamped up to `stamp` are persisted. `at`: when the last finished pull began.

    `wide_at`, `wide_rows`: when the last wide re-read began and what it held; `narrow`: pulls since then. `deep_at`,
    `deep_rows`: the same of the last pull that read the whole overlap, and `deep_stamp` what `stamp` was after it; `near`:
    this pull reads less. `bin_at`: when the delete log was read last, for objects whose deleted rows are in no bin;
    `bin_to`: up to when it was complete then.
    """

    stamp: str = EPOCH
    at: str | None = None
    wide_at: str | None = None
    wide_rows: int = 0
    narrow: int = 0
    deep_at: str | None = None
    deep_rows: int = 0
    deep_stamp: str | None = None
    near: bool = False
    bin_at: str | None = None
    bin_to: str | None = None

    def wants_wide(self, now: datetime | None) -> bool:
        """Whether the next pull re-reads an hour."""
        if self.wide_rows <= CHEAP_ROWS or self.narrow + 1 >= WIDE_EVERY:
            return True
        since = moment(self.wide_at)
        return bool(now and since and (now - since).total_seconds() >= WIDE_EVERY_S)

    def allows_near(self, now: datetime | None) -> bool:
        """Whether the next pull may leave most of the overlap to a later one."""
        since = moment(self.deep_at)
        soon = bool(now and since and timedelta() <= now - since < timedelta(seconds=DEEP_EVERY_S))
        return soon and self.deep_rows > PAGE_ROWS

    def lower(self, overlap_s: float) -> datetime:
        """The first stamp to read: never a guess of ours, always the server's time less the overlap."""
        stamp = self.stamp if self.near else min(self.stamp, self.deep_stamp or self.stamp)
        return max(time(stamp) - timedelta(seconds=overlap_s), time(EPOCH))

    def read(self, stamp: str, began: str | None, rows: int) -> Mark:
        """The mark after a pull that `began` then, read so many rows, and knows all up to `stamp`."""
        after = replace(self, stamp=stamp, at=began or self.at, near=False)
        return after if self.near else replace(after, deep_at=began, deep_rows=rows, deep_stamp=stamp)

    def clamped(self, now: datetime) -> Mark:
        """The same mark without times that lie in the server's future (a restored or edited cursor)."""
        return replace(self, stamp=min(self.stamp, text(now)), at=None, deep_at=None, near=False)


@dataclass(frozen=True, slots=True)
class Step:
    """In an incremental pull that `began` at a server time: all rows up to (`stamp`, `id`) are persisted."""

    mark: Mark
    began: str | None
    stamp: str
    id: str

    def done(self, rows: int) -> Mark:
        """Where the next pull starts: never past the start of this one, which read `rows` rows."""
        newest = max(earlier(self.stamp, self.began), earlier(self.mark.stamp, self.began))
        newest = self.began if self.began is not None and rows > PAGE_ROWS else newest
        return self.mark.read(newest, self.began, rows)


@dataclass(frozen=True, slots=True)
class Walk:
    """In a full enumeration that `began` at a server time: rows up to `id` are persisted, `newest` is their last stamp.

    `job`, `locator` and the rows so far (`count`) are those of a bulk query, whose rows come in no order.
    """

    began: str | None = None
    id: str | None = None
    newest: str = EPOCH
    job: str | None = None
    locator: str | None = None
    count: int = 0

    def done(self) -> Mark:
        """Where incremental pulls start after the walk. An object without rows is read from the beginning again."""
        return Mark(stamp=earlier(self.newest, self.began), at=self.began, wide_at=self.began, bin_at=self.began)


Place = Mark | Step | Walk
_KINDS: dict[str, type[Mark | Step | Walk]] = {"mark": Mark, "step": Step, "walk": Walk}


def dump(place: Place, object: str) -> str:  # noqa: A002 - the feed's word
    """The cursor's text."""
    kind = next(name for name, known in _KINDS.items() if known is type(place))
    return orjson.dumps({"v": 1, "object": object, "kind": kind, **asdict(place)}).decode()


def load(cursor: str | None, object: str) -> Place | None:  # noqa: A002 - the feed's word
    """Reads a cursor; None (start from the beginning) where there is none or it is not one of this object's."""
    try:
        body: Any = orjson.loads(cursor or "null")
        if not isinstance(body, dict) or body.pop("v", None) != 1 or body.pop("object", None) != object:
            return None
        kind = _KINDS[body.pop("kind")]
        if kind is Step:
            body["mark"] = Mark(**body["mark"])
        place = kind(**body)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return place if _is_sound(place) else None


def rewound(cursor: str, seconds: float) -> str:
    """The cursor of an incremental pull, set back for the runner's nightly re-scan; others are returned as they are."""
    body = orjson.loads(cursor)
    place = load(cursor, str(body.get("object"))) if isinstance(body, dict) else None
    if not isinstance(place, Mark):
        return cursor
    back = max(time(place.stamp) - timedelta(seconds=seconds), time(EPOCH))
    return dump(replace(place, stamp=text(back), at=None, deep_at=None), str(body["object"]))


def text(moment_: datetime) -> str:
    """A time in the form of this module, which sorts as text."""
    return moment_.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def earlier(stamp: str, began: str | None) -> str:
    """The smaller of a stamp and the start of the pull that saw it."""
    return stamp if began is None else min(stamp, began)


def time(stamp: str) -> datetime:
    """The date-time of a text of this module."""
    found = moment(stamp)
    assert found is not None, "cursors are checked when they are read"
    return found


def _is_sound(place: Place) -> bool:
    stamps = [place.began] if not isinstance(place, Mark) else _stamps(place)
    if isinstance(place, Step):
        stamps += [place.stamp, *_stamps(place.mark)]
    return all(stamp is None or moment(stamp) is not None for stamp in stamps)


def _stamps(mark: Mark) -> list[str | None]:
    return [mark.stamp, mark.at, mark.wide_at, mark.deep_at, mark.deep_stamp, mark.bin_at, mark.bin_to]

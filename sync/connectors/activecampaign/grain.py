"""How finely the vendor's filter by change can be asked: by day, until it is seen that seconds are honoured.

The filter is documented as a date; whether a time of day counts is not (`apis/activecampaign.md` 13.4). By day alone every poll reads again
all that changed since the day before, which after a backfill is everybody. So where that was more than one page, the vendor is asked
once a day for rows since a moment that some of those just read lie before and some behind: only an answer with exactly the latter
proves that seconds count. A time that is passed over, cut to its day or read in an earlier zone brings more, and proves nothing.
What was proved is believed for a day; then everything since the day before is read once more, so that a vendor who has changed his
mind hides nothing for longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sync.connectors.activecampaign.answers import holds
from sync.connectors.activecampaign.api import LIMIT, Api, Row, rows_of
from sync.connectors.activecampaign.place import Place
from sync.connectors.activecampaign.values import CENTRAL, moment

FILTER: Final = "filters[updated_after]"
_DAY: Final = timedelta(days=1)
_SAMPLE: Final = LIMIT // 2


class Grain:
    """The grain of one pull."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._tried_at = place.tried_at
        proved = place.fine and place.since is not None and place.tried_at is not None
        self._expired = proved and place.since - place.tried_at >= _DAY  # type: ignore[operator] # both are there
        self._fine = proved and not self._expired
        self._asked: datetime | None = None
        self._seen: dict[str, datetime] = {}

    def filter(self, since: datetime) -> dict[str, str]:
        """What to ask for rows that changed since then: by day with a day's margin, or by the second."""
        if self._fine:
            self._asked = since
            return {FILTER: _stamp(since)}
        return {FILTER: (self.floor(since) - _DAY).astimezone(CENTRAL).date().isoformat()}

    def floor(self, since: datetime) -> datetime:
        """From when on rows count as changed."""
        return since - _DAY if self._expired else since

    def look(self, rows: Iterable[Row]) -> None:
        """Takes in what came. Rows from before what was asked for: the seconds do not count any more."""
        times = {str(row["id"]): at for row in rows if (at := moment(row.get("udate"))) is not None}
        self._seen |= times
        if self._asked is not None and any(at < self._asked - timedelta(seconds=1) for at in times.values()):
            self._fine = False

    def learn(self, api: Api, now: datetime) -> None:
        """Asks once a day, where a finer grain would save calls."""
        if self._fine or len(self._seen) <= LIMIT or (self._tried_at is not None and now - self._tried_at < _DAY):
            return
        self._tried_at = now
        times = sorted(self._seen.values(), reverse=True)
        since = times[_SAMPLE]
        newer = {name for name, at in self._seen.items() if at > since}
        if not newer or times[-1] >= since:
            return
        asked = {FILTER: _stamp(since), "orders[id]": "ASC", "id_greater": 0, "limit": LIMIT}
        rows = rows_of(api.read("/contacts", params=asked, shape=holds("contacts")).data, "contacts")
        told = {str(row["id"]) for row in rows}
        older = [row for row in rows if (at := moment(row.get("udate"))) is None or at < since]
        self._fine = newer <= told and not older

    def place(self, since: datetime) -> Place:
        """Where the next pull goes on."""
        return replace(Place(self._place.feed, since), fine=self._fine, tried_at=self._tried_at)


def changed_at(row: Row) -> datetime | None:
    """When a contact changed, or else was made."""
    return moment(row.get("udate")) or moment(row.get("cdate"))


def _stamp(at: datetime) -> str:
    return at.astimezone(CENTRAL).isoformat(timespec="seconds")

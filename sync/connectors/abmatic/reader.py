"""Pulling an Abmatic object: changed rows or all, page by page, and a cursor only where the walk can be believed.

Crash paragraph. Invariant: a stored cursor never passes a row that was not yielded. A changed-since walk offers its
cursor on its last page alone, and only if it was clean; its watermark is the server's time of its first answer. A first
full walk also offers the page it has reached; whoever goes on from there must end with counts that agree over both
parts, or starts again from page one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sync.connectors.abmatic.filters import filters_of
from sync.connectors.abmatic.place import Place, digest
from sync.connectors.abmatic.profiles import Endpoint, Profile
from sync.connectors.abmatic.side import Memberships, memberships
from sync.connectors.abmatic.walks import Plan, Walks
from sync.connectors.http import Client
from sync.model.clock import Clock
from sync.model.remote import Feed, Page

SORTED_OVERLAP: Final = timedelta(hours=1)
"""How far below its watermark a walk sorted by change time reads on: room for rows that became visible late."""

_LATER_NAMES: Final = {"last_seen_at": "last_seen"}
"""What A1 calls otherwise: a name that the server does not know refuses the whole list (`apis/` 1.5, 1.9)."""

_SMALL: Final = 20
_SHARE: Final = 0.2
"""Analytics cost a call a campaign. Up to _SMALL campaigns all are read in each pull; more, only as often as keeps
the cost within this share of the allowance."""


class Reader:
    """Pulls of one connector."""

    def __init__(self, client: Client, profile: Profile, clock: Clock, overlap_days: int, per_minute: int) -> None:
        self._client = client
        self._profile = profile
        self._clock = clock
        self._overlap = timedelta(days=overlap_days)
        self._per_minute = per_minute

    def pull(self, feed: Feed, cursor: str | None, *, full: bool) -> Iterator[Page]:
        """See `sync.connectors.base`."""
        endpoint = self._profile.endpoint(feed.object)
        asked = filters_of(feed, endpoint)
        place = Place.parse(cursor, digest(self._profile.name, feed))
        plan = self._plan(feed, endpoint, place, asked, full=full)
        yield from Walks(self._client, endpoint, feed, plan, self._clock).run()

    def _plan(self, feed: Feed, endpoint: Endpoint, place: Place, asked: dict[str, str], *, full: bool) -> Plan:
        """Which walks: everything where asked, at first, or where something may have changed that no row tells."""
        metrics = endpoint.analytics is not None and any(path.startswith("analytics.") for path in feed.paths)
        groups = self._groups(feed)
        regrouped = groups is not None and groups.digest != place.side
        feedless = endpoint.since is None and endpoint.sorted_by is None
        everything = full or regrouped or feedless or (metrics and self._sweep_due(place))
        resume = place.page > 0 and not (full or regrouped)
        plan = Plan(
            place if groups is None else replace(place, side=groups.digest),
            [asked | self._order(endpoint, feed, endpoint.sorted_by, "asc")],
            everything=True,
            resume=resume,
            pages_offered=place.watermark is None,
            with_analytics=metrics,
            groups=groups,
        )
        if everything or place.watermark is None:
            return plan
        if endpoint.since is None:
            newest = [asked | self._order(endpoint, feed, "updated_at", "desc")]
            return replace(plan, filters=newest, everything=False, floor=place.watermark - SORTED_OVERLAP)
        return replace(plan, filters=self._since(endpoint, place, place.watermark, asked), everything=False)

    def _groups(self, feed: Feed) -> Memberships | None:
        wanted = feed.object == "accounts" and "groups" in feed.paths
        return memberships(self._client, self._profile) if wanted else None

    def _since(
        self, endpoint: Endpoint, place: Place, watermark: datetime, asked: dict[str, str]
    ) -> list[dict[str, str]]:
        """The filters of a changed-since pull: the server's date less the overlap, for its zone is not documented."""
        date = (watermark - self._overlap).date().isoformat()
        names = [endpoint.since or ""]
        if place.by_creation and endpoint.since == "updated_after":
            names.append("created_after")
        return [asked | {name: max(date, asked.get(name, ""))} for name in names]

    def _order(self, endpoint: Endpoint, feed: Feed, column: str | None, order: str) -> dict[str, str]:
        """Sort and columns, where the server has them. Never ascending by change time: that skips rows (T-A1)."""
        asked = {"sort_by": column, "order_by": order} if column and endpoint.sorted_by else {}
        if endpoint.projects:
            named = {_LATER_NAMES.get(path, path) for path in feed.paths} - {"groups", "id"}
            asked["fields"] = ",".join(sorted({*named, *endpoint.keys, "created_at", "updated_at"}))
        return {name: value for name, value in asked.items() if value}

    def _sweep_due(self, place: Place) -> bool:
        """Whether the analytics of all campaigns are to be read, not only those of changed ones."""
        if place.swept_at is None or place.size <= _SMALL:
            return True
        cost_s = place.size * 60.0 / (self._per_minute * _SHARE)
        return (self._clock.now() - place.swept_at).total_seconds() >= cost_s

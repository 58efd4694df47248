"""Reading chosen rows now: by id, or by a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, timedelta
from typing import Final

from sync.connectors.abmatic.listing import Params, Tally, pages
from sync.connectors.abmatic.profiles import Endpoint, Profile
from sync.connectors.abmatic.rows import Row, comparable, read, record
from sync.connectors.abmatic.side import WALKS_MAX, analytics
from sync.connectors.abmatic.tenancy import Tenancy, find
from sync.connectors.http import Client
from sync.errors import DriftError, UnreachableError
from sync.model.clock import Clock
from sync.model.remote import Feed, NativeRecord
from sync.model.values import Native

LOOKUP_DAYS: Final = 7
"""How far back a look-up reads by default. There is no search: it walks what was created since (T-A8)."""


class Finder:
    """Fetches and look-ups of one connector."""

    def __init__(self, client: Client, profile: Profile, tenancy: Tenancy, clock: Clock) -> None:
        self._client = client
        self._profile = profile
        self._tenancy = tenancy
        self._clock = clock

    def fetch(self, feed: Feed, ids: Sequence[str]) -> dict[str, NativeRecord | None]:
        """See `sync.connectors.base`. Raises TenantError where it cannot be told whether rows are gone."""
        endpoint = self._profile.endpoint(feed.object)
        wanted = list(dict.fromkeys(ids))
        rows = self._rows(endpoint, wanted)
        missing = [key for key in wanted if rows.get(key) is None]
        if missing and len(missing) == len(wanted) and endpoint.one is not None:
            self._tenancy.confirm(endpoint, missing)
        return {key: self._record(feed, endpoint, key, rows.get(key)) for key in wanted}

    def lookup(self, feed: Feed, path: str, values: Sequence[Native]) -> dict[str, tuple[NativeRecord, ...]]:
        """See `sync.connectors.base`.

        In A1 it finds rows created in the last `LOOKUP_DAYS` days, or since the feed's parameter ``created_after``
        (a date): one walk for all values together. Raises DriftError for a path that cannot be looked up.
        """
        endpoint = self._profile.endpoint(feed.object)
        if path not in endpoint.lookups:
            raise DriftError(f"Abmatic {feed.object} cannot be looked up by {path}", system=self._client.system)
        wanted = {str(value): comparable(path, value) for value in values}
        rows = self._matching(endpoint, path, set(wanted.values()), feed) if wanted else {}
        found = {key: comparable(path, read(row, path)) for key, row in rows.items()}
        return {
            text: tuple(record(feed, key, rows[key]) for key, have in found.items() if have == want)
            for text, want in wanted.items()
        }

    def _rows(self, endpoint: Endpoint, ids: Sequence[str]) -> dict[str, Row | None]:
        if endpoint.one is not None:
            return {key: find(self._client, endpoint, key) for key in ids}
        wanted = set(ids)
        return dict(self._walk(endpoint, {}, lambda key, _: key in wanted))

    def _record(self, feed: Feed, endpoint: Endpoint, key: str, row: Row | None) -> NativeRecord | None:
        if row is None:
            return None
        if endpoint.analytics and any(path.startswith("analytics.") for path in feed.paths):
            row = {**row, "analytics": analytics(self._client, endpoint, key)}
        return record(feed, key, row)

    def _matching(self, endpoint: Endpoint, path: str, wanted: set[str], feed: Feed) -> dict[str, Row]:
        if path in endpoint.keys:
            rows = {key: find(self._client, endpoint, key) for key in sorted(wanted)}
            return {key: row for key, row in rows.items() if row is not None}
        since = feed.params.get("created_after") or self._since()
        params = {"created_after": str(since)} if endpoint.object != "groups" else {}
        return self._walk(endpoint, params, lambda _, row: comparable(path, read(row, path)) in wanted)

    def _since(self) -> str:
        return (self._clock.now().astimezone(UTC) - timedelta(days=LOOKUP_DAYS)).date().isoformat()

    def _walk(self, endpoint: Endpoint, params: Params, wanted: Callable[[str, Row], bool]) -> dict[str, Row]:
        """The wanted rows of a list. Raises UnreachableError where no walk of three was clean: none may be missed."""
        known: dict[str, int] = {}
        rows: dict[str, Row] = {}
        for number in range(1, WALKS_MAX + 1):
            tally = Tally(endpoint, known, number)
            for listing in pages(self._client, endpoint.route, params):
                fresh = tally.take(listing)
                rows.update((key, row) for key, row in fresh if wanted(key, row))
            if tally.clean:
                return rows
        raise UnreachableError(
            f"{self._client.system}: the list of {endpoint.object} kept changing while it was read",
            remedy="Try again when fewer rows are being deleted there.",
            system=self._client.system,
        )

"""The Abmatic connector: `sync.connectors.base` over the vendor's REST API, and what routes need beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sync.connectors.abmatic.filters import filters_of
from sync.connectors.abmatic.finder import Finder
from sync.connectors.abmatic.listing import is_list, pages
from sync.connectors.abmatic.probe import Probe, native_sync
from sync.connectors.abmatic.profiles import A1, A2, A3, PROFILES, Profile, beside
from sync.connectors.abmatic.reader import Reader
from sync.connectors.abmatic.rows import Row
from sync.connectors.abmatic.side import analytics, collect
from sync.connectors.abmatic.tenancy import Canaries, Tenancy, find
from sync.connectors.abmatic.writer import Style, Writer
from sync.connectors.base import Finding, Suppressed
from sync.connectors.http import Client, Limits, Throttle
from sync.connectors.http.client import Observer
from sync.errors import UnreachableError
from sync.model.clock import Clock
from sync.model.remote import (
    Capabilities,
    Feed,
    Kind,
    NativeRecord,
    ObjectSchema,
    Page,
    Receipt,
    Tenant,
    Usage,
    Write,
)
from sync.model.values import Native

_JOURNAL_MAX: Final = 10
_FETCHED_BY_WALK: Final = 2000
"""Rows that are looked for in one walk of a list that has no read by id: it costs the same for one as for all."""
_MISSING: Final = (404, 405)


class Abmatic:
    """One Abmatic account.

    Args:
        name: the configured name.
        base_url: with the version, ``https://api.abmatic.ai/v1``.
        api_key: resolved.
        clock: time and waiting.
        gate: tells whether an address may never be opted in.
        profile: ``A1``, ``A2``, ``A3`` or ``auto`` (asked of the server at the first use).
        requests_per_minute: our ceiling; the vendor's headers lower it.
        timeout_s: the longest silence; an attempt may last twice that in all.
        retries: attempts after the first.
        horizon_s: how long a timed-out write may still land.
        verify_delays: seconds between in-doubt look-ups, for the runner.
        overlap_days: how far a changed-since pull reaches back; the filter's time zone is not documented.
        batch_size: rows per write request; the API takes one.
        clearing, wire_case, put_mode: see `Style`; none of it is documented.
        native_salesforce_sync: what the vendor's own Salesforce sync does; see `profiles.beside`.
        on_call: told about every attempt.
        canaries: some live links of the state, as (object, remote id), for the tenant check.
        transport: an httpx transport in place of sockets, for tests.
    """

    kind = "abmatic"

    def __init__(
        self,
        name: str,
        base_url: str,
        api_key: str,
        *,
        clock: Clock,
        gate: Suppressed,
        profile: str = "A1",
        requests_per_minute: int = 100,
        timeout_s: float = 30.0,
        retries: int = 5,
        horizon_s: float = 300.0,
        verify_delays: Sequence[float] = (2, 10, 30, 120),
        overlap_days: int = 2,
        batch_size: int = 1,
        clearing: str = "off",
        wire_case: str = "snake",
        put_mode: str = "full",
        native_salesforce_sync: str = "off",
        on_call: Observer | None = None,
        canaries: Canaries = tuple,
        transport: Any = None,
    ) -> None:
        self.name = name
        self.verify_delays = tuple(verify_delays)
        self._base_url, self._clock, self._gate, self._canaries = base_url, clock, gate, canaries
        self._per_minute, self._horizon_s = requests_per_minute, horizon_s
        self._overlap_days, self._batch_size = overlap_days, batch_size
        self._style, self._native_sync = Style(clearing, wire_case, put_mode), native_salesforce_sync
        self._client = Client(
            base_url,
            system=name,
            headers={"authorization": f"Bearer {api_key}"},
            clock=clock,
            throttle=Throttle(clock, requests_per_minute),
            limits=Limits(timeout_s=timeout_s, retries=retries),
            on_call=on_call,
            transport=transport,
        )
        self._resolving = threading.Lock()
        self._resolved = self._ours(PROFILES[profile]) if profile in PROFILES else None
        self._made: Writer | None = None

    def identify(self) -> Tenant:
        """Whose data this is. Raises TenantError where none of the linked rows exists under this key."""
        return self._tenancy().identify()

    def probe(self) -> list[Finding]:
        """Profile, lists that answer, and the rate that the vendor grants. Reads only."""
        probe = Probe(self._client, self._profile(), self._per_minute, self._detect)
        return [*probe.findings(), *native_sync(self._native_sync)]

    def describe(self, object: str) -> ObjectSchema | None:  # noqa: A002
        """None: Abmatic describes no schema. Raises DriftError for an object that this profile has not."""
        self._profile().endpoint(object)
        return None

    def capabilities(self, object: str) -> Capabilities:  # noqa: A002
        """What this object can do under this profile."""
        endpoint = self._profile().endpoint(object)
        return Capabilities(
            writable=endpoint.updatable,
            creatable=endpoint.creatable,
            lookup_paths=endpoint.lookups,
            returns_record=endpoint.creatable or endpoint.updatable,
            conditional_update=endpoint.updatable,
            clearable=self._style.clearing != "off",
            batch_size=self._batch_size,
            journal_size=_JOURNAL_MAX,
            fetch_size=1 if endpoint.one is not None else _FETCHED_BY_WALK,
            horizon_s=self._horizon_s,
        )

    def check_filter(self, feed: Feed) -> None:
        """See `sync.connectors.base`; nothing is said while the profile is still to be found out."""
        if self._resolved is not None:
            filters_of(feed, self._resolved.endpoint(feed.object))

    def pull(self, feed: Feed, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        """Rows that changed since `cursor`, or all.

        ``groups`` on accounts holds the names of the groups whose members contain it, ``analytics.*`` on campaigns
        their metrics. Where no walk of three was clean the last page has no cursor: the pull is to be repeated.
        """
        reader = Reader(self._client, self._profile(), self._clock, self._overlap_days, self._per_minute)
        return reader.pull(feed, cursor, full=full)

    def fetch(self, feed: Feed, ids: Sequence[str]) -> Mapping[str, NativeRecord | None]:
        """Rows by id, read now. ``groups`` is left out. Raises TenantError where a 404 proves nothing."""
        return self._finder().fetch(feed, ids)

    def lookup(self, feed: Feed, path: str, values: Sequence[Native]) -> Mapping[str, tuple[NativeRecord, ...]]:
        """Rows created lately with these values: one walk for all of them; see `Finder.lookup`."""
        return self._finder().lookup(feed, path, values)

    def journal_size(self, object: str, pending: int) -> int:  # noqa: A002, ARG002 - the contract's names
        """One at a time for few, up to ten for many: rows go out singly, and a crash leaves these in doubt."""
        return max(1, min(_JOURNAL_MAX, pending // 20))

    def push(self, writes: Sequence[Write]) -> list[Receipt]:
        """Writes row by row; see `sync.connectors.abmatic.writer`."""
        return self._writer().push(writes)

    def usage(self) -> Usage:
        """Calls made and left."""
        return self._client.meter.usage(self._made.gate_refusals if self._made else 0)

    @property
    def pace(self) -> Throttle:
        """How fast the vendor is asked."""
        return self._client.pace

    def close(self) -> None:
        """Gives sockets back."""
        self._client.close()

    def campaigns(self) -> Iterator[Row]:
        """All campaigns, as the API has them; one may come twice."""
        return self._rows("campaigns")

    def campaign_analytics(self, campaign: str, start: str | None = None, end: str | None = None) -> Row:
        """Metrics of a campaign between two dates (``YYYY-MM-DD``); empty where there are none."""
        return analytics(self._client, self._profile().endpoint("campaigns"), campaign, start, end)

    def visitors(self, created_after: str | None = None) -> Iterator[Row]:
        """Identified visitors, from a date on; rows of a day before may come with them."""
        return self._rows("visitors", {"created_after": created_after} if created_after else {})

    def visitor(self, visitor: str) -> Row | None:
        """One visitor with its page views, or None."""
        return find(self._client, self._profile().endpoint("visitors"), visitor)

    def groups(self) -> Iterator[Row]:
        """All target groups."""
        return self._rows("groups")

    def group_members(self, group: str) -> Mapping[str, Row]:
        """The accounts of a group by id. Raises UnreachableError where the list would not hold still."""
        profile = self._profile()
        members = collect(
            self._client, profile.endpoint("accounts"), profile.endpoint("groups").members or "", parts={"id": group}
        )
        if members is None:
            raise UnreachableError(f"{self.name}: the members of a group kept changing", system=self.name)
        return members

    def create_group(self, name: str, criteria: Mapping[str, Any] | None = None, *, number: int = 0) -> Receipt:
        """Creates a target group. Not repeatable: look the name up first, and after a DOUBT."""
        values: dict[str, Native] = {"name": name} | ({"criteria": dict(criteria)} if criteria else {})
        return self.push([Write(number, Kind.CREATE, "groups", None, "", values)])[0]

    def _rows(self, object_name: str, params: Mapping[str, str] | None = None) -> Iterator[Row]:
        route = self._profile().endpoint(object_name).route
        for listing in pages(self._client, route, dict(params or {})):
            yield from listing.rows

    def _finder(self) -> Finder:
        return Finder(self._client, self._profile(), self._tenancy(), self._clock)

    def _tenancy(self) -> Tenancy:
        return Tenancy(self._client, self._profile(), self._base_url, self._canaries)

    def _writer(self) -> Writer:
        if self._made is None:
            self._made = Writer(self._client, self._profile(), self._tenancy(), self._gate, self._style)
        return self._made

    def _profile(self) -> Profile:
        """The revision spoken; asked of the server once where the setting is ``auto``."""
        with self._resolving:
            if self._resolved is None:
                self._resolved = self._ours(self._detect())
            return self._resolved

    def _ours(self, profile: Profile) -> Profile:
        return beside(profile, self._native_sync)

    def _detect(self) -> Profile:
        if self._client.read("/me", accept=_MISSING).done:
            return A3
        one = {"page": 1, "per_page": 1}
        return A1 if self._client.read("/contacts", params=one, shape=is_list, accept=_MISSING).done else A2

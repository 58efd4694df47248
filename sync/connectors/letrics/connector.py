"""The Letrics connector: `sync.connectors.base` over two searches. It reads, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from sync.connectors.base import Finding
from sync.connectors.http import Client, Limits, Throttle
from sync.connectors.http.client import Observer
from sync.connectors.letrics.budget import Budget
from sync.connectors.letrics.filters import filters_of
from sync.connectors.letrics.place import TIERS, Place, Tier, digest
from sync.connectors.letrics.probe import Probe, knock
from sync.connectors.letrics.rows import Reading
from sync.connectors.letrics.search import Search
from sync.connectors.letrics.walk import Pull
from sync.errors import DriftError
from sync.model.clock import Clock
from sync.model.remote import (
    Capabilities,
    Feed,
    NativeRecord,
    ObjectSchema,
    Outcome,
    Page,
    Receipt,
    Tenant,
    Usage,
    Write,
)
from sync.model.values import Native

PER_PAGE_MAX: Final = 100


class Letrics:
    """One Letrics account.

    Args:
        name: the configured name.
        base_url: no document tells it.
        api_key: resolved.
        clock: time and waiting.
        method: ``POST`` (fields in the body) or ``GET`` (in the query).
        array_style: how a GET spells lists: ``brackets``, ``repeat``, ``comma``.
        contacts_path, companies_path: the two searches.
        requests_per_minute: our ceiling; no limit is documented.
        batch_size: rows a page.
        pages_max: pages of one pull; the next one goes on.
        daily_records: records of one day (UTC), all objects together; None: no limit.
        allow_personal_email: whether private addresses may be taken, and asked for.
        overlap_s: how far below its end the next pull begins, for companies that become visible late.
        tiers: how often what is known is read again.
        cursors: the cursors that the state holds for this system: they tell what was read today.
        timeout_s: the longest silence; an attempt may last twice that in all.
        retries: attempts after the first.
        horizon_s: kept for the runner; nothing is ever written.
        on_call: told about every attempt.
        transport: an httpx transport in place of sockets, for tests.
    """

    kind = "letrics"

    def __init__(
        self,
        name: str,
        base_url: str,
        api_key: str,
        *,
        clock: Clock,
        method: str = "POST",
        array_style: str = "brackets",
        contacts_path: str = "/contacts",
        companies_path: str = "/companies",
        requests_per_minute: float = 60,
        batch_size: int = PER_PAGE_MAX,
        pages_max: int = 10_000,
        daily_records: int | None = None,
        allow_personal_email: bool = False,
        overlap_s: float = 900.0,
        tiers: Sequence[Tier] = TIERS,
        cursors: Sequence[str] = (),
        timeout_s: float = 30.0,
        retries: int = 5,
        horizon_s: float = 300.0,
        on_call: Observer | None = None,
        transport: Any = None,
    ) -> None:
        self.name = name
        self._clock, self._horizon_s, self._tiers = clock, horizon_s, tiers
        self._overlap, self._private = timedelta(seconds=overlap_s), allow_personal_email
        self._host = urlsplit(base_url).hostname or ""
        self._routes = {"contacts": _path(contacts_path), "companies": _path(companies_path)}
        self._per_page = min(batch_size, PER_PAGE_MAX, daily_records or PER_PAGE_MAX)
        self._budget = Budget(daily_records, pages_max, cursors)
        self._reading = Reading(private=allow_personal_email)
        self._method, self._style = method, array_style
        self._skew = timedelta(0)
        self._nameless = 0
        self._client = Client(
            base_url,
            system=name,
            headers={"authorization": f"Bearer {api_key}"},
            clock=clock,
            throttle=_throttle(clock, requests_per_minute),
            limits=Limits(timeout_s=timeout_s, retries=retries),
            on_call=on_call,
            transport=transport,
        )

    def identify(self) -> Tenant:
        """The host: nothing tells whose data a key opens. Raises AuthError, UnreachableError."""
        knock(self._search())
        return Tenant(f"letrics:{self._host}")

    def probe(self) -> list[Finding]:
        """Credentials, the form of request that is understood, filters that work, and what rows hold. Costs a handful of records."""
        return Probe(
            self._search, self._method, self._style, self._budget, self._now(), private=self._private
        ).findings()

    def describe(self, object: str) -> ObjectSchema | None:  # noqa: A002
        """None: Letrics describes no schema. Raises DriftError for an object that it has not."""
        self._search().route(object)
        return None

    def capabilities(self, object: str) -> Capabilities:  # noqa: A002
        """It can be listed, and nothing else."""
        self._search().route(object)
        return Capabilities(
            writable=False, creatable=False, clearable=False, fetch_size=self._per_page, horizon_s=self._horizon_s
        )

    def check_filter(self, feed: Feed) -> None:
        """See `sync.connectors.base`."""
        filters_of(feed, private=self._private)

    def pull(self, feed: Feed, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        """Rows of companies added since `cursor`, rows to be read again, or all.

        No page is ever `complete`: what a search does not show is not gone (T-L3). The budget may end a pull early; its
        cursor then owes the rest.
        """
        pull = self._pull(feed, cursor)
        try:
            yield from pull.run(full=full)
        finally:
            self._nameless += pull.nameless

    def fetch(self, feed: Feed, ids: Sequence[str]) -> Mapping[str, NativeRecord | None]:
        """Rows by id, read now by going over the whole search: there is no other way.

        A row that the search does not show is answered without values, never with None: that proves nothing (T-L3).
        """
        missing = dict.fromkeys(ids)
        found: dict[str, NativeRecord] = {}
        for page in self.pull(feed, None, full=True) if missing else ():
            found |= {record.id: record for record in page.records if record.id in missing}
            if len(found) == len(missing):
                break
        return {key: found.get(key) or NativeRecord(feed.object, key, {}) for key in missing}

    def lookup(self, feed: Feed, path: str, values: Sequence[Native]) -> Mapping[str, tuple[NativeRecord, ...]]:  # noqa: ARG002
        """Always refused, with a DriftError: no filter finds a row by a value of its own, and nothing is ever created."""
        text = f"{self.name}: Letrics {feed.object} cannot be looked up by {path}"
        raise DriftError(text, remedy="It is read by its filters alone.", system=self.name)

    def journal_size(self, object: str, pending: int) -> int:  # noqa: A002, ARG002 - the contract's names
        """Nothing is ever written."""
        return 1

    def push(self, writes: Sequence[Write]) -> list[Receipt]:
        """Refuses every write; no byte is sent."""
        return [self._refused(write) for write in writes]

    def usage(self) -> Usage:
        """Calls made and left."""
        return self._client.meter.usage()

    @property
    def pace(self) -> Throttle:
        """How fast the vendor is asked."""
        return self._client.pace

    def close(self) -> None:
        """Gives sockets back."""
        self._client.close()

    def _pull(self, feed: Feed, cursor: str | None) -> Pull:
        return Pull(
            self._search(),
            filters_of(feed, private=self._private),
            feed,
            self._reading,
            self._budget,
            Place.parse(cursor, digest(feed), feed.object),
            self._overlap,
            self._tiers,
            self._now,
            self._learn,
        )

    def _search(self, method: str | None = None, style: str | None = None) -> Search:
        """The searches in the form that is configured, or in another."""
        return Search(
            self._client,
            self._routes,
            method=method or self._method,
            style=style or self._style,
            per_page=self._per_page,
        )

    def _refused(self, write: Write) -> Receipt:
        return Receipt(
            write.number,
            Outcome.REJECTED,
            write.remote_id,
            error="UNSUPPORTED",
            message=f"Letrics can only be read: it cannot {write.kind.value} {write.object}",
            remedy='Say mode = "read" for this system in the mapping.',
            fields=tuple(sorted(write.values)),
        )

    def _now(self) -> datetime:
        return self._clock.now().astimezone(UTC) + self._skew

    def _learn(self, date: datetime) -> None:
        """The server's clock is another than ours."""
        self._skew = date - self._clock.now().astimezone(UTC)


def _path(text: str) -> str:
    return f"/{text.strip('/')}"


def _throttle(clock: Clock, per_minute: float) -> Throttle:
    """At most so many a minute; below one, one in so many minutes."""
    return Throttle(clock, int(per_minute)) if per_minute >= 1 else Throttle(clock, 1, 60 / per_minute)

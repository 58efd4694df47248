"""The ActiveCampaign connector: `sync.connectors.base` over API v3."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from sync.connectors.activecampaign import probe
from sync.connectors.activecampaign.api import Api
from sync.connectors.activecampaign.bulk import Bulk
from sync.connectors.activecampaign.consent import Consent
from sync.connectors.activecampaign.contacts import Contacts
from sync.connectors.activecampaign.directory import Directory
from sync.connectors.activecampaign.engage import Engage
from sync.connectors.activecampaign.importable import Shapes
from sync.connectors.activecampaign.landed import Landed
from sync.connectors.activecampaign.links import Links
from sync.connectors.activecampaign.objects import endpoint_of
from sync.connectors.activecampaign.others import Others
from sync.connectors.activecampaign.people import People
from sync.connectors.activecampaign.person import Person
from sync.connectors.activecampaign.recall import Recall
from sync.connectors.activecampaign.rest import UNIQUE, Rest
from sync.connectors.activecampaign.schema import Schema
from sync.connectors.activecampaign.unseen import Unseen
from sync.connectors.activecampaign.where import asked, conditions
from sync.connectors.activecampaign.writer import Writer
from sync.connectors.base import Finding, Suppressed
from sync.connectors.http import Client, Limits, Throttle
from sync.connectors.http.client import Observer
from sync.model.clock import Clock
from sync.model.remote import Capabilities, Feed, Kind, NativeRecord, ObjectSchema, Page, Receipt, Tenant, Usage, Write
from sync.model.values import Native

_VERSION: Final = re.compile(r"/api/3$")
_ALONE_MAX: Final = 20
_BATCHES: Final = 10
"""Imports that are sent before the first is waited for."""


class ActiveCampaign:
    """One ActiveCampaign account.

    Args:
        name: the configured name.
        base_url: ``https://acme.api-us1.com``, with or without ``/api/3``.
        api_key: resolved.
        clock: time and waiting.
        gate: tells whether an address may never be opted in.
        requests_per_second: our ceiling of the account's five, which all its integrations share.
        bulk_threshold: from so many contacts on, bulk import.
        batch_size: contacts an import, at most 250.
        overlap_s: how far a changed-since pull reaches back behind the last; 5 minutes at least (`apis/activecampaign.md` 13).
        timeout_s: the longest silence; an attempt may last twice that in all.
        retries: attempts after the first.
        horizon_s: how long a timed-out write, or an import, may still land.
        on_call: told about every attempt.
        transport: an httpx transport in place of sockets, for tests.
    """

    kind = "activecampaign"

    def __init__(
        self,
        name: str,
        base_url: str,
        api_key: str,
        *,
        clock: Clock,
        gate: Suppressed,
        requests_per_second: float = 4.0,
        bulk_threshold: int = 50,
        batch_size: int = 250,
        overlap_s: float = 300.0,
        timeout_s: float = 30.0,
        retries: int = 5,
        horizon_s: float = 300.0,
        on_call: Observer | None = None,
        transport: Any = None,
    ) -> None:
        self.name = name
        self._horizon_s, self._threshold, self._batch_size = horizon_s, bulk_threshold, min(batch_size, 250)
        self._host = urlsplit(base_url).hostname or ""
        self._client = Client(
            f"{_VERSION.sub('', base_url.rstrip('/'))}/api/3",
            system=name,
            headers={"api-token": api_key},
            clock=clock,
            throttle=_throttle(clock, requests_per_second),
            limits=Limits(timeout_s=timeout_s, retries=retries),
            on_call=on_call,
            transport=transport,
        )
        overlap = timedelta(seconds=overlap_s)
        self._api = api = Api(self._client, clock)
        directory, recall = Directory(api), Recall()
        links, self._consent = Links(api, directory), Consent(api, gate)
        self._unseen = unseen = Unseen(directory)
        self._contacts = Contacts(api, People(directory), recall, unseen, overlap)
        self._others = Others(api, directory, unseen, overlap)
        self._schema = Schema(api, directory)
        self._engage = Engage(api, directory, self._contacts, self._consent, links)
        self._rest = Rest(api, directory, unseen, self._others)
        shapes = Shapes(api, directory)
        landed = Landed(api, directory, self._contacts, links, shapes)
        self._writer = Writer(
            self._contacts,
            Person(api, directory, self._contacts, self._consent, links),
            Bulk(api, self._contacts, shapes, landed, self._batch_size, horizon_s),
            self._consent,
            recall,
            unseen,
            self._client.meter,
            bulk_threshold,
        )

    def identify(self) -> Tenant:
        """The account's own host. Raises AuthError, UnreachableError."""
        return probe.identify(self._api, self._host)

    def probe(self) -> list[Finding]:
        """Credentials, plan, permissions, and how this account reads what the document leaves open. Reads only."""
        return probe.findings(self._api, self._host)

    def describe(self, object: str) -> ObjectSchema | None:  # noqa: A002
        """The live schema. Raises DriftError for an object that the API has not."""
        return self._schema.describe(object)

    def unseen(self, feed: Feed) -> tuple[str, ...]:
        """The custom fields and lists that the last read left out: they do not exist, or our user may not see them."""
        return self._unseen.of(feed)

    def capabilities(self, object: str) -> Capabilities:  # noqa: A002
        """What this object can do; no call is made."""
        if object == "contacts":
            return Capabilities(
                deletable=True,
                lookup_paths=("email",),
                repeatable_create=True,
                repeatable_by_key=True,
                batch_size=self._batch_size,
                journal_size=self._batch_size * _BATCHES,
                fetch_size=100,
                horizon_s=self._horizon_s,
            )
        endpoint = endpoint_of(object)
        able = bool(endpoint.writable)
        return Capabilities(
            writable=able,
            creatable=able,
            deletable=endpoint.deletable,
            lookup_paths=(endpoint.name,) if object in UNIQUE else (),
            repeatable_create=object in UNIQUE,
            repeatable_by_key=object in UNIQUE,
            horizon_s=self._horizon_s,
        )

    def check_filter(self, feed: Feed) -> None:
        """See `sync.connectors.base`; which columns other collections have is seen with their rows."""
        if feed.object == "contacts":
            conditions(feed)
        else:
            endpoint_of(feed.object)
            asked(feed)

    def pull(self, feed: Feed, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        """Rows that changed since `cursor`, or all. Deletes are never told: they are what a complete pull does not show."""
        return (self._contacts if feed.object == "contacts" else self._others).pull(feed, cursor, full=full)

    def fetch(self, feed: Feed, ids: Sequence[str]) -> Mapping[str, NativeRecord | None]:
        """Rows by id, read now; None where the vendor says that there is no such row."""
        return (self._contacts if feed.object == "contacts" else self._others).fetch(feed, ids)

    def lookup(self, feed: Feed, path: str, values: Sequence[Native]) -> Mapping[str, tuple[NativeRecord, ...]]:
        """Contacts by ``email``, other rows by their name."""
        return (self._contacts if feed.object == "contacts" else self._others).lookup(feed, path, values)

    def journal_size(self, object: str, pending: int) -> int:  # noqa: A002
        """Few at a time while they go out singly; several imports at once where there are many contacts."""
        if object == "contacts" and pending >= self._threshold:
            return self._batch_size * _BATCHES
        return max(1, min(_ALONE_MAX, pending))

    def push(self, writes: Sequence[Write]) -> list[Receipt]:
        """Writes rows, or (`Kind.ENGAGE`) does something to people once."""
        if writes and writes[0].kind is Kind.ENGAGE:
            return self._engage.push(list(writes))
        if writes and writes[0].object != "contacts":
            return self._rest.push(writes)
        return self._writer.push(writes)

    def enrol(self, address: str, automation: str, *, number: int = 0) -> Receipt:
        """Lets a person enter an automation. At most once: after DOUBT it is never repeated, but reported."""
        write = Write(number, Kind.ENGAGE, "automations", None, "", {"automation": automation}, address=address)
        return self.push([write])[0]

    def leave(self, contact: str, automation: str) -> int:
        """Takes a contact out of an automation; returns how many enrolments ended."""
        return self._engage.leave(contact, automation)

    def note(self, contact: str, text: str, *, number: int = 0) -> Receipt:
        """Adds a note to a contact. At most once."""
        return self.push([Write(number, Kind.ENGAGE, "notes", contact, "", {"note": text})])[0]

    def usage(self) -> Usage:
        """Calls made. What the vendor tells to be left is left of one second, and no allowance."""
        return replace(self._client.meter.usage(self._consent.refusals), calls_left=None, calls_limit=None)

    @property
    def pace(self) -> Throttle:
        """How fast the vendor is asked."""
        return self._client.pace

    def close(self) -> None:
        """Gives sockets back."""
        self._client.close()


def _throttle(clock: Clock, per_second: float) -> Throttle:
    """At most so many a second; below one, one in so many seconds."""
    return Throttle(clock, int(per_second), 1.0) if per_second >= 1 else Throttle(clock, 1, 1 / per_second)

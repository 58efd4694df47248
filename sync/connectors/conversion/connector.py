"""The Conversion connector: `sync.connectors.base` over an API that reads by key and lists nothing.

The remote id of a contact is its address in lower case, because that is all the API can be asked by; that of a company is our
own record's id, which never changes (T-C13).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from sync.connectors.base import Finding, Suppressed
from sync.connectors.conversion.engage import engage
from sync.connectors.conversion.export import Export
from sync.connectors.conversion.probe import findings, knock
from sync.connectors.conversion.profiles import Profile, chosen
from sync.connectors.conversion.reader import Reader
from sync.connectors.conversion.receipts import Tray
from sync.connectors.conversion.writer import Writer
from sync.connectors.http import Client, Limits, Throttle
from sync.connectors.http.client import Observer
from sync.errors import AbortError, DriftError
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

_VERSION: Final = re.compile(r"/v\d+$")
ENGAGEMENTS: Final = "engagements"
_FETCHED_BY_EXPORT: Final = 2000
"""Rows that are looked for in one export: it costs the same for one as for all."""
_FORMS: Final = {
    '`profile = "C2"`': ("C2", "x_api_key"),
    '`profile = "C2"` and `auth = "bearer"`': ("C2", "bearer"),
    '`profile = "C0"`': ("C0", "bearer"),
    '`profile = "C1"`': ("C1", "x_api_key"),
}
"""The forms in which a key may be taken, with the settings that say it, the surest first: C2's export answers with rows, the
others with "there is nobody", which an unknown address may say as well. C0 with the header of C1 reads as C1 does."""


class Conversion:
    """One Conversion account.

    Args:
        name: the configured name.
        base_url: ``https://pub-api.conversion.ai/api/v1``; the version at its end is replaced by the profile's.
        api_key: resolved.
        clock: time and waiting.
        gate: tells whether an address may never be opted in.
        profile: ``C0``, ``C1`` or ``C2``.
        auth: ``bearer`` or ``x_api_key``; None: the profile's.
        requests_per_second: our ceiling.
        batch_size: rows a write request, at most what the profile allows.
        clearing: what a blank is sent as: ``off`` (not at all), ``null``, ``empty``.
        variables_mode: ``merge`` (variables that are not sent stay) or ``replace`` (then all are sent).
        external_contact: our record's id in ``externalContact``: ``omit``, ``object_id``, ``string``.
        deletes: whether rows may be deleted; a deleted contact loses its opt-out (`apis/` 2.6).
        exports: whether the account may use C2's export: then contacts can be listed.
        native_salesforce_sync: the vendor writes to Salesforce itself: then nothing is written to it (`apis/` 1.7, 2.5).
        contacts_key, companies_key, subscription_key, status_key: names in bodies that no document tells.
        timeout_s: the longest silence; an attempt may last twice that in all.
        retries: attempts after the first.
        horizon_s: how long a timed-out write may still land.
        on_call: told about every attempt.
        transport: an httpx transport in place of sockets, for tests.
    """

    kind = "conversion"

    def __init__(
        self,
        name: str,
        base_url: str,
        api_key: str,
        *,
        clock: Clock,
        gate: Suppressed,
        profile: str = "C0",
        auth: str | None = None,
        requests_per_second: float = 5.0,
        batch_size: int = 100,
        clearing: str = "off",
        variables_mode: str = "merge",
        external_contact: str = "omit",
        deletes: bool = True,
        exports: bool = False,
        native_salesforce_sync: bool = False,
        contacts_key: str | None = None,
        companies_key: str | None = None,
        subscription_key: str | None = None,
        status_key: str | None = None,
        timeout_s: float = 30.0,
        retries: int = 5,
        horizon_s: float = 300.0,
        on_call: Observer | None = None,
        transport: Any = None,
    ) -> None:
        self.name = name
        self._sibling = partial(
            Conversion,
            name,
            base_url,
            api_key,
            clock=clock,
            gate=gate,
            requests_per_second=requests_per_second,
            timeout_s=timeout_s,
            retries=0,
            transport=transport,
        )
        self._horizon_s, self._clearing, self._native_sync = horizon_s, clearing, native_salesforce_sync
        self._profile = chosen(
            profile,
            contacts_key=contacts_key,
            companies_key=companies_key,
            subscription_key=subscription_key,
            status_key=status_key,
        )
        self._deletes = deletes and not native_salesforce_sync
        self._host = urlsplit(base_url).hostname or ""
        self._batch_size = min(batch_size, self._profile.batch_max)
        self._client = Client(
            _VERSION.sub("", base_url.rstrip("/")) + self._profile.version,
            system=name,
            headers=_headers(self._profile, auth, api_key),
            clock=clock,
            throttle=_throttle(clock, requests_per_second),
            limits=Limits(timeout_s=timeout_s, retries=retries),
            on_call=on_call,
            transport=transport,
        )
        self._export = Export(self._client, self._profile) if exports and self._profile.positional else None
        self._reader = Reader(self._client, self._profile, self._export)
        self._writer = Writer(
            self._client,
            self._profile,
            self._reader,
            gate,
            clock,
            batch_size=batch_size,
            clearing=clearing,
            external_contact=external_contact,
            replaces=variables_mode == "replace",
        )

    def identify(self) -> Tenant:
        """The host: no route tells whose data a key opens. Raises AuthError, UnreachableError."""
        knock(self._client, self._profile, self._reader, self._export)
        return Tenant(f"conversion:{self._host}")

    def probe(self) -> list[Finding]:
        """The profile that fits, credentials, and what cannot be seen here. Reads only."""
        return findings(
            self._client,
            self._profile,
            self._reader,
            self._export,
            native_sync=self._native_sync,
            others={words: partial(self._knock_as, *form) for words, form in _FORMS.items()},
        )

    def _knock_as(self, profile: str, auth: str) -> None:
        """Proves the key in the form of another revision, C2's by its export: nothing else there only reads. Raises AbortError."""
        with closing(self._sibling(profile=profile, auth=auth, exports=True)) as other:
            other.identify()

    def describe(self, object: str) -> ObjectSchema | None:  # noqa: A002
        """None: Conversion describes no schema. Raises DriftError for an object that this profile has not."""
        if object != ENGAGEMENTS:
            self._profile.endpoint(object)
        return None

    def capabilities(self, object: str) -> Capabilities:  # noqa: A002
        """What this object can do under this profile."""
        if object == ENGAGEMENTS:
            return Capabilities(writable=False, listable=False, horizon_s=self._horizon_s)
        endpoint = self._profile.endpoint(object)
        return Capabilities(
            writable=not self._native_sync,
            creatable=not self._native_sync,
            deletable=endpoint.deletable and self._deletes,
            listable=self._export is not None,
            readable=self._export is not None or endpoint.one is not None,
            lookup_paths=(endpoint.key,),
            repeatable_create=True,
            repeatable_by_key=True,
            clearable=self._clearing != "off",
            batch_size=self._batch_size,
            journal_size=self._batch_size,
            fetch_size=1 if self._export is None else _FETCHED_BY_EXPORT,
            horizon_s=self._horizon_s,
        )

    def check_filter(self, feed: Feed) -> None:
        """Only whether this profile has the object: there is nothing to filter by. Raises DriftError."""
        if feed.object != ENGAGEMENTS:
            self._profile.endpoint(feed.object)

    def pull(self, feed: Feed, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        """C2's export, where there is access. Raises DriftError else: there is nothing to list."""
        self._profile.endpoint(feed.object)
        if self._export is None:
            raise DriftError(
                f"{self.name}: Conversion {self._profile.name} lists no {feed.object}",
                remedy="They are read by key; `exports` of profile C2 lists contacts.",
                system=self.name,
            )
        yield from self._export.pull(feed, None if full else cursor)

    def fetch(self, feed: Feed, ids: Sequence[str]) -> Mapping[str, NativeRecord | None]:
        """Rows by address or by our id, read now. In C2 a row that the export does not show has no values."""
        return self._reader.fetch(feed, ids)

    def lookup(self, feed: Feed, path: str, values: Sequence[Native]) -> Mapping[str, tuple[NativeRecord, ...]]:
        """Contacts by ``email``, companies by ``id`` (our record's)."""
        return self._reader.lookup(feed, path, values)

    def journal_size(self, object: str, pending: int) -> int:  # noqa: A002, ARG002 - the contract's names
        """One batch: all of it can be told apart again after a crash."""
        return self._batch_size

    def push(self, writes: Sequence[Write]) -> list[Receipt]:
        """Writes in batches; see `sync.connectors.conversion.writer`. Engagements go one by one."""
        if writes and writes[0].kind is Kind.ENGAGE:
            return self._engage(writes)
        return self._writer.push(writes)

    def engage(
        self, email: str, name: str, description: str, data: Mapping[str, Any] | None = None, *, number: int = 0
    ) -> Receipt:
        """Tells of one thing that a person did. At most once: after DOUBT it is never repeated, but reported."""
        values = {"contactEmail": email, "name": name, "description": description, "data": dict(data or {})}
        return self.push([Write(number, Kind.ENGAGE, ENGAGEMENTS, None, "", values, address=email)])[0]

    def usage(self) -> Usage:
        """Calls made and left."""
        return self._client.meter.usage(self._writer.gate_refusals)

    @property
    def pace(self) -> Throttle:
        """How fast the vendor is asked."""
        return self._client.pace

    def close(self) -> None:
        """Gives sockets back."""
        self._client.close()

    def _engage(self, writes: Sequence[Write]) -> list[Receipt]:
        tray = Tray(writes)
        try:
            for write in writes:
                tray.lay(engage(self._client, self._profile, write))
        except AbortError as error:
            tray.stop(error)
        return tray.receipts()


def _headers(profile: Profile, auth: str | None, api_key: str) -> dict[str, str]:
    return {"x-api-key": api_key} if (auth or profile.auth) == "x_api_key" else {"authorization": f"Bearer {api_key}"}


def _throttle(clock: Clock, per_second: float) -> Throttle:
    """At most so many a second; below one, one in so many seconds."""
    return Throttle(clock, int(per_second), 1.0) if per_second >= 1 else Throttle(clock, 1, 1 / per_second)

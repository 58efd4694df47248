"""The Salesforce connector: the contract of `sync.connectors.base`, kept by the modules beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sync.connectors.base import Finding, Suppressed
from sync.connectors.salesforce import gate, payload, receipts, table
from sync.connectors.salesforce.auth import RETIRED_GRANTS, Auth, ClientCredentials, JwtBearer, RefreshToken
from sync.connectors.salesforce.budget import Budget
from sync.connectors.salesforce.faults import RefusedError, aborting
from sync.connectors.salesforce.hosts import SHARED_LOGINS, checked_login_url
from sync.connectors.salesforce.rows import full_id
from sync.errors import AuthError, ConfigError, Problem, SyncError
from sync.model.clock import Clock
from sync.model.remote import Capabilities, Feed, Kind, NativeRecord, ObjectSchema, Page, Receipt, Tenant, Usage, Write
from sync.model.values import Native

if TYPE_CHECKING:
    from sync.connectors.salesforce.parts import Parts

JOURNAL_ROWS, BULK_JOURNAL_ROWS = 1000, 5000
EXPORT_FACTOR = 25
"""A bulk query pays from this many times `bulk_threshold` rows on: 25 calls of 2,000 rows take as long as one job."""


class Salesforce:
    """One org. `gate` tells whether an address may never be opted in; `on_secret` gets a rotated refresh token.

    A converted Lead comes out of the feed as a deleted record of object ``Lead`` whose ``merged_into`` is the id of the
    Contact that took its place (``003…``, another object); a merge loser likewise, with the winner's id.
    Raises ConfigError for an address or a grant that cannot work.
    """

    kind = "salesforce"

    def __init__(
        self,
        name: str,
        login_url: str,
        *,
        auth: Auth,
        clock: Clock,
        gate: Suppressed,
        api_version: str = "67.0",
        bulk_threshold: int = 2000,
        batch_size: int = 200,
        overlap_s: float = 600.0,
        daily_call_share: float = 0.5,
        timeout_s: float = 30.0,
        retries: int = 5,
        horizon_s: float = 660.0,
        on_secret: Callable[[str], None] | None = None,
        requests_per_minute: float | None = None,
    ) -> None:
        self.name = name
        self._login_url = _checked(login_url, auth)
        self._auth = auth
        self._clock = clock
        self._gate = gate
        self._version = api_version.removeprefix("v")
        self._bulk_threshold = bulk_threshold
        self._batch_size = batch_size
        self._overlap_s = overlap_s
        self._timeout_s = timeout_s
        self._retries = retries
        self._horizon_s = horizon_s
        self._on_secret = on_secret
        self._budget = Budget(clock, daily_call_share, requests_per_minute, name)
        self._lock = threading.Lock()
        self._built: Parts | None = None
        self._read = self._written = self._gate_refusals = 0

    @property
    def _parts(self) -> Parts:
        """Built on the first request, because only then simple-salesforce is worth its 150 ms."""
        with self._lock:
            self._built = self._built or self._build()
            return self._built

    def _build(self) -> Parts:
        from sync.connectors.salesforce.parts import Parts, Settings  # noqa: PLC0415 - see above

        settings = Settings(self.name, self._clock, self._login_url, self._timeout_s, self._retries)
        export_rows = self._bulk_threshold * EXPORT_FACTOR
        return Parts(
            settings,
            auth=self._auth,
            budget=self._budget,
            api_version=self._version,
            on_secret=self._on_secret,
            overlap_s=self._overlap_s,
            export_rows=export_rows,
            batch_size=self._batch_size,
        )

    def identify(self) -> Tenant:
        """The org, by the log-in's own answer; where that does not name it, by one query."""
        return self.introduction() or self._organization()

    def introduction(self) -> Tenant | None:
        """The org, by the log-in's own answer."""
        org = self._parts.client.tokens.current().org
        return Tenant(org) if org else None

    def probe(self) -> list[Finding]:
        """Log-in, API version and quota."""
        return self._parts.probe.findings()

    def describe(self, object: str) -> ObjectSchema | None:  # noqa: A002 - the contract's word
        """The object as our user sees it; at most an hour old."""
        return self._parts.schemas.get(object).schema

    def unseen(self, feed: Feed) -> tuple[str, ...]:
        """The columns that are left out: they do not exist, or field-level security hides them from our user."""
        return self._parts.reader.unseen(feed)

    def capabilities(self, object: str) -> Capabilities:  # noqa: A002
        """What our user can do with the object."""
        described = self._parts.schemas.get(object)
        schema = described.schema
        return Capabilities(
            writable=schema.updateable,
            creatable=schema.createable,
            deletable=schema.deletable,
            tombstones=True,
            sparse=False,
            lookup_paths=described.keys,
            repeatable_create=any(field.external_id for field in schema.fields.values()),
            batch_size=self._batch_size,
            journal_size=self._journal_rows,
            fetch_size=2000,
            horizon_s=self._horizon_s,
            lengths=schema.lengths(),
        )

    def pull(self, feed: Feed, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        """What changed since the cursor, or everything; `feed` and `cursor` (the modules) tell how."""
        for page in self._parts.puller.pull(feed, cursor, full=full):
            self._read += len(page.records)
            yield page

    def fetch(self, feed: Feed, ids: Sequence[str]) -> Mapping[str, NativeRecord | None]:
        """Rows by id, read now; not narrowed by `feed.where`, because leaving a filter is not being gone."""
        found = self._parts.reader.fetch(feed, ids)
        self._read += sum(record is not None for record in found.values())
        return found

    def lookup(self, feed: Feed, path: str, values: Sequence[Native]) -> Mapping[str, tuple[NativeRecord, ...]]:
        """Live rows by value, compared without case."""
        found = self._parts.reader.lookup(feed, path, values)
        self._read += sum(map(len, found.values()))
        return found

    def journal_size(self, object: str, pending: int) -> int:  # noqa: A002, ARG002 - the contract's words
        """Full requests up to a thousand rows; where a bulk job pays, five thousand or as many as it takes to pay.

        They all are in memory at once.
        """
        if pending < self._bulk_threshold:
            return min(self._journal_rows, max(pending, 1))
        return min(pending, max(BULK_JOURNAL_ROWS, self._bulk_threshold))

    @property
    def _journal_rows(self) -> int:
        """As many full requests as fit into a thousand rows."""
        return JOURNAL_ROWS // self._batch_size * self._batch_size

    def push(self, writes: Sequence[Write]) -> list[Receipt]:
        """Collections, or a bulk job from `bulk_threshold` rows on. Opt-outs never wait in a job, nor for our share."""
        done = {write.number: refusal for write in writes if (refusal := self._refusal(write)) is not None}
        left = [write for write in writes if write.number not in done]
        bulk = [write for write in left if self._is_bulk(write)]
        bulk = bulk if len(bulk) >= self._bulk_threshold else []
        numbers = {write.number for write in bulk}
        done |= self._sent(bulk, [write for write in left if write.number not in numbers])
        self._written += sum(receipt.error is None for receipt in done.values())
        return [done[write.number] for write in writes]

    def usage(self) -> Usage:
        """Calls counted here (log-ins apart), and the org's allowance as the last answer told it."""
        allowance = self._budget.allowance
        return Usage(
            calls=self._budget.calls,
            read=self._read,
            written=self._written,
            calls_left=allowance.left if allowance else None,
            calls_limit=allowance.limit if allowance else None,
            gate_refusals=self._gate_refusals,
        )

    def close(self) -> None:
        """Closes the sockets, if any were opened."""
        if self._built is not None:
            self._built.client.close()

    def _sent(self, bulk: Sequence[Write], single: Sequence[Write]) -> dict[int, Receipt]:
        done: dict[int, Receipt] = {}
        for group in payload.by_operation(bulk):
            done |= self._attempted(self._parts.ingest.push, group, done)
        return done | (self._attempted(self._parts.collections.push, single, done) if single else {})

    @staticmethod
    def _attempted(
        push: Callable[[Sequence[Write]], dict[int, Receipt]], writes: Sequence[Write], done: Mapping[int, Receipt]
    ) -> dict[int, Receipt]:
        """After rows were sent nothing is raised any more: the rest did not happen."""
        try:
            return push(writes)
        except SyncError as error:
            if not done:
                raise
            return {write.number: receipts.unsent(write, error) for write in writes}

    def _is_bulk(self, write: Write) -> bool:
        keyed = payload.operation(write) != payload.CREATE
        return keyed and write.kind is not Kind.SUBSCRIBE and table.fits(write.values)

    def _refusal(self, write: Write) -> Receipt | None:
        if gate.refuses(write, self._gate):
            self._gate_refusals += 1
            return receipts.refused_by_us(
                write, "SUPPRESSED", "this address opted out: crm-sync consent show tells why"
            )
        if write.kind is Kind.DELETE and write.remote_id is None:
            return receipts.refused_by_us(write, "MISSING_ARGUMENT", "a delete needs the id of a row")
        if not payload.is_encodable(write):
            return receipts.refused_by_us(write, "UNENCODABLE", "remove the broken characters from the record")
        return None

    def _organization(self) -> Tenant:
        try:
            found = self._parts.client.query("SELECT Id, Name FROM Organization")["records"]
        except RefusedError as refused:
            raise aborting(refused, self.name, "identify the org") from None
        if not found:
            raise AuthError(
                "the org does not say which it is", remedy="let our user read Organization", system=self.name
            )
        return Tenant(full_id(found[0]["Id"]), str(found[0].get("Name") or ""))


def _checked(login_url: str, auth: object) -> str:
    """The log-in's origin. Raises ConfigError for a grant that Salesforce no longer serves, or not at this host."""
    if not isinstance(auth, ClientCredentials | JwtBearer | RefreshToken):
        raise ConfigError([Problem("config.toml", None, "SOAP and password log-in are refused", RETIRED_GRANTS)])
    origin = checked_login_url(login_url)
    if isinstance(auth, ClientCredentials) and urlsplit(origin).hostname in SHARED_LOGINS:
        remedy = 'write login_url = "https://YOURDOMAIN.my.salesforce.com"'
        raise ConfigError([Problem("config.toml", None, "client credentials need the org's My Domain host", remedy)])
    return origin

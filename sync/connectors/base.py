"""The contract of a connector, in prose. A connector speaks one vendor's API and knows no mapping, no state and no other system.

A connector is built with a base URL, credentials (already resolved), its settings, a `Clock`, and a `Gate`. It may be
called from one thread at a time per instance for writes, and `pull` may run on another thread than the rest.
It keeps no memory that a crash would miss, except rotating credentials, which it hands to `on_secret` before it uses them.

Promises every connector keeps (the contract suite holds them to it):

* Only the native paths of the feed are returned. A path the system did not return is left out (MISSING); null stays None.
* `pull` yields every row that changed since the cursor at least once; the cursor of a page never passes a row that was not yielded.
  Without a cursor, or with `full=True`, it enumerates everything. A page's cursor may be stored, and a later pull goes on from it.
* `fetch` and `lookup` read afresh, never from a cache. `fetch` answers None only on positive evidence (404 by id, deleted row).
* `push` never repeats a create on its own after an outcome that leaves doubt, unless `repeatable_create`; it never raises for
  a single row: every write gets exactly one receipt, in the order of the writes. It raises AuthError, QuotaError or
  UnreachableError only when no byte of the remaining writes was sent; rows already sent get receipts: so it raises only for the first row.
* Reads are retried within the configured limits and then raise UnreachableError. 401 is answered by one refresh, then AuthError.
* No error, log or receipt holds a value of a record or a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from sync.connectors.http.throttle import Throttle
from sync.model.remote import Capabilities, Feed, NativeRecord, ObjectSchema, Page, Receipt, Tenant, Usage, Write
from sync.model.values import Native

Suppressed = Callable[[str], bool]
"""Tells whether an e-mail address may never be opted in: the last gate's question, independent of the merge."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing `check` found out about a system without writing. ``well`` False means: an operator must act."""

    what: str
    well: bool
    detail: str = ""
    remedy: str = ""


@runtime_checkable
class Paced(Protocol):
    """A connector that keeps a pace of its own, which can be made part of another's of the same system."""

    @property
    def pace(self) -> Throttle:
        """How fast the vendor is asked."""


@runtime_checkable
class Adapting(Protocol):
    """A connector that reads on without a column that it is denied, instead of failing."""

    def unseen(self, feed: Feed) -> Sequence[str]:
        """The paths of a feed that were left out of the last read because the system does not show them. Costs no call."""


@runtime_checkable
class Introduced(Protocol):
    """A connector whose log-in tells whose data it opens, so that this can be asked before every run."""

    def introduction(self) -> Tenant | None:
        """Whose data it is, where the log-in tells. Costs no call beside the log-in. Raises AuthError, UnreachableError."""


@runtime_checkable
class Filtering(Protocol):
    """A connector that can tell without a call whether it could ask what a feed is to be narrowed to."""

    def check_filter(self, feed: Feed) -> None:
        """Raises DriftError for a condition, or an object, that the vendor does not know."""


class Connector(Protocol):
    """One system. `name` is the configured name, `kind` the vendor."""

    name: str
    kind: str

    def identify(self) -> Tenant:
        """Whose data this is; one cheap read. Raises AuthError, UnreachableError."""

    def probe(self) -> list[Finding]:
        """Read-only capability findings for `check`: credentials, profile, permissions, quota."""

    def describe(self, object: str) -> ObjectSchema | None:  # noqa: A002 - the field's word
        """The live schema for this user; None where the vendor describes nothing. Raises DriftError for an unknown object."""

    def capabilities(self, object: str) -> Capabilities:  # noqa: A002
        """What this object can do here."""

    def pull(self, feed: Feed, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        """Rows that changed since `cursor`, or all; see the module docstring."""

    def fetch(self, feed: Feed, ids: Sequence[str]) -> Mapping[str, NativeRecord | None]:
        """Rows by remote id, read now; an id maps to None where the row is positively gone; a key for every id."""

    def lookup(self, feed: Feed, path: str, values: Sequence[Native]) -> Mapping[str, tuple[NativeRecord, ...]]:
        """Live rows whose `path` equals (as that system compares) each value, read now; keyed by the value as text."""

    def journal_size(self, object: str, pending: int) -> int:  # noqa: A002
        """How many of `pending` writes to journal and hand to one `push`."""

    def push(self, writes: Sequence[Write]) -> list[Receipt]:
        """Writes rows of one object and one kind; one receipt a write, in order."""

    def usage(self) -> Usage:
        """Calls made and left."""

    def close(self) -> None:
        """Gives sockets back."""

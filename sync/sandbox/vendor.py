"""What every emulated vendor offers to the server and to the control plane."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, runtime_checkable

from sync.sandbox.people import Population
from sync.sandbox.store import Row, Store
from sync.sandbox.wire import Request, Response


class EditRefused(ValueError):
    """A control-plane edit names an object, row or field that this vendor does not have; the text says which."""


class Vendor(Protocol):
    """One emulated vendor. All methods are called under one lock per vendor.

    A new one is empty: schema and fixed rows (lists, automations) only. A reset makes a new one.
    """

    name: ClassVar[str]
    root: ClassVar[str]
    """What follows host and port in the published base URL, e.g. ``/v1``; empty for Salesforce and ActiveCampaign."""

    @property
    def store(self) -> Store:
        """The rows; the server makes held-back ones visible, goes back in time and commits late with it."""

    def authenticate(self, request: Request) -> Response | None:
        """None lets the request pass; else the vendor's own refusal. Log-in endpoints pass."""

    def is_login(self, request: Request) -> bool:
        """Whether the call log marks this request `auth` and leaves it out of `total`."""

    def route(self, request: Request) -> str:
        """The route template for the call log's `by_route`, ids replaced: ``GET /v1/accounts/:id``."""

    def throttled(self, request: Request) -> Response | None:
        """Counts the request against the vendor's limits; the vendor's refusal when it is over."""

    def limit(self, settings: dict[str, Any]) -> None:
        """Sets limits: ``{"requests_per_minute": 100}``, ``{"daily_calls": None}`` to lift; ignores other keys."""

    def decorate(self, response: Response) -> None:
        """Adds the headers that this vendor puts on every answer (rate limits, Date is the server's)."""

    def handle(self, request: Request) -> Response:
        """Answers one authenticated request within the limits. Sets `write` and `rows` on the answer."""

    def populate(self, population: Population) -> None:
        """Stores the vendor's own view of the invented people, on top of an empty schema."""

    def objects(self) -> list[str]:
        """Collection names as the control plane spells them."""

    def rows(self, name: str) -> list[Row]:
        """Every stored row of one object for `dump`, deleted ones with ``_deleted`` true."""

    def load(self, name: str, records: list[Row]) -> list[str]:
        """Stores rows as they stand; missing ids and stamps are filled. Returns ids in order; raises EditRefused."""

    def edit(self, name: str, row_id: str | None, change: dict[str, Any], at: str | None) -> str:
        """A person's edit with the vendor's side effects.

        `change` has exactly one of set, create, delete, undelete, merge_into. Returns the row's id; raises EditRefused.
        """


@runtime_checkable
class KnowsReads(Protocol):
    """A vendor whose POSTs can be reads (a query, a filter) may say which; else only GET and HEAD are reads."""

    def is_read(self, request: Request) -> bool:
        """Whether the request cannot change data: `stale` faults hit these, `rows` and `late_commit` the others."""


@runtime_checkable
class ActsAlone(Protocol):
    """A vendor that does something while nobody asks: ends a job, sends a message."""

    def wake(self) -> None:
        """Does what is due by the clock; called every now and then, under the lock."""

    def close(self) -> None:
        """Ends what it does alone. It is not used after that."""


@runtime_checkable
class HasSettings(Protocol):
    """A vendor with more switches than its limits; `POST /_control/limits` passes them to `limit`."""

    settings_known: ClassVar[frozenset[str]]
    """Keys that `limit` understands beside the limits themselves."""

"""simple-salesforce on our session: queries, REST calls and files, with its exceptions turned into ours.

A `Salesforce` object and its session serve one thread at a time (`requests` promises no more) and are lent out anew for
each request; token and budget are shared. This is the
one module that imports simple-salesforce, and `connector` imports it on the first request: it costs 150 ms, half of it
zeep, which simple-salesforce loads for a metadata API that is never used here and has no switch to leave out.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import orjson
from simple_salesforce.api import Salesforce as Handle
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceError,
    SalesforceExpiredSession,
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceOperationError,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)
from simple_salesforce.util import exception_handler

from sync.connectors.salesforce.auth import Auth
from sync.connectors.salesforce.budget import Budget
from sync.connectors.salesforce.faults import Complaint, RefusedError, complaints
from sync.connectors.salesforce.login import Tokens
from sync.connectors.salesforce.session import HOST, Call, Session, Settings
from sync.errors import AuthError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

URI_MAX = 12_000
"""Encoded characters of a query in the address; Salesforce takes 16,384 bytes of address and headers together."""
HEADERS: Final = {"Sforce-Call-Options": "client=crm-sync", "Sforce-Auto-Assign": "FALSE"}
"""Auto-assign defaults to TRUE and would change owners (apis/salesforce.md 3.1)."""
PAGE_SIZE = 2000

EXCEPTIONS: Mapping[type[Exception], str] = {
    SalesforceMoreThanOneRecord: "refused",
    SalesforceMalformedRequest: "refused",
    SalesforceRefusedRequest: "refused",
    SalesforceResourceNotFound: "refused",
    SalesforceGeneralError: "refused",
    SalesforceExpiredSession: "auth",
    SalesforceAuthenticationFailed: "auth",
    SalesforceOperationError: "unreachable",
}
"""What each exception of simple-salesforce is to us."""


class _Handle(Handle):
    """simple-salesforce's object, which says less of its session than it is."""

    session: Session


class Client:
    """What the rest of the connector calls Salesforce with."""

    def __init__(
        self, settings: Settings, auth: Auth, budget: Budget, api_version: str, on_secret: Callable[[str], None] | None
    ) -> None:
        self._settings = settings
        self._budget = budget
        self._version = api_version
        self._local = threading.local()
        self._asked: tuple[datetime, float] | None = None
        self._idle: deque[_Handle] = deque()
        self.base = f"/services/data/v{api_version}"
        self.tokens = Tokens(
            login_url=settings.login_url,
            auth=auth,
            clock=settings.clock,
            redeem=self._redeem,
            on_secret=on_secret,
            system=settings.system,
        )

    @property
    def asked_at(self) -> datetime | None:
        """The server's time when this thread's last request was sent; None before the first."""
        asked: tuple[datetime, float] | None = getattr(self._local, "asked", None)
        return asked[0] if asked else None

    @property
    def now(self) -> datetime | None:
        """About the server's present time, to judge what is due; never to be stored as a watermark."""
        if self._asked is None:
            return None
        return self._asked[0] + timedelta(seconds=self._settings.clock.monotonic() - self._asked[1])

    def query(self, soql: str, *, deleted: bool = False, call: Call | None = None) -> Mapping[str, Any]:
        """The first page of a query; `deleted` adds the rows in the bin. Raises RefusedError and AbortErrors."""
        if len(quote(soql, safe="")) > URI_MAX:
            return self._query_in_body(soql, deleted=deleted, call=call)
        options = {"headers": HEADERS | {"Sforce-Query-Options": f"batchSize={PAGE_SIZE}"}, "call": call}
        with self._lent() as handle:
            return _page(handle.query(soql, include_deleted=deleted, **options))

    def more(self, link: str, *, call: Call | None = None) -> Mapping[str, Any]:
        """The next page, by the link of the page before, which must stay within this API."""
        if not link.startswith("/services/data/") or "\\" in link or "//" in link:
            message = "the link to the next page leads elsewhere; it was not followed"
            raise UnreachableError(message, remedy="check who answers at login_url", system=self._settings.system)
        with self._lent() as handle:
            return _page(handle.query_more(link, identifier_is_url=True, headers=HEADERS, call=call))

    def send(self, method: str, path: str, body: Any = None, *, call: Call | None = None, params: Any = None) -> Any:
        """Any JSON request below the versioned root; None for an empty answer. Raises RefusedError and AbortErrors."""
        options: dict[str, Any] = {"headers": HEADERS, "call": call}
        if body is not None:
            options["data"] = orjson.dumps(body)
        with self._lent() as handle:
            return handle.restful(path, params=params, method=method, **options)

    def file(self, method: str, path: str, data: Any = None, *, params: Any = None) -> requests.Response:
        """Sends or fetches CSV, which simple-salesforce would decode as Latin-1. The answer's body is UTF-8 bytes."""
        headers = HEADERS | (
            {"Content-Type": "text/csv; charset=UTF-8"} if data is not None else {"Accept": "text/csv"}
        )
        with self._lent() as handle:
            response = handle.session.request(
                method,
                f"https://{HOST}{self.base}/{path}",
                headers=headers,
                data=data,
                params=params,
                call=Call(patience=20.0),
            )
            if response.status_code >= 300:  # noqa: PLR2004
                exception_handler(response, name=path)
        return response

    def versions(self) -> list[str]:
        """The API versions that this host serves."""
        with self._lent() as handle:
            response = handle.session.request(
                "GET", f"https://{HOST}/services/data", headers={}, call=Call(exempt=True)
            )
        body = response.json()
        return [str(row.get("version")) for row in body if isinstance(row, dict)] if isinstance(body, list) else []

    def close(self) -> None:
        """Closes the sockets."""
        while self._idle:
            self._idle.pop().session.close()

    def _query_in_body(self, soql: str, *, deleted: bool, call: Call | None) -> Mapping[str, Any]:
        """A query too long for an address travels as a sub-request of a composite call."""
        url = f"{self.base}/{'queryAll' if deleted else 'query'}?q={quote(soql, safe='')}"
        part = {"method": "GET", "url": url, "referenceId": "q"}
        answer = self.send("POST", "composite", {"compositeRequest": [part]}, call=call)
        reply = answer["compositeResponse"][0] if isinstance(answer, dict) and answer.get("compositeResponse") else {}
        if reply.get("httpStatusCode") != 200:  # noqa: PLR2004
            raise RefusedError(int(reply.get("httpStatusCode") or 0), complaints(reply.get("body")))
        return _page(reply.get("body"))

    def _redeem(self, url: str, form: Mapping[str, str]) -> tuple[int, Any]:
        with self._lent() as handle:
            return handle.session.redeem(url, form)

    @contextmanager
    def _lent(self) -> Iterator[_Handle]:
        """A handle that no other thread uses meanwhile. Its exceptions become ours: the vendor's text quotes values."""
        try:
            handle = self._idle.pop()
        except IndexError:
            handle = self._made()
        try:
            yield handle
        except (SalesforceError, SalesforceOperationError) as error:
            raise translated(error, self._settings.system) from None
        finally:
            self._local.asked = self._asked = handle.session.asked or self._asked
            self._idle.append(handle)

    def _made(self) -> _Handle:
        return _Handle(
            session_id="placeholder",
            instance=HOST,
            version=self._version,
            session=Session(self._settings, self.tokens, self._budget),
            parse_float=number,
            object_pairs_hook=dict,
        )


def translated(error: Exception, system: str) -> Exception:
    """Our error for one of simple-salesforce's."""
    kind = next((EXCEPTIONS[known] for known in type(error).__mro__ if known in EXCEPTIONS), "unreachable")
    if kind == "auth":
        return AuthError("Salesforce refuses the credentials", remedy="check the app and its user", system=system)
    if kind == "unreachable" or not isinstance(error, SalesforceError):
        return UnreachableError("Salesforce answered what nobody expected", remedy="try again", system=system)
    if error.status == 300:  # noqa: PLR2004
        return RefusedError(300, [Complaint("MULTIPLE_CHOICES")])
    return RefusedError(error.status, complaints(error.content))


def _page(body: Any) -> Mapping[str, Any]:
    """A query page of the expected shape; anything else must not pass for an empty result."""
    if isinstance(body, dict) and isinstance(body.get("records"), list) and isinstance(body.get("done"), bool):
        return body
    raise UnreachableError("a query was answered with something else than rows", remedy="try again")


def number(text: str) -> float | int:
    """A number with a point: a float where that is exact, else the integer it is (currency has 18 digits)."""
    number, exact = float(text), Decimal(text)
    return int(exact) if exact == exact.to_integral_value() and Decimal(number) != exact else number

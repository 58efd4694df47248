"""One request over the wire: the only module that knows httpx.

It bounds time and size, follows no redirect, and names what went wrong. It retries nothing and judges no status.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

import httpx

from sync.connectors.http.answer import Limits
from sync.connectors.http.deadline import BoundedBackend, Deadline
from sync.connectors.http.outcomes import Fault
from sync.model.clock import Clock

# Their INFO and DEBUG lines hold whole addresses and the credentials' header.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

Params = Mapping[str, str | int | Sequence[str]]

FAULTS: Final[tuple[tuple[type[Exception], Fault], ...]] = (
    (httpx.ConnectTimeout, Fault.CONNECT),
    (httpx.PoolTimeout, Fault.CONNECT),
    (httpx.ConnectError, Fault.CONNECT),
    (httpx.ProxyError, Fault.CONNECT),
    (httpx.TimeoutException, Fault.TIMEOUT),
    (httpx.LocalProtocolError, Fault.REQUEST),
    (httpx.UnsupportedProtocol, Fault.REQUEST),
    (httpx.InvalidURL, Fault.REQUEST),
    (httpx.DecodingError, Fault.UNREADABLE),
    (httpx.TransportError, Fault.BROKEN),
    (httpx.HTTPError, Fault.BROKEN),
    (httpx.StreamError, Fault.BROKEN),
)
"""Every exception of httpx, the most specific first."""


class WireError(Exception):
    """The request failed in transport; ``status`` where the head of an answer was seen."""

    def __init__(self, fault: Fault, status: int | None = None) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.status = status


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer as it came, header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def fault_of(error: Exception) -> Fault:
    """What an exception of httpx tells about the request."""
    if isinstance(error, httpx.ConnectError) and _is_certificate(error):
        return Fault.CERTIFICATE
    return next((fault for kind, fault in FAULTS if isinstance(error, kind)), Fault.BROKEN)


class Wire:
    """A pool of connections to one host."""

    def __init__(
        self, base_url: str, headers: Mapping[str, str], limits: Limits, clock: Clock, transport: Any = None
    ) -> None:
        self.base = httpx.URL(base_url)
        self._limits = limits
        self._deadline = Deadline(clock.monotonic)
        self._client = httpx.Client(
            headers=dict(headers),
            timeout=httpx.Timeout(limits.timeout_s, connect=min(limits.connect_s, limits.timeout_s), pool=5.0),
            follow_redirects=False,
            trust_env=not _is_loopback(self.base.host),
            transport=transport,
        )
        if transport is None:
            self._bound_sockets()

    def send(self, method: str, url: str, params: Params | None, content: bytes | None) -> Raw:
        """One request, one answer. Raises `WireError`."""
        status: int | None = None
        headers = {"content-type": "application/json"} if content is not None else None
        try:
            query = dict(params) if params else None
            with (
                self._deadline.within(self._limits.deadline_s),
                self._client.stream(method, url, params=query, content=content, headers=headers) as response,
            ):
                status = response.status_code
                return Raw(status, {k.lower(): v for k, v in response.headers.items()}, self._body(response))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise WireError(fault_of(error), status) from None

    def close(self) -> None:
        """Gives the sockets back."""
        self._client.close()

    def _body(self, response: httpx.Response) -> bytes:
        """The decompressed body, refused as soon as it is too long."""
        chunks = bytearray()
        for chunk in response.iter_bytes():
            chunks += chunk
            if len(chunks) > self._limits.body_bytes:
                raise WireError(Fault.OVERSIZE, response.status_code)
        return bytes(chunks)

    def _bound_sockets(self) -> None:
        """Puts the deadline under httpx's pools; it offers no public seam for a network backend."""
        for transport in (self._client._transport, *self._client._mounts.values()):  # noqa: SLF001
            if isinstance(transport, httpx.HTTPTransport):
                transport._pool._network_backend = BoundedBackend(self._deadline)  # noqa: SLF001


def _is_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""A total deadline on the sockets of a call.

httpx bounds each silence but not the whole: a peer that sends one byte a second, headers included, holds a call for
ever. These streams shorten every wait to what is left of the current call's time. The deadline belongs to the thread,
because a pooled connection serves one thread at a time.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore


class Deadline:
    """When the current thread's call must be over, on the given monotonic clock."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._local = threading.local()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Bounds all socket waits in the block."""
        self._local.ends = self._monotonic() + seconds
        try:
            yield
        finally:
            self._local.ends = None

    def shorten(self, timeout: float | None) -> float | None:
        """The wait that is still allowed. Raises `httpcore.ReadTimeout` when the time is up."""
        ends = getattr(self._local, "ends", None)
        if ends is None:
            return timeout
        left = float(ends - self._monotonic())
        if left <= 0:
            raise httpcore.ReadTimeout("the call took too long")
        return left if timeout is None else min(timeout, left)


class BoundedStream(httpcore.NetworkStream):
    """A socket that keeps to the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Some bytes."""
        return self._stream.read(max_bytes, self._deadline.shorten(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Sends bytes."""
        self._stream.write(buffer, self._deadline.shorten(timeout))

    def close(self) -> None:
        """Gives the socket back."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same stream, encrypted."""
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.shorten(timeout))
        return BoundedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks of a socket."""
        return self._stream.get_extra_info(info)


class BoundedBackend(httpcore.NetworkBackend):
    """Opens bounded sockets."""

    def __init__(self, deadline: Deadline) -> None:
        self._inner = httpcore.SyncBackend()
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connected socket."""
        stream = self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return BoundedStream(stream, self._deadline)

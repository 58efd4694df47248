"""What an emulated vendor sends of its own accord: messages over real HTTP, never on the thread that caused them.

Messages to one receiver go in order, one at a time; a slow receiver holds up its own messages alone. One that failed goes again, behind
whatever came meanwhile, where its sender wants that.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from queue import Full, Queue
from urllib.parse import SplitResult, urlsplit

TIMEOUT_S = 5.0
WAITING_MAX = 10_000
"""Messages that wait for one receiver; those beyond are lost, as a vendor's hints may be."""
OK, GONE = 200, 410


@dataclass(frozen=True, slots=True)
class Message:
    """One HTTP request to somebody's address.

    ``sender`` is what sends it: after a 410 it sends no more. ``pauses_s`` are the waits before it goes again, as long as the answer
    is not 200.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    sender: str = ""
    pauses_s: tuple[float, ...] = ()


class Courier:
    """Carries messages until it is closed. ``gone`` holds the senders that were told 410."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self._lines: dict[str, Queue[Message | None]] = {}
        self._carriers: list[threading.Thread] = []
        self._open: set[HTTPConnection] = set()
        self._waits: set[threading.Timer] = set()
        self._guard = threading.Lock()
        self._closing = False

    def send(self, message: Message) -> None:
        """Hands over one message and returns at once."""
        with self._guard, contextlib.suppress(Full):
            if not self._closing:
                self._line(urlsplit(message.url)).put_nowait(message)

    def send_later(self, message: Message, after_s: float) -> None:
        """Hands over one message when so many seconds have passed."""
        wait = threading.Timer(after_s, self.send, (message,))
        wait.daemon = True
        with self._guard:
            if not self._closing:
                self._waits = {one for one in self._waits if one.is_alive()} | {wait}
                wait.start()

    def close(self) -> None:
        """Drops what waits, cuts what is on its way and ends."""
        with self._guard:
            self._closing = True
            for wait in self._waits:
                wait.cancel()
            for connection in self._open:
                _cut(connection)
            for line in self._lines.values():
                with contextlib.suppress(Full):  # whoever has that much left to carry sees `_closing`
                    line.put_nowait(None)
        for thread in (*self._carriers, *self._waits):
            thread.join(TIMEOUT_S)

    def _line(self, target: SplitResult) -> Queue[Message | None]:
        place = f"{target.scheme}://{target.netloc}"
        if place not in self._lines:
            line: Queue[Message | None] = Queue(WAITING_MAX)
            self._lines[place] = line
            carrier = threading.Thread(target=self._carry, args=(line,), daemon=True)
            self._carriers.append(carrier)
            carrier.start()
        return self._lines[place]

    def _carry(self, line: Queue[Message | None]) -> None:
        while (message := line.get()) is not None and not self._closing:
            if message.sender in self.gone:
                continue
            status = self._deliver(message)
            if status == GONE and message.sender:
                self.gone.add(message.sender)
            elif status != OK and message.pauses_s:
                self.send_later(replace(message, pauses_s=message.pauses_s[1:]), message.pauses_s[0])

    def _deliver(self, message: Message) -> int:
        connection = connected(message.url)
        with self._guard:
            if self._closing:
                return 0
            self._open.add(connection)
        try:
            return deliver(connection, message)
        finally:
            with self._guard:
                self._open.discard(connection)


def target_of(url: str) -> SplitResult | None:
    """The parts of an address that HTTP can call; None for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname and port != 0 else None


def connected(url: str) -> HTTPConnection:
    """A connection to a receiver that gives it five seconds; opened by the first use."""
    target = urlsplit(url)
    kind = HTTPSConnection if target.scheme == "https" else HTTPConnection
    return kind(target.hostname or "", target.port, timeout=TIMEOUT_S)


def deliver(connection: HTTPConnection, message: Message) -> int:
    """One attempt; the status that came back, or 0 where nothing did."""
    target = urlsplit(message.url)
    path = f"{target.path or '/'}{'?' if target.query else ''}{target.query}"
    try:
        connection.request(message.method, path, message.body or None, dict(message.headers))
        return connection.getresponse().status
    except (OSError, HTTPException, ValueError):  # ValueError: a path or header that HTTP cannot carry
        return 0
    finally:
        connection.close()


def _cut(connection: HTTPConnection) -> None:
    with contextlib.suppress(OSError, AttributeError):  # no socket yet: then there is nothing to wait for
        connection.sock.shutdown(socket.SHUT_RDWR)

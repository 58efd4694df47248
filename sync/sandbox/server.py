"""A small threaded HTTP/1.1 server with the socket in its own hands: one write per answer, and a cut when asked for.

It knows nothing of vendors: it turns a connection into `Request` values (``intake``) and an answer into bytes.
One thread per connection: fast enough for one client at full speed, and a sleeping answer holds up nobody else.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus

from sync.sandbox.clock import Clock
from sync.sandbox.intake import BadRequest, Gone, Intake
from sync.sandbox.wire import Request, Response, json_response

Answerer = Callable[[Request], "Response | None"]
"""One request to its answer; None cuts the connection without a byte."""

REASONS = {int(status): status.phrase for status in HTTPStatus}
BODYLESS = {204, 304}
BACKLOG = 512
PORT_MAX = 65535


class Server:
    """One port on loopback."""

    def __init__(self, port: int, answer: Answerer, clock: Clock) -> None:
        """Binds at once (port 0: a free one), raises OSError when the port is taken; `start` begins to answer."""
        if not 0 <= port <= PORT_MAX:
            raise OSError(f"port {port} does not exist")
        self._answer = answer
        self._dates = Dates(clock)
        self._socket = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._closing = False

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Begins to accept connections, in a thread of its own."""
        self._acceptor.start()

    def close(self) -> None:
        """Stops listening and cuts every open connection."""
        self._closing = True
        # Closing a socket does not wake a thread that waits in accept; shutting it down does.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        if self._acceptor.ident is not None:
            self._acceptor.join()
        with self._guard:
            for connection in self._open:
                _cut(connection)

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._guard:
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError, Gone):
                self._converse(connection)
            _cut(connection)
        finally:
            with self._guard:
                self._open.discard(connection)
            connection.close()

    def _converse(self, connection: socket.socket) -> None:
        intake = Intake(connection)
        while intake.keep_alive and not self._closing:
            try:
                request = intake.next()
            except BadRequest as error:
                refusal = json_response(error.status, {"error": "bad_request", "message": error.reason})
                connection.sendall(self._bytes(refusal, keep_alive=False))
                return
            response = self._safe_answer(request)
            if response is None:
                return
            connection.sendall(self._bytes(response, keep_alive=intake.keep_alive, head=request.method == "HEAD"))

    def _safe_answer(self, request: Request) -> Response | None:
        try:
            return self._answer(request)
        except Exception:  # noqa: BLE001 - a bug in one emulated route must not take the emulation down
            traceback.print_exc(file=sys.stderr)
            return json_response(
                500, {"error": "sandbox_bug", "message": f"no answer for {request.method}; see stderr"}
            )

    def _bytes(self, response: Response, *, keep_alive: bool, head: bool = False) -> bytes:
        lines = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Unknown')}", f"Date: {self._dates.now()}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        if response.status not in BODYLESS:
            lines.append(f"Content-Length: {len(response.body)}")
        if not keep_alive:
            lines.append("Connection: close")
        top = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
        return top if head or response.status in BODYLESS else top + response.body


class Dates:
    """The Date header in emulated time, formatted once a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known = (0, "")

    def now(self) -> str:
        """The emulated time as HTTP writes it."""
        second = int(self._clock.seconds())
        known = self._known
        if known[0] != second:
            known = self._known = (second, formatdate(second, usegmt=True))
        return known[1]


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)

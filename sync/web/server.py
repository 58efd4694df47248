"""The web server in a thread of its own: uvicorn, with a limit on how long somebody may dribble, and a graceful end.

uvicorn waits for ever for the headers of a request; a few hundred connections that send a byte a minute would use up the
process's files. Here a connection must bring the headers of its next request within `HEADERS_S`, and there are at most
`CONNECTIONS_MAX` of them.
"""

from __future__ import annotations

import asyncio
import socket
from threading import Thread
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from sync.config import Listen
from sync.errors import UsageError
from sync.runner.desk import Desk
from sync.web.app import build

HEADERS_S: Final = 15.0
CONNECTIONS_MAX: Final = 512
GRACE_S: Final = 5
_BACKLOG: Final = 256
_START_S: Final = 30.0


class ImpatientProtocol(H11Protocol):
    """Cuts connections that do not bring a request in time, and those that are too many."""

    _headers_timer: asyncio.TimerHandle | None = None
    _served: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for the first request."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.abort()
            return
        self._wait()

    def _wait(self) -> None:
        self._stop_waiting()
        self._headers_timer = self.loop.call_later(HEADERS_S, self._cut)

    def _stop_waiting(self) -> None:
        if self._headers_timer is not None:
            self._headers_timer.cancel()
            self._headers_timer = None

    def _cut(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Stops waiting once the headers are whole: from then on the body's own limit holds."""
        super().data_received(data)
        if self.cycle is not None and self.cycle is not self._served:
            self._served = self.cycle
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Waits for the next request on this connection."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to wait for any more."""
        self._stop_waiting()
        super().connection_lost(exc)


class Served:
    """A web server that runs beside whatever the process does."""

    def __init__(self, app: ASGIApp, listen: Listen) -> None:
        self._listen = listen
        self._socket: socket.socket | None = None
        self._thread: Thread | None = None
        config = uvicorn.Config(
            app,
            http=ImpatientProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            log_level="warning",
            server_header=False,
            date_header=True,
            proxy_headers=True,
            forwarded_allow_ips="127.0.0.1,::1",
            timeout_keep_alive=5,
            timeout_graceful_shutdown=GRACE_S,
            h11_max_incomplete_event_size=32 * 1024,
        )
        self._server = uvicorn.Server(config)

    @property
    def port(self) -> int:
        """Where it listens: the one that was free, if 0 was asked for."""
        return int(self._socket.getsockname()[1]) if self._socket else self._listen.port

    @property
    def url(self) -> str:
        """The address for a person on this machine."""
        host = self._listen.host if self._listen.host not in ("0.0.0.0", "::", "localhost") else "127.0.0.1"  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def start(self) -> None:
        """Listens and serves when this returns. Raises UsageError when the address cannot be had."""
        self._socket = _bound(self._listen)
        self._thread = Thread(target=self._server.run, args=([self._socket],), name="web", daemon=True)
        self._thread.start()
        waited = 0.0
        while not self._server.started and self._thread.is_alive() and waited < _START_S:
            self._thread.join(0.01)
            waited += 0.01

    def stop(self) -> None:
        """Lets running requests end within the grace, then closes."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(GRACE_S + 5)
        if self._socket is not None:
            self._socket.close()


def _bound(listen: Listen) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((listen.host, listen.port))
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise UsageError(
            f"nobody can listen on {listen} ({error.strerror})",
            remedy="Choose another [server] listen, or end what uses it.",
        ) from error
    made.set_inheritable(False)
    return made


def serve(desk: Desk, listen: Listen) -> Served:
    """A server for this desk; it listens once it is started."""
    return Served(build(desk), listen)

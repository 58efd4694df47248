"""An HTTP relay between the program and each emulated vendor: it counts requests and can kill the program around any of them."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

WHENS = ("before", "applied", "answered")
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@dataclass
class Trap:
    """Kills a process around the `at`-th request from now."""

    at: int
    when: str
    pid: int = 0
    sprung: bool = False


class Relay:
    """One listener per system; ``urls`` is what the program is given."""

    def __init__(self, upstream: Mapping[str, str]) -> None:
        self.urls = dict(upstream)
        self.requests = 0
        self.trap: Trap | None = None
        self._lock = threading.Lock()
        self._servers = []
        for system, base in upstream.items():
            if system != "control":
                server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, base))
                server.daemon_threads = True
                threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
                self._servers.append(server)
                self.urls[system] = f"http://127.0.0.1:{server.server_address[1]}{urlsplit(base).path}"

    def arm(self, at: int, when: str) -> Trap:
        """The next trap; the process to kill is set when it has begun."""
        self.requests, self.trap = 0, Trap(at, when)
        return self.trap

    def calm(self) -> None:
        """No trap; counting begins anew."""
        self.requests, self.trap = 0, None

    def close(self) -> None:
        """Gives the ports back."""
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def due(self) -> Callable[[str], bool]:
        """Counts one request; tells, for each moment of it, whether the program dies there."""
        with self._lock:
            self.requests += 1
            trap = self.trap if self.trap and not self.trap.sprung and self.requests == self.trap.at else None
            if trap is not None:
                trap.sprung = True
        return lambda when: trap is not None and trap.when == when and _kill(trap)


def _kill(trap: Trap) -> bool:
    while not trap.pid:  # the process has asked before its number was noted
        threading.Event().wait(0.001)
    with suppress(ProcessLookupError):
        os.kill(trap.pid, signal.SIGKILL)
    return True


def _handler(relay: Relay, base: str) -> type[BaseHTTPRequestHandler]:
    host = urlsplit(base).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        upstream: http.client.HTTPConnection | None = None

        def log_message(self, *_: object) -> None:
            """Nothing."""

        def handle(self) -> None:
            with suppress(ConnectionError):  # the program was killed
                super().handle()

        def finish(self) -> None:
            if self.upstream is not None:
                self.upstream.close()
            with suppress(OSError):
                super().finish()

        def _relay(self) -> None:
            body = self._body()
            dies = relay.due()
            if dies("before"):
                self._cut()
                return
            status, headers, answer = self._forward(body)
            if dies("applied"):
                self._cut()
                return
            with suppress(OSError):
                self._answer(status, headers, answer)
            if dies("answered"):
                self._cut()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _relay  # noqa: N815

        def _body(self) -> bytes:
            if "chunked" not in (self.headers.get("Transfer-Encoding") or "").lower():
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found = b""
            while size := int(self.rfile.readline().split(b";")[0].strip() or b"0", 16):
                found += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return found

        def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            self.upstream = self.upstream or http.client.HTTPConnection(host, timeout=60)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
            self.upstream.request(self.command, self.path, body or None, headers)
            answer = self.upstream.getresponse()
            return answer.status, answer.getheaders(), answer.read()

        def _answer(self, status: int, headers: Any, body: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def _cut(self) -> None:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    return Handler

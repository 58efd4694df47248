"""Somebody's own HTTP endpoint on loopback, that an emulated vendor sends its messages to."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from urllib.parse import parse_qsl

WAIT_S = 20


@dataclass(frozen=True)
class Received:
    """One message as it arrived; ``headers`` have lower-case names."""

    method: str
    path: str
    headers: dict
    body: bytes

    @property
    def form(self):
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


class Receiver:
    """Keeps what arrives, in order; answers the `statuses` one by one, then 200; waits while `held`."""

    def __init__(self):
        self.came, self.statuses, self.url = Queue(), [], ""
        self.free = threading.Event()
        self.free.set()

    def next(self):
        return self.came.get(timeout=WAIT_S)

    def take(self, handler):
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.came.put(Received(handler.command, handler.path, headers, body))
        self.free.wait(WAIT_S)
        return self.statuses.pop(0) if self.statuses else 200


@contextmanager
def receiving():
    """A `Receiver` at `url` until the block ends."""
    here = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(here.take(self))
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the base class names them

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # who has sent may be gone before the answer
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    here.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield here
    finally:
        here.free.set()
        server.shutdown()
        thread.join()
        server.server_close()

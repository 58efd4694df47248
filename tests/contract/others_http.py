"""Puts one emulated vendor behind a real loopback port; nothing of the control plane."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from sync.sandbox.clock import Clock
from sync.sandbox.wire import Request


class Served:
    """A vendor, its clock, a client with the right key, and the row faults of the requests to come."""

    def __init__(self, vendor, clock):
        self.vendor, self.clock, self.client = vendor, clock, None
        self.failing_rows, self.last, self.base = {}, None, ""
        self.lock = threading.Lock()

    def answer(self, request):
        with self.lock:
            self.vendor.store.release()
            response = (
                self.vendor.authenticate(request) or self.vendor.throttled(request) or self.vendor.handle(request)
            )
            self.vendor.decorate(response)
            self.last = response
            return response


def handler_of(here):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            path, _, query = self.path.partition("?")
            lowered = {name.lower(): value for name, value in self.headers.items()}
            response = here.answer(Request(self.command, path, query, lowered, body, here.failing_rows))
            self.send_response(response.status)
            for name, value in {**response.headers, "content-length": str(len(response.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response.body)

        def date_time_string(self, timestamp=None):
            return format_datetime(here.clock.now(), usegmt=True)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the base class names them

        def log_message(self, *_):
            pass

    return Handler


@contextmanager
def served(make, headers, *, limits=False):
    """Serves `make(clock)` until the block ends; without the vendor's limits unless they are asked for."""
    clock = Clock()
    here = Served(make(clock), clock)
    if not limits:
        here.vendor.limit({"requests_per_minute": None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(here))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    here.base = f"http://127.0.0.1:{server.server_address[1]}{here.vendor.root}"
    try:
        with httpx.Client(base_url=here.base, headers=headers, trust_env=False) as here.client:
            yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""The emulated org on a real loopback port, without the sandbox's own server: for these tests only."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from sync.sandbox.clock import Clock
from sync.sandbox.salesforce import Salesforce
from sync.sandbox.wire import Request

DATA = "/services/data/v67.0"
BARE = (204, 304)


class Handler(BaseHTTPRequestHandler):
    """Carries one request to the vendor, in the order in which the sandbox's server does it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def serve(self):
        body = self.body()
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.lock:
            failing, self.server.failing = self.server.failing, {}
            response = answered(self.server.vendor, Request(self.command, path, query, headers, body, failing))
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status not in BARE:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if response.status not in BARE:
            self.wfile.write(response.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve  # noqa: N815 - the names are the standard library's


def answered(vendor, request):
    vendor.store.release()
    response = vendor.authenticate(request) or vendor.throttled(request) or vendor.handle(request)
    vendor.decorate(response)
    return response


class Org:
    """One emulated org, its clock, its URL, and a client that is logged in."""

    def __init__(self, server, clock):
        self.server, self.vendor, self.clock = server, server.vendor, clock
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=60)
        self.login()

    def token(self, **form):
        return self.http.post("/services/oauth2/token", data=form)

    def login(self):
        answer = self.token(grant_type="client_credentials", client_id="sandbox", client_secret="sandbox")
        self.http.headers["Authorization"] = "Bearer " + answer.json()["access_token"]
        return answer.json()

    def call(self, method, path, body=None, **kwargs):
        return self.http.request(method, DATA + path, json=body, **kwargs)

    def query(self, soql, resource="query", **kwargs):
        return self.http.get(f"{DATA}/{resource}", params={"q": soql}, **kwargs)

    def records(self, soql, resource="query"):
        answer = self.query(soql, resource)
        assert answer.status_code == 200, answer.text
        return [{k: v for k, v in row.items() if k != "attributes"} for row in answer.json()["records"]]

    def upsert(self, kind, rows, key="CRM_Sync_Id__c", **more):
        records = [{"attributes": {"type": kind}, **row} for row in rows]
        return self.call("PATCH", f"/composite/sobjects/{kind}/{key}", {"records": records, **more})

    def edit(self, kind, row_id=None, at=None, **change):
        with self.server.lock:
            return self.vendor.edit(kind, row_id, change, at)

    def fail_rows(self, failing):
        """Arms the next request."""
        self.server.failing = failing


@contextmanager
def running():
    """A fresh org; nothing of it outlives the block."""
    clock = Clock()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.vendor, server.lock, server.failing = Salesforce(clock), threading.Lock(), {}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    org = Org(server, clock)
    try:
        yield org
    finally:
        org.http.close()
        server.shutdown()
        server.server_close()
        thread.join(5)

"""Bodies too large, too slow, compressed; connections that dribble; doors that are none (rows 104 to 114)."""

import gzip
import socket
import time
from contextlib import closing

import httpx
import pytest

from sync.web import bodies, server

MEGABYTE = b"x" * 1024 * 1024


class Desk:
    """Takes every webhook down; answers what it is told to."""

    def __init__(self, desk, status=200):
        self._desk = desk
        self.status = status
        self.got = []

    def __getattr__(self, name):
        return getattr(self._desk, name)

    def receive(self, system, headers, body, secret_path):
        self.got.append((system, headers, body, secret_path))
        if isinstance(self.status, Exception):
            raise self.status
        return self.status


@pytest.fixture
def desk(stage):
    from sync.runner.desk import StillDesk

    return Desk(StillDesk(*stage.both))


@pytest.fixture
def hooks(stage, desk):
    with stage.served(desk) as url, httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        yield client


def test_a_webhook_reaches_the_service_as_it_came(hooks, desk):
    """Raw bytes, header names in lower case, and the secret of the path are handed over; the service's status is the answer."""
    desk.status = 202
    body = b'{"a": "\xff\xfe"}\r\n'
    assert hooks.post("/webhooks/abmatic", content=body, headers={"X-Abmatic-Signature": "abc"}).status_code == 202
    assert hooks.post("/webhooks/activecampaign/s3cret", content=body).status_code == 202
    [(system, headers, got, secret), (other, _, _, with_secret)] = desk.got
    assert (system, got, secret, headers["x-abmatic-signature"]) == ("abmatic", body, None, "abc")
    assert (other, with_secret) == ("activecampaign", "s3cret")


@pytest.mark.law("row 119")
def test_webhooks_are_taken_under_any_name_and_without_a_token(hooks, desk):
    """A vendor knows the service by its public name and has no token: the signature is for the service to judge."""
    head = {"Host": "crm.example.com", "X-Forwarded-For": "203.0.113.9", "Origin": "https://vendor.example"}
    assert hooks.post("/webhooks/abmatic", content=b"{}", headers=head).status_code == 200
    assert len(desk.got) == 1


@pytest.mark.law("row 112")
def test_no_answer_switches_a_hook_off(hooks, desk):
    """410 is never said, not even if the service said it; a failure of the service is 500, and its message stays inside."""
    desk.status = 410
    assert hooks.post("/webhooks/activecampaign/x", content=b"").status_code == 404
    desk.status = RuntimeError("ada@acme.example")
    answer = hooks.post("/webhooks/abmatic", content=b"")
    assert (answer.status_code, answer.text) == (500, "")


@pytest.mark.law("row 108")
def test_a_webhook_has_256_kilobytes(hooks, desk):
    """256 KB are read; a byte more is 413, announced or not, and is not handed on."""
    assert hooks.post("/webhooks/abmatic", content=b"x" * 256 * 1024).status_code == 200
    assert hooks.post("/webhooks/abmatic", content=b"x" * (256 * 1024 + 1)).status_code == 413
    chunked = (b"x" * 65536 for _ in range(5))
    assert hooks.post("/webhooks/abmatic", content=chunked).status_code == 413
    assert len(desk.got) == 1


@pytest.mark.law("row 108")
def test_a_gigabyte_is_not_waited_for(hooks, desk):
    """A huge body is refused by its announcement, before it is sent."""
    with closing(_raw(hooks)) as sock:
        sock.sendall(
            b"POST /webhooks/abmatic HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1073741824\r\n\r\n" + b"x" * 1000
        )
        assert sock.recv(100).startswith(b"HTTP/1.1 413")
    assert desk.got == []


@pytest.mark.law("row 108")
def test_a_compressed_body_is_not_unpacked(hooks, desk):
    """A gzip bomb is 415: nothing is ever unpacked."""
    head = {"Content-Encoding": "gzip"}
    assert hooks.post("/webhooks/abmatic", content=gzip.compress(MEGABYTE), headers=head).status_code == 415
    assert desk.got == []


@pytest.mark.law("row 108")
def test_a_slow_body_is_cut_off(hooks, desk, monkeypatch):
    """A body that does not come within its time is 408."""
    monkeypatch.setattr(bodies.read_body, "__kwdefaults__", {"seconds": 0.2})
    with closing(_raw(hooks)) as sock:
        sock.sendall(b"POST /webhooks/abmatic HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nx")
        assert sock.recv(100).startswith(b"HTTP/1.1 408")
    assert desk.got == []


@pytest.mark.law("row 108")
def test_slow_headers_are_cut_off(stage, monkeypatch):
    """A connection that does not bring whole headers in time is closed; one that works is served on."""
    monkeypatch.setattr(server, "HEADERS_S", 0.3)
    with stage.served() as url, httpx.Client(base_url=url, trust_env=False) as client, closing(_raw(client)) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
        for _ in range(3):
            sock.sendall(b"a")  # dribbling does not help
        assert sock.recv(100) == b""
        assert client.get("/healthz").status_code == 200
        time.sleep(0.1)
        assert client.get("/healthz").status_code == 200


def test_too_many_connections_are_turned_away(stage, monkeypatch):
    """Beyond the limit a new connection is closed at once; the others go on."""
    monkeypatch.setattr(server, "CONNECTIONS_MAX", 3)
    with stage.served() as url, httpx.Client(base_url=url, trust_env=False) as client:
        assert client.get("/healthz").status_code == 200
        lazy = [_raw(client) for _ in range(2)]
        late = _raw(client)
        late.settimeout(10)
        with pytest.raises(OSError) if _resets(late) else closing(late):
            assert late.recv(10) == b""
        assert client.get("/healthz").status_code == 200
        for sock in lazy:
            sock.close()


def _resets(sock):
    """Whether the other end has cut the connection with a reset."""
    try:
        return sock.recv(1, socket.MSG_PEEK) == b"never"
    except ConnectionError:
        return True


@pytest.mark.law("row 104")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/webhooks/abmatic"),
        ("PUT", "/webhooks/abmatic"),
        ("POST", "/webhooks/"),
        ("POST", "/webhooks"),
        ("POST", "/webhooks/a/b/c"),
    ],
)
def test_wrong_doors(hooks, desk, method, path):
    """Unknown hooks and methods are 404 or 405, never 410 or 5xx."""
    assert hooks.request(method, path).status_code in (401, 403, 404, 405)
    assert desk.got == []


@pytest.mark.law("row 114")
@pytest.mark.parametrize(
    "path",
    [
        "/static/../gate.py",
        "/static/..%2fgate.py",
        "/static/%2e%2e/app.py",
        "/static/VENDOR.toml",
        "/static/",
        "/static/x.css",
        "/static/..\\gate.py",
        "/static/%00.css",
        "/static//etc/passwd",
    ],
)
def test_only_files_of_the_page_are_handed_out(web, path):
    """Nothing outside the folder of static files, and nothing there but styles, scripts and pictures."""
    with closing(_raw(web)) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        assert sock.recv(12) in (b"HTTP/1.1 404", b"HTTP/1.1 303")


@pytest.mark.law("row 114")
@pytest.mark.parametrize(
    "path",
    ["/records/contact/%00", "/records/contact/..%2f..%2fetc%2fpasswd", "/records/%ff/x", "/records/nothing/x", "/runs/%00", "/runs/'%20OR%201=1--", "/runs/x/undo?record=%00&field=%ff", "/conflicts?entity=%00&field='", "/?hours=999999999999999999999", "/?hours=-1", "/runs?limit=%D9%A3", "/quarantine?dropped=1e9", "/runs/" + "a" * 5000],
)  # fmt: skip
def test_odd_addresses_are_no_bug(web, path):
    """Whatever stands in an address, the answer is a page, with what to do, or a refusal."""
    assert web.get(path).status_code < 500


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe", b"a=1" + b"&a=1" * 6000, b"form_token=%ff", b"=", b"&&&", b"form_token[__proto__]=1"],
)
def test_odd_forms_are_no_bug(web, body):
    """Whatever stands in a form, it is refused as one that was not made here."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert web.post("/conflicts", content=body, headers=kind).status_code in (400, 403)
    assert (
        web.post("/conflicts", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"}).status_code
        == 415
    )


def test_a_form_has_a_megabyte(web):
    """A form of more than a megabyte is 413."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert web.post("/conflicts", content=b"a=" + MEGABYTE, headers=kind).status_code == 413


def test_a_taken_address_is_a_usage_error(stage, web):
    """An address that somebody else listens on is told with a remedy."""
    from sync.config import Listen
    from sync.errors import UsageError
    from sync.runner.desk import StillDesk
    from sync.web import serve

    with pytest.raises(UsageError, match="nobody can listen") as refused:
        serve(StillDesk(*stage.both), Listen("127.0.0.1", web.base_url.port)).start()
    assert "[server] listen" in refused.value.remedy


def _raw(client):
    return socket.create_connection(("127.0.0.1", client.base_url.port), timeout=20)

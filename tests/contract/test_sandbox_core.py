"""The sandbox's server, control plane and faults, over real HTTP, with a tiny vendor of two routes."""

import gzip
import re
import socket
import threading
import time
from email.utils import parsedate_to_datetime

import httpx
import pytest

from sync.sandbox.abmatic import Abmatic
from sync.sandbox.emulation import Emulation
from sync.sandbox.store import Store
from sync.sandbox.vendor import EditRefused
from sync.sandbox.wire import Response, json_response

KEY = {"authorization": "sandbox"}


class Echo:
    """A vendor with one object: POST /rows stores a list, GET /rows lists, anything with /echo gives back the body."""

    name = "echo"
    root = ""

    def __init__(self, clock):
        self.clock = clock
        self.left = None
        self.store = Store(self.clock)
        self.made = 0

    def authenticate(self, request):
        return None if request.headers.get("authorization") == "sandbox" or self.is_login(request) else Response(401)

    def is_login(self, request):
        return request.path == "/login"

    def route(self, request):
        return f"{request.method} {request.path}"

    def throttled(self, request):
        if self.left is None:
            return None
        self.left -= 1
        return Response(429) if self.left < 0 else None

    def limit(self, settings):
        self.left = settings.get("requests_per_minute", self.left)

    def decorate(self, response):
        response.headers["x-left"] = str(self.left)

    def handle(self, request):
        if "/echo" in request.path:
            return Response(200, request.body, {"content-type": "text/plain"})
        if request.method == "GET":
            return json_response(200, list(self.store.table("rows").values()))
        fates = [request.failing_rows.get(n) for n in range(len(request.json()))]
        ids = [fate or self._make(row) for row, fate in zip(request.json(), fates, strict=True)]
        return json_response(201, ids, write=True, rows=len(ids))

    def _make(self, row):
        self.made += 1
        self.store.put("rows", f"r{self.made}", {"id": f"r{self.made}", **row})
        return f"r{self.made}"

    def populate(self, population):
        for person in population.people:
            self._make({"email": person.email})

    def objects(self):
        return ["rows"]

    def rows(self, name):
        return [{**row, "_deleted": False} for row in self.store.table(name).values()]

    def load(self, name, records):
        return [self._make(record) for record in records]

    def edit(self, name, row_id, change, at):
        if "create" in change:
            return self._make(change["create"])
        if self.store.get(name, row_id) is None:
            raise EditRefused(f"no row {row_id}")
        self.store.put(name, row_id, {**self.store.get(name, row_id), **change["set"]})
        return row_id


@pytest.fixture(scope="module")
def running():
    with Emulation([Echo, Abmatic]) as emulation:
        yield emulation


@pytest.fixture
def control(running):
    with httpx.Client(base_url=running.urls["control"], trust_env=False, timeout=10) as client:
        client.post("/_control/reset", json={"empty": True})
        client.post("/_control/limits", json={"system": "echo", "requests_per_minute": None})
        yield client


@pytest.fixture
def echo(running, control):
    with httpx.Client(base_url=running.urls["echo"], headers=KEY, trust_env=False, timeout=10) as client:
        yield client


def port_of(running, name):
    return int(running.urls[name].split(":")[2].split("/")[0])


def raw(running, data):
    """Everything the server sends back to these bytes until it closes."""
    with socket.create_connection(("127.0.0.1", port_of(running, "echo"))) as connection:
        connection.settimeout(5)
        connection.sendall(data)
        got = b""
        while piece := connection.recv(65536):
            got += piece
        return got


def arm(control, kind, **more):
    answer = control.post("/_control/faults", json={"system": "echo", "kind": kind, **more})
    assert answer.status_code == 200, answer.text


def edit(control, **body):
    return control.post("/_control/edit", json={"system": "echo", "object": "rows", **body})


# the server ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "framed",
    [
        b"Content-Length: 5\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: x\r\n\r\n",
        b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    ],
)
def test_every_framing_of_a_body_arrives(running, echo, framed):
    """Length, chunks with extensions and trailers, and Expect: 100-continue give the vendor the same body."""
    head = b"POST http://proxy/echo#x HTTP/1.1\r\nHost: x\r\nAuthorization: sandbox\r\nConnection: close\r\n"
    got = raw(running, head + framed)
    assert got.endswith(b"\r\n\r\nhello")
    assert got.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200") == (b"Expect" in framed)


def test_two_requests_in_one_segment_are_both_answered(running, echo):
    """Pipelined requests are answered in order on the same connection."""
    one = b"POST /echo HTTP/1.1\r\nAuthorization: sandbox\r\nContent-Length: 1\r\n"
    got = raw(running, one + b"\r\na" + one + b"Connection: close\r\n\r\nb")
    assert re.findall(rb"\r\n\r\n(.)", got) == [b"a", b"b"]


def test_compressed_bodies_are_unpacked(echo):
    """A gzip body reaches the vendor plain; one that is not gzip is refused."""
    packed = gzip.compress("naïve".encode())
    assert echo.post("/echo", content=packed, headers={"content-encoding": "gzip"}).content.decode() == "naïve"
    assert echo.post("/echo", content=b"plain", headers={"content-encoding": "gzip"}).status_code == 400


@pytest.mark.parametrize(
    "junk",
    [
        b"GET\r\n\r\n",
        b"GET / SPDY/3\r\n\r\n",
        b"GET / HTTP/1.1\r\nbroken\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_and_closed(running, echo, junk):
    """Malformed requests get 400 and a closed connection; the server lives on."""
    assert raw(running, junk).startswith(b"HTTP/1.1 400")
    assert echo.get("/rows").status_code == 200


def test_head_and_options_do_no_harm(echo):
    """HEAD tells the length of GET without a body, OPTIONS the methods; neither stores anything."""
    echo.post("/rows", json=[{"a": 1}])
    answer = echo.head("/rows")
    assert answer.status_code == 200 and int(answer.headers["content-length"]) > 2 and answer.content == b""
    assert echo.get("/rows").json() == [{"id": "r1", "a": 1}]
    assert "POST" in echo.options("/rows").headers["allow"]


def test_a_vendor_that_throws_costs_one_answer(echo, capsys):
    """A bug in an emulated route is a 500 and a trace on stderr, not a dead server."""
    assert echo.post("/rows", json=7).status_code == 500
    assert "TypeError" in capsys.readouterr().err
    assert echo.post("/rows", content=b"{").status_code == 400
    assert echo.get("/rows").status_code == 200


@pytest.mark.parametrize("seconds", [86400.0, -7200.0])
def test_time_moves_for_the_vendors(control, echo, seconds):
    """The clock moves the Date header, both ways; a reset puts it back."""

    def shown():
        return parsedate_to_datetime(echo.get("/rows").headers["date"]).timestamp()

    before = shown()
    control.post("/_control/clock", json={"advance_s": seconds})
    assert abs(shown() - before - seconds) < 5
    control.post("/_control/reset", json={"empty": True})
    assert abs(shown() - before) < 5


def test_many_small_reads_are_quick(running, echo):
    """One keep-alive connection is answered well above a thousand times a second, even on a busy machine."""
    ask = b"GET /rows HTTP/1.1\r\nHost: x\r\nAuthorization: sandbox\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port_of(running, "echo"))) as connection:
        started = time.perf_counter()
        for _ in range(500):
            connection.sendall(ask)
            while not connection.recv(65536).endswith(b"[]"):
                pass
    assert 500 / (time.perf_counter() - started) > 1000


# faults -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_drop_gives_no_byte_and_after_commits(echo, control, kind):
    """The connection ends without a byte; only `drop_after` has stored the row."""
    arm(control, kind, method="POST")
    with pytest.raises(httpx.RemoteProtocolError):
        echo.post("/rows", json=[{"a": 1}])
    assert len(echo.get("/rows").json()) == (kind == "drop_after")


@pytest.mark.parametrize(("kind", "seen_meanwhile"), [("delay", 1), ("delay_before", 0)])
def test_a_late_answer_holds_nobody_up(echo, control, running, kind, seen_meanwhile):
    """While an answer sleeps others are served; `delay` has stored its row by then, `delay_before` has not."""
    arm(control, kind, method="POST", delay_s=1)
    asked, url = {"json": [{"a": 1}], "headers": KEY, "trust_env": False}, running.urls["echo"] + "/rows"
    slow = threading.Thread(target=httpx.post, args=(url,), kwargs=asked)
    slow.start()
    slow.join(0.4)
    assert len(echo.get("/rows").json()) == seen_meanwhile and slow.is_alive()
    slow.join()
    assert len(echo.get("/rows").json()) == 1


def test_a_status_fault_is_the_answer_it_was_armed_with(echo, control):
    """Status, headers and body are the fault's, the vendor's headers stay, nothing is stored unless `commit`."""
    arm(control, "status", status=429, headers={"Retry-After": "3"}, body={"error": "slow"}, times=2)
    answer = echo.post("/rows", json=[{"a": 1}])
    assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (429, "3", {"error": "slow"})
    assert answer.headers["x-left"] == "None"
    assert echo.get("/rows").status_code == 429
    assert echo.get("/rows").json() == []
    arm(control, "status", status=502, commit=True)
    assert echo.post("/rows", json=[{"a": 1}]).status_code == 502
    assert len(echo.get("/rows").json()) == 1


def test_a_malformed_answer_has_committed(echo, control):
    """The body is torn or foreign with a status of success, and the row is stored."""
    arm(control, "malformed", method="POST")
    answer = echo.post("/rows", json=[{"a": 1}])
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        answer.json()
    arm(control, "malformed", body="<html>log in</html>", headers={"content-type": "text/html"})
    assert echo.get("/rows").text == "<html>log in</html>"
    assert len(echo.get("/rows").json()) == 1


def test_chosen_rows_of_a_batch_fail(echo, control):
    """A `rows` fault waits for a write and fails just its positions, with its error."""
    arm(control, "rows", rows=[1], error="STRING_TOO_LONG")
    assert echo.get("/rows").json() == []
    assert echo.post("/rows", json=[{}, {}, {}]).json() == ["r1", "STRING_TOO_LONG", "r2"]


def test_stale_reads_answer_from_the_past(echo, control):
    """A stale read shows what was there before, is not used up by a write, and changes nothing."""
    echo.post("/rows", json=[{"a": 1}])
    control.post("/_control/clock", json={"advance_s": 60})
    arm(control, "stale", delay_s=30)
    echo.post("/rows", json=[{"a": 2}])
    edit(control, id="r1", set={"a": 9})
    assert echo.get("/rows").json() == [{"id": "r1", "a": 1}]
    assert [row["a"] for row in echo.get("/rows").json()] == [9, 2]


def test_late_commits_of_people_and_programs(echo, control):
    """What is written under `late_commit`, by people or over the API, becomes visible when its time has come."""
    arm(control, "late_commit", delay_s=100)
    assert edit(control, create={"by": "person"}).json() == {"id": "r1"}
    arm(control, "late_commit", delay_s=100, method="POST")
    assert echo.post("/rows", json=[{"by": "program"}]).json() == ["r2"]
    assert echo.get("/rows").json() == []
    control.post("/_control/clock", json={"advance_s": 101})
    assert [row["by"] for row in echo.get("/rows").json()] == ["person", "program"]


def test_faults_count_only_requests_that_get_through(echo, control, running):
    """Refused and throttled calls use up no fault, `after` and `times` count matching ones, `path` may name the query."""
    arm(control, "status", path=r"\?x=1$", after=1, times=2)
    assert httpx.get(running.urls["echo"] + "/rows?x=1", trust_env=False).status_code == 401
    control.post("/_control/limits", json={"system": "echo", "requests_per_minute": 0})
    assert echo.get("/rows?x=1").status_code == 429
    control.post("/_control/limits", json={"system": "echo", "requests_per_minute": None})
    assert [echo.get(f"/rows?x={x}").status_code for x in (1, 2, 1, 1, 1)] == [200, 200, 500, 500, 200]
    arm(control, "status", path="/rows$")
    assert echo.get("/rows?allOrNone=false").status_code == 500
    arm(control, "status", times=1000)
    control.delete("/_control/faults")
    assert echo.get("/rows").status_code == 200


# the control plane --------------------------------------------------------------------------------------------------


def test_calls_are_counted_and_logged(echo, control, running):
    """Every call is in the log with its outcome; log-ins are marked and not counted; DELETE starts anew."""
    echo.post("/login")
    echo.post("/rows?q=1", json=[{}, {}])
    echo.get("/rows")
    httpx.post(running.urls["echo"] + "/rows", trust_env=False)
    arm(control, "drop_before", method="POST")
    with pytest.raises(httpx.RemoteProtocolError):
        echo.post("/rows", json=[{}])
    found = control.get("/_control/calls", params={"system": "echo", "log": "true"}).json()["echo"]
    assert found["total"] == 4 and found["by_route"] == {"POST /rows": 3, "GET /rows": 1}
    fields = ("n", "method", "path", "query", "status", "write", "rows", "auth")
    assert [tuple(row[field] for field in fields) for row in found["log"]] == [
        (1, "POST", "/login", "", 400, False, 0, True),
        (2, "POST", "/rows", "q=1", 201, True, 2, False),
        (3, "GET", "/rows", "", 200, False, 0, False),
        (4, "POST", "/rows", "", 401, True, 0, False),
        (5, "POST", "/rows", "", 0, True, 0, False),
    ]
    control.delete("/_control/calls")
    assert control.get("/_control/calls").json()["echo"] == {"total": 0, "by_route": {}}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "word"),
    [
        ("POST", "reset", {"sead": 1}, 400, "did you mean 'seed'"),
        ("POST", "reset", {"accounts": -1}, 400, "accounts"),
        ("POST", "reset", {"overlap": 2}, 400, "overlap"),
        ("POST", "reset", [], 400, "object"),
        ("POST", "edit", {"system": "ecco", "object": "rows", "create": {}}, 404, "did you mean 'echo'"),
        ("POST", "edit", {"system": "echo", "object": "row", "create": {}}, 400, "did you mean 'rows'"),
        ("POST", "edit", {"system": "echo", "object": "rows", "set": {}}, 400, "'id'"),
        ("POST", "edit", {"system": "echo", "object": "rows", "id": "r9", "set": {}}, 400, "no row r9"),
        ("POST", "edit", {"system": "echo", "object": "rows", "id": "r9"}, 400, "exactly one"),
        ("POST", "edit", {"system": "echo", "object": "rows", "create": {}, "at": "noon"}, 400, "ISO 8601"),
        ("POST", "faults", {"system": "echo", "kind": "statsu"}, 400, "did you mean 'status'"),
        ("POST", "faults", {"system": "echo", "kind": "status", "path": "("}, 400, "regular expression"),
        ("POST", "faults", {"system": "echo", "kind": "delay"}, 400, "delay_s"),
        ("POST", "faults", {"system": "echo", "kind": "rows"}, 400, "rows"),
        ("POST", "faults", {"system": "echo", "kind": "status", "headers": {"x": "a\r\nb"}}, 400, "line breaks"),
        ("POST", "load", {"system": "echo", "object": "rows", "records": {}}, 400, "list"),
        ("POST", "clock", {"advance": 1}, 400, "advance_s"),
        ("POST", "limits", {"system": "echo", "requests_per_minut": 1}, 400, "did you mean 'requests_per_minute'"),
        ("POST", "limits", {"system": "abmatic", "profile": "A9"}, 400, "A1, A2, A3"),
        ("POST", "webhooks", {"url": "ftp://x", "event": "a.b"}, 400, "http"),
        ("GET", "dump?system=hubspot", None, 404, "known are: echo, abmatic"),
        ("GET", "dumps", None, 404, "did you mean '/_control/dump'"),
        ("DELETE", "reset", None, 405, "POST"),
    ],
)
def test_bad_calls_are_refused_with_a_reason(control, method, path, body, status, word):
    """A wrong call is a 4xx whose message says what is wrong and what is known."""
    answer = control.request(method, f"/_control/{path}", json=body)
    assert answer.status_code == status and word in answer.json()["message"], answer.text


def test_people_edit_and_load_and_dump(control):
    """Loaded and edited rows are in the dump, alone or beside the other vendors; a bad JSON body changes nothing."""
    loaded = control.post("/_control/load", json={"system": "echo", "object": "rows", "records": [{"a": 1}, {"a": 2}]})
    assert loaded.json() == {"ids": ["r1", "r2"]}
    assert control.post("/_control/edit", content=b"{").status_code == 400
    assert edit(control, id="r2", set={"a": 3}).json() == {"id": "r2"}
    alone = control.get("/_control/dump", params={"system": "echo"}).json()
    assert [row["a"] for row in alone["rows"]] == [1, 3]
    assert control.get("/_control/dump").json()["echo"] == alone


def test_a_taken_port_leaves_nothing_open(running):
    """When a port is taken or does not exist nothing starts, and what was bound before it is free again."""
    with pytest.raises(OSError):
        Emulation([Echo], port_of(running, "echo"))
    with pytest.raises(OSError, match="65536"):
        Emulation([Echo, Abmatic], 65534)
    socket.create_server(("127.0.0.1", 65534)).close()

"""The HTTP room: outcomes, retries, pace, bounds and discretion, without any vendor."""

from __future__ import annotations

import gzip
import inspect
import logging
import random
import socket
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.connectors.http import Call, Client, Fault, Limits, Throttle, Verdict, classify
from sync.connectors.http.allowance import Allowance, wait_of
from sync.connectors.http.body import BodyError, decode
from sync.connectors.http.wire import FAULTS
from sync.errors import AuthError, DriftError, QuotaError, UnreachableError
from sync.model.clock import ManualClock, SystemClock

START = datetime(2026, 2, 2, 12, tzinfo=UTC)
BASE = "https://api.example.com/v1"


class Script:
    """Plays prepared answers, the last one for ever; an exception is raised instead."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def answer(status=200, data=None, headers=None, **more):
    return httpx.Response(status, json={"data": 1} if data is None else data, headers=headers, **more)


def client(script, *, clock=None, limit=1000, limits=None, calls=None, base=BASE):
    clock = clock or ManualClock(START)
    return Client(
        base,
        system="acme",
        headers={"authorization": "Bearer canary-secret"},
        clock=clock,
        throttle=Throttle(clock, limit),
        limits=limits or Limits(retries=3),
        chance=random.Random(1),
        on_call=None if calls is None else calls.append,
        transport=httpx.MockTransport(script),
    )


# Outcomes


def _exceptions(kind):
    yield kind
    for sub in kind.__subclasses__():
        yield from _exceptions(sub)


@pytest.mark.law("row 3")
def test_every_exception_of_the_library_has_a_fault():
    """No exception class of httpx is left without a place in the table."""
    classes = [c for _, c in inspect.getmembers(httpx, inspect.isclass) if issubclass(c, Exception)]
    known = {kind for kind, _ in FAULTS}
    others = {httpx.CookieConflict}
    for kind in classes:
        assert kind in others or any(issubclass(kind, one) for one in known), kind


@pytest.mark.law("row 10")
@given(st.integers(100, 999))
def test_only_a_positive_no_allows_a_second_write(status):
    """Every status that may stand for a write that happened is a doubt or a success, never "not processed"."""
    verdict = classify(status, None)
    if 200 <= status < 300:
        assert verdict is Verdict.DONE
    elif status >= 500 or status == 408 or status < 200:
        assert verdict is Verdict.DOUBT
    else:
        assert verdict not in (Verdict.DONE, Verdict.DOUBT)


@pytest.mark.law("row 7")
@pytest.mark.parametrize(
    ("error", "calls", "verdict"),
    [
        (httpx.ConnectError("refused"), 4, Verdict.UNSENT),
        (httpx.ConnectTimeout("slow"), 4, Verdict.UNSENT),
        (httpx.ReadTimeout("slow"), 1, Verdict.DOUBT),
        (httpx.WriteError("reset"), 1, Verdict.DOUBT),
        (httpx.RemoteProtocolError("cut"), 1, Verdict.DOUBT),
        (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]"), 1, Verdict.MISCONFIGURED),
    ],
)
def test_a_write_is_repeated_only_if_no_byte_left(error, calls, verdict):
    """A write that may have happened is sent once and reported as in doubt."""
    script = Script(error)
    found = client(script).write("POST", "/rows", body={})
    assert (len(script.requests), found.verdict) == (calls, verdict)


@pytest.mark.law("row 14")
@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 520])
def test_a_server_error_on_a_write_is_doubt_and_on_a_read_is_retried(status):
    """The same answer means "ask again" for a read and "nobody knows" for a write."""
    script = Script(answer(status))
    assert client(script).write("PUT", "/rows/1", body={}).verdict is Verdict.DOUBT
    assert len(script.requests) == 1
    script = Script(answer(status), answer())
    assert client(script).read("/rows").data == {"data": 1}


@pytest.mark.law("row 16")
@pytest.mark.parametrize(
    "bad",
    [
        httpx.Response(200, text="<html>maintenance</html>", headers={"content-type": "text/html"}),
        httpx.Response(200, content=b'{"data": [1, 2', headers={"content-type": "application/json"}),
        httpx.Response(200, content=b'{"data": NaN}', headers={"content-type": "application/json"}),
        httpx.Response(200, content=b""),
        answer(data={"other": 1}),
    ],
)
def test_a_success_without_a_sensible_body_is_a_fault(bad):
    """HTML, truncated, empty or foreign bodies under a 200 are retried and never read as an empty result."""
    script = Script(bad)
    with pytest.raises(UnreachableError):
        client(script).read("/rows", shape=lambda data: isinstance(data, dict) and "data" in data)
    assert len(script.requests) == 4


@pytest.mark.law("row 17")
def test_a_write_without_a_body_is_done_but_a_foreign_body_is_doubt():
    """204 is a receipt; a 200 page of a proxy is none."""
    assert client(Script(httpx.Response(204))).write("PUT", "/rows/1", body={}).done
    html = httpx.Response(200, text="<html>", headers={"content-type": "text/html"})
    assert client(Script(html)).write("PUT", "/rows/1", body={}).verdict is Verdict.DOUBT


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, AuthError), (403, AuthError), (400, DriftError), (404, DriftError), (302, UnreachableError)],
)
def test_definite_refusals_of_a_read_are_not_retried(status, error):
    """What will be refused again is asked once, and becomes the error that tells the runner what to do."""
    script = Script(answer(status, headers={"location": "https://evil.example/"}))
    with pytest.raises(error):
        client(script).read("/rows")
    assert len(script.requests) == 1


# Pace


@pytest.mark.law("row 23")
def test_a_told_wait_is_kept_by_all_callers():
    """After a 429 the whole key waits as long as the vendor says, then goes on."""
    clock = ManualClock(START)
    script = Script(answer(429, {"error": "rate_limit_exceeded", "retry_after": 60}), answer())
    assert client(script, clock=clock).write("POST", "/rows", body={}).done
    assert 60 <= clock.monotonic() <= 62


def test_a_wait_beyond_patience_is_the_callers_to_decide():
    """A vendor that says "in an hour" gets no call meanwhile, and the caller learns how long."""
    script = Script(answer(429, headers={"retry-after": "3600"}))
    one = client(script)
    with pytest.raises(QuotaError) as caught:
        one.read("/rows")
    assert caught.value.wait_s == 900
    with pytest.raises(QuotaError):
        one.read("/rows")
    assert len(script.requests) == 1


@pytest.mark.law("row 22")
@pytest.mark.parametrize(
    ("headers", "data", "wait"),
    [
        ({"retry-after": "7"}, {}, 7),
        ({"retry-after": "Mon, 02 Feb 2026 12:00:30 GMT"}, {}, 30),
        ({"retry-after": "5", "x-ratelimit-reset": str(int(START.timestamp()) + 40)}, {"retry_after": 20}, 40),
        ({"ratelimit-reset": "12"}, {}, 12),
        ({"x-ratelimit-reset": str(int(START.timestamp()) - 40)}, {}, 0),
        ({"retry-after": "99999999"}, {}, 900),
        ({"retry-after": "soon"}, {"retry_after": "nan"}, None),
        ({}, [], None),
    ],
)
def test_the_largest_told_wait_counts_and_absurd_ones_are_clamped(headers, data, wait):
    """Every spelling of a wait is understood; none can stop us for more than 15 minutes."""
    assert wait_of(headers, data, START) == wait


@given(st.lists(st.floats(0, 90), min_size=1, max_size=60), st.integers(1, 12))
def test_no_span_of_the_window_holds_more_than_the_limit(gaps, limit):
    """However calls are spread, any 60 seconds see at most the limit."""
    clock = ManualClock(START)
    throttle = Throttle(clock, limit)
    begun = []
    for gap in gaps:
        clock.sleep(gap)
        assert throttle.take(10_000) is None
        begun.append(clock.monotonic())
    for first, at in enumerate(begun):
        assert sum(1 for other in begun[first:] if other < at + 59.999) <= limit


@given(
    st.lists(st.tuples(st.floats(0, 20), st.floats(0, 5), st.floats(0, 1)), min_size=1, max_size=60), st.integers(1, 12)
)
def test_no_window_of_the_vendor_sees_more_than_the_limit(calls, limit):
    """Whenever between its beginning and its answer a request arrives, any 60 seconds of the vendor see at most the limit."""
    clock = ManualClock(START)
    throttle = Throttle(clock, limit)
    arrived = []
    for gap, takes_s, share in calls:
        clock.sleep(gap)
        assert throttle.take(10_000) is None
        arrived.append(clock.monotonic() + takes_s * share)
        clock.sleep(takes_s)
        throttle.answered()
    for first, at in enumerate(arrived):
        assert sum(1 for other in arrived[first:] if other < at + 59.999) <= limit


def test_a_pace_that_is_part_of_another_takes_its_turns_from_there():
    """The two together stay within the limit of the whole, and a refusal that one meets stops both."""
    clock = ManualClock(START)
    whole, part = Throttle(clock, 4, 1.0), Throttle(clock, 2, 1.0)
    part.be_part_of(whole)
    for throttle in (part, part, whole, whole):
        assert throttle.take(0.0) is None
        throttle.answered()
    assert whole.take(0.0) == pytest.approx(1.0)
    clock.sleep(1.0)
    part.pause(30.0)
    assert whole.take(0.0) == pytest.approx(30.0)


def test_headers_lower_the_pace_and_never_raise_it_beyond_ours():
    """The vendor's limit binds us where it is lower; where it is higher our own does."""
    throttle = Throttle(ManualClock(START), 100)
    throttle.learn(Allowance(limit=20))
    assert throttle.limit == 20
    throttle.learn(Allowance(limit=500))
    assert throttle.limit == 100


def test_nothing_left_waits_for_the_vendors_next_window():
    """With zero calls remaining the next one waits for the reset instead of earning a 429."""
    clock = ManualClock(START)
    throttle = Throttle(clock, 100)
    throttle.learn(Allowance(limit=100, left=0, reset_s=30.0))
    throttle.take(120)
    assert clock.monotonic() == 30


def test_threads_share_one_pace():
    """Two threads together stay within the limit."""
    throttle = Throttle(SystemClock(), 5, window_s=0.3)
    begun, lock = [], threading.Lock()

    def work():
        for _ in range(5):
            throttle.take(10)
            with lock:
                begun.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(begun) == 10
    assert max(begun) - min(begun) >= 0.29


# Bounds


@contextmanager
def raw_server(serve):
    """A socket on loopback; `serve(connection)` speaks for the server."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)

    def run():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(10)
            connection.recv(65536)
            try:
                serve(connection)
            except OSError:
                return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
        thread.join()


def live(base, **limits):
    clock = SystemClock()
    bounds = Limits(retries=0, **limits)
    return Client(base, system="acme", headers={}, clock=clock, throttle=Throttle(clock, 100), limits=bounds)


def drip(connection):
    for byte in b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}":
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


@pytest.mark.law("row 9")
def test_an_answer_that_drips_is_cut_at_the_deadline():
    """A peer that sends a byte now and then, head included, cannot hold a call beyond its total time."""
    with raw_server(drip) as base:
        one = live(base, timeout_s=1.0, total_s=0.4)
        began = time.monotonic()
        with pytest.raises(UnreachableError, match="timeout"):
            one.read("/rows")
        assert time.monotonic() - began < 2
        one.close()


@pytest.mark.law("row 41")
def test_a_small_answer_that_inflates_is_refused():
    """The size limit counts what comes out of the decompressor."""
    body = gzip.compress(b"[" + b" " * 5_000_000 + b"]")

    def serve(connection):
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}"
        connection.sendall(head.encode() + b"\r\n\r\n" + body)

    with raw_server(serve) as base:
        one = live(base, body_bytes=1_000_000)
        assert one.write("POST", "/rows", body={}).fault is Fault.OVERSIZE
        one.close()


@pytest.mark.law("row 8")
def test_a_connection_cut_in_the_answer_leaves_a_write_in_doubt():
    """Half an answer is no answer."""

    def serve(connection):
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"data"')

    with raw_server(serve) as base:
        one = live(base)
        assert one.write("POST", "/rows", body={}).verdict is Verdict.DOUBT
        one.close()


@pytest.mark.law("row 40")
def test_a_deep_body_is_refused_and_big_numbers_stay_whole():
    """Nesting is bounded, and a number beyond 64 bits is not rounded."""
    headers = {"content-type": "application/json"}
    with pytest.raises(BodyError):
        decode(headers, b'{"a":' * 500 + b"1" + b"}" * 500)
    assert decode(headers, b'{"a": 123456789012345678901234567890}') == {"a": 123456789012345678901234567890}


# Discretion


@pytest.mark.law("row 29")
@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1/rows",
        "http://api.example.com/v1/rows",
        "//evil.example/x",
        "https://api.example.com:8443/v1",
    ],
)
def test_a_next_link_to_another_host_is_refused(link):
    """Credentials never leave for another scheme, host or port."""
    script = Script(answer())
    with pytest.raises(UnreachableError):
        client(script).read(link)
    assert not script.requests


def test_ids_cannot_change_the_address():
    """An id is one quoted segment; one that cannot be is refused before anything is sent."""
    script = Script(answer())
    one = client(script)
    one.read("/rows/{id}", parts={"id": "a/../b?x#+@é"})
    assert script.requests[0].url.raw_path == b"/v1/rows/a%2F..%2Fb%3Fx%23%2B%40%C3%A9"
    for bad in ("..", "", "a\nb"):
        with pytest.raises(DriftError):
            one.read("/rows/{id}", parts={"id": bad})
    assert len(script.requests) == 1


def test_neither_errors_nor_logs_nor_observers_carry_values(caplog):
    """A failed call names route, status and request id, but no secret, id, address or body."""
    caplog.set_level(logging.DEBUG)
    calls: list[Call] = []
    body = {"error": "invalid_request", "message": "canary@example.org is bad", "meta": {"request_id": "req_7"}}
    one = client(Script(answer(400, body)), calls=calls)
    with pytest.raises(DriftError) as caught:
        one.read("/rows/{id}", parts={"id": "canary-id"}, params={"email": "canary@example.org"})
    assert calls[0].route == "/rows/{id}"
    assert calls[0].request_id == "req_7"
    assert "canary" not in f"{caught.value}{caught.value.remedy}{calls}{caplog.text}"


def test_calls_are_counted_as_the_vendor_counts_them():
    """Every attempt counts, and the vendor's own count is passed on."""
    headers = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "93"}
    one = client(Script(answer(500), answer(headers=headers)))
    one.read("/rows")
    one.meter.add(read=5, written=2)
    usage = one.meter.usage()
    assert (usage.calls, usage.read, usage.written) == (2, 5, 2)
    assert (usage.calls_left, usage.calls_limit) == (93, 100)


def test_requests_say_who_asks_and_what_they_take():
    """Each request carries the credentials, a user agent, and asks for JSON."""
    script = Script(answer())
    client(script).write("POST", "/rows", body={"a": 1})
    headers = script.requests[0].headers
    assert headers["authorization"] == "Bearer canary-secret"
    assert headers["user-agent"].startswith("crm-sync/")
    assert (headers["accept"], headers["content-type"]) == ("application/json", "application/json")

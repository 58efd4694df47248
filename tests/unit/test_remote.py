"""Commands that a running service does: what it answers becomes what the command would have answered."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from sync.cli import remote
from sync.cli.exits import code_for
from sync.config import Secret
from sync.errors import ConfigError, GuardError, LockedError, StateError, SyncError, UsageError
from sync.model.report import Counts, Failure, LimitHit, RunReport

CONFIG = SimpleNamespace(server=SimpleNamespace(token=Secret("the-token")))
LOCKED = LockedError("the state is in use by crm-sync run (process 7 on here)")


@pytest.fixture
def service():
    """A service that answers as it is told; what it was asked."""
    asked, answer = [], {"status": 200, "body": {}}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._say(200, {})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append((self.path, self.headers["authorization"], body))
            self._say(answer["status"], answer["body"])

        def _say(self, status, body):
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked, answer
        server.shutdown()


def test_a_run_comes_back_as_the_run_it_was():
    """A report that went over the wire has the same JSON and the same exit code; unknown keys of a newer service are left out."""
    report = RunReport(
        run="R1",
        full=True,
        seconds=1.5,
        systems={"abmatic": Counts(read=3, failed=1)},
        operations=[{"entity": "contact"}],
        conflicts=[{"id": "c"}],
        limits_hit=[LimitHit("abmatic", "max_creates", 9, 5)],
        failures=[Failure("abmatic", "down", "wait", "unreachable")],
        notes=["a note"],
        undone="R0",
    )
    told = report.to_json()
    told["systems"]["abmatic"]["news"] = 1
    told["news"] = 2
    again = remote.run_report(told)
    assert again.to_json() == report.to_json()
    assert again.exit_code == report.exit_code == 4


def test_it_is_asked_with_the_token_and_plain_arguments(service):
    """Arguments travel as JSON, times as text, without configuration and progress."""
    from datetime import UTC, datetime

    url, asked, answer = service
    answer["body"] = {"erased": 1}
    since = datetime(2026, 11, 20, tzinfo=UTC)
    given = {"config": 1, "mappings": 2, "progress": 3, "entities": ("contact",), "since": since, "remote": True}
    assert remote.ask(CONFIG, url, "forget", given, LOCKED) == {"erased": 1}
    assert asked == [
        (
            "/api/commands/forget",
            "Bearer the-token",
            {"entities": ["contact"], "since": since.isoformat(), "remote": True},
        )
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (422, {"error": {"kind": "usage", "message": "no such thing", "remedy": "look", "exit": 2}}, UsageError, 2),
        (422, {"error": {"kind": "config", "message": "bad", "remedy": "mend", "exit": 2}}, ConfigError, 2),
        (409, {"error": {"kind": "guard", "message": "too many", "remedy": "", "exit": 4}}, GuardError, 4),
        (409, {"error": {"kind": "state", "message": "full", "remedy": "", "exit": 2}}, StateError, 2),
        (401, {"error": {"kind": "unauthorized", "message": "no", "remedy": "", "exit": 5}}, UsageError, 2),
        (503, {"error": {"kind": "stopped", "message": "the service ends", "remedy": "", "exit": 5}}, LockedError, 6),
        (500, {"error": {"kind": "bug", "message": "a mistake", "remedy": "", "exit": 1}}, SyncError, 1),
        (500, {"what": "else"}, LockedError, 6),
        (502, b"<html>", LockedError, 6),
    ],
)
def test_what_it_refuses_is_raised_here(service, status, body, kind, code):
    """An error of the service is the error of the command, with its words and its exit code."""
    url, _, answer = service
    answer.update(status=status, body=body)
    with pytest.raises(kind) as found:
        remote.ask(CONFIG, url, "sync", {}, LOCKED)
    assert code_for(found.value) == code


def test_a_service_that_does_not_answer_leaves_the_state_in_use():
    """Nobody at the address: the command ends as it would have without a service."""
    with pytest.raises(LockedError, match="process 7") as found:
        remote.ask(CONFIG, "http://127.0.0.1:9", "sync", {}, LOCKED)
    assert code_for(found.value) == 6

"""Messages: by webhook, by mail, by apprise; their failure stops nothing, and they hold no secret."""

from __future__ import annotations

import json
import socketserver
import threading
import time
import types
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sync.config import Secret
from sync.daemon import notify
from sync.daemon.alerts import Alert
from sync.daemon.notify import Notifier, channels, message_rows
from sync.daemon.told import Message
from sync.errors import ConfigError

FIRE = Message("alert", Alert("fire", "It burns.", "Put it out.", datetime(2026, 11, 20, 12, tzinfo=UTC)))


def made(*urls):
    return channels([Secret(url, f"env:URL{n}") for n, url in enumerate(urls)], "config.toml")


@pytest.fixture
def hook():
    """A receiver; what it got, its address, and the status it answers with."""
    got, answer = [], [200]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(answer[0])
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield got, f"http://127.0.0.1:{server.server_address[1]}/hook", answer
        server.shutdown()


def test_a_message_says_what_and_what_to_do():
    """The text of a message is a person's: what happened, what to do, what else is open."""
    rows = message_rows(FIRE, "acme", 2)
    assert rows["text"].splitlines() == [
        "crm-sync (acme) needs a person",
        "It burns.",
        "What to do: Put it out.",
        "2 other alerts are open.",
    ]
    assert (rows["state"], rows["key"], rows["since"]) == ("alert", "fire", "2026-11-20T12:00:00+00:00")
    over = message_rows(Message("well", FIRE.alert), "acme", 0)["text"].splitlines()
    assert over == ["crm-sync (acme) is well again", "It burns.", "Over.", "Nothing else is open."]


def sent(*urls):
    notifier = Notifier(made(*urls))
    notifier.start()
    notifier.tell(message_rows(FIRE, "acme", 0))
    end = time.monotonic() + 30
    while notifier.sent + notifier.failed < len(urls) and time.monotonic() < end:
        time.sleep(0.01)
    notifier.stop(10)
    return notifier


def test_a_webhook_gets_one_object(hook):
    """A plain webhook gets the message as JSON."""
    got, url, _ = hook
    notifier = sent(url)
    assert [row["key"] for row in got] == ["fire"]
    assert (notifier.sent, notifier.failed) == (1, 0)


def test_a_channel_that_fails_does_not_keep_the_next_from_being_called(hook, monkeypatch):
    """Each channel is tried a few times; then the next has its turn, and the failure is counted."""
    monkeypatch.setattr(notify, "TRIES_AFTER_S", (0.0, 0.01))
    got, url, answer = hook
    notifier = sent("http://127.0.0.1:9/", url)
    assert (notifier.sent, notifier.failed, len(got)) == (1, 1, 1)
    answer[0] = 500
    assert (sent(url).failed, len(got)) == (1, 3)


def test_mail_is_sent(monkeypatch):
    """A mail URL sends a mail with subject, sender, receivers and the whole text."""
    lines = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 it\r\n")
            data = False
            for raw in self.rfile:
                line = raw.decode().rstrip("\r\n")
                lines.append(line)
                if data:
                    data = line != "."
                    if not data:
                        self.wfile.write(b"250 ok\r\n")
                elif line.upper().startswith("DATA"):
                    data = True
                    self.wfile.write(b"354 go on\r\n")
                elif line.upper().startswith("QUIT"):
                    self.wfile.write(b"221 bye\r\n")
                    return
                else:
                    self.wfile.write(b"250 ok\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        notifier = sent(
            f"smtp://127.0.0.1:{server.server_address[1]}/?from=crm@acme.example&to=a@acme.example,b@acme.example"
        )
        server.shutdown()
    assert (notifier.sent, notifier.failed) == (1, 0)
    assert {
        "Subject: crm-sync (acme) needs a person",
        "From: crm@acme.example",
        "To: a@acme.example, b@acme.example",
        "It burns.",
    } <= set(lines)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/x",
        "smtp://mail.example",
        "smtp://u:p@mail.example/?from=a@b.example&to=c@d.example",
        "smtps://mail.example/?from=a@b.example",
        "slack://a/b/c",
        "nonsense",
        "",
    ],
)
def test_a_url_that_cannot_be_used_is_said_at_the_start(url, monkeypatch):
    """Wrong channels are found when the service begins, by their reference; the URL, a secret, is not shown."""
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    with pytest.raises(ConfigError) as found:
        made("https://fine.example/", url)
    assert "notify.urls[1]" in str(found.value)
    assert "env:URL1" in str(found.value)
    assert not url or url not in str(found.value)


def test_everything_else_is_apprises(monkeypatch):
    """Where apprise is installed it gets title and text; what it does not understand is refused."""
    told = []

    class Sender:
        def add(self, url):
            return url.startswith("slack://")

        def notify(self, title, body):
            told.append((title, body))
            return True

    monkeypatch.setitem(__import__("sys").modules, "apprise", types.SimpleNamespace(Apprise=Sender))
    assert sent("slack://a/b/c").sent == 1
    assert told[0][0] == "crm-sync (acme) needs a person"
    with pytest.raises(ConfigError, match="does not understand"):
        made("pigeon://x")


def test_too_many_messages_are_dropped_not_waited_for(monkeypatch):
    """Who calls for help never waits."""
    monkeypatch.setattr(notify, "WAITING_MAX", 2)
    notifier = Notifier([])
    for _ in range(5):
        notifier.tell(message_rows(FIRE, "acme", 0))
    assert notifier.failed == 3

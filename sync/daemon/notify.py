"""Calls for help: by plain webhook, by mail, and by apprise where it is installed. On a thread of its own; its failure stops nothing.

A URL's scheme says how: ``https://`` (``http://`` on loopback) gets a JSON object with ``text``, which chat services show as it is;
``smtp://``, ``smtp+tls://`` (STARTTLS) and ``smtps://`` send mail (``USER:PASSWORD@HOST:PORT?from=…&to=…``); everything else is apprise's.
"""

from __future__ import annotations

import importlib
import queue
import smtplib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import structlog

from sync.config import Secret
from sync.config.places import is_loopback
from sync.daemon.told import Message
from sync.errors import ConfigError, Problem

TIMEOUT_S: Final = 10.0
TRIES_AFTER_S: Final = (0.0, 2.0, 30.0)
WAITING_MAX: Final = 200
_PORTS: Final = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
_WORDS: Final = {"alert": "needs a person", "reminder": "still needs a person", "well": "is well again"}
_log = structlog.get_logger()


class NotSent(Exception):
    """A channel did not take a message. Says which kind of failure, never where to."""


class Channel(Protocol):
    """One way to call."""

    def send(self, told: Mapping[str, Any]) -> None:
        """Sends one message. Raises NotSent."""


def message_rows(message: Message, workspace: str, left: int) -> dict[str, Any]:
    """A message as it is sent. ``text`` is all of it in words; `left` other alerts are open."""
    alert = message.alert
    title = f"crm-sync ({workspace}) {_WORDS[message.state]}"
    others = f"{left} other alert{'s are' if left != 1 else ' is'} open." if left else "Nothing else is open."
    body = [alert.what, "Over." if message.state == "well" else f"What to do: {alert.remedy}", others]
    return {
        "state": message.state,
        "workspace": workspace,
        "key": alert.key,
        "title": title,
        "text": "\n".join([title, *body]),
        "what": alert.what,
        "remedy": alert.remedy,
        "since": alert.since.isoformat() if alert.since else None,
        "open": left,
    }


class Notifier:
    """Sends on its own thread. ``sent`` and ``failed`` count messages by channel."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self.sent = 0
        self.failed = 0
        self._channels = channels
        self._waiting: queue.Queue[Mapping[str, Any] | None] = queue.Queue(WAITING_MAX)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._live, name="crm-sync notify", daemon=True)

    def start(self) -> None:
        """Begins to send."""
        self._thread.start()

    def use(self, channels: Sequence[Channel]) -> None:
        """Other channels from the next message on."""
        self._channels = channels

    def tell(self, told: Mapping[str, Any]) -> None:
        """Sends soon. Never waits and never raises."""
        try:
            self._waiting.put_nowait(told)
        except queue.Full:
            self.failed += 1
            _log.error("notify.failed", key=told.get("key"), why="too many messages wait")

    def stop(self, grace_s: float = 5.0) -> None:
        """Sends what waits, as long as the grace lasts."""
        self._stop.set()
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        if self._thread.is_alive():
            self._thread.join(grace_s)

    def _live(self) -> None:
        while (told := self._waiting.get()) is not None:
            for number, channel in enumerate(self._channels):
                self._send(channel, number, told)

    def _send(self, channel: Channel, number: int, told: Mapping[str, Any]) -> None:
        why = ""
        for pause_s in TRIES_AFTER_S:
            if pause_s and self._stop.wait(pause_s):
                break
            try:
                channel.send(told)
            except NotSent as error:
                why = str(error)
            except Exception as error:  # noqa: BLE001 - whatever a channel does, the next one is tried
                why = type(error).__name__
            else:
                self.sent += 1
                _log.info("notify.sent", key=told["key"], state=told["state"], channel=number)
                return
        self.failed += 1
        _log.error("notify.failed", key=told["key"], state=told["state"], channel=number, why=why)


# channels ------------------------------------------------------------------------------------------------------------------


def channels(urls: Sequence[Secret], file: str) -> list[Channel]:
    """The channels of a configuration. Raises ConfigError with every URL that cannot be used, by its reference."""
    found, problems = [], []
    for number, url in enumerate(urls):
        try:
            found.append(_channel(url.reveal()))
        except ValueError as error:
            problems.append(Problem(file, None, f"`notify.urls[{number}]` ({url.reference}): {error}", _REMEDY))
    if problems:
        raise ConfigError(problems)
    return found


_REMEDY: Final = """Use https://…, or smtp+tls://USER:PASSWORD@HOST?from=…&to=…
For other kinds install apprise: pip install 'crm-sync[alerts]'."""


def _channel(url: str) -> Channel:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https"):
        if not parts.hostname or (parts.scheme == "http" and not is_loopback(parts.hostname)):
            raise ValueError("http:// is accepted for loopback only")
        return Hook(url)
    if parts.scheme in _PORTS:
        return _mail(url)
    return _apprise(url)


@dataclass(frozen=True, slots=True)
class Hook:
    """A plain webhook: one JSON object by POST."""

    url: str

    def send(self, told: Mapping[str, Any]) -> None:
        """Any 2xx is an acknowledgement; redirects are not followed."""
        try:
            answer = httpx.post(self.url, json=dict(told), timeout=TIMEOUT_S, follow_redirects=False)
        except httpx.HTTPError as error:
            raise NotSent(type(error).__name__) from None
        if not answer.is_success:
            raise NotSent(f"HTTP {answer.status_code}")


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail a message."""

    scheme: str
    host: str
    port: int
    sender: str
    receivers: tuple[str, ...]
    user: str | None
    password: str | None

    def send(self, told: Mapping[str, Any]) -> None:
        """Over SMTP, with TLS from the first byte (smtps) or from STARTTLS on (smtp+tls)."""
        letter = EmailMessage()
        letter["Subject"], letter["From"], letter["To"] = told["title"], self.sender, ", ".join(self.receivers)
        letter.set_content(str(told["text"]))
        connect = smtplib.SMTP_SSL if self.scheme == "smtps" else smtplib.SMTP
        try:
            with connect(self.host, self.port, timeout=TIMEOUT_S) as server:
                if self.scheme == "smtp+tls":
                    server.starttls()
                if self.user:
                    server.login(self.user, self.password or "")
                server.send_message(letter)
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(type(error).__name__) from None


def _mail(url: str) -> Mail:
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    sender, receivers = asked.get("from", [""])[0], tuple(",".join(asked.get("to", [])).split(","))
    if not parts.hostname or not sender or not all(receivers):
        raise ValueError("a mail URL needs a host, ?from= and &to=")
    if parts.password and parts.scheme == "smtp" and not is_loopback(parts.hostname):
        raise ValueError("the password would travel in the clear: write smtp+tls:// or smtps://")
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return Mail(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], sender, receivers, user, password)


@dataclass(frozen=True, slots=True)
class Apprise:
    """Everything else."""

    notify: Callable[..., Any]

    def send(self, told: Mapping[str, Any]) -> None:
        """By whatever the URL means to apprise."""
        if not self.notify(title=told["title"], body=told["text"]):
            raise NotSent("apprise could not send it")


def _apprise(url: str) -> Apprise:
    try:
        apprise = importlib.import_module("apprise")
    except ImportError:
        raise ValueError("this kind of URL needs the apprise package") from None
    sender = apprise.Apprise()
    if not sender.add(url):
        raise ValueError("apprise does not understand it")
    return Apprise(sender.notify)

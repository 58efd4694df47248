"""The HTTP below simple-salesforce: deadlines, one token refresh, retries by what became of the request, and limits.

simple-salesforce has none of these (apis/salesforce.md 8.3), but it takes a `requests.Session`. Its object is built for
the placeholder host `HOST`; this session sends each request to the instance of the current token instead. So a refresh
replays the same request with all its headers, a token that names another instance is followed, a plain-http loopback
emulator works, and a link to any other host is seen and refused.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from sync.connectors.salesforce.budget import RESET_S, Budget
from sync.connectors.salesforce.faults import InDoubtError, complaints
from sync.connectors.salesforce.hosts import is_loopback
from sync.connectors.salesforce.login import Token, Tokens
from sync.connectors.salesforce.wire import Failure, Reply, attempt, parse_http_date
from sync.errors import AuthError, QuotaError, UnreachableError
from sync.model.clock import Clock

HOST = "salesforce.invalid"
WAIT_MAX_S = 60.0
"""A longer `Retry-After` is given back to the runner instead of slept through."""
RETRY_AFTER_MAX_S = 900.0
BACKOFF_S, BACKOFF_MAX_S = 0.5, 30.0
HOPELESS_401 = ("not attached to Agent", "not valid for use with the REST API")
"""A new token does not cure these (apis/salesforce.md 1.2)."""


class Repeat(Enum):
    """When a request may be sent again."""

    ALWAYS = "always"
    """It reads, or doing it twice is doing it once."""
    ANSWERED = "answered"
    """An upsert: again after an answered 500 or 503, not while an earlier one may still be on its way."""
    UNAPPLIED = "unapplied"
    """A write: only if it certainly did not happen."""


@dataclass(frozen=True, slots=True)
class Call:
    """How a request is treated. `exempt` ignores our share of the day, `patience` multiplies the time for the body."""

    repeat: Repeat = Repeat.ALWAYS
    exempt: bool = False
    patience: float = 2.0

    def may_repeat(self, failure: Failure) -> bool:
        """Whether this request may be sent again after `failure`."""
        if failure.final:
            return False
        answered = self.repeat is Repeat.ANSWERED and failure.answered
        return failure.applied is False or self.repeat is Repeat.ALWAYS or answered


@dataclass(frozen=True, slots=True)
class Settings:
    """What all sessions of a connector share."""

    system: str
    clock: Clock
    login_url: str
    timeout_s: float
    retries: int


class _Bearer(AuthBase):
    """Sets the token last: over the placeholder of simple-salesforce, and over any .netrc."""

    def __init__(self, token: Token | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.pop("Authorization", None)
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token.access}"
        return request


class Session(requests.Session):
    """`asked` is the server's time when the last answered request was sent, and our monotonic time."""

    def __init__(self, settings: Settings, tokens: Tokens, budget: Budget) -> None:
        super().__init__()
        self._settings = settings
        self._tokens = tokens
        self._budget = budget
        self._chance = random.Random(settings.system)  # noqa: S311 - spreads retries, guards nothing
        self.trust_env = not is_loopback(settings.login_url)  # no proxy between us and this machine
        self.asked: tuple[datetime, float] | None = None

    def request(self, method: str, url: str, *, call: Call | None = None, **options: Any) -> requests.Response:  # type: ignore[override]
        """Sends a request to the instance and sees it through.

        Raises AuthError, QuotaError, UnreachableError (a read, or certainly not applied), InDoubtError (a write that
        may have happened). Every other answer is returned as it came.
        """
        call, path = call or Call(), self._path(url)
        for tries in count():
            reply = self._renewing(method, path, call, options)
            failure = reply.failure or _passing(reply)
            if failure is None and reply.response is not None:
                return reply.response
            self._wait_or_raise(failure or Failure("no answer"), call, tries)
        raise AssertionError  # pragma: no cover - count() does not end

    def redeem(self, url: str, form: Mapping[str, str]) -> tuple[int, Any]:
        """Posts a log-in form; a refresh token that may be used up is not sent twice. Raises UnreachableError."""
        call = Call(Repeat.UNAPPLIED if "refresh_token" in form else Repeat.ALWAYS, exempt=True)
        for tries in count():
            reply = self._timed("POST", url, None, call, {"data": dict(form), "headers": {}})
            if reply.failure is None:
                return reply.status, reply.json()
            try:
                self._wait_or_raise(reply.failure, call, tries)
            except InDoubtError as error:
                remedy = "try again later"
                raise UnreachableError(
                    f"log-in: {error.message}", remedy=remedy, system=self._settings.system
                ) from None
        raise AssertionError  # pragma: no cover - count() does not end

    def _path(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.netloc != HOST:
            message = "a link in an answer leads to another host; it was not followed"
            raise UnreachableError(message, remedy="check who answers at login_url", system=self._settings.system)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def _renewing(self, method: str, path: str, call: Call, options: Mapping[str, Any]) -> Reply:
        """One attempt; a 401 (never applied) is answered by one log-in and the same request again."""
        token = self._tokens.current()
        reply = self._counted(method, token, path, call, options)
        if reply.status == 401 and not _is_hopeless(reply):  # noqa: PLR2004
            reply = self._counted(method, self._tokens.renew(token), path, call, options)
        if reply.status == 401:  # noqa: PLR2004
            message, remedy = "Salesforce refuses the session, also a new one", "check the app's policies and the user"
            raise AuthError(message, remedy=remedy, system=self._settings.system)
        return reply

    def _counted(self, method: str, token: Token, path: str, call: Call, options: Mapping[str, Any]) -> Reply:
        self._budget.admit(exempt=call.exempt)
        reply = self._timed(method, token.instance + path, token, call, options)
        self._budget.count(reply.header("Sforce-Limit-Info"))
        return reply

    def _timed(self, method: str, url: str, token: Token | None, call: Call, options: Mapping[str, Any]) -> Reply:
        started = self._settings.clock.monotonic()
        reply = self._attempt(method, url, token, call, options)
        answered_at = parse_http_date(reply.header("Date"))
        if answered_at is not None:
            elapsed = timedelta(seconds=self._settings.clock.monotonic() - started + 1)  # the header drops the fraction
            self.asked = answered_at.astimezone(UTC) - elapsed, started
        return reply

    def _attempt(self, method: str, url: str, token: Token | None, call: Call, options: Mapping[str, Any]) -> Reply:
        body = options.get("data")
        if body is not None and hasattr(body, "seek"):
            body.seek(0)
        headers = {name: text for name, text in options["headers"].items() if name != "X-PrettyPrint"}
        headers = {"User-Agent": "crm-sync"} | headers

        def send(timeout: tuple[float, float]) -> requests.Response:
            rest = {name: value for name, value in options.items() if name != "headers"}
            return super(Session, self).request(
                method,
                url,
                headers=headers,
                auth=_Bearer(token),
                timeout=timeout,
                allow_redirects=False,
                stream=True,
                **rest,
            )

        timeout_s = self._settings.timeout_s
        return attempt(send, self._settings.clock, timeout_s, timeout_s * call.patience)

    def _wait_or_raise(self, failure: Failure, call: Call, tries: int) -> None:
        wait_s = min(failure.wait_s or 0.0, RETRY_AFTER_MAX_S)
        if not call.may_repeat(failure) or tries >= self._settings.retries or wait_s > WAIT_MAX_S:
            raise self._given_up(failure, call, wait_s)
        self._sleep(failure, tries)

    def _given_up(self, failure: Failure, call: Call, wait_s: float) -> Exception:
        if failure.applied is None and call.repeat is not Repeat.ALWAYS:
            return InDoubtError(
                failure.reason, remedy="it is looked up before anything else", system=self._settings.system
            )
        if failure.wait_s is not None or failure.reason == "HTTP 429":
            message = f"Salesforce asks us to wait: {failure.reason}"
            return QuotaError(message, wait_s=wait_s or RESET_S, remedy="poll less often", system=self._settings.system)
        remedy = "check the network, login_url and status.salesforce.com"
        return UnreachableError(
            f"Salesforce did not answer: {failure.reason}", remedy=remedy, system=self._settings.system
        )

    def _sleep(self, failure: Failure, tries: int) -> None:
        asked = failure.wait_s or 0.0
        backoff = min(BACKOFF_S * 2**tries, BACKOFF_MAX_S) * self._chance.uniform(0.75, 1.25)
        self._settings.clock.sleep(max(asked, backoff))


def _is_hopeless(reply: Reply) -> bool:
    return any(word in complaint.text for complaint in complaints(reply.json()) for word in HOPELESS_401)


def _passing(reply: Reply) -> Failure | None:
    """What an answered refusal is over soon: too many long requests at once, a query that took too long (4.3)."""
    found = complaints(reply.json()) if reply.status in (400, 403) else ()
    if any(c.code == "REQUEST_LIMIT_EXCEEDED" and "Concurrent" in c.text for c in found):
        return Failure("too many long requests at once", applied=False, answered=True)
    if any(c.code == "QUERY_TIMEOUT" for c in found):
        return Failure("a query took too long", applied=False, answered=True)
    return None

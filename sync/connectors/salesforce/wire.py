"""One HTTP attempt and what became of it: an answer, or a failure that says whether the request may have been applied.

The classes are those of reliability.md 2.8.
No vendor object and no policy is known here; `session` decides what is next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
import requests
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError

from sync.model.clock import Clock

CONNECT_S = 10.0
BODY_MAX = 256 * 1024 * 1024
"""Bytes after decompression; a page of 2,000 rows is a hundredth of it."""
_CHUNK = 64 * 1024
_TRANSIENT = frozenset({406, 408, 420, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_EMPTY = frozenset({201, 202, 204, 304})


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no usable answer. `applied` False: certainly not applied; None: nobody knows.

    `answered`: the server was done with the request when it failed. `wait_s`: what it asked us to wait.
    `final`: trying again cannot help.
    """

    reason: str
    applied: bool | None = None
    answered: bool = False
    wait_s: float | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer with its whole body, or a failure (then perhaps with the answer that shows it)."""

    response: requests.Response | None = None
    failure: Failure | None = None

    @property
    def status(self) -> int:
        """The status, 0 without an answer."""
        return self.response.status_code if self.response is not None else 0

    def header(self, name: str) -> str | None:
        """A header of the answer."""
        return self.response.headers.get(name) if self.response is not None else None

    def json(self) -> Any:
        """The parsed body; None where it is no JSON."""
        try:
            return orjson.loads(self.response.content) if self.response is not None else None
        except orjson.JSONDecodeError:
            return None


def attempt(
    send: Callable[[tuple[float, float]], requests.Response], clock: Clock, timeout_s: float, total_s: float
) -> Reply:
    """Sends once; `send` gets (connect, read) time limits and returns a response whose body is not read yet.

    The body must arrive within `total_s` of the start, however slowly it drips.
    """
    deadline = clock.monotonic() + total_s
    try:
        response = send((min(CONNECT_S, timeout_s), timeout_s))
        failure = _read(response, clock, deadline)
    except requests.RequestException as error:
        return Reply(failure=_unanswered(error))
    except HTTPError:
        return Reply(failure=Failure("the answer broke off"))
    return Reply(response, failure or _judged(response, clock))


def _read(response: requests.Response, clock: Clock, deadline: float) -> Failure | None:
    """Reads the body as it comes, so that neither a drip nor a bomb holds us; then gives the connection back."""
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > BODY_MAX or clock.monotonic() > deadline:
            response.close()
            return Failure("the answer is too large" if len(body) > BODY_MAX else "the answer took too long")
    response.raw.read()
    response.raw.release_conn()
    response._content = bytes(body)  # noqa: SLF001 - the one place where requests keeps a body that was read outside of it
    response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001
    return None


def _unanswered(error: requests.RequestException) -> Failure:
    reason = type(error).__name__
    if isinstance(error, requests.exceptions.SSLError):
        return Failure("the TLS certificate or handshake was refused", applied=False, final=True)
    cause = error.args[0] if error.args else None
    inner = cause.reason if isinstance(cause, MaxRetryError) else cause
    unsent = isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError)
    return Failure(reason, applied=False if unsent or isinstance(inner, NewConnectionError) else None)


def _judged(response: requests.Response, clock: Clock) -> Failure | None:
    status = response.status_code
    wait_s = _retry_after(response.headers.get("Retry-After"), clock)
    if status == 429:  # noqa: PLR2004
        return Failure("HTTP 429", applied=False, answered=True, wait_s=wait_s)
    if status in _REDIRECTS:
        return Failure("a redirect; it was not followed", applied=False, answered=True, final=True)
    if status in _TRANSIENT or status > 599:  # noqa: PLR2004
        return Failure(f"HTTP {status}", answered=status in (500, 503), wait_s=wait_s)
    if 200 <= status < 300 and not _is_sound(response):  # noqa: PLR2004
        return Failure("the answer is not what was asked for (a login or maintenance page, or cut off)")
    return None


def _is_sound(response: requests.Response) -> bool:
    """Whether a success carries JSON (or CSV where that was asked for)."""
    if not response.content:
        return response.status_code in _EMPTY or _wants_csv(response)
    if _wants_csv(response):
        return "html" not in (response.headers.get("Content-Type") or "").lower()
    try:
        orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return False
    return True


def _wants_csv(response: requests.Response) -> bool:
    return response.request.headers.get("Accept") == "text/csv"


def _retry_after(text: str | None, clock: Clock) -> float | None:
    """Seconds of a `Retry-After`, which is a number or a date; None where it is absent or neither."""
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        moment = parse_http_date(text)
        return max(0.0, (moment - clock.now()).total_seconds()) if moment else None


def parse_http_date(text: str | None) -> datetime | None:
    """The aware date-time of an HTTP date header."""
    try:
        moment = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo else None

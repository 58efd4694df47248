"""The client that connectors speak through: throttled, retried by outcome, counted and observed.

Reads are repeated until they answer or the limits are reached. Writes are repeated only where they positively did not
happen; a write in doubt is answered as such, because only the journal may decide about it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlsplit

from sync import __version__
from sync.connectors.http.allowance import allowance_of, date_of, wait_of
from sync.connectors.http.answer import Answer, Call, Limits, code
from sync.connectors.http.body import BodyError, decode, encode
from sync.connectors.http.meter import Meter
from sync.connectors.http.outcomes import Fault, Verdict, classify, error_for
from sync.connectors.http.throttle import Throttle
from sync.connectors.http.wire import Params, Raw, Wire, WireError
from sync.errors import DriftError, UnreachableError
from sync.model.clock import Clock

Shape = Callable[[Any], bool]
Observer = Callable[[Call], None]

_NO_CLOCK_MARGIN: Final = timedelta(minutes=5)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_NOT_APPLIED: Final = frozenset({Verdict.THROTTLED, Verdict.UNSENT})
_READ_AGAIN: Final = _NOT_APPLIED | {Verdict.DOUBT}


@dataclass(frozen=True, slots=True)
class _Request:
    """A request that may be sent more than once."""

    method: str
    url: str
    route: str
    params: Params | None
    content: bytes | None
    shape: Shape


class Client:
    """One vendor's API under one key. Thread-safe.

    Args:
        base_url: root of all routes; nothing else is ever contacted.
        system: the configured name, for errors.
        headers: sent with every request, the credentials among them.
        clock: time and waiting.
        throttle: the pace, shared where a key is shared.
        limits: bounds of one call.
        chance: for jitter.
        on_call: told about every attempt; must not raise.
        transport: an httpx transport in place of sockets, for tests.
    """

    def __init__(
        self,
        base_url: str,
        *,
        system: str,
        headers: Mapping[str, str],
        clock: Clock,
        throttle: Throttle,
        limits: Limits | None = None,
        chance: random.Random | None = None,
        on_call: Observer | None = None,
        transport: Any = None,
    ) -> None:
        self.system = system
        self.meter = Meter()
        self._base = base_url.rstrip("/")
        self._clock = clock
        self.pace = throttle
        self._limits = limits or Limits()
        self._chance = chance or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._on_call = on_call
        standard = {"accept": "application/json", "accept-encoding": "gzip", "user-agent": f"crm-sync/{__version__}"}
        self._wire = Wire(self._base, standard | dict(headers), self._limits, clock, transport)

    def read(
        self,
        route: str,
        *,
        parts: Mapping[str, str] | None = None,
        params: Params | None = None,
        method: str = "GET",
        body: Any = None,
        shape: Shape | None = None,
        accept: Collection[int] = (),
    ) -> Answer:
        """A read, repeated until it answers. `route` is a template or a next link; `parts` fill the template.

        Returns the answer if it is a success of the right `shape` or has a status in `accept`.

        Raises:
            AuthError, QuotaError: refused.
            UnreachableError: no sensible answer after all retries.
            DriftError: the request as such is refused.
        """
        answer = self._ask(self._request(method, route, parts, params, body, shape or _has_body), _READ_AGAIN)
        if answer.done or answer.status in accept:
            return answer
        raise error_for(answer, self.system)

    def write(
        self,
        method: str,
        route: str,
        *,
        parts: Mapping[str, str] | None = None,
        params: Params | None = None,
        body: Any = None,
        shape: Shape | None = None,
    ) -> Answer:
        """A write, sent once unless it positively did not happen. Never raises for what the vendor answers."""
        return self._ask(self._request(method, route, parts, params, body, _or_empty(shape)), _NOT_APPLIED)

    def server_time(self, answer: Answer) -> datetime:
        """When the vendor answered, by its own clock; by ours less five minutes where it does not tell."""
        return answer.date or self._clock.now().astimezone(UTC) - _NO_CLOCK_MARGIN

    def close(self) -> None:
        """Gives the sockets back."""
        self._wire.close()

    def _ask(self, request: _Request, again: frozenset[Verdict]) -> Answer:
        """The last answer of all attempts that the verdicts in `again` allow."""
        attempt = 1
        answer = self._attempt(request, attempt)
        while answer.verdict in again and attempt <= self._limits.retries and self._wait(answer, attempt):
            attempt += 1
            answer = self._attempt(request, attempt)
        return answer

    def _attempt(self, request: _Request, number: int) -> Answer:
        """One request, when the throttle lets it; an answer of ours where it does not."""
        blocked_s = self.pace.take(self._limits.patience_s)
        if blocked_s is not None:
            return Answer(request.route, Verdict.THROTTLED, wait_s=blocked_s)
        began = self._clock.monotonic()
        self.meter.add(calls=1)
        try:
            raw = self._send(request)
        except WireError as error:
            verdict = classify(error.status, error.fault)
            answer = Answer(request.route, verdict, status=error.status, fault=error.fault)
        else:
            answer = self._judge(request, raw)
        self._report(request.method, answer, number, self._clock.monotonic() - began)
        return answer

    def _send(self, request: _Request) -> Raw:
        try:
            return self._wire.send(request.method, request.url, request.params, request.content)
        finally:
            self.pace.answered()

    def _judge(self, request: _Request, raw: Raw) -> Answer:
        """What an answer means, and what its headers teach."""
        data, fault = _read_body(raw, request.shape)
        date = date_of(raw.headers)
        now = date or self._clock.now()
        verdict = classify(raw.status, fault)
        allowance = allowance_of(raw.headers, now)
        self.meter.learn(allowance)
        self.pace.learn(allowance)
        slowed = verdict is Verdict.THROTTLED or "retry-after" in raw.headers
        wait_s = wait_of(raw.headers, data, now) if slowed else None
        return Answer(request.route, verdict, raw.status, data, raw.headers, fault, date, wait_s)

    def _wait(self, answer: Answer, attempt: int) -> bool:
        """Waits before the next attempt; False where that would try the caller's patience."""
        backoff_s = min(self._limits.backoff_max_s, self._limits.backoff_s * 2.0 ** (attempt - 1))
        jitter_s = self._chance.uniform(0.0, backoff_s)
        if answer.status is None and answer.verdict is Verdict.THROTTLED:
            return False
        if answer.wait_s is None and answer.verdict is not Verdict.THROTTLED:
            self._clock.sleep(jitter_s)
            return True
        # Told, or throttled without a word: then at least the backoff, or a storm would follow. For the whole key.
        wait_s = backoff_s if answer.wait_s is None else answer.wait_s
        self.pace.pause(wait_s + min(jitter_s, 1.0))
        return wait_s <= self._limits.patience_s

    def _report(self, method: str, answer: Answer, attempt: int, seconds: float) -> None:
        if self._on_call is None:
            return
        request_id = code(answer.headers.get("x-request-id")) or _request_id(answer.data)
        told = answer.verdict, answer.status, answer.fault, request_id
        self._on_call(Call(self.system, method, answer.route, attempt, seconds, *told))

    def _request(
        self,
        method: str,
        route: str,
        parts: Mapping[str, str] | None,
        params: Params | None,
        body: Any,
        shape: Shape,
    ) -> _Request:
        url, template = self._target(route, parts or {})
        return _Request(method, url, template, params, None if body is None else encode(body), shape)

    def _target(self, route: str, parts: Mapping[str, str]) -> tuple[str, str]:
        """The address and its template. Raises UnreachableError for another host, DriftError for an unusable id."""
        if "://" in route or route.startswith("//"):
            if _origin(route) != _origin(self._base):
                raise UnreachableError(
                    f"{self.system}: a next link points to another host and was not followed", system=self.system
                )
            return route, urlsplit(route).path
        for part in parts.values():
            if not part or part in (".", "..") or _CONTROL.search(part):
                raise DriftError(f"{self.system}: an id cannot stand in the address of {route}", system=self.system)
        filled = {name: quote(part, safe="") for name, part in parts.items()}
        return self._base + route.format_map(filled), route


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port; an address that cannot be read is nobody's."""
    try:
        split = urlsplit(url)
        return split.scheme, split.hostname, split.port or {"https": 443, "http": 80}.get(split.scheme)
    except ValueError:
        return "", None, None


def _read_body(raw: Raw, shape: Shape) -> tuple[Any, Fault | None]:
    try:
        data = decode(raw.headers, raw.body)
    except BodyError:
        return None, Fault.UNREADABLE
    success = raw.status // 100 == 2  # noqa: PLR2004 - the hundred of success
    return data, Fault.SHAPE if success and not shape(data) else None


def _has_body(data: Any) -> bool:
    return data is not None


def _or_empty(shape: Shape | None) -> Shape:
    """A write may answer with no body at all (201, 204): its status is the receipt."""
    return lambda data: data is None or shape is None or shape(data)


def _request_id(data: Any) -> str | None:
    meta = data.get("meta") if isinstance(data, dict) else None
    return code(meta.get("request_id")) if isinstance(meta, dict) else None

"""Who is logged in, whose forms may be believed, and how often somebody may guess. In memory: a restart logs everybody out.

A cookie is a random name; its session is known here by the name's hash only, so nothing that leaks from memory opens a door.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from threading import Lock
from time import monotonic
from typing import Final

IDLE_S: Final = 12 * 3600.0
LIFE_S: Final = 7 * 86400.0
SESSIONS_MAX: Final = 1000
COOKIE_LENGTH: Final = 43
"""Of `secrets.token_urlsafe(32)`."""


def digest(text: str) -> str:
    """A secret as it is compared and kept: its length and content cannot be told from the time that a comparison takes."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def same(one: str, other: str) -> bool:
    """Constant-time comparison of texts of any length and script."""
    return hmac.compare_digest(digest(one), digest(other))


@dataclass(slots=True)
class _Session:
    opened_at: float
    used_at: float
    token: str
    """Digest of the token that opened it: a new token ends the sessions of the old one."""


class Sessions:
    """Log-ins and form tokens."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._open: OrderedDict[str, _Session] = OrderedDict()
        self._lock = Lock()

    @staticmethod
    def new_name() -> str:
        """A fresh cookie value."""
        return secrets.token_urlsafe(32)

    def open(self, token: str) -> str:
        """Begins a session; answers its cookie value, never one that a visitor brought along."""
        name, now = self.new_name(), self._clock()
        with self._lock:
            while len(self._open) >= SESSIONS_MAX:
                self._open.popitem(last=False)
            self._open[digest(name)] = _Session(now, now, digest(token))
        return name

    def holds(self, name: str, token: str) -> bool:
        """Whether this cookie is logged in with this token, and neither idle nor old; using it keeps it alive."""
        known, now = digest(name), self._clock()
        with self._lock:
            found = self._open.get(known)
            if found is None:
                return False
            if (
                now - found.used_at > IDLE_S
                or now - found.opened_at > LIFE_S
                or not hmac.compare_digest(found.token, digest(token))
            ):
                del self._open[known]
                return False
            found.used_at = now
            self._open.move_to_end(known)
            return True

    def close(self, name: str) -> None:
        """Logs out."""
        with self._lock:
            self._open.pop(digest(name), None)

    def form_token(self, name: str) -> str:
        """What a form must bring back, made for this cookie in this process."""
        return hmac.new(self._key, name.encode(), "sha256").hexdigest()

    def believes(self, name: str, token: str) -> bool:
        """Whether a form was made by us for this cookie."""
        return bool(name) and same(self.form_token(name), token)


class Throttle:
    """Failed guesses: at most `each` a minute from one address (of IPv6: one /64) and `total` from all together."""

    def __init__(self, each: int = 10, total: int = 100, clock: Callable[[], float] = monotonic) -> None:
        self._each, self._total, self._clock = each, total, clock
        self._failed: deque[tuple[float, str]] = deque()
        self._lock = Lock()

    def wait_s(self, address: str) -> int:
        """How long this address must wait before it may guess again; 0 for not at all."""
        now, net = self._clock(), network(address)
        with self._lock:
            while self._failed and now - self._failed[0][0] >= _MINUTE_S:
                self._failed.popleft()
            own = [at for at, whose in self._failed if whose == net]
            full = len(own) >= self._each or len(self._failed) >= self._total
            return int(_MINUTE_S - (now - (own[0] if own else self._failed[0][0]))) + 1 if full else 0

    def failed(self, address: str) -> None:
        """One more wrong guess."""
        with self._lock:
            self._failed.append((self._clock(), network(address)))


_MINUTE_S: Final = 60.0


def network(address: str) -> str:
    """What counts as one guesser: an IPv4 address, or the 64 bits of an IPv6 address that one customer has."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else found.exploded[:19]  # noqa: PLR2004 - the version of IP

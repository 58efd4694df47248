"""Redeems a grant for an access token, once at a time, and no more often than it helps.

The log-in of simple-salesforce is not used: it knows no refresh-token grant, always talks to
``https://{domain}.salesforce.com``, and throws away the ``id`` link that names org and user.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sync.connectors.salesforce.auth import Auth, RefreshToken
from sync.connectors.salesforce.hosts import is_trusted_instance, origin
from sync.connectors.salesforce.rows import full_id
from sync.errors import AuthError, TenantError, UnreachableError
from sync.model.clock import Clock

LATCH_S = 300.0
"""A refused grant is not redeemed again for this long: hammering the log-in locks the user out."""


@dataclass(frozen=True, slots=True)
class Token:
    """An opened session. `org` and `user` are ids, of 18 characters in life; None where the answer names none."""

    access: str = field(repr=False)
    instance: str
    org: str | None
    user: str | None


Redeem = Callable[[str, Mapping[str, str]], tuple[int, Any]]
"""Posts a form to a URL; returns the status and the parsed body (None if it is no JSON)."""


class Tokens:
    """The current token of one connector, shared by its threads."""

    def __init__(
        self,
        *,
        login_url: str,
        auth: Auth,
        clock: Clock,
        redeem: Redeem,
        on_secret: Callable[[str], None] | None,
        system: str,
    ) -> None:
        self._login_url = login_url
        self._auth = auth
        self._clock = clock
        self._redeem = redeem
        self._on_secret = on_secret
        self._system = system
        self._lock = threading.RLock()
        self._token: Token | None = None
        self._org: str | None = None
        self._refusal: tuple[float, AuthError] | None = None

    def current(self) -> Token:
        """The token to use now; logs in if there is none. Raises AuthError, UnreachableError."""
        with self._lock:
            if self._token is None:
                self._token = self._login()
            return self._token

    def renew(self, stale: Token) -> Token:
        """A token other than `stale`. Of several callers with the same stale token only one logs in."""
        with self._lock:
            if self._token is stale:
                self._token = None
            return self.current()

    def _login(self) -> Token:
        self._respect_refusal()
        form = self._auth.form(self._audience(), self._clock.now())
        status, body = self._redeem(f"{self._login_url}/services/oauth2/token", form)
        if status == 200 and isinstance(body, dict) and isinstance(body.get("access_token"), str):  # noqa: PLR2004
            return self._opened(body)
        raise self._refused(status, body)

    def _opened(self, body: Mapping[str, Any]) -> Token:
        instance = str(body.get("instance_url") or self._login_url)
        if not is_trusted_instance(instance, self._login_url):
            message = "the log-in named an instance outside Salesforce; the token was not sent there"
            raise AuthError(message, remedy="check login_url and who answers there", system=self._system)
        self._keep_rotated(body.get("refresh_token"))
        org, user = _identity(str(body.get("id") or ""))
        self._org = self._org or org
        if org != self._org:
            message = "a new log-in opened another org than the one before"
            raise TenantError(message, remedy="check the app and its user", system=self._system)
        return Token(str(body["access_token"]), origin(instance), org, user)

    def _keep_rotated(self, token: Any) -> None:
        """Crash: the new token is handed over before the access token is used, so a restart finds one that works."""
        if isinstance(self._auth, RefreshToken) and isinstance(token, str) and token not in ("", self._auth.token):
            self._auth = self._auth.rotated(token)
            if self._on_secret is not None:
                self._on_secret(token)

    def _refused(self, status: int, body: Any) -> AuthError | UnreachableError:
        code = str(body.get("error") or "") if isinstance(body, dict) else ""
        if not code or status >= 500 or code == "rate_limit_exceeded":  # noqa: PLR2004
            message = f"the log-in answered {status} {code}".rstrip()
            return UnreachableError(message, remedy="try again later", system=self._system)
        refusal = AuthError(f"the log-in was refused: {code}", remedy=_REMEDIES.get(code, _REMEDY), system=self._system)
        self._refusal = (self._clock.monotonic(), refusal)
        return refusal

    def _respect_refusal(self) -> None:
        if self._refusal is None:
            return
        since, refusal = self._refusal
        if self._clock.monotonic() - since < LATCH_S:
            raise AuthError(refusal.message, remedy=refusal.remedy, system=self._system)
        self._refusal = None

    def _audience(self) -> str:
        """The ``aud`` of an assertion: the generic host of production or sandboxes (apis/salesforce.md 1.1)."""
        sandbox = ".sandbox." in self._login_url or self._login_url.startswith("https://test.")
        return "https://test.salesforce.com" if sandbox else "https://login.salesforce.com"


_REMEDY = "Check client_id, client_secret, the user, and the policies of the External Client App."
_REMEDIES = {
    "invalid_client": "Check client_secret: it may have been replaced.",
    "invalid_client_id": "Check client_id.",
    "inactive_user": "Reactivate the integration user.",
    "inactive_org": "The org is inactive: reactivate it, or name another in login_url.",
    "unsupported_grant_type": "Log in at the org's My Domain host, and enable this flow in the External Client App.",
}


def _identity(link: str) -> tuple[str | None, str | None]:
    """Org and user of the ``id`` link, which ends ``/{org}/{user}``; what is no id of Salesforce's, as it is."""
    parts = urlsplit(link).path.rstrip("/").split("/")
    if len(parts) < 3:  # noqa: PLR2004 - the path begins with a slash
        return None, None
    return full_id(parts[-2]), full_id(parts[-1])

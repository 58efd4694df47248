"""The gate in front of everything: which names the dashboard answers to, who may come in, and what every answer says to a browser.

It knows no page. A request passes when it is addressed to a name of ours (DNS rebinding), when it does not come from another site
(CSRF; forms bring a token besides, see `asking`), and when it shows the token or a session, unless it comes from this very machine
to a service that only this machine can reach.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sync.config import Config
from sync.config.places import is_loopback
from sync.runner.desk import Desk
from sync.web.failures import failure
from sync.web.sessions import COOKIE_LENGTH, Sessions, Throttle, same

COOKIE: Final = "crm_sync_session"
OPEN: Final = ("/healthz", "/readyz", "/login", "/static/", "/webhooks/")
"""Served to everybody: health without details, webhooks (they are signed), and what the log-in page needs."""
ANY_NAME: Final = ("/healthz", "/readyz", "/webhooks/")
"""Asked by machines under names that we cannot know; nothing here trusts a browser."""
SAFE: Final = ("GET", "HEAD")
FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with no-referrer browsers send `Origin: null` along with our own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Gate:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, desk: Desk, sessions: Sessions, throttle: Throttle) -> None:
        self._app = app
        self._desk = desk
        self._sessions = sessions
        self._throttle = throttle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses, or lets pass; says the security headers either way."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = self._refusal(request)
        await (refusal or self._app)(scope, receive, _spoken(send, cached=scope["path"].startswith("/static/")))

    def _refusal(self, request: Request) -> Response | None:
        path = request.url.path
        if not path.startswith(ANY_NAME) and not names_us(request.headers.get("host", ""), self._desk.config):
            return PlainTextResponse("This name is not served here. Add it to [server] hosts.\n", 421)
        if request.method not in SAFE and not path.startswith("/webhooks/") and is_foreign(request):
            return failure("forbidden", "the request comes from another site", status=403)
        return None if path.startswith(OPEN) else self._stranger(request)

    def _stranger(self, request: Request) -> Response | None:
        """What somebody hears who shows neither token nor session; None for those who may come in."""
        token = self._desk.config.server.token
        if is_local(request, self._desk.config):
            return None
        bearer = request.headers.get("authorization")
        if bearer is not None:
            return self._with_bearer(request, bearer, token.reveal() if token else None)
        if token is not None and self._sessions.holds(cookie(request), token.reveal()):
            return None
        return _log_in(request)

    def _with_bearer(self, request: Request, bearer: str, token: str | None) -> Response | None:
        address = client(request)
        wait_s = self._throttle.wait_s(address)
        if wait_s:
            return failure("throttled", "too many wrong tokens", status=429, headers={"retry-after": str(wait_s)})
        scheme, _, shown = bearer.partition(" ")
        if token is not None and scheme.lower() == "bearer" and same(shown.strip(), token):
            return None
        self._throttle.failed(address)
        return failure(
            "unauthorized",
            "this is not the token",
            status=401,
            headers={"www-authenticate": 'Bearer error="invalid_token"'},
        )


def _spoken(send: Send, *, cached: bool) -> Send:
    async def speak(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers["cache-control"] = "public, max-age=86400" if cached else "no-store"
        await send(message)

    return speak


def _log_in(request: Request) -> Response:
    wants_page = "text/html" in request.headers.get("accept", "") or request.url.path == "/"
    machine = request.url.path.startswith(("/api", "/metrics"))
    if machine or not wants_page or request.method not in SAFE:
        return failure(
            "unauthorized",
            "a token is needed",
            remedy="Send it as `Authorization: Bearer TOKEN`.",
            status=401,
            headers={"www-authenticate": "Bearer"},
        )
    return RedirectResponse(f"/login?next={quote(request.url.path)}", 303)


def cookie(request: Request) -> str:
    """The session's name that the browser brought; "" for none, or for one that we cannot have made."""
    found = request.cookies.get(COOKIE, "")
    return found if len(found) == COOKIE_LENGTH and found.isascii() else ""


def client(request: Request) -> str:
    """The address of whoever asks."""
    return request.client.host if request.client else "?"


def is_local(request: Request, config: Config) -> bool:
    """Whether it comes straight from this machine to a service that only this machine can reach.

    What a proxy passed on does not: the people behind it are elsewhere.
    """
    if not config.server.listen.on_loopback or any(name in request.headers for name in FORWARDED):
        return False
    return is_loopback(client(request))


def is_foreign(request: Request) -> bool:
    """Whether a browser says that another site sent this."""
    if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower()


def names_us(host: str, config: Config) -> bool:
    """Whether the Host header is a name of ours: a configured one, one of this machine, or an address."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return False
    if name in {"localhost", config.server.listen.host.lower(), *(each.lower() for each in config.server.hosts)}:
        return True
    if config.server.listen.on_loopback:
        return is_loopback(name)
    return _is_address(name) or name in _own_names()


def _is_address(name: str) -> bool:
    """An address cannot be rebound; off loopback we answer to each of ours."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1)
def _own_names() -> frozenset[str]:
    name = socket.gethostname().lower()
    return frozenset({name, socket.getfqdn().lower()}) - {""}


def secure(scope: Mapping[str, Any]) -> bool:
    """Whether the browser came by https (a proxy on this machine may say so)."""
    return scope.get("scheme") == "https"


def hand_out(answer: Response, name: str, scope: Mapping[str, Any]) -> None:
    """Gives the browser its session's name."""
    answer.set_cookie(COOKIE, name, path="/", httponly=True, samesite="strict", secure=secure(scope))

"""Logging in by the token, and out again."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sync.runner.desk import Desk
from sync.web.asking import Page, Pages
from sync.web.bodies import Form, RefusedBodyError, read_form
from sync.web.gate import client, cookie, hand_out, is_local, secure
from sync.web.sessions import Sessions, Throttle, same


class Login:
    """The routes of the log-in."""

    def __init__(self, desk: Desk, sessions: Sessions, throttle: Throttle, pages: Pages) -> None:
        self._desk = desk
        self._sessions = sessions
        self._throttle = throttle
        self._pages = pages

    def routes(self) -> list[Route]:
        """`/login` and `/logout`."""
        return [
            Route("/login", self._ask, methods=["GET"]),
            Route("/login", self._enter, methods=["POST"]),
            Route("/logout", self._leave, methods=["POST"]),
        ]

    async def _ask(self, request: Request) -> Response:
        token = self._desk.config.server.token
        onward = safe_path(request.query_params.get("next", "/"))
        if is_local(request, self._desk.config) or (token and self._sessions.holds(cookie(request), token.reveal())):
            return RedirectResponse(onward, 303)
        return self._page(request, onward, "", 200)

    async def _enter(self, request: Request) -> Response:
        try:
            form = await read_form(request)
        except RefusedBodyError as refusal:
            return self._page(request, "/", refusal.message, refusal.status)
        onward = safe_path(form.one("next"))
        if not self._sessions.believes(cookie(request), form.one("form_token")):
            return self._page(request, onward, "This page was too old. Please try again.", 403)
        wait_s = self._throttle.wait_s(client(request))
        if wait_s:
            return self._page(request, onward, f"Too many wrong tokens. Try again in {wait_s} seconds.", 429)
        return self._judge(request, form, onward)

    def _judge(self, request: Request, form: Form, onward: str) -> Response:
        token = self._desk.config.server.token
        if token is None or not same(form.one("token").strip(), token.reveal()):
            self._throttle.failed(client(request))
            return self._page(request, onward, "This is not the token.", 401)
        self._sessions.close(cookie(request))
        answer = RedirectResponse(onward, 303)
        hand_out(answer, self._sessions.open(token.reveal()), request.scope)
        return answer

    def _page(self, request: Request, onward: str, message: str, status: int) -> Response:
        bare = not secure(request.scope) and not self._desk.config.server.listen.on_loopback
        page = Page("login.html", {"onward": onward, "message": message, "bare": bare}, status)
        return self._pages.drawn(request, page)

    async def _leave(self, request: Request) -> Response:
        try:
            form = await read_form(request)
        except RefusedBodyError as refusal:
            return self._page(request, "/", refusal.message, refusal.status)
        if not self._sessions.believes(cookie(request), form.one("form_token")):
            return self._page(request, "/", "This page was too old. Please try again.", 403)
        self._sessions.close(cookie(request))
        answer = RedirectResponse("/login", 303)
        hand_out(answer, Sessions.new_name(), request.scope)
        return answer


def safe_path(path: str) -> str:
    """A path of ours to go on to; the front page for anything that could lead elsewhere."""
    plain = path.startswith("/") and not path.startswith("//") and path.isascii() and path.isprintable()
    return path if plain and "\\" not in path else "/"

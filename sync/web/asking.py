"""From a request to a page: what every page handler gets and gives, so that a handler is a plain function without a web in it.

A handler runs in a worker thread, since it reads the state, or waits for the service to carry out a command.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sync.errors import SyncError
from sync.runner.desk import Desk
from sync.runner.wire import reading
from sync.web.bodies import Form, RefusedBodyError, read_form
from sync.web.drawing import draw
from sync.web.failures import judged, log_bug, told
from sync.web.gate import SAFE, cookie, hand_out, is_local
from sync.web.sessions import Sessions

COMMANDS_MAX: Final = 20
"""So many writing commands may wait for their turn; more are told to come back."""
DIGITS_MAX: Final = 9


@dataclass(frozen=True, slots=True)
class Ask:
    """What a page is asked: the service, the parts of the path, the query, and the form that was sent."""

    desk: Desk
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Form = field(default_factory=Form)

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number of the query between 1 and `most`; anything else is the default."""
        return whole(self.query.get(name, ""), default, most)


def whole(text: str, default: int, most: int) -> int:
    """A text as a whole number between 1 and `most`; the default for what is none."""
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX and int(text)):
        return default
    return min(most, int(text))


@dataclass(frozen=True, slots=True)
class Page:
    """A template with what it shows. ``facts`` are plain values."""

    template: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """After a command: go and look there. A path of ours without any personal value."""

    path: str


Handler = Callable[[Ask], Page | Elsewhere]


class Turns:
    """Lets few commands in at a time, so that a queue of them never takes the threads that serve pages."""

    def __init__(self) -> None:
        self._limiter: CapacityLimiter | None = None
        self._waiting = 0

    async def run(self, job: Callable[[], Any]) -> Any:
        """Runs a command in a thread. Raises RefusedBodyError(429) when too many wait already."""
        if self._waiting >= COMMANDS_MAX:
            raise RefusedBodyError(429, "too many commands wait for their turn")
        if self._limiter is None:
            self._limiter = CapacityLimiter(COMMANDS_MAX)
        self._waiting += 1
        try:
            return await to_thread.run_sync(job, limiter=self._limiter)
        finally:
            self._waiting -= 1


class Pages:
    """Makes endpoints of handlers."""

    def __init__(self, desk: Desk, sessions: Sessions, turns: Turns) -> None:
        self._desk = desk
        self._sessions = sessions
        self._turns = turns

    def endpoint(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint that answers with this handler's page; a form must bring its token."""

        async def answer(request: Request) -> Response:
            name = cookie(request) or Sessions.new_name()
            return _with_cookie(request, name, await self._answer(request, handler, name))

        return answer

    def drawn(self, request: Request, page: Page) -> Response:
        """A page outside of any handler: the log-in."""
        name = cookie(request) or Sessions.new_name()
        return _with_cookie(request, name, self._drawn(request, name, page))

    async def _answer(self, request: Request, handler: Handler, name: str) -> Response:
        try:
            form = Form() if request.method in SAFE else await self._form(request)
            ask = Ask(self._desk, request.path_params, request.query_params, form)
            done = await (to_thread.run_sync if request.method in SAFE else self._turns.run)(lambda: handler(ask))
        except RefusedBodyError as refusal:
            return self._refused(request, name, {"message": refusal.message, "remedy": ""}, refusal.status)
        except SyncError as error:
            return self._refused(request, name, told(error), judged(error)[1])
        except Exception as error:  # noqa: BLE001 - whatever it is, the service stays up and says nothing of it
            log_bug(error, _route(request))
            return self._refused(request, name, told(error), 500)
        if isinstance(done, Elsewhere):
            return RedirectResponse(done.path, 303)
        return await to_thread.run_sync(self._drawn, request, name, done)

    async def _form(self, request: Request) -> Form:
        form = await read_form(request)
        if not self._sessions.believes(cookie(request), form.one("form_token")):
            raise RefusedBodyError(
                403, "this form is not one that was made here for you, or the service was restarted since"
            )
        return form

    def _drawn(self, request: Request, name: str, page: Page) -> Response:
        shown = {
            **page.facts,
            "form_token": self._sessions.form_token(name),
            "here": request.url.path,
            "logged_in": not is_local(request, self._desk.config) and "authorization" not in request.headers,
            "workspace": self._desk.config.workspace,
            "open": open_counts(self._desk),
        }
        # a value may hold half a surrogate pair, which no encoding has
        return HTMLResponse(draw(page.template, shown).encode("utf-8", "replace"), page.status)

    def _refused(self, request: Request, name: str, error: Mapping[str, Any], status: int) -> Response:
        page = Page("error.html", {"error": error, "status": status, "back": _back(request)}, status)
        return self._drawn(request, name, page)


def open_counts(desk: Desk) -> dict[str, int]:
    """What waits for a person, for the menu; nothing where the state does not open."""
    try:
        with reading(desk.config) as store:
            conflicts, quarantined = store.open_counts()
    except SyncError:
        return {}
    return {"/conflicts": conflicts, "/quarantine": quarantined}


def _with_cookie(request: Request, name: str, response: Response) -> Response:
    """A visitor without a cookie gets one: his forms are made for it."""
    if name != cookie(request):
        hand_out(response, name, request.scope)
    return response


def _back(request: Request) -> str:
    """The page that the form was on: the first part of its path."""
    first = request.url.path.strip("/").partition("/")[0]
    return (
        f"/{first}" if first in ("conflicts", "quarantine", "runs", "records", "mappings", "systems", "login") else "/"
    )


def _route(request: Request) -> str:
    """The route, not the path: that may hold a key."""
    route = request.scope.get("route")
    return str(getattr(route, "path", "?"))

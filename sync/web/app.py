"""The application: every route of the dashboard, the API, health, metrics and webhooks, behind one gate."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Final

from anyio import to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sync.runner.desk import Desk
from sync.web.api import Api
from sync.web.asking import Page, Pages, Turns
from sync.web.failures import failure, log_bug
from sync.web.gate import Gate
from sync.web.health import healthz, readyz
from sync.web.hooks import Hooks
from sync.web.login import Login
from sync.web.metrics import CONTENT_TYPE, Metrics
from sync.web.pages import PAGES
from sync.web.sessions import Sessions, Throttle

_TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def build(desk: Desk) -> Starlette:
    """The application for one service."""
    sessions, throttle, turns = Sessions(), Throttle(), Turns()
    pages = Pages(desk, sessions, turns)
    metrics = Metrics(desk)

    async def alive(request: Request) -> Response:
        del request
        return healthz()

    async def ready(request: Request) -> Response:
        del request
        return await _safely("/readyz", lambda: readyz(desk))

    async def measured(request: Request) -> Response:
        del request
        return await _safely("/metrics", lambda: Response(metrics.text(), media_type=CONTENT_TYPE))

    routes = [
        Route("/healthz", alive, methods=["GET"]),
        Route("/readyz", ready, methods=["GET"]),
        Route("/metrics", measured, methods=["GET"]),
        Route("/static/{name}", _static, methods=["GET"]),
        *Hooks(desk).routes(),
        *Login(desk, sessions, throttle, pages).routes(),
        *Api(desk, turns).routes(),
        *(Route(path, pages.endpoint(handler), methods=[method]) for path, method, handler in PAGES),
    ]

    async def not_found(request: Request, error: Exception) -> Response:
        del error
        if request.url.path.startswith("/api/"):
            remedy = "GET /api/openapi.json lists what there is."
            return failure("not_found", "there is nothing at this address", remedy=remedy, status=404)
        if "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse("There is nothing here.\n", 404)
        facts = {"error": {"message": "This page does not exist.", "remedy": ""}, "status": 404, "back": "/"}
        return await to_thread.run_sync(pages.drawn, request, Page("error.html", facts, 404))

    gate = Middleware(Gate, desk=desk, sessions=sessions, throttle=throttle)
    return Starlette(routes=routes, middleware=[gate], exception_handlers={404: not_found, 405: _not_so})


async def _safely(route: str, answer: Callable[[], Response]) -> Response:
    try:
        return await to_thread.run_sync(answer)
    except Exception as error:  # noqa: BLE001 - whatever it is, the service stays up and says nothing of it
        log_bug(error, route)
        return PlainTextResponse("not now\n", 500)


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    file = files("sync.web") / "static" / name
    kind = _TYPES.get(name.rpartition(".")[2])
    if kind is None or "/" in name or "\\" in name or not file.is_file():
        return PlainTextResponse("There is nothing here.\n", 404)
    return Response(file.read_bytes(), media_type=kind)


async def _not_so(request: Request, error: Exception) -> Response:
    del request
    headers = getattr(error, "headers", None)
    return PlainTextResponse("Not in this way.\n", 405, headers=headers)

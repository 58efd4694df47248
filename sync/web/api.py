"""The JSON API: what the reading commands say, under `/api`; commands under `/api/commands`. See `openapi` for its document."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sync.errors import SyncError, UsageError
from sync.model.report import OPERATIONS_SHOWN
from sync.runner import api
from sync.runner.charted import mapping_tables
from sync.runner.desk import Desk
from sync.runner.finding import FOUND_MAX, find
from sync.runner.preview import preview_undo
from sync.runner.pulse import pulse
from sync.web.asking import Ask, Turns, whole
from sync.web.bodies import RefusedBodyError, read_body
from sync.web.commands import COMMANDS, OPERATIONS_MAX, perform
from sync.web.failures import answered, failure, log_bug
from sync.web.openapi import document

BODY_MAX: Final = 64 * 1024 * 1024
"""A plan of a million rows is large; who sends it has shown the token."""
BODY_S: Final = 60.0
RUNS_SHOWN: Final = 50
RUNS_MAX: Final = 1000
HOURS_MAX: Final = 24 * 90

Endpoint = Callable[[Request], Awaitable[Response]]


def status(ask: Ask) -> Any:
    """The status, with the life of the service."""
    return {**api.status(ask.desk.config, ask.desk.mappings), "service": dict(ask.desk.facts())}


def records(ask: Ask) -> Any:
    """Records by a text."""
    return find(ask.desk.config, ask.desk.mappings, ask.query.get("q", ""), limit=ask.number("limit", FOUND_MAX, 200))


def plan(ask: Ask) -> Any:
    """What a sync would do now."""
    entities = [name for name in ask.query.get("entities", "").split(",") if name]
    given = {"entities": entities, "full": ask.query.get("full", "false") == "true"}
    return perform(ask.desk, "plan", given, limit=ask.number("limit", OPERATIONS_SHOWN, OPERATIONS_MAX))


READING: Final[dict[str, Callable[[Ask], Any]]] = {
    "/api/status": status,
    "/api/pulse": lambda ask: pulse(ask.desk.config, ask.desk.mappings, hours=ask.number("hours", 24, HOURS_MAX)),
    "/api/runs": lambda ask: api.runs(ask.desk.config, limit=ask.number("limit", RUNS_SHOWN, RUNS_MAX)),
    "/api/runs/{run}": lambda ask: api.run(ask.desk.config, ask.path["run"]),
    "/api/runs/{run}/undo": lambda ask: preview_undo(
        ask.desk.config,
        ask.desk.mappings,
        ask.path["run"],
        record=ask.query.get("record") or None,
        field=ask.query.get("field") or None,
    ),
    "/api/records": records,
    "/api/explain/{entity}/{key:path}": lambda ask: api.explain(
        ask.desk.config, ask.desk.mappings, ask.path["entity"], ask.path["key"]
    ),
    "/api/conflicts": lambda ask: api.conflicts(ask.desk.config, ask.desk.mappings),
    "/api/quarantine": lambda ask: api.quarantine(ask.desk.config, ask.desk.mappings),
    "/api/mappings": lambda ask: mapping_tables(ask.desk.config, ask.desk.mappings),
    "/api/plan": plan,
}


class Api:
    """Makes the routes of the API for one desk."""

    def __init__(self, desk: Desk, turns: Turns) -> None:
        self._desk = desk
        self._turns = turns
        self._planning = 0

    def routes(self) -> list[Route]:
        """Every route under /api, and one for what is none."""
        return [
            Route("/api", _index, methods=["GET"]),
            Route("/api/openapi.json", _document, methods=["GET"]),
            *(Route(path, self._reads(path, of), methods=["GET"]) for path, of in READING.items()),
            Route("/api/commands/{name}", self._command, methods=["POST"]),
            Route("/api/{rest:path}", _nothing, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]

    def _reads(self, path: str, of: Callable[[Ask], Any]) -> Endpoint:
        async def answer(request: Request) -> Response:
            ask = Ask(self._desk, request.path_params, request.query_params)
            run = self._turns.run if path == "/api/plan" else to_thread.run_sync
            return await _answered(path, lambda: run(lambda: _json(of(ask))), missing=404)

        return answer

    async def _command(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in COMMANDS:
            return failure("usage", "there is no such command", remedy=f"Known: {', '.join(COMMANDS)}.", status=404)
        limit = whole(request.query_params.get("limit", ""), OPERATIONS_SHOWN, OPERATIONS_MAX)

        async def carry_out() -> Response:
            given = await _arguments(request)
            return await self._turns.run(lambda: _json(perform(self._desk, name, given, limit=limit)))  # type: ignore[no-any-return]

        return await _answered(f"/api/commands/{name}", carry_out, missing=422)


async def _answered(route: str, work: Callable[[], Awaitable[Response]], *, missing: int) -> Response:
    """The answer of some work, or its failure in the words of the API. ``missing``: the status of a name that names nothing."""
    try:
        return await work()
    except RefusedBodyError as refusal:
        kind = "throttled" if refusal.status == 429 else "usage"  # noqa: PLR2004 - too many requests
        return failure(kind, refusal.message, status=refusal.status)
    except UsageError as error:
        answer = answered(error)
        answer.status_code = missing
        return answer
    except SyncError as error:
        return answered(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the service stays up and says nothing of it
        log_bug(error, route)
        return answered(error)


async def _arguments(request: Request) -> Any:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedBodyError(415, "the arguments are sent as application/json")
    body = await read_body(request, BODY_MAX, seconds=BODY_S)
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise RefusedBodyError(400, "this is no JSON") from None


def _json(found: Any) -> Response:
    text = json.dumps(found, ensure_ascii=True, default=str, allow_nan=False)
    return Response(text, media_type="application/json")


async def _index(request: Request) -> Response:
    del request
    return JSONResponse({"openapi": "/api/openapi.json", "reading": list(READING), "commands": list(COMMANDS)})


async def _document(request: Request) -> Response:
    del request
    return JSONResponse(document())


async def _nothing(request: Request) -> Response:
    del request
    return failure("usage", "there is nothing here", remedy="GET /api/openapi.json lists what there is.", status=404)

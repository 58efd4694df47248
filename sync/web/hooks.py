"""The door for webhooks: raw bytes and headers go to the service, which checks them and answers with a status.

Nothing of an event is looked at here. Never 410: it would switch a vendor's hook off for good.
"""

from __future__ import annotations

from typing import Final

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sync.runner.desk import Desk
from sync.web.bodies import RefusedBodyError, read_body
from sync.web.failures import log_bug

EVENT_MAX: Final = 256 * 1024
_THREADS: Final = 8
_GONE: Final = 410


class Hooks:
    """Webhooks have threads of their own: a queue of pages or commands never makes a vendor wait."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._limiter: CapacityLimiter | None = None

    def routes(self) -> list[Route]:
        """Both forms of an address: signed by the vendor, or with a secret in the path."""
        return [
            Route("/webhooks/{name}", self._receive, methods=["POST"]),
            Route("/webhooks/{name}/{secret_path}", self._receive, methods=["POST"]),
        ]

    async def _receive(self, request: Request) -> Response:
        name, secret = request.path_params["name"], request.path_params.get("secret_path")
        headers = {key.lower(): value for key, value in request.headers.items()}
        if self._limiter is None:
            self._limiter = CapacityLimiter(_THREADS)
        try:
            body = await read_body(request, EVENT_MAX)
            status = await to_thread.run_sync(
                lambda: self._desk.receive(name, headers, body, secret), limiter=self._limiter
            )
        except RefusedBodyError as refusal:
            return _said(refusal.status)
        except Exception as error:  # noqa: BLE001 - the vendor comes again, and polls catch what it does not bring
            log_bug(error, "/webhooks")
            return _said(500)
        return _said(404 if status == _GONE else status)


def _said(status: int) -> Response:
    closing = {"connection": "close"} if status in (408, 413, 415) else {}
    return PlainTextResponse("", status, headers=closing)

"""`/healthz`: the process answers. `/readyz`: the state opens and runs happen. Words without names or values: anybody may ask."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.responses import JSONResponse, PlainTextResponse

from sync.errors import StateError
from sync.model.clock import SystemClock
from sync.runner.desk import Desk
from sync.runner.wire import reading
from sync.state import RunRow

_POLLS_MISSED: Final = 3
_SLACK: Final = timedelta(minutes=10)


def healthz() -> PlainTextResponse:
    """Alive."""
    return PlainTextResponse("ok\n")


def readyz(desk: Desk) -> JSONResponse:
    """200 when work can be expected of the service, else 503 with the reasons."""
    why = reasons(desk, datetime.now(UTC))
    return JSONResponse({"ready": not why, "why": why}, 200 if not why else 503)


def reasons(desk: Desk, now: datetime) -> list[str]:
    """Why the service is not ready; nothing if it is."""
    try:
        with reading(desk.config, SystemClock()) as store:
            runs = store.runs(1)
    except StateError:
        return ["the state does not open"]
    patience = desk.config.schedule.poll * _POLLS_MISSED + _SLACK
    if _is_late(desk.facts(), runs[0] if runs else None, now - patience):
        return ["there was no run for too long"]
    return []


def _is_late(facts: Mapping[str, Any], last: RunRow | None, before: datetime) -> bool:
    """Whether a service that should run, and has been up long enough, has begun no run since then and is in none."""
    if facts.get("next_poll_at") is None:
        return False
    started = facts.get("started_at")
    if started and datetime.fromisoformat(str(started)) > before:
        return False
    return last is None or (last.seconds is not None and last.started_at + timedelta(seconds=last.seconds) < before)

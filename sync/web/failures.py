"""An error as an HTTP answer: the same words as on the terminal, a fitting status, and the exit code that a command would have had."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any, Final

import structlog
from starlette.responses import JSONResponse

from sync.errors import (
    AbortError,
    ConfigError,
    DriftError,
    GuardError,
    LockedError,
    QuarantineError,
    QuotaError,
    ReplanError,
    RetryError,
    StateError,
    StoppedError,
    SyncError,
    UsageError,
)
from sync.redaction import escape, safe_text

_TABLE: Final[tuple[tuple[type[SyncError], str, int, int], ...]] = (  # the first that fits: kind, status, exit code
    (ConfigError, "config", 422, 2),
    (UsageError, "usage", 422, 2),
    (LockedError, "locked", 409, 6),
    (GuardError, "guard", 409, 4),
    (DriftError, "drift", 409, 2),
    (StateError, "state", 409, 2),
    (QuotaError, "quota", 429, 5),
    (AbortError, "unserved", 424, 5),
    (RetryError, "retry", 424, 5),
    (ReplanError, "replan", 409, 3),
    (QuarantineError, "quarantine", 409, 3),
    (StoppedError, "stopped", 409, 5),
)
BUG: Final = ("bug", 500, 1)
_EXITS: Final = {"unauthorized": 5, "forbidden": 2, "throttled": 5}


def judged(error: BaseException) -> tuple[str, int, int]:
    """(kind, HTTP status, exit code) of an error."""
    return next(((kind, status, code) for known, kind, status, code in _TABLE if isinstance(error, known)), BUG)


def told(error: BaseException) -> dict[str, Any]:
    """`{"kind", "message", "remedy", "exit"}`: what happened and what to do, without secrets; a bug tells nothing of itself."""
    kind, _, code = judged(error)
    if not isinstance(error, SyncError) or kind == "bug":
        return _row("bug", "this is a mistake in crm-sync, not yours", "The log says where. Please report it.", 1)
    where = f"{error.system}: " if error.system else ""
    return _row(kind, escape(safe_text(where + error.message)), escape(safe_text(error.remedy)), code)


def _row(kind: str, message: str, remedy: str, code: int) -> dict[str, Any]:
    return {"kind": kind, "message": message, "remedy": remedy, "exit": code}


def answered(error: BaseException) -> JSONResponse:
    """An error as JSON."""
    return JSONResponse({"error": told(error)}, judged(error)[1])


def failure(
    kind: str, message: str, *, remedy: str = "", status: int, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """A refusal that is no error of ours."""
    return JSONResponse({"error": _row(kind, message, remedy, _EXITS.get(kind, 2))}, status, headers=headers)


def log_bug(error: BaseException, where: str) -> None:
    """Type and place of a bug; never its message, which may hold a value."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "?"
    structlog.get_logger("sync.web").error("bug", error=type(error).__name__, place=place, route=where)

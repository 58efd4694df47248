"""From the body of `POST /_control/faults` to a `Fault`."""

from __future__ import annotations

from typing import Any

from sync.sandbox import bodies
from sync.sandbox.bodies import Refused
from sync.sandbox.faults import KINDS, TIMED, Fault

KEYS = {
    "system",
    "method",
    "path",
    "after",
    "times",
    "kind",
    "status",
    "headers",
    "body",
    "delay_s",
    "rows",
    "error",
    "commit",
}
STATUS_MIN, STATUS_MAX = 200, 599


def fault_of(body: dict[str, Any]) -> Fault:
    """Checks the whole body before anything is armed; raises Refused."""
    bodies.only_known(body, KEYS)
    kind = bodies.text(body, "kind")
    bodies.only_known([kind], KINDS, "kind of fault")
    return Fault(
        kind=kind,
        method=str(body.get("method") or "").upper(),
        path=bodies.pattern(body, "path"),
        after=bodies.whole(body, "after", 0),
        times=_times(body),
        status=_status(body, 200 if kind == "malformed" else 500),
        headers=_headers(body),
        body=body.get("body"),
        delay_s=_delay(kind, body),
        rows=_rows(kind, body),
        error=bodies.text(body, "error", "UNABLE_TO_LOCK_ROW"),
        commit=bodies.flag(body, "commit"),
    )


def _times(body: dict[str, Any]) -> int | None:
    if "times" in body and body["times"] is None:
        return None
    return bodies.whole(body, "times", 1, least=1)


def _status(body: dict[str, Any], default: int) -> int:
    status = bodies.whole(body, "status", default)
    if not STATUS_MIN <= status <= STATUS_MAX:
        raise Refused(f"'status' must lie between {STATUS_MIN} and {STATUS_MAX}")
    return status


def _headers(body: dict[str, Any]) -> dict[str, str]:
    headers = {str(name).lower(): str(value) for name, value in bodies.mapping(body, "headers").items()}
    if any(set("\r\n\0") & set(name + value) for name, value in headers.items()):
        raise Refused("'headers' must not hold line breaks")
    return headers


def _delay(kind: str, body: dict[str, Any]) -> float:
    if kind in TIMED and "delay_s" not in body:
        raise Refused(f"a {kind!r} fault needs 'delay_s' (seconds)")
    return bodies.number(body, "delay_s", 0)


def _rows(kind: str, body: dict[str, Any]) -> tuple[int, ...]:
    rows = body.get("rows", [])
    if not isinstance(rows, list) or any(isinstance(row, bool) or not isinstance(row, int) or row < 0 for row in rows):
        raise Refused("'rows' must be a list of positions, counted from 0")
    if kind == "rows" and not rows:
        raise Refused("a 'rows' fault needs 'rows': the positions in the batch that fail")
    return tuple(rows)

"""Checks of control-plane bodies: unknown keys are refused with a guess, values of the wrong kind with a sentence."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from sync.sandbox.wire import BadBody, Request


class Refused(Exception):
    """The control plane refuses a call; the text says what to do instead."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def object_of(request: Request) -> dict[str, Any]:
    """The JSON object in a body; an empty body is an empty object."""
    if not request.body.strip():
        return {}
    try:
        body = request.json()
    except BadBody as error:
        raise Refused(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise Refused("the body must be a JSON object")
    return body


def only_known(names: Iterable[str], known: Collection[str], what: str = "key") -> None:
    """Refuses the first name that is not known."""
    for name in names:
        if name not in known:
            raise Refused(f"unknown {what} {name!r}{did_you_mean(name, known)}; known are: {', '.join(sorted(known))}")


def did_you_mean(name: str, known: Collection[str]) -> str:
    """A guess to append to a refusal, or nothing."""
    close = get_close_matches(str(name), list(known), 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def text(body: Mapping[str, Any], key: str, default: str | None = None) -> str:
    """A non-empty string."""
    value = body.get(key, default)
    if not isinstance(value, str) or not value:
        raise Refused(f"{key!r} must be a text, and it must be given" if default is None else f"{key!r} must be a text")
    return value


def number(body: Mapping[str, Any], key: str, default: float | None = None, *, least: float | None = 0) -> float:
    """A finite number, not below `least`."""
    value = body.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refused(f"{key!r} must be a number")
    if least is not None and value < least:
        raise Refused(f"{key!r} must not be below {least}")
    return value


def whole(body: Mapping[str, Any], key: str, default: int, *, least: int = 0) -> int:
    """A whole number, not below `least`."""
    value = number(body, key, default, least=least)
    if value != int(value):
        raise Refused(f"{key!r} must be a whole number")
    return int(value)


def flag(body: Mapping[str, Any], key: str) -> bool:
    """True or false; absent is false."""
    value = body.get(key, False)
    if not isinstance(value, bool):
        raise Refused(f"{key!r} must be true or false")
    return value


def mapping(body: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A JSON object; absent is an empty one."""
    value = body.get(key, {})
    if not isinstance(value, dict):
        raise Refused(f"{key!r} must be an object")
    return value


def moment(body: Mapping[str, Any], key: str) -> str | None:
    """An ISO 8601 time as it was given, or None."""
    value = body.get(key)
    if value is None:
        return None
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise Refused(f"{key!r} must be an ISO 8601 time, e.g. 2026-01-31T12:00:00Z") from error
    return str(value)


def pattern(body: Mapping[str, Any], key: str) -> re.Pattern[str]:
    """A regular expression; absent matches everything."""
    try:
        return re.compile(body.get(key) or "")
    except (re.error, TypeError) as error:
        raise Refused(f"{key!r} is not a regular expression: {error}") from error

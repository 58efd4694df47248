"""Bodies: JSON in and out, with limits on what an answer may do to us."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import orjson

DEPTH_MAX: Final = 64
_DEEP: Final = re.compile(rb'(?:[\[{]\s*(?:"[^"\\]*"\s*:\s*)?){%d}' % DEPTH_MAX)
_HUGE: Final = re.compile(rb"(?<![\d.eE+\-\"])-?\d{19,}(?![\d.eE])")


class BodyError(Exception):
    """The body is no JSON that we take."""


def encode(value: Any) -> bytes:
    """Compact UTF-8 JSON."""
    return orjson.dumps(value)


def decode(headers: Mapping[str, str], body: bytes) -> Any:
    """The JSON of a body; None for an empty one.

    Raises:
        BodyError: other content type (a log-in or maintenance page), not JSON, NaN, or nested beyond `DEPTH_MAX`.
    """
    if not body:
        return None
    if not _is_json(headers.get("content-type", "")):
        raise BodyError("content type")
    if _DEEP.search(body):
        raise BodyError("depth")
    try:
        # orjson rounds whole numbers beyond 64 bits to a float, silently.
        return _exact(body) if _HUGE.search(body) else orjson.loads(body)
    except (ValueError, RecursionError):
        raise BodyError("syntax") from None


def _exact(body: bytes) -> Any:
    return json.loads(body, parse_constant=_refuse)


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _is_json(content_type: str) -> bool:
    """Whether a media type is JSON; some servers send none."""
    kind = content_type.partition(";")[0].strip().lower()
    return not kind or kind == "application/json" or kind.endswith("+json")

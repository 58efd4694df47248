"""Which endpoint answers a path, what happens to its refusals, and how the path is called in the call log."""

from __future__ import annotations

import re
from urllib.parse import unquote

from sync.sandbox.salesforce import (
    bulk_ingest,
    bulk_query,
    collections,
    composite,
    metadata,
    querying,
    replication,
    single,
    sosl,
    tree,
)
from sync.sandbox.salesforce.metadata import NEWEST, OLDEST
from sync.sandbox.salesforce.org import Call, Handler, Org
from sync.sandbox.salesforce.refusals import Refusal, missing
from sync.sandbox.wire import Request, Response, json_response

VERSIONED = re.compile(r"/services/data/v(\d+\.\d)(?:/(.*))?")
URI_MAX = 16_384
SHOWN = frozenset({"object", "field"})
Pattern = tuple[str, ...]
ROUTES: dict[int, list[tuple[str, Pattern, Handler]]] = {}
for _module in (metadata, querying, sosl, replication, collections, composite, tree, bulk_ingest, bulk_query, single):
    for _method, _template, _handler in _module.ROUTES:
        _pattern = tuple(_template.split("/")) if _template else ()
        ROUTES.setdefault(len(_pattern), []).append((_method, _pattern, _handler))


def segments(path: str) -> list[str]:
    """Decoded parts of a path below the version; empty ones at the end are dropped."""
    parts = [unquote(part) for part in path.split("/")]
    while parts and not parts[-1]:
        parts.pop()
    return parts


def matched(pattern: Pattern, parts: list[str]) -> dict[str, str] | None:
    """What the pattern's names stand for, or None."""
    args = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith(":"):
            args[wanted[1:]] = part
        elif wanted != part:
            return None
    return args


def candidates(parts: list[str]) -> list[tuple[str, Pattern, Handler, dict[str, str]]]:
    """Routes that fit the path, whatever their method, those with fewest names first."""
    fitting = [
        (method, pattern, handler, args)
        for method, pattern, handler in ROUTES.get(len(parts), [])
        if (args := matched(pattern, parts)) is not None
    ]
    fewest = min((len(args) for *_, args in fitting), default=0)
    return [found for found in fitting if len(found[3]) == fewest]


def dispatch(org: Org, request: Request) -> Response:
    """Answers one request below ``/services/data/vX``; never raises Refusal."""
    try:
        return _dispatch(org, request)
    except Refusal as refusal:
        return refusal.response()


def _dispatch(org: Org, request: Request) -> Response:
    found = VERSIONED.fullmatch(request.path)
    if found is None:
        raise missing()
    version = found[1]
    if float(version) < OLDEST:
        raise Refusal("UNSUPPORTED_API_VERSION", "the API version is retired", status=410)
    if float(version) > NEWEST:
        raise missing()
    fitting = candidates(segments(found[2] or ""))
    if not fitting:
        raise missing()
    for method, _, handler, args in fitting:
        if method == request.method:
            return handler(Call(org, request, version, args, lambda inner: dispatch(org, inner)))
    allowed = ", ".join(sorted({method for method, *_ in fitting}))
    raise Refusal(
        "METHOD_NOT_ALLOWED", f"HTTP Method '{request.method}' not allowed. Allowed are {allowed}", status=405
    )


def template(request: Request) -> str:
    """``GET /services/data/vX/sobjects/Contact/:id``."""
    found = VERSIONED.fullmatch(request.path)
    if found is None:
        return f"{request.method} {request.path.rstrip('/') or '/'}"
    parts = segments(found[2] or "")
    fitting = [one for one in candidates(parts) if one[0] == request.method] or candidates(parts)
    if not fitting:
        return f"{request.method} /services/data/vX/:unknown"
    _, pattern, _, args = fitting[0]
    shown = [args[word[1:]] if word[1:] in SHOWN and word.startswith(":") else word for word in pattern]
    return "/".join([f"{request.method} /services/data/vX", *shown])


def too_long(request: Request) -> Response | None:
    """The refusal of a URI, or of URI and headers, beyond 16,384 bytes."""
    uri = len(request.path) + len(request.query_string) + 1
    headers = sum(len(name) + len(value) + 4 for name, value in request.headers.items())
    if uri + headers <= URI_MAX:
        return None
    status = 414 if uri > headers else 431
    return json_response(status, [{"message": "URI or headers too long", "errorCode": "URI_TOO_LONG"}])

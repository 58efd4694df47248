"""Versions, the list of resources, describe and limits (apis/salesforce.md 1.3, 2.5, 4.1)."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from sync.sandbox.salesforce.org import Call, Route
from sync.sandbox.wire import Response, json_response

OLDEST, NEWEST = 31, 68
SEASONS = ("Spring", "Summer", "Winter")


def label(number: int) -> str:
    """``Summer '26`` for 67."""
    year = 26 + (number - 66) // 3 + (number % 3 == 2)  # noqa: PLR2004 - Winter carries the coming year
    return f"{SEASONS[number % 3]} '{year:02d}"


def versions() -> Response:
    """``GET /services/data``: needs no session and counts as no call."""
    rows = [
        {"label": label(n), "url": f"/services/data/v{n}.0", "version": f"{n}.0"} for n in range(OLDEST, NEWEST + 1)
    ]
    return json_response(200, rows)


def resources(call: Call) -> Response:
    """``GET /services/data/vX``."""
    names = ("sobjects", "query", "queryAll", "search", "parameterizedSearch", "recent", "limits", "composite", "jobs")
    return json_response(200, {name: f"{call.base}/{name}" for name in names})


def global_describe(call: Call) -> Response:
    """``GET sobjects``."""
    kinds = [kind.summary(call.base) for kind in call.org.schema.objects()]
    return json_response(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": kinds})


def describe(call: Call) -> Response:
    """``GET sobjects/X/describe``; heeds If-Modified-Since as long as the schema never changed."""
    kind = call.kind()
    since = call.request.headers.get("if-modified-since")
    if since and call.org.schema.version == 0 and _seconds(since) >= call.org.made_at:
        return Response(304)
    return json_response(200, call.org.schema.describe(kind, call.base))


def _seconds(http_date: str) -> float:
    try:
        return parsedate_to_datetime(http_date).timestamp()
    except (TypeError, ValueError):
        return 0.0


def sobject(call: Call) -> Response:
    """``GET sobjects/X``: the short description."""
    return json_response(200, {"objectDescribe": call.kind().summary(call.base), "recentItems": []})


def recent(call: Call) -> Response:
    """``GET recent``: the integration user looks at nothing on a screen."""
    del call
    return json_response(200, [])


def limits(call: Call) -> Response:
    """``GET limits``."""
    return json_response(200, call.org.usage.limits())


ROUTES: list[Route] = [
    ("GET", "", resources),
    ("GET", "sobjects", global_describe),
    ("GET", "sobjects/:object", sobject),
    ("GET", "sobjects/:object/describe", describe),
    ("GET", "recent", recent),
    ("GET", "limits", limits),
]

"""``updated`` and ``deleted``: ids by window, with how far the answer can be trusted (apis/salesforce.md 2.4)."""

from __future__ import annotations

from typing import Any

from sync.sandbox.salesforce.database import BIN_S
from sync.sandbox.salesforce.org import Call, Route
from sync.sandbox.salesforce.refusals import Refusal
from sync.sandbox.salesforce.times import DAY_S, json_text, parse_moment
from sync.sandbox.wire import Response, json_response

UPDATED_S = 30 * DAY_S
IDS_MAX = 600_000
MINUTE_S = 60


def window(call: Call, back_s: int) -> tuple[int, int]:
    """Start and end in whole minutes; raises Refusal INVALID_REPLICATION_DATE."""
    found = []
    for name in ("start", "end"):
        text = call.request.param(name) or ""
        moment = parse_moment(text.replace(" ", "+"))
        if moment is None:
            raise Refusal("INVALID_REPLICATION_DATE", f"{name}: {text} is not a valid date and time")
        found.append(int(moment) // MINUTE_S * MINUTE_S)
    start, end = found
    if start >= end:
        raise Refusal("INVALID_REPLICATION_DATE", "startDate must be at least one minute before endDate")
    if start < call.database.now() - back_s:
        raise Refusal("INVALID_REPLICATION_DATE", f"startDate cannot be more than {back_s // DAY_S} days ago")
    return start, end


def covered(call: Call, end: int) -> str:
    """The latest date covered: not past now, nor past the start of a transaction that is still open."""
    now = call.database.now() // MINUTE_S * MINUTE_S
    open_since = call.database.open_since()
    return json_text(min(end, now, *(() if open_since is None else (open_since // MINUTE_S * MINUTE_S,))))


def updated(call: Call) -> Response:
    """``GET sobjects/X/updated/?start=&end=``."""
    kind = call.kind()
    start, end = window(call, UPDATED_S)
    rows = call.database.index(kind).by_stamp(start, end)
    ids = [row["Id"] for row in rows if "IsDeleted" not in row]
    if len(ids) > IDS_MAX:
        raise Refusal("EXCEEDED_ID_LIMIT", f"more than {IDS_MAX} ids")
    return json_response(200, {"ids": ids, "latestDateCovered": covered(call, end)}, rows=len(ids))


def deleted(call: Call) -> Response:
    """``GET sobjects/X/deleted/?start=&end=``: soft and hard deletes of the last 15 days."""
    kind = call.kind()
    start, end = window(call, BIN_S)
    log = call.database.deletions.get(kind.name, {})
    gone = sorted((at, row_id) for row_id, at in log.items() if start <= at < end)
    body: dict[str, Any] = {
        "deletedRecords": [{"deletedDate": json_text(at), "id": row_id} for at, row_id in gone],
        "earliestDateAvailable": json_text((call.database.now() - BIN_S) // MINUTE_S * MINUTE_S),
        "latestDateCovered": covered(call, end),
    }
    return json_response(200, body, rows=len(gone))


ROUTES: list[Route] = [
    ("GET", "sobjects/:object/updated", updated),
    ("GET", "sobjects/:object/deleted", deleted),
]

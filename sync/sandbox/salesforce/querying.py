"""``query``, ``queryAll`` and the pages behind their locators (apis/salesforce.md 2.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sync.sandbox.salesforce.aggregates import aggregate, is_aggregate, is_count
from sync.sandbox.salesforce.org import Call, Org, Route
from sync.sandbox.salesforce.refusals import Refusal
from sync.sandbox.salesforce.search import Search, Show
from sync.sandbox.salesforce.soql import parse
from sync.sandbox.salesforce.times import DAY_S
from sync.sandbox.wire import Response, json_response

PAGE = 2000
PAGE_MIN = 200
CURSOR_S = 2 * DAY_S
CURSORS_MAX = 500
BATCH_SIZE = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Cursor:
    """A result kept for its further pages: which rows, not what was in them; they show what is in them when fetched."""

    table: str
    ids: list[str]
    show: Show
    size: int
    ends_at: float


def query(call: Call) -> Response:
    """``GET query?q=``."""
    return run(call, deleted=False)


def query_all(call: Call) -> Response:
    """``GET queryAll?q=``: rows of the recycle bin too."""
    return run(call, deleted=True)


def run(call: Call, *, deleted: bool) -> Response:
    """The first page of a query, or with ``explain`` how it would be run."""
    explained = call.request.param("explain")
    if explained:
        return explain(call, explained, deleted=deleted)
    text = call.request.param("q")
    if not text:
        raise Refusal("MALFORMED_QUERY", "A query string has to be specified")
    call.database.empty_old_bin()
    parsed = parse(text.strip())
    search = Search.of(call.database, parsed, deleted=deleted, base=call.base)
    if is_count(parsed):
        return json_response(200, {"totalSize": len(search.rows()), "done": True, "records": []})
    if is_aggregate(parsed):
        records = aggregate(search)
        return json_response(200, {"totalSize": len(records), "done": True, "records": records})
    show, rows = search.show(), search.rows()
    size = page_size(call)
    answer: dict[str, Any] = {"totalSize": len(rows), "done": len(rows) <= size}
    if len(rows) > size:
        locator = keep(
            call.org,
            Cursor(search.kind.name, [row["Id"] for row in rows], show, size, call.org.clock.seconds() + CURSOR_S),
        )
        answer["nextRecordsUrl"] = f"{call.base}/query/{locator}-{size}"
    return json_response(200, {**answer, "records": [show(row) for row in rows[:size]]}, rows=min(len(rows), size))


def explain(call: Call, text: str, *, deleted: bool) -> Response:
    """``GET query?explain=``: one plan, that of the row count; nothing is read."""
    search = Search.of(call.database, parse(text.strip()), deleted=deleted, base=call.base)
    search.filters()
    size = len(call.database.store.table(search.kind.name))
    plan = {
        "cardinality": size,
        "fields": [],
        "leadingOperationType": "TableScan",
        "notes": [],
        "relativeCost": 1.0,
        "sobjectCardinality": size,
        "sobjectType": search.kind.name,
    }
    return json_response(200, {"plans": [plan], "sourceQuery": text})


def page_size(call: Call) -> int:
    """The page size that the header asks for, within what the vendor allows."""
    found = BATCH_SIZE.search(call.request.headers.get("sforce-query-options", ""))
    return min(max(int(found[1]), PAGE_MIN), PAGE) if found else PAGE


def keep(org: Org, cursor: Cursor) -> str:
    """Stores a cursor, forgetting dead ones and, past a bound, the oldest."""
    now = org.clock.seconds()
    for locator in [name for name, held in org.cursors.items() if held.ends_at < now]:
        del org.cursors[locator]
    while len(org.cursors) >= CURSORS_MAX:
        del org.cursors[next(iter(org.cursors))]
    locator = org.new_id("01g")
    org.cursors[locator] = cursor
    return locator


def more(call: Call) -> Response:
    """``GET query/LOCATOR-OFFSET``."""
    locator, _, start_text = call.args["locator"].partition("-")
    cursor: Cursor | None = call.org.cursors.get(locator)
    if (
        cursor is None
        or cursor.ends_at < call.org.clock.seconds()
        or not start_text.isdigit()
        or int(start_text) >= len(cursor.ids)
    ):
        raise Refusal("INVALID_QUERY_LOCATOR", "invalid query locator")
    start = int(start_text)
    end = start + cursor.size
    table = call.database.store.table(cursor.table)
    records = [cursor.show(table[row_id]) for row_id in cursor.ids[start:end] if row_id in table]
    answer: dict[str, Any] = {"totalSize": len(cursor.ids), "done": end >= len(cursor.ids)}
    if end < len(cursor.ids):
        answer["nextRecordsUrl"] = f"{call.base}/query/{locator}-{end}"
    return json_response(200, {**answer, "records": records}, rows=len(records))


def record_count(call: Call) -> Response:
    """``GET limits/recordCount?sObjects=Account,Contact``: approximate, empty objects left out."""
    wanted = [name for name in (call.request.param("sObjects") or "").split(",") if name]
    kinds = [kind for name in wanted if (kind := call.org.schema.find(name))] if wanted else call.org.schema.objects()
    tables = [(kind.name, call.database.store.table(kind.name)) for kind in kinds]
    counts = [{"count": sum("IsDeleted" not in row for row in table.values()), "name": name} for name, table in tables]
    return json_response(200, {"sObjects": [count for count in counts if count["count"]]})


ROUTES: list[Route] = [
    ("GET", "query", query),
    ("GET", "queryAll", query_all),
    ("GET", "query/:locator", more),
    ("GET", "queryAll/:locator", more),
    ("GET", "limits/recordCount", record_count),
]

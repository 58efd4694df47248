"""What Bulk API 1.0 reads and writes: XML or JSON about jobs, CSV or JSON for rows (``bulk_v1``)."""

from __future__ import annotations

import html
import re
from typing import Any

import orjson

from sync.sandbox.salesforce.bulk_rows import NULL, Outcome
from sync.sandbox.salesforce.csvtext import BadCsv, read, write
from sync.sandbox.salesforce.org import Call
from sync.sandbox.salesforce.search import Search
from sync.sandbox.store import Row
from sync.sandbox.wire import BadBody, Request, Response

NAMESPACE = "http://www.force.com/2009/06/asyncapi/dataload"
XML, JSON = "application/xml", "application/json"
RESULTS = {"CSV": "text/csv", "JSON": JSON}
ELEMENT = re.compile(r"<(\w+)>([^<]*)</\1>")


def wants_json(request: Request) -> bool:
    """Whether the caller speaks JSON about jobs: by what it sends, on a GET too."""
    return JSON in request.headers.get("content-type", "") or JSON in request.headers.get("accept", "")


def document(call: Call) -> dict[str, Any]:
    """The job description that was sent; empty when it cannot be read."""
    if not wants_json(call.request):
        found = ELEMENT.findall(call.body().decode("utf-8", "replace"))
        return {name: html.unescape(value).strip() for name, value in found}
    try:
        told = Request("POST", "", "", {}, call.body()).json()
    except BadBody:
        return {}
    return told if isinstance(told, dict) else {}


def info(request: Request, name: str, values: dict[str, Any], status: int = 200) -> Response:
    """A job or batch."""
    if wants_json(request):
        return Response(status, orjson.dumps(values), {"content-type": JSON})
    return _xml(_element(name, values, f' xmlns="{NAMESPACE}"'), status)


def infos(request: Request, batches: list[dict[str, Any]]) -> Response:
    """The batches of a job."""
    if wants_json(request):
        return Response(200, orjson.dumps({"batchInfo": batches}), {"content-type": JSON})
    inner = "".join(_element("batchInfo", batch) for batch in batches)
    return _xml(f'<batchInfoList xmlns="{NAMESPACE}">{inner}</batchInfoList>')


def error(request: Request, code: str, message: str) -> Response:
    """A refusal, 400 whatever it is."""
    return info(request, "error", {"exceptionCode": code, "exceptionMessage": message}, 400)


def table(content: str, body: bytes) -> tuple[list[str], list[list[str]]]:
    """Header and cells of a batch; of JSON, null becomes ``#N/A`` and a parent's key a column of its own."""
    if content == "CSV":
        ending = "CRLF" if body.partition(b"\n")[0].endswith(b"\r") else "LF"
        return read(body, "COMMA", ending)
    try:
        records = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise BadCsv(f"InvalidBatch : Failed to parse JSON: {fault}") from None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise BadCsv("InvalidBatch : Failed to parse JSON: a list of records is expected")
    flat = [dict(cell for name, value in record.items() for cell in _cells(name, value)) for record in records]
    header = list(dict.fromkeys(name for record in flat for name in record))
    return header, [[record.get(name, "") for name in header] for record in flat]


def _cells(name: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [] if name == "attributes" else [(f"{name}.{key}", _cell(below)) for key, below in value.items()]
    return [(name, _cell(value))]


def _cell(value: Any) -> str:
    if value is None:
        return NULL
    return str(value).lower() if isinstance(value, bool) else str(value)


def outcomes(content: str, found: list[Outcome]) -> Response:
    """What became of each row."""
    if content == "JSON":
        body = orjson.dumps([_outcome(*outcome) for outcome in found])
    else:
        rows = [[row_id, str(not fault).lower(), str(made).lower(), fault or ""] for row_id, made, fault in found]
        body = write(["Id", "Success", "Created", "Error"], rows, "COMMA", "LF")
    return Response(200, body, {"content-type": RESULTS[content]}, rows=len(found))


def _outcome(row_id: str, created: bool, fault: str | None) -> dict[str, Any]:
    errors = []
    if fault is not None:
        code, _, rest = fault.partition(":")
        message, _, fields = rest.removesuffix(" --").rpartition(":")
        names = [name for name in fields.split(", ") if name]
        errors = [{"statusCode": code, "message": message, "fields": names, "extendedErrorDetails": None}]
    return {"success": fault is None, "created": created, "id": row_id or None, "errors": errors}


def result_list(content: str, ids: list[str]) -> Response:
    """The ids of a query's results."""
    if content == "JSON":
        return Response(200, orjson.dumps(ids), {"content-type": JSON})
    inner = "".join(f"<result>{row_id}</result>" for row_id in ids)
    return _xml(f'<result-list xmlns="{NAMESPACE}">{inner}</result-list>')


def rows(content: str, search: Search, found: list[Row]) -> Response:
    """The rows of a query."""
    if content == "JSON":
        show = search.show()
        return Response(200, orjson.dumps([show(row) for row in found]), {"content-type": JSON}, rows=len(found))
    cells = search.csv_cells()
    body = write([name for name, _ in cells], ([cell(row) for _, cell in cells] for row in found), "COMMA", "LF")
    return Response(200, body, {"content-type": RESULTS["CSV"]}, rows=len(found))


def _element(name: str, values: dict[str, Any], space: str = "") -> str:
    told = {key: value for key, value in values.items() if value is not None}
    return f"<{name}{space}>{''.join(f'<{key}>{html.escape(str(told[key]))}</{key}>' for key in told)}</{name}>"


def _xml(inner: str, status: int = 200) -> Response:
    return Response(status, f'<?xml version="1.0" encoding="UTF-8"?>{inner}'.encode(), {"content-type": XML})

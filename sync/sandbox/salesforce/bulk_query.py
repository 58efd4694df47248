"""Bulk API 2.0 query jobs (apis/salesforce.md 3.7): a result is fixed when its job completes, and can be read again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sync.sandbox.salesforce.aggregates import is_aggregate
from sync.sandbox.salesforce.bulk_ingest import CSV_TYPE
from sync.sandbox.salesforce.csvtext import checked, write
from sync.sandbox.salesforce.org import API_USER, Call, Route
from sync.sandbox.salesforce.refusals import Refusal, missing
from sync.sandbox.salesforce.search import Search
from sync.sandbox.salesforce.soql import Query, parse
from sync.sandbox.salesforce.times import json_text
from sync.sandbox.store import Row
from sync.sandbox.wire import Response, json_response

PAGE = 50_000
NEXT = {"UploadComplete": "InProgress", "InProgress": "JobComplete"}


@dataclass
class QueryJob:
    """One job; ``rows`` are the rows as they were when it completed."""

    id: str
    operation: str
    search: Search
    delimiter: str
    ending: str
    version: str
    made_at: int
    state: str = "UploadComplete"
    rows: list[Row] = field(default_factory=list)
    cells: list[tuple[str, Callable[[Row], str]]] = field(default_factory=list)

    def info(self) -> dict[str, Any]:
        """The job's JSON."""
        stamp = json_text(self.made_at)
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.search.kind.name,
            "createdById": API_USER,
            "createdDate": stamp,
            "systemModstamp": stamp,
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
            "lineEnding": self.ending,
            "columnDelimiter": self.delimiter,
        }


def create(call: Call) -> Response:
    """``POST jobs/query``."""
    data = call.json_object()
    operation = data.get("operation")
    if operation not in ("query", "queryAll"):
        raise Refusal("INVALIDJOB", f"operation {operation} is not supported")
    delimiter, ending = data.get("columnDelimiter") or "COMMA", data.get("lineEnding") or "LF"
    checked(delimiter, ending)
    parsed = parse(str(data.get("query") or "").strip())
    if is_aggregate(parsed) or parsed.offset or any(isinstance(item, Query) for item in parsed.select):
        raise Refusal("INVALIDJOB", "aggregates, OFFSET and sub-queries are not supported in Bulk Query")
    search = Search.of(call.database, parsed, deleted=operation == "queryAll", base=call.base)
    job = QueryJob(call.org.new_id("750"), operation, search, delimiter, ending, call.version, call.database.now())
    job.cells = search.csv_cells()
    call.org.jobs[job.id] = job
    return json_response(200, job.info())


def job_of(call: Call) -> QueryJob:
    """The job that the path names; raises Refusal 404."""
    job = call.org.jobs.get(call.args["job"])
    if not isinstance(job, QueryJob):
        raise missing()
    return job


def poll(call: Call) -> Response:
    """``GET jobs/query/JOB``: moves the job a step."""
    job = job_of(call)
    job.state = NEXT.get(job.state, job.state)
    if job.state == "JobComplete" and not job.rows:
        job.rows = job.search.rows()
    times = {
        "jobType": "V2Query",
        "numberRecordsProcessed": len(job.rows),
        "retries": 0,
        "totalProcessingTime": len(job.rows) // 10,
    }
    return json_response(200, {**job.info(), **times})


def results(call: Call) -> Response:
    """``GET jobs/query/JOB/results?maxRecords=&locator=``; the last page's locator is the word ``null``."""
    job = job_of(call)
    if job.version != call.version:
        raise Refusal("VERSION_MISMATCH", "use the API version that the job was created with", status=409)
    if job.state != "JobComplete":
        raise Refusal("INVALIDJOBSTATE", "the job is not complete")
    size, start = call.request.param("maxRecords") or str(PAGE), call.request.param("locator") or "0"
    if not (size.isdigit() and start.isdigit() and int(size) and int(start) <= len(job.rows)):
        raise Refusal("INVALID_QUERY_LOCATOR", "maxRecords or locator is not valid")
    first, end = int(start), int(start) + int(size)
    rows = job.rows[first:end]
    locator = str(end) if end < len(job.rows) else "null"
    headers = {**CSV_TYPE, "Sforce-Locator": locator, "Sforce-NumberOfRecords": str(len(rows))}
    readers = [read for _, read in job.cells]
    body = write(
        [name for name, _ in job.cells], ([read(row) for read in readers] for row in rows), job.delimiter, job.ending
    )
    return Response(200, body, headers, rows=len(rows))


def abort(call: Call) -> Response:
    """``PATCH jobs/query/JOB`` to Aborted."""
    job = job_of(call)
    if call.json_object().get("state") != "Aborted" or job.state not in NEXT:
        raise Refusal("INVALIDJOBSTATE", f"the job cannot be aborted in state {job.state}")
    job.state = "Aborted"
    return json_response(200, job.info())


def remove(call: Call) -> Response:
    """``DELETE jobs/query/JOB``."""
    del call.org.jobs[job_of(call).id]
    return Response(204)


def listing(call: Call) -> Response:
    """``GET jobs/query``."""
    jobs = [job.info() for job in call.org.jobs.values() if isinstance(job, QueryJob)]
    return json_response(200, {"done": True, "records": jobs, "nextRecordsUrl": None})


ROUTES: list[Route] = [
    ("POST", "jobs/query", create),
    ("GET", "jobs/query", listing),
    ("GET", "jobs/query/:job", poll),
    ("PATCH", "jobs/query/:job", abort),
    ("DELETE", "jobs/query/:job", remove),
    ("GET", "jobs/query/:job/results", results),
]

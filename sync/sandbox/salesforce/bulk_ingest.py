"""Bulk API 2.0 ingest jobs (apis/salesforce.md 3.6).

A job moves one step whenever it is looked at, and by itself as time passes: UploadComplete, then InProgress with up to
10,000 rows a step, then JobComplete. What was processed stays, whatever becomes of the job.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sync.sandbox.salesforce.bulk_rows import Loader
from sync.sandbox.salesforce.csvtext import BadCsv, checked, read, write
from sync.sandbox.salesforce.org import API_USER, Call, Org, Route
from sync.sandbox.salesforce.refusals import Refusal, missing
from sync.sandbox.salesforce.times import json_text
from sync.sandbox.wire import Response, json_response

OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
STEP_ROWS = 10_000
STEP_S = 1.0
UPLOAD_MAX = 150_000_000
CSV_TYPE = {"content-type": "text/csv; charset=UTF-8"}
Rows = list[list[str]]


@dataclass
class IngestJob:
    """One job; ``rows`` are all rows of the upload, of which ``done`` are processed."""

    id: str
    object: str
    operation: str
    key: str | None
    delimiter: str
    ending: str
    version: str
    made_at: int
    state: str = "Open"
    error: str | None = None
    data: bytes | None = None
    header: list[str] = field(default_factory=list)
    rows: Rows = field(default_factory=list)
    done: int = 0
    good: Rows = field(default_factory=list)
    bad: Rows = field(default_factory=list)
    failing: dict[int, str] = field(default_factory=dict)
    step_at: float = 0.0

    def info(self) -> dict[str, Any]:
        """What create and close answer."""
        stamp = json_text(self.made_at)
        key = {"externalIdFieldName": self.key} if self.key else {}
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": API_USER,
            "createdDate": stamp,
            "systemModstamp": stamp,
            "state": self.state,
            **key,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
        }

    def progress(self) -> dict[str, Any]:
        """What a poll answers: processed rows include the failed ones."""
        error = {"errorMessage": self.error} if self.error else {}
        times = {
            "retries": 0,
            "totalProcessingTime": self.done // 10,
            "apiActiveProcessingTime": self.done // 20,
            "apexProcessingTime": 0,
        }
        layout = {"lineEnding": self.ending, "columnDelimiter": self.delimiter, "jobType": "V2Ingest"}
        return {
            **self.info(),
            **layout,
            "numberRecordsProcessed": self.done,
            "numberRecordsFailed": len(self.bad),
            **times,
            **error,
        }


def create(call: Call) -> Response:
    """``POST jobs/ingest``."""
    call.check_writable()
    data = call.json_object()
    operation, key = data.get("operation"), data.get("externalIdFieldName")
    if operation not in OPERATIONS:
        raise Refusal("INVALIDJOB", f"operation {operation} is not supported")
    kind = call.org.schema.find(str(data.get("object")))
    if kind is None or not kind.writable:
        raise Refusal("INVALIDENTITY", f"entity {data.get('object')} is not supported by the Bulk API")
    delimiter, ending = data.get("columnDelimiter") or "COMMA", data.get("lineEnding") or "LF"
    checked(delimiter, ending)
    named = kind.field(str(key)) if operation == "upsert" else None
    if operation == "upsert" and (named is None or not (named.external_id or named.name == "Id")):
        raise Refusal("INVALIDJOB", f"externalIdFieldName {key} is not an external id of {kind.name}")
    key_name = named.name if named else None
    job = IngestJob(
        call.org.new_id("750"),
        kind.name,
        operation,
        key_name,
        delimiter,
        ending,
        call.version,
        call.database.now(),
    )
    call.org.jobs[job.id] = job
    where = {
        "contentUrl": f"{call.base.lstrip('/')}/jobs/ingest/{job.id}/batches",
        "lineEnding": ending,
        "columnDelimiter": delimiter,
    }
    return json_response(200, {**job.info(), **where}, write=True)


def job_of(call: Call) -> IngestJob:
    """The job that the path names; raises Refusal 404. Arms the rows that a fault makes fail."""
    job = call.org.jobs.get(call.args["job"])
    if not isinstance(job, IngestJob):
        raise missing()
    job.failing.update(call.request.failing_rows)
    return job


def upload(call: Call) -> Response:
    """``PUT jobs/ingest/JOB/batches``: once, while the job is open."""
    job = job_of(call)
    if job.state != "Open" or job.data is not None:
        raise Refusal("INVALIDJOBSTATE", "the job takes exactly one upload, while it is open")
    data = call.body()
    if len(data) * 4 // 3 > UPLOAD_MAX:
        raise Refusal("INVALIDBATCH", "the upload is too large", status=413)
    job.data = data
    return Response(201, write=True)


def close(call: Call) -> Response:
    """``PATCH jobs/ingest/JOB`` to UploadComplete or Aborted."""
    job = job_of(call)
    state = call.json_object().get("state")
    if state == "Aborted" and job.state in ("Open", "UploadComplete", "InProgress"):
        start(job) if job.state == "UploadComplete" else None
        job.state = "Aborted"
    elif state == "UploadComplete" and job.state == "Open":
        job.state, job.step_at = "UploadComplete", call.org.clock.seconds()
    else:
        raise Refusal("INVALIDJOBSTATE", f"the job cannot go from {job.state} to {state}")
    return json_response(200, job.info(), write=True)


def poll(call: Call) -> Response:
    """``GET jobs/ingest/JOB``: moves the job a step."""
    job = job_of(call)
    step(call.org, job)
    return json_response(200, job.progress())


def listing(call: Call) -> Response:
    """``GET jobs/ingest``."""
    jobs = [job.info() for job in call.org.jobs.values() if isinstance(job, IngestJob)]
    return json_response(200, {"done": True, "records": jobs, "nextRecordsUrl": None})


def remove(call: Call) -> Response:
    """``DELETE jobs/ingest/JOB``."""
    job = job_of(call)
    if job.state == "InProgress":
        raise Refusal("INVALIDJOBSTATE", "the job is still in progress")
    del call.org.jobs[job.id]
    return Response(204, write=True)


# work -----------------------------------------------------------------------------------------------------------------
def overtake(org: Org) -> None:
    """Moves every waiting job whose next step is due by time."""
    for job in list(org.jobs.values()):
        if (
            isinstance(job, IngestJob)
            and job.state in ("UploadComplete", "InProgress")
            and org.clock.seconds() - job.step_at >= STEP_S
        ):
            step(org, job)


def step(org: Org, job: IngestJob) -> None:
    """One step: start, up to 10,000 rows, or the end. The next one is due a while after this one has ended."""
    if job.state == "UploadComplete":
        start(job)
    elif job.state == "InProgress" and job.done < len(job.rows):
        work(org, job)
    if job.state == "InProgress" and job.header and job.done >= len(job.rows) and (job.done or not job.rows):
        job.state = "JobComplete"
    job.step_at = org.clock.seconds()


def start(job: IngestJob) -> None:
    """Reads the upload; a CSV that cannot be read fails the job."""
    job.state = "InProgress"
    try:
        job.header, job.rows = read(job.data or b"", job.delimiter, job.ending)
    except BadCsv as error:
        job.state, job.error = "Failed", str(error)
    job.data = b""


def work(org: Org, job: IngestJob) -> None:
    """Writes the next rows, in units of 200 as triggers see them."""
    try:
        loader = Loader(org, org.schema.known(job.object), job.operation, job.key, job.header)
    except BadCsv as error:
        job.state, job.error = "Failed", str(error)
        return
    end = min(job.done + STEP_ROWS, len(job.rows))
    for row, (row_id, created, error_text) in loader.load(job.rows[job.done : end], job.failing, job.done):
        if error_text is None:
            job.good.append([row_id, "true" if created else "false", *row])
        else:
            job.bad.append([row_id, error_text, *row])
    job.done = end


def results(call: Call, which: str) -> Response:
    """``successfulResults``, ``failedResults`` or ``unprocessedrecords`` as CSV."""
    job = job_of(call)
    extra = {"good": ["sf__Id", "sf__Created"], "bad": ["sf__Id", "sf__Error"], "rest": []}[which]
    rows = {"good": shuffled(job.good), "bad": shuffled(job.bad), "rest": job.rows[job.done :]}[which]
    return Response(200, write([*extra, *job.header], rows, job.delimiter, job.ending), dict(CSV_TYPE), rows=len(rows))


def shuffled(rows: Rows) -> Rows:
    """The rows in another order than they came, the same one every time: results promise none."""
    return rows[1::2] + rows[::2]


ROUTES: list[Route] = [
    ("POST", "jobs/ingest", create),
    ("GET", "jobs/ingest", listing),
    ("PUT", "jobs/ingest/:job/batches", upload),
    ("PATCH", "jobs/ingest/:job", close),
    ("GET", "jobs/ingest/:job", poll),
    ("DELETE", "jobs/ingest/:job", remove),
    ("GET", "jobs/ingest/:job/successfulResults", partial(results, which="good")),
    ("GET", "jobs/ingest/:job/failedResults", partial(results, which="bad")),
    ("GET", "jobs/ingest/:job/unprocessedrecords", partial(results, which="rest")),
    ("GET", "jobs/ingest/:job/unprocessedRecords", partial(results, which="rest")),
]

"""Bulk API 1.0, ``/services/async``; of it the ``apis/`` sheet has the errors, the rest is what its clients call.

These are in simple-salesforce, jsforce and salesforce-bulk. Jobs hold batches of CSV or JSON; a batch moves a step whenever it is looked
at, and by itself as time passes. Job and batch speak JSON to those who send JSON, else XML; results come in the job's own type, in the
order of the batch's rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sync.sandbox.salesforce import bulk_v1_text as text
from sync.sandbox.salesforce.bulk_rows import Loader
from sync.sandbox.salesforce.bulk_v1_jobs import Batch, Job
from sync.sandbox.salesforce.csvtext import BadCsv
from sync.sandbox.salesforce.metadata import NEWEST, OLDEST
from sync.sandbox.salesforce.org import Call, Org
from sync.sandbox.salesforce.refusals import Refusal
from sync.sandbox.salesforce.search import Search
from sync.sandbox.salesforce.soql import parse
from sync.sandbox.wire import Request, Response

ROOT = "/services/async/"
PLACE = re.compile(r"/services/async/(\d+\.\d)((?:/[\w.-]+)*)/?")
OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete", "query", "queryAll")
ROWS_MAX = 10_000
STEP_S = 1.0
Answer = Callable[[Call], Response]


class BulkRefusal(Exception):
    """A refusal with Bulk 1.0's own code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


def expired(request: Request) -> Response:
    """No session, or a dead one: 400, where REST says 401."""
    return text.error(request, "InvalidSessionId", "Invalid session id")


def answer(org: Org, request: Request) -> Response:
    """Answers one request below ``/services/async``; what goes wrong is 400 with a code of Bulk 1.0's."""
    try:
        return _answer(org, request)
    except BulkRefusal as refusal:
        return text.error(request, refusal.code, refusal.message)
    except Refusal as refusal:
        return text.error(request, "InvalidBatch", f"{refusal.code}: {refusal.message}")


def template(request: Request) -> str:
    """``POST /services/async/vX/job/:job/batch``."""
    found = PLACE.fullmatch(request.path)
    parts = (found[2] if found else "").strip("/").split("/")
    shown = [part if place % 2 == 0 else f":{parts[place - 1]}" for place, part in enumerate(parts)]
    return f"{request.method} {ROOT}vX/{'/'.join(shown)}"


def _answer(org: Org, request: Request) -> Response:
    found = PLACE.fullmatch(request.path)
    if found is None or float(found[1]) > NEWEST or float(found[1]) < OLDEST:
        raise BulkRefusal("InvalidVersion", "the API version is not supported")
    parts = found[2].strip("/").split("/")
    handler = ROUTES.get((request.method, "/".join(parts[::2]), len(parts)))
    if handler is None:
        raise BulkRefusal("InvalidUrl", f"{request.method} {request.path} is not a destination")
    ids = dict(zip(parts[::2], parts[1::2], strict=False))
    overtake(org)
    return handler(Call(org, request, found[1], ids, lambda inner: answer(org, inner)))


# jobs -----------------------------------------------------------------------------------------------------------------
def create(call: Call) -> Response:
    """``POST job``."""
    asked = text.document(call)
    operation, kind = asked.get("operation"), call.org.schema.find(str(asked.get("object")))
    if operation not in OPERATIONS:
        raise BulkRefusal("InvalidJob", f"operation {operation} is not supported")
    if kind is None or not (kind.writable or operation.startswith("query")):
        raise BulkRefusal("InvalidEntity", f"entity {asked.get('object')} is not supported by the Bulk API")
    key = kind.field(str(asked.get("externalIdFieldName"))) if operation == "upsert" else None
    if operation == "upsert" and (key is None or not (key.external_id or key.name == "Id")):
        raise BulkRefusal("InvalidJob", "upsert needs the name of an external id in externalIdFieldName")
    content = str(asked.get("contentType") or ("JSON" if text.wants_json(call.request) else "XML")).upper()
    if content not in text.RESULTS:
        raise BulkRefusal("FeatureNotEnabled", f"contentType {content} is not enabled in this org; use CSV or JSON")
    job = Job(
        call.org.new_id("750"),
        kind.name,
        operation,
        key.name if key else None,
        content,
        call.version,
        call.org.database.now(),
    )
    job.mode = str(asked.get("concurrencyMode") or job.mode)
    call.org.jobs[job.id] = job
    return text.info(call.request, "jobInfo", job.info(), 201)


def job_of(call: Call) -> Job:
    """The job that the path names."""
    job = call.org.jobs.get(call.args["job"])
    if not isinstance(job, Job):
        raise BulkRefusal("InvalidJob", f"Unable to find object: {call.args['job']}")
    return job


def show(call: Call) -> Response:
    """``GET job/JOB``."""
    return text.info(call.request, "jobInfo", job_of(call).info())


def change(call: Call) -> Response:
    """``POST job/JOB`` to Closed or Aborted; batches of a closed job run on, those of an aborted one do not."""
    job, state = job_of(call), text.document(call).get("state")
    if state not in ("Closed", "Aborted") or job.state == "Aborted":
        raise BulkRefusal("InvalidJobState", f"the job cannot go from {job.state} to {state}")
    job.state = str(state)
    if state == "Aborted":
        for batch in job.batches.values():
            batch.state = "NotProcessed" if batch.state in ("Queued", "InProgress") else batch.state
    return text.info(call.request, "jobInfo", job.info())


# batches --------------------------------------------------------------------------------------------------------------
def add(call: Call) -> Response:
    """``POST job/JOB/batch``: rows, or the text of a query."""
    job, body = job_of(call), call.body()
    if job.state != "Open":
        raise BulkRefusal("InvalidJobState", f"the job is {job.state}: it takes no more batches")
    if not job.queries:
        call.check_writable()
    batch = Batch(
        call.org.new_id("751"),
        job.id,
        body,
        call.org.database.now(),
        call.org.clock.seconds(),
        dict(call.request.failing_rows),
    )
    job.batches[batch.id] = batch
    response = text.info(call.request, "batchInfo", batch.info(), 201)
    response.write = not job.queries
    return response


def batch_of(call: Call) -> tuple[Job, Batch]:
    """The batch that the path names, moved a step."""
    job = job_of(call)
    batch = job.batches.get(call.args["batch"])
    if batch is None:
        raise BulkRefusal("InvalidBatch", f"Unable to find object: {call.args['batch']}")
    step(call.org, job, batch)
    return job, batch


def batches(call: Call) -> Response:
    """``GET job/JOB/batch``."""
    job = job_of(call)
    for batch in job.batches.values():
        step(call.org, job, batch)
    return text.infos(call.request, [batch.info() for batch in job.batches.values()])


def batch_info(call: Call) -> Response:
    """``GET job/JOB/batch/BATCH``."""
    return text.info(call.request, "batchInfo", batch_of(call)[1].info())


def request_of(call: Call) -> Response:
    """``GET job/JOB/batch/BATCH/request``: what was sent."""
    job, batch = batch_of(call)
    return Response(200, batch.body, {"content-type": text.RESULTS[job.content]})


def results(call: Call) -> Response:
    """``GET job/JOB/batch/BATCH/result``: outcomes in the order of the rows, or the ids of a query's results."""
    job, batch = batch_of(call)
    if batch.state != "Completed":
        raise BulkRefusal("InvalidBatch", f"the batch is {batch.state}: it has no result")
    if job.queries:
        return text.result_list(job.content, [batch.result_id])
    return text.outcomes(job.content, batch.outcomes)


def result(call: Call) -> Response:
    """``GET job/JOB/batch/BATCH/result/RESULT``: the rows of a query."""
    job, batch = batch_of(call)
    if batch.state != "Completed" or call.args["result"] != batch.result_id or batch.search is None:
        raise BulkRefusal("InvalidBatch", f"Unable to find object: {call.args['result']}")
    return text.rows(job.content, batch.search, batch.found)


# work -----------------------------------------------------------------------------------------------------------------
def overtake(org: Org) -> None:
    """Moves every batch whose next step is due by time."""
    now = org.clock.seconds()
    for job in [one for one in org.jobs.values() if isinstance(one, Job)]:
        for batch in job.batches.values():
            if now - batch.step_at >= STEP_S:
                step(org, job, batch)


def step(org: Org, job: Job, batch: Batch) -> None:
    """Queued, InProgress, then Completed or Failed."""
    if batch.state == "Queued":
        batch.state = "InProgress"
    elif batch.state == "InProgress":
        try:
            _query(org, job, batch) if job.queries else _load(org, job, batch)
            batch.state = "Completed"
        except (BadCsv, Refusal) as error:
            batch.state, batch.message = "Failed", str(error)
    batch.step_at = org.clock.seconds()


def _query(org: Org, job: Job, batch: Batch) -> None:
    base = f"/services/data/v{job.version}"
    query = parse(batch.body.decode("utf-8", "replace").strip())
    batch.search = Search.of(org.database, query, deleted=job.operation == "queryAll", base=base)
    batch.found, batch.result_id = batch.search.rows(), org.new_id("752")
    batch.processed = len(batch.found)


def _load(org: Org, job: Job, batch: Batch) -> None:
    header, rows = text.table(job.content, batch.body)
    if len(rows) > ROWS_MAX:
        raise BadCsv(f"ClientInputError : more than {ROWS_MAX} records in a batch")
    loader = Loader(org, org.schema.known(job.object), job.operation, job.key, header)
    batch.outcomes = [outcome for _, outcome in loader.load(rows, batch.failing, 0)]
    batch.processed = len(rows)


ROUTES: dict[tuple[str, str, int], Answer] = {
    ("POST", "job", 1): create,
    ("GET", "job", 2): show,
    ("POST", "job", 2): change,
    ("POST", "job/batch", 3): add,
    ("GET", "job/batch", 3): batches,
    ("GET", "job/batch", 4): batch_info,
    ("GET", "job/batch/request", 5): request_of,
    ("GET", "job/batch/result", 5): results,
    ("GET", "job/batch/result", 6): result,
}
"""By method, the names in the path, and how many parts it has: a name without an id behind it is a list."""

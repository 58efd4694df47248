"""Writes many rows through a Bulk API 2.0 job (apis/salesforce.md 3.6): create, upload, close, wait, read the results.

Crash: a job does nothing until it is closed. Dying before that leaves an open job without effect, which `sweep` aborts
later; dying after it leaves rows in doubt, which the runner looks up. An answer that is lost at any step is settled by
asking the job for its state, so doubt is left only where the job itself can no longer be asked.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sync.connectors.salesforce import receipts, rows, table
from sync.connectors.salesforce.faults import Complaint, InDoubtError, RefusedError
from sync.connectors.salesforce.payload import UPSERT, columns, flat, key, operation, parent
from sync.connectors.salesforce.write import Collections
from sync.errors import AbortError, SyncError, UnreachableError
from sync.model.clock import Clock
from sync.model.remote import Receipt, Write

if TYPE_CHECKING:
    from sync.connectors.salesforce.client import Client

FILE_MAX = 90 * 1024 * 1024
"""Bytes of one upload; Salesforce takes 150 MB after base64."""
MEMORY_MAX = 8 * 1024 * 1024
WAIT_MAX_S = 3600.0
POLL_S, POLL_MAX_S = 1.0, 30.0
ORPHAN_AGE = timedelta(hours=1)
_ENDED = frozenset({"JobComplete", "Failed", "Aborted"})


class Ingest:
    """Bulk writes for one connector."""

    def __init__(self, client: Client, collections: Collections, clock: Clock, system: str) -> None:
        self._client = client
        self._collections = collections
        self._clock = clock
        self._system = system
        self._swept = False

    def push(self, writes: Sequence[Write]) -> dict[int, Receipt]:
        """Receipts by number, for writes of one operation with keys. Raises AbortErrors only if nothing was started."""
        self._sweep()
        done: dict[int, Receipt] = {}
        for job in _jobs(writes):
            try:
                done |= self._job(job)
            except SyncError as error:
                if not done:
                    raise
                return done | {
                    write.number: receipts.unsent(write, error) for write in writes if write.number not in done
                }
        return done

    def _job(self, writes: Sequence[Write]) -> dict[int, Receipt]:
        """Raises AbortErrors before the job is closed; from then on every row gets a receipt.

        An org that takes no (more) jobs, or not of this object, is written to through collections instead.
        """
        try:
            job = self._open(writes[0])
            self._upload(job, writes)
        except RefusedError:
            return self._collections.push(writes)
        except InDoubtError as error:
            raise UnreachableError(f"bulk job: {error.message}", remedy="try again", system=self._system) from None
        try:
            self._close(job)
            state = self._wait(job)
            done, again = self._results(job, state, writes)
        except (RefusedError, SyncError) as error:
            self._abort(job)  # what it did stands, what it did not must not land behind our back
            return {write.number: receipts.in_doubt(write, f"bulk job {job}: {error}") for write in writes}
        return done | self._once_more(again)

    def _once_more(self, writes: Sequence[Write]) -> dict[int, Receipt]:
        """Creates that batches of the job locked against each other, or had too many of: they go through collections.

        Where those cannot be sent the rows keep the receipt that the job gave them.
        """
        with suppress(AbortError):
            return self._collections.push(writes) if writes else {}
        return {}

    def _open(self, write: Write) -> str:
        """A job that is created twice by a lost answer is harmless, so it is asked for again: it is never closed."""
        body = {"object": write.object, "operation": operation(write), "contentType": "CSV", "lineEnding": "LF"}
        if operation(write) == UPSERT:
            body["externalIdFieldName"] = str(write.external_id)
        job = self._client.send("POST", "jobs/ingest", body | {"columnDelimiter": "COMMA"})
        if not isinstance(job, dict) or not job.get("id"):
            raise UnreachableError("a bulk job was created without an id", remedy="try again", system=self._system)
        return str(job["id"])

    def _upload(self, job: str, writes: Sequence[Write]) -> None:
        data = [flat(write) for write in writes]
        with tempfile.SpooledTemporaryFile(max_size=MEMORY_MAX) as file:
            table.write(file, data, columns(data))
            try:
                self._client.file("PUT", f"jobs/ingest/{job}/batches", file)
            except (RefusedError, SyncError):
                self._abort(job)
                raise

    def _close(self, job: str) -> None:
        """Starts the job. Closing twice is refused by a job that is closed, which the wait then sees."""
        try:
            self._client.send("PATCH", f"jobs/ingest/{job}", {"state": "UploadComplete"})
        except RefusedError:
            if self._state(job).get("state") == "Open":
                raise

    def _wait(self, job: str) -> Mapping[str, Any]:
        """The job when it has ended; one that takes too long is aborted, what it did until then stands."""
        waited, pause = 0.0, POLL_S
        while waited <= WAIT_MAX_S:
            state = self._state(job)
            if state.get("state") in _ENDED:
                return state
            self._clock.sleep(pause)
            waited, pause = waited + pause, min(pause * 2, POLL_MAX_S)
        self._client.send("PATCH", f"jobs/ingest/{job}", {"state": "Aborted"})
        return self._state(job)

    def _state(self, job: str) -> Mapping[str, Any]:
        state = self._client.send("GET", f"jobs/ingest/{job}")
        return state if isinstance(state, dict) else {}

    def _results(
        self, job: str, state: Mapping[str, Any], writes: Sequence[Write]
    ) -> tuple[dict[int, Receipt], list[Write]]:
        """Joins the three result files on the key, because their order means nothing; a row in none is in doubt.

        Also the creates that failed in passing; what a row was read for may be long ago by now, so updates wait.
        """
        by_key = {key(write): write for write in writes}
        column = str(writes[0].external_id) if operation(writes[0]) == UPSERT else "Id"
        done: dict[int, Receipt] = {}
        again: list[Write] = []
        for write, row in self._matched(job, "successfulResults", column, by_key):
            created = str(row.get("sf__Created")).lower() == "true"
            done[write.number] = receipts.of_success(write, row.get("sf__Id"), created=created)
        for write, row in self._matched(job, "failedResults", column, by_key):
            done[write.number], verdict = receipts.of_complaint(write, parse_error(row.get("sf__Error") or ""))
            again += [write] if verdict.again and operation(write) == UPSERT else []
        for write, _ in self._matched(job, "unprocessedrecords", column, by_key):
            done[write.number] = self._unprocessed(write, state)
        if state.get("state") == "Failed" and not done and not state.get("numberRecordsProcessed"):
            done = {write.number: self._unprocessed(write, state) for write in writes}
        why = f"bulk job {job} does not list the row"
        return {write.number: done.get(write.number) or receipts.in_doubt(write, why) for write in writes}, again

    def _matched(
        self, job: str, results: str, column: str, by_key: Mapping[str, Write]
    ) -> Iterator[tuple[Write, dict[str, str]]]:
        answer = self._client.file("GET", f"jobs/ingest/{job}/{results}/")
        for row in table.read(answer.content):
            text = row.get(column) or ""
            write = by_key.get(text[:15] if column == "Id" else text.casefold())
            if write is not None:
                yield write, row

    def _unprocessed(self, write: Write, state: Mapping[str, Any]) -> Receipt:
        """A job that failed over its header fails every time; other rows that it did not reach may go later."""
        text = str(state.get("errorMessage") or "")
        if "Field name not found" in text or text.startswith("InvalidBatch"):
            return receipts.of_complaint(write, Complaint("INVALID_FIELD", text))[0]
        error = UnreachableError(
            f"the bulk job ended {state.get('state')} before this row", remedy="it is tried again later"
        )
        return receipts.unsent(write, error)

    def _abort(self, job: str) -> None:
        with suppress(RefusedError, SyncError):
            self._client.send("PATCH", f"jobs/ingest/{job}", {"state": "Aborted"})

    def _sweep(self) -> None:
        """Aborts jobs of our user that an earlier process left open; once a process, and never one that is young."""
        if self._swept:
            return
        self._swept = True
        with suppress(RefusedError, AbortError):
            listed = self._client.send("GET", "jobs/ingest", params={"jobType": "V2Ingest"})
            for job in listed.get("records", ()) if isinstance(listed, dict) else ():
                if self._is_orphan(job):
                    self._abort(str(job["id"]))

    def _is_orphan(self, job: Mapping[str, Any]) -> bool:
        me, now = self._client.tokens.current().user, self._client.now
        touched = rows.moment(job.get("systemModstamp"))
        ours = me is not None and rows.full_id(job.get("createdById")) == me and job.get("state") == "Open"
        return bool(ours and now and touched and now - touched > ORPHAN_AGE)


def parse_error(text: str) -> Complaint:
    """Reads ``CODE:message:FIELDS --`` of the failed results."""
    code, _, rest = text.partition(":")
    message, _, fields = rest.removesuffix("--").rstrip().rpartition(":")
    names = tuple(name.strip() for name in fields.split(",") if name.strip())
    return Complaint(code.strip() or "UNKNOWN", message or rest, names)


def _jobs(writes: Sequence[Write]) -> Iterator[list[Write]]:
    """Jobs that fit an upload, siblings together, each key once a job."""
    waiting = sorted(writes, key=parent)
    while waiting:
        job: list[Write] = []
        later: list[Write] = []
        keys: set[str] = set()
        size = 0
        for write in waiting:
            length = sum(len(str(value)) * 4 + 3 for value in write.values.values()) + 40
            if key(write) in keys or size + length > FILE_MAX:
                later.append(write)
                continue
            keys.add(key(write))
            job.append(write)
            size += length
        yield job
        waiting = later

"""Jobs and batches of Bulk API 1.0 as they are kept (``bulk_v1`` moves them)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sync.sandbox.salesforce.bulk_rows import Outcome
from sync.sandbox.salesforce.org import API_USER
from sync.sandbox.salesforce.search import Search
from sync.sandbox.salesforce.times import json_text
from sync.sandbox.store import Row

STATES = ("Queued", "InProgress", "Completed", "Failed")


@dataclass
class Batch:
    """Rows or a query; ``outcomes`` stand in the order of the rows, ``found`` are a query's rows."""

    id: str
    job: str
    body: bytes
    made_at: int
    step_at: float
    failing: dict[int, str]
    state: str = "Queued"
    message: str = ""
    processed: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    search: Search | None = None
    found: list[Row] = field(default_factory=list)
    result_id: str = ""

    @property
    def failed(self) -> int:
        """Rows that were refused."""
        return sum(error is not None for _, _, error in self.outcomes)

    def info(self) -> dict[str, Any]:
        """The batch's own description."""
        stamp = json_text(self.made_at)
        return {
            "id": self.id,
            "jobId": self.job,
            "state": self.state,
            "stateMessage": self.message or None,
            "createdDate": stamp,
            "systemModstamp": stamp,
            "numberRecordsProcessed": self.processed,
            "numberRecordsFailed": self.failed,
            "totalProcessingTime": self.processed // 10,
            "apiActiveProcessingTime": self.processed // 20,
            "apexProcessingTime": 0,
        }


@dataclass
class Job:
    """One job; ``content`` is CSV or JSON."""

    id: str
    object: str
    operation: str
    key: str | None
    content: str
    version: str
    made_at: int
    mode: str = "Parallel"
    state: str = "Open"
    batches: dict[str, Batch] = field(default_factory=dict)

    @property
    def queries(self) -> bool:
        """Whether it reads instead of writing."""
        return self.operation.startswith("query")

    def info(self) -> dict[str, Any]:
        """The job's own description."""
        stamp, batches = json_text(self.made_at), list(self.batches.values())
        counts = {f"numberBatches{state}": sum(batch.state == state for batch in batches) for state in STATES}
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": API_USER,
            "createdDate": stamp,
            "systemModstamp": stamp,
            "state": self.state,
            "externalIdFieldName": self.key,
            "concurrencyMode": self.mode,
            "contentType": self.content,
            **counts,
            "numberBatchesTotal": len(batches),
            "numberRecordsProcessed": sum(batch.processed for batch in batches),
            "numberRetries": 0,
            "apiVersion": float(self.version),
            "numberRecordsFailed": sum(batch.failed for batch in batches),
            "totalProcessingTime": 0,
            "apiActiveProcessingTime": 0,
            "apexProcessingTime": 0,
        }

"""A full enumeration through a Bulk API 2.0 query: a few calls instead of hundreds (apis/salesforce.md 3.7).

Resumable: the job's id and the locator are in the cursor, and the server keeps results for seven days. Rows come in no
order. The walk is complete where the rows received are as many as each answer and the job say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sync.connectors.salesforce import cursor as place_of
from sync.connectors.salesforce import rows, soql, table
from sync.connectors.salesforce.client import number
from sync.connectors.salesforce.cursor import Walk
from sync.connectors.salesforce.faults import RefusedError
from sync.connectors.salesforce.read import Reader
from sync.errors import AbortError
from sync.model.clock import Clock
from sync.model.remote import Feed, NativeRecord, Page

if TYPE_CHECKING:
    import requests

RESULT_ROWS = 20_000
PAGE_ROWS = 2_000
WAIT_MAX_S = 3600.0
_COMPOUND = frozenset({"address", "location", "base64", "complexvalue", "anyType"})
_WHOLE = frozenset({"int", "long"})
_DECIMAL = frozenset({"double", "currency", "percent"})


class ExportError(Exception):
    """The bulk query cannot serve this walk: it is done over REST instead."""


class Export:
    """Bulk queries for one connector, of objects with at least `threshold` rows."""

    def __init__(self, reader: Reader, clock: Clock, threshold: int) -> None:
        self._reader = reader
        self._clock = clock
        self._threshold = threshold

    def is_worth_it(self, feed: Feed, total: int) -> bool:
        """Whether `total` rows are many and CSV can carry the feed's columns."""
        if total < self._threshold or any("." in path for path in feed.paths):
            return False
        types = self._reader.schemas.get(feed.object).types
        return not any(types.get(column) in _COMPOUND for column in rows.columns(feed))

    def pages(self, feed: Feed, walk: Walk) -> Iterator[Page]:
        """The rest of the walk. Raises ExportError where there is no job (any more)."""
        if walk.job is None:
            walk = replace(walk, job=self._create(feed))
            yield Page((), place_of.dump(walk, feed.object))
        whole = walk.count == 0
        expected = self._finished(str(walk.job))
        while True:
            answer = self._results(walk)
            found = list(table.read(answer.content))
            walk = _advanced(walk, answer, found)
            done = walk.locator is None
            place = place_of.dump(walk.done() if done else walk, feed.object)
            yield from self._paged(
                feed, found, place, complete=done and whole and walk.count == expected, total=expected
            )
            if done:
                self._forget(str(walk.job))
                return

    def _create(self, feed: Feed) -> str:
        scope = [f"({feed.where}) OR IsDeleted = true"] if feed.where else []
        query = soql.select(self._reader.seen(feed), feed.object, scope)
        body = {
            "operation": "queryAll",
            "query": query,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        try:
            job = self._reader.client.send("POST", "jobs/query", body)
        except RefusedError as refused:
            raise ExportError(refused.code) from None
        if not isinstance(job, dict) or not job.get("id"):
            raise ExportError("no job")
        return str(job["id"])

    def _finished(self, job: str) -> int:
        """Waits for the job; how many rows it found."""
        waited, pause = 0.0, 1.0
        while waited <= WAIT_MAX_S:
            try:
                state = self._reader.client.send("GET", f"jobs/query/{job}")
            except RefusedError as refused:
                raise ExportError(refused.code) from None
            if state.get("state") == "JobComplete":
                return int(state.get("numberRecordsProcessed") or 0)
            if state.get("state") in ("Failed", "Aborted"):
                raise ExportError(str(state["state"]))
            self._clock.sleep(pause)
            waited, pause = waited + pause, min(pause * 2, 30.0)
        raise ExportError("too slow")

    def _results(self, walk: Walk) -> requests.Response:
        params = {"maxRecords": str(RESULT_ROWS)} | ({"locator": walk.locator} if walk.locator else {})
        try:
            return self._reader.client.file("GET", f"jobs/query/{walk.job}/results", params=params)
        except RefusedError as refused:
            raise ExportError(refused.code) from None

    def _paged(
        self, feed: Feed, found: list[dict[str, str]], cursor: str, *, complete: bool, total: int
    ) -> Iterator[Page]:
        """One answer in pages; only the last of them brings the cursor."""
        types, me = self._reader.schemas.get(feed.object).types, self._reader.me
        records: list[NativeRecord] = [rows.record(native(row, types), feed, me) for row in found]
        ends = range(PAGE_ROWS, len(records), PAGE_ROWS)
        for end in ends:
            yield Page(tuple(records[end - PAGE_ROWS : end]), total=total)
        yield Page(tuple(records[len(ends) * PAGE_ROWS :]), cursor, complete=complete, total=total)

    def _forget(self, job: str) -> None:
        """Personal data need not lie on the server for a week; that it could not be removed harms nothing."""
        with suppress(RefusedError, AbortError):
            self._reader.client.send("DELETE", f"jobs/query/{job}")


def _advanced(walk: Walk, answer: requests.Response, found: list[dict[str, str]]) -> Walk:
    told = answer.headers.get("Sforce-NumberOfRecords")
    if told is not None and int(told) != len(found):
        raise ExportError("rows are missing")
    locator = answer.headers.get("Sforce-Locator")
    stamps = [place_of.text(stamp) for row in found if (stamp := rows.moment(row.get(rows.STAMP)))]
    newest = max([walk.newest, *stamps])
    return replace(
        walk, locator=None if locator in (None, "", "null") else locator, newest=newest, count=walk.count + len(found)
    )


def native(row: Mapping[str, str], types: Mapping[str, str]) -> dict[str, Any]:
    """A CSV row as the REST API would have given it, so that both compare equal."""
    return {name: _native(text, types.get(name, "string")) for name, text in row.items()}


def _native(text: str, type_: str) -> Any:
    if type_ == "boolean":
        return text == "true"
    if text == "":
        return None
    if type_ in _WHOLE:
        return int(Decimal(text))
    if type_ in _DECIMAL:
        return number(text)
    return text.removesuffix("Z") + "+0000" if type_ == "datetime" and text.endswith("Z") else text

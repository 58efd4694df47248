"""The change feed: everything once by id, then by SystemModstamp with an overlap that finds rows which surface late.

Each page comes with a cursor; `cursor` tells what it means and which windows are read again. Both walks use
``queryAll``, so that deleted rows, merge losers (MasterRecordId) and archived activities are among the rows:
an idle pull is one call. A feed's ``where`` is widened by ``OR IsDeleted = true``, because a tombstone may not
match it.

The delete log (``/deleted``) is a second call, made only where a tombstone may not be in the bin: for objects without a
bin (at most every five minutes, as the vendor advises), and after a pause of more than `BIN_DAYS` days. It reaches back
15 days; what is older only a full enumeration shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sync.connectors.salesforce import cursor as place_of
from sync.connectors.salesforce import rows, soql
from sync.connectors.salesforce.cursor import EPOCH, NEAR_S, WIDE_ROWS_MAX, WIDE_S, Mark, Step, Walk
from sync.connectors.salesforce.export import Export, ExportError
from sync.connectors.salesforce.faults import RefusedError, aborting
from sync.connectors.salesforce.read import Reader
from sync.errors import DriftError
from sync.model.remote import Feed, NativeRecord, Page

BIN_DAYS = 10
LOG_DAYS = 14
LOG_EVERY_S = 300.0
NO_BIN = frozenset({"CampaignMember"})
"""Deleted for good at once (apis/salesforce.md 5.1); others are known by their describe."""
_ORDER = f"{rows.STAMP}, Id"
_WHOLE_SECOND = timedelta(seconds=1)
"""The server tells its time in seconds, and stamps its rows in milliseconds."""


class Puller:
    """Pulling for one connector."""

    def __init__(self, reader: Reader, export: Export, overlap_s: float) -> None:
        self._reader = reader
        self._export = export
        self._overlap_s = overlap_s

    def pull(self, feed: Feed, cursor: str | None, *, full: bool) -> Iterator[Page]:
        """Pages from `cursor` on. A walk that was broken off is gone on with, whatever `full` says."""
        place = place_of.load(cursor, feed.object)
        if isinstance(place, Walk):
            yield from self._enumerate(feed, place)
        elif place is None or full:
            yield from self._enumerate(feed, Walk())
        else:
            yield from self._changes(feed, place)

    # Everything, by id

    def _enumerate(self, feed: Feed, walk: Walk) -> Iterator[Page]:
        """All rows: through a bulk query where that is worth it and works, else page by page."""
        page = None
        if walk.job is None:
            page = self._walk_page(feed, walk)
            walk = replace(walk, began=walk.began or self._began())
        if walk.job is not None or (
            walk.id is None and page is not None and self._export.is_worth_it(feed, _total(page))
        ):
            try:
                yield from self._export.pages(feed, walk)
            except ExportError:
                walk, page = Walk(began=walk.began), None
            else:
                return
        yield from self._walk(feed, walk, page or self._walk_page(feed, walk))

    def _walk_page(self, feed: Feed, walk: Walk) -> Mapping[str, Any]:
        after = [f"Id > {soql.literal(walk.id)}"] if walk.id else []
        return self._reader.first(feed, [*after, *_scope(feed)], "Id", deleted=True)

    def _walk(self, feed: Feed, walk: Walk, page: Mapping[str, Any]) -> Iterator[Page]:
        """`complete` on the last page of a walk in one go, where the server's count agrees with the rows that came."""
        links: set[str] = set()
        total, got, whole = _total(page), 0, walk.id is None
        while True:
            found, done = page["records"], page["done"]
            got += len(found)
            walk = _walked(walk, found)
            place = walk.done() if done else walk
            records = self._records(feed, found)
            yield Page(
                records, place_of.dump(place, feed.object), complete=done and whole and got == total, total=total
            )
            if done:
                return
            following = self._following(page, links)
            if following is None:
                following = self._walk_page(feed, walk)
                total, got = _total(following), 0
            page = following

    # Changes, by stamp

    def _changes(self, feed: Feed, place: Mark | Step) -> Iterator[Page]:
        mark = place.mark if isinstance(place, Step) else place
        log = self._log(feed, mark)
        if log is not None:
            tombstones, covered = log
            yield Page(tombstones)  # no cursor: the pages after it bring one
            mark = replace(mark, bin_at=self._began(), bin_to=covered)
        if isinstance(place, Step):
            yield from self._follow(feed, replace(place, mark=mark), self._after(feed, place))
            return
        mark, page = self._window(feed, mark)
        if not mark.near and _total(page) > WIDE_ROWS_MAX:
            yield from self._newest(feed, mark)
        yield from self._follow(feed, Step(mark, self._began(), EPOCH, ""), page)

    def _newest(self, feed: Feed, mark: Mark) -> Iterator[Page]:
        """What changed just now, before a window of many pages that brings it last. Not where that is the load itself. Moves no cursor."""
        first = self._since(feed, replace(mark, near=True).lower(NEAR_S))
        if _total(first) <= WIDE_ROWS_MAX:
            for page in self._reader.pages(first):
                yield Page(self._records(feed, page["records"]))

    def _window(self, feed: Feed, mark: Mark) -> tuple[Mark, Mapping[str, Any]]:
        """The rows to read now, and the mark that knows which window that was."""
        page = None
        if mark.wants_wide(self._reader.client.now):
            page = self._since(feed, mark.lower(max(WIDE_S, self._overlap_s)))
            mark = replace(mark, wide_at=self._began(), wide_rows=_total(page), narrow=0)
        if page is None or _total(page) > WIDE_ROWS_MAX:
            near = mark.allows_near(self._reader.client.now)
            mark = replace(mark, narrow=mark.narrow + 1, near=near)
            page = self._since(feed, mark.lower(min(NEAR_S, self._overlap_s) if near else self._overlap_s))
        now = self._reader.client.asked_at
        if now is not None and mark.stamp > place_of.text(now + _WHOLE_SECOND):
            mark = mark.clamped(now)
            page = self._since(feed, mark.lower(WIDE_S))
        return mark, page

    def _since(self, feed: Feed, lower: datetime) -> Mapping[str, Any]:
        condition = f"{rows.STAMP} >= {soql.literal(lower)}"
        return self._reader.first(feed, [condition, *_scope(feed)], _ORDER, deleted=True)

    def _after(self, feed: Feed, step: Step) -> Mapping[str, Any]:
        stamp = soql.literal(place_of.time(step.stamp))
        same = f"{rows.STAMP} = {stamp} AND Id > {soql.literal(step.id)}"
        condition = f"({same}) OR {rows.STAMP} > {stamp}"
        return self._reader.first(feed, [condition, *_scope(feed)], _ORDER, deleted=True)

    def _follow(self, feed: Feed, step: Step, page: Mapping[str, Any]) -> Iterator[Page]:
        links: set[str] = set()
        total = _total(page)
        while True:
            found, done = page["records"], page["done"]
            step = _stepped(step, found)
            place = step.done(total) if done else step
            yield Page(self._records(feed, found), place_of.dump(place, feed.object), total=total)
            if done:
                return
            page = self._following(page, links) or self._after(feed, step)

    # Tombstones that no query shows

    def _log(self, feed: Feed, mark: Mark) -> tuple[tuple[NativeRecord, ...], str | None] | None:
        """The delete log as bare tombstones, and up to when it is complete; None where it need not be read.

        While a transaction is open the log is complete only up to its start, whatever was asked for: the next reading
        goes on from there (apis/salesforce.md 2.4).
        """
        self._reader.client.tokens.current()  # a log-in tells the server's time
        now = self._reader.client.now
        since = self._log_from(feed, mark, now) if now is not None else None
        if now is None or since is None:
            return None
        covered = rows.moment(mark.bin_to)
        start = covered if covered is not None else since - timedelta(seconds=self._overlap_s)
        start = max(start - timedelta(minutes=1), now - timedelta(days=LOG_DAYS))
        times = {
            "start": start.isoformat(timespec="seconds"),
            "end": (now + timedelta(minutes=1)).isoformat(timespec="seconds"),
        }
        try:
            answer = self._reader.client.send("GET", f"sobjects/{feed.object}/deleted/", params=times)
        except RefusedError as refused:
            raise aborting(refused, self._reader.system, f"read the delete log of {feed.object}") from None
        told = answer if isinstance(answer, dict) else {}
        gone = [row for row in told.get("deletedRecords") or () if isinstance(row, dict) and row.get("id")]
        complete = rows.moment(told.get("latestDateCovered"))
        covered_to = place_of.earlier(place_of.text(complete), self._began()) if complete else None
        return tuple(_tombstone(feed, row) for row in gone), covered_to

    def _log_from(self, feed: Feed, mark: Mark, now: datetime) -> datetime | None:
        """From when on the delete log tells more than the bin did; None where it tells nothing new."""
        known = self._reader.schemas.known(feed.object)
        binless = feed.object in NO_BIN or (known is not None and not known.has_bin)
        since = rows.moment(mark.bin_at if binless else mark.at)
        pause_s = LOG_EVERY_S if binless else BIN_DAYS * 86_400
        return since if since is not None and (now - since).total_seconds() >= pause_s else None

    # Both

    def _following(self, page: Mapping[str, Any], links: set[str]) -> Mapping[str, Any] | None:
        """The page after this one; None where its locator died (they live two days): go on behind the last row."""
        try:
            return self._reader.after(page, links)
        except RefusedError as refused:
            if refused.code == "INVALID_QUERY_LOCATOR":
                return None
            raise aborting(refused, self._reader.system, "read on") from None

    def _records(self, feed: Feed, found: Sequence[Mapping[str, Any]]) -> tuple[NativeRecord, ...]:
        me = self._reader.me
        return tuple(rows.record(row, feed, me) for row in found)

    def _began(self) -> str | None:
        asked_at = self._reader.client.asked_at
        return place_of.text(asked_at) if asked_at else None


def _scope(feed: Feed) -> list[str]:
    return [f"({feed.where}) OR IsDeleted = true"] if feed.where else []


def _total(page: Mapping[str, Any]) -> int:
    total = page.get("totalSize")
    return total if isinstance(total, int) else len(page["records"])


def _walked(walk: Walk, found: Sequence[Mapping[str, Any]]) -> Walk:
    if not found:
        return walk
    newest = max(walk.newest, *(stamp_of(row) for row in found))
    return replace(walk, id=rows.full_id(found[-1]["Id"]), newest=newest)


def _stepped(step: Step, found: Sequence[Mapping[str, Any]]) -> Step:
    return replace(step, stamp=stamp_of(found[-1]), id=rows.full_id(found[-1]["Id"])) if found else step


def stamp_of(row: Mapping[str, Any]) -> str:
    """A row's SystemModstamp in the cursor's form. Raises DriftError where the object has none."""
    stamp = rows.moment(row.get(rows.STAMP))
    if stamp is None:
        raise DriftError(f"a row without {rows.STAMP} cannot be followed", remedy="the object cannot be synchronised")
    return place_of.text(stamp)


def _tombstone(feed: Feed, row: Mapping[str, Any]) -> NativeRecord:
    deleted_at = rows.moment(row.get("deletedDate"))
    return NativeRecord(feed.object, rows.full_id(row["id"]), {}, changed_at=deleted_at, deleted=True)

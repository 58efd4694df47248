"""Reads rows now: by id, and by value. `feed` reads what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sync.connectors.salesforce import rows, soql
from sync.connectors.salesforce.faults import RefusedError, aborting
from sync.connectors.salesforce.ids import to18
from sync.connectors.salesforce.schema import Schemas
from sync.connectors.salesforce.session import Call
from sync.errors import UnreachableError
from sync.model.remote import Feed, NativeRecord
from sync.model.values import Native, is_blank

if TYPE_CHECKING:
    from sync.connectors.salesforce.client import Client

RETRIEVE_MAX = 2000
"""Ids of one collections retrieve."""
PAGES_MAX = 100_000
"""More pages than any org's object has at 2,000 rows: beyond it the links go round."""
_FOREIGN_ID = frozenset({"MALFORMED_ID", "INVALID_CROSS_REFERENCE_KEY", "INVALID_ID_FIELD"})
LOOK = Call(exempt=True)
"""Reads by id and by value precede every write, an opt-out's too: our share of the day does not stop them."""


class Reader:
    """Reading for one connector."""

    def __init__(self, client: Client, schemas: Schemas, system: str) -> None:
        self.client = client
        self.schemas = schemas
        self.system = system

    @property
    def me(self) -> str | None:
        """Our user's id."""
        return self.client.tokens.current().user

    def fetch(self, feed: Feed, ids: Sequence[str]) -> dict[str, NativeRecord | None]:
        """Rows by id; `feed.where` is not applied, because a row that left the filter is not gone.

        None only where a query that sees the bin shows the row deleted, or does not show it at all (an id that is
        none can be no row). A row that was merged or converted comes as a deleted record that says where it went.
        """
        wanted = {given: to18(given) for given in ids}
        valid = list(dict.fromkeys(full for full in wanted.values() if full))
        found: dict[str, NativeRecord] = {}
        for start in range(0, len(valid), RETRIEVE_MAX):
            found |= self._fetch(feed, valid[start : start + RETRIEVE_MAX])
        return {given: found.get(full) if full else None for given, full in wanted.items()}

    def lookup(self, feed: Feed, path: str, values: Sequence[Native]) -> dict[str, tuple[NativeRecord, ...]]:
        """Live rows (within `feed.where`) by the value of a path; blanks find nothing. Compared without case."""
        asked = {str(value): _folded(path, value) for value in values}
        present = list({_folded(path, value): value for value in values if not is_blank(value)}.values())
        found: dict[str, list[NativeRecord]] = {}
        for condition in soql.membership(path, present):
            for row in self._matching(feed, path, condition):
                found.setdefault(_folded(path, rows.pluck(row, path)), []).append(rows.record(row, feed, self.me))
        return {text: tuple(found.get(folded, ())) for text, folded in asked.items()}

    def seen(self, feed: Feed) -> tuple[str, ...]:
        """The columns to ask for: all, until Salesforce denied one; from then on those described."""
        wanted = rows.columns(feed)
        known = self.schemas.known(feed.object)
        return wanted if known is None else self.schemas.visible(feed.object, wanted)

    def unseen(self, feed: Feed) -> tuple[str, ...]:
        """The paths of a feed that are not asked for, since Salesforce denied one."""
        seen = frozenset(self.seen(feed))
        return tuple(path for path in feed.paths if path not in seen)

    def first(
        self, feed: Feed, conditions: Sequence[str], order: str, *, deleted: bool, call: Call | None = None
    ) -> Mapping[str, Any]:
        """The first page of a query over the feed. A column that our user lost is left out, and so MISSING."""

        def ask() -> Any:
            return self.client.query(
                soql.select(self.seen(feed), feed.object, conditions, order), deleted=deleted, call=call
            )

        page: Mapping[str, Any] = self._adapting(feed, ask)
        return page

    def pages(self, page: Mapping[str, Any], call: Call | None = None) -> Iterator[Mapping[str, Any]]:
        """This page and those after it. Raises UnreachableError where the links do not lead to an end."""
        links: set[str] = set()
        yield page
        while not page["done"]:
            page = self.after(page, links, call)
            yield page

    def after(self, page: Mapping[str, Any], links: set[str], call: Call | None = None) -> Mapping[str, Any]:
        """The page after `page`; `links` are those followed so far. Raises RefusedError where the locator died."""
        link = str(page.get("nextRecordsUrl") or "")
        if link in links or not link or len(links) > PAGES_MAX:
            message = "the pages of a query do not end"
            raise UnreachableError(message, remedy="try again", system=self.system)
        links.add(link)
        return self.client.more(link, call=call)

    def _adapting(self, feed: Feed, ask: Any) -> Any:
        try:
            return ask()
        except RefusedError as refused:
            before = self.seen(feed)
            if refused.code != "INVALID_FIELD" or self._renewed(feed) == before:
                raise aborting(refused, self.system, f"read {feed.object}") from None
        try:
            return ask()
        except RefusedError as refused:
            raise aborting(refused, self.system, f"read {feed.object}") from None

    def _renewed(self, feed: Feed) -> tuple[str, ...]:
        self.schemas.renew(feed.object)
        return self.seen(feed)

    def _fetch(self, feed: Feed, ids: Sequence[str]) -> dict[str, NativeRecord]:
        dotted = any("." in path for path in feed.paths)
        found = {} if dotted else self._retrieved(feed, ids)
        rest = [one for one in ids if one not in found]
        for condition in soql.membership("Id", rest):
            page = self.first(feed, [condition], "", deleted=True, call=LOOK)
            found |= {one.id: one for one in self._records(feed, page)}
        return {one.id: one for one in found.values() if not one.deleted or one.merged_into}

    def _retrieved(self, feed: Feed, ids: Sequence[str]) -> dict[str, NativeRecord]:
        """One collections retrieve: rows in the order of the ids, null for those it does not find."""

        def ask() -> Any:
            body = {"ids": list(ids), "fields": list(self.seen(feed))}
            try:
                return self.client.send("POST", f"composite/sobjects/{feed.object}", body, call=LOOK)
            except RefusedError as refused:
                if refused.code not in _FOREIGN_ID:
                    raise
                return [None] * len(ids)  # one id of another object spoils the request: the query finds the others

        answer = self._adapting(feed, ask)
        if not isinstance(answer, list) or len(answer) != len(ids):
            message = "rows by id were answered with another number of rows"
            raise UnreachableError(message, remedy="try again", system=self.system)
        records = [rows.record(row, feed, self.me) for row in answer if isinstance(row, dict) and row.get("Id")]
        wanted = set(ids)
        return {one.id: one for one in records if one.id in wanted}

    def _matching(self, feed: Feed, path: str, condition: str) -> Iterator[Mapping[str, Any]]:
        conditions = [condition, *([feed.where] if feed.where else [])]
        wider = Feed(feed.object, tuple(dict.fromkeys((*feed.paths, path))), feed.where, feed.params)
        page = self.first(wider, conditions, "", deleted=False, call=LOOK)
        for one in self.pages(page, LOOK):
            yield from one["records"]

    def _records(self, feed: Feed, page: Mapping[str, Any]) -> Iterator[NativeRecord]:
        for one in self.pages(page, LOOK):
            yield from (rows.record(row, feed, self.me) for row in one["records"])


def _folded(path: str, value: Any) -> str:
    """How two values compare there: ids in their long form, text without case and outer blanks."""
    if path == "Id" or path.endswith(".Id"):
        return to18(str(value)) or str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(float(value))
    return str(value).strip().casefold()

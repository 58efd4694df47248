"""Calls: what is read, written once, or written as often as it takes; and walks over lists that are paged by offset.

A valid key is now and then answered 403 (`apis/activecampaign.md` 2), so a 403 without a reason is asked twice more before it is
believed. An empty body of a read is no empty list.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sync.connectors.activecampaign.answers import Said, holds, understand
from sync.connectors.http import Answer, Client, Verdict, error_for
from sync.connectors.http.client import Shape
from sync.errors import UnreachableError
from sync.model.clock import Clock

Row = dict[str, Any]
LIMIT: Final = 100
_PATIENCE_S: Final = (1.0, 2.0)
_FORBIDDEN: Final = (
    "Check api_key and base_url: ActiveCampaign answers 403 to a key that is wrong, and to one that may not do this."
)
_GATED: Final = (
    "/accounts",
    "/accountContacts",
    "/accountCustomField",
    "/contacts/{id}/accountContacts",
    "/notes",
    "/deals",
)
_NOT_IN_PLAN: Final = (
    "Lower plans have no accounts, notes and deals, and a user's group may hide them. If `crm-sync check` finds the credentials well, take"
    " what is not there out of the mappings: the column activecampaign of accounts.toml, and `account` of contacts."
)
_REFUSALS: Final = (400, 402, 403, 404, 406, 409, 410, 413, 422)
_WALKS: Final = 3


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list. ``total``: rows in the whole list, where told; ``last``: the walk ends here."""

    rows: list[Row]
    total: int | None
    last: bool
    answer: Answer


@dataclass(frozen=True, slots=True)
class Walk:
    """A whole list: rows by id, whether it ``held`` still while it was read, and the vendor's time when that began."""

    rows: dict[str, Row]
    held: bool
    at: datetime


class Api:
    """The calls of one connector."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self.client = client
        self.clock = clock

    @property
    def system(self) -> str:
        """The configured name."""
        return self.client.system

    def read(
        self,
        route: str,
        *,
        parts: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        shape: Shape | None = None,
        accept: Collection[int] = (),
    ) -> Answer:
        """A read; an answer with a status in `accept` is given back as it is. Raises as `Client.read` does."""
        for pause_s in (*_PATIENCE_S, None):
            answer = self.client.read(route, parts=parts, params=params, shape=shape, accept={*accept, 403})
            if pause_s is None or understand(answer).verdict is not Verdict.FORBIDDEN:
                break
            self.clock.sleep(pause_s)
        if answer.done or answer.status in accept:
            return answer
        error = error_for(answer, self.system)
        if answer.verdict is Verdict.FORBIDDEN:
            error.remedy = _NOT_IN_PLAN if route.startswith(_GATED) else _FORBIDDEN
        raise error

    def write(
        self, method: str, route: str, *, parts: Mapping[str, str] | None = None, body: Any = None
    ) -> tuple[Answer, Said]:
        """A write, sent once unless it positively did not happen."""
        for pause_s in (*_PATIENCE_S, None):
            answer = self.client.write(method, route, parts=parts, body=body)
            said = understand(answer)
            if pause_s is None or said.verdict is not Verdict.FORBIDDEN:
                break
            self.clock.sleep(pause_s)
        return answer, said

    def insist(
        self, method: str, route: str, *, parts: Mapping[str, str] | None = None, body: Any = None
    ) -> tuple[Answer, Said]:
        """A write that may be repeated after any outcome, repeated until it is answered. Raises QuotaError, AuthError."""
        for pause_s in (*_PATIENCE_S, None):
            try:
                answer = self.client.read(
                    route, parts=parts, method=method, body=body, shape=lambda _: True, accept=_REFUSALS
                )
            except UnreachableError:
                return Answer(route, Verdict.DOUBT), Said(Verdict.DOUBT, "UNANSWERED")
            said = understand(answer)
            if pause_s is None or said.verdict is not Verdict.FORBIDDEN:
                break
            self.clock.sleep(pause_s)
        return answer, said

    def pages(self, route: str, key: str, params: Mapping[str, Any] | None = None) -> Iterator[Listing]:
        """A list by offset, a hundred at a time; a page that brings nothing new is the end, whatever the total says."""
        seen: set[str] = set()
        offset = 0
        while True:
            asked = {**(params or {}), "limit": LIMIT, "offset": offset}
            answer = self.read(route, params=asked, shape=holds(key))
            rows = rows_of(answer.data, key)
            total = total_of(answer.data)
            new = [row for row in rows if str(row["id"]) not in seen]
            seen.update(str(row["id"]) for row in rows)
            offset += len(rows)
            last = not new or (len(rows) < LIMIT and (total is None or offset >= total))
            self.client.meter.add(read=len(new))
            yield Listing(new, total, last, answer)
            if last:
                return

    def all(self, route: str, key: str, params: Mapping[str, Any] | None = None) -> Walk:
        """A whole list; walked again, up to three times, while its count does not fit what came."""
        found: dict[str, Row] = {}
        began: datetime | None = None
        for _ in range(_WALKS):
            walked: dict[str, Row] = {}
            totals = set()
            for page in self.pages(route, key, params):
                began = began or self.client.server_time(page.answer)
                walked |= {str(row["id"]): row for row in page.rows}
                totals.add(page.total)
            found |= walked
            if totals == {None}:
                break  # nothing to hold it against
            if totals == {len(walked)}:
                return Walk(walked, held=found.keys() == walked.keys(), at=began or self.clock.now())
        return Walk(found, held=False, at=began or self.clock.now())


def rows_of(data: Any, key: str) -> list[Row]:
    """The rows with an id under a key; a single object counts as a list of one."""
    found = data.get(key) if isinstance(data, Mapping) else None
    found = [found] if isinstance(found, dict) else found
    return [row for row in found if isinstance(row, dict) and row.get("id")] if isinstance(found, list) else []


def total_of(data: Any) -> int | None:
    """How many rows a list has; told as text or as a number."""
    meta = data.get("meta") if isinstance(data, Mapping) else None
    text = str(meta.get("total", "")) if isinstance(meta, Mapping) else ""
    return int(text) if text.isdecimal() else None

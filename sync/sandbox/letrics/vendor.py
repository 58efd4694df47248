"""Letrics emulated: people and companies by filter, read only. Facts and assumptions: ``apis/`` sheet, section 3.

Company filters on people test the person's company. Newest rows stand first, so that what is added shifts the pages.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields
from typing import Any, ClassVar
from zlib import crc32

from sync.sandbox.clock import Clock
from sync.sandbox.letrics.crowd import company_row, contact_row
from sync.sandbox.letrics.filters import InvalidInput, Test, from_query, tests_of, whole
from sync.sandbox.pace import Window
from sync.sandbox.paths import with_paths
from sync.sandbox.people import Population
from sync.sandbox.selection import Selection
from sync.sandbox.store import Row, Store
from sync.sandbox.vendor import EditRefused
from sync.sandbox.wire import BadBody, Request, Response, json_response

OBJECTS = ("contacts", "companies")
PREFIX = {"contacts": "ct_", "companies": "co_"}
PER_PAGE, PER_PAGE_MAX = 25, 100


@dataclass(slots=True)
class Habits:
    """Readings of what the vendor leaves open.

    ``renamed`` says which spelling of the renamed filter works (both, old, new): the other is silently ignored.
    ``array_style`` is how a GET spells lists (brackets, repeat, comma); in brackets style a repeated bare name keeps
    the last value only. ``past_end`` is empty or clamp. ``order`` is newest or unstable.
    """

    renamed: str = "both"
    array_style: str = "brackets"
    past_end: str = "empty"
    order: str = "newest"


class Letrics:
    """The seed's two searches, by GET or by POST with a JSON body. No rate is documented, so none is set."""

    name: ClassVar[str] = "letrics"
    root: ClassVar[str] = ""
    settings_known: ClassVar[frozenset[str]] = frozenset(habit.name for habit in fields(Habits))

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._habits = Habits()
        self._minute = Window(clock, None, 60)
        self.clear()

    def clear(self) -> None:
        """Back to no rows; settings stay."""
        self.store = Store(self._clock)
        self._numbers = itertools.count(1)
        self._selection = Selection[str](self.store, OBJECTS)
        self._asked = 0

    def authenticate(self, request: Request) -> Response | None:
        """401 has no body: only the status is documented."""
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        known = kind == "Bearer" and (key == "sandbox" or key.startswith("sandbox-"))
        return None if known else Response(401)

    def is_login(self, request: Request) -> bool:  # noqa: ARG002 - the seam names it
        """There is no log-in."""
        return False

    def is_read(self, request: Request) -> bool:
        """A search sent by POST changes nothing."""
        return request.method in ("GET", "POST")

    def route(self, request: Request) -> str:
        """Paths have no holes."""
        return f"{request.method} {request.path}"

    def throttled(self, request: Request) -> Response | None:  # noqa: ARG002 - the seam names it
        """Only when the control plane has set a rate."""
        if self._minute.take():
            return None
        return _refusal(429, "rate_limit_exceeded", "Too many requests", {"retry-after": str(self._minute.wait_s())})

    def limit(self, settings: dict[str, Any]) -> None:
        """``requests_per_minute`` (None lifts), and habits by name."""
        if "requests_per_minute" in settings:
            self._minute.calls_max = settings["requests_per_minute"]
        for habit in fields(Habits):
            if habit.name in settings:
                setattr(self._habits, habit.name, settings[habit.name])

    def decorate(self, response: Response) -> None:
        """Nothing is documented."""

    def handle(self, request: Request) -> Response:
        """One page of a search."""
        name = request.path.strip("/")
        if name not in OBJECTS:
            return _refusal(404, "not_found", "There is nothing at this address")
        if request.method not in ("GET", "POST"):
            return _refusal(405, "method_not_allowed", "This resource can only be read")
        try:
            return self._search(name, self._wishes(request))
        except (InvalidInput, BadBody) as error:
            return _refusal(400, "invalid_input", str(error))

    def objects(self) -> list[str]:
        """Contacts and companies."""
        return list(OBJECTS)

    def rows(self, name: str) -> list[Row]:
        """Live rows, then deleted ones; people with their company as the API shows it."""
        live = [{**self._shown(name, row), "_deleted": False} for row in self.store.table(name).values()]
        return live + [{**row, "_deleted": True} for row in self.store.table(f"{name}:deleted").values()]

    def load(self, name: str, records: list[Row]) -> list[str]:
        """Stores rows as they stand."""
        return [self._create(name, record, None) for record in records]

    def edit(self, name: str, row_id: str | None, change: dict[str, Any], at: str | None) -> str:
        """What the vendor's own collectors do: rows come, change and go without a trace."""
        if "create" in change:
            return self._create(name, {**({"id": row_id} if row_id else {}), **change["create"]}, at)
        table = f"{name}:deleted" if change.get("undelete") else name
        row = self.store.get(table, str(row_id))
        if row is None:
            raise EditRefused(f"letrics has no {row_id} in {table!r}")
        if change.get("delete"):
            self._move(row, name, f"{name}:deleted")
        elif change.get("undelete"):
            self._move(row, f"{name}:deleted", name)
        elif "set" in change:
            self.store.put(name, row["id"], with_paths(row, _spelled(change["set"])))
        else:
            raise EditRefused("letrics knows set, create, delete and undelete; it merges nothing")
        return str(row["id"])

    def populate(self, population: Population) -> None:
        """The invented companies and people that Letrics has discovered."""
        ids = {
            place: self._create("companies", company_row(company), None)
            for place, company in enumerate(population.companies)
            if self.name in company.systems
        }
        for person in population.people:
            if self.name in person.systems:
                self._create("contacts", {**contact_row(person), "company_id": ids.get(person.company)}, None)

    def _move(self, row: Row, source: str, target: str) -> None:
        self.store.drop(source, row["id"])
        self.store.put(target, row["id"], row)

    def _create(self, name: str, record: Row, at: str | None) -> str:
        if name not in OBJECTS:
            raise EditRefused(f"letrics has no object {name!r}; it has {', '.join(OBJECTS)}")
        row_id = str(record.get("id") or f"{PREFIX[name]}{next(self._numbers)}")
        stamp = at or self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        blank = {"id": row_id, "added_at": stamp} if name == "companies" else {"id": row_id, "company_id": None}
        row = with_paths(blank, _spelled(record))
        if name == "contacts":
            row["company_id"] = row["company_id"] or (row.pop("company", None) or {}).get("id")
            row.pop("company", None)
        self.store.put(name, row_id, {**row, "id": row_id})
        return row_id

    def _shown(self, name: str, row: Row) -> Row:
        if name == "companies":
            return row
        return {**row, "company": self.store.table("companies").get(str(row["company_id"]))}

    def _wishes(self, request: Request) -> Row:
        if request.method == "GET":
            return from_query(request, self._habits.array_style)
        body = request.json() if request.body else {}
        if not isinstance(body, dict):
            raise InvalidInput("the body must be an object")
        return body

    def _search(self, name: str, wishes: Row) -> Response:
        page, size = whole(wishes, "page", 1), whole(wishes, "per_page", PER_PAGE)
        if size > PER_PAGE_MAX:
            raise InvalidInput(f"per_page must be at most {PER_PAGE_MAX}")
        tests = tests_of(name, wishes, self._habits.renamed)
        self._asked += 1
        salt = self._asked if self._habits.order == "unstable" else 0
        key = (
            name,
            salt,
            self._habits.renamed,
            repr(sorted((k, v) for k, v in wishes.items() if k not in ("page", "per_page"))),
        )
        ids = self._selection.ids(key, lambda: self._select(name, tests, salt))
        if self._habits.past_end == "clamp":
            page = min(page, max(1, -(-len(ids) // size)))
        part = [self._shown(name, self.store.table(name)[i]) for i in ids[(page - 1) * size : page * size]]
        meta: Row = {"page": page, "per_page": size}
        if name == "contacts":
            meta["total"] = len(ids)
        return json_response(200, {"data": part, "meta": meta, "errors": []})

    def _select(self, name: str, tests: list[Test], salt: int) -> list[str]:
        companies = self.store.table("companies")
        found = [
            row_id
            for row_id, row in self.store.table(name).items()
            if _passes(tests, row, row if name == "companies" else companies.get(str(row["company_id"])) or {})
        ]
        return found[::-1] if not salt else sorted(found, key=lambda row_id: crc32(f"{salt}{row_id}".encode()))


def _refusal(status: int, error_id: str, details: str, headers: dict[str, str] | None = None) -> Response:
    body: Row = {"data": None, "meta": {}, "errors": [{"id": error_id, "code": status, "details": details}]}
    return json_response(status, body, headers=headers)


def _passes(tests: list[Test], row: Row, company: Row) -> bool:
    return all(test(row, company) for test in tests)


def _spelled(changes: Row) -> Row:
    if "email" not in changes:
        return changes
    rest = {key: value for key, value in changes.items() if key != "email"}
    return {"emails": [{"email": changes["email"], "type": "work"}], **rest}

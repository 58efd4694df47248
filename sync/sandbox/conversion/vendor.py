"""Conversion as the server and the control plane see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from http import HTTPStatus
from typing import Any, ClassVar

from sync.sandbox.clock import Clock
from sync.sandbox.conversion import surface_c0, surface_c1, surface_c2
from sync.sandbox.conversion.rows import Data, Habits
from sync.sandbox.pace import Window
from sync.sandbox.paths import with_paths
from sync.sandbox.patterns import Patterns
from sync.sandbox.people import Company, Person, Population
from sync.sandbox.store import Row, Store
from sync.sandbox.vendor import EditRefused
from sync.sandbox.wire import Request, Response

ERRORS: dict[str, Callable[[str, str], Response]] = {
    "C0": surface_c0.error,
    "C1": surface_c1.error,
    "C2": surface_c2.error,
}
PATTERNS: dict[str, Patterns[surface_c0.Handler]] = {
    "C0": Patterns(surface_c0.ROUTES),
    "C1": Patterns(surface_c1.ROUTES),
    "C2": Patterns(surface_c2.ROUTES),
}
OBJECTS = ("contacts", "companies", "engagements")
BANDS = (
    (10, "1-10"),
    (50, "11-50"),
    (200, "51-200"),
    (500, "201-500"),
    (1000, "501-1000"),
    (5000, "1001-5000"),
    (10_000, "5001-10000"),
)
CALLS_PER_SECOND = 10


class Conversion:
    """The seed's surface (C0) by default. Settings: ``profile``, the fields of `Habits`, and rates.

    Ten calls a second per endpoint, as C1 documents; C0 names the error and no number.
    """

    name: ClassVar[str] = "conversion"
    root: ClassVar[str] = "/api/v1"
    settings_known: ClassVar[frozenset[str]] = frozenset(habit.name for habit in fields(Habits)) | {"profile"}

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._profile = "C0"
        self._habits = Habits()
        self._per_endpoint: int | None = CALLS_PER_SECOND
        self._minute = Window(clock, None, 60)
        self.clear()

    def clear(self) -> None:
        """Back to no rows; settings stay."""
        self.store = Store(self._clock)
        self._data = Data(self._clock, self.store, self._habits)
        self._seconds: dict[str, Window] = {}

    def authenticate(self, request: Request) -> Response | None:
        """C0 wants a Bearer key, C1 and C2 ``X-API-Key``."""
        header = (
            request.headers.get("authorization", "") if self._profile == "C0" else request.headers.get("x-api-key", "")
        )
        kind, _, key = header.rpartition(" ")
        if (key == "sandbox" or key.startswith("sandbox-")) and kind == ("Bearer" if self._profile == "C0" else ""):
            return None
        return ERRORS[self._profile]("UNAUTHORIZED", "Invalid or missing API key")

    def is_login(self, request: Request) -> bool:  # noqa: ARG002 - the seam names it
        """There is no log-in."""
        return False

    def is_read(self, request: Request) -> bool:
        """Exports are asked for by POST."""
        return request.method == "GET" or "/exports/" in request.path

    def route(self, request: Request) -> str:
        """The published pattern, or the bare path when nothing is there."""
        match = PATTERNS[self._profile].find(request.method, request.path)
        return match.pattern if match else f"{request.method} {request.path}"

    def throttled(self, request: Request) -> Response | None:
        """No Retry-After: none is documented."""
        window = self._seconds.setdefault(self.route(request), Window(self._clock, self._per_endpoint, 1))
        window.calls_max = self._per_endpoint
        if window.take() and self._minute.take():
            return None
        return ERRORS[self._profile]("RATE_LIMIT_EXCEEDED", "Too many requests")

    def limit(self, settings: dict[str, Any]) -> None:
        """Rates (``requests_per_minute``, ``requests_per_second``; None lifts), ``profile``, and habits by name."""
        if "requests_per_minute" in settings:
            self._minute.calls_max = settings["requests_per_minute"]
            self._per_endpoint = None if settings["requests_per_minute"] is None else self._per_endpoint
        if "requests_per_second" in settings:
            self._per_endpoint = settings["requests_per_second"]
        if settings.get("profile") in ERRORS:
            self._profile = settings["profile"]
            self._habits.unique_domains = self._profile == "C1"
        for habit in fields(Habits):
            if habit.name in settings:
                setattr(self._habits, habit.name, settings[habit.name])

    def decorate(self, response: Response) -> None:
        """Nothing is documented."""

    def handle(self, request: Request) -> Response:
        """Answers in the chosen profile's envelope."""
        match = PATTERNS[self._profile].find(request.method, request.path)
        if match is None:
            return ERRORS[self._profile]("NOT_FOUND", "Requested resource not found")
        response = match.target(self._data, request, match.holes)
        response.write = not self.is_read(request)
        if self._profile == "C0" and self._habits.ok_errors and response.status >= HTTPStatus.BAD_REQUEST:
            response.status = 200
        return response

    def objects(self) -> list[str]:
        """Contacts, companies, engagements."""
        return list(OBJECTS)

    def rows(self, name: str) -> list[Row]:
        """Live rows, then deleted ones."""
        live = [{**row, "_deleted": False} for row in self.store.table(name).values()]
        return live + [{**row, "_deleted": True} for row in self.store.table(f"{name}:deleted").values()]

    def load(self, name: str, records: list[Row]) -> list[str]:
        """Stores rows as they stand."""
        return [self._create(name, record, None) for record in records]

    def edit(self, name: str, row_id: str | None, change: dict[str, Any], at: str | None) -> str:
        """A person's edit in Conversion's own screens."""
        if "create" in change:
            return self._create(name, {**({"id": row_id} if row_id else {}), **change["create"]}, at)
        if change.get("undelete"):
            return self._undelete(name, str(row_id))
        row = self._row(name, str(row_id))
        if change.get("delete"):
            self._data.remove(name, row)
        elif "set" in change:
            self._set(name, row, change["set"], at)
        else:
            raise EditRefused("conversion knows set, create, delete and undelete; it merges nothing")
        return str(row["id"])

    def populate(self, population: Population) -> None:
        """Contacts and companies that somebody else's integration has brought here."""
        for company in population.companies:
            if self.name in company.systems:
                self._create("companies", _company(company), None)
        for person in population.people:
            if self.name in person.systems:
                employer = population.companies[person.company].name if population.companies else ""
                self._create("contacts", _contact(person, employer), None)

    def _set(self, name: str, row: Row, changes: Row, at: str | None) -> None:
        if name == "companies" and "id" in changes:
            changes = {**changes, "externalId": changes["id"]}
        changes = {path: value for path, value in changes.items() if path != "id"}
        after = with_paths(row, changes)
        self._reject_twin(name, after)
        if isinstance(after.get("variables"), dict):
            after["variables"] = {key: value for key, value in after["variables"].items() if value is not None}
        self.store.put(name, row["id"], {**after, "updatedAt": at or self._data.now()})

    def _create(self, name: str, record: Row, at: str | None) -> str:
        row = with_paths(self._blank(name, record, at), {path: value for path, value in record.items() if path != "id"})
        self._reject_twin(name, row)
        self.store.put(name, row["id"], row)
        return str(row["id"])

    def _blank(self, name: str, record: Row, at: str | None) -> Row:
        if name == "contacts":
            return self._data.fresh_contact(str(record.get("email", "")), at)
        if name == "companies":
            external_id = record.get("externalId", record.get("id"))
            return self._data.fresh_company(None if external_id is None else str(external_id), at)
        if name == "engagements":
            return {"id": self._data.new_id("e"), "createdAt": at or self._data.now()}
        raise EditRefused(f"conversion has no object {name!r}; it has {', '.join(OBJECTS)}")

    def _reject_twin(self, name: str, row: Row) -> None:
        twin = None
        if name == "contacts":
            twin = self._data.contact(row["email"])
        if name == "companies" and row["externalId"] is not None:
            twin = self._data.company(row["externalId"])
        if twin is not None and twin["id"] != row["id"]:
            raise EditRefused(f"conversion already has such a row in {name}: {twin['id']}")

    def _row(self, name: str, row_id: str) -> Row:
        by_key = {"contacts": self._data.contact, "companies": self._data.company}.get(name)
        row = self.store.get(name, row_id) or (by_key(row_id) if by_key else None)
        if row is None:
            raise EditRefused(f"conversion has no {row_id} in {name!r}")
        return row

    def _undelete(self, name: str, row_id: str) -> str:
        row = self.store.get(f"{name}:deleted", row_id)
        if row is None:
            raise EditRefused(f"conversion has no deleted {row_id} in {name!r}")
        self._reject_twin(name, row)
        self.store.drop(f"{name}:deleted", row_id)
        self.store.put(name, row_id, row)
        return row_id


def _contact(person: Person, employer: str) -> Row:
    names = {"first_name": person.first_name, "last_name": person.last_name, "title": person.title}
    digits = "".join(character for character in person.phone if character.isdigit())
    variables = {**names, "phone": digits, "company_name": employer}
    status = "UNSUBSCRIBED" if person.opted_out else "SUBSCRIBED"
    return {"email": person.email, "variables": variables, "subscriptionStatus": status}


def _company(company: Company) -> Row:
    size = next((word for top, word in BANDS if company.employees <= top), "10001+")
    variables = {"company_name": company.name, "industry": company.industry, "size": size, "website": company.domain}
    return {"id": f"ext-{company.domain}", "baseDomain": company.domain, "variables": variables}

"""Letrics emulated: people and companies by filter, read only. Facts and assumptions: ``apis/`` sheet, section 3.

Company filters on people test the person's company. Newest rows stand first, so that what is added shifts the pages.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar
from zlib import crc32

from sync.sandbox.clock import Clock
from sync.sandbox.pace import Window
from sync.sandbox.paths import with_paths
from sync.sandbox.people import Company, Person, Population
from sync.sandbox.selection import Selection
from sync.sandbox.store import Row, Store
from sync.sandbox.vendor import EditRefused
from sync.sandbox.wire import BadBody, Request, Response, json_response

OBJECTS = ("contacts", "companies")
PREFIX = {"contacts": "ct_", "companies": "co_"}
PER_PAGE, PER_PAGE_MAX = 25, 100
TECHNOLOGIES = ("Shopify", "HubSpot", "AWS", "Stripe", "Snowflake")
FUNCTIONS = ("ecommerce", "saas", "services", "manufacturing")
DEPARTMENTS = ("Sales", "Marketing", "Engineering", "Finance")
DECIDERS = ("c-level", "vp", "executive", "director")
SHARED_LISTS = ("locations", "functions", "industries", "tlds", "technologies")
PERSON_LISTS = ("job_titles", "departments", "seniorities")
PERSON_FLAGS = (
    "has_linkedin_profile",
    "is_decision_maker",
    "company_has_generic_email",
    "company_has_linkedin_profile",
)
SPELLINGS = {"both": ("has_personal_emails", "has_personal_email"), "old": ("has_personal_emails",)}
SPELLINGS["new"] = ("has_personal_email",)

Test = Callable[[Row, Row], bool]


class InvalidInput(ValueError):  # noqa: N818 - named after the vendor's error id
    """A request field has a value that the vendor refuses."""


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
            return self._create(name, change["create"], at)
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
            place: self._create("companies", _company(company), None)
            for place, company in enumerate(population.companies)
            if self.name in company.systems
        }
        for person in population.people:
            if self.name in person.systems:
                self._create("contacts", {**_contact(person), "company_id": ids.get(person.company)}, None)

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
            return _from_query(request, self._habits.array_style)
        body = request.json() if request.body else {}
        if not isinstance(body, dict):
            raise InvalidInput("the body must be an object")
        return body

    def _search(self, name: str, wishes: Row) -> Response:
        page, size = _whole(wishes, "page", 1), _whole(wishes, "per_page", PER_PAGE)
        if size > PER_PAGE_MAX:
            raise InvalidInput(f"per_page must be at most {PER_PAGE_MAX}")
        tests = self._tests(name, wishes)
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

    def _tests(self, name: str, wishes: Row) -> list[Test]:
        lists = SHARED_LISTS if name == "companies" else (*SHARED_LISTS, *PERSON_LISTS)
        tests = [_bound(wishes, "added_after"), _bound(wishes, "added_before")]
        for key in lists:
            tests += [_listed(wishes, key, key), _negated(_listed(wishes, f"exclude_{key}", key))]
        if name == "contacts":
            tests += [_flag(wishes, key, key) for key in PERSON_FLAGS]
            tests += [_flag(wishes, key, "has_personal_email") for key in SPELLINGS[self._habits.renamed]]
        return [test for test in tests if test is not None]


def _refusal(status: int, error_id: str, details: str, headers: dict[str, str] | None = None) -> Response:
    body: Row = {"data": None, "meta": {}, "errors": [{"id": error_id, "code": status, "details": details}]}
    return json_response(status, body, headers=headers)


def _passes(tests: list[Test], row: Row, company: Row) -> bool:
    return all(test(row, company) for test in tests)


def _whole(wishes: Row, key: str, default: int) -> int:
    value = wishes.get(key, default)
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidInput(f"{key} must be a positive integer")
    return value


def _from_query(request: Request, style: str) -> Row:
    wishes: Row = {}
    listed = {f"{prefix}{key}" for key in (*SHARED_LISTS, *PERSON_LISTS) for prefix in ("", "exclude_")}
    for key, value in request.query:
        name = key.removesuffix("[]")
        if name not in listed:
            wishes[name] = (
                {"true": True, "1": True, "false": False, "0": False}.get(value, value) if _is_flag(name) else value
            )
        elif style == "comma":
            wishes[name] = value.split(",")
        elif style == "repeat" or key.endswith("[]"):
            wishes[name] = [*wishes.get(name, []), value]
        else:
            wishes[name] = [value]
    return wishes


def _is_flag(name: str) -> bool:
    return name in PERSON_FLAGS or name in SPELLINGS["both"]


def _bound(wishes: Row, key: str) -> Test | None:
    if wishes.get(key) is None:
        return None
    try:
        edge = _moment(wishes[key])
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{key} must be a UTC ISO8601 timestamp") from error
    if key == "added_after":
        return lambda _, company: bool(company) and _moment(company["added_at"]) >= edge
    return lambda _, company: bool(company) and _moment(company["added_at"]) <= edge


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _listed(wishes: Row, key: str, attribute: str) -> Test | None:
    wanted = wishes.get(key)
    if wanted is None or wanted == []:
        return None
    if not isinstance(wanted, list) or not all(isinstance(word, str) for word in wanted):
        raise InvalidInput(f"{key} must be an array of strings")
    words = set(wanted)
    if attribute == "job_titles":
        lowered = [word.lower() for word in wanted]
        return lambda row, _: any(word in str(row.get("job_title") or "").lower() for word in lowered)
    if attribute in ("departments", "seniorities"):
        column = {"departments": "department", "seniorities": "seniority"}[attribute]
        return lambda row, _: row.get(column) in words
    if attribute in ("functions", "technologies"):
        return lambda _, company: not words.isdisjoint(company.get(attribute) or ())
    column = {"locations": "location", "industries": "industry", "tlds": "tld"}[attribute]
    return lambda _, company: company.get(column) in words


def _negated(test: Test | None) -> Test | None:
    return None if test is None else lambda row, company: not test(row, company)


def _flag(wishes: Row, key: str, attribute: str) -> Test | None:
    wanted = wishes.get(key)
    if wanted is None:
        return None
    if not isinstance(wanted, bool):
        raise InvalidInput(f"{key} must be a boolean")
    holds: dict[str, Test] = {
        "has_personal_email": lambda row, _: any(m.get("type") == "personal" for m in row.get("emails") or ()),
        "has_linkedin_profile": lambda row, _: bool(row.get("linkedin_url")),
        "is_decision_maker": lambda row, _: bool(row.get("is_decision_maker")),
        "company_has_generic_email": lambda _, company: bool(company.get("generic_email")),
        "company_has_linkedin_profile": lambda _, company: bool(company.get("linkedin_url")),
    }
    test = holds[attribute]
    return lambda row, company: test(row, company) == wanted


def _spelled(changes: Row) -> Row:
    if "email" not in changes:
        return changes
    rest = {key: value for key, value in changes.items() if key != "email"}
    return {"emails": [{"email": changes["email"], "type": "work"}], **rest}


def _company(company: Company) -> Row:
    number = company.number
    return {
        "name": company.name,
        "domain": company.domain,
        "tld": company.domain.rpartition(".")[2],
        "location": company.country,
        "industry": company.industry,
        "functions": [FUNCTIONS[number % len(FUNCTIONS)]],
        "technologies": sorted({TECHNOLOGIES[number % 5], TECHNOLOGIES[number // 5 % 5]}),
        "linkedin_url": None,
        "generic_email": f"info@{company.domain}" if number % 2 else None,
    }


def _contact(person: Person) -> Row:
    slug = f"{person.first_name}-{person.last_name}-{person.number}".lower()
    mails = [{"email": person.email, "type": "work"}]
    if person.number % 5 == 0:
        mails.append({"email": f"{slug}@mail.example", "type": "personal"})
    return {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "job_title": person.title,
        "department": DEPARTMENTS[person.number % len(DEPARTMENTS)],
        "seniority": person.seniority,
        "is_decision_maker": person.seniority.lower() in DECIDERS,
        "emails": mails,
        "linkedin_url": f"https://www.linkedin.example/in/{slug}" if person.number % 3 else None,
    }

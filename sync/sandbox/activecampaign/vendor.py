"""ActiveCampaign as the server and the control plane see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields as columns_of
from typing import Any, ClassVar

from sync.sandbox.activecampaign import (
    accounts,
    activity,
    automations,
    campaigns,
    contacts,
    deals,
    edits,
    fields,
    hook_events,
    imports,
    lists,
    schema,
    start,
    tags,
    webhooks,
)
from sync.sandbox.activecampaign.shapes import Call, forbidden, invalid, ok
from sync.sandbox.activecampaign.state import State, Switches
from sync.sandbox.clock import Clock
from sync.sandbox.courier import Courier
from sync.sandbox.pace import Window
from sync.sandbox.patterns import Patterns
from sync.sandbox.people import Population
from sync.sandbox.store import Row
from sync.sandbox.vendor import EditRefused
from sync.sandbox.wire import BadBody, Request, Response

Handler = Callable[[State, Call], Response]
PREFIX = "/api/3"
MODULES = (contacts, fields, tags, lists, imports, accounts, campaigns, automations, deals, activity, webhooks)
ROUTES: dict[str, Handler] = {pattern: handler for module in MODULES for pattern, handler in module.ROUTES.items()}
API = Patterns({pattern.replace(" /", f" {PREFIX}/", 1): handler for pattern, handler in ROUTES.items()})
TRACKING = "/event"
PER_SECOND, IMPORTS_PER_MINUTE, SINGLE_IMPORTS_PER_MINUTE = 5, 100, 20


class ActiveCampaign:
    """API v3 as section 17 of the ``apis/`` sheet wants it. Settings: rates, and the fields of `Switches`."""

    name: ClassVar[str] = "activecampaign"
    root: ClassVar[str] = ""
    settings_known: ClassVar[frozenset[str]] = frozenset(switch.name for switch in columns_of(Switches))

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._switches = Switches()
        self._calls = Window(clock, PER_SECOND, 1)
        self._imports = Window(clock, IMPORTS_PER_MINUTE, 60)
        self._single_imports = Window(clock, SINGLE_IMPORTS_PER_MINUTE, 60)
        self._courier = Courier()
        self.clear()

    def clear(self) -> None:
        """Back to the fields, lists and automations that are there from the start; settings stay."""
        self._state = State(self._clock, self._switches)
        self.store = self._state.store
        start.furnish(self._state)
        self._hooks = hook_events.Hooks(self._state, self._courier)

    def authenticate(self, request: Request) -> Response | None:
        """``Api-Token`` and nothing else; the tracking host has its own key."""
        key = request.headers.get("api-token", "")
        if key == "sandbox" or key.startswith("sandbox-") or request.path == TRACKING:
            return None
        return forbidden()

    def is_login(self, request: Request) -> bool:  # noqa: ARG002 - the seam names it
        """There is no log-in."""
        return False

    def route(self, request: Request) -> str:
        """The published pattern, or the bare path when nothing is there."""
        match = API.find(request.method, request.path)
        return match.pattern if match else f"{request.method} {request.path}"

    def throttled(self, request: Request) -> Response | None:
        """Five calls a second for the whole account; imports have limits of their own, which answer 400."""
        if not self._calls.take():
            return Response(429, b"", {"retry-after": str(self._calls.wait_s())})
        if request.method != "POST" or not request.path.endswith("/import/bulk_import"):
            return None
        sent = Call(request, ()).body().get("contacts")
        single = isinstance(sent, list) and len(sent) == 1
        if (self._single_imports if single else self._imports).take():
            return None
        top = SINGLE_IMPORTS_PER_MINUTE if single else IMPORTS_PER_MINUTE
        return imports.refused("Rate limit exceeded.", [f"Up to {top} imports may be requested per minute."])

    def limit(self, settings: dict[str, Any]) -> None:
        """Rates (``requests_per_second``, ``requests_per_minute``; None lifts all), and switches by name."""
        for key, seconds in (("requests_per_second", 1), ("requests_per_minute", 60)):
            if key in settings:
                self._calls = Window(self._clock, settings[key], seconds)
                if settings[key] is None:
                    self._imports.calls_max = self._single_imports.calls_max = None
        for name in self.settings_known & settings.keys():
            setattr(self._switches, name, _switch(name, settings[name]))

    def decorate(self, response: Response) -> None:
        """How many calls are allowed and left."""
        if self._calls.calls_max is not None:
            response.headers["ratelimit-limit"] = str(self._calls.calls_max)
            response.headers["ratelimit-remaining"] = str(self._calls.remaining())

    def handle(self, request: Request) -> Response:
        """Answers one request; what an import has done by now is there."""
        self.wake()
        response = self._answer(request)
        self._hooks.tell()
        response.write = request.method != "GET"
        response.rows = max(response.rows, int(response.write and response.status < 300))  # noqa: PLR2004 - success
        return response

    def _answer(self, request: Request) -> Response:
        if request.path == TRACKING:
            return activity.track(self._state, Call(request, ()))
        match = API.find(request.method, request.path)
        if match is None:
            return self._no_route(request)
        if request.method != "GET" and _is_malformed(request):
            return ok({"message": "Syntax error"}, 400)
        many = "bulk" in request.path.lower()
        if 0 in request.failing_rows and request.method != "GET" and not many:
            return invalid("The row was refused.", request.failing_rows[0])
        return match.target(self._state, Call(request, match.holes))

    def _no_route(self, request: Request) -> Response:
        known = API.knows(request.path)
        if known or request.path.startswith(f"{PREFIX}/automations"):
            return ok({"message": "Method Not Allowed"}, 405)
        return ok({"message": "No Route matched with those values"}, 404)

    def objects(self) -> list[str]:
        """The collections of the API, then the tables beside them."""
        return [*schema.OBJECTS, *schema.SIDE_TABLES]

    def rows(self, name: str) -> list[Row]:
        """Live rows, then deleted ones."""
        self.wake()
        return [*self._dumped(name, name, gone=False), *self._dumped(name, f"{name}:deleted", gone=True)]

    def _dumped(self, name: str, table: str, *, gone: bool) -> list[Row]:
        rows = self._state.all(table)
        if name == "contacts":
            rows = [self._state.full(row) for row in rows]
        if name == "contactLists":
            rows = [{**schema.MEMBERSHIP, **row} for row in rows]
        return [{**{key: value for key, value in row.items() if key != "_sides"}, "_deleted": gone} for row in rows]

    def load(self, name: str, records: list[Row]) -> list[str]:
        """Stores rows as they stand."""
        with self._hooks.caused_by(None):
            return [edits.create(self._state, name, record, None) for record in records]

    def edit(self, name: str, row_id: str | None, change: dict[str, Any], at: str | None) -> str:
        """A person's edit."""
        self.wake()
        quiet = not {"create", "set"} & change.keys() and name in ("contacts", "accounts")
        with self._hooks.caused_by(None if quiet else self._switches.edit_source):
            edited = self._edit(name, row_id, change, at)
        self._hooks.tell()
        return edited

    def _edit(self, name: str, row_id: str | None, change: dict[str, Any], at: str | None) -> str:
        if "create" in change:
            return edits.create(self._state, name, {**({"id": row_id} if row_id else {}), **change["create"]}, at)
        if "set" in change:
            return edits.change(self._state, name, str(row_id), change["set"], at)
        if change.get("merge_into"):
            return edits.merge(self._state, name, str(row_id), str(change["merge_into"]), at)
        act = edits.undelete if change.get("undelete") else edits.delete
        return act(self._state, name, str(row_id), at)

    def wake(self) -> None:
        """Ends the imports that are due and calls back; tells of what came to light by itself."""
        with self._hooks.caused_by(None):
            for message in imports.settle(self._state):
                self._courier.send(message)
        self._hooks.tell()

    def close(self) -> None:
        """Sends nothing more."""
        self._courier.close()

    def populate(self, population: Population) -> None:
        """Accounts and contacts as somebody typed them here."""
        start.populate(self._state, population, self.name)


def _is_malformed(request: Request) -> bool:
    """Whether something was sent that is no JSON."""
    try:
        return bool(request.body) and request.json() is None
    except BadBody:
        return True


def _switch(name: str, value: Any) -> Any:
    """A switch's new value; EditRefused when it is of another kind than its default."""
    kind = type(getattr(Switches(), name))
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise EditRefused(f"{name!r} must be a {kind.__name__}")
    if name == "edit_source" and value not in webhooks.SOURCES:
        raise EditRefused(f"{name!r} must be one of: {', '.join(webhooks.SOURCES)}")
    return value

"""Salesforce as the sandbox's server and control plane see it: the `Vendor` of this package."""

from __future__ import annotations

from typing import Any, ClassVar

from sync.sandbox.clock import Clock
from sync.sandbox.people import Population
from sync.sandbox.salesforce import bulk_ingest, bulk_v1, control, population
from sync.sandbox.salesforce.columns import shown
from sync.sandbox.salesforce.metadata import versions
from sync.sandbox.salesforce.org import API_USER, ORG_ID, Org
from sync.sandbox.salesforce.refusals import Refusal, missing
from sync.sandbox.salesforce.routing import dispatch, template, too_long
from sync.sandbox.salesforce.sessions import soap_refusal
from sync.sandbox.store import Row, Store
from sync.sandbox.wire import Request, Response, json_response

OAUTH = "/services/oauth2/"
SOAP = "/services/Soap/"
APEX = "/services/apexrest/"
EXPIRED = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


class Salesforce:
    """One emulated org."""

    name: ClassVar[str] = "salesforce"
    root: ClassVar[str] = ""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._org = Org(clock)
        self.store: Store = self._org.database.store

    def is_login(self, request: Request) -> bool:
        """Log-ins: the OAuth endpoints, and SOAP's, which is refused."""
        return request.path.startswith((OAUTH, SOAP))

    def authenticate(self, request: Request) -> Response | None:
        """Refuses with 401 INVALID_SESSION_ID; log-in and the list of versions need no session."""
        self._org.usage.counted = False
        if self.is_login(request) or request.path.rstrip("/") == "/services/data":
            return None
        if self._org.sessions.alive(request):
            return None
        if not request.path.startswith(bulk_v1.ROOT):
            return json_response(401, EXPIRED)
        alive = self._org.sessions.lives(request.headers.get("x-sfdc-session", ""))
        return None if alive else bulk_v1.expired(request)

    def route(self, request: Request) -> str:
        """The route template of the call log."""
        if request.path.startswith("/id/"):
            return f"{request.method} /id/:org/:user"
        if request.path.startswith(bulk_v1.ROOT):
            return bulk_v1.template(request)
        return template(request)

    def throttled(self, request: Request) -> Response | None:
        """Counts the call against the daily allowance; 403 REQUEST_LIMIT_EXCEEDED beyond it."""
        if self.is_login(request) or request.path.rstrip("/") == "/services/data":
            return None
        self._org.usage.counted = True
        try:
            self._org.usage.count()
        except Refusal as refusal:
            return refusal.response()
        return None

    def limit(self, settings: dict[str, Any]) -> None:
        """Sets what the org allows.

        ``daily_calls`` (None lifts) · ``session_s`` inactivity time-out · ``rotate_refresh_tokens`` · ``read_only`` ·
        ``hide_fields`` (``["Contact.HasOptedOutOfEmail"]``) · ``duplicate_rule`` (``"alert"``, ``"block"`` or None) ·
        ``triggers`` (``[{"object", "field", "set": "upper"}]``).
        """
        org = self._org
        org.usage.daily_calls = settings.get("daily_calls", org.usage.daily_calls)
        org.sessions.session_s = float(settings.get("session_s") or org.sessions.session_s)
        org.sessions.rotate = bool(settings.get("rotate_refresh_tokens", org.sessions.rotate))
        org.settings.read_only = bool(settings.get("read_only", org.settings.read_only))
        org.settings.triggers = settings.get("triggers", org.settings.triggers) or []
        org.settings.duplicate_rule = settings.get("duplicate_rule", org.settings.duplicate_rule)
        if "hide_fields" in settings:
            org.schema.hide(settings["hide_fields"] or [])

    def decorate(self, response: Response) -> None:
        """Adds ``Sforce-Limit-Info`` to the answer of every counted call."""
        if self._org.usage.counted:
            response.headers["Sforce-Limit-Info"] = self._org.usage.header()

    def handle(self, request: Request) -> Response:
        """Answers one request."""
        path = request.path.rstrip("/")
        if path.startswith(OAUTH):
            return self._org.sessions.handle(request, path.removeprefix(OAUTH))
        if path.startswith(SOAP):
            return soap_refusal(path.rsplit("/", 1)[-1])
        if path == "/services/data":
            return versions()
        if path == f"/id/{ORG_ID}/{API_USER}":
            return json_response(200, self._org.sessions.identity(request))
        if path.startswith(bulk_v1.ROOT):
            return bulk_v1.answer(self._org, request)
        if path.startswith(APEX):
            return missing(f"Could not find a match for URL /{path.removeprefix(APEX)}").response()
        if not path.startswith("/services/data/"):
            return missing().response()
        bulk_ingest.overtake(self._org)
        bulk_v1.overtake(self._org)
        return too_long(request) or dispatch(self._org, request)

    def populate(self, population_of: Population) -> None:
        """Stores this org's view of the invented people."""
        population.populate(self._org, population_of)

    def clear(self) -> None:
        """A new org: empty, nobody logged in, nothing switched; only the daily allowance stays what it was."""
        daily_calls = self._org.usage.daily_calls
        self._org = Org(self._clock)
        self._org.usage.daily_calls = daily_calls
        self.store = self._org.database.store

    def objects(self) -> list[str]:
        """Every sObject."""
        return [kind.name for kind in self._org.schema.objects()]

    def rows(self, name: str) -> list[Row]:
        """All rows of an object, those of the recycle bin too; raises EditRefused."""
        bulk_ingest.overtake(self._org)
        bulk_v1.overtake(self._org)
        kind = control.kind_named(self._org, name)
        show = shown(self._org.database, kind)
        return [show(row) for row in self.store.table(kind.name).values()]

    def load(self, name: str, records: list[Row]) -> list[str]:
        """Stores rows as they stand; raises EditRefused."""
        return control.load(self._org, name, records)

    def edit(self, name: str, row_id: str | None, change: dict[str, Any], at: str | None) -> str:
        """A person's edit; raises EditRefused."""
        return control.edit(self._org, name, row_id, change, at)

"""The emulated Abmatic as the server and the control plane see it."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import unquote

from sync.sandbox.abmatic import answers, webhooks
from sync.sandbox.abmatic.populate import populate
from sync.sandbox.abmatic.quota import Quota
from sync.sandbox.abmatic.rows import Rows
from sync.sandbox.abmatic.settings import KNOWN, Settings
from sync.sandbox.abmatic.surface import Surface
from sync.sandbox.abmatic.views import Views
from sync.sandbox.clock import Clock
from sync.sandbox.people import Population
from sync.sandbox.store import Row, Store
from sync.sandbox.wire import Request, Response

KEY = "sandbox"
OBJECTS = ["accounts", "contacts", "campaigns", "visitors", "groups"]
FIXED_PARTS = {"accounts", "contacts", "campaigns", "visitors", "groups", "me", "target-groups", "analytics", "members"}


class Abmatic:
    """One tenant; see the package for the profiles."""

    name: ClassVar[str] = "abmatic"
    root: ClassVar[str] = "/v1"
    settings_known: ClassVar[frozenset[str]] = KNOWN

    def __init__(self, clock: Clock) -> None:
        self._quota = Quota(clock)
        self.settings = Settings()
        self.store = Store(clock)
        self.hooks = webhooks.Hooks()
        self._clock = clock
        self._rows = Rows(self.store, clock, self.settings)
        self._surface = Surface(self._rows, self.settings)
        self._views = Views(self._rows, self.settings)
        self._requests = 0

    def authenticate(self, request: Request) -> Response | None:
        """``Bearer sandbox`` or ``Bearer sandbox-…``."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and (key == KEY or key.startswith(f"{KEY}-")):
            return None
        return answers.refusal("unauthorized", "Invalid or missing API key")

    def is_login(self, request: Request) -> bool:  # noqa: ARG002 - the key goes with every call: there is no log-in
        """There is none."""
        return False

    def route(self, request: Request) -> str:
        """``GET /v1/accounts/:id``."""
        parts = [part if part in FIXED_PARTS else ":id" for part in request.path.split("/")[2:] if part]
        return f"{request.method} {'/'.join([self.root, *parts])}"

    def throttled(self, request: Request) -> Response | None:  # noqa: ARG002 - every request counts the same
        """429 when the window is used up; only A3 sends Retry-After (trap T-A11)."""
        if self._quota.take():
            return None
        wait_s = self._quota.left_s()
        response = answers.refusal(
            "rate_limit_exceeded", "Too many requests. Please wait before retrying.", retry_after=wait_s
        )
        if self.settings.profile == "A3":
            response.headers["retry-after"] = str(wait_s)
        return response

    def limit(self, settings: dict[str, Any]) -> None:
        """``requests_per_minute`` (None lifts it) and the keys of `Settings`."""
        self.settings.change(settings)
        if "requests_per_minute" in settings:
            self._quota.per_minute = settings["requests_per_minute"]
            self._quota.reset()

    def decorate(self, response: Response) -> None:
        """Rate-limit headers on every answer."""
        self._quota.head(response)

    def handle(self, request: Request) -> Response:
        """Answers by profile; without the right plan there is no API at all."""
        self._requests += 1
        request_id = f"req_{self._requests:08x}"
        if self.settings.plan != "enterprise":
            return answers.refusal("forbidden", "API access requires an Enterprise plan")
        if not request.path.startswith(f"{self.root}/"):
            return answers.refusal("not_found", "Resource doesn't exist")
        if not self.settings.writes and request.method != "GET":
            return answers.refusal("forbidden", "This API key is read-only")
        segments = [unquote(part) for part in request.path.split("/")[2:] if part]
        surface = self._surface if self.settings.profile == "A1" else self._views
        return surface.answer(request, segments, request_id)

    def populate(self, population: Population) -> None:
        """Stores Abmatic's own view of the invented world."""
        populate(self._rows, population)

    def objects(self) -> list[str]:
        """The API's collection names."""
        return list(OBJECTS)

    def rows(self, name: str) -> list[Row]:
        """Every stored row, with ``_deleted``; accounts with the names of their ``groups``."""
        return self._rows.dumped(name)

    def load(self, name: str, records: list[Row]) -> list[str]:
        """Stores rows as they stand."""
        return self._rows.load(name, records)

    def edit(self, name: str, row_id: str | None, change: dict[str, Any], at: str | None) -> str:
        """A person's edit in Abmatic's own user interface: any field may be set, and is a custom field from then on."""
        before = self.store.get(name, str(row_id))
        edited = self._rows.edit(name, row_id, change, at)
        after = self.store.get(name, edited)
        if after is not None and {"set", "create"} & change.keys():
            self._tell(name, before, after)
        return edited

    def _tell(self, name: str, before: Row | None, after: Row) -> None:
        company = after.get("company")
        account_id = company.get("id") if isinstance(company, dict) else after.get("account_id")
        told = webhooks.happened(name, before, after, self.store.get("accounts", str(account_id)))
        if told is not None:
            self.hooks.tell(*told, self._clock.now().strftime(webhooks.STAMP))

    def wake(self) -> None:
        """Nothing is due by time: events go out as they happen."""

    def close(self) -> None:
        """Sends nothing more."""
        self.hooks.courier.close()

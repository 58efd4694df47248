"""One emulated org: what every endpoint works with."""

from __future__ import annotations

import gzip
import itertools
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sync.sandbox.clock import Clock
from sync.sandbox.salesforce.database import Author, Database
from sync.sandbox.salesforce.ids import numbered
from sync.sandbox.salesforce.refusals import Refusal
from sync.sandbox.salesforce.schema import Schema, SObject
from sync.sandbox.salesforce.sessions import Sessions
from sync.sandbox.salesforce.usage import Usage
from sync.sandbox.wire import BadBody, Request, Response

ORG_ID = numbered("00D", 1)
API_USER = numbered("005", 1)
HUMAN_USER = numbered("005", 2)
QUEUE_USER = numbered("005", 3)
USERS = (
    (API_USER, "Integration", "User", "crm-sync@sandbox.example"),
    (HUMAN_USER, "Sally", "Seller", "sally.seller@sandbox.example"),
    (QUEUE_USER, "Ines", "Inbound", "ines.inbound@sandbox.example"),
)


@dataclass
class Settings:
    """What the control plane may switch: see `Salesforce.limit`."""

    read_only: bool = False
    triggers: list[dict[str, str]] = field(default_factory=list)
    duplicate_rule: str | None = None


class Org:
    """Rows, sessions and allowances of one org; endpoints keep their cursors and jobs here."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.schema = Schema()
        self.database = Database(clock, self.schema)
        self.sessions = Sessions(clock, ORG_ID, API_USER)
        self.usage = Usage(clock)
        self.settings = Settings()
        self.cursors: dict[str, Any] = {}
        self.jobs: dict[str, Any] = {}
        self.made_at = self.database.now()
        self._numbers = itertools.count(1)
        self._fixed_rows()

    def _fixed_rows(self) -> None:
        author = Author(API_USER, self.made_at)
        users = self.schema.known("User")
        for row_id, first, last, mail in USERS:
            person = {"FirstName": first, "LastName": last, "Username": mail, "Email": mail, "Alias": first[:8].lower()}
            self.database.stand(users, {"Id": row_id, **person, "IsActive": True, "UserType": "Standard"}, author)
        org = {
            "Id": ORG_ID,
            "Name": "Sandbox",
            "IsSandbox": True,
            "OrganizationType": "Developer Edition",
            "InstanceName": "SBX1",
        }
        self.database.stand(self.schema.known("Organization"), org, author)

    def api_author(self) -> Author:
        """The integration user, now."""
        return Author(API_USER, self.database.now())

    def new_id(self, prefix: str) -> str:
        """An id for a job or a cursor."""
        return numbered(prefix, next(self._numbers))


@dataclass(frozen=True)
class Call:
    """One request on its way to an endpoint; ``args`` are the decoded parts of the path that the route names."""

    org: Org
    request: Request
    version: str
    args: dict[str, str]
    dispatch: Callable[[Request], Response]

    @property
    def base(self) -> str:
        """``/services/data/v67.0``."""
        return f"/services/data/v{self.version}"

    @property
    def database(self) -> Database:
        """The org's rows."""
        return self.org.database

    def kind(self) -> SObject:
        """The object that the path names; raises Refusal 404."""
        return self.org.schema.known(self.args["object"])

    def body(self) -> bytes:
        """The request body, unpacked."""
        if self.request.headers.get("content-encoding", "").lower() != "gzip":
            return self.request.body
        try:
            return gzip.decompress(self.request.body)
        except (OSError, EOFError, zlib.error):
            raise Refusal("JSON_PARSER_ERROR", "the body is not gzip") from None

    def json(self) -> Any:
        """The JSON body; raises Refusal JSON_PARSER_ERROR."""
        try:
            return Request("POST", "", "", {}, self.body()).json()
        except BadBody as error:
            raise Refusal("JSON_PARSER_ERROR", f"Unexpected character or end of input: {error}") from None

    def json_object(self) -> dict[str, Any]:
        """The JSON body, which must be an object."""
        data = self.json()
        if not isinstance(data, dict):
            raise Refusal("JSON_PARSER_ERROR", "The HTTP entity body must be a JSON object")
        return data

    def check_writable(self) -> None:
        """Raises Refusal when the integration user may only read."""
        if self.org.settings.read_only:
            raise Refusal("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", [], status=403)


Handler = Callable[[Call], Response]
Route = tuple[str, str, Handler]
"""Method, path below ``/services/data/vX`` with ``:name`` parts, endpoint."""

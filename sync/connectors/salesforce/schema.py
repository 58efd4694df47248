"""What an object is like for our user, from its describe.

Kept for an hour, and renewed when Salesforce no longer knows a field.
A field that field-level security hides is simply not described (apis/salesforce.md 2.5).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sync.connectors.salesforce.faults import RefusedError, aborting
from sync.connectors.salesforce.session import Call
from sync.errors import DriftError
from sync.model.clock import Clock
from sync.model.remote import FieldSchema, ObjectSchema

if TYPE_CHECKING:
    from sync.connectors.salesforce.client import Client

LIFE_S = 3600.0
_EVEN_SO = Call(exempt=True)
"""Nothing is written without it, not even an opt-out: our share of the day does not stop it."""
_TELLING = frozenset({"id", "email", "phone", "url"})
_READ_ONLY_TYPES = frozenset({"address", "location", "id"})


@dataclass(frozen=True, slots=True)
class Described:
    """An object's schema, and what only this connector needs of the describe.

    `relations` maps a relationship name to the objects it may lead to. `types` is by field; `keys` are the fields to find
    rows by, the strongest first. `has_bin` False: deleted rows are gone at once.
    """

    schema: ObjectSchema
    relations: Mapping[str, tuple[str, ...]]
    types: Mapping[str, str]
    keys: tuple[str, ...]
    has_bin: bool


class Schemas:
    """The describes of one connector."""

    def __init__(self, client: Client, clock: Clock, system: str) -> None:
        self._client = client
        self._clock = clock
        self._system = system
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Described]] = {}

    def get(self, object: str) -> Described:  # noqa: A002 - the feed's word
        """The describe, at most an hour old. Raises DriftError for an object that does not exist for our user."""
        known = self._known.get(object)
        fresh = known is not None and self._clock.monotonic() - known[0] < LIFE_S
        return known[1] if known is not None and fresh else self.renew(object)

    def known(self, object: str) -> Described | None:  # noqa: A002
        """The describe if it was read before, however old."""
        known = self._known.get(object)
        return known[1] if known else None

    def renew(self, object: str) -> Described:  # noqa: A002
        """Reads the describe now."""
        try:
            body = self._client.send("GET", f"sobjects/{object}/describe", call=_EVEN_SO)
        except RefusedError as refused:
            raise aborting(refused, self._system, f"describe {object}") from None
        if not isinstance(body, dict) or not isinstance(body.get("fields"), list):
            raise DriftError(f"describe {object} is not an object's", remedy="check api_version", system=self._system)
        described = parse(object, body)
        with self._lock:
            self._known[object] = (self._clock.monotonic(), described)
        return described

    def visible(self, object: str, columns: Iterable[str]) -> tuple[str, ...]:  # noqa: A002
        """Those of `columns` that exist for our user, relationship paths followed into the parents."""
        described = self.get(object)
        return tuple(column for column in columns if self._sees(described, column))

    def _sees(self, described: Described, column: str) -> bool:
        first, dot, rest = column.partition(".")
        if not dot:
            return column in described.schema.fields
        return any(self._sees(self.get(parent), rest) for parent in described.relations.get(first, ()))


def parse(object: str, body: Mapping[str, Any]) -> Described:  # noqa: A002 - the feed's word
    """Reads a describe answer."""
    fields = [field for field in body["fields"] if isinstance(field, dict) and field.get("name")]
    named = {field["relationshipName"]: field for field in fields if field.get("relationshipName")}
    return Described(
        schema=ObjectSchema(
            object=object,
            fields={field["name"]: parse_field(field) for field in fields},
            createable=bool(body.get("createable", True)),
            updateable=bool(body.get("updateable", True)),
            deletable=bool(body.get("deletable", True)),
        ),
        relations={name: tuple(field.get("referenceTo") or ()) for name, field in named.items()},
        types={field["name"]: str(field.get("type", "string")) for field in fields},
        keys=tuple(field["name"] for field in sorted(filter(_strength, fields), key=_strength, reverse=True)),
        has_bin=bool(body.get("undeletable", True)),
    )


def _strength(field: Mapping[str, Any]) -> int:
    """How well a field tells rows apart: 0 not at all, 4 it is made for that."""
    if not field.get("filterable", True):
        return 0
    marks = (field.get("type") in _TELLING, field.get("idLookup"), field.get("unique"), field.get("externalId"))
    return max((rank for rank, mark in enumerate(marks, 1) if mark), default=0)


def parse_field(field: Mapping[str, Any]) -> FieldSchema:
    """One field of a describe. Compound, formula and auto-number fields are read-only, whatever else it says."""
    fixed = bool(field.get("calculated") or field.get("autoNumber")) or field.get("type") in _READ_ONLY_TYPES
    createable = bool(field.get("createable", True)) and not fixed
    picklist = [value["value"] for value in field.get("picklistValues") or () if value.get("active", True)]
    restricted = bool(field.get("restrictedPicklist"))
    return FieldSchema(
        path=field["name"],
        type=str(field.get("type", "string")),
        createable=createable,
        updateable=bool(field.get("updateable", True)) and not fixed,
        required=createable and not field.get("nillable", True) and not field.get("defaultedOnCreate", False),
        length=field.get("length") or None,
        precision=field.get("precision") or field.get("digits") or None,
        scale=field.get("scale"),
        values=tuple(picklist) if restricted else None,
        restricted=restricted,
        unique=bool(field.get("unique")),
        external_id=bool(field.get("externalId")),
        refers_to=tuple(field.get("referenceTo") or ()),
    )

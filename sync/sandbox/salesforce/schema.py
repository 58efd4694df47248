"""The sObjects of the org: their fields by name in any case, relationships, and what describe says of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from sync.sandbox.salesforce.catalogue import CHILD_NAMES, OBJECTS, PREFIXES, SYSTEM, VALUE_SETS
from sync.sandbox.salesforce.fields import NUMERIC, Field
from sync.sandbox.salesforce.refusals import COLUMN_HINT, Refusal

UNBINNED = frozenset({"CampaignMember", "User", "Organization"})
MERGEABLE = frozenset({"Account", "Contact", "Lead"})
SETUP = frozenset({"User", "Organization"})
STAMPS = frozenset({"CreatedDate", "LastModifiedDate", "SystemModstamp"})


def parse_field(line: str) -> Field:
    """A field from its line in the catalogue."""
    name, kind, *flags = line.split()
    kind, _, size = kind.partition(":")
    words = dict(flag.partition("=")[::2] for flag in flags)
    first, _, scale = size.partition(",")
    read_only = "ro" in words
    return Field(
        name,
        kind,
        length=int(first or 0) if kind not in NUMERIC else 0,
        precision=int(first or 0) if kind in NUMERIC else 0,
        scale=int(scale or 0),
        createable=not read_only and "u" not in words,
        updateable=not read_only and "c" not in words,
        nillable="required" not in words,
        default=parse_default(kind, words.get("default")),
        external_id="ext" in words,
        unique="unique" in words,
        case_sensitive="exact" in words,
        id_lookup="lookup" in words,
        restricted="restricted" in words,
        values=tuple(VALUE_SETS[words["values"]].split("|")) if "values" in words else (),
        refers=tuple(words["to"].split(",")) if "to" in words else (),
        relationship=words.get("rel"),
        compound=words.get("of"),
        cascades="cascade" in words,
    )


def parse_default(kind: str, text: str | None) -> Any:
    """``-`` is a value that the server fills in; underscores stand for blanks."""
    if text is None:
        return None
    return int(text) if kind == "int" else "" if text == "-" else text.replace("_", " ")


class SObject:
    """One object of the org; ``hidden`` holds names of fields that field-level security takes away (lower case)."""

    def __init__(self, name: str, prefix: str, fields: list[Field]) -> None:
        self.name = name
        self.prefix = prefix
        self.hidden: frozenset[str] = frozenset()
        self._fields = {field.name.lower(): field for field in fields}

    def field(self, name: str) -> Field | None:
        """A visible field by its name in any case."""
        low = name.lower()
        return None if low in self.hidden else self._fields.get(low)

    def fields(self) -> Iterator[Field]:
        """Visible fields in the order of describe."""
        return (field for low, field in self._fields.items() if low not in self.hidden)

    def column(self, name: str) -> Field:
        """A field that a query names; raises Refusal with the query's wording."""
        found = self.field(name)
        if found is None:
            raise Refusal("INVALID_FIELD", f"No such column '{name}' on entity '{self.name}'. {COLUMN_HINT}")
        return found

    @cached_property
    def references(self) -> list[Field]:
        """Fields that hold another record's id."""
        return [field for field in self._fields.values() if field.refers]

    @cached_property
    def _relationships(self) -> dict[str, Field]:
        return {field.relationship.lower(): field for field in self.references if field.relationship}

    def relationship(self, name: str) -> Field | None:
        """The reference field behind a parent relationship name in any case."""
        return self._relationships.get(name.lower())

    @cached_property
    def required(self) -> list[Field]:
        """Fields that a create must bring."""
        return [field for field in self._fields.values() if field.required]

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """What a create stores for fields it does not name."""
        return {field.name: field.default for field in self._fields.values() if field.default and field.createable}

    @cached_property
    def components(self) -> dict[str, list[Field]]:
        """Component fields by the name of their compound field."""
        found: dict[str, list[Field]] = {}
        for field in self._fields.values():
            if field.compound:
                found.setdefault(field.compound, []).append(field)
        return found

    @property
    def writable(self) -> bool:
        """Whether the API may write its rows."""
        return self.name not in SETUP

    def summary(self, base: str) -> dict[str, Any]:
        """The entry of this object in the global describe."""
        can, url = self.writable, f"{base}/sobjects/{self.name}"
        return {
            "activateable": False,
            "associateEntityType": None,
            "createable": can,
            "custom": False,
            "customSetting": False,
            "deepCloneable": False,
            "deletable": can,
            "deprecatedAndHidden": False,
            "feedEnabled": can,
            "hasSubtypes": False,
            "isInterface": False,
            "isSubtype": False,
            "keyPrefix": self.prefix,
            "label": self.name,
            "labelPlural": f"{self.name}s",
            "layoutable": can,
            "mergeable": self.name in MERGEABLE,
            "mruEnabled": can,
            "name": self.name,
            "queryable": True,
            "replicateable": True,
            "retrieveable": True,
            "searchable": can,
            "triggerable": can,
            "undeletable": self.name not in UNBINNED,
            "updateable": can,
            "urls": {"sobject": url, "describe": f"{url}/describe", "rowTemplate": f"{url}/{{ID}}"},
        }


class Schema:
    """All objects of one org. ``version`` grows with every change, so that caches can tell."""

    def __init__(self) -> None:
        self.version = 0
        self._objects = {
            name.lower(): SObject(
                name, PREFIXES[name], [parse_field(line) for line in (SYSTEM + text).splitlines() if line.strip()]
            )
            for name, text in OBJECTS.items()
        }
        self._prefixes = {kind.prefix: kind for kind in self._objects.values()}

    def objects(self) -> list[SObject]:
        """Every object in the order of the catalogue."""
        return list(self._objects.values())

    def find(self, name: str) -> SObject | None:
        """An object by its name in any case."""
        return self._objects.get(name.lower())

    def known(self, name: str) -> SObject:
        """An object that a URL names; raises Refusal 404."""
        found = self.find(name)
        if found is None:
            raise Refusal("NOT_FOUND", "The requested resource does not exist", status=404)
        return found

    def of_id(self, record_id: str) -> SObject | None:
        """The object whose key prefix the id carries."""
        return self._prefixes.get(record_id[:3])

    def children(self, kind: SObject) -> list[tuple[SObject, Field]]:
        """Objects and fields that refer to this object, the log of merges aside."""
        return [
            (child, field)
            for child in self._objects.values()
            for field in child.references
            if kind.name in field.refers and field.name != "MasterRecordId"
        ]

    def child_relationship(self, kind: SObject, name: str) -> tuple[SObject, Field] | None:
        """The child object and field behind a child relationship name, for sub-queries."""
        named = (
            (c, f) for c, f in self.children(kind) if CHILD_NAMES.get((c.name, f.name), "").lower() == name.lower()
        )
        return next(named, None)

    def hide(self, paths: list[str]) -> None:
        """Takes fields away from the integration user: ``["Contact.HasOptedOutOfEmail"]``; replaces the former list."""
        for kind in self._objects.values():
            mine = [path.partition(".")[2] for path in paths if path.partition(".")[0].lower() == kind.name.lower()]
            kind.hidden = frozenset(name.lower() for name in mine)
        self.version += 1

    def describe(self, kind: SObject, base: str) -> dict[str, Any]:
        """The full describe of one object."""
        children: list[dict[str, Any]] = [
            {
                "cascadeDelete": field.cascades,
                "childSObject": child.name,
                "deprecatedAndHidden": False,
                "field": field.name,
                "junctionIdListNames": [],
                "junctionReferenceTo": [],
                "relationshipName": CHILD_NAMES.get((child.name, field.name)),
                "restrictedDelete": False,
            }
            for child, field in self.children(kind)
        ]
        return {
            **kind.summary(base),
            "actionOverrides": [],
            "childRelationships": children,
            "compactLayoutable": True,
            "fields": [field.describe() for field in kind.fields()],
            "listviewable": None,
            "lookupLayoutable": None,
            "namedLayoutInfos": [],
            "networkScopeFieldName": None,
            "recordTypeInfos": [],
            "searchLayoutable": True,
            "sobjectDescribeOption": "FULL",
            "supportedScopes": [{"label": "All records", "name": "everything"}],
        }

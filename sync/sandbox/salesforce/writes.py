"""A record as a client sends it to a row: columns, rights, values, parents by external id (apis/salesforce.md 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.sandbox.salesforce.database import Author
from sync.sandbox.salesforce.fields import Field
from sync.sandbox.salesforce.ids import normalised
from sync.sandbox.salesforce.org import QUEUE_USER, Org
from sync.sandbox.salesforce.refusals import Mismatch, Refusal, no_such_column
from sync.sandbox.salesforce.schema import SObject
from sync.sandbox.salesforce.values import stored
from sync.sandbox.store import Row

NOT_WRITABLE = (
    "Please check the security settings of this field and verify that it is read/write for your profile "
    "or permission set."
)
KEYS = frozenset({"attributes", "id", "Id"})


class Writer:
    """Writes records of one request as the integration user.

    ``assign`` and ``allow_save`` are the assignment-rule header (on by default) and the duplicate-rule header (off).
    """

    def __init__(self, org: Org, *, assign: bool = True, allow_save: bool = False) -> None:
        self._allow_save = allow_save
        self.org = org
        self.database = org.database
        self._assign = assign

    @property
    def author(self) -> Author:
        """The integration user, now."""
        return self.org.api_author()

    def create(self, kind: SObject, record: dict[str, Any]) -> str:
        """Creates a row; raises Refusal, Mismatch."""
        if record.get("id") or record.get("Id"):
            raise Refusal("INVALID_FIELD", "cannot specify Id in an insert call", ["Id"])
        self._check_object(kind)
        values = self.values(kind, record, creating=True)
        self._check_required(kind, values, creating=True)
        self._check_duplicates(kind, values)
        return self.database.insert(kind, self._automated(kind, values), self.author)

    def update(self, kind: SObject, record_id: Any, record: dict[str, Any]) -> str:
        """Updates a live row; raises Refusal, Mismatch."""
        self._check_object(kind)
        row_id = self.checked_id(kind, record_id)
        before = self.database.live(kind, row_id)
        if before.get("IsConverted"):
            raise Refusal("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", [])
        values = self.values(kind, record, creating=False)
        self._check_required(kind, values, creating=False)
        self.database.update(kind, row_id, self._automated(kind, values), self.author)
        return row_id

    def upsert(
        self, kind: SObject, key: Field, text: str, record: dict[str, Any], *, update_only: bool = False
    ) -> tuple[str, bool]:
        """Creates or updates by external id; `record` lacks it. Returns (id, created); raises Refusal, Mismatch."""
        found = self.database.matching(kind, key.name, text)
        if len(found) > 1:
            ids = ",".join(row["Id"] for row in found)
            message = f"{key.name}: more than one record found for external id field: [{ids}]"
            raise Refusal("DUPLICATE_EXTERNAL_ID", message, [], status=300)
        if found:
            return self.update(kind, found[0]["Id"], record), False
        if update_only:
            raise Refusal("NOT_FOUND", "The requested resource does not exist", status=404)
        return self.create(kind, {**record, key.name: text}), True

    def delete(self, record_id: Any) -> str:
        """Moves a live row of any object to the bin; raises Refusal."""
        row_id = normalised(record_id) if isinstance(record_id, str) else None
        if row_id is None:
            raise Refusal("MALFORMED_ID", f"bad id {record_id}", [])
        kind = self.org.schema.of_id(row_id)
        if kind is None:
            raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [], status=404)
        self._check_object(kind)
        self.database.delete(kind, row_id, self.author)
        return row_id

    def checked_id(self, kind: SObject, record_id: Any) -> str:
        """The 18-character id of an update; raises Refusal."""
        if not record_id:
            raise Refusal("MISSING_ARGUMENT", "Id not specified in an update call", [])
        row_id = normalised(record_id) if isinstance(record_id, str) else None
        if row_id is None or not row_id.startswith(kind.prefix):
            raise Refusal("MALFORMED_ID", f"{kind.name} ID: id value of incorrect type: {record_id}", ["Id"])
        return row_id

    # values -----------------------------------------------------------------------------------------------------------
    def values(self, kind: SObject, record: dict[str, Any], *, creating: bool) -> Row:
        """Stored values of a record's writable columns; raises Refusal, Mismatch."""
        values: Row = {}
        locked: list[str] = []
        for name, value in record.items():
            if name in KEYS:
                continue
            field = kind.field(name)
            if field is None:
                field, value = self._parent(kind, name, value, record)  # noqa: PLW2901
            if not (field.createable if creating else field.updateable):
                locked.append(field.name)
            else:
                values[field.name] = stored(field, value)
        if locked:
            message = f"Unable to create/update fields: {', '.join(locked)}. {NOT_WRITABLE}"
            raise Refusal("INVALID_FIELD_FOR_INSERT_UPDATE", message, locked)
        return values

    def _parent(self, kind: SObject, name: str, value: Any, record: dict[str, Any]) -> tuple[Field, str | None]:
        link = kind.relationship(name)
        if link is None:
            raise no_such_column(name, kind.name)
        if value is not None and not isinstance(value, dict):
            raise Mismatch(name, value)
        if any(key.lower() == link.name.lower() for key in record):
            message = f"Cannot specify both an external ID reference {name} and a salesforce id, {link.name}"
            raise Refusal("INVALID_FIELD", message, [link.name])
        return link, None if value is None else self.parent_id(link, value)

    def parent_id(self, link: Field, parent: dict[str, Any]) -> str:
        """The id behind ``{"Abmatic_Id__c": "acc_17"}``; raises Refusal."""
        said = (parent.get("attributes") or {}).get("type")
        kind = self.org.schema.find(said or link.refers[0])
        named = [(key, text) for key, text in parent.items() if key != "attributes"]
        if kind is None or kind.name not in link.refers or (said is None and len(link.refers) > 1) or len(named) != 1:
            raise Refusal(
                "INVALID_FIELD", f"A reference by {link.relationship} needs one external ID field (and a type)", []
            )
        name, text = named[0]
        field = kind.field(name)
        if field is None:
            raise no_such_column(name, kind.name)
        if field.name == "Id":
            return str(text)
        if not field.external_id:
            raise Refusal("INVALID_FIELD", f"{name} is not an External ID or indexed field of {kind.name}", [])
        found = self.database.matching(kind, field.name, str(text))
        if len(found) != 1:
            message = f"Foreign key external ID: {text} not found for field {field.name} in entity {kind.name}"
            raise Refusal("INVALID_FIELD", message, [])
        return str(found[0]["Id"])

    # checks -----------------------------------------------------------------------------------------------------------
    def _check_object(self, kind: SObject) -> None:
        if not kind.writable:
            message = f"entity type {kind.name} does not support this operation"
            raise Refusal("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, [])

    def _check_required(self, kind: SObject, values: Row, *, creating: bool) -> None:
        absent = [f.name for f in kind.required if values.get(f.name) is None and (creating or f.name in values)]
        if absent:
            raise Refusal("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(absent)}]", absent)

    def _automated(self, kind: SObject, values: Row) -> Row:
        """What assignment rules and triggers of the org make of the values."""
        if kind.name == "Lead" and self._assign:
            values = {**values, "OwnerId": QUEUE_USER}
        for trigger in self.org.settings.triggers:
            name = trigger.get("field", "")
            if trigger.get("object") == kind.name and isinstance(values.get(name), str):
                values = {**values, name: rewritten(values[name], trigger.get("set", "upper"))}
        return values

    def _check_duplicates(self, kind: SObject, values: Row) -> None:
        rule = self.org.settings.duplicate_rule
        if rule is None or kind.name not in ("Contact", "Lead") or not values.get("Email"):
            return
        if rule == "alert" and self._allow_save:
            return
        found = self.database.matching(kind, "Email", values["Email"])
        if found:
            match = {"attributes": {"type": kind.name}, "Id": found[0]["Id"]}
            result = {
                "entityType": kind.name,
                "errors": [],
                "matchEngine": "ExactMatchEngine",
                "size": 1,
                "success": True,
            }
            records = [{"additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0, "record": match}]
            named = {"allowSave": rule == "alert", "duplicateRule": f"{kind.name}s_DR"}
            detail = {
                **named,
                "duplicateRuleEntityType": kind.name,
                "matchResults": [{**result, "matchRecords": records}],
            }
            raise Refusal("DUPLICATES_DETECTED", "Use one of these records?", [], extra={"duplicateResut": detail})


def rewritten(text: str, how: str) -> str:
    """What a trigger makes of a text: ``upper``, ``lower``, else the word itself is written over it."""
    return text.upper() if how == "upper" else text.lower() if how == "lower" else how


def writer_for(org: Org, headers: Mapping[str, str]) -> Writer:
    """A writer that heeds the request's assignment-rule and duplicate-rule headers."""
    assign = headers.get("sforce-auto-assign", "TRUE").strip().upper() != "FALSE"
    allow_save = "allowsave=true" in headers.get("sforce-duplicate-rule-header", "").lower().replace(" ", "")
    return Writer(org, assign=assign, allow_save=allow_save)

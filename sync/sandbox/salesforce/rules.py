"""The checks of a write that need other rows: references, and what single objects insist on (4.3, 5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.sandbox.salesforce.refusals import Refusal
from sync.sandbox.salesforce.schema import SObject
from sync.sandbox.store import Row

if TYPE_CHECKING:
    from sync.sandbox.salesforce.database import Database


def check_references(database: Database, kind: SObject, changes: Row) -> None:
    """Every reference that is set names a live row of a right object; raises Refusal."""
    for field in kind.references:
        target = changes.get(field.name)
        if target is None:
            continue
        other = database.schema.of_id(target)
        if other is None or other.name not in field.refers:
            label = field.name.removesuffix("Id") + " ID"
            raise Refusal("MALFORMED_ID", f"{label}: id value of incorrect type: {target}", [field.name])
        row = database.lookup(other.name, target)
        if row is None:
            raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
        if "IsDeleted" in row:
            raise Refusal("ENTITY_IS_DELETED", "entity is deleted", [])


def check_row(database: Database, kind: SObject, row: Row, before: Row | None) -> None:
    """What one object insists on; raises Refusal."""
    if kind.name == "CampaignMember":
        _check_member(database, kind, row, before)
    elif kind.name == "Account" and before is not None and row.get("ParentId") == before["Id"]:
        raise Refusal("CIRCULAR_DEPENDENCY", "attempt to violate hierarchy constraints", ["ParentId"])
    elif kind.name == "Task" and str(row.get("WhoId", "")).startswith("00Q") and row.get("WhatId"):
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", "Related To ID: cannot be set for a task of a lead", ["WhatId"])


def _check_member(database: Database, kind: SObject, row: Row, before: Row | None) -> None:
    people = [name for name in ("ContactId", "LeadId") if row.get(name)]
    if len(people) != 1:
        raise Refusal(
            "FIELD_INTEGRITY_EXCEPTION", "You must specify exactly one of a contact and a lead", ["ContactId", "LeadId"]
        )
    status = kind.column("Status")
    if row.get("Status") not in status.values:
        raise Refusal(
            "FIELD_INTEGRITY_EXCEPTION", f"Status: not a member status of the campaign: {row.get('Status')}", ["Status"]
        )
    for other in database.index(kind).equal(people[0], row[people[0]]):
        if other["CampaignId"] == row["CampaignId"] and (before is None or other["Id"] != before["Id"]):
            raise Refusal("DUPLICATE_VALUE", "Already a campaign member.", [])

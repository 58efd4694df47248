"""What a person does behind the API: edits with the org's side effects, and rows loaded as they stand."""

from __future__ import annotations

from decimal import InvalidOperation
from typing import Any

from sync.sandbox.salesforce.database import Author
from sync.sandbox.salesforce.formulas import FORMULAS
from sync.sandbox.salesforce.ids import normalised
from sync.sandbox.salesforce.org import HUMAN_USER, Org
from sync.sandbox.salesforce.refusals import Refusal
from sync.sandbox.salesforce.schema import MERGEABLE, SObject
from sync.sandbox.salesforce.times import json_text, person_moment
from sync.sandbox.salesforce.values import as_it_stands, from_person
from sync.sandbox.store import Row
from sync.sandbox.vendor import EditRefused

CONVERTED_STATUS = "Closed - Converted"


def edit(org: Org, name: str, row_id: str | None, change: dict[str, Any], at: str | None) -> str:
    """One edit by a human user; raises EditRefused."""
    kind = kind_named(org, name)
    try:
        author = Author(HUMAN_USER, org.database.now() if at is None else person_moment(at))
        return _edited(org, kind, row_id, change, author)
    except Refusal as refusal:
        raise EditRefused(f"{kind.name} {row_id or ''}: {refusal.code}: {refusal.message}") from None
    except (ValueError, InvalidOperation) as error:
        raise EditRefused(f"{kind.name} {row_id or ''}: {error}") from None


def kind_named(org: Org, name: str) -> SObject:
    """An object by name; raises EditRefused."""
    kind = org.schema.find(name)
    if kind is None:
        raise EditRefused(f"salesforce has no object {name}")
    return kind


def _edited(org: Org, kind: SObject, row_id: str | None, change: dict[str, Any], author: Author) -> str:
    if "create" in change:
        return org.database.insert(kind, typed(kind, change["create"]), author)
    whole = normalised(str(row_id or ""))
    if whole is None:
        raise EditRefused(f"{row_id} is no id of {kind.name}")
    if change.get("merge_into"):
        return _merged(org, kind, whole, str(change["merge_into"]), author)
    if change.get("undelete"):
        org.database.undelete(kind, whole, author)
    elif change.get("delete"):
        org.database.delete(kind, whole, author)
    elif "convert" in change:
        _convert(org, kind, whole, dict(change["convert"] or {}), author)
    elif "set" in change:
        _set(org, kind, whole, typed(kind, change["set"]), author)
    else:
        raise EditRefused("an edit needs one of set, create, delete, undelete, merge_into, convert")
    return whole


def typed(kind: SObject, values: dict[str, Any]) -> Row:
    """Stored values of what a person typed; raises EditRefused, Refusal, ValueError."""
    row: Row = {}
    for name, value in values.items():
        field = kind.field(name)
        if field is None:
            raise EditRefused(f"{kind.name} has no field {name}")
        if (kind.name, field.name) in FORMULAS or field.type in ("id", "address"):
            raise EditRefused(f"{kind.name}.{field.name} is computed")
        row[field.name] = from_person(field, value)
    return row


def _set(org: Org, kind: SObject, row_id: str, values: Row, author: Author) -> None:
    if kind.name == "Lead" and values.get("IsConverted"):
        given = {name: values.pop(f"Converted{name}Id", None) for name in ("Account", "Contact")}
        _convert(org, kind, row_id, given, author)
        values.pop("IsConverted")
    if values or kind.name != "Lead":
        org.database.update(kind, row_id, values, author)


def _merged(org: Org, kind: SObject, loser: str, winner: str, author: Author) -> str:
    kept = normalised(winner)
    if kind.name not in MERGEABLE or kept is None or kept == loser or not kept.startswith(kind.prefix):
        raise EditRefused(f"{kind.name} {loser} cannot be merged into {winner}")
    org.database.merge(kind, loser, kept, author)
    return loser


def _convert(org: Org, kind: SObject, row_id: str, given: dict[str, Any], author: Author) -> None:
    """Converts a Lead into a Contact of an Account, both made from it unless `given` names them (Account, Contact)."""
    if kind.name != "Lead":
        raise EditRefused(f"only a Lead can be converted, not a {kind.name}")
    lead = org.database.live(kind, row_id)
    account_id = given.get("Account") or org.database.insert(org.schema.known("Account"), _account_of(lead), author)
    contact_id = given.get("Contact")
    if not contact_id:
        contact = org.schema.known("Contact")
        contact_id = org.database.insert(contact, {**_shared(lead, contact), "AccountId": account_id}, author)
    links = {
        "ConvertedAccountId": account_id,
        "ConvertedContactId": contact_id,
        "ConvertedDate": json_text(author.at)[:10],
    }
    org.database.update(kind, row_id, {**links, "IsConverted": True, "Status": CONVERTED_STATUS}, author)


def _account_of(lead: Row) -> Row:
    wanted = ("Website", "Industry", "Phone", "AnnualRevenue", "NumberOfEmployees")
    return {"Name": lead["Company"], **{name: lead[name] for name in wanted if name in lead}}


def _shared(lead: Row, contact: SObject) -> Row:
    """What a Contact takes over from its Lead; our external id moves only if no Contact holds it."""
    skipped = ("Id", "OwnerId", "CRM_Sync_Id__c")
    return {
        name: value
        for name, value in lead.items()
        if (f := contact.field(name)) and f.createable and name not in skipped
    }


def load(org: Org, name: str, records: list[Row]) -> list[str]:
    """Stores rows as they stand; raises EditRefused for an unknown object or field."""
    kind = kind_named(org, name)
    author = Author(HUMAN_USER, org.database.now())
    rows = []
    for record in records:
        unknown = [key for key in record if kind.field(key) is None and key not in ("attributes", "_deleted")]
        if unknown:
            raise EditRefused(f"{kind.name} has no field {unknown[0]}")
        row = {
            f.name: as_it_stands(f, value)
            for key, value in record.items()
            if (f := kind.field(key)) and f.type != "address"
        }
        if record.get("_deleted"):
            row["IsDeleted"] = True
        rows.append({name: value for name, value in row.items() if (kind.name, name) not in FORMULAS})
    return [org.database.stand(kind, row, author) for row in rows]

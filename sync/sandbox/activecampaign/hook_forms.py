"""What a webhook's form says of one event, pair by pair (``apis/`` sheet, section 12)."""

from __future__ import annotations

from typing import Any

from sync.sandbox.activecampaign.state import State
from sync.sandbox.store import Row

Pairs = list[tuple[str, str]]
ACTIVE = "1"
DEAL_KEYS = {
    "id": "id",
    "title": "title",
    "value": "value",
    "currency": "currency",
    "stageid": "stage",
    "pipelineid": "group",
    "status": "status",
    "contactid": "contact",
}


def pairs(state: State, event: str, row: Row, source: str) -> Pairs:
    """All pairs in order, custom fields by their number; none when what the event is about is gone."""
    about = _about(state, event, row)
    if not about:
        return []
    start = {"type": event, "date_time": state.stamp(), "initiated_from": source, "initiated_by": source}
    return [*start.items(), ("list", str(row.get("list") or "0")), *about]


def _about(state: State, event: str, row: Row) -> Pairs:
    if event == "list_add":
        return _under("list_data", {key: row.get(key) for key in ("id", "name", "stringid")})
    if event.startswith("deal_"):
        return _deal(state, row)
    if event in ("account_add", "account_update"):
        return _account(state, row)
    contact = state.get("contacts", row.get("contact") or row.get("relid") or row["id"])
    return [] if contact is None else [*_contact(state, contact), *_particulars(state, event, row)]


def _contact(state: State, contact: Row) -> Pairs:
    full, contact_id = state.full(contact), contact["id"]
    tags = [state.get("tags", link["tag"]) for link in state.contact_side(contact_id, "contactTags")]
    names = {"id": "id", "email": "email", "first_name": "firstName", "last_name": "lastName"}
    shown: Row = {key: full[column] for key, column in (names | {"phone": "phone", "ip": "ip"}).items()}
    shown["tags"] = ", ".join(tag["tag"] for tag in tags if tag)
    employer = _employer(state, contact_id)
    name = employer.get("name", "")
    values = state.contact_side(contact_id, "fieldValues")
    return [
        *_under("contact", {**shown, "orgname": name, "customer_acct_name": name}),
        *_under("contact[fields]", {value["field"]: value["value"] for value in values}),
        ("orgname", name),
        ("customer_acct_name", name),
        ("customer_acct_id", str(employer.get("id", ""))),
    ]


def _employer(state: State, contact_id: str) -> Row:
    links = state.contact_side(contact_id, "accountContacts")
    return (state.get("accounts", links[0]["account"]) if links else None) or {}


def _particulars(state: State, event: str, row: Row) -> Pairs:
    if event in ("contact_tag_added", "contact_tag_removed"):
        tag = state.get("tags", row["tag"]) or state.get("tags:deleted", row["tag"]) or {}
        return [("tag", tag.get("tag", ""))]
    if event == "subscriber_note":
        return [("note", str(row["note"]))]
    if event == "unsubscribe":
        return _unsubscribed(state, row)
    if event.startswith("account_contact_"):
        link = {"id": row["id"], "account": row["account"], "contact": row["contact"], "job_title": row.get("jobTitle")}
        return _under("accountContact", link)
    return []


def _unsubscribed(state: State, row: Row) -> Pairs:
    left = state.get("lists", row["list"]) or {}
    active = [each["list"] for each in state.contact_side(row["contact"], "contactLists") if each["status"] == ACTIVE]
    return [
        *_under("list[0]", {"id": row["list"], "name": left.get("name")}),
        ("unsubscribe[reason]", str(row.get("unsubreason") or "")),
        *_under("active_subscriptions", {str(place): list_id for place, list_id in enumerate(active)}),
        ("form[id]", str(row.get("form") or "0")),
    ]


def _deal(state: State, row: Row) -> Pairs:
    if "relid" in row:  # a note on a deal
        deal = state.get("deals", row["relid"]) or {}
        return [*_deal(state, deal), ("note", str(row["note"]))] if deal else []
    contact = state.get("contacts", row.get("contact")) or {}
    shown = {key: row.get(column) for key, column in DEAL_KEYS.items()}
    return _under("deal", {**shown, "contact_email": contact.get("email")})


def _account(state: State, row: Row) -> Pairs:
    names = {"id": "id", "name": "name", "account_url": "accountUrl"}
    times = {"created_timestamp": "createdTimestamp", "updated_timestamp": "updatedTimestamp"}
    labels = {
        (state.get("accountCustomFieldMeta", value["customFieldId"]) or {}).get("fieldLabel"): value["fieldValue"]
        for value in state.sides("accountCustomFieldData", state.account_values, row["id"])
    }
    shown = {key: row.get(column) for key, column in (names | times).items()}
    return [*_under("account", shown), *_under("account[fields]", labels)]


def _under(head: str, values: dict[Any, Any]) -> Pairs:
    return [(f"{head}[{key}]", "" if value is None else str(value)) for key, value in values.items()]

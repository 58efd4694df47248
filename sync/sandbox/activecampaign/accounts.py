"""Accounts (companies), who works there, and their custom fields (``apis/`` sheet, section 7)."""

from __future__ import annotations

from functools import partial
from typing import Any

from sync.sandbox.activecampaign.shapes import Call, filtered, invalid, linked, listing, missing, objects, ok
from sync.sandbox.activecampaign.state import State
from sync.sandbox.store import Row
from sync.sandbox.wire import Response

LINKS = ("notes", "accountCustomFieldData", "accountContacts", "contactEmails", "emailActivities", "required")
META_COLUMNS = (
    "fieldLabel",
    "fieldType",
    "fieldOptions",
    "fieldDefault",
    "fieldDefaultCurrency",
    "isFormVisible",
    "displayOrder",
)


def shown(state: State, call: Call, row: Row) -> Row:
    """An account; counts are zero unless asked for."""
    count = "0"
    if call.param("count_deals") == "true":
        count = str(sum(deal.get("account") == row["id"] for deal in state.all("deals")))
    contacts = sum(link["account"] == row["id"] for link in state.all("accountContacts")) if call.holes else 0
    return linked({**row, "contactCount": str(contacts), "dealCount": count}, call.base, "accounts", LINKS)


def listed(state: State, call: Call) -> Response:
    """GET /accounts: ``search`` finds within names; there is no filter and no order by time."""
    wanted = (call.param("search") or "").lower()
    rows = [row for row in state.all("accounts") if wanted in row["name"].lower()]
    return listing(call, "accounts", rows, lambda row: shown(state, call, row))


def one(state: State, call: Call) -> Response:
    """GET /accounts/{id}."""
    row = state.get("accounts", call.holes[0])
    return ok({"account": shown(state, call, row)}) if row else missing("CustomerAccount", call.holes[0])


def create(state: State, call: Call) -> Response:
    """POST /accounts: names are unique."""
    sent = call.inner("account")
    refusal = _refuse_name(state, sent.get("name"), None)
    if refusal:
        return refusal
    row = state.insert("accounts", _columns(sent))
    return ok({"account": {**row, "links": [], "fields": _write_fields(state, row["id"], sent)}}, 201)


def update(state: State, call: Call) -> Response:
    """PUT /accounts/{id}: partial."""
    row = state.get("accounts", call.holes[0])
    if row is None:
        return missing("CustomerAccount", call.holes[0])
    sent = call.inner("account")
    refusal = _refuse_name(state, sent["name"], row["id"]) if "name" in sent else None
    if refusal:
        return refusal
    row = state.update("accounts", row, _columns(sent))
    return ok({"account": {**shown(state, call, row), "fields": _write_fields(state, row["id"], sent)}})


def _columns(sent: Row) -> Row:
    columns = {key: sent[key] for key in ("name", "accountUrl", "owner") if key in sent}
    return {key: None if value is None else str(value).strip() for key, value in columns.items()}


def _refuse_name(state: State, name: Any, own_id: str | None) -> Response | None:
    if not str(name or "").strip():
        return invalid("Account name is required.", "field_missing", "name")
    if state.account_names.get(name) not in (None, own_id):
        return invalid(f'An account named "{name}" already exists. Please choose a new name.', "duplicate", "name")
    return None


def _write_fields(state: State, account_id: str, sent: Row) -> list[Row]:
    made = []
    for given in objects(sent.get("fields")):
        if state.get("accountCustomFieldMeta", given.get("customFieldId")):
            set_field(state, account_id, str(given["customFieldId"]), given.get("fieldValue"))
            made.append({**given, "accountId": account_id})
    return made


def set_field(state: State, account_id: str, field_id: str, value: Any, at: str | None = None) -> Row:
    """Writes one custom value of an account as it is given: lists stay lists."""
    row = state.side("accountCustomFieldData", state.account_values, account_id, field_id)
    if row is not None:
        return state.update("accountCustomFieldData", row, {"fieldValue": value}, at)
    start = {"customerAccountId": account_id, "customFieldId": field_id, "fieldValue": value}
    return state.insert("accountCustomFieldData", start, at)


def remove(state: State, row: Row) -> None:
    """An account goes; its contacts stay, without it."""
    for table, column in (("accountContacts", "account"), ("accountCustomFieldData", "customerAccountId")):
        for side in [side for side in state.all(table) if side[column] == row["id"]]:
            state.store.drop(table, side["id"])
    state.remove("accounts", row)


def delete(state: State, call: Call) -> Response:
    """DELETE /accounts/{id}."""
    row = state.get("accounts", call.holes[0])
    if row is None:
        return missing("CustomerAccount", call.holes[0])
    remove(state, row)
    return ok({})


def delete_many(state: State, call: Call) -> Response:
    """DELETE /accounts/bulk_delete?ids[]=1: unknown ids are passed over."""
    for row_id in [value for key, value in call.request.query if key in ("ids[]", "[]ids")]:
        row = state.get("accounts", row_id)
        if row is not None:
            remove(state, row)
    return ok({"meta": {"success": True}})


def shown_link(base: str, row: Row) -> Row:
    """Who works for an account."""
    return linked(row, base, "accountContacts", ("account", "contact"))


def links(state: State, call: Call) -> Response:
    """GET /accountContacts."""
    contact_id = call.bracketed("filters").get(("contact", ""))
    rows = state.all("accountContacts") if contact_id is None else state.contact_side(contact_id, "accountContacts")
    rows = filtered(call, rows, {"contact": "contact", "account": "account"})
    return listing(call, "accountContacts", rows, partial(shown_link, call.base))


def link(state: State, call: Call) -> Response:
    """POST /accountContacts: a contact has one account at most."""
    sent = call.inner("accountContact")
    if not state.get("contacts", sent.get("contact")) or not state.get("accounts", sent.get("account")):
        return invalid("The account or contact does not exist.", "field_invalid", "account,contact")
    if state.employers.by_owner.get(str(sent["contact"])):
        return invalid("This contact is already associated with an account.", "field_invalid", "account,contact")
    row = {
        "contact": str(sent["contact"]),
        "account": str(sent["account"]),
        "jobTitle": str(sent.get("jobTitle") or ""),
    }
    made = state.insert("accountContacts", row)
    echo = {**made, "account": sent["account"], "contact": sent["contact"]}
    return ok({"accountContact": shown_link(call.base, echo)}, 201)


def link_one(state: State, call: Call) -> Response:
    """GET and PUT /accountContacts/{id}: another account or another job title."""
    row = state.get("accountContacts", call.holes[0])
    if row is None:
        return missing("CustomerAccountSubscriber", call.holes[0])
    sent = call.inner("accountContact") if call.request.method == "PUT" else {}
    if "account" in sent and not state.get("accounts", sent["account"]):
        return invalid("The account does not exist.", "field_invalid", "account")
    changes: Row = {key: str(sent[key] or "") for key in ("account", "jobTitle") if key in sent}
    row = state.update("accountContacts", row, changes) if changes else row
    return ok({"accountContact": shown_link(call.base, row)})


def unlink(state: State, call: Call) -> Response:
    """DELETE /accountContacts/{id}."""
    row = state.get("accountContacts", call.holes[0])
    if row is None:
        return missing("CustomerAccountSubscriber", call.holes[0])
    state.store.drop("accountContacts", row["id"])
    return ok({})


def fields(state: State, call: Call) -> Response:
    """GET /accountCustomFieldMeta: a hundred by default."""
    return listing(call, "accountCustomFieldMeta", state.all("accountCustomFieldMeta"), default=100)


def field(state: State, call: Call) -> Response:
    """GET, PUT and DELETE /accountCustomFieldMeta/{id}."""
    row = state.get("accountCustomFieldMeta", call.holes[0])
    if row is None:
        return missing("AccountCustomFieldMeta", call.holes[0])
    if call.request.method == "DELETE":
        state.remove("accountCustomFieldMeta", row)
        return ok({})
    sent = {key: value for key, value in call.inner("accountCustomFieldMetum").items() if key in META_COLUMNS}
    return ok({"accountCustomFieldMetum": state.update("accountCustomFieldMeta", row, sent) if sent else row})


def create_field(state: State, call: Call) -> Response:
    """POST /accountCustomFieldMeta."""
    sent = call.inner("accountCustomFieldMetum")
    if not sent.get("fieldLabel") or not sent.get("fieldType"):
        return invalid("fieldLabel and fieldType are required.", "field_missing", "fieldLabel")
    columns = {key: sent.get(key) for key in META_COLUMNS}
    perstag = "ACCT_" + str(sent["fieldLabel"]).upper().replace(" ", "_")
    row = state.insert("accountCustomFieldMeta", {**columns, "personalization": perstag})
    return ok({"accountCustomFieldMetum": {**row, "links": []}}, 201)


def show(state: State, call: Call) -> Response:
    """POST /groupMembers: makes a field visible to a user group."""
    sent = {key: call.inner("groupMember").get(key) for key in ("rel_id", "ordernum", "group_id")}
    return ok({"groupMember": state.insert("groupMembers", sent)}, 201)


def shown_value(row: Row) -> Row:
    """A custom value; ids are numbers here."""
    field_id = int(row["customFieldId"])
    ids = {"accountCustomFieldMetumId": field_id, "accountId": int(row["customerAccountId"]), "customFieldId": field_id}
    rest = {key: value for key, value in row.items() if key not in ("customerAccountId", "customFieldId")}
    return {**rest, **ids, "links": []}


def values(state: State, call: Call) -> Response:
    """GET /accountCustomFieldData."""
    rows = filtered(call, state.all("accountCustomFieldData"), {"customerAccountId": "customerAccountId"})
    return listing(call, "accountCustomFieldData", rows, shown_value)


def value(state: State, call: Call) -> Response:
    """GET, PUT and DELETE /accountCustomFieldData/{id}."""
    row = state.get("accountCustomFieldData", call.holes[0])
    if row is None:
        return missing("AccountCustomFieldData", call.holes[0])
    if call.request.method == "DELETE":
        state.store.drop("accountCustomFieldData", row["id"])
        return ok({})
    if call.request.method == "PUT":
        row = state.update(
            "accountCustomFieldData", row, {"fieldValue": call.inner("accountCustomFieldDatum").get("fieldValue")}
        )
    return ok({"accountCustomFieldDatum": shown_value(row)})


def create_value(state: State, call: Call) -> Response:
    """POST /accountCustomFieldData."""
    sent = call.inner("accountCustomFieldDatum")
    refusal = _refuse_value(state, sent)
    if refusal:
        return refusal
    row = set_field(state, _owner(sent), str(sent["customFieldId"]), sent.get("fieldValue"))
    return ok({"accountCustomFieldDatum": shown_value(row)}, 201)


def create_values(state: State, call: Call) -> Response:
    """POST /accountCustomFieldData/bulkCreate: a bare array, taken or refused as a whole."""
    sent = call.any_body()
    refusal = _refuse_many(call, sent) or next((r for row in sent or () if (r := _refuse_value(state, row))), None)
    if refusal:
        return refusal
    for row in sent:
        set_field(state, _owner(row), str(row["customFieldId"]), row.get("fieldValue"))
    response = ok({"message": "the bulk insert was successful"})
    response.rows = len(sent)
    return response


def update_values(state: State, call: Call) -> Response:
    """PATCH /accountCustomFieldData/bulkUpdate: by the values' own ids."""
    sent = call.any_body()
    refusal = _refuse_many(call, sent)
    if refusal:
        return refusal
    lost = next((row for row in sent if not state.get("accountCustomFieldData", row.get("id"))), None)
    if lost is not None:
        return missing("AccountCustomFieldData", lost.get("id"))
    for row in sent:
        old = state.store.table("accountCustomFieldData")[str(row["id"])]
        state.update("accountCustomFieldData", old, {"fieldValue": row.get("fieldValue")})
    ids = ", ".join(str(row["id"]) for row in sent)
    response = ok({"message": f"AccountCustomFieldDatas with ID(s): {ids} successfully bulk updated."})
    response.rows = len(sent)
    return response


def _owner(sent: Row) -> str:
    return str(sent.get("customerAccountId", sent.get("accountId")))


def _refuse_value(state: State, sent: Row) -> Response | None:
    if not state.get("accounts", _owner(sent)):
        return invalid("Account id not valid", "field_invalid", "customerAccountId")
    if not state.get("accountCustomFieldMeta", sent.get("customFieldId")):
        return invalid("Field id not valid", "field_invalid", "customFieldId")
    return None


def _refuse_many(call: Call, sent: Any) -> Response | None:
    if not isinstance(sent, list) or not sent or not all(isinstance(row, dict) for row in sent):
        return invalid("A list of values is required.", "field_invalid", status=400)
    failing = min((n for n in call.request.failing_rows if n < len(sent)), default=None)
    if failing is not None:
        return invalid("The row was refused.", call.request.failing_rows[failing], f"{failing}")
    return None


ROUTES = {
    "GET /accounts": listed,
    "POST /accounts": create,
    "GET /accounts/:id": one,
    "PUT /accounts/:id": update,
    "DELETE /accounts/:id": delete,
    "DELETE /accounts/bulk_delete": delete_many,
    "GET /accountContacts": links,
    "POST /accountContacts": link,
    "GET /accountContacts/:id": link_one,
    "PUT /accountContacts/:id": link_one,
    "DELETE /accountContacts/:id": unlink,
    "GET /accountCustomFieldMeta": fields,
    "POST /accountCustomFieldMeta": create_field,
    "GET /accountCustomFieldMeta/:id": field,
    "PUT /accountCustomFieldMeta/:id": field,
    "DELETE /accountCustomFieldMeta/:id": field,
    "POST /groupMembers": show,
    "GET /accountCustomFieldData": values,
    "POST /accountCustomFieldData": create_value,
    "GET /accountCustomFieldData/:id": value,
    "PUT /accountCustomFieldData/:id": value,
    "DELETE /accountCustomFieldData/:id": value,
    "POST /accountCustomFieldData/bulkCreate": create_values,
    "PATCH /accountCustomFieldData/bulkUpdate": update_values,
}

"""Lists and subscriptions (``apis/`` sheet, section 5). Nothing here protects an opt-out: 1 over 2 re-subscribes."""

from __future__ import annotations

from functools import partial

from sync.sandbox.activecampaign import schema
from sync.sandbox.activecampaign.shapes import Call, filtered, forbidden, invalid, linked, listing, missing, ok, ordered
from sync.sandbox.activecampaign.state import State
from sync.sandbox.store import Row
from sync.sandbox.wire import Response

LINKS = ("contactGoalLists", "user", "addressLists")
MEMBERSHIP_LINKS = ("automation", "list", "contact", "form", "campaign", "unsubscribeAutomation", "message")
REQUIRED = ("name", "stringid", "sender_url", "sender_reminder")
EXCLUSION_COLUMNS = ("id", "matchPhrase", "matchType", "channel")


def shown_membership(base: str, row: Row) -> Row:
    """A subscription with every column."""
    whole = {**schema.MEMBERSHIP, **row, "first_name": "", "last_name": ""}
    return linked(whole, base, "contactLists", MEMBERSHIP_LINKS)


def listed(state: State, call: Call) -> Response:
    """GET /lists."""
    rows = filtered(call, state.all("lists"), {"name": "name"})
    rows = ordered(call, rows, ("id", "name", "cdate", "udate"))
    return listing(call, "lists", rows, lambda row: linked(row, call.base, "lists", LINKS))


def one(state: State, call: Call) -> Response:
    """GET /lists/{id}."""
    row = state.get("lists", call.holes[0])
    return ok({"list": linked(row, call.base, "lists", LINKS)}) if row else missing("_List", call.holes[0])


def create(state: State, call: Call) -> Response:
    """POST /lists."""
    sent = call.inner("list")
    lacking = next((key for key in REQUIRED if not sent.get(key)), None)
    if lacking:
        return invalid(f"{lacking} is required.", "field_missing", lacking)
    row = state.insert("lists", {key: str(sent[key]) for key in (*REQUIRED, "channel") if key in sent})
    return ok({"list": linked(row, call.base, "lists", LINKS)}, 201)


def update(state: State, call: Call) -> Response:
    """PUT /lists/{id}."""
    row = state.get("lists", call.holes[0])
    if row is None:
        return missing("_List", call.holes[0])
    sent = {key: str(value) for key, value in call.inner("list").items() if key in REQUIRED}
    return ok({"list": linked(state.update("lists", row, sent), call.base, "lists", LINKS)})


def delete(state: State, call: Call) -> Response:
    """DELETE /lists/{id}; a missing one is 403."""
    row = state.get("lists", call.holes[0])
    if row is None:
        return missing("_List", call.holes[0], 403)
    for side in [side for side in state.all("contactLists") if side["list"] == row["id"]]:
        state.store.drop("contactLists", side["id"])
    state.remove("lists", row)
    return ok({})


def grant(state: State, call: Call) -> Response:
    """POST /listGroups: lets a user group see a list."""
    sent = call.inner("listGroup")
    row = {"listid": str(sent.get("listid", "")), "groupid": str(sent.get("groupid", "1"))}
    return ok({"listGroup": state.insert("listGroups", row)}, 201)


def memberships(state: State, call: Call) -> Response:
    """GET /contactLists: every filter is ignored."""
    return listing(call, "contactLists", state.all("contactLists"), partial(shown_membership, call.base))


def membership(state: State, call: Call) -> Response:
    """GET /contactLists/{id}."""
    row = state.get("contactLists", call.holes[0])
    return ok({"contactList": shown_membership(call.base, row)}) if row else missing("SubscriberList", call.holes[0])


def set_status(state: State, call: Call) -> Response:
    """POST /contactLists: upsert on contact and list. Values beyond 0 to 3 are refused."""
    sent = call.inner("contactList")
    if not state.get("contacts", sent.get("contact")):
        return invalid("Contact not found", "field_invalid", "contact", status=404)
    if not state.get("lists", sent.get("list")):
        return invalid("List not found", "field_invalid", "list", status=404)
    if str(sent.get("status")) not in ("0", "1", "2", "3"):
        return invalid("The value you selected is not a valid choice.", "field_invalid", "status")
    contact_id, list_id, status = str(sent["contact"]), str(sent["list"]), str(sent["status"])
    old = state.side("contactLists", state.memberships, contact_id, list_id)
    if old and old["status"] == "2" and status == "1" and state.switches.resubscribe == "refused":
        return forbidden()
    row = state.set_status(contact_id, list_id, status, sourceid=str(sent.get("sourceid", 0)))
    state.touch(contact_id)
    contact = state.full(state.store.table("contacts")[contact_id])
    return ok({"contacts": [contact], "contactList": {**shown_membership(call.base, row), "status": sent["status"]}})


def exclusions(state: State, call: Call) -> Response:
    """GET /lists/exclusions: the one list that is strict about its filters, and counts in numbers."""
    asked = [key for name in ("filters", "orders") for key, _ in call.bracketed(name)]
    unknown = next((key for key in asked if key not in EXCLUSION_COLUMNS), None)
    if unknown:
        return invalid(f"{unknown} is not a valid filter or order.", "field_invalid", unknown)
    rows = filtered(call, state.all("exclusions"), {column: column for column in EXCLUSION_COLUMNS})
    offset, limit = call.page()
    return ok({"exclusions": rows[offset : offset + limit], "meta": {"total": len(rows)}})


ROUTES = {
    "GET /lists": listed,
    "POST /lists": create,
    "GET /lists/exclusions": exclusions,
    "GET /lists/:id": one,
    "PUT /lists/:id": update,
    "DELETE /lists/:id": delete,
    "POST /listGroups": grant,
    "GET /contactLists": memberships,
    "GET /contactLists/:id": membership,
    "POST /contactLists": set_status,
}

"""Contacts: read, create, upsert by e-mail, change, delete (``apis/`` sheet, section 4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from sync.sandbox.activecampaign import accounts, automations, contact_search, deals, fields, lists, schema, tags
from sync.sandbox.activecampaign.shapes import Call, invalid, items, linked, missing, objects, ok
from sync.sandbox.activecampaign.state import State
from sync.sandbox.store import Row
from sync.sandbox.wire import Response

EMAIL = re.compile(r'[^\s"(),:;<>@\[\\\]]+@[^\s"(),:;<>@\[\\\]]+\.[A-Za-z][^\s"(),:;<>@\[\\\].]+')
INCLUDES: dict[str, Callable[[str, Row], Row]] = {
    "fieldValues": fields.shown_value,
    "contactLists": lists.shown_membership,
    "contactTags": tags.shown_link,
    "accountContacts": accounts.shown_link,
    "contactAutomations": automations.shown,
}
DOCUMENTED = ("contactLists", "fieldValues", "contactTags")
"""What `include` is known to bring (sheet, section 4); that it brings more is a kindness of ours."""


def shown(state: State, call: Call, row: Row) -> Row:
    """A contact as lists show it."""
    employers = list(state.employers.by_owner.get(row["id"], {}).values())
    full = {**state.full(row), "scoreValues": [], "accountContacts": employers}
    return linked(full, call.base, "contacts", schema.CONTACT_LINKS)


def listed(state: State, call: Call) -> Response:
    """GET /contacts."""
    found = contact_search.find(state, call)
    able = INCLUDES if state.switches.sideloads == "all" else DOCUMENTED
    wanted = [name for name in (call.param("include") or "").split(",") if name in able]
    sides: dict[str, list[Row]] = {name: [] for name in wanted}
    for row in found.rows if wanted else ():
        for name in wanted:
            sides[name] += [INCLUDES[name](call.base, side) for side in state.contact_side(row["id"], name)]
    offset, limit = call.page()
    meta = {"total": str(found.total), "sortable": True, "page_input": _page_input(call, offset, limit)}
    return ok({**sides, "scoreValues": [], "contacts": [shown(state, call, row) for row in found.rows], "meta": meta})


def _page_input(call: Call, offset: int, limit: int) -> Row:
    given = {
        name: int(call.param(name) or 0) if (call.param(name) or "0").isdigit() else 0 for name in ("listid", "tagid")
    }
    rest = {"seriesid": 0, "waitid": 0, "status": -1, "forceQuery": 0, "cacheid": "d41d8cd98f00b204e9800998ecf8427e"}
    start = {"segmentid": None, "formid": 0, **given, "limit": limit, "offset": offset}
    return {**start, "search": call.param("search"), "sort": None, **rest}


def one(state: State, call: Call) -> Response:
    """GET /contacts/{id}, with everything that hangs on it but its tags: those are below a link of their own."""
    row = state.get("contacts", call.holes[0])
    if row is None:
        return missing("Subscriber", call.holes[0])
    beside = {name: rows for name, rows in state.contact_sides(row["id"]).items() if name != "contactTags"}
    sides = {name: [INCLUDES[name](call.base, side) for side in rows] for name, rows in beside.items()}
    sides |= {"deals": [deals.shown(call, deal) for deal in state.all("deals") if deal.get("contact") == row["id"]]}
    ids = {name: [side["id"] for side in rows] for name, rows in sides.items()}
    empty: Row = {"geoAddresses": [], "geoIps": []}
    return ok({**sides, **empty, "contact": {**shown(state, call, row), **ids, **empty}})


def nested(name: str, state: State, call: Call) -> Response:
    """GET /contacts/{id}/fieldValues and the other links of a contact."""
    row = state.get("contacts", call.holes[0])
    if row is None:
        return missing("Subscriber", call.holes[0])
    return ok({name: _hanging(state, call, row["id"], name)})


def _hanging(state: State, call: Call, contact_id: str, name: str) -> list[Row]:
    if name in INCLUDES:
        return [INCLUDES[name](call.base, side) for side in state.contact_side(contact_id, name)]
    if name == "notes":
        notes = [note for note in state.all("notes") if note["reltype"] == "Subscriber" and note["relid"] == contact_id]
        return [linked(note, call.base, "notes", ("user",)) for note in notes]
    if name in ("deals", "trackingLogs"):
        rows = [row for row in state.all(name) if row.get("contact") == contact_id]
        return [deals.shown(call, row) for row in rows] if name == "deals" else rows
    return []


def create(state: State, call: Call) -> Response:
    """POST /contacts: refuses an address that is there; the echo is sparse."""
    sent = call.inner("contact")
    nameless = bool(sent.get("allowNullEmail") or call.body().get("allowNullEmail"))  # the sheet does not say where
    refusal = _refuse_email(sent.get("email"), absent_ok=nameless)
    if refusal:
        return refusal
    if state.emails.get(sent.get("email")):
        return duplicate()
    row, values = _write(state, None, sent)
    echo = {"email": row["email"], "cdate": row["cdate"], "udate": row["udate"], "orgid": "", "organization": ""}
    contact = linked({**echo, "id": row["id"]}, call.base, "contacts", schema.CONTACT_LINKS)
    return ok({"fieldValues": [fields.shown_value(call.base, value) for value in values], "contact": contact}, 201)


def sync(state: State, call: Call) -> Response:
    """POST /contact/sync: upsert by e-mail; what is not sent stays."""
    sent = call.inner("contact")
    if not sent.get("email"):
        entry = {"status": 400, "title": "Bad Request", "detail": "Contact email must be provided for sync"}
        return ok({"errors": [entry]}, 400)
    refusal = _refuse_email(sent["email"])
    if refusal:
        return refusal
    row_id = state.emails.get(sent["email"])
    old = state.get("contacts", row_id) if row_id else None
    row, values = _write(state, old, {key: value for key, value in sent.items() if old is None or key != "email"})
    status = 200 if old and not state.switches.sync_always_201 else 201
    return ok(_echo(state, call, row, values), status)


def update(state: State, call: Call) -> Response:
    """PUT /contacts/{id}: partial; the one way to change an address."""
    row = state.get("contacts", call.holes[0])
    if row is None:
        return missing("Subscriber", call.holes[0])
    sent = call.inner("contact")
    if "email" in sent:
        refusal = _refuse_email(sent["email"])
        if refusal:
            return refusal
        if state.emails.get(sent["email"]) not in (None, row["id"]):
            return duplicate()
    row, values = _write(state, row, sent)
    return ok(_echo(state, call, row, values))


def delete(state: State, call: Call) -> Response:
    """DELETE /contacts/{id}: gone without a trace."""
    row = state.get("contacts", call.holes[0])
    if row is None:
        return ok({"message": f"No result found for contact with id {call.holes[0]}"}, 404)
    state.remove_contact(row)
    return ok({})


def duplicate() -> Response:
    """The address belongs to another contact, whatever its case."""
    return invalid("Email address already exists in the system", "duplicate", "email")


def _refuse_email(email: Any, *, absent_ok: bool = False) -> Response | None:
    if not email:
        return None if absent_ok else invalid("Email is required.", "field_missing", "email")
    if isinstance(email, str) and EMAIL.fullmatch(email.strip()):
        return None
    title = "Contact Email Address is not valid."
    pointer = {"pointer": "/data/attributes/email"}
    entry = {"title": title, "code": "email_invalid", "error": "must_be_valid_email_address", "source": pointer}
    return ok({"errors": [entry]}, 422)


def _echo(state: State, call: Call, row: Row, values: list[Row]) -> Row:
    ids = [value["id"] for value in values]
    shown_values = [fields.shown_value(call.base, value) for value in values]
    return {"fieldValues": shown_values, "contact": {**shown(state, call, row), "fieldValues": ids}}


def _write(state: State, old: Row | None, sent: Row) -> tuple[Row, list[Row]]:
    """Writes a contact and what was sent with it; the list of values is empty when none was sent."""
    columns = {key: "" if sent[key] is None else str(sent[key]) for key in schema.CONTACT_WRITABLE if key in sent}
    if "email" in sent:
        columns["email"] = str(sent["email"] or "").strip()
    row = state.update("contacts", old, columns) if old else state.insert("contacts", {"email": "", **columns})
    given = objects(sent.get("fieldValues"))
    for value in given:
        if state.get("fields", value.get("field")):
            state.set_value(row["id"], str(value["field"]), value.get("value"))
    for name in items(sent.get("tags")):
        state.add_tag(row["id"], str(name))
    for wanted in objects(sent.get("lists")):
        if state.get("lists", wanted.get("list")):
            state.set_status(row["id"], str(wanted["list"]), "1")
    values = state.sides("fieldValues", state.values, row["id"]) if given else []
    return row, values


ROUTES = {
    "GET /contacts": listed,
    "POST /contacts": create,
    "POST /contact/sync": sync,
    "GET /contacts/:id": one,
    "PUT /contacts/:id": update,
    "DELETE /contacts/:id": delete,
    **{f"GET /contacts/:id/{name}": partial(nested, name) for name in schema.CONTACT_LINKS},
}

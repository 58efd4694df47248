"""Custom fields of contacts, their options and values (``apis/`` sheet, section 5)."""

from __future__ import annotations

import re
from functools import partial

from sync.sandbox.activecampaign.shapes import Call, filtered, invalid, linked, listing, missing, ok, ordered
from sync.sandbox.activecampaign.state import State
from sync.sandbox.store import Row
from sync.sandbox.wire import Response

FIELDS_LIMIT = 100
VALUE_LINKS = ("owner", "field")


def shown(state: State, call: Call, row: Row) -> Row:
    """A field with the ids of its options and relations."""
    options = [option["id"] for option in state.all("fieldOptions") if option["field"] == row["id"]]
    relations = [rel["id"] for rel in state.all("fieldRels") if rel["field"] == row["id"]]
    return linked({**row, "options": options, "relations": relations}, call.base, "fields", ("options", "relations"))


def shown_value(base: str, row: Row) -> Row:
    """A value; ``owner`` is the contact once more."""
    return linked({**row, "owner": row["contact"]}, base, "fieldValues", VALUE_LINKS)


def listed(state: State, call: Call) -> Response:
    """GET /fields: a hundred by default, options and relations beside them."""
    rows = filtered(call, state.all("fields"), {"perstag": "perstag", "title": "title", "type": "type"})
    offset, limit = call.page(FIELDS_LIMIT)
    part = [shown(state, call, row) for row in rows[offset : offset + limit]]
    beside = {"fieldOptions": state.all("fieldOptions"), "fieldRels": state.all("fieldRels")}
    return ok({**beside, "fields": part, "meta": {"total": str(len(rows)), "selected": None}})


def one(state: State, call: Call) -> Response:
    """GET /fields/{id}."""
    row = state.get("fields", call.holes[0])
    return ok({"field": shown(state, call, row)}) if row else missing("Field", call.holes[0])


def create(state: State, call: Call) -> Response:
    """POST /fields: titles are unique; without a perstag one is made of the title."""
    sent = call.inner("field")
    title = str(sent.get("title") or "").strip()
    if not title:
        return invalid("Title is required.", "field_missing", "title")
    if any(row["title"].lower() == title.lower() for row in state.all("fields")):
        return invalid("A field with this title already exists.", "duplicate", "title")
    perstag = str(sent.get("perstag") or re.sub(r"\W+", "_", title)).upper()
    kept: Row = {key: sent[key] for key in ("type", "descript", "defval") if key in sent}
    row = state.insert(
        "fields",
        {**kept, "title": title, "perstag": perstag, "visible": "0" if sent.get("visible") in (0, "0", False) else "1"},
    )
    return ok({"field": shown(state, call, row)}, 201)


def update(state: State, call: Call) -> Response:
    """PUT /fields/{id}."""
    row = state.get("fields", call.holes[0])
    if row is None:
        return missing("Field", call.holes[0])
    sent = {key: value for key, value in call.inner("field").items() if key in row and key != "id"}
    return ok({"field": shown(state, call, state.update("fields", row, sent))})


def delete(state: State, call: Call) -> Response:
    """DELETE /fields/{id}, with all its values."""
    row = state.get("fields", call.holes[0])
    if row is None:
        return missing("Field", call.holes[0])
    for table in ("fieldValues", "fieldOptions", "fieldRels"):
        for side in [side for side in state.all(table) if side["field"] == row["id"]]:
            state.store.drop(table, side["id"])
    state.remove("fields", row)
    return ok({})


def options(state: State, call: Call) -> Response:
    """GET /fields/{id}/options."""
    return ok({"fieldOptions": [row for row in state.all("fieldOptions") if row["field"] == call.holes[0]]})


def add_options(state: State, call: Call) -> Response:
    """POST /fieldOption/bulk, also spelled /fieldOptions/bulk."""
    sent = call.body().get("fieldOptions")
    if not isinstance(sent, list) or not all(isinstance(o, dict) and state.get("fields", o.get("field")) for o in sent):
        return ok({"errors": "Every option needs a field"}, 422)
    made = [state.insert("fieldOptions", {**option, "id": None, "field": str(option["field"])}) for option in sent]
    return ok({"fieldOptions": made}, 201)


def relate(state: State, call: Call) -> Response:
    """POST /fieldRels; ``relid`` 0 is every list."""
    sent = call.inner("fieldRel")
    if not state.get("fields", sent.get("field")):
        return invalid("Field id not valid", "field_invalid", "field")
    row = {"field": str(sent["field"]), "relid": str(sent.get("relid", 0)), "dorder": "0"}
    return ok({"fieldRel": state.insert("fieldRels", row)}, 201)


def relations(state: State, call: Call) -> Response:
    """GET /fieldRels."""
    return listing(call, "fieldRels", state.all("fieldRels"))


def unrelate(state: State, call: Call) -> Response:
    """DELETE /fieldRels/{id}."""
    row = state.get("fieldRels", call.holes[0])
    if row is None:
        return missing("FieldRel", call.holes[0])
    state.store.drop("fieldRels", row["id"])
    return ok({})


def values(state: State, call: Call) -> Response:
    """GET /fieldValues: the whole account's, by offset."""
    rows = filtered(call, state.all("fieldValues"), {"fieldid": "field", "val": "value"})
    return listing(call, "fieldValues", ordered(call, rows, ("id",)), partial(shown_value, call.base))


def value(state: State, call: Call) -> Response:
    """GET /fieldValues/{id}."""
    row = state.get("fieldValues", call.holes[0])
    return ok({"fieldValue": shown_value(call.base, row)}) if row else missing("FieldValue", call.holes[0])


def set_value(state: State, call: Call) -> Response:
    """POST /fieldValues and PUT /fieldValues/{id}: both overwrite the one value of a contact and field; always 200."""
    sent = call.inner("fieldValue")
    if call.holes:
        row = state.get("fieldValues", call.holes[0])
        if row is None:
            return missing("FieldValue", call.holes[0])
        sent = {**row, **sent}
    if not state.get("contacts", sent.get("contact")):
        return invalid("Contact id not valid", "field_invalid", "contact")
    if not state.get("fields", sent.get("field")):
        return invalid("Field id not valid", "field_invalid", "field")
    contact_id = str(sent["contact"])
    row = state.set_value(contact_id, str(sent["field"]), sent.get("value"))
    state.touch(contact_id)
    echo = {**shown_value(call.base, row), "contact": sent["contact"], "field": sent["field"], "owner": sent["contact"]}
    return ok({"contacts": [state.full(state.store.table("contacts")[contact_id])], "fieldValue": echo})


def delete_value(state: State, call: Call) -> Response:
    """DELETE /fieldValues/{id}; a missing one is 403."""
    row = state.get("fieldValues", call.holes[0])
    if row is None:
        return missing("FieldValue", call.holes[0], 403)
    state.store.drop("fieldValues", row["id"])
    state.touch(row["contact"])
    return ok({})


ROUTES = {
    "GET /fields": listed,
    "POST /fields": create,
    "GET /fields/:id": one,
    "PUT /fields/:id": update,
    "DELETE /fields/:id": delete,
    "GET /fields/:id/options": options,
    "POST /fieldOption/bulk": add_options,
    "POST /fieldOptions/bulk": add_options,
    "GET /fieldRels": relations,
    "POST /fieldRels": relate,
    "DELETE /fieldRels/:id": unrelate,
    "GET /fieldValues": values,
    "POST /fieldValues": set_value,
    "GET /fieldValues/:id": value,
    "PUT /fieldValues/:id": set_value,
    "DELETE /fieldValues/:id": delete_value,
}

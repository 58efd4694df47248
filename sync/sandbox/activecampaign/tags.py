"""Tags and which contacts carry them (``apis/`` sheet, section 5)."""

from __future__ import annotations

from functools import partial
from typing import Any

from sync.sandbox.activecampaign.shapes import Call, filtered, invalid, linked, listing, missing, ok, ordered
from sync.sandbox.activecampaign.state import State
from sync.sandbox.store import Row
from sync.sandbox.wire import Response

LINKS = ("contactGoalTags", "templateTags")


def shown_link(base: str, row: Row) -> Row:
    """A tag on a contact."""
    whole = {**row, "created_timestamp": row["cdate"], "created_by": None}
    return linked(whole, base, "contactTags", ("tag", "contact"))


def listed(state: State, call: Call) -> Response:
    """GET /tags: ``search`` finds within names."""
    wanted = (call.param("search") or "").lower()
    rows = [row for row in state.all("tags") if wanted in row["tag"].lower()]
    rows = filtered(call, rows, {"search": "tag", "tag": "tag"})
    return listing(call, "tags", ordered(call, rows, ("id", "tag")), lambda row: linked(row, call.base, "tags", LINKS))


def one(state: State, call: Call) -> Response:
    """GET /tags/{id}."""
    row = state.get("tags", call.holes[0])
    return ok({"tag": linked(row, call.base, "tags", LINKS)}) if row else missing("Tag", call.holes[0])


def create(state: State, call: Call) -> Response:
    """POST /tags: a name that exists, in any case, is refused."""
    sent = call.inner("tag")
    name = str(sent.get("tag") or "").strip()
    if not name:
        return invalid("Tag name is required.", "field_missing", "tag")
    if state.tag_names.get(name):
        return invalid("A tag with this name already exists.", "duplicate", "tag")
    kept: Row = {key: sent[key] for key in ("tagType", "description") if key in sent}
    return ok({"tag": linked(state.insert("tags", {**kept, "tag": name}), call.base, "tags", LINKS)}, 201)


def update(state: State, call: Call) -> Response:
    """PUT /tags/{id}."""
    row = state.get("tags", call.holes[0])
    if row is None:
        return missing("Tag", call.holes[0])
    sent = {key: value for key, value in call.inner("tag").items() if key in ("tag", "tagType", "description")}
    if state.tag_names.get(sent.get("tag")) not in (None, row["id"]):
        return invalid("A tag with this name already exists.", "duplicate", "tag")
    return ok({"tag": linked(state.update("tags", row, sent), call.base, "tags", LINKS)})


def delete(state: State, call: Call) -> Response:
    """DELETE /tags/{id}: it leaves every contact."""
    row = state.get("tags", call.holes[0])
    if row is None:
        return missing("Tag", call.holes[0])
    for side in [side for side in state.all("contactTags") if side["tag"] == row["id"]]:
        state.store.drop("contactTags", side["id"])
    state.remove("tags", row)
    return ok({})


def links(state: State, call: Call) -> Response:
    """GET /contactTags: the whole account's."""
    return listing(call, "contactTags", state.all("contactTags"), partial(shown_link, call.base))


def apply(state: State, call: Call) -> Response:
    """POST /contactTags: again is the same row. A name in place of the id is refused."""
    sent = call.inner("contactTag")
    refusal = _refuse(state, sent.get("contact"), sent.get("tag"))
    if refusal:
        return refusal
    contact_id, tag_id = str(sent["contact"]), str(sent["tag"])
    row = state.side("contactTags", state.tagged, contact_id, tag_id)
    if row is None:
        row = state.insert("contactTags", {"contact": contact_id, "tag": tag_id})
        state.touch(contact_id)
    contact = state.full(state.store.table("contacts")[contact_id])
    return ok({"contacts": [contact], "contactTag": shown_link(call.base, row)}, state.switches.contact_tags_status)


def _refuse(state: State, contact: Any, tag: Any) -> Response | None:
    if contact in (None, ""):
        return invalid("Contact is required.", "field_missing", "contact")
    if not str(tag or "").isdigit():
        return invalid("No tag id provided", "field_missing", "tag")
    if not state.get("contacts", contact):
        return ok({"errors": [{"title": "Not Found", "detail": "Contact not found", "status": 404}]}, 404)
    if not state.get("tags", tag):
        return invalid("Tag id not valid", "field_invalid", "tag")
    return None


def take_off(state: State, call: Call) -> Response:
    """DELETE /contactTags/{id} by the id of the link."""
    row = state.get("contactTags", call.holes[0])
    if row is None:
        return missing("SubscriberTag", call.holes[0])
    state.store.drop("contactTags", row["id"])
    state.touch(row["contact"])
    return ok({})


ROUTES = {
    "GET /tags": listed,
    "POST /tags": create,
    "GET /tags/:id": one,
    "PUT /tags/:id": update,
    "DELETE /tags/:id": delete,
    "GET /contactTags": links,
    "POST /contactTags": apply,
    "DELETE /contactTags/:id": take_off,
}

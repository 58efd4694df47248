"""Campaigns and their messages (``apis/`` sheet, section 9): drafts, edits, copies, deletes that always answer 200."""

from __future__ import annotations

from functools import partial

from sync.sandbox.activecampaign.shapes import Call, filtered, linked, listing, missing, ok, ordered
from sync.sandbox.activecampaign.state import State
from sync.sandbox.store import Row
from sync.sandbox.wire import Response

LINKS = ("user", "automation", "campaignMessage", "campaignMessages", "links", "aggregateRevenues", "campaignLists")
STATUS = ("drafts", "scheduled", "currently-sending", "paused", "stopped", "complete", "disabled", "pending-review")
FILTERS = {
    "type": "type",
    "status": "status",
    "name": "name",
    "seriesid": "seriesid",
    "automation": "automation",
    "id": "id",
}
SETTINGS = (
    *("segmentId", "addressId", "listIds", "scheduledDate", "replyTrackingEnabled", "linkTrackingEnabled"),
    *("readTrackingEnabled", "googleAnalyticsLinkTrackingEnabled", "googleAnalyticsCampaignName", "rssInterval"),
    *("sendToExistingSubscribers", "responderDaysOffset", "responderHoursOffset", "publicCampaignArchive"),
    *("recurring", "canSplitContent"),
)
NUMBERS = {"segmentId": "segmentid", "addressId": "addressid"}
"""Settings that the campaign's own row tells too, there as text."""
TYPES = ("single", "recurring", "split", "responder", "reminder", "special", "activerss", "text")


def shown(call: Call, row: Row) -> Row:
    """A campaign as lists show it: everything is text."""
    kept = {key: value for key, value in row.items() if key != "settings"}
    return linked(kept, call.base, "campaigns", LINKS)


def listed(state: State, call: Call) -> Response:
    """GET /campaigns."""
    rows = filtered(call, state.all("campaigns"), FILTERS)
    if call.param("status") in STATUS:
        rows = [row for row in rows if row["status"] == str(STATUS.index(call.param("status") or ""))]
    rows = ordered(call, rows, ("sdate", "ldate", "mdate", "status"))
    return listing(call, "campaigns", rows, lambda row: shown(call, row))


def one(state: State, call: Call) -> Response:
    """GET /campaigns/{id}."""
    row = state.get("campaigns", call.holes[0])
    return ok({"campaign": shown(call, row)}) if row else missing("Campaign", call.holes[0])


def nested(name: str, state: State, call: Call) -> Response:
    """GET /campaigns/{id}/links and the other links of a campaign."""
    if state.get("campaigns", call.holes[0]) is None:
        return missing("Campaign", call.holes[0])
    return ok({name: []})


def create(state: State, call: Call) -> Response:
    """POST /campaign, singular: an unwrapped draft with a numeric id."""
    sent = call.body()
    for key in ("name", "type"):
        if not sent.get(key):
            return ok({"errors": [f"Field {key} is required"]}, 400)
    if sent["type"] not in TYPES:
        return ok({"errors": ["Field type is invalid"]}, 400)
    settings = {"canSplitContent": bool(sent.get("canSplitContent"))}
    row = state.insert("campaigns", {"name": str(sent["name"]), "type": sent["type"], "settings": settings})
    return ok({"id": int(row["id"]), "name": row["name"], "type": row["type"], **settings})


def edit(state: State, call: Call) -> Response:
    """PUT /campaigns/{id}/edit: flat settings; an unknown id is 400 and an empty body 406."""
    sent = call.body()
    if not sent:
        return ok({"message": "Not Acceptable"}, 406)
    row = state.get("campaigns", call.holes[0])
    if row is None:
        return ok({"message": "Campaign not found"}, 400)
    settings = {**row.get("settings", {}), **{key: sent[key] for key in SETTINGS if key in sent}}
    columns: Row = {key: str(sent[key]) for key in ("name", "type") if key in sent}
    columns |= {column: str(sent[key] or 0) for key, column in NUMBERS.items() if key in sent}
    if "scheduledDate" in sent:
        columns |= {"scheduleddate": sent["scheduledDate"], "status": "1" if sent["scheduledDate"] else "0"}
    row = state.update("campaigns", row, {**columns, "settings": settings})
    return ok(_edited(row))


def _edited(row: Row) -> Row:
    start = {"canSplitContent": False, "segmentId": 0, "scheduledDate": None, "addressId": 0, "listIds": None}
    rest = {"publicCampaignArchive": True, **row["settings"], "status": int(row["status"]), "automationId": 0}
    beside: Row = {"selectedAddressInfo": None, "selectedListInfo": [], "selectedSegmentInfo": None}
    return {"id": int(row["id"]), "name": row["name"], "type": row["type"], **start, **rest, **beside}


def copy(state: State, call: Call) -> Response:
    """POST /campaigns/{id}/copy."""
    row = state.get("campaigns", call.holes[0])
    if row is None:
        return ok({"message": "Campaign not found"}, 400)
    copied = {key: value for key, value in row.items() if key not in ("id", "cdate", "mdate")}
    made = state.insert("campaigns", {**copied, "name": f"Copy of {row['name']}", "status": "0"})
    return ok({"succeeded": 1, "message": "Campaign draft copied.", "newCampaignId": int(made["id"])})


def delete(state: State, call: Call) -> Response:
    """DELETE /campaigns/{id}: failure is 200 too."""
    row = state.get("campaigns", call.holes[0])
    if row is None:
        return ok({"succeeded": 0, "message": "Campaign could not be deleted."})
    state.remove("campaigns", row)
    return ok({"succeeded": 1, "message": "Campaign deleted."})


def messages(state: State, call: Call) -> Response:
    """GET /messages."""
    return listing(call, "messages", state.all("messages"))


def create_message(state: State, call: Call) -> Response:
    """POST /messages."""
    return ok({"message": state.insert("messages", {**call.inner("message"), "id": None})}, 201)


def message(state: State, call: Call) -> Response:
    """GET, PUT and DELETE /messages/{id}."""
    row = state.get("messages", call.holes[0])
    if row is None:
        return missing("Message", call.holes[0])
    if call.request.method == "DELETE":
        state.remove("messages", row)
        return ok({})
    sent = {key: value for key, value in call.inner("message").items() if key != "id"}
    return ok({"message": state.update("messages", row, sent) if call.request.method == "PUT" else row})


ROUTES = {
    "GET /campaigns": listed,
    "GET /campaigns/:id": one,
    **{f"GET /campaigns/:id/{name}": partial(nested, name) for name in LINKS},
    "POST /campaign": create,
    "PUT /campaigns/:id/edit": edit,
    "POST /campaigns/:id/copy": copy,
    "DELETE /campaigns/:id": delete,
    "GET /messages": messages,
    "POST /messages": create_message,
    "GET /messages/:id": message,
    "PUT /messages/:id": message,
    "DELETE /messages/:id": message,
}

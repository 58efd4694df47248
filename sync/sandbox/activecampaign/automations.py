"""Automations can be read and contacts enrolled in them; building them is not in the API (``apis/`` sheet, 10)."""

from __future__ import annotations

from sync.sandbox.activecampaign.shapes import Call, filtered, linked, listing, missing, ok, ordered
from sync.sandbox.activecampaign.state import State
from sync.sandbox.store import Row
from sync.sandbox.wire import Response

LINKS = ("campaigns", "contactGoals", "contactAutomations", "blocks", "goals", "sms", "sitemessages", "triggers")
ENROLMENT_LINKS = ("automation", "contact", "contactGoals")


def listed(state: State, call: Call) -> Response:
    """GET /automations."""
    wanted = (call.param("search") or "").lower()
    rows = [row for row in state.all("automations") if wanted in row["name"].lower()]
    if call.param("active") == "true":
        rows = [row for row in rows if row["status"] == "1"]
    rows = filtered(call, rows, {"name": "name", "status": "status"})
    rows = ordered(call, rows, ("name", "status", "entered", "cdate", "mdate"))
    starts = [{"id": row["id"], "series": row["id"], "type": "subscribe"} for row in rows]
    return listing(
        call,
        "automations",
        rows,
        lambda row: linked(row, call.base, "automations", LINKS),
        starts=starts,
        filtered=False,
        smsLogs=[],
    )


def one(state: State, call: Call) -> Response:
    """GET /automations/{id}."""
    row = state.get("automations", call.holes[0])
    return ok({"automation": linked(row, call.base, "automations", LINKS)}) if row else missing("Series", call.holes[0])


def shown(base: str, row: Row) -> Row:
    """An enrolment."""
    return linked(row, base, "contactAutomations", ENROLMENT_LINKS)


def enrolments(state: State, call: Call) -> Response:
    """GET /contactAutomations."""
    columns = {"seriesid": "seriesid", "status": "status", "subscriberid": "contact", "adddate": "adddate"}
    rows = filtered(call, state.all("contactAutomations"), columns)
    return listing(call, "contactAutomations", rows, lambda row: shown(call.base, row))


def enrolment(state: State, call: Call) -> Response:
    """GET /contactAutomations/{id}."""
    row = state.get("contactAutomations", call.holes[0])
    return ok({"contactAutomation": shown(call.base, row)}) if row else missing("SubscriberSeries", call.holes[0])


def enrol(state: State, call: Call) -> Response:
    """POST /contactAutomations: every call enrols once more."""
    sent = call.inner("contactAutomation")
    contact = state.get("contacts", sent.get("contact"))
    automation = state.get("automations", sent.get("automation"))
    if contact is None or automation is None:
        return ok({"message": "Could not create SubscriberSeries"}, 403)
    start = {"contact": contact["id"], "seriesid": automation["id"], "automation": automation["id"], "startid": "0"}
    progress = {"status": "1", "batchid": None, "remdate": None, "completedElements": "0", "totalElements": "1"}
    row = state.insert("contactAutomations", {**start, **progress, "completed": 0, "completeValue": 0})
    state.update("automations", automation, {"entered": str(int(automation["entered"]) + 1)})
    return ok({"contacts": [state.full(contact)], "contactAutomation": shown(call.base, row)}, 201)


def leave(state: State, call: Call) -> Response:
    """DELETE /contactAutomations/{id}; a missing one is 403."""
    row = state.get("contactAutomations", call.holes[0])
    if row is None:
        return missing("SubscriberSeries", call.holes[0], 403)
    state.store.drop("contactAutomations", row["id"])
    return ok({})


ROUTES = {
    "GET /automations": listed,
    "GET /automations/:id": one,
    "GET /contactAutomations": enrolments,
    "POST /contactAutomations": enrol,
    "GET /contactAutomations/:id": enrolment,
    "DELETE /contactAutomations/:id": leave,
}

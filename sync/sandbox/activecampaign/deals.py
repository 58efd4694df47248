"""Deals, their one pipeline and its stages (``apis/`` sheet, section 8). Money is in cents; the mark of change is ``mdate``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sync.sandbox.activecampaign import calendar
from sync.sandbox.activecampaign.shapes import Call, filtered, invalid, items, linked, listing, missing, ok, ordered
from sync.sandbox.activecampaign.state import State
from sync.sandbox.store import Row
from sync.sandbox.wire import Response

LINKS = ("account", "contact", "dealActivities", "dealCustomFieldData", "group", "notes", "owner", "stage")
WRITABLE = (
    "title",
    "contact",
    "account",
    "value",
    "currency",
    "group",
    "stage",
    "owner",
    "status",
    "percent",
    "description",
)
REQUIRED = ("title", "value", "currency", "owner")
EXACT = {name: name for name in ("title", "stage", "group", "status", "owner")}
STATUSES = ("0", "1", "2")
SEARCHED = ("title", "contact")
BOUNDS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "created_after": ("cdate", lambda held, wanted: held >= wanted),
    "created_before": ("cdate", lambda held, wanted: held < wanted),
    "updated_after": ("mdate", lambda held, wanted: held >= wanted),
    "updated_before": ("mdate", lambda held, wanted: held < wanted),
    "minimum_value": ("value", lambda held, wanted: held >= wanted),
    "maximum_value": ("value", lambda held, wanted: held <= wanted),
}
"""Filters by time and money: after is from then on, before is up to but without it."""


def shown(call: Call, row: Row) -> Row:
    """A deal with its links."""
    return {**linked(row, call.base, "deals", LINKS), "customerAccount": row.get("account")}


def listed(state: State, call: Call) -> Response:
    """GET /deals."""
    rows = filtered(call, state.all("deals"), EXACT)
    asked = {name: value for (name, _), value in call.bracketed("filters").items()}
    for name in BOUNDS.keys() & asked.keys():
        rows = [row for row in rows if _within(row, name, asked[name])]
    wanted = asked.get("search", "").lower()
    rows = [row for row in rows if wanted in _searched(state, row, asked.get("search_field"))]
    currencies = sorted({str(row["currency"]) for row in rows})
    rows = ordered(call, rows, ("id", "title", "value", "cdate", "mdate"))
    return listing(call, "deals", rows, lambda row: shown(call, row), currencies=currencies)


def _within(row: Row, name: str, wanted: str) -> bool:
    """Whether a row passes a bound; one that cannot be read is ignored, as every unknown filter is."""
    column, holds = BOUNDS[name]
    try:
        if column == "value":
            return holds(float(row["value"]), float(wanted))
        return holds(calendar.epoch(str(row[column])), calendar.epoch(wanted))
    except (ValueError, TypeError):
        return True


def _searched(state: State, row: Row, field: str | None) -> str:
    contact = state.get("contacts", row.get("contact")) or {}
    texts = {"title": row["title"], "contact": contact.get("email", "")}
    return " ".join(str(texts[name]) for name in SEARCHED if field in (None, "all", name)).lower()


def one(state: State, call: Call) -> Response:
    """GET /deals/{id}."""
    row = state.get("deals", call.holes[0])
    return ok({"deal": shown(call, row)}) if row else missing("Deal", call.holes[0])


def create(state: State, call: Call) -> Response:
    """POST /deals: never deduplicated. It belongs to a contact or an account."""
    sent = call.inner("deal")
    lacking = next((key for key in REQUIRED if sent.get(key) in (None, "")), None)
    if lacking:
        return invalid(f"The {lacking} field is required.", "field_missing", lacking)
    if not sent.get("contact") and not sent.get("account"):
        return invalid("A contact or an account is required.", "field_missing", "contact")
    refusal = _refuse(state, sent)
    return refusal or _echo(state, call, state.insert("deals", _columns(sent)), 201)


def update(state: State, call: Call) -> Response:
    """PUT /deals/{id}: partial."""
    row = state.get("deals", call.holes[0])
    if row is None:
        return missing("Deal", call.holes[0])
    sent = call.inner("deal")
    refusal = _refuse(state, sent)
    return refusal or _echo(state, call, state.update("deals", row, _columns(sent)))


def delete(state: State, call: Call) -> Response:
    """DELETE /deals/{id}."""
    row = state.get("deals", call.holes[0])
    if row is None:
        return missing("Deal", call.holes[0])
    state.remove("deals", row)
    return ok({})


def reassign(state: State, call: Call) -> Response:
    """PATCH /deals/bulkUpdate: another owner for many. How the body is spelled is not documented."""
    sent = call.body()
    rows = [row for row_id in items(sent.get("ids")) if (row := state.get("deals", row_id))]
    if not rows or not sent.get("owner"):
        return invalid("Ids of deals and an owner are required.", "field_missing", "ids")
    made = [state.update("deals", row, {"owner": str(sent["owner"])}) for row in rows]
    return ok({"deals": [shown(call, row) for row in made]})


def _columns(sent: Row) -> Row:
    return {key: None if sent[key] is None else str(sent[key]) for key in WRITABLE if key in sent}


def _refuse(state: State, sent: Row) -> Response | None:
    for key, table in (
        ("contact", "contacts"),
        ("account", "accounts"),
        ("group", "dealGroups"),
        ("stage", "dealStages"),
    ):
        if sent.get(key) not in (None, "") and not state.get(table, sent[key]):
            return invalid(f"The {key} does not exist.", "field_invalid", key)
    if "value" in sent and not _is_cents(sent["value"]):
        return invalid("The value must be a whole number of cents.", "field_invalid", "value")
    if str(sent.get("status", "0")) not in STATUSES:
        return invalid("The status must be 0, 1 or 2.", "field_invalid", "status")
    return None


def _is_cents(value: Any) -> bool:
    return not isinstance(value, bool) and str(value).isdigit()


def _echo(state: State, call: Call, row: Row, status: int = 200) -> Response:
    contact, stage = state.get("contacts", row.get("contact")), state.get("dealStages", row["stage"])
    sides = {"contacts": [state.full(contact)] if contact else [], "dealStages": [stage] if stage else []}
    return ok({"contacts": sides["contacts"], "deal": shown(call, row), "dealStages": sides["dealStages"]}, status)


def groups(state: State, call: Call) -> Response:
    """GET /dealGroups: the pipelines."""
    return listing(call, "dealGroups", state.all("dealGroups"), lambda row: _group(state, row))


def _group(state: State, row: Row) -> Row:
    return {
        **row,
        "stages": [stage["id"] for stage in state.all("dealStages") if stage["group"] == row["id"]],
        "links": [],
    }


def group(state: State, call: Call) -> Response:
    """GET /dealGroups/{id}."""
    row = state.get("dealGroups", call.holes[0])
    return ok({"dealGroup": _group(state, row)}) if row else missing("DealGroup", call.holes[0])


def stages(state: State, call: Call) -> Response:
    """GET /dealStages."""
    rows = filtered(call, state.all("dealStages"), {"title": "title", "d_groupid": "group"})
    return listing(call, "dealStages", rows, lambda row: linked(row, call.base, "dealStages", ("group",)))


def stage(state: State, call: Call) -> Response:
    """GET /dealStages/{id}."""
    row = state.get("dealStages", call.holes[0])
    return (
        ok({"dealStage": linked(row, call.base, "dealStages", ("group",))})
        if row
        else missing("DealStage", call.holes[0])
    )


ROUTES = {
    "GET /deals": listed,
    "POST /deals": create,
    "PATCH /deals/bulkUpdate": reassign,
    "GET /deals/:id": one,
    "PUT /deals/:id": update,
    "DELETE /deals/:id": delete,
    "GET /dealGroups": groups,
    "GET /dealGroups/:id": group,
    "GET /dealStages": stages,
    "GET /dealStages/:id": stage,
}

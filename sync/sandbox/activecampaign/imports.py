"""Bulk import: checked at once and as a whole, done later, row by row (``apis/`` sheet, section 6).

A batch answers ``false`` for its first second, then waits, is claimed and active, and is done after `Switches.import_s`
emulated seconds; `settle` writes what is due and runs before anything is read. Whoever asked for it is called back then.
"""

from __future__ import annotations

import uuid
from typing import Any

from sync.sandbox.activecampaign import callbacks
from sync.sandbox.activecampaign.contacts import EMAIL
from sync.sandbox.activecampaign.shapes import Call, items, objects, ok
from sync.sandbox.activecampaign.state import State
from sync.sandbox.courier import Message
from sync.sandbox.store import Row
from sync.sandbox.wire import Response

CONTACTS_MAX = 250
BODY_MAX = 399_999
UNSUBSCRIBED = "2"
STAGES = ((0.15, False), (0.35, "waiting"), (0.55, "claimed"), (1.0, "active"))
INVALID = "JSON payload did not pass validation. See the documentation for the format of the request."


def submit(state: State, call: Call) -> Response:
    """POST /import/bulk_import: one bad row refuses the batch, rows counted from 1."""
    sent = call.body().get("contacts")
    problem = _problem(call, sent)
    if problem or not isinstance(sent, list):
        return refused(INVALID, [problem])
    failures = _failures(state, call, sent)
    if failures:
        return refused(INVALID, failures)
    queued = [row for row in sent if not _excluded(state, row["email"])]
    batch_id = str(uuid.uuid4())
    start = {"id": batch_id, "at": state.clock.seconds(), "callback": call.body().get("callback")}
    job = {**start, "contacts": sent, "success": None, "failure": None}
    state.store.put("imports", batch_id, job)
    done = {"Success": 1, "queued_contacts": len(queued), "batchId": batch_id, "message": "Contact import queued"}
    response = ok(done)
    response.rows = len(sent)
    return response


def refused(message: str, reasons: list[Any]) -> Response:
    """A batch that is not taken; its own rate limit answers the same way."""
    return ok({"success": 0, "message": message, "failureReasons": reasons}, 400)


def _problem(call: Call, sent: Any) -> str | None:
    if len(call.request.body) > BODY_MAX:
        return f"The request body must not exceed {BODY_MAX} bytes."
    if not isinstance(sent, list) or not 1 <= len(sent) <= CONTACTS_MAX:
        return f"'contacts' must hold 1 to {CONTACTS_MAX} contacts."
    return None


def _failures(state: State, call: Call, sent: list[Any]) -> list[Row]:
    found = []
    for position, row in enumerate(sent):
        reason = call.request.failing_rows.get(position) or _failure(state, row)
        if reason:
            found.append({"contact": position + 1, "failureReason": reason})
    return found


def _failure(state: State, row: Any) -> str | None:
    if not isinstance(row, dict) or not row.get("email"):
        return "Field 'email' is required"
    if not isinstance(row["email"], str) or not EMAIL.fullmatch(row["email"]):
        return "Field 'email' incorrect format"
    for key in ("subscribe", "unsubscribe"):
        for wanted in items(row.get(key)):
            if not isinstance(wanted, dict) or not state.get("lists", wanted.get("listid")):
                return f"Field '{key}' names a list that does not exist"
    return None


def _excluded(state: State, email: str) -> bool:
    lowered = email.lower()
    return any(_matches(lowered, row) for row in state.all("exclusions"))


def _matches(lowered: str, exclusion: Row) -> bool:
    phrase = str(exclusion["matchPhrase"]).lower()
    if exclusion.get("matchType") == "end":
        return lowered.endswith(phrase)
    return lowered == phrase if exclusion.get("matchType", "exact") == "exact" else phrase in lowered


def settle(state: State) -> list[Message]:
    """Writes every batch that is due; the messages to those who asked to be called back."""
    now = state.clock.seconds()
    due = [job for job in state.all("imports") if job["success"] is None and now - job["at"] >= state.switches.import_s]
    return [message for job in due if (message := _settle(state, job))]


def _settle(state: State, job: Row) -> Message | None:
    success: list[str] = []
    reasons: Row = {}
    for row in job["contacts"]:
        reason = _forbidden(state, row)
        if reason:
            reasons[row["email"]] = reason
        else:
            success.append(_import(state, row))
    done = {**job, "success": success, "failure": list(reasons), "contacts": ()}
    state.store.put("imports", job["id"], done)
    return callbacks.message(job["callback"], len(success), reasons)


def _forbidden(state: State, row: Row) -> str:
    """Why an exclusion or an opt-out keeps a row out; blank when nothing does."""
    if _excluded(state, row["email"]):
        return "Contact is on the exclusion list."
    row_id = state.emails.get(row["email"])
    wanted = [str(each["listid"]) for each in objects(row.get("subscribe"))]
    if row_id and any(_left(state, row_id, list_id) for list_id in wanted):
        return "Contact has unsubscribed from a requested list."
    return ""


def _import(state: State, row: Row) -> str:
    """Upserts one row by e-mail. Wrongly spelled keys are dropped."""
    row_id = state.emails.get(row["email"])
    spelled = {"first_name": "firstName", "last_name": "lastName", "phone": "phone"}
    columns = {column: str(row[key] or "") for key, column in spelled.items() if key in row}
    old = state.get("contacts", row_id) if row_id else None
    contact = (
        state.update("contacts", old, columns) if old else state.insert("contacts", {"email": row["email"], **columns})
    )
    _hang(state, contact["id"], row)
    return str(contact["id"])


def _left(state: State, contact_id: str, list_id: str) -> bool:
    row = state.side("contactLists", state.memberships, contact_id, list_id)
    return row is not None and row["status"] == UNSUBSCRIBED


def _hang(state: State, contact_id: str, row: Row) -> None:
    for value in objects(row.get("fields")):
        if state.get("fields", value.get("id")):
            state.set_value(contact_id, str(value["id"]), value.get("value"))
    for name in items(row.get("tags")):
        state.add_tag(contact_id, str(name))
    for wanted in objects(row.get("subscribe")):
        state.set_status(contact_id, str(wanted["listid"]), "1")
    for wanted in objects(row.get("unsubscribe")):
        state.set_status(contact_id, str(wanted["listid"]), UNSUBSCRIBED)
    name = str(row.get("customer_acct_name") or "").strip()
    if name and not state.employers.by_owner.get(contact_id):
        account_id = state.account_names.get(name) or state.insert("accounts", {"name": name})["id"]
        state.insert("accountContacts", {"contact": contact_id, "account": account_id, "jobTitle": ""})


def info(state: State, call: Call) -> Response:
    """GET /import/info: how far a batch is."""
    batch_id = call.param("batchId")
    if not batch_id:
        return ok({"success": 0, "message": "'batchId' is a required field."}, 400)
    job = state.get("imports", batch_id)
    if job is None:
        return ok({"status": False})
    if job["success"] is not None:
        return ok({"status": "completed", "success": job["success"], "failure": job["failure"]})
    share = (state.clock.seconds() - job["at"]) / state.switches.import_s
    status = next((word for end, word in STAGES if share < end), "active")
    return ok({"status": status, "success": [], "failure": []} if status else {"status": False})


def overview(state: State, call: Call) -> Response:
    """GET /import/bulk_import: counts by day."""
    del call
    day = state.stamp()[:10]
    parts: dict[bool, list[Row]] = {True: [], False: []}
    for done, part in parts.items():
        jobs = [job for job in state.all("imports") if (job["success"] is not None) is done]
        contacts = sum(len(job["contacts"]) + len(job["success"] or ()) + len(job["failure"] or ()) for job in jobs)
        if jobs:
            part.append({"forDate": day, "batches": str(len(jobs)), "contacts": str(contacts)})
    return ok({"outstanding": parts[False], "recentlyCompleted": parts[True]})


ROUTES = {
    "POST /import/bulk_import": submit,
    "GET /import/bulk_import": overview,
    "GET /import/info": info,
}

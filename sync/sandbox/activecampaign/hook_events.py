"""Webhooks: what happened to the rows, told to whoever registered for it (``apis/`` sheet, section 12).

Form-encoded, unsigned, never repeated; a receiver that answers 410 hears no more from that hook. ``listid`` narrows only what is about
a contact as such. A contact that is added without a list, deleted, merged or imported in bulk tells nothing: the sheet has no event
for it, or leaves it open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

from sync.sandbox.activecampaign import hook_forms
from sync.sandbox.activecampaign.state import State
from sync.sandbox.courier import Courier, Message
from sync.sandbox.store import Row

ON, OFF = "1", "0"
API = "api"
FORM = "application/x-www-form-urlencoded"
STATUS_EVENTS = {"1": "subscribe", "2": "unsubscribe", "3": "bounce"}
NOTE_EVENTS = {"Subscriber": "subscriber_note", "Deal": "deal_note_add"}
LISTED = frozenset({"subscribe", "unsubscribe", "bounce", "update"})
"""Events that a hook's ``listid`` narrows."""
STAMPS = frozenset({"udate", "mdate", "updatedTimestamp"})


@dataclass(frozen=True, slots=True)
class Happening:
    """One event about one row; ``source`` is who caused it: public, admin, api or system."""

    event: str
    row: Row
    source: str


class Hooks:
    """Watches the rows of one account and tells of them. Used under the vendor's lock."""

    def __init__(self, state: State, courier: Courier) -> None:
        self._state = state
        self._courier = courier
        self._hooks = state.store.table("webhooks")
        self._source: str | None = API
        self._pending: list[Happening] = []
        self._fresh: set[tuple[str, str]] = set()
        for table, events in EVENTS_OF.items():
            state.store.watch(table, partial(self._follow, events))

    @contextmanager
    def caused_by(self, source: str | None) -> Iterator[None]:
        """What happens inside is that source's doing; None: nobody is told."""
        before, self._source = self._source, source
        try:
            yield
        finally:
            self._source = before

    def tell(self) -> None:
        """Sends what happened since the last time, each change of a row once."""
        self._switch_off()
        pending, self._pending = self._pending, []
        fresh, self._fresh = self._fresh, set()
        told: set[tuple[str, str]] = set()
        for happening in pending:
            one = (happening.event, happening.row["id"])
            if one not in told | fresh:
                told.add(one)
                self._tell(happening)

    def _switch_off(self) -> None:
        for row in list(self._hooks.values()):
            if row["state"] == ON and row["id"] in self._courier.gone:
                self._state.store.put("webhooks", row["id"], {**row, "state": OFF})

    def _tell(self, happening: Happening) -> None:
        pairs = None
        for hook in self._hooks.values():
            if not self._concerns(hook, happening):
                continue
            pairs = pairs or hook_forms.pairs(self._state, happening.event, happening.row, happening.source)
            body = urlencode(pairs).encode()
            message = Message("POST", hook["url"], {"content-type": FORM}, body, hook["id"])
            for _ in range(self._state.switches.webhook_copies if pairs else 0):
                self._courier.send(message)

    def _concerns(self, hook: Row, happening: Happening) -> bool:
        if hook["state"] != ON or happening.event not in hook["events"] or happening.source not in hook["sources"]:
            return False
        return hook["listid"] in ("0", "") or happening.event not in LISTED or self._on_list(hook["listid"], happening)

    def _on_list(self, list_id: str, happening: Happening) -> bool:
        if "list" in happening.row:
            return bool(happening.row["list"] == list_id)
        return list_id in self._state.memberships.by_owner.get(happening.row["id"], {})

    def _follow(self, events: Events, row_id: str, before: Row | None, after: Row | None) -> None:
        if not self._hooks or self._source is None or self._state.store.rewinding:
            return
        event, row = events(before, after)
        if before is None and event in ("", "account_add"):
            self._fresh.add(("account_update" if event else "update", row_id))
        whole = self._whole(event, row)
        if event and whole:
            self._pending.append(Happening(event, whole, self._source))

    def _whole(self, event: str, row: Row) -> Row | None:
        """The row that an event is about: a value's is its contact, or its account."""
        if event == "update" and "contact" in row:
            return self._state.get("contacts", row["contact"])
        if event == "account_update" and "customerAccountId" in row:
            return self._state.get("accounts", row["customerAccountId"])
        return row


Events = Callable[["Row | None", "Row | None"], tuple[str, Row]]
"""A row before and after to the event it makes (blank: none) and the row that the event is about."""


def _changed(before: Row, after: Row) -> bool:
    return any(before.get(key) != after.get(key) for key in (before.keys() | after.keys()) - STAMPS)


def _contact(before: Row | None, after: Row | None) -> tuple[str, Row]:
    return ("update" if before and after and _changed(before, after) else "", after or {})


def _value(updated: str, column: str, before: Row | None, after: Row | None) -> tuple[str, Row]:
    held = [(row or {}).get(column) or "" for row in (before, after)]
    return (updated if held[0] != held[1] else "", after or before or {})


def _membership(before: Row | None, after: Row | None) -> tuple[str, Row]:
    if after is None or (before or {}).get("status") == after["status"]:
        return "", {}
    return STATUS_EVENTS.get(after["status"], ""), after


def _tagging(before: Row | None, after: Row | None) -> tuple[str, Row]:
    if before and after:
        return "", {}
    return "contact_tag_added" if after else "contact_tag_removed", after or before or {}


def _note(before: Row | None, after: Row | None) -> tuple[str, Row]:
    return (NOTE_EVENTS.get((after or {}).get("reltype", ""), "") if before is None else "", after or {})


def _named(added: str, updated: str, before: Row | None, after: Row | None) -> tuple[str, Row]:
    if before is None:
        return added, after or {}
    return (updated if after and _changed(before, after) else "", after or {})


EVENTS_OF: dict[str, Events] = {
    "contacts": _contact,
    "fieldValues": partial(_value, "update", "value"),
    "contactLists": _membership,
    "contactTags": _tagging,
    "notes": _note,
    "lists": partial(_named, "list_add", ""),
    "deals": partial(_named, "deal_add", "deal_update"),
    "accounts": partial(_named, "account_add", "account_update"),
    "accountCustomFieldData": partial(_value, "account_update", "fieldValue"),
    "accountContacts": partial(_named, "account_contact_add", "account_contact_update"),
}

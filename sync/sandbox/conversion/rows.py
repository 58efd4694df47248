"""Conversion's stored contacts, companies and engagements, and what the service accepts into them.

The three published surfaces differ in envelopes only; they all end here. Facts: ``apis/`` sheet, sections 2.2 to 2.6.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import Any

from sync.sandbox.clock import Clock
from sync.sandbox.store import Row, Store

BUSINESS_ID = "b0000000-0000-4000-8000-00000000000a"
EMAIL = re.compile(r'[^\s@"(),:;<>\[\]\\]+@[^\s@"(),:;<>\[\]\\]+\.[^\s@"(),:;<>\[\]\\.]{2,}')
CONTACT_VARIABLES = {"first_name", "last_name", "phone", "company_name", "title", "linkedin_url"}
CONTACT_VARIABLES |= {"job_title", "phone_number", "city", "country", "timezone"}
COMPANY_VARIABLES = {"company_name", "industry", "size", "annual_revenue", "location", "website", "number_of_employees"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one item is not taken."""

    code: str
    message: str
    field: str = ""


@dataclass(slots=True)
class Habits:
    """Readings of what the vendor leaves open; the defaults are the nastier ones.

    ``batch`` is ``per_item`` (bad items fail alone), ``atomic`` (one bad item refuses all) or ``omit_failed`` (bad
    items are silently missing from the answer). ``clears`` lets null and blank erase a variable instead of being
    ignored. ``ok_errors`` answers refusals with status 200 and ``success: false``. ``custom_fields`` are names that
    somebody made here: profile C2 refuses any other that is neither its own nor held by a contact.
    """

    batch: str = "per_item"
    variables: str = "merge"
    email_case: str = "insensitive"
    clears: bool = False
    drop_unknown_variables: bool = False
    unique_domains: bool = False
    ok_errors: bool = False
    batch_max: int | None = None
    custom_fields: tuple[str, ...] = ()


@dataclass(slots=True)
class Data:
    """The rows, with look-ups by e-mail and by the caller's company id."""

    clock: Clock
    store: Store
    habits: Habits = field(default_factory=Habits)
    by_email: dict[str, str] = field(default_factory=dict)
    by_external: dict[str, str] = field(default_factory=dict)
    by_domain: dict[str, set[str]] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    """Names of all variables that a contact ever held."""
    by_event: dict[str, str] = field(default_factory=dict)
    _number: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.store.watch("contacts", self._index_contact)
        self.store.watch("companies", self._index_company)
        self.store.watch("engagements", self._index_engagement)

    def new_id(self, kind: str) -> str:
        """A fresh identifier; the first digit tells what it is: 0 contact, c company, e engagement."""
        return f"{kind}{next(self._number):07x}-0000-4000-8000-{next(self._number):012x}"

    def now(self) -> str:
        """The stamp of a change: RFC 3339, UTC, seconds."""
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def email_key(self, email: Any) -> str:
        """What makes two addresses the same contact."""
        text = str(email)
        return text if self.habits.email_case == "sensitive" else text.lower()

    def contact(self, email: Any) -> Row | None:
        """The contact with this address."""
        row_id = self.by_email.get(self.email_key(email))
        return None if row_id is None else self.store.get("contacts", row_id)

    def company(self, external_id: Any) -> Row | None:
        """The company with this id of the caller's."""
        row_id = self.by_external.get(str(external_id)) if external_id else None
        return None if row_id is None else self.store.get("companies", row_id)

    def refuse_contact(self, item: Any) -> Refusal | None:
        """Why a contact item cannot be written."""
        if not isinstance(item, dict):
            return Refusal("VALIDATION_ERROR", "contact must be an object")
        email = item.get("email")
        if not isinstance(email, str) or not EMAIL.fullmatch(email):
            return Refusal("VALIDATION_ERROR", "email is required and must be a valid e-mail address", "email")
        return _refuse_variables(item)

    def refuse_company(self, item: Any) -> Refusal | None:
        """Why a company item cannot be written. Domains are unique where the surface says so (C1)."""
        if not isinstance(item, dict):
            return Refusal("VALIDATION_ERROR", "company must be an object")
        external_id = item.get("id")
        if not isinstance(external_id, str) or not external_id.strip():
            return Refusal("VALIDATION_ERROR", "id is required", "id")
        domain = str(item.get("baseDomain") or "").lower()
        taken = self.by_domain.get(domain, set()) - {self.by_external.get(external_id)}
        if self.habits.unique_domains and domain and taken:
            return Refusal("DUPLICATE_ERROR", "another company has this domain", "baseDomain")
        return _refuse_variables(item)

    def write_contact(self, item: Row, status: str | None = None) -> tuple[str, bool]:
        """Upserts by e-mail; the first spelling of an address stays. Returns the id and whether it is new."""
        old = self.contact(item["email"])
        row = old or self.fresh_contact(item["email"])
        merged = self._merged(row["variables"], item.get("variables"), CONTACT_VARIABLES)
        row = {**row, "variables": merged, "updatedAt": self.now()}
        if "externalContact" in item:
            row["externalContact"] = item["externalContact"]
        if status is not None:
            row["subscriptionStatus"] = status
        self.store.put("contacts", row["id"], row)
        return row["id"], old is None

    def knows(self, name: str) -> bool:
        """Whether a contact can hold a variable of this name, where names must be known."""
        return name in CONTACT_VARIABLES or name in self.held or name in self.habits.custom_fields

    def write_company(self, item: Row) -> tuple[str, bool]:
        """Upserts by the caller's id. Returns the vendor's id and whether it is new."""
        old = self.company(item["id"])
        row = old or self.fresh_company(item["id"])
        merged = self._merged(row["variables"], item.get("variables"), COMPANY_VARIABLES)
        row = {**row, "variables": merged, "updatedAt": self.now()}
        if item.get("baseDomain"):
            row["baseDomain"] = item["baseDomain"]
        self.store.put("companies", row["id"], row)
        return row["id"], old is None

    def write_status(self, row: Row, status: str | None) -> None:
        """Sets the status as told: an opt-out is overwritten without a word."""
        self.store.put("contacts", row["id"], {**row, "subscriptionStatus": status, "updatedAt": self.now()})

    def write_engagement(self, item: Row) -> str:
        """Adds an engagement; nothing is deduplicated."""
        row_id = self.new_id("e")
        self.store.put("engagements", row_id, {"id": row_id, **item, "createdAt": item.get("createdAt") or self.now()})
        return row_id

    def fresh_contact(self, email: str, at: str | None = None) -> Row:
        """A contact that nobody has subscribed."""
        return {
            "id": self.new_id("0"),
            "businessId": BUSINESS_ID,
            "email": email,
            "variables": {},
            "subscriptionStatus": None,
            "createdAt": at or self.now(),
            "updatedAt": at or self.now(),
        }

    def fresh_company(self, external_id: str | None, at: str | None = None) -> Row:
        """A company known to the caller as ``external_id``."""
        return {
            "id": self.new_id("c"),
            "businessId": BUSINESS_ID,
            "externalId": external_id,
            "baseDomain": None,
            "variables": {},
            "createdAt": at or self.now(),
            "updatedAt": at or self.now(),
        }

    def remove(self, name: str, row: Row) -> None:
        """Deletes a row; its last state stays aside for a person who wants it back."""
        self.store.drop(name, row["id"])
        self.store.put(f"{name}:deleted", row["id"], row)

    def _merged(self, old: Row, new: Row | None, known: set[str]) -> Row:
        given = {key: value for key, value in (new or {}).items() if self._keeps(key, value, known)}
        kept = {key: value for key, value in given.items() if value not in (None, "")}
        if self.habits.variables == "replace":
            return kept if new is not None else old
        return {key: value for key, value in {**old, **given}.items() if value not in (None, "")}

    def _keeps(self, key: str, value: Any, known: set[str]) -> bool:
        if self.habits.drop_unknown_variables and key not in known:
            return False
        return self.habits.clears or value not in (None, "")

    def _index_contact(self, row_id: str, before: Row | None, after: Row | None) -> None:
        if before and self.by_email.get(self.email_key(before["email"])) == row_id:
            del self.by_email[self.email_key(before["email"])]
        if after:
            self.by_email[self.email_key(after["email"])] = row_id
            self.held |= after["variables"].keys()

    def _index_company(self, row_id: str, before: Row | None, after: Row | None) -> None:
        if before:
            self.by_external.pop(str(before["externalId"] or ""), None)
            self.by_domain.get(str(before["baseDomain"]).lower(), set()).discard(row_id)
        if after:
            self.by_external[str(after["externalId"] or "")] = row_id
            self.by_domain.setdefault(str(after["baseDomain"]).lower(), set()).add(row_id)

    def _index_engagement(self, row_id: str, before: Row | None, after: Row | None) -> None:
        if before:
            self.by_event.pop(str(before.get("eventId")), None)
        if after and after.get("eventId"):
            self.by_event[str(after["eventId"])] = row_id


def _refuse_variables(item: Row) -> Refusal | None:
    if isinstance(item.get("variables", {}), dict):
        return None
    return Refusal("VALIDATION_ERROR", "variables must be an object", "variables")

"""Fields that nobody stores: compound names and addresses, and what an object shows of the rows it points to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sync.sandbox.store import Row


class Lookup(Protocol):
    """Finds a row by object and id."""

    def __call__(self, name: str, row_id: str | None) -> Row | None:
        """The row, deleted or not; None if there is none."""


Formula = Callable[[Row, Lookup], Any]
PARTS = ("City", "Country", "GeocodeAccuracy", "Latitude", "Longitude", "PostalCode", "State", "Street")


def full_name(row: Row, _lookup: Lookup) -> str | None:
    """The read-only Name of a person, blanks between the parts that are there."""
    return " ".join(part for part in (row.get("FirstName"), row.get("LastName")) if part) or None


def address(prefix: str) -> Formula:
    """A compound address: an object of its components, or None when all are empty."""
    pairs = [(part[0].lower() + part[1:], f"{prefix}{part}") for part in PARTS]

    def compound(row: Row, _lookup: Lookup) -> dict[str, Any] | None:
        found = {key: row.get(name) for key, name in pairs}
        return found if any(value is not None for value in found.values()) else None

    return compound


def person_of(row: Row, lookup: Lookup) -> Row:
    """The Contact or Lead behind a CampaignMember."""
    return lookup("Contact", row.get("ContactId")) or lookup("Lead", row.get("LeadId")) or {}


def copied(name: str) -> Formula:
    """A read-only copy of the person's field."""
    return lambda row, lookup: person_of(row, lookup).get(name)


def company_of(row: Row, lookup: Lookup) -> Any:
    """The person's company: Company of a Lead, the account's name of a Contact."""
    person = person_of(row, lookup)
    return person.get("Company") or (lookup("Account", person.get("AccountId")) or {}).get("Name")


def account_of(row: Row, lookup: Lookup) -> Any:
    """The account of a Task: the one it is about, else its contact's."""
    what = row.get("WhatId")
    return what if (what or "").startswith("001") else (lookup("Contact", row.get("WhoId")) or {}).get("AccountId")


def bounced(row: Row, _lookup: Lookup) -> bool:
    """IsEmailBounced follows EmailBouncedDate."""
    return row.get("EmailBouncedDate") is not None


FORMULAS: dict[tuple[str, str], Formula] = {
    ("Account", "BillingAddress"): address("Billing"),
    ("Account", "ShippingAddress"): address("Shipping"),
    ("Contact", "Name"): full_name,
    ("Contact", "MailingAddress"): address("Mailing"),
    ("Contact", "OtherAddress"): address("Other"),
    ("Contact", "IsEmailBounced"): bounced,
    ("Lead", "Name"): full_name,
    ("Lead", "Address"): address(""),
    ("Lead", "IsEmailBounced"): bounced,
    ("User", "Name"): full_name,
    ("CampaignMember", "LeadOrContactId"): lambda row, _: row.get("ContactId") or row.get("LeadId"),
    ("CampaignMember", "LeadOrContactOwnerId"): copied("OwnerId"),
    ("CampaignMember", "CompanyOrAccount"): company_of,
    ("CampaignMember", "Name"): lambda row, lookup: full_name(person_of(row, lookup), lookup),
    ("CampaignMember", "HasResponded"): lambda row, _: row.get("Status") == "Responded",
    ("Task", "AccountId"): account_of,
    ("Task", "IsClosed"): lambda row, _: row.get("Status") == "Completed",
    ("Task", "IsHighPriority"): lambda row, _: row.get("Priority") == "High",
}
for _copy in ("FirstName", "LastName", "Title", "Email", "Phone", "HasOptedOutOfEmail"):
    FORMULAS["CampaignMember", _copy] = copied(_copy)
for _count in ("NumberOfLeads", "NumberOfContacts", "NumberOfResponses"):
    FORMULAS["Campaign", _count] = lambda _row, _lookup: 0

"""What is known of the vendors before any of them is asked: their collections, and which of them only give."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final

OBJECTS: Final[Mapping[str, tuple[str, ...]]] = {
    "abmatic": ("accounts", "contacts", "campaigns", "visitors", "groups"),
    "conversion": ("contacts", "companies", "engagements"),
    "activecampaign": ("contacts", "accounts", "fields", "tags", "lists", "campaigns", "automations", "notes", "deals"),
    "letrics": ("contacts", "companies"),
}
"""Collections by kind; Salesforce has as many as its admins define."""

KINDS: Final = (*OBJECTS, "salesforce")
"""Kinds that a mapping may mention although no such system is configured."""

READ_ONLY: Final[Mapping[str, tuple[str, ...]]] = {
    "abmatic": ("campaigns", "visitors"),
    "activecampaign": ("automations",),
    "letrics": ("contacts", "companies"),
}
"""Collections whose API cannot create, change or delete (the seed documents; apis/activecampaign.md 10)."""

UNDELETABLE: Final[Mapping[str, tuple[str, ...]]] = {
    "abmatic": ("accounts", "contacts", "campaigns", "visitors", "groups"),
    "conversion": ("engagements",),
    "activecampaign": ("fields", "lists", "automations", "deals"),
    "letrics": ("contacts", "companies"),
}
"""Collections that nothing of ours deletes: Abmatic's API has no such call (apis/abmatic-conversion-letrics.md 1.2)."""

WITHOUT_ARCHIVE: Final[Mapping[str, str]] = {
    "abmatic": "its API has no call that archives",
    "salesforce": "it knows rows and its recycle bin, no archive of records",
    "conversion": "its API only deletes",
    "activecampaign": "people archive there by hand, its API has no call for it",
    "letrics": "it can only be read",
}
"""Why a row cannot be archived in a system of this kind (apis/activecampaign.md 14, apis/salesforce.md 5.4,
apis/abmatic-conversion-letrics.md 1.2, 2.1)."""

CONDITIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "conversion": {
        "where": "Conversion lists nothing, so there is nothing to filter: its rows are read by their keys",
        "params": "Conversion lists nothing, so there is nothing to filter: its rows are read by their keys",
    },
    "salesforce": {"params": "Salesforce is asked in SOQL: write the condition as where"},
}
"""The keys of a native condition that a kind has no use for, and why."""

READ_ONLY_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {"abmatic": ("groups", "analytics", "analytics.*")}
"""Columns that the API only shows, by kind: group membership and analytics have no endpoint that takes them (seed)."""

ROW_NAMES: Final[Mapping[str, Mapping[str, str]]] = {"conversion": {"contacts": "email"}}
"""Collections whose rows are named by one of their columns, by kind: the id of a row is its value (seed)."""

WITHOUT_CONSENT: Final = ("letrics",)
"""Kinds that know nothing of a person's consent: what they say of it counts for nothing (apis/abmatic-conversion-letrics.md 3.4)."""

UNPROVEN_OPT_IN: Final[Mapping[str, str]] = {
    "abmatic": "it knows nothing of consent",
    "salesforce": "its opt-out box does not tell whether the person, a colleague or an import has cleared it",
    "conversion": "it tells the state of a subscription, neither who changed it nor when",
    "activecampaign": "imports, automations and other programs put people on a list just as they do it themselves, "
    "and its webhooks are not signed",
    "letrics": "it knows nothing of consent",
}
"""Why a system of this kind cannot prove that the person has asked for mail again after an opt-out (apis/salesforce.md 5,
apis/abmatic-conversion-letrics.md 2.1, apis/activecampaign.md 5 and 12)."""

STREAMS: Final[Mapping[str, tuple[str, ...]]] = {
    "abmatic": (
        "visitors",
        "visitor.identified",
        "contact.revealed",
        "campaign.activated",
        "conversion.tracked",
        "account.engagement_changed",
    ),
}
"""Streams and webhook events that a route may begin with, by kind."""

POLLED: Final[Mapping[str, tuple[str, ...]]] = {"abmatic": ("visitors",)}
"""Those of the streams that are asked for, by kind; the others come by webhook."""

HINTS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "abmatic": {
        "contacts": ("contact_id",),
        "accounts": ("account_id", "company.id"),
        "campaigns": ("campaign_id",),
        "groups": ("group_id",),
    },
    "activecampaign": {"contacts": ("contact[id]",), "accounts": ("account[id]", "customer_acct_id")},
}
"""Where the data of an event names rows: by kind and collection, paths of ids
(apis/abmatic-conversion-letrics.md 1.4, apis/activecampaign.md 12)."""


def undeletable(kind: str, name: str) -> bool:
    """Whether rows of this collection cannot be deleted, whatever a mapping says."""
    return name in UNDELETABLE.get(kind, ())


def shown_only(kind: str, path: str) -> bool:
    """Whether the API of this kind only shows this column, wherever it stands."""
    return any(fnmatchcase(path, pattern) for pattern in READ_ONLY_COLUMNS.get(kind, ()))


def read_only(kind: str, name: str) -> bool:
    """Whether the API of this kind only gives this collection."""
    return name in READ_ONLY.get(kind, ())

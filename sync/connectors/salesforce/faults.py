"""What Salesforce refuses, and what that means: one table for rows, one for whole requests.

Vendor messages quote values, so none of them is ever passed on: what leaves this module is the vendor's code, the
field names and ids found in its message, and our own words. Source of the codes: apis/salesforce.md 4.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sync.errors import AbortError, AuthError, DriftError, QuotaError, ReplanError, UnreachableError
from sync.model.remote import Outcome


@dataclass(frozen=True, slots=True)
class Complaint:
    """One error of an answer, in the vendor's words; `text` stays inside this package."""

    code: str
    text: str = ""
    fields: tuple[str, ...] = ()


class RefusedError(Exception):
    """A whole request was refused: definitely not applied."""

    def __init__(self, status: int, complaints: Iterable[Complaint]) -> None:
        self.status = status
        self.complaints = tuple(complaints) or (Complaint(f"HTTP_{status}"),)
        super().__init__(f"refused with {self.code}")

    @property
    def code(self) -> str:
        """The first complaint's code."""
        return self.complaints[0].code

    @property
    def stops(self) -> bool:
        """Whether it is about our access or the org's allowance, so that no further write can fare better."""
        return self.code in _STOPPING


class InDoubtError(ReplanError):
    """A write was sent and nobody knows whether it happened."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a row, and what a person can do.

    `again` means: worth a second try within this push; `fewer`: with fewer rows beside it, because together they were
    too much for the org's triggers.
    """

    outcome: Outcome
    remedy: str
    again: bool = False
    fewer: bool = False


_BUSY = Verdict(Outcome.THROTTLED, "another transaction holds the record; it is tried again", again=True)
_TOO_MUCH = Verdict(
    Outcome.THROTTLED, "a trigger or flow of the org ran out of its limits: lower batch_size", again=True, fewer=True
)
_FIELD_GONE = Verdict(Outcome.REJECTED, "the field is missing or hidden from our user: grant it or unmap it")
_FORBIDDEN = Verdict(Outcome.REJECTED, "grant our user access to this record or object")
_BAD_VALUE = Verdict(Outcome.REJECTED, "correct the value or the mapping of this field")
_GONE = Verdict(Outcome.GONE, "the record was deleted or merged in Salesforce")
_LATER = Verdict(Outcome.THROTTLED, "it is tried again later")
_NO_PARENT = Verdict(Outcome.THROTTLED, "the parent is not in Salesforce yet; it is tried again after the parent")
TAKEN = Verdict(
    Outcome.REJECTED, "another record has this unique value: correct one of them, or merge the two in Salesforce"
)
_UNCLEAR = Verdict(Outcome.REJECTED, "look the code up in Salesforce's documentation and correct the record")

ROWS: Mapping[str, Verdict] = {
    "UNABLE_TO_LOCK_ROW": _BUSY,
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": _LATER,
    "PROCESSING_HALTED": _LATER,
    "REQUEST_LIMIT_EXCEEDED": _LATER,
    "LIMIT_EXCEEDED": _LATER,
    "STORAGE_LIMIT_EXCEEDED": Verdict(Outcome.THROTTLED, "the org's data storage is full: free some"),
    "SERVER_UNAVAILABLE": _LATER,
    "ENTITY_IS_DELETED": _GONE,
    "INVALID_CROSS_REFERENCE_KEY": _GONE,
    "NOT_FOUND": _GONE,
    "DUPLICATE_VALUE": Verdict(Outcome.MOVED, "another record has this unique value: it is looked up"),
    "DUPLICATE_EXTERNAL_ID": Verdict(
        Outcome.REJECTED, "several records share the external id: merge them, make it unique"
    ),
    "MULTIPLE_CHOICES": Verdict(Outcome.REJECTED, "several records share the external id: merge them, make it unique"),
    "DUPLICATES_DETECTED": Verdict(
        Outcome.REJECTED, "a duplicate rule blocks this: link to the named record or relax the rule"
    ),
    "CANNOT_UPDATE_CONVERTED_LEAD": Verdict(Outcome.MOVED, "the lead was converted: the contact takes its place"),
    "INVALID_FIELD": _FIELD_GONE,
    "INVALID_FIELD_FOR_INSERT_UPDATE": Verdict(
        Outcome.REJECTED, "our user may not write this field: grant it or unmap it"
    ),
    "INSUFFICIENT_ACCESS_OR_READONLY": _FORBIDDEN,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": _FORBIDDEN,
    "INSUFFICIENT_ACCESS": _FORBIDDEN,
    "REQUIRED_FIELD_MISSING": Verdict(Outcome.REJECTED, "give the required field a value or a default"),
    "STRING_TOO_LONG": Verdict(Outcome.REJECTED, "shorten the value or set a length rule in the mapping"),
    "INVALID_EMAIL_ADDRESS": _BAD_VALUE,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": Verdict(Outcome.REJECTED, "map the value to one that the picklist has"),
    "NUMBER_OUTSIDE_VALID_RANGE": _BAD_VALUE,
    "INVALID_TYPE_ON_FIELD_IN_RECORD": _BAD_VALUE,
    "JSON_PARSER_ERROR": _BAD_VALUE,
    "MALFORMED_ID": Verdict(Outcome.REJECTED, "the id is not one of this object: correct the reference"),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": Verdict(Outcome.REJECTED, "a validation rule of the org refuses the record"),
    "FIELD_INTEGRITY_EXCEPTION": _BAD_VALUE,
    "FIELD_FILTER_VALIDATION_EXCEPTION": _BAD_VALUE,
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": Verdict(
        Outcome.REJECTED, "a trigger or flow of the org refuses the record"
    ),
    "INACTIVE_OWNER_OR_USER": Verdict(Outcome.REJECTED, "the owner is inactive: choose another"),
    "DELETE_FAILED": Verdict(Outcome.REJECTED, "other records depend on it"),
    "MISSING_ARGUMENT": _UNCLEAR,
}
"""Every code of apis/salesforce.md 4.3 that a row can carry."""

WHOLE_OBJECT = frozenset(
    {
        "API_CURRENTLY_DISABLED",
        "API_DISABLED_FOR_ORG",
        "INSUFFICIENT_ACCESS",
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "INVALID_TYPE",
        "NOT_FOUND",
        "UNSUPPORTED_API_VERSION",
    }
)
"""Refusals that hold for every row of the request, so that bisecting it would only cost calls."""

_STOPPING = frozenset({"REQUEST_LIMIT_EXCEEDED", "API_CURRENTLY_DISABLED", "API_DISABLED_FOR_ORG", "HTTP_403"})

_ID = re.compile(r"\b[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?\b")
_OWNER_OF_KEY = re.compile(r"record with id:\s*([a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?)")
_TAKEN = re.compile(r"duplicate value found:\s*(\S+)\s+duplicates")
_EXHAUSTED = ("CPU time limit", "LIMIT_EXCEEDED", "Too many SOQL", "Too many DML")


def judge(complaint: Complaint, *, deleting: bool = False) -> Verdict:
    """What a row's error means. Unknown codes are permanent for this version of the row."""
    if deleting and complaint.code in ("ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND"):
        return Verdict(Outcome.ACKED, "")
    if complaint.code == "INVALID_FIELD" and "Foreign key external ID" in complaint.text:
        return _NO_PARENT
    if complaint.code == "DUPLICATE_VALUE" and "Duplicate external id" in complaint.text:
        return ROWS["DUPLICATE_EXTERNAL_ID"]
    if complaint.code == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" and "UNABLE_TO_LOCK_ROW" in complaint.text:
        return _BUSY
    if complaint.code == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" and any(word in complaint.text for word in _EXHAUSTED):
        return _TOO_MUCH
    if complaint.code in ("ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY") and complaint.fields:
        return Verdict(Outcome.REJECTED, "the record it refers to is gone: correct the reference")
    return ROWS.get(complaint.code, _UNCLEAR)


def owner_of_key(complaint: Complaint) -> str | None:
    """The id of the row that has a unique value already, where Salesforce tells."""
    found = _OWNER_OF_KEY.search(complaint.text)
    return found[1] if found else None


def taken_field(complaint: Complaint) -> str | None:
    """The field whose unique value another row has; ``<unknown>`` where our user may see neither."""
    found = _TAKEN.search(complaint.text)
    return found[1] if found else None


def describe(complaint: Complaint, paths: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """A sentence without values, and the native paths to blame: those listed, else those of `paths` that are named."""
    words = set(re.findall(r"\w+", complaint.text))
    fields = complaint.fields or tuple(path for path in paths if path.rpartition(".")[2] in words)
    ids = [found for found in _ID.findall(complaint.text) if any(c.isdigit() for c in found) and found not in fields]
    named = f"{complaint.code} on {', '.join(fields)}" if fields else complaint.code
    return (f"{named} (records {', '.join(ids)})" if ids and complaint.code in _TELLS_IDS else named), tuple(fields)


_TELLS_IDS = frozenset({"DUPLICATE_VALUE", "DUPLICATES_DETECTED", "UNABLE_TO_LOCK_ROW"})


def complaints(body: Any) -> tuple[Complaint, ...]:
    """Reads the error list of a REST answer (``errorCode``) or of a row (``statusCode``); other shapes say nothing."""
    rows = body if isinstance(body, list) else [body]
    return tuple(
        _complaint(row) for row in rows if isinstance(row, dict) and ("errorCode" in row or "statusCode" in row)
    )


def _complaint(row: Mapping[str, Any]) -> Complaint:
    fields = row.get("fields")
    listed = tuple(str(name) for name in fields) if isinstance(fields, list) else ()
    text = str(row.get("message") or "")
    # The misspelt key is the vendor's own (apis/salesforce.md 4.2): the matches are named nowhere else.
    matches = row.get("duplicateResut") or row.get("duplicateResult")
    if matches:
        text += " " + " ".join(re.findall(r"'Id': '(\w+)'", str(matches)))
    return Complaint(str(row.get("errorCode") or row.get("statusCode")), text, listed)


def aborting(refused: RefusedError, system: str, doing: str) -> AbortError:
    """The error that a refused read (or a refused object) becomes for the runner."""
    code = refused.code
    if code in ("REQUEST_LIMIT_EXCEEDED", "LIMIT_EXCEEDED"):
        return QuotaError(f"{doing}: {code}", wait_s=900.0, remedy="wait, or buy API calls", system=system)
    if code.startswith("API_") or code in ("HTTP_403", "INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY"):
        return AuthError(
            f"{doing}: {code}", remedy="give the integration user API access and read permission", system=system
        )
    if code in ("INVALID_FIELD", "INVALID_TYPE", "MALFORMED_QUERY", "NOT_FOUND", "UNSUPPORTED_API_VERSION"):
        remedy = "compare the mapping with the object's fields: crm-sync check"
        return DriftError(f"{doing}: {code}", remedy=remedy, system=system)
    remedy = _HINTS.get(code, "try again; ask Salesforce support if it stays")
    return UnreachableError(f"{doing}: {code}", remedy=remedy, system=system)


_HINTS = {
    "OPERATION_TOO_LARGE": "give the integration user View All Data",
    "TXN_SECURITY_METERING_ERROR": "exempt the integration user from Transaction Security policies",
}

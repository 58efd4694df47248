"""Fields of Abmatic's accounts, contacts and groups: what the API lets a client write, and what it computes itself.

Unknown names in a body are dropped without a word; names that people or loaded data brought in are custom fields from
then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WRITABLE: dict[str, dict[str, type]] = {
    "accounts": {
        "name": str,
        "website": str,
        "industry": str,
        "employee_count": int,
        "phone": str,
        "city": str,
        "state": str,
        "country": str,
        "linkedin_url": str,
        "description": str,
        "type": str,
        "tags": list,
    },
    "contacts": {
        "email": str,
        "first_name": str,
        "last_name": str,
        "title": str,
        "seniority": str,
        "account_id": str,
        "phone": str,
        "city": str,
        "country": str,
        "department": str,
        "linkedin_url": str,
        "tags": list,
    },
    "groups": {"name": str, "description": str, "criteria": dict},
}
COMPUTED = {
    "id",
    "created_at",
    "updated_at",
    "last_seen_at",
    "engagement_score",
    "account",
    "groups",
    "members",
    "analytics",
    "_deleted",
}
REQUIRED = {"accounts": "name", "contacts": "email", "groups": "name"}
PREFIXES = {"accounts": "acc", "contacts": "con", "campaigns": "camp", "visitors": "vis", "groups": "grp"}
INTEGERS = {"employee_count", "engagement_score"}


class BadField(ValueError):
    """A written field is missing or of the wrong kind; answered with 400 and this code."""

    def __init__(self, name: str, code: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.code = code


def written(name: str, body: Mapping[str, Any], custom: set[str]) -> dict[str, Any]:
    """The fields of a body that the API takes; raises BadField for a value of the wrong kind."""
    kinds = WRITABLE[name]
    taken = {key: value for key, value in body.items() if key in kinds or key in custom}
    for key, value in taken.items():
        _check_kind(key, value, kinds.get(key))
    return taken


def check_required(name: str, row: Mapping[str, Any]) -> None:
    """Raises BadField when what names a row is missing or blank."""
    key = REQUIRED[name]
    if not row.get(key):
        raise BadField(key, "MISSING_REQUIRED_FIELD", f"The '{key}' field is required")


def _check_kind(key: str, value: Any, kind: type | None) -> None:
    if value is None or kind is None:
        return
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        words = {str: "a string", int: "an integer", list: "a list", dict: "an object"}
        raise BadField(key, "INVALID_FIELD_TYPE", f"The '{key}' field must be {words[kind]}")


def blanked(name: str, row: Mapping[str, Any], custom: set[str], body: Mapping[str, Any]) -> dict[str, Any]:
    """What a replacing PUT does to the writable fields it does not name: blanks them, but never what names the row."""
    names = (set(WRITABLE[name]) | custom) - {REQUIRED[name]}
    return {key: None for key in row if key in names and key not in body}


def nested(changes: Mapping[str, Any], onto: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Dotted paths as nested objects, laid over what is there; nothing given is changed in place."""
    row = dict(onto or {})
    for path, value in changes.items():
        head, _, tail = path.partition(".")
        if tail:
            inner = row.get(head)
            row[head] = nested({tail: value}, inner if isinstance(inner, dict) else None)
        else:
            row[head] = value
    return row


def typed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Whole numbers that came as text (from a CSV file) as numbers, in the fields that are numbers."""
    return {
        key: int(value) if key in INTEGERS and isinstance(value, str) and value.isdecimal() else value
        for key, value in record.items()
    }

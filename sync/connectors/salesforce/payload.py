"""What a write says on the wire: one row of a collections request or of a CSV, with nothing but the given paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from sync.model.remote import Kind, Write

UPDATE, UPSERT, CREATE, DELETE = "update", "upsert", "create", "delete"
_TEXTS = frozenset({"string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "combobox"})
_PARENTS = ("AccountId", "Account.", "CampaignId", "Campaign.", "ContactId", "WhatId", "WhoId", "ParentId", "Parent.")


def operation(write: Write) -> str:
    """Which of the four operations a write is: a row that is known is updated, another is created."""
    if write.kind is Kind.DELETE:
        return DELETE
    if write.remote_id is not None:
        return UPDATE
    return UPSERT if write.external_id else CREATE


def key(write: Write) -> str:
    """What may stand in one request only once: the row's id, or our record's (matched without case there)."""
    if write.remote_id is not None:
        return write.remote_id[:15]
    return write.record.casefold() if write.external_id else f"#{write.number}"


def parent(write: Write) -> str:
    """Sorts siblings together, so that they lock their parent in one request and not in two at once."""
    named = (str(value) for path, value in write.values.items() if path.startswith(_PARENTS))
    return next(named, "")


def flat(write: Write) -> dict[str, Any]:
    """The row by path, with its key; an emptied relationship clears the field that holds the parent's id."""
    row = {_cleared(path) if value is None else path: value for path, value in write.values.items()}
    match operation(write):
        case "upsert":
            return {**row, str(write.external_id): write.record}
        case "update":
            return {**row, "Id": write.remote_id}
        case "delete":
            return {"Id": write.remote_id}
    return row


def _cleared(path: str) -> str:
    """``Account.Key__c`` is emptied through ``AccountId``, ``Parent__r.Key__c`` through ``Parent__c``."""
    first, dot, _ = path.partition(".")
    if not dot:
        return path
    return first.removesuffix("__r") + "__c" if first.endswith("__r") else f"{first}Id"


def nested(write: Write, types: Mapping[str, str]) -> dict[str, Any]:
    """The row of a collections request: relationships by external id become objects, values are of the field's `types`."""
    row: dict[str, Any] = {"attributes": {"type": write.object}}
    for path, value in flat(write).items():
        *parents, name = path.split(".")
        place = row
        for one in parents:
            place = place.setdefault(one, {})
        place["id" if name == "Id" and not parents else name] = _spelt(value, types.get(path))
    return row


def _spelt(value: Any, kind: str | None) -> Any:
    """A number or a truth value as text, where the field is one of text: another JSON type is refused there."""
    if kind not in _TEXTS or value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_encodable(write: Write) -> bool:
    """Whether the values are JSON in UTF-8 at all (a lone surrogate is not)."""
    try:
        orjson.dumps(dict(write.values))
    except (TypeError, ValueError):
        return False
    return True


def rounds(writes: Sequence[Write], size: int) -> list[list[Write]]:
    """Requests of at most `size` rows, siblings together, no key twice in one; a key's order is kept."""
    requests: list[list[Write]] = []
    after: dict[str, int] = {}
    first = 0
    for write in sorted(writes, key=parent):
        name = key(write)
        at = max(first, after.get(name, 0))
        while at < len(requests) and len(requests[at]) >= size:
            at += 1
        while at >= len(requests):
            requests.append([])
        requests[at].append(write)
        after[name] = at + 1
        while first < len(requests) and len(requests[first]) >= size:
            first += 1
    return requests


def columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The header of a CSV: every column of any row, sorted."""
    return sorted({column for row in rows for column in row})


def by_operation(writes: Sequence[Write]) -> list[list[Write]]:
    """Groups of one operation and one external id each, in the order of first appearance."""
    groups: dict[tuple[str, str | None], list[Write]] = {}
    for write in writes:
        named = operation(write)
        groups.setdefault((named, write.external_id if named == UPSERT else None), []).append(write)
    return list(groups.values())

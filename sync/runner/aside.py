"""What a decision leaves to a person: the rows of the inbox and of the quarantine, each with its reason and its remedy."""

from __future__ import annotations

from sync.mapping import FieldMapping
from sync.model.ids import quarantine_id
from sync.model.record import Conflict, Link, LinkState, Operation, Quarantined, Record


def delete_conflict(record: Record, link: Link, gone: str) -> Conflict:
    """A deletion there meets an edit here."""
    values = {gone: "deleted", link.system: "edited"}
    return Conflict(
        quarantine_id("delete", record.id, link.system),
        record.entity,
        record.id,
        "(record)",
        values,
        "deleted and edited",
    )


def rival(record: Record, system: str, rivals: tuple[str, ...]) -> Quarantined:
    """A create is due, but somebody there holds the key already."""
    return Quarantined(
        id=quarantine_id("AMBIGUOUS_MATCH", record.id, system),
        entity=record.entity,
        system=system,
        record=record.id,
        object=None,
        remote_id=None,
        error="AMBIGUOUS_MATCH",
        message=f"not created in {system}: {', '.join(rivals)} there {'holds' if len(rivals) == 1 else 'hold'} its key already",
        remedy=f"Make one of them the partner: merge or delete the others in {system}; then run `crm-sync quarantine retry`.",
        candidates=rivals,
    )


def uncleared(record: Record, system: str, name: str) -> Quarantined:
    """A field was emptied that a system cannot empty."""
    link = next(link for link in record.links if link.system == system and link.state is LinkState.LINKED)
    return Quarantined(
        id=quarantine_id("UNCLEARED", record.id, system, name),
        entity=record.entity,
        system=system,
        record=record.id,
        object=link.observed.object,
        remote_id=link.observed.remote_id,
        error="UNCLEARED",
        message=f"{name} was emptied elsewhere; {system} documents no way to empty it, so it still holds the old value",
        remedy=f"Empty it in {system} by hand, or set `clearing` for {system} once you know that it takes blanks.",
        field=name,
    )


def wordless_here(record: Record, link: Link, mapped: FieldMapping) -> Quarantined:
    """A system holds what the mapping has no word for."""
    remedy = f"Add the word to `values` of {record.entity}.{mapped.name} for {link.system}, or change it there."
    return _unmapped(record, link.system, link, mapped, f"the mapping has no word for what {link.system} holds", remedy)


def wordless_there(record: Record, system: str, link: Link | None, mapped: FieldMapping) -> Quarantined:
    """A value cannot be said in a system. Without a link: when its row was to be made."""
    why = f"{system} has no word for the value"
    remedy = f"Add the word to `values` of {record.entity}.{mapped.name} for {system}, or change the value."
    if mapped.max_length is not None:
        why += f", or it is longer than max_length = {mapped.max_length}"
        remedy = (
            f"Shorten it, or raise max_length of {record.entity}.{mapped.name}, or let it be cut with truncate = true."
        )
    if link is None:
        why += "; not made there without it" if mapped.required else "; made there without it"
    return _unmapped(record, system, link, mapped, why, remedy)


def _unmapped(
    record: Record, system: str, link: Link | None, mapped: FieldMapping, why: str, remedy: str
) -> Quarantined:
    return Quarantined(
        id=quarantine_id("UNMAPPED_VALUE", record.id, system, mapped.name),
        entity=record.entity,
        system=system,
        record=record.id,
        object=link.observed.object if link else None,
        remote_id=link.observed.remote_id if link else None,
        error="UNMAPPED_VALUE",
        message=f"{mapped.name}: {why}",
        remedy=remedy,
        field=mapped.name,
    )


def unknown_create(entity: str, create: Operation, why: str, candidates: tuple[str, ...] = ()) -> Quarantined:
    """A create of which nobody can tell whether it happened; ``candidates``: the rows that may be it."""
    there = "if it is there once, `crm-sync quarantine retry` links it; if not, retry makes it."
    if candidates:
        there = (
            f"if one of {', '.join(candidates)} is it, give that row the key that the record has (`crm-sync explain`), and"
            " `crm-sync quarantine retry` links it; if none is, retry makes it. Until then both wait."
        )
    return Quarantined(
        id=quarantine_id("IN_DOUBT", create.record, create.system),
        entity=entity,
        system=create.system,
        record=create.record,
        object=create.object,
        remote_id=None,
        error="IN_DOUBT",
        message=f"nobody knows whether the create in {create.system} happened: {why}",
        remedy=f"Look in {create.system}: {there}",
        candidates=candidates,
    )

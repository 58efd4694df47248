"""What a route makes of an event in the system that receives it: an operation, and the write that carries it out.

To Conversion goes an engagement, to Salesforce a row, to ActiveCampaign an enrolment, a note or a tag.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sync.engine.plan import PENDING_REF
from sync.mapping import Route
from sync.model.record import Change, Journalled, Operation
from sync.model.remote import Kind, Write
from sync.model.values import Native, is_blank
from sync.runner.context import Context, System
from sync.runner.streams.happening import ENTITY, Happening, split
from sync.runner.streams.who import Who

PERSON_FIELDS: Final[Mapping[str, str]] = {"Task": "WhoId", "Event": "WhoId", "CampaignMember": "ContactId"}
"""Where a Salesforce row says who it is about, unless the route names the field."""
ACCOUNT_FIELDS: Final[Mapping[str, str]] = {"Task": "WhatId", "Event": "WhatId"}
CAMPAIGN_FIELDS: Final[Mapping[str, str]] = {"CampaignMember": "CampaignId"}
LEAD_PREFIX: Final = "00Q"
"""Ids of Leads begin with it (apis/salesforce.md)."""
MAILS: Final = ("automations", "tags")
"""Collections of ActiveCampaign that may make it send mail: automations, and tags that start them."""
_NEEDS_PERSON: Final = ("CampaignMember",)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an event is not delivered; `held` asks a person to look."""

    error: str
    message: str
    held: bool


def operation(context: Context, happening: Happening, route: Route, about: Who) -> Operation:
    """What the route makes of the event, as far as it is known before the run has written anything."""
    kind = context.systems[route.to].kind
    object_, values = _SHAPES[kind](context, route, route.render(happening.shown()), about)
    remote_id = _remote_id(context, route.to, about) if kind == "activecampaign" else None
    changes = tuple(Change(name, name, None, value, happening.system, "route", 0) for name, value in values.items())
    cause = happening.cause(route)
    # what ActiveCampaign does is done to a person: an account's record must never lend its id there
    record = about.person or (None if kind == "activecampaign" else about.account)
    return Operation(
        ENTITY,
        record or f"eng_{digest(cause)}",
        route.to,
        object_,
        Kind.ENGAGE,
        remote_id,
        changes,
        f"{happening.on}: event {happening.id[:16]}",
        about.address,
        cause,
    )


def digest(cause: str) -> str:
    """A short name for a cause: what an external id holds."""
    return hashlib.blake2b(cause.encode(), digest_size=10).hexdigest()


def refusal(kind: str, planned: Operation, about: Who) -> Refusal | None:
    """Why an operation may not be sent; None where it may."""
    if kind == "activecampaign" and planned.object in MAILS and about.out:
        return Refusal("OPTED_OUT", "the person has opted out of e-mail", held=False)
    if kind == "conversion" and about.address is None:
        return Refusal("NO_PERSON", "the event names nobody, and an engagement needs an address", held=True)
    if kind == "activecampaign" and about.person is None and about.address is None:
        return Refusal("NO_PERSON", "the event names nobody", held=True)
    if kind == "salesforce" and planned.object in _NEEDS_PERSON and about.person is None:
        return Refusal("NO_PERSON", f"the event names nobody who could be a {planned.object}", held=True)
    return None


def repeatable(system: System, planned: Operation, route: Route | None) -> bool:
    """Whether the same again has no second effect."""
    if system.kind == "activecampaign":
        return planned.object == "tags"
    return system.kind == "salesforce" and route is not None and route.external_id is not None


def can_look_up(system: System) -> bool:
    """Whether the system can be asked if something arrived."""
    return system.kind == "salesforce"


def route_of(context: Context, planned: Operation) -> Route | None:
    """The route that an operation went, if the mapping still has it."""
    key = split(planned.cause or "//")[0]
    return next((route for route in context.mappings.routes if route.key == key), None)


def bound(context: Context, row: Journalled) -> Journalled | Refusal:
    """The operation with the ids that this run's own writes may have made; what is not there by now is left out."""
    planned = row.operation
    pairs = {(planned.system, ref) for change in planned.changes if (ref := _ref(change.after))}
    remotes = context.store.remote_ids(sorted(pairs))
    changes = []
    for change in planned.changes:
        ref = _ref(change.after)
        value = remotes.get((planned.system, ref)) if ref else change.after
        if value is None and planned.object in _NEEDS_PERSON:
            return Refusal("NOT_THERE", f"what {change.native} would name is not in {planned.system}", held=True)
        if value is not None:
            changes.append(replace(change, after=value))
    remote_id = planned.remote_id
    if remote_id is None and context.systems[planned.system].kind == "activecampaign":
        found = context.store.remote_ids([(planned.system, planned.record)])
        remote_id = found.get((planned.system, planned.record))
    return replace(row, operation=replace(planned, changes=tuple(changes), remote_id=remote_id))


def write(system: System, row: Journalled, route: Route | None) -> Write:
    """The write of a bound operation."""
    planned = row.operation
    values: dict[str, Native] = {change.native: change.after for change in planned.changes}
    if system.kind != "salesforce":
        return Write(
            row.number, Kind.ENGAGE, planned.object, planned.remote_id, planned.record, values, None, planned.address
        )
    external_id = route.external_id if route else None
    return Write(row.number, Kind.CREATE, planned.object, None, digest(planned.cause or ""), _led(values), external_id)


def _led(values: dict[str, Native]) -> dict[str, Native]:
    """A Lead is no Contact: it is a member under `LeadId`, and a Task about it is about nothing else."""
    person = values.get("ContactId")
    if isinstance(person, str) and person.startswith(LEAD_PREFIX):
        return {**{name: value for name, value in values.items() if name != "ContactId"}, "LeadId": person}
    who = values.get("WhoId")
    if isinstance(who, str) and who.startswith(LEAD_PREFIX):
        return {name: value for name, value in values.items() if name != "WhatId"}
    return values


def _ref(value: Native) -> str | None:
    return value.get(PENDING_REF) if isinstance(value, Mapping) else None


def _remote_id(context: Context, system: str, about: Who) -> str | None:
    if about.person is None:
        return None
    return context.store.remote_ids([(system, about.person)]).get((system, about.person))


Shape = tuple[str, dict[str, Any]]


def _engagement(_context: Context, _route: Route, said: Mapping[str, Any], about: Who) -> Shape:
    values = {
        "contactEmail": about.address,
        "name": said["name"],
        "description": said.get("description") or said["name"],
    }
    return "engagements", values | ({"data": said["data"]} if said.get("data") else {})


def _row(context: Context, route: Route, said: Mapping[str, Any], about: Who) -> Shape:
    object_ = route.object or ""
    values: dict[str, Any] = {name: value for name, value in said["fields"].items() if not is_blank(value)}
    slots = (
        (route.person or PERSON_FIELDS.get(object_), about.person),
        (route.account or ACCOUNT_FIELDS.get(object_), about.account),
        (CAMPAIGN_FIELDS.get(object_), about.campaign),
    )
    for name, record in slots:
        if name is not None and record is not None and name not in values:
            values[name] = context.store.remote_ids([(route.to, record)]).get((route.to, record), {PENDING_REF: record})
    return object_, values


def _act(_context: Context, route: Route, said: Mapping[str, Any], _about: Who) -> Shape:
    if route.automation is not None:
        return "automations", {"automation": route.automation}
    return ("notes", {"note": said["note"]}) if "note" in said else ("tags", {"tag": said["tag"]})


_SHAPES: Final = {"conversion": _engagement, "salesforce": _row, "activecampaign": _act}

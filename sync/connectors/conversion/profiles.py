"""The three revisions of Conversion's API as tables: routes, names of keys, vocabularies, what can be done at all.

C0 is the seed document, completed by what was recovered of its bodies; C1 and C2 are later pages of the vendor
(`apis/abmatic-conversion-letrics.md` 2.1 to 2.4). What no page tells is assumed as the sheet's 2.6 proposes. C1's routes
for one contact were never recovered: reading and deleting are taken to be C0's, which sits on the same host; the status
of one contact is set where C2 sets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from sync.errors import DriftError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One object.

    ``key``: the wire's name of our key. ``batch``: route and ``listed``: body key of the batch upsert. ``one``: route of
    one row, by key (None: a row cannot be read). ``names``: our name of a variable or column -> the wire's. ``tops``: columns
    beside the variables that may be written. ``assumed``: no document tells of ``one``, so that its 404 alone says nothing.
    """

    object: str
    key: str
    batch: str
    listed: str
    one: str | None
    names: Mapping[str, str] = field(default_factory=dict)
    tops: frozenset[str] = frozenset()
    deletable: bool = True
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """One revision.

    ``version`` ends the base URL. ``auth``: the header of the key. ``bag``: where variables are. ``batch_max``: rows a
    request. ``positional``: results are told by position, not by key. ``settable``: words of consent that may be sent,
    to ``status`` under ``status_listed`` (None: one person a request). ``engage``: where engagements go.
    ``silent``: a success tells no results at all.
    """

    name: str
    version: str
    auth: str
    bag: str
    batch_max: int
    settable: frozenset[str]
    status: str
    status_listed: str | None
    status_key: str
    engage: str
    endpoints: Mapping[str, Endpoint]
    positional: bool = False
    silent: bool = False

    def endpoint(self, object_name: str) -> Endpoint:
        """The endpoint of an object. Raises DriftError for one that this revision has not."""
        found = self.endpoints.get(object_name)
        if found is None:
            known = ", ".join(sorted(self.endpoints))
            raise DriftError(f"Conversion {self.name} has no {object_name}", remedy=f"It has: {known}.")
        return found


def _endpoints(*endpoints: Endpoint) -> dict[str, Endpoint]:
    return {endpoint.object: endpoint for endpoint in endpoints}


_PERSON: Final = "/contacts/by-email/{id}"
_LATER: Final = {"title": "job_title", "phone": "phone_number"}

C0: Final = Profile(
    name="C0",
    version="/v1",
    auth="bearer",
    bag="variables",
    batch_max=1000,
    settable=frozenset({"SUBSCRIBED", "UNSUBSCRIBED", "PENDING"}),
    status="/contacts/batch-subscription",
    status_listed="contacts",
    status_key="subscriptionStatus",
    engage="/contacts/engagements",
    endpoints=_endpoints(
        Endpoint("contacts", "email", "/contacts/batch", "contacts", _PERSON),
        Endpoint(
            "companies",
            "id",
            "/companies/batch",
            "companies",
            "/companies/by-external-id/{id}",
            tops=frozenset({"baseDomain"}),
        ),
    ),
)

C1: Final = replace(
    C0,
    name="C1",
    auth="x_api_key",
    batch_max=200,
    settable=frozenset({"SUBSCRIBED", "UNSUBSCRIBED", "NOT_SUBSCRIBED"}),
    status="/contacts",
    status_listed=None,
    engage="/activities/batch",
    silent=True,
    endpoints=_endpoints(
        Endpoint(
            "contacts",
            "email",
            "/contacts/batch",
            "batch",
            _PERSON,
            _LATER,
            frozenset({"companyId", "audienceId"}),
            assumed=True,
        ),
        Endpoint(
            "companies",
            "id",
            "/companies/batch",
            "batch",
            "/companies/{id}",
            {"baseDomain": "domain"},
            frozenset({"baseDomain"}),
        ),
    ),
)

C2: Final = replace(
    C0,
    name="C2",
    version="/v2",
    auth="x_api_key",
    bag="fields",
    settable=frozenset({"SUBSCRIBED", "UNSUBSCRIBED", "NO_STATUS"}),
    status="/contacts/batch",
    engage="/events",
    endpoints=_endpoints(
        Endpoint("contacts", "email", "/contacts/batch", "contacts", None, _LATER, deletable=False),
    ),
    positional=True,
)

PROFILES: Final[Mapping[str, Profile]] = {profile.name: profile for profile in (C0, C1, C2)}


def chosen(
    name: str,
    *,
    contacts_key: str | None = None,
    companies_key: str | None = None,
    subscription_key: str | None = None,
    status_key: str | None = None,
) -> Profile:
    """A profile, with the body keys that no document tells replaced where the operator knows better."""
    profile = PROFILES[name]
    listed = {"contacts": contacts_key, "companies": companies_key}
    endpoints = {
        object_name: replace(endpoint, listed=listed.get(object_name) or endpoint.listed)
        for object_name, endpoint in profile.endpoints.items()
    }
    return replace(
        profile,
        endpoints=endpoints,
        status_listed=profile.status_listed and (subscription_key or profile.status_listed),
        status_key=status_key or profile.status_key,
    )

"""Which endpoints exist: the three revisions of the vendor's documents as data.

A1 is the revision this product was specified by (January 2026), A2 lists accounts alone (March 2026), A3 is read only
throughout (August 2026). Source: `apis/abmatic-conversion-letrics.md` 1.1, 1.2, 1.5, 1.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from sync.errors import DriftError

PER_PAGE: Final = 100
"""The documented maximum. What a larger one does is not documented."""

_COMMON: Final = frozenset({"created_after", "created_before", "updated_after"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One collection of one profile.

    ``keys`` name the row's identity, first present wins. ``since`` is the filter by date that selects changed rows;
    ``sorted_by`` the column that orders a full walk where the server can sort, then changes are walked by
    ``updated_at`` descending. Neither: only full walks. ``projects`` means that columns can be chosen.
    """

    object: str
    route: str
    one: str | None = None
    keys: tuple[str, ...] = ("id",)
    since: str | None = None
    sorted_by: str | None = None
    projects: bool = False
    filters: frozenset[str] = frozenset()
    creatable: bool = False
    updatable: bool = False
    lookups: tuple[str, ...] = ()
    analytics: str | None = None
    members: str | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """All endpoints of one revision. ``me`` is the route that tells whose key it is."""

    name: str
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    me: str | None = None

    def endpoint(self, name: str) -> Endpoint:
        """The collection of that name. Raises DriftError where this revision has none."""
        if name not in self.endpoints:
            known = ", ".join(sorted(self.endpoints))
            raise DriftError(f"Abmatic profile {self.name} has no {name}", remedy=f"It has {known}.")
        return self.endpoints[name]


def _profile(name: str, *endpoints: Endpoint, me: str | None = None) -> Profile:
    return Profile(name, {endpoint.object: endpoint for endpoint in endpoints}, me)


A1: Final = _profile(
    "A1",
    Endpoint(
        "accounts",
        "/accounts",
        "/accounts/{id}",
        since="updated_after",
        filters=_COMMON | {"industry", "engagement_score_min", "size"},
        creatable=True,
        updatable=True,
        lookups=("website",),
    ),
    Endpoint(
        "contacts",
        "/contacts",
        "/contacts/{id}",
        since="updated_after",
        filters=_COMMON | {"industry", "engagement_score_min", "account_id", "seniority"},
        creatable=True,
        updatable=True,
        lookups=("email",),
    ),
    Endpoint(
        "campaigns",
        "/campaigns",
        "/campaigns/{id}",
        since="updated_after",
        filters=_COMMON,
        analytics="/campaigns/{id}/analytics",
    ),
    Endpoint("visitors", "/visitors", "/visitors/{id}", since="created_after", filters=frozenset({"created_after"})),
    Endpoint(
        "groups",
        "/groups",
        "/groups/{id}",
        since="updated_after",
        filters=_COMMON,
        creatable=True,
        lookups=("name",),
        members="/groups/{id}/members",
    ),
)

A2: Final = _profile("A2", Endpoint("accounts", "/accounts", keys=("website",), sorted_by="website", projects=True))

A3: Final = _profile(
    "A3",
    Endpoint(
        "accounts",
        "/accounts",
        "/accounts/{id}",
        keys=("website",),
        sorted_by="website",
        projects=True,
        filters=frozenset({"q", "min_score", "max_score"}),
        lookups=("website",),
    ),
    Endpoint("contacts", "/contacts", keys=("email", "work_email"), filters=frozenset({"q", "min_score", "max_score"})),
    Endpoint("campaigns", "/campaigns", "/campaigns/{id}"),
    Endpoint("visitors", "/visitors", "/visitors/{id}", keys=("session_id", "id")),
    Endpoint("groups", "/target-groups", "/target-groups/{id}"),
    me="/me",
)

PROFILES: Final[Mapping[str, Profile]] = {profile.name: profile for profile in (A1, A2, A3)}

_SHARED: Final = ("accounts", "contacts")
"""What Abmatic's own Salesforce sync writes, there and here (`apis/` 1.7)."""


def beside(profile: Profile, native_sync: str) -> Profile:
    """What is left to us of a revision beside Abmatic's own Salesforce sync, which matches by domain and address and then creates.

    ``pull_only``: what is new in Salesforce comes to Abmatic by itself, so rows made by us would stand there twice. ``on``: it also
    goes from there to Salesforce, so whatever we wrote would go round in a circle. ``off``: everything.
    """
    if native_sync == "off":
        return profile
    shared = {
        name: replace(endpoint, creatable=False, updatable=endpoint.updatable and native_sync == "pull_only")
        for name, endpoint in profile.endpoints.items()
        if name in _SHARED
    }
    return replace(profile, endpoints={**profile.endpoints, **shared})

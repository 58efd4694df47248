"""What a row does not carry itself: group names of an account, analytics of a campaign.

Neither moves the row's change time, so a pull reads them beside the list and walks everything when they may differ.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from sync.connectors.abmatic.listing import Params, Tally, pages
from sync.connectors.abmatic.profiles import Endpoint, Profile
from sync.connectors.abmatic.rows import Row, key_of
from sync.connectors.http import Client
from sync.errors import DriftError

WALKS_MAX: Final = 3
"""How often an unclean walk is repeated at once (`apis/` 5.1)."""


@dataclass(frozen=True, slots=True)
class Memberships:
    """Names of the groups by account id, sorted; `digest` changes when any of them does."""

    names: Mapping[str, tuple[str, ...]]
    digest: str

    def of(self, account: str) -> list[str]:
        """The names of an account's groups; empty for none."""
        return list(self.names.get(account, ()))


def memberships(client: Client, profile: Profile) -> Memberships | None:
    """All members of all groups; None where this revision has none, or where the lists would not hold still."""
    endpoint = profile.endpoints.get("groups")
    if endpoint is None or endpoint.members is None:
        return None
    try:
        groups = collect(client, endpoint, endpoint.route)
        names = _names_by_account(client, profile, groups) if groups is not None else None
    except DriftError:  # no such endpoint for this key: a capability, not a fault
        return None
    if names is None:
        return None
    table = {account: tuple(sorted(found)) for account, found in sorted(names.items())}
    return Memberships(table, hashlib.sha256(orjson.dumps(table)).hexdigest()[:16])


def collect(
    client: Client, endpoint: Endpoint, route: str, params: Params | None = None, parts: Mapping[str, str] | None = None
) -> dict[str, Row] | None:
    """All rows of a list by id, or None where no walk of three was clean."""
    known: dict[str, int] = {}
    rows: dict[str, Row] = {}
    for number in range(1, WALKS_MAX + 1):
        tally = Tally(endpoint, known, number)
        for listing in pages(client, route, params or {}, parts=parts):
            rows.update(tally.take(listing))
        if tally.clean:
            return rows
    return None


def analytics(client: Client, endpoint: Endpoint, key: str, start: str | None = None, end: str | None = None) -> Row:
    """The metrics of one campaign, between two dates where given; empty where there are none."""
    if endpoint.analytics is None:
        return {}
    span = {"start_date": start, "end_date": end}
    params = {name: value for name, value in span.items() if value}
    answer = client.read(endpoint.analytics, parts={"id": key}, params=params, shape=is_single, accept=(404,))
    return dict(answer.data["data"]) if answer.done else {}


def is_single(data: Any) -> bool:
    """Whether a body is the envelope of one row."""
    return isinstance(data, dict) and isinstance(data.get("data"), dict)


def _names_by_account(client: Client, profile: Profile, groups: Mapping[str, Row]) -> defaultdict[str, set[str]] | None:
    endpoint, accounts = profile.endpoints["groups"], profile.endpoints["accounts"]
    names: defaultdict[str, set[str]] = defaultdict(set)
    for key, group in groups.items():
        members = collect(client, accounts, endpoint.members or "", parts={"id": key})
        if members is None:
            return None
        for row in members.values():
            names[key_of(accounts, row) or ""].add(str(group.get("name") or key))
    return names

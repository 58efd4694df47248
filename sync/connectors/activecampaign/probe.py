"""What `check` finds out about an account without writing: whose it is, what the key may do, which readings of the document hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from sync.connectors.activecampaign.answers import holds
from sync.connectors.activecampaign.api import Api, rows_of, total_of
from sync.connectors.activecampaign.contacts import CONTACTS
from sync.connectors.activecampaign.sides import ACCOUNTS, LISTS, TAGS, VALUES
from sync.connectors.base import Finding
from sync.errors import AbortError
from sync.model.remote import Tenant

_GATED: Final = ("accounts", "notes", "deals")
"""Collections that lower plans do not have."""


def identify(api: Api, host: str) -> Tenant:
    """The account's own host, as it names itself in its links: a key opens that account and no other."""
    answer = api.read("/users/me", shape=holds("user"))
    user = answer.data["user"]
    links = user.get("links") if isinstance(user, dict) else None
    named = (
        [urlsplit(link).hostname for link in links.values() if isinstance(link, str)] if isinstance(links, dict) else []
    )
    return Tenant(f"activecampaign:{(named[0] if named else None) or host}")


def findings(api: Api, host: str) -> list[Finding]:
    """All findings."""
    try:
        tenant = identify(api, host)
    except AbortError as error:
        return [Finding("credentials", well=False, detail=error.message, remedy=error.remedy)]
    found = [Finding("credentials", well=True, detail=tenant.id), _room(api)]
    found += [finding for name in _GATED if (finding := _gated(api, name)) is not None]
    return [*found, _sideloads(api), _filter(api), _unsigned()]


def _room(api: Api) -> Finding:
    """How many contacts the plan still takes; told to admins only."""
    answer = api.read("/settings/account", accept=(403, 404))
    data = answer.data if answer.done and isinstance(answer.data, dict) else {}
    limit, total = (str(data.get(name, "")) for name in ("subscriber_limit", "subscriber_total"))
    if not limit.isdecimal() or not total.isdecimal() or not int(limit):
        return Finding("plan", well=True, detail="not told to this user, who is no admin")
    full = int(total) >= int(limit)
    remedy = "Creates will fail: raise the plan's limit or archive contacts." if full else ""
    return Finding("plan", not full, f"{total} of {limit} contacts", remedy)


def _gated(api: Api, name: str) -> Finding | None:
    answer = api.read(f"/{name}", params={"limit": 1}, accept=(403, 404))
    if answer.done:
        return None
    return Finding(name, well=True, detail=f"the plan or this user has none: mapping {name} will not work")


def _sideloads(api: Api) -> Finding:
    tables = (VALUES, LISTS, TAGS, ACCOUNTS)
    params = {"limit": 1, "include": ",".join(tables)}
    answer = api.read("/contacts", params=params, shape=holds(CONTACTS))
    missing = [table for table in tables if table not in answer.data]
    if not missing or not rows_of(answer.data, CONTACTS):
        return Finding("sideloads", well=True, detail="contacts bring what hangs on them")
    return Finding("sideloads", well=True, detail=f"{', '.join(missing)} are read on their own, which costs calls")


def _filter(api: Api) -> Finding:
    """Whether the filter by change is applied: nobody changes in two years' time."""
    future = (api.clock.now() + timedelta(days=730)).date().isoformat()
    params = {"limit": 1, "filters[updated_after]": future}
    answer = api.read("/contacts", params=params, shape=holds(CONTACTS))
    if rows_of(answer.data, CONTACTS):
        text = "the filter by change is ignored: every run reads all contacts"
        return Finding("updated_after", well=True, detail=f"{text} ({total_of(answer.data) or 'unknown'})")
    return Finding("updated_after", well=True, detail="changed contacts are read by day")


def _unsigned() -> Finding:
    text = "deletes and changed company links are found by `sync --full`; the API tells neither"
    return Finding("feed", well=True, detail=text)

"""What `check` finds out about an Abmatic account without writing: which revision answers, and with what.

The vendor's documents disagree with one another (`apis/` 1.1), so the server is asked which of them it is, whatever is configured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sync.connectors.abmatic.listing import is_list
from sync.connectors.abmatic.profiles import Endpoint, Profile
from sync.connectors.base import Finding
from sync.connectors.http import Client
from sync.errors import AbortError

_CAPABILITY: Final = (403, 404, 405)


class Probe:
    """One call a list: does it answer, how many rows does it tell of, and what are their columns.

    ``fitting`` asks the server which revision it is.
    """

    def __init__(self, client: Client, profile: Profile, per_minute: int, fitting: Callable[[], Profile]) -> None:
        self._client = client
        self._profile = profile
        self._per_minute = per_minute
        self._fitting = fitting

    def findings(self) -> list[Finding]:
        """All findings; the first failure that concerns every list ends the probe."""
        try:
            found = [self._revision(), *(self._list(endpoint) for endpoint in self._profile.endpoints.values())]
        except AbortError as error:
            return [Finding("credentials", well=False, detail=error.message, remedy=error.remedy)]
        return [*found, Finding("credentials", well=True), self._writes(), self._rate()]

    def _revision(self) -> Finding:
        fits = self._fitting().name
        if fits == self._profile.name:
            return Finding("profile", well=True, detail=f"{fits} fits")
        detail = f"configured is {self._profile.name}; the server answers as {fits}"
        return Finding("profile", well=False, detail=detail, remedy=f'Set `profile = "{fits}"`, or "auto".')

    def _list(self, endpoint: Endpoint) -> Finding:
        params = {"page": 1, "per_page": 1}
        must = endpoint.object == "accounts"
        answer = self._client.read(endpoint.route, params=params, shape=is_list, accept=() if must else _CAPABILITY)
        if answer.done:
            return Finding(endpoint.object, well=True, detail=_told(answer.data))
        remedy = f"Set the profile that this key belongs to, or leave {endpoint.object} out of the mappings."
        return Finding(endpoint.object, well=False, detail=answer.summary, remedy=remedy)

    def _writes(self) -> Finding:
        able = sorted(endpoint.object for endpoint in self._profile.endpoints.values() if endpoint.creatable)
        detail = f"profile {self._profile.name} can create {', '.join(able)}" if able else "read only"
        return Finding("writes", well=True, detail=detail)

    def _rate(self) -> Finding:
        usage = self._client.meter.usage()
        told = "not told" if usage.calls_limit is None else f"{usage.calls_limit} a minute"
        well = usage.calls_limit is None or usage.calls_limit >= self._per_minute
        remedy = "" if well else f"Set requests_per_minute = {usage.calls_limit}."
        return Finding("rate", well=well, detail=f"vendor's limit {told}, ours {self._per_minute}", remedy=remedy)


_BESIDE: Final = {
    "pull_only": "Abmatic itself takes from Salesforce: no accounts and contacts are made in Abmatic meanwhile",
    "on": "Abmatic itself writes to Salesforce: no accounts and contacts are written in Abmatic meanwhile",
}


def native_sync(declared: str) -> list[Finding]:
    """What the vendor's own Salesforce sync, as it is declared, leaves to us; nothing where it is off."""
    remedy = 'Switch it off there, then set `native_salesforce_sync = "off"`.'
    told = _BESIDE.get(declared)
    return [Finding("native_salesforce_sync", well=False, detail=told, remedy=remedy)] if told else []


def _told(data: Any) -> str:
    """How many rows, and the names of their columns; the vendor documents only some of them."""
    rows = f"{data['pagination']['total']} rows"
    return f"{rows}; fields: {', '.join(sorted(data['data'][0]))}" if data["data"] else rows

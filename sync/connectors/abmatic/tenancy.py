"""Whether a key still opens the data that the state knows.

A1 and A2 tell nobody's name, and a 404 or an empty list looks the same for a deleted row and for another tenant's key
(T-A7). So rows that the state has linked stand as canaries: if none of them is there, nothing is believed to be gone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from sync.connectors.abmatic.listing import is_list
from sync.connectors.abmatic.profiles import Endpoint, Profile
from sync.connectors.abmatic.rows import Row, is_row_of, key_of
from sync.connectors.abmatic.side import is_single
from sync.connectors.http import Client
from sync.errors import TenantError
from sync.model.remote import Tenant

Canaries = Callable[[], Sequence[tuple[str, str]]]
"""Some live links of the state, as (object, remote id); asked each time they are needed."""

_CANARIES_MAX: Final = 5
_CANARIES_MIN: Final = 3
"""Fewer may well all have been deleted by a person."""


class Tenancy:
    """The tenant check of one connector."""

    def __init__(self, client: Client, profile: Profile, base_url: str, canaries: Canaries) -> None:
        self._client = client
        self._profile = profile
        self._host = urlsplit(base_url).hostname or ""
        self._canaries = canaries

    def identify(self) -> Tenant:
        """Whose data this is. Raises TenantError where none of the canaries exists."""
        if self._profile.me is not None:
            me = self._client.read(self._profile.me, shape=is_single).data["data"]
            return Tenant(str(me.get("id") or me.get("account_id") or self._host), str(me.get("name") or ""))
        asked = [(self._profile.endpoints[name], key) for name, key in self._canaries() if self._can_ask(name)]
        if not self._any_there(asked):
            if len(asked) >= _CANARIES_MIN:
                self._refuse()
            self._client.read("/accounts", params={"page": 1, "per_page": 1}, shape=is_list)
        return Tenant(f"abmatic:{self._host}")

    def confirm(self, endpoint: Endpoint, missing: Collection[str]) -> None:
        """Makes sure that rows which answered 404 are gone, and not the whole tenant or endpoint.

        Raises TenantError where another row of the same object, known or listed, is not found either.
        """
        own = [key for name, key in self._canaries() if name == endpoint.object]
        if self._any_there((endpoint, key) for key in own if key not in missing):
            return
        if len(own) >= _CANARIES_MIN:
            self._refuse()
        params = {"page": 1, "per_page": _CANARIES_MAX}
        listed = self._client.read(endpoint.route, params=params, shape=is_list).data["data"]
        keys = [key for row in listed if (key := key_of(endpoint, row)) is not None and key not in missing]
        if keys and find(self._client, endpoint, keys[0]) is None:
            self._refuse()

    def _can_ask(self, name: str) -> bool:
        endpoint = self._profile.endpoints.get(name)
        return endpoint is not None and endpoint.one is not None

    def _any_there(self, asked: Iterable[tuple[Endpoint, str]]) -> bool:
        """Whether one of the first canaries answers."""
        few = islice(asked, _CANARIES_MAX)
        return any(find(self._client, endpoint, key) is not None for endpoint, key in few)

    def _refuse(self) -> None:
        raise TenantError(
            f"{self._client.system}: none of the rows that are linked exists under this key",
            remedy="The key may belong to another Abmatic account: check api_key. Nothing was taken for deleted.",
            system=self._client.system,
        )


def find(client: Client, endpoint: Endpoint, key: str) -> Row | None:
    """One row by its key, or None for a 404, which by itself proves nothing."""
    if endpoint.one is None:
        return None
    answer = client.read(
        endpoint.one,
        parts={"id": key},
        shape=lambda data: is_single(data) and is_row_of(data["data"], key),
        accept=(404, 410),
    )
    if not answer.done:
        return None
    client.meter.add(read=1)
    row: Row = answer.data["data"]
    return row

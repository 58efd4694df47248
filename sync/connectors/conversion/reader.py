"""Reading by key: a contact by its address, a company by our id. There is no list (T-C1).

A 404 counts as "not there" only where the API itself says so in a body: a mistyped base URL answers 404 to everything. C1's route
to one contact is only assumed: there it counts once the route has shown somebody.
C2 has no read of one contact: its export is searched instead, and whether a contact exists at all is asked by an
upsert that may only update and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sync.connectors.conversion.answers import is_body, is_settled, row_of, understand
from sync.connectors.conversion.export import Export
from sync.connectors.conversion.profiles import Endpoint, Profile
from sync.connectors.conversion.rows import Row, is_key, normal, record
from sync.connectors.http import Client, Verdict, error_for
from sync.errors import AuthError, DriftError, QuotaError, UnreachableError
from sync.model.remote import Feed, NativeRecord
from sync.model.values import Native

UNKNOWN: Final[Row] = {}
"""A row of which nothing can be told: it is there, or may be."""

_NO_ROW: Final = (400, 404, 410, 422)


class Reader:
    """Reads of one connector."""

    def __init__(self, client: Client, profile: Profile, export: Export | None) -> None:
        self._client = client
        self._profile = profile
        self._export = export
        self._shown: set[str] = set()

    def knows_absence(self, endpoint: Endpoint) -> bool:
        """Whether a 404 says something about the row: the route to it is documented, or has shown a row."""
        return not endpoint.assumed or endpoint.object in self._shown

    def fetch(self, feed: Feed, ids: Sequence[str]) -> dict[str, NativeRecord | None]:
        """See `sync.connectors.base`."""
        endpoint = self._profile.endpoint(feed.object)
        rows = self.rows(endpoint, list(dict.fromkeys(ids)))
        return {key: None if row is None else record(self._profile, feed, key, row) for key, row in rows.items()}

    def lookup(self, feed: Feed, path: str, values: Sequence[Native]) -> dict[str, tuple[NativeRecord, ...]]:
        """See `sync.connectors.base`. What cannot be a key is found nowhere."""
        endpoint = self._profile.endpoint(feed.object)
        if path != endpoint.key:
            raise DriftError(
                f"Conversion {feed.object} cannot be looked up by {path}",
                remedy=f"They are read by {endpoint.key} alone.",
                system=self._client.system,
            )
        keys = {str(value): self.key(endpoint, value) for value in values}
        rows = self.rows(endpoint, sorted({key for key in keys.values() if is_key(endpoint, key)}))
        return {
            text: (record(self._profile, feed, key, row),) if (row := rows.get(key)) else ()
            for text, key in keys.items()
        }

    def key(self, endpoint: Endpoint, value: Native) -> str:
        """What names a row: the address in lower case, or our id as it is."""
        return normal(value) if endpoint.key == "email" else str(value or "")

    def rows(self, endpoint: Endpoint, keys: Sequence[str]) -> Mapping[str, Row | None]:
        """Rows by key, None where the vendor says that there is none."""
        if endpoint.one is not None:
            return {key: self.row(endpoint, key) for key in keys}
        shown = self._export.find(keys) if self._export is not None else {}
        return {key: shown[key] if key in shown else self._existing(key) for key in keys}

    def row(self, endpoint: Endpoint, key: str) -> Row | None:
        """One row. Raises UnreachableError where an answer is no answer."""
        if endpoint.one is None:
            return self.rows(endpoint, [key])[key]
        if not is_key(endpoint, key):
            return UNKNOWN
        answer = self._client.read(endpoint.one, parts={"id": key}, shape=is_settled, accept=_NO_ROW)
        said = understand(answer)
        if said.verdict is Verdict.DONE:
            if answer.data.get("data", answer.data) is None:
                return UNKNOWN  # a success without a row: nobody is there to be shown, but nobody says that the row is gone
            return self._told(endpoint, key, row_of(answer.data))
        if said.verdict is Verdict.ABSENT and said.told:
            return None if self.knows_absence(endpoint) else UNKNOWN
        if said.verdict is Verdict.REFUSED and said.told:
            return UNKNOWN
        if said.verdict is Verdict.DENIED:
            raise AuthError(f"{self._client.system}: the key was refused", system=self._client.system)
        raise UnreachableError(
            f"{self._client.system}: {endpoint.one} {answer.summary}",
            remedy="Check base_url and the profile of this system.",
            system=self._client.system,
        )

    def _told(self, endpoint: Endpoint, key: str, row: Row | None) -> Row | None:
        """The row, if the answer is about the one that was asked for: a proxy may mix answers up."""
        told = row.get("email") if row is not None and endpoint.key == "email" else key
        if row is None or (isinstance(told, str) and self.key(endpoint, told) != key):
            raise UnreachableError(
                f"{self._client.system}: {endpoint.one} answered with another row", system=self._client.system
            )
        self._client.meter.add(read=1)
        self._shown.add(endpoint.object)
        return row

    def _existing(self, key: str) -> Row | None:
        """C2: an upsert of nothing that may not create. `preserveExistingFields` makes sure that it changes nothing."""
        body = {"email": key, "updateOnly": True, "preserveExistingFields": True}
        answer = self._client.read("/contacts", method="POST", body=body, shape=is_body, accept=_NO_ROW)
        said = understand(answer)
        if said.verdict is Verdict.ABSENT and said.told:
            return None
        if said.verdict is Verdict.DONE:
            row = row_of(answer.data) or {}
            return {"email": key, "cnvContactId": row.get("cnvContactId")}
        if said.verdict is Verdict.REFUSED:
            return UNKNOWN
        if said.verdict is Verdict.THROTTLED:
            raise QuotaError(f"{self._client.system}: {answer.route} answered {said.code}", system=self._client.system)
        raise error_for(answer, self._client.system)

"""C2's export of contacts: the one list that this vendor documents, by cursor, where access was granted (`apis/` 2.4).

A short or empty page is not the end; rows may come twice or be missing from a page; deleted contacts are not told. So the walk
ends at a null cursor (or one that stands still), and nothing is ever concluded from absence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

from sync.connectors.conversion.answers import is_settled
from sync.connectors.conversion.profiles import Profile
from sync.connectors.conversion.rows import Row, normal, record
from sync.connectors.http import Client
from sync.model.remote import Feed, Page

_ROUTE: Final = "/exports/contacts"
_LIMIT: Final = 1000


class Export:
    """The export of one connector."""

    def __init__(self, client: Client, profile: Profile) -> None:
        self._client = client
        self._profile = profile

    def pull(self, feed: Feed, cursor: str | None) -> Iterator[Page]:
        """Pages from a cursor on. The vendor's last cursor is the place to go on from."""
        for rows, place in self._pages(cursor):
            found = {normal(row["email"]): row for row in rows}
            yield Page(tuple(record(self._profile, feed, key, row) for key, row in found.items()), cursor=place)

    def knock(self) -> None:
        """One row of the export, to prove the key. Raises AuthError, UnreachableError."""
        self._client.read(_ROUTE, method="POST", body={"limit": 1}, shape=_is_page)

    def find(self, keys: Collection[str]) -> dict[str, Row]:
        """The rows of these addresses, as far as the export shows them; walks no further than it must."""
        wanted, found = set(keys), dict[str, Row]()
        for rows, _ in self._pages(None):
            found |= {key: row for row in rows if (key := normal(row["email"])) in wanted}
            if len(found) == len(wanted):
                break
        return found

    def _pages(self, cursor: str | None) -> Iterator[tuple[list[Row], str | None]]:
        while True:
            asked = {"limit": _LIMIT} | ({"cursor": cursor} if cursor else {})
            data = self._client.read(_ROUTE, method="POST", body=asked, shape=_is_page).data
            rows: list[Row] = [
                row for row in data["data"]["contacts"] if isinstance(row, dict) and normal(row.get("email"))
            ]
            self._client.meter.add(read=len(rows))
            following = data["pagination"].get("nextCursor")
            over = not isinstance(following, str) or following == cursor
            cursor = cursor if over else str(following)
            yield rows, cursor
            if over:
                return


def _is_page(data: Any) -> bool:
    if not is_settled(data) or not isinstance(data.get("pagination"), dict):
        return False
    return isinstance(data.get("data"), dict) and isinstance(data["data"].get("contacts"), list)

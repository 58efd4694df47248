"""What the reads just before a write showed: addresses, and the numbers of tags' and accounts' links, which writes need.

The runner reads what it is about to overwrite (`sync.runner.afresh`) and drops what moved; what was seen there is what its writes
are about. A tag that came since is nobody's to remove, a status that changed since is nobody's to overwrite. It is kept for the
next push only, and nothing is lost with it: what is not recalled is read again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sync.connectors.activecampaign.api import Row
from sync.connectors.activecampaign.people import is_erased
from sync.connectors.activecampaign.sides import ACCOUNTS, LISTS, TAGS, Sides

_KEPT_MAX: Final = 20_000


@dataclass(frozen=True, slots=True)
class Seen:
    """One contact as it was read; None for a side table that was not. ``erased``: the vendor made the person unrecognisable."""

    email: str
    lists: tuple[Row, ...] | None
    tags: tuple[Row, ...] | None
    accounts: tuple[Row, ...] | None
    erased: bool = False


class Recall:
    """The last reads by id."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}

    def keep(self, rows: Iterable[Row], sides: Sides) -> None:
        """Remembers rows."""
        if len(self._seen) > _KEPT_MAX:
            self._seen.clear()
        for row in rows:
            name = str(row["id"])
            lists, tags, accounts = (sides.of(table, name) for table in (LISTS, TAGS, ACCOUNTS))
            self._seen[name] = Seen(
                str(row.get("email") or ""),
                None if lists is None else tuple(lists),
                None if tags is None else tuple(tags),
                None if accounts is None else tuple(accounts),
                is_erased(row),
            )

    def take(self, contact: str) -> Seen | None:
        """What was seen of a contact, once: after a write it is history."""
        return self._seen.pop(contact, None)

"""Names that a mapping gives and this account has not, or hides from our user: custom fields and lists.

Such a path is MISSING in every row, never a blank, and the other paths are read on. Which they were stands in the cursor: as soon as
one of them can be seen, the feed is read from its beginning, for what happened there meanwhile is in no row that changed since.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sync.connectors.activecampaign.directory import META, Directory
from sync.connectors.activecampaign.place import Place, digest
from sync.model.remote import Feed

_TABLES: Final = {("contacts", "fields"): "fields", ("contacts", "lists"): "lists", ("accounts", "fields"): META}


class Unseen:
    """What the last reads left out."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._left_out: dict[str, tuple[str, ...]] = {}

    def of(self, feed: Feed) -> tuple[str, ...]:
        """The paths that the last read of a feed left out. Costs no call."""
        return self._left_out.get(digest(feed), ())

    def resume(self, feed: Feed, place: Place) -> Place:
        """Where to go on: from the beginning where a path can be seen again that could not when the cursor was made."""
        left_out = frozenset(self.unknown(feed.object, place.blind))
        seen_again = any(path not in left_out for path in place.blind)
        self._left_out[place.feed] = () if seen_again else place.blind
        return Place(place.feed) if seen_again else place

    def note(self, feed: Feed) -> tuple[str, ...]:
        """Takes in what a read leaves out, and tells it."""
        found = self._left_out[digest(feed)] = self.unknown(feed.object, feed.paths)
        return found

    def unknown(self, object_name: str, paths: Iterable[str]) -> tuple[str, ...]:
        """Those of some paths whose name the account does not know, in order."""
        return tuple(sorted(path for path in paths if self._is_unknown(object_name, path)))

    def near(self, object_name: str, path: str) -> str:
        """What a path may have meant, as a question; nothing where nothing is like it."""
        head, _, name = path.partition(".")
        return self._directory.near(_TABLES[object_name, head], name)

    def _is_unknown(self, object_name: str, path: str) -> bool:
        head, _, name = path.partition(".")
        table = _TABLES.get((object_name, head))
        return bool(name) and table is not None and self._directory.find(table, name) is None

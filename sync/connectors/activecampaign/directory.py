"""Names and numbers: custom fields, lists, tags and automations are mapped by name and addressed by id.

Ids differ per account, so names are looked up live, and again when one is not known; a name that two rows share is a question to
a person, never a guess. What was learnt is believed for a quarter of an hour.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from sync.connectors.activecampaign.api import Api, Row
from sync.errors import DriftError

META: Final = "accountCustomFieldMeta"
LIFE_S: Final = 900.0
PATIENCE_S: Final = 30.0
"""A name that was not known is not asked for again within this time."""

TABLES: Final[Mapping[str, tuple[str, tuple[str, ...], str]]] = {
    "fields": ("/fields", ("perstag", "title"), "contact field"),
    "lists": ("/lists", ("name", "stringid"), "list"),
    "tags": ("/tags", ("tag",), "tag"),
    "automations": ("/automations", ("name",), "automation"),
    META: (f"/{META}", ("personalization", "fieldLabel"), "account field"),
}
"""Table -> route, columns that name a row (the first that fits counts), and what a person calls it."""
_SIGNED: Final = frozenset({"perstag", "personalization"})
"""Columns whose names come with and without their per cent signs."""
_NUMBERED: Final = frozenset(TABLES) - {"tags"}
"""Tables whose rows a mapping may name by their number. A tag is made where there is none: one called 12 is not the twelfth."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One table: rows by id, ids by folded name (None: shared by two), and when it was read."""

    rows: Mapping[str, Row]
    ids: Mapping[str, str | None]
    read_at: float


class Directory:
    """The names of one account. Thread-safe."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[str, Catalogue] = {}
        self._lock = threading.RLock()

    def rows(self, table: str) -> Mapping[str, Row]:
        """All rows of a table by id."""
        return self._catalogue(table, LIFE_S).rows

    def row(self, table: str, row_id: str) -> Row | None:
        """One row by id; the table is read again where the id is new."""
        return self.rows(table).get(row_id) or self._catalogue(table, PATIENCE_S).rows.get(row_id)

    def find(self, table: str, name: str, *, patience_s: float = PATIENCE_S) -> str | None:
        """The id of a name, without regard to case; None where there is none. Raises DriftError where there are two."""
        names = _spellings(table, name)
        known = self._catalogue(table, LIFE_S)
        if known.ids.keys().isdisjoint(names):
            known = self._catalogue(table, patience_s)
        found = next((known.ids[each] for each in names if each in known.ids), "")
        if found is None:
            _, _, word = TABLES[table]
            raise DriftError(
                f"{self._api.system}: two rows are called like the {word} that is mapped",
                remedy=f"Rename one in ActiveCampaign, or map the {word} by its number.",
                system=self._api.system,
            )
        return found or None

    def id(self, table: str, name: str) -> str:
        """The same. Raises DriftError where there is none."""
        found = self.find(table, name)
        if found is None:
            _, _, word = TABLES[table]
            raise DriftError(
                f"{self._api.system}: there is no {word} {name}, or this user may not see it",
                remedy=f"{self.near(table, name)}Create the {word} in ActiveCampaign, or correct the mapping.",
                system=self._api.system,
            )
        return found

    def near(self, table: str, name: str) -> str:
        """The name that is there and most like this one, as a question with a space behind it; nothing if none is like it."""
        columns = TABLES[table][1]
        known = {fold(row.get(column)): str(row.get(column)) for row in self.rows(table).values() for column in columns}
        like = get_close_matches(fold(name), [each for each in known if each], 1)
        return f"Did you mean {known[like[0]]}? " if like else ""

    def forget(self, table: str) -> None:
        """The next question about a table is asked of the vendor."""
        with self._lock:
            self._known.pop(table, None)

    def _catalogue(self, table: str, age_s: float) -> Catalogue:
        with self._lock:
            known, now = self._known.get(table), self._api.clock.monotonic()
            if known is None or now - known.read_at > age_s:
                known = self._known[table] = self._read(table, now)
            return known

    def _read(self, table: str, now: float) -> Catalogue:
        route, columns, _ = TABLES[table]
        rows = self._api.all(route, table).rows
        ids: dict[str, str | None] = {row_id: row_id for row_id in rows} if table in _NUMBERED else {}
        for column in columns:
            named: dict[str, str | None] = {}
            for row_id, row in rows.items():
                name = fold(row.get(column))
                name = name.strip("%") if column in _SIGNED else name
                if name:
                    named[name] = None if name in named else row_id
            ids = named | ids
        return Catalogue(rows, ids, now)


def fold(name: object) -> str:
    """A name as it is compared."""
    return str(name or "").strip().casefold()


def _spellings(table: str, name: str) -> tuple[str, ...]:
    """What a name may stand under: as it is, and without per cent signs where it may be a personalisation tag."""
    folded = fold(name)
    signed = not _SIGNED.isdisjoint(TABLES[table][1])
    return (folded, folded.strip("%")) if signed else (folded,)

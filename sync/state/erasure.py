"""Erases a person from the state, so that not even the file's free pages hold them.

What stays: a keyed hash of the address and of each of their remote rows (so that they are not stored again), remote
ids in the journal where they are no addresses, and an empty record. Crash paragraph: one transaction erases, then the
file is rewritten; a kill between the two leaves erased rows in free pages, and `forget` once more finishes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sync.errors import StateError
from sync.state.consent import FORGET, Consent, normal, row_name
from sync.state.documents import dump, image, load, stamp
from sync.state.door import array
from sync.state.statements import within

_HOLDERS = "SELECT DISTINCT observed_number, value FROM match_key WHERE instr(lower(value), ?) > 0"
_OWNERS = within("SELECT record_number FROM link WHERE observed_number IN @list")
_RECORDS = within("SELECT number, id FROM record WHERE coalesce(survivor, number) IN @list")
_LINKED = within("SELECT observed_number FROM link WHERE record_number IN @list")
_PLACES = within("SELECT system, object, remote_id FROM observed WHERE number IN @list")
_BLANK = (
    "UPDATE operation SET changes = '[]', address = NULL, message = '',"
    " remote_id = CASE WHEN instr(remote_id, '@') THEN NULL ELSE remote_id END WHERE "
)
_BY_RECORD = {
    "operations": within(_BLANK + "record IN @list"),
    "turns": within("DELETE FROM turn WHERE record IN @list"),
    "conflicts": within("DELETE FROM conflict WHERE record IN @list"),
    "quarantined": within("DELETE FROM quarantine WHERE record IN @list"),
    "refusals": within("DELETE FROM refusal WHERE record IN @list"),
}
_BY_ROW = (
    within("DELETE FROM link WHERE observed_number IN @list"),
    within("DELETE FROM match_key WHERE observed_number IN @list"),
    within("DELETE FROM observed WHERE number IN @list"),
)
_SHELL = within("UPDATE record SET status = 'forgotten', cells = '{}', pending = 0 WHERE number IN @list")
_TOLD = {
    "operations": (
        (
            "SELECT number, changes || ' ' || coalesce(address, '') || ' ' || coalesce(remote_id, '') || ' ' || message AS text"
            " FROM operation"
        ),
        within(_BLANK + "number IN @list"),
    ),
    "turns": ("SELECT number, turns AS text FROM turn", within("DELETE FROM turn WHERE number IN @list")),
    "conflicts": (
        "SELECT number, contenders AS text FROM conflict",
        within("DELETE FROM conflict WHERE number IN @list"),
    ),
    "quarantined": (
        "SELECT number, message || candidates AS text FROM quarantine",
        within("DELETE FROM quarantine WHERE number IN @list"),
    ),
    "events": ("SELECT number, body AS text FROM inbox", within("DELETE FROM inbox WHERE number IN @list")),
}
_FIELDS = {
    "SELECT number, cells AS text FROM record": "UPDATE record SET cells = ? WHERE number = ?",
    "SELECT number, exchange AS text FROM link": "UPDATE link SET exchange = ? WHERE number = ?",
    "SELECT number, image AS text FROM observed": "UPDATE observed SET image = ?, digest = ? WHERE number = ?",
}


class Erasure(Consent):
    """The right to be forgotten."""

    def forget(self, address: str) -> dict[str, int]:
        """Erases a person everywhere in the state and keeps them away; how much was erased, by kind.

        Their rows, records, history, journalled values, conflicts and events go whole; in what belongs to others
        the fields that name the address go.

        Raises:
            StateError: inside a transaction (the file could not be rewritten), or another program is reading the file.
        """
        if self._depth:
            raise StateError("a person cannot be forgotten inside a transaction")
        with self.transaction():
            counts = self._forget(address)
        self._rewrite_file()
        return counts

    def _forget(self, address: str) -> dict[str, int]:
        """In the caller's transaction; what was erased is still in free pages then."""
        person = _Person(address)
        rows, records = self._belongings(person)
        self._remember(address, rows)
        counts = self._erase(rows, records)
        for kind, (search, act) in _TOLD.items():
            counts[kind] = counts.get(kind, 0) + self._act_on(person, search, act)
        counts["fields"] = sum(self._strip(person, search, act) for search, act in _FIELDS.items())
        self.audit(FORGET, counts)
        return counts

    def _belongings(self, person: _Person) -> tuple[list[int], dict[int, str]]:
        """The observed rows and the records (aliases too) of a person."""
        held = [number for number, value in self._rows(_HOLDERS, person.needle) if normal(value) == person.address]
        owners = array({number for (number,) in self._rows(_OWNERS, array(held))})
        linked = [number for (number,) in self._rows(_LINKED, owners)]
        records = dict(self._pairs(_RECORDS, owners))
        return sorted({*held, *linked}), records

    def _remember(self, address: str, rows: Sequence[int]) -> None:
        names = [normal(address), *(row_name(*place) for place in self._rows(_PLACES, array(rows)))]
        digests = [self._digest(name) for name in names]
        known, now = self._acts(digests), stamp(self._clock.now())
        new = [digest for digest in digests if known.get(digest) != FORGET]
        self._out.add(digests[0])
        self._add([(digest, FORGET, now, "", "erased", "", "") for digest in new])

    def _erase(self, rows: Sequence[int], records: dict[int, str]) -> dict[str, int]:
        ids, numbers = array(records.values()), array(rows)
        counts = {kind: self._execute(sql, (ids,)).rowcount for kind, sql in _BY_RECORD.items()}
        for sql in _BY_ROW:
            self._execute(sql, (numbers,))
        self._execute(_SHELL, (array(records),))
        return {"records": len(records), "rows": len(rows), **counts}

    def _mentions(self, person: _Person, search: str) -> Iterator[tuple[int, str]]:
        sql = f"SELECT number, text FROM ({search}) WHERE instr(lower(text), ?) > 0"  # noqa: S608 - constants of this module
        return ((number, text) for number, text in self._rows(sql, person.needle) if person.is_in(text))

    def _act_on(self, person: _Person, search: str, act: str) -> int:
        numbers = [number for number, _ in self._mentions(person, search)]
        return self._execute(act, (array(numbers),)).rowcount if numbers else 0

    def _strip(self, person: _Person, search: str, act: str) -> int:
        """Takes single fields out of documents that belong to others."""
        count = 0
        for number, text in self._mentions(person, search):
            fields = load(text)
            left = {name: value for name, value in fields.items() if not person.is_in(dump(value))}
            document: tuple[str | bytes, ...] = image(left) if "image" in act else (dump(left),)
            self._execute(act, (*document, number))
            count += len(fields) - len(left)
        return count

    def _rewrite_file(self) -> None:
        self._execute("VACUUM")
        self._execute("PRAGMA wal_checkpoint(TRUNCATE)")


class _Person:
    """Finds an address in texts: whole, in any case, and not as the tail of a longer one."""

    def __init__(self, address: str) -> None:
        self.address = normal(address)
        # SQLite lowers ASCII alone: another alphabet is searched for by its sign, and decided here
        self.needle = self.address if self.address.isascii() else "@"
        self._pattern = re.compile(rf"(?<![\w.+-]){re.escape(self.address)}(?![\w-]|\.\w)", re.IGNORECASE)

    def is_in(self, text: str) -> bool:
        """Whether the text names the address."""
        return self._pattern.search(text) is not None

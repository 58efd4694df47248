"""What hangs on contacts: field values, list status, tags and the account, sideloaded with them or asked for one by one.

``include=`` is the vendor's word in a forum and in other people's clients, not in its reference (`apis/activecampaign.md` 4): where
an answer does not bring a side table, nothing is concluded from its absence, and it is read where it is documented.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sync.connectors.activecampaign.answers import holds, is_absent
from sync.connectors.activecampaign.api import LIMIT, Api, Row, rows_of, total_of
from sync.errors import UnreachableError

VALUES, LISTS, TAGS, ACCOUNTS = "fieldValues", "contactLists", "contactTags", "accountContacts"
NESTED: Final = "/contacts/{id}/"
_FEW: Final = 3
_HEADS: Final = {"fields": VALUES, "lists": LISTS, "tags": TAGS, "account": ACCOUNTS}


def wanted(paths: Iterable[str]) -> tuple[str, ...]:
    """The side tables that these paths need."""
    heads = {path.partition(".")[0] for path in paths}
    return tuple(table for head, table in _HEADS.items() if head in heads)


@dataclass(slots=True)
class Sides:
    """Side rows by table and contact. A table that is not there was not told: nothing is known of it."""

    tables: dict[str, dict[str, list[Row]]] = field(default_factory=dict)

    def of(self, table: str, contact: str) -> list[Row] | None:
        """The side rows of a contact; None where nothing is known."""
        rows = self.tables.get(table)
        return None if rows is None else rows.get(contact, [])


def sideloaded(data: Mapping[str, Any], tables: Sequence[str]) -> Sides:
    """What an answer brought beside its contacts."""
    sides = Sides()
    for table in tables:
        if isinstance(data.get(table), list):
            by_contact: defaultdict[str, list[Row]] = defaultdict(list)
            for row in rows_of(data, table):
                by_contact[str(row.get("contact") or row.get("owner"))].append(row)
            sides.tables[table] = dict(by_contact)
    return sides


def together(answers: Sequence[Sides]) -> Sides:
    """The side rows of several answers; a table that one of them was silent about is told by none."""
    told = set.intersection(*(set(sides.tables) for sides in answers)) if answers else set()
    return Sides({table: {k: v for sides in answers for k, v in sides.tables[table].items()} for table in sorted(told)})


def complete(api: Api, sides: Sides, tables: Sequence[str], contacts: Sequence[str], *, sure: bool = False) -> None:
    """Reads what `sides` lacks, contact by contact, or as a whole where that is less; ``sure`` as for `companies`."""
    for table in tables:
        if table not in sides.tables:
            if table == ACCOUNTS:
                sides.tables[ACCOUNTS] = companies(api, contacts, sure=sure)
            else:
                sides.tables[table] = {contact: nested(api, contact, table) for contact in contacts}


def companies(api: Api, contacts: Sequence[str], *, sure: bool) -> dict[str, list[Row]]:
    """Who of these works where. ``sure``: a table that lags behind a write shows nobody where somebody is: such are asked for alone."""
    whole = Sides()
    if len(contacts) > _FEW:
        first = api.read(f"/{ACCOUNTS}", params={"limit": 1}, shape=holds(ACCOUNTS))
        total = total_of(first.data)
        if total is not None and total < len(contacts) * LIMIT // 2:
            complete_accounts(api, whole)
    told = {
        contact: rows
        for contact in contacts
        if (rows := whole.of(ACCOUNTS, contact)) or (rows is not None and not sure)
    }
    return told | {contact: nested(api, contact, ACCOUNTS) for contact in contacts if contact not in told}


def complete_accounts(api: Api, sides: Sides) -> None:
    """Reads who works where as a whole: for a walk over everybody that is less than asking for each."""
    if ACCOUNTS not in sides.tables:
        rows = api.all("/accountContacts", ACCOUNTS).rows
        sides.tables[ACCOUNTS] = {}
        for row in rows.values():
            sides.tables[ACCOUNTS].setdefault(str(row.get("contact")), []).append(row)


def nested(api: Api, contact: str, table: str) -> list[Row]:
    """One side table of one contact, read now; empty where the contact is gone, and only there. Raises UnreachableError else.

    Whether these tables come in pages is not documented, only that lists do, by twenty where nobody asks for more.
    """
    found: dict[str, Row] = {}
    while True:
        asked = {"limit": LIMIT, "offset": len(found)}
        answer = api.read(NESTED + table, parts={"id": contact}, params=asked, shape=holds(table), accept=(404,))
        if not answer.done and not is_absent(answer):
            text = f"{api.system}: {NESTED}{table} {answer.summary} without saying that the contact is gone"
            raise UnreachableError(text, system=api.system)
        rows = rows_of(answer.data, table)
        known, total = len(found), total_of(answer.data)
        found |= {str(row["id"]): row for row in rows}
        if len(found) == known or (len(rows) < LIMIT and (total is None or total <= len(found))):
            return list(found.values())

"""The rows of one account: identifiers, stamps and look-ups. Rules of single resources stand in their own modules.

Contacts and memberships are stored without the columns that still have the vendor's default; readers add them.
Writers of side rows (values, tags, lists) leave the contact alone: whoever calls them puts or touches it, once.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sync.sandbox.activecampaign import calendar, schema
from sync.sandbox.clock import Clock
from sync.sandbox.selection import Numbers, Selection
from sync.sandbox.store import Row, Store


@dataclass(slots=True)
class Switches:
    """Readings of what the vendor leaves open; defaults as the emulator contract says (section 17)."""

    sync_always_201: bool = False
    contact_tags_status: int = 200
    updated_after: str = "day"
    resubscribe: str = "allowed"
    sideloads: str = "all"
    import_s: float = 6.0
    webhook_copies: int = 1
    edit_source: str = "admin"


class Pairs:
    """Side rows by (owner, other), e.g. list status by contact and list."""

    def __init__(self, store: Store, table: str, owner: str, other: str) -> None:
        self.by_owner: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._owner, self._other = owner, other
        store.watch(table, self._follow)

    def _follow(self, row_id: str, before: Row | None, after: Row | None) -> None:
        if before is not None:
            self.by_owner[str(before[self._owner])].pop(str(before[self._other]), None)
        if after is not None:
            self.by_owner[str(after[self._owner])][str(after[self._other])] = row_id


class Unique:
    """Row ids by a text column, without regard to case; blanks are not kept."""

    def __init__(self, store: Store, table: str, column: str) -> None:
        self.ids: dict[str, str] = {}
        self._column = column
        store.watch(table, self._follow)

    def get(self, text: Any) -> str | None:
        """The row that holds this text."""
        return self.ids.get(str(text or "").strip().lower())

    def _follow(self, row_id: str, before: Row | None, after: Row | None) -> None:
        old = str((before or {}).get(self._column) or "").strip().lower()
        if self.ids.get(old) == row_id:
            del self.ids[old]
        new = str((after or {}).get(self._column) or "").strip().lower()
        if new:
            self.ids[new] = row_id


class State:
    """One account's rows and indexes."""

    def __init__(self, clock: Clock, switches: Switches) -> None:
        self.clock = clock
        self.switches = switches
        self.store = Store(clock)
        self._last: defaultdict[str, int] = defaultdict(int)
        self.emails = Unique(self.store, "contacts", "email")
        self.account_names = Unique(self.store, "accounts", "name")
        self.tag_names = Unique(self.store, "tags", "tag")
        self.contact_numbers = Numbers(self.store, "contacts")
        self.values = Pairs(self.store, "fieldValues", "contact", "field")
        self.memberships = Pairs(self.store, "contactLists", "contact", "list")
        self.tagged = Pairs(self.store, "contactTags", "contact", "tag")
        self.employers = Pairs(self.store, "accountContacts", "contact", "account")
        self.account_values = Pairs(self.store, "accountCustomFieldData", "customerAccountId", "customFieldId")
        watched = ("contacts", "contactLists", "contactTags", "contactAutomations", "accountContacts")
        self.selection = Selection[int](self.store, watched)

    def new_id(self, table: str) -> str:
        """The next number of a table."""
        self._last[table] += 1
        return str(self._last[table])

    def claim_id(self, table: str, row_id: Any) -> str:
        """A given number is taken as it is; later ones follow it."""
        self._last[table] = max(self._last[table], int(row_id))
        return str(int(row_id))

    def stamp(self, at: str | None = None) -> str:
        """Now, or a given ISO time, as the vendor writes it."""
        return calendar.stamp(
            datetime.fromtimestamp(calendar.epoch(at), self.clock.now().tzinfo) if at else self.clock.now()
        )

    def all(self, table: str) -> list[Row]:
        """Every row of a table in the order of creation."""
        return list(self.store.table(table).values())

    def get(self, table: str, row_id: Any) -> Row | None:
        """One row by id, given as text or number."""
        return self.store.get(table, str(row_id))

    def insert(self, table: str, row: Row, at: str | None = None) -> Row:
        """Adds a row with the vendor's defaults and stamps; a given id is kept."""
        row_id = self.claim_id(table, row["id"]) if row.get("id") else self.new_id(table)
        created, updated = schema.STAMPS.get(table, ("cdate", "udate"))
        now = self.stamp(at)
        now = (calendar.naive(now) or now) if table in schema.NAIVE else now
        stamps = {column: now for column in (created, updated) if column}
        defaults = {} if table in schema.LEAN else schema.DEFAULTS.get(table, {})
        kept = {key: value for key, value in row.items() if key != "id"}
        whole = {"id": row_id, **defaults, **stamps, **kept}
        self.store.put(table, row_id, whole)
        return whole

    def update(self, table: str, row: Row, changes: Row, at: str | None = None) -> Row:
        """Replaces columns of a row and moves its stamp."""
        _, updated = schema.STAMPS.get(table, ("cdate", "udate"))
        now = self.stamp(at)
        now = (calendar.naive(now) or now) if table in schema.NAIVE else now
        whole = {**row, **changes, **({updated: now} if updated else {})}
        self.store.put(table, row["id"], whole)
        return whole

    def touch(self, contact_id: Any, at: str | None = None) -> None:
        """Moves a contact's ``udate``: writes to its values, tags and lists do that."""
        row = self.get("contacts", contact_id)
        if row is not None:
            self.update("contacts", row, {}, at)

    def sides(self, table: str, pairs: Pairs, owner: Any) -> list[Row]:
        """The side rows of one owner."""
        rows = self.store.table(table)
        return [rows[row_id] for row_id in pairs.by_owner.get(str(owner), {}).values()]

    def contact_side(self, contact_id: str, table: str) -> list[Row]:
        """What hangs on a contact in one side table."""
        pairs = {
            "fieldValues": self.values,
            "contactLists": self.memberships,
            "contactTags": self.tagged,
            "accountContacts": self.employers,
        }
        if table in pairs:
            return self.sides(table, pairs[table], contact_id)
        return [row for row in self.store.table(table).values() if row.get("contact") == contact_id]

    def contact_sides(self, contact_id: str) -> dict[str, list[Row]]:
        """Everything that hangs on a contact, by table."""
        return {table: self.contact_side(contact_id, table) for table in schema.CONTACT_SIDES}

    def side(self, table: str, pairs: Pairs, owner: Any, other: Any) -> Row | None:
        """The one side row of a pair."""
        row_id = pairs.by_owner.get(str(owner), {}).get(str(other))
        return None if row_id is None else self.store.get(table, row_id)

    def set_value(self, contact_id: str, field_id: str, value: Any, at: str | None = None) -> Row:
        """Writes one custom value; the row stays, with a blank, when it is emptied."""
        row = self.side("fieldValues", self.values, contact_id, field_id)
        text = "" if value is None else str(value)
        if row is not None:
            return self.update("fieldValues", row, {"value": text}, at)
        return self.insert("fieldValues", {"contact": contact_id, "field": field_id, "value": text}, at)

    def set_status(self, contact_id: str, list_id: str, status: str, at: str | None = None, **more: Any) -> Row:
        """Writes list status; ``sdate`` is when somebody subscribed, ``udate`` when somebody left."""
        row = self.side("contactLists", self.memberships, contact_id, list_id)
        changes: Row = {"status": status, **more}
        if status == "1":
            changes["sdate"] = self.stamp(at)
        if status == "2":
            changes["udate"] = self.stamp(at)
        if row is not None:
            return self.update("contactLists", row, changes, at)
        start = {"contact": contact_id, "list": list_id}
        return self.insert("contactLists", {**start, **changes}, at)

    def add_tag(self, contact_id: str, name: str, at: str | None = None) -> Row:
        """Puts a tag on a contact; the tag is made when nobody has it."""
        tag_id = self.tag_names.get(name) or self.insert("tags", {"tag": name.strip()}, at)["id"]
        return self.side("contactTags", self.tagged, contact_id, tag_id) or self.insert(
            "contactTags", {"contact": contact_id, "tag": tag_id}, at
        )

    def remove_contact(self, row: Row) -> None:
        """A contact vanishes with all that hangs on it; only the control plane can see it again."""
        sides = self.contact_sides(row["id"])
        for table, rows in sides.items():
            for side in rows:
                self.store.drop(table, side["id"])
        self.store.drop("contacts", row["id"])
        self.store.put("contacts:deleted", row["id"], {**row, "_sides": sides})

    def remove(self, table: str, row: Row) -> None:
        """A row of any other table vanishes."""
        self.store.drop(table, row["id"])
        self.store.put(f"{table}:deleted", row["id"], row)

    def full(self, row: Row) -> Row:
        """A contact with every column."""
        created, updated = row.get("cdate"), row.get("udate")
        times = {
            "created_timestamp": calendar.naive(created),
            "updated_timestamp": calendar.naive(updated),
            "created_utc_timestamp": calendar.naive_utc(created),
            "updated_utc_timestamp": calendar.naive_utc(updated),
        }
        digest = hashlib.md5(row["id"].encode(), usedforsecurity=False).hexdigest()
        return {**schema.CONTACT, **times, **row, "hash": digest, "email_empty": not row.get("email")}

"""The rows of the org: stamps, recycle bin, cascades, merges, and the checks that need other rows.

Every row is a dict of the fields that are not empty (false booleans are left out too); deleted rows stay in their table
with IsDeleted until they are purged. Times are whole seconds since the epoch.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sync.sandbox.clock import Clock
from sync.sandbox.salesforce.ids import normalised, numbered
from sync.sandbox.salesforce.indexes import TableIndex
from sync.sandbox.salesforce.refusals import Refusal
from sync.sandbox.salesforce.rules import check_references, check_row
from sync.sandbox.salesforce.schema import UNBINNED, Schema, SObject
from sync.sandbox.salesforce.times import DAY_S
from sync.sandbox.store import Row, Store

BIN_S = 15 * DAY_S
LOOKED_UP = ("Email", "Website", "Username")


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes a row, and the second that its stamps show."""

    user_id: str
    at: int


class RolledBack(Exception):
    """Raised inside `Database.transaction` to undo it."""


class Database:
    """All tables of one org over the sandbox's store."""

    def __init__(self, clock: Clock, schema: Schema) -> None:
        self.clock = clock
        self.schema = schema
        self.store = Store(clock)
        self.deletions: dict[str, dict[str, int]] = {}
        self._numbers = itertools.count(1)
        self._undo: list[tuple[str, str, Row | None]] | None = None
        self._bin: deque[tuple[int, str, str]] = deque()
        self._together: dict[str, list[tuple[str, str]]] = {}
        self._uncommitted: list[tuple[str, str, Row]] = []
        self._indexes = {kind.name: self._indexed(kind) for kind in schema.objects()}

    def _indexed(self, kind: SObject) -> TableIndex:
        looked_up = [f.name for f in kind.fields() if f.external_id or f.refers or f.name in LOOKED_UP]
        kept = [name for name in looked_up if name not in ("CreatedById", "LastModifiedById", "OwnerId")]
        name = kind.name
        index = TableIndex(lambda: self.store.table(name), kept)
        self.store.watch(name, index.changed)
        self.store.watch(name, lambda row_id, _before, after: self._note_deletion(name, row_id, after))
        return index

    def _note_deletion(self, name: str, row_id: str, after: Row | None) -> None:
        log = self.deletions.setdefault(name, {})
        if after is not None and "IsDeleted" in after:
            log[row_id] = after["SystemModstamp"]
        elif after is not None:
            log.pop(row_id, None)

    def now(self) -> int:
        """The emulated second."""
        return int(self.clock.seconds())

    def index(self, kind: SObject) -> TableIndex:
        """The indexes of one object."""
        return self._indexes[kind.name]

    def lookup(self, name: str, row_id: str | None) -> Row | None:
        """A row by object and id, deleted or not."""
        return None if row_id is None else self.store.get(name, row_id)

    def live(self, kind: SObject, row_id: str) -> Row:
        """A row that is not deleted; raises Refusal as a write does."""
        row = self.store.get(kind.name, row_id)
        if row is None:
            raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [], status=404)
        if "IsDeleted" in row:
            raise Refusal("ENTITY_IS_DELETED", "entity is deleted", [], status=404)
        return row

    def matching(self, kind: SObject, name: str, text: str) -> list[Row]:
        """Live rows whose indexed field equals the text, in the field's own sense of case."""
        field = kind.column(name)
        rows = self.index(kind).equal(field.name, text)
        return [row for row in rows if "IsDeleted" not in row and (not field.case_sensitive or row[field.name] == text)]

    def new_id(self, kind: SObject) -> str:
        """The next id of an object."""
        return numbered(kind.prefix, next(self._numbers))

    # changes ----------------------------------------------------------------------------------------------------------
    def insert(self, kind: SObject, values: Row, author: Author, row_id: str | None = None) -> str:
        """Creates a row with the org's defaults; raises Refusal."""
        row = {**kind.defaults, **_filled(values)}
        self._check(kind, values, row, None)
        row_id = row_id or self.new_id(kind)
        row["Id"] = row_id
        if kind.field("OwnerId"):
            row.setdefault("OwnerId", author.user_id)
        row.update(CreatedDate=author.at, CreatedById=author.user_id, **_stamped(author))
        self._put(kind.name, row_id, row)
        return row_id

    def update(self, kind: SObject, row_id: str, changes: Row, author: Author) -> None:
        """Changes a live row; the stamps move even when nothing differs. Raises Refusal."""
        before = self.live(kind, row_id)
        row = {**before, **changes}
        for name, value in changes.items():
            if value is None or value is False:
                del row[name]
        self._check(kind, changes, row, before)
        row.update(_stamped(author))
        self._put(kind.name, row_id, row)

    def _check(self, kind: SObject, changes: Row, row: Row, before: Row | None) -> None:
        check_references(self, kind, changes)
        check_row(self, kind, row, before)
        for name, value in changes.items():
            field = kind.field(name)
            if field is None or not field.unique or value is None or (before is not None and before.get(name) == value):
                continue
            for other in self.matching(kind, name, value):
                if before is None or other["Id"] != before["Id"]:
                    message = f"duplicate value found: {name} duplicates value on record with id: {other['Id'][:15]}"
                    raise Refusal("DUPLICATE_VALUE", message, [])

    def delete(self, kind: SObject, row_id: str, author: Author) -> None:
        """Moves a live row and its dependants to the recycle bin (objects without one lose it); raises Refusal."""
        self.live(kind, row_id)
        gone: list[tuple[str, str]] = []
        self._delete(kind, row_id, author, gone)
        self._together[row_id] = gone

    def _delete(
        self, kind: SObject, row_id: str, author: Author, gone: list[tuple[str, str]], master: str | None = None
    ) -> None:
        row = self.store.get(kind.name, row_id)
        if row is None or "IsDeleted" in row:
            return
        if kind.name in UNBINNED:
            self.purge(kind, row_id)
            return
        more = {} if master is None else {"MasterRecordId": master}
        self._put(kind.name, row_id, {**row, **_stamped(author), **more, "IsDeleted": True})
        self._bin.append((self.now(), kind.name, row_id))
        gone.append((kind.name, row_id))
        for child, field in self.schema.children(kind):
            if field.cascades:
                for below in self.index(child).equal(field.name, row_id):
                    self._delete(child, below["Id"], author, gone)

    def undelete(self, kind: SObject, row_id: str, author: Author) -> None:
        """Takes a row, and what was deleted along with it, out of the bin; raises Refusal."""
        row = self.store.get(kind.name, row_id)
        if row is None or "IsDeleted" not in row:
            raise Refusal("UNDELETE_FAILED", "Entity is not in the recycle bin", [])
        back = {name: value for name, value in row.items() if name not in ("IsDeleted", "MasterRecordId")}
        self._check(kind, {n: v for n, v in back.items() if (f := kind.field(n)) and f.unique}, back, None)
        self._put(kind.name, row_id, {**back, **_stamped(author)})
        for name, below in self._together.pop(row_id, []):
            kept = self.store.get(name, below)
            if below != row_id and kept is not None and "IsDeleted" in kept:
                alive = {n: v for n, v in kept.items() if n != "IsDeleted"}
                self._put(name, below, {**alive, **_stamped(author)})

    def merge(self, kind: SObject, loser_id: str, winner_id: str, author: Author) -> None:
        """Merges two live rows (5.3): children move without new stamps; the loser is binned, the winner stamped."""
        self.live(kind, loser_id)
        winner = self.live(kind, winner_id)
        for child, field in self.schema.children(kind):
            for row in self.index(child).equal(field.name, loser_id):
                self._move(child, row, field.name, winner_id)
        self._delete(kind, loser_id, author, [], winner_id)
        self._put(kind.name, winner_id, {**winner, **_stamped(author)})

    def _move(self, child: SObject, row: Row, field: str, to: str) -> None:
        moved = {**row, field: to}
        try:
            check_row(self, child, moved, row)
        except Refusal:
            self.purge(child, row["Id"])  # the winner is a member of that campaign already
        else:
            self._put(child.name, row["Id"], moved)

    def purge(self, kind: SObject, row_id: str) -> None:
        """Removes a row past the bin; the delete log remembers it."""
        row = self.store.get(kind.name, row_id)
        if row is not None:
            self._remember(kind.name, row_id, row)
            self.store.drop(kind.name, row_id)
            self.deletions.setdefault(kind.name, {}).setdefault(row_id, self.now())

    def empty_old_bin(self) -> None:
        """Purges what has been in the bin for 15 days."""
        while self._bin and self._bin[0][0] < self.now() - BIN_S:
            _, name, row_id = self._bin.popleft()
            row = self.store.get(name, row_id)
            if row is not None and "IsDeleted" in row and row["SystemModstamp"] < self.now() - BIN_S:
                self.store.drop(name, row_id)

    def stand(self, kind: SObject, row: Row, author: Author) -> str:
        """Stores a row as it stands, filling id and stamps; nothing is checked."""
        row_id = normalised(str(row.get("Id"))) or self.new_id(kind)
        stamps = {"CreatedDate": author.at, "CreatedById": author.user_id, **_stamped(author)}
        whole = {**stamps, **_filled(row), "Id": row_id}
        if kind.field("OwnerId"):
            whole.setdefault("OwnerId", author.user_id)
        self._put(kind.name, row_id, whole)
        return row_id

    # transactions -----------------------------------------------------------------------------------------------------
    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Undoes every change made inside when an exception leaves it (and lets that through); may be nested."""
        outermost = self._undo is None
        undo = self._undo = [] if self._undo is None else self._undo
        mark = len(undo)
        try:
            yield
        except BaseException:
            while len(undo) > mark:
                name, row_id, before = undo.pop()
                if before is None:
                    self.store.drop(name, row_id)
                else:
                    self.store.put(name, row_id, before)
            raise
        finally:
            if outermost:
                self._undo = None

    def open_since(self) -> int | None:
        """The oldest stamp among changes that are not visible yet (late commits)."""
        now = self.now()
        self._uncommitted = [
            held
            for held in self._uncommitted
            if self.store.get(held[0], held[1]) is not held[2] and held[2]["SystemModstamp"] > now - DAY_S
        ]
        return min((row["SystemModstamp"] for _, _, row in self._uncommitted), default=None)

    def _put(self, name: str, row_id: str, row: Row) -> None:
        self._remember(name, row_id, self.store.get(name, row_id))
        self.store.put(name, row_id, row)
        if self.store.get(name, row_id) is not row:
            self._uncommitted.append((name, row_id, row))

    def _remember(self, name: str, row_id: str, before: Row | None) -> None:
        if self._undo is not None:
            self._undo.append((name, row_id, before))


def _stamped(author: Author) -> Row:
    return {"LastModifiedDate": author.at, "LastModifiedById": author.user_id, "SystemModstamp": author.at}


def _filled(values: Row) -> Row:
    """What is stored of some values: neither nulls nor false booleans (zero is a value)."""
    return {name: value for name, value in values.items() if value is not None and value is not False}

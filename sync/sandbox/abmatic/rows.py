"""The rows of the emulated Abmatic: making, changing, deleting, and what people do behind the API.

Deletion is final for the API and leaves no trace there; the control plane still shows the row, marked ``_deleted``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sync.sandbox.abmatic.fields import COMPUTED, PREFIXES, WRITABLE, nested, typed
from sync.sandbox.abmatic.listing import Listing
from sync.sandbox.abmatic.settings import Settings
from sync.sandbox.abmatic.stamps import stamp, stamp_of
from sync.sandbox.clock import Clock
from sync.sandbox.store import Row, Store
from sync.sandbox.vendor import EditRefused

SCRAMBLE = 0x9E3779B1
STAMPS = ("created_at", "updated_at", "last_seen_at")


class Rows:
    """All objects of one emulated tenant."""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self.store = store
        self._clock = clock
        self.listings = {name: Listing(store, name, clock, settings) for name in PREFIXES}
        self.custom: dict[str, set[str]] = {name: set() for name in PREFIXES}
        self._numbers = dict.fromkeys(PREFIXES, 0)
        self._by_account: dict[str, dict[str, None]] = {}
        store.watch("contacts", self._index_account)

    @contextmanager
    def over_api(self, name: str) -> Iterator[None]:
        """Inside, new rows reach the lists late."""
        listing = self.listings[name]
        listing.over_api = True
        try:
            yield
        finally:
            listing.over_api = False

    def contact_ids(self, account_id: str) -> list[str]:
        """Contacts of one account."""
        return list(self._by_account.get(account_id, ()))

    def make(self, name: str, given: Mapping[str, Any], at: str | None = None) -> Row:
        """Stores a new row; an id and stamps are filled in where none are given."""
        now = at or stamp(self._clock.now())
        row_id = given.get("id") or self._new_id(name)
        row = {
            "id": row_id,
            **given,
            "created_at": given.get("created_at") or now,
            "updated_at": given.get("updated_at") or now,
        }
        if name == "accounts":
            row.setdefault("engagement_score", 0)
        self.store.put(name, row_id, row)
        return row

    def change(self, name: str, row: Row, changes: Mapping[str, Any], at: str | None = None) -> Row:
        """Replaces a row; ``updated_at`` moves even when nothing else does (trap T-A4)."""
        changed = {**row, **changes, "updated_at": at or stamp(self._clock.now())}
        self.store.put(name, row["id"], changed)
        return changed

    def dumped(self, name: str) -> list[Row]:
        """Every stored row, deleted ones too."""
        membership = self._groups_by_account() if name == "accounts" else {}
        live = [{**row, **membership.get(row["id"], {}), "_deleted": False} for row in self.store.table(name).values()]
        return live + [{**row, "_deleted": True} for row in self.store.table(grave(name)).values()]

    def load(self, name: str, records: Iterable[Mapping[str, Any]]) -> list[str]:
        """Rows as they stand; whole numbers that came as text become numbers, stamps get Abmatic's form."""
        ids = []
        for record in records:
            row = typed(nested(record))
            row |= {key: stamp_of(row[key]) for key in STAMPS if row.get(key)}
            self._learn(name, row)
            ids.append(self.make(name, row)["id"])
        return ids

    def edit(self, name: str, row_id: str | None, change: Mapping[str, Any], at: str | None) -> str:
        """A person's edit; raises EditRefused."""
        when = stamp_of(at) if at else None
        if "create" in change:
            return self._create(name, row_id, change["create"], when)
        assert row_id is not None
        if "undelete" in change:
            return self._undelete(name, row_id)
        row = self._existing(name, row_id)
        if "set" in change:
            self._set(name, row, change["set"], when)
        elif "delete" in change:
            self._bury(name, row)
        else:
            self._merge(name, row, self._existing(name, change["merge_into"]), when)
        return row_id

    def _create(self, name: str, row_id: str | None, given: Mapping[str, Any], at: str | None) -> str:
        row = nested(given)
        groups = row.pop("groups", None) if name == "accounts" else None
        row |= {"id": row_id} if row_id else {}
        if self.store.get(name, str(row.get("id"))) is not None:
            raise EditRefused(f"{name} {row['id']} exists already")
        self._learn(name, row)
        made = self.make(name, row, at)
        self._join(made["id"], groups)
        return str(made["id"])

    def _set(self, name: str, row: Row, changes: Mapping[str, Any], at: str | None) -> None:
        changed = nested(changes, row)
        groups = changed.pop("groups", None) if name == "accounts" else None
        if changed["id"] != row["id"]:
            raise EditRefused("an id cannot be changed")
        self._learn(name, changed)
        self.change(name, row, changed, at)
        self._join(row["id"], groups)

    def _join(self, account_id: str, names: Any) -> None:
        """Makes an account a member of exactly these groups, founding the ones that are missing."""
        if not isinstance(names, list):
            return
        groups = {group["name"]: group for group in self.store.table("groups").values() if "members" in group}
        for name in names:
            if name not in groups:
                groups[name] = self.make("groups", {"name": name, "members": []})
        for name, group in groups.items():
            if (account_id in group["members"]) != (name in names):
                others = [member for member in group["members"] if member != account_id]
                self.change("groups", group, {"members": others + [account_id] * (name in names)})

    def _bury(self, name: str, row: Row) -> None:
        self.store.drop(name, row["id"])
        self.store.put(grave(name), row["id"], row)

    def _undelete(self, name: str, row_id: str) -> str:
        row = self.store.get(grave(name), row_id)
        if row is None:
            raise EditRefused(f"abmatic has no deleted row {row_id} in {name}")
        self.store.drop(grave(name), row_id)
        self.store.put(name, row_id, row)
        return row_id

    def _merge(self, name: str, loser: Row, winner: Row, at: str | None) -> None:
        """The winner keeps its values and takes those it lacks; contacts of a merged account move over."""
        if loser["id"] == winner["id"]:
            raise EditRefused("a row cannot be merged into itself")
        taken = {key: value for key, value in loser.items() if winner.get(key) in (None, "") and key not in STAMPS}
        self._bury(name, loser)
        self.change(name, winner, taken, at)
        for contact_id in self.contact_ids(loser["id"]) if name == "accounts" else ():
            self.change("contacts", self.store.table("contacts")[contact_id], {"account_id": winner["id"]}, at)

    def _existing(self, name: str, row_id: str) -> Row:
        row = self.store.get(name, row_id)
        if row is None:
            raise EditRefused(f"abmatic has no row {row_id} in {name}")
        return row

    def _learn(self, name: str, row: Mapping[str, Any]) -> None:
        self.custom[name] |= {key for key in row if key not in COMPUTED and key not in WRITABLE.get(name, ())}

    def _new_id(self, name: str) -> str:
        """Ids that look nothing like a sequence: an odd factor permutes the 32-bit numbers."""
        while True:
            self._numbers[name] += 1
            row_id = f"{PREFIXES[name]}_{self._numbers[name] * SCRAMBLE % 2**32:08x}"
            if self.store.get(name, row_id) is None:
                return row_id

    def _index_account(self, row_id: str, before: Row | None, after: Row | None) -> None:
        old, new = (before or {}).get("account_id"), (after or {}).get("account_id")
        if old == new:
            return
        self._by_account.get(str(old), {}).pop(row_id, None)
        if new is not None:
            self._by_account.setdefault(str(new), {})[row_id] = None

    def _groups_by_account(self) -> dict[str, dict[str, list[str]]]:
        found: dict[str, dict[str, list[str]]] = {}
        for group in self.store.table("groups").values():
            for account_id in group.get("members", ()):
                found.setdefault(account_id, {}).setdefault("groups", []).append(group["name"])
        return found


def grave(name: str) -> str:
    """The table of an object's deleted rows."""
    return f"{name} deleted"

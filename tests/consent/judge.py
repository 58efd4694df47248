"""The judge stands beside the vendors: it sees each request that changes consent, and knows nothing of the program's own ledger.

An address is out once a row under it said so when a run began that then came to its end and could read that system; from then on no
request may state the opposite, whoever has the address. A row that says "out" when a run begins may not be turned by that run,
read or not. Only a grant lifts this. What people do while a run is under way counts from the next run on: the window of a write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sync.model.record import Record
from sync.sandbox.store import Row
from sync.sandbox.wire import Request, Response
from sync.state import Store
from tests.consent.town import OBJECTS, SYSTEMS, Town, address_of, word

Place = tuple[str, str]
"""System and remote id, as the vendor has it."""


@dataclass(frozen=True, slots=True)
class Violation:
    """``law``: what was broken: "turned", "stated", "untold", "gate", "unlogged"."""

    law: str
    what: str


class Judge:
    """What was seen of one history."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.out: set[str] = set()
        """Addresses that are out for good."""
        self.violations: list[Violation] = []
        self.counts = Counter[str]()
        self.linked_and_out: dict[str, tuple[str, Row]] = {}
        """At rest: in each system a row, with its object, that is out and says so."""
        self._began: dict[Place, tuple[str, str | None]] = {}
        self._meanwhile: set[Place] = set()
        self._granted: set[str] = set()
        self._lifted: set[Place] = set()
        """Rows that said so when a grant came, and that nobody touched since: they are about to be opted in."""
        self._request: tuple[str, str, str] | None = None
        self.trace: list[tuple[str, str, str]] = []
        """Every request that was let in, in order."""
        for name, front in town.sandbox.fronts.items():
            self._attend(name, front)

    # at the servers --------------------------------------------------------------------------------------------------------

    def _attend(self, system: str, front: Any) -> None:
        vendor = front.vendor
        answer = vendor.handle

        def handle(request: Request) -> Response:
            self._request = (system, request.method, request.path)
            self.trace.append(self._request)
            try:
                return answer(request)
            finally:
                self._request = None

        vendor.handle = handle
        if system in SYSTEMS:
            for name in OBJECTS[system]:
                vendor.store.watch(name, self._watcher(system))
        if system == "activecampaign":
            vendor.store.watch("contactLists", self._status_watcher())

    def _watcher(self, system: str) -> Any:
        column = self.town.column(system) if system != "activecampaign" else ""

        def changed(row_id: str, before: Row | None, after: Row | None) -> None:
            if self.town.acting:
                self._touched((system, row_id))
            elif after is not None and column and "IsDeleted" not in after:
                was = word(system, before.get(column)) if before is not None else None
                self._judge((system, row_id), address_of(before or after), address_of(after), was, word(system, after.get(column)))  # fmt: skip

        return changed

    def _status_watcher(self) -> Any:
        def changed(_: str, before: Row | None, after: Row | None) -> None:
            row = after or before or {}
            if row.get("list") != self.town.list_id:
                return
            place = ("activecampaign", str(row["contact"]))
            contact = self.town.sandbox.fronts["activecampaign"].vendor.store.get("contacts", str(row["contact"]))
            if self.town.acting:
                self._touched(place)
            elif contact is not None:
                was, now = (word("activecampaign", r["status"] if r else None) for r in (before, after))
                self._judge(place, address_of(contact), address_of(contact), was, now)

        return changed

    def _touched(self, place: Place) -> None:
        self._meanwhile.add(place)
        self._lifted.discard(place)

    def _judge(self, place: Place, old: str, address: str, was: str | None, now: str | None) -> None:
        self.counts["changes of rows by requests"] += 1
        self.counts["opt-outs told"] += now == "out" and was != "out"
        self.counts["opt-ins sent"] += now == "in" and was != "in"
        if was == "out" and now != "out" and not self._may(old, address):
            self._find("turned", place, f"{old}: was out, is {now}", known=self._knew(place))
        elif now == "in" and was != "in" and address in self.out:
            self._find("stated", place, f"{address} is out and was opted in", known=True)

    def _may(self, *addresses: str) -> bool:
        return all(address in self._granted and address not in self.out for address in addresses)

    def _knew(self, place: Place) -> bool:
        """Whether the row said so before the run began, and nobody touched it since."""
        return place not in self._meanwhile

    def _find(self, law: str, place: Place, what: str, *, known: bool) -> None:
        if known:
            self.violations.append(Violation(law, f"{place[0]} {place[1]}: {what}, by {self._request}"))
        else:
            self.counts["turned within the window of a write"] += 1

    # from run to run -------------------------------------------------------------------------------------------------------

    def begins(self) -> None:
        """A run begins: what stands there now can be known to it."""
        self._meanwhile.clear()
        rows = ((system, row) for system in SYSTEMS for _, row in self.town.rows(system))
        self._began = {(s, _id(row)): (address_of(row), self.town.says(s, row)) for s, row in rows}
        self._granted -= {
            address for place, (address, says) in self._began.items() if says == "out" and place not in self._lifted
        }

    def ended(self, store: Store, unread: set[str], refusals: int) -> None:
        """A run came to its end; of the systems in `unread` it could not read all."""
        self._gate(refusals)
        linked = {place for record in _records(store) for place in self._places(record)}
        known = {p: v for p, v in self._began.items() if p[0] not in unread and p not in self._meanwhile}
        known = {
            p: v for p, v in known.items() if p[0] != "conversion" or p in linked
        }  # it can be asked, and not listed
        self.out |= {address for _, (address, says) in known.items() if says == "out"} - self._granted - {""}
        for record in _records(store):
            addresses = {known[place][0] for place in self._places(record) if place in known} - {""}
            if addresses & self.out:
                self.out |= addresses - self._granted

    def crashed(self, refusals: int) -> None:
        self._gate(refusals)

    def granted(self, address: str) -> None:
        """The person's own word: what was out under this address is no longer."""
        self.out.discard(address)
        self._granted.add(address)
        self._lifted |= {(s, _id(row)) for s in SYSTEMS for _, row in self.town.rows(s, address)}

    def _gate(self, refusals: int) -> None:
        if refusals:
            self.violations.append(Violation("gate", f"the last gate had to refuse {refusals} payloads"))

    def _places(self, record: Record) -> Iterator[Place]:
        for link in record.links:
            if link.alive and not link.observed.deleted and link.system in SYSTEMS:
                yield link.system, self._vendors_id(link.system, link.observed.remote_id)

    def _findable(self, record: Record) -> set[str]:
        """Under which addresses a row of this record can be found in Conversion: where it was deleted, only under that one."""
        places = set(self._places(record))
        names = {address_of(row) for s in SYSTEMS for _, row in self.town.rows(s) if (s, _id(row)) in places}
        gone = {link.observed.remote_id for link in record.links if link.system == "conversion" and not link.alive}
        return names & gone if gone else names

    def _vendors_id(self, system: str, remote_id: str) -> str:
        """Conversion's contacts are known to us by their address."""
        if system != "conversion":
            return remote_id
        return next((str(row["id"]) for _, row in self.town.rows(system, remote_id.casefold())), remote_id)

    # at rest ---------------------------------------------------------------------------------------------------------------

    def at_rest(self, store: Store) -> None:
        """Every row that is linked under an address that is out says so; one that is not linked is asked about."""
        linked = {place for record in _records(store) for place in self._places(record)}
        findable = {address for record in _records(store) for address in self._findable(record)}
        asked = _asked(store)
        for system in SYSTEMS:
            for name, row in self.town.rows(system):
                place, address = (system, _id(row)), address_of(row)
                if address not in self.out:
                    continue
                if self.town.says(system, row) == "out":
                    self.linked_and_out |= {system: (name, row)} if place in linked else {}
                elif place in linked:
                    self.violations.append(Violation("untold", f"{system} {name} {place[1]}: {address} is out, and it says {self.town.says(system, row)}"))  # fmt: skip
                elif system == "conversion" and address not in findable:
                    self.counts["rows that nobody can list"] += 1
                elif not {place[1], address} & asked:
                    self.violations.append(Violation("untold", f"{system} {name} {place[1]}: {address} is out, and nobody asks about it"))  # fmt: skip
                else:
                    self.counts["rows that wait for a person"] += 1
        self._audit()

    def woke(self, refused: dict[str, bool]) -> None:
        """Each connector was tempted to opt somebody in who is out, and what its last gate did."""
        self.counts["gates tempted"] += len(refused)
        self.violations += [
            Violation("gate", f"{system}: the last gate let an opt-in pass") for system, no in refused.items() if not no
        ]

    def _audit(self) -> None:
        """No request went by unseen: the vendors' own logs have as many that may change something as were looked at."""
        for system, front in self.town.sandbox.fronts.items():
            log = front.calls.shown(log=True)["log"]
            self.counts["requests looked at"] += len(log)
            self.counts["of these, writes"] += sum(row["write"] for row in log)
            told = Counter((row["method"], row["path"]) for row in log if row["write"] and 200 <= row["status"] < 300)
            seen = Counter((method, path) for name, method, path in self.trace if name == system)
            if told - seen:
                self.violations.append(
                    Violation("unlogged", f"{system}: {sum((told - seen).values())} writes went by unseen")
                )


def _records(store: Store) -> list[Record]:
    return store.load(store.numbers("contact", after=0, limit=1000))


def _asked(store: Store) -> set[str]:
    """Ids of the rows that the quarantine names."""
    rows = store.quarantined()
    return {row.remote_id for row in rows if row.remote_id} | {
        c.partition(":")[2] for row in rows for c in row.candidates
    }


def _id(row: Row) -> str:
    return str(row.get("id") or row.get("Id"))

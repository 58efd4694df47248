"""Five emulated vendors on loopback at a time that stands still, and what people, imports and collectors do in them.

Each system keeps consent in its own way: Salesforce ticks a box on a Contact or a Lead, ActiveCampaign has a status on a list,
Conversion a word, Abmatic a column of the account's own. Rows are named by the address that they have at the moment.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass
from typing import Any
from unittest import mock

from sync.sandbox.clock import Clock
from sync.sandbox.faults import Fault
from sync.sandbox.start import Sandbox
from sync.sandbox.store import Row
from sync.sandbox.vendor import EditRefused

START_S = 1_772_438_400.0
"""2 March 2026, 08:00 UTC."""
SYSTEMS = ("abmatic", "salesforce", "conversion", "activecampaign")
"""Those that keep consent; Letrics only names people."""
ADDRESSES = ("ada@acme.example.com", "bob@acme.example.com", "cyd@globex.example.com")
LIST = "lists.Newsletter"
CONSENTS = ("abmatic", "salesforce", "conversion", "activecampaign")
OBJECTS = {"abmatic": ("contacts",), "salesforce": ("Contact", "Lead"), "conversion": ("contacts",), "activecampaign": ("contacts",)}  # fmt: skip
OUTS = {
    "abmatic": {"flag": (True,), "word": ("unsubscribed",)},
    "salesforce": (True,),
    "conversion": ("UNSUBSCRIBED", "UNSUBSCRIBED", "BOUNCED", "COMPLAINED"),
    "activecampaign": ("UNSUBSCRIBED", "UNSUBSCRIBED", "BOUNCED"),
}
INS = {
    "abmatic": {"flag": (False,), "word": ("subscribed",)},
    "salesforce": (False,),
    "conversion": ("SUBSCRIBED",),
    "activecampaign": ("SUBSCRIBED",),
}
ABMATIC = {"flag": "opted_out", "word": "email_status"}


class StillClock(Clock):
    """Time that passes only when somebody waits, so that a history is the same each time it is run."""

    def seconds(self) -> float:
        return START_S + self._offset_s

    def elapsed(self) -> float:
        return START_S + self._leapt_s


class Ours:
    """The program's clock: the vendors' time; who waits moves it."""

    def __init__(self, clock: Clock) -> None:
        self.now, self.monotonic, self.sleep = clock.now, clock.elapsed, clock.advance


@dataclass(frozen=True, slots=True)
class Setting:
    """What is fixed for a whole history.

    ``abmatic``: whether it keeps a flag or a word. ``leads``: whether people may live as Leads. ``eager``: whether more columns than
    the shipped one say `subscribe = true`. ``bulk``: whether even single rows go by the vendors' bulk interfaces.
    """

    abmatic: str = "flag"
    leads: bool = False
    eager: bool = False
    bulk: bool = False


def open_sandbox() -> Sandbox:
    """The five vendors, empty, without rate limits, at a time that stands still."""
    with mock.patch("sync.sandbox.emulation.Clock", StillClock):
        return Sandbox(accounts=0, contacts=0, limits=False)


class Town:
    """The vendors in one history."""

    def __init__(self, sandbox: Sandbox, setting: Setting) -> None:
        self.sandbox, self.setting = sandbox, setting
        self.clock = Ours(sandbox.clock)
        self.acting = False
        """Whether it is people who change something just now."""
        self.done = Counter[str]()
        """Edits of rows, by what they were about."""
        self._kind = "furnish"
        self.sandbox.control.fill(1, 0, 0, 0.0)
        self._furnish()

    def _furnish(self) -> None:
        """Abmatic's column is there from the start: it drops names that no row ever had without a word."""
        row = {"email": "nobody@example.org", self.column("abmatic"): None}
        made = self._edit("abmatic", "contacts", None, {"create": row})
        self._edit("abmatic", "contacts", {"id": made}, {"delete": True})
        self.done.clear()

    # what stands there ---------------------------------------------------------------------------------------------------

    def rows(self, system: str, address: str | None = None) -> list[tuple[str, Row]]:
        """(object, row) of every live row, or of those under one address."""
        vendor = self.sandbox.fronts[system].vendor
        found = [(name, row) for name in OBJECTS[system] for row in vendor.store.table(name).values()]
        alive = [(name, row) for name, row in found if "IsDeleted" not in row and not row.get("IsConverted")]
        return [(name, row) for name, row in alive if address is None or address_of(row) == address]

    def says(self, system: str, row: Row) -> str | None:
        """ "out", "in" (where the row states it), or None."""
        if system == "activecampaign":
            return word(system, self.status(row["id"]))
        return word(system, row.get(self.column(system)))

    def status(self, contact: str) -> str | None:
        """The status of an ActiveCampaign contact on the mapped list."""
        table = self.sandbox.fronts["activecampaign"].vendor.store.table("contactLists")
        return next(
            (r["status"] for r in table.values() if r["contact"] == contact and r["list"] == self.list_id), None
        )

    @property
    def list_id(self) -> str:
        table = self.sandbox.fronts["activecampaign"].vendor.store.table("lists")
        return next(row["id"] for row in table.values() if row["name"] == LIST.partition(".")[2])

    def column(self, system: str) -> str:
        return {"abmatic": ABMATIC[self.setting.abmatic], "salesforce": "HasOptedOutOfEmail", "conversion": "subscriptionStatus"}[system]  # fmt: skip

    def opt_in(self, system: str) -> dict[str, Any]:
        """The native values of a payload that opts somebody in."""
        values: dict[str, Any] = {"salesforce": False, "conversion": "SUBSCRIBED", "activecampaign": 1}
        return {
            LIST if system == "activecampaign" else self.column(system): values.get(
                system, INS["abmatic"][self.setting.abmatic][0]
            )
        }

    # what people do ------------------------------------------------------------------------------------------------------

    def act(self, system: str, kind: str, address: str, *more: Any) -> None:
        """One act; what the vendor refuses, and what there is no row for, does not happen."""
        self.acting = True
        try:
            with contextlib.suppress(EditRefused):
                self._named(kind)(system, address, *more)
        finally:
            self.acting = False

    def _named(self, kind: str) -> Any:
        self._kind = kind
        return getattr(self, "_" + {"edit": "retitle"}.get(kind, kind))

    def _create(self, system: str, address: str, said: str | None, number: int, lead: bool = False) -> None:
        """A row for this address, beside those that are there already; `said` is what it states about consent."""
        if system == "letrics":
            self._discover(address, number)
            return
        row = self._person(system, address, number, lead=lead)
        name = "Lead" if lead and system == "salesforce" else OBJECTS[system][0]
        self._edit(system, name, None, {"create": {**row, **self._stated(system, said, number)}})

    def _discover(self, address: str, number: int) -> None:
        firm = self._edit("letrics", "companies", None, {"create": {"name": f"Firm {number}", "domain": address.partition("@")[2], "tld": "com"}})  # fmt: skip
        person = {
            "email": address,
            "last_name": "Found",
            "first_name": "N",
            "job_title": f"t{number}",
            "company_id": firm,
        }
        self._edit("letrics", "contacts", None, {"create": person})

    def _person(self, system: str, address: str, number: int, *, lead: bool) -> Row:
        name, title = address.partition("@")[0].title(), f"t{number}"
        if system == "salesforce":
            return {"Email": address, "LastName": name, "Title": title} | ({"Company": "Acme"} if lead else {})
        if system == "conversion":
            return {"email": address, "variables.last_name": name, "variables.title": title}
        if system == "activecampaign":
            return {"email": address, "lastName": name, "fields.JOB_TITLE": title}
        return {"email": address, "last_name": name, "title": title}

    def _stated(self, system: str, said: str | None, number: int) -> Row:
        if said is None:
            return {}
        kinds: Any = (OUTS if said == "out" else INS)[system]
        words = kinds[self.setting.abmatic] if system == "abmatic" else kinds
        return {LIST if system == "activecampaign" else self.column(system): words[number % len(words)]}

    def _optout(self, system: str, address: str, number: int) -> None:
        for name, row in self._some(system, address, number):
            self._edit(system, name, row, {"set": self._stated(system, "out", number)})

    def _import(self, system: str, address: str, number: int) -> None:
        """An old file is loaded over whoever has the address: subscribed, and what else the file says."""
        stale = {
            "abmatic": "title",
            "salesforce": "Title",
            "conversion": "variables.title",
            "activecampaign": "fields.JOB_TITLE",
        }
        for name, row in self.rows(system, address):
            self._edit(system, name, row, {"set": {stale[system]: "of old", **self._stated(system, "in", number)}})

    def _retitle(self, system: str, address: str, number: int) -> None:
        path = next(p for p in self._person(system, address, number, lead=False) if "itle" in p.lower())
        for name, row in self._some(system, address, number):
            self._edit(system, name, row, {"set": {path: f"t{number}"}})

    def _move(self, system: str, address: str, to: str, number: int = 0) -> None:
        """Somebody goes to another address: a fresh one, or one that somebody has."""
        for name, row in self._some(system, address, number):
            self._edit(system, name, row, {"set": {"Email" if system == "salesforce" else "email": to}})

    def _swap(self, system: str, address: str, other: str) -> None:
        aside = f"aside.{address}"
        for here, there in ((address, aside), (other, address), (aside, other)):
            self._move(system, here, there)

    def _delete(self, system: str, address: str, number: int) -> None:
        for name, row in self._some(system, address, number):
            self._edit(system, name, row, {"delete": True})

    def _undelete(self, system: str, address: str) -> None:
        vendor = self.sandbox.fronts[system].vendor
        for name in OBJECTS[system]:
            for row in [r for r in vendor.rows(name) if r["_deleted"] and address_of(r) == address][:1]:
                self._edit(system, name, row, {"undelete": True})

    def _merge(self, system: str, address: str, other: str) -> None:
        """Two rows of one object turn out to be one person."""
        losers, winners = self.rows(system, address), self.rows(system, other)
        pairs = [(a, b) for name, a in losers for kind, b in winners if name == kind and a is not b]
        if pairs and system in ("salesforce", "activecampaign"):
            loser, winner = pairs[0]
            name = next(name for name, row in losers if row is loser)
            self._edit(system, name, loser, {"merge_into": _id(winner)})

    def _some(self, system: str, address: str, number: int) -> list[tuple[str, Row]]:
        """One of the rows under an address, if there is any."""
        rows = self.rows(system, address)
        return [rows[number % len(rows)]] if rows else []

    def _edit(self, system: str, name: str, row: Row | None, change: Row) -> str:
        made = self.sandbox.fronts[system].edit(name, None if row is None else _id(row), change, None)
        self.done[self._kind] += 1
        return made

    # what vendors do -----------------------------------------------------------------------------------------------------

    def arm(self, system: str, after: int, kind: str, **more: Any) -> None:
        """A fault; for all requests alike."""
        self.sandbox.fronts[system].faults.arm(Fault(kind, after=after, **more))

    def disarm(self) -> int:
        """No more faults; how many had not come about."""
        left = sum(len(front.faults.shown()) for front in self.sandbox.fronts.values())
        for front in self.sandbox.fronts.values():
            front.faults.disarm()
        return left


def address_of(row: Row) -> str:
    """The address of a row of any of them."""
    return str(row.get("email") or row.get("Email") or "").casefold()


def _id(row: Row) -> str:
    return str(row.get("id") or row.get("Id"))


def word(system: str, native: Any) -> str | None:
    """What a native value states; a box that is not ticked states nothing."""
    if system == "activecampaign":
        return {"1": "in", "2": "out", "3": "out"}.get(str(native))
    if isinstance(native, bool) or native is None:
        return "out" if native else None
    return "in" if native.casefold() == "subscribed" else "out" if native.casefold() in ("unsubscribed", "bounced", "complained") else None  # fmt: skip

"""A small world that is edited, synced and killed over and over, and what must be true of it afterwards.

Each round people touch every kind of operation: a new person with a new account, edits on both sides, a blank, an opt-out, a deletion,
a new address and an opt-out after it.
What is expected is kept here, apart from the state of the program, and compared with what the systems hold.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.system.process import Vendors, Workspace
from tests.system.relay import Relay
from tests.system.zygote import Zygote

SYSTEMS = ("abmatic", "salesforce", "conversion")
CONTACTS = {"abmatic": "contacts", "salesforce": "Contact", "conversion": "contacts"}
ACCOUNTS = {"abmatic": "accounts", "salesforce": "Account", "conversion": "companies"}
HEALS_MAX = 3
"""L1, and the last of them writes nothing: whatever the kill left undone is done by two runs at most."""


@dataclass
class Person:
    """What must stand in every system for one person."""

    email: str
    title: str
    city: str | None
    out: bool = False
    gone: set[str] = field(default_factory=set)
    former: str | None = None
    """The address before this one: Conversion keeps a row under it."""


class Lives:
    """Rounds of edits over one workspace and one sandbox."""

    def __init__(self, folder: Path, vendors: Vendors) -> None:
        self.vendors = vendors
        self.relay = Relay(vendors.urls)
        self.workspace = Workspace(folder, self.relay.urls, systems=SYSTEMS)
        self.config = str(folder / "config.toml")
        self.state = folder / "crm-sync.db"
        self.zygote = Zygote({"CRM_SYNC_TEST_KEY": "sandbox"})
        self.people: dict[str, Person] = {}
        self.round = 0
        self.kills = 0

    def close(self) -> None:
        """Ends what was started."""
        self.zygote.close()
        self.relay.close()

    # the program ---------------------------------------------------------------------------------------------------

    def command(self, *argv: str, commit: int | None = None) -> tuple[int, str, str]:
        """Runs one command of the program to its end."""
        return self.zygote.run(*argv, "--config", self.config, commit=commit)

    def killed_at_request(self, number: int, when: str, *argv: str) -> bool:
        """Kills a command around its n-th request; whether it lived to make that many."""
        trap = self.relay.arm(number, when)
        trap.pid = self.zygote.start(*argv, "--config", self.config)
        code, _, _ = self.zygote.end()
        self.relay.calm()
        self.kills += code == -9
        return trap.sprung

    def killed_at_commit(self, number: int, *argv: str) -> bool:
        """Kills a command before (or, negative, after) its n-th commit."""
        code, _, _ = self.command(*argv, commit=number)
        self.kills += code == -9
        return code == -9

    # people --------------------------------------------------------------------------------------------------------

    def edit(self) -> None:
        """One round of edits, each with a value of its own."""
        self.round += 1
        n = self.round
        company = self.vendors.create("salesforce", "Account", {"Name": f"Firm {n}", "Website": f"https://firm{n}.com"})
        self._arrive("salesforce", Person(f"s{n}@firm{n}.com", f"title s{n}", f"city s{n}"), {"AccountId": company})
        self._arrive("abmatic", Person(f"a{n}@firm{n}.com", f"title a{n}", f"city a{n}"), {})
        self._arrive("abmatic", Person(f"m{n}@firm{n}.com", f"title m{n}", f"city m{n}"), {})
        if n > 1:
            self._move(f"m{n - 1}@firm{n - 1}.com", f"moved{n - 1}@firm{n - 1}.com")
            self._touch(f"s{n - 1}@firm{n - 1}.com", "abmatic", {"title": f"title {n}"})
            self._touch(f"a{n - 1}@firm{n - 1}.com", "salesforce", {"Title": f"title {n}"})
        if n > 2:
            self._opt_out(f"a{n - 2}@firm{n - 2}.com")
            self._opt_out(f"moved{n - 2}@firm{n - 2}.com")
            self._delete(f"s{n - 2}@firm{n - 2}.com")

    def _arrive(self, system: str, person: Person, more: dict[str, Any]) -> None:
        self.people[person.email] = person
        names = {"salesforce": ("Email", "LastName", "Title"), "abmatic": ("email", "last_name", "title")}[system]
        values = dict(zip(names, (person.email, f"Name {person.email[0]}", person.title), strict=True))
        self.vendors.create(system, CONTACTS[system], values | more)

    def _touch(self, email: str, system: str, values: dict[str, Any]) -> None:
        for row in self.rows(system, email):  # after kills without a rest nobody may have arrived there yet
            self.vendors.set(system, CONTACTS[system], str(row["Id" if system == "salesforce" else "id"]), values)
            self.people[email].title = next(iter(values.values()))

    def _move(self, email: str, address: str) -> None:
        for row in self.rows("salesforce", email):
            self.vendors.set("salesforce", "Contact", row["Id"], {"Email": address})
            self.people[address] = replace(self.people.pop(email), email=address, former=email)

    def _opt_out(self, email: str) -> None:
        for row in self.rows("salesforce", email):
            self.vendors.set("salesforce", "Contact", row["Id"], {"HasOptedOutOfEmail": True})
            self.people[email].out = True

    def _delete(self, email: str) -> None:
        [row] = self.rows("salesforce", email)
        self.vendors.call(
            "POST", "edit", {"system": "salesforce", "object": "Contact", "id": row["Id"], "delete": True}
        )
        self.people[email].gone.add("salesforce")

    # what must be true -----------------------------------------------------------------------------------------------

    def rows(self, system: str, email: str) -> list[dict[str, Any]]:
        """A person's rows in a system."""
        key = "Email" if system == "salesforce" else "email"
        rows = self.vendors.dump(system, CONTACTS[system])
        return [row for row in rows if str(row.get(key) or "").lower() == email]

    def heal(self) -> None:
        """Runs until a run writes nothing; fails where that takes too many."""
        for _ in range(HEALS_MAX):
            self.vendors.forget_calls()
            code, _, err = self.command("sync")
            assert code in (0, 3), err
            if not any(self.vendors.writes().values()):
                return
        raise AssertionError(f"still writing after {HEALS_MAX} runs: {self.vendors.routes()}")

    def violations(self) -> list[str]:
        """What is lost, doubled, reversed, risen again, or damaged."""
        found = [] if self.is_sound() else ["the state is damaged"]
        for system in SYSTEMS:
            key = "Email" if system == "salesforce" else "email"
            rows = self.vendors.dump(system, CONTACTS[system])
            count = Counter(str(row.get(key)).lower() for row in rows)
            found += [f"{number} rows of {email} in {system}" for email, number in count.items() if number > 1]
            by_email = {str(row.get(key)).lower(): row for row in rows}
            for person in self.people.values():
                found += self._wrong(person, system, by_email.get(person.email))
                found += self._left_behind(person, system, by_email.get(person.former or ""))
        for system, name in ACCOUNTS.items():
            key = {"abmatic": "website", "salesforce": "Website", "conversion": "baseDomain"}[system]
            sites = Counter(_site(row.get(key)) for row in self.vendors.dump(system, name))
            found += [f"{number} accounts {site} in {system}" for site, number in sites.items() if number > 1]
        return found

    def _wrong(self, person: Person, system: str, row: dict[str, Any] | None) -> list[str]:
        if system in person.gone:
            return [f"{person.email} has risen again in {system}"] if row is not None else []
        if row is None:
            return [f"{person.email} is not in {system}"]
        title = {"salesforce": row.get("Title"), "abmatic": row.get("title")}.get(
            system, (row.get("variables") or {}).get("title")
        )
        wrong = [] if title == person.title else [f"{person.email} in {system}: {title!r}, not {person.title!r}"]
        if person.out and system == "salesforce" and not row.get("HasOptedOutOfEmail"):
            wrong.append(f"{person.email} is opted in again in {system}")
        if person.out and system == "conversion" and row.get("subscriptionStatus") != "UNSUBSCRIBED":
            wrong.append(f"{person.email} is not opted out in {system}")
        return wrong

    def _left_behind(self, person: Person, system: str, row: dict[str, Any] | None) -> list[str]:
        """Under a former address there is a row in Conversion alone, and that is as good as the other."""
        if row is None:
            return []
        if system != "conversion":
            return [f"{person.email} is also {person.former} in {system}"]
        return self._wrong(replace(person, email=f"{person.email}, once {person.former},"), system, row)

    def is_sound(self) -> bool:
        """SQLite's own check of the state."""
        connection = sqlite3.connect(self.state)
        try:
            return bool(connection.execute("PRAGMA quick_check").fetchone() == ("ok",))
        finally:
            connection.close()


def _site(value: object) -> str:
    return str(value).lower().removeprefix("https://").removeprefix("http://").removeprefix("www.").strip("/")

"""The people who work in the systems of the demo: what they change there, behind the API, and what then stands everywhere.

What stands there is read from the emulated systems themselves, not from what crm-sync believes.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Row = Mapping[str, Any]
Told = dict[str, tuple[str | None, bool | None]]
"""By e-mail: the title, and whether the person is out (None: the system keeps no consent)."""

TITLE: Final = "title"
OPT_OUT: Final = "opt-out"
_TITLES: Final = {
    "abmatic": "Head of Growth",
    "salesforce": "Chief Example Officer",
    "conversion": "Director of Journeys",
    "activecampaign": "Newsletter Editor",
}
_STARTER: Final = ("nora.quill@quiet-harbour.example", "Nora", "Quill", "Harbour Master")
_NEWSLETTER: Final = "Newsletter"
_PUZZLES: Final = (
    ("abmatic", "phone", "+12025550142"),
    ("salesforce", "phone", "+12025550199"),
    ("abmatic", "seniority", "wizard"),
)
_PATHS: Final = {("abmatic", "phone"): "phone", ("salesforce", "phone"): "Phone", ("abmatic", "seniority"): "seniority"}


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that somebody did in one system. ``value`` is the new one; empty for an opt-out."""

    system: str
    email: str
    what: str
    value: str = ""

    def told(self) -> str:
        """As a sentence without its system."""
        if self.what == OPT_OUT:
            return f"{self.email} opts out of e-mail"
        return f"the {self.what} of {self.email} becomes {self.value!r}"


class Office:
    """The emulated systems by their control plane."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls

    def hire(self) -> None:
        """Somebody of whom nobody knows the title, and whom Letrics knows as well."""
        email, first, last, _ = _STARTER
        person = {"FirstName": first, "LastName": last, "Email": email}
        self.edit("salesforce", "Contact", create=person)
        company = self.dump("letrics")["companies"][0]["id"]
        known = {"first_name": first, "last_name": last, "emails": [{"email": email, "type": "work"}]}
        self.edit("letrics", "contacts", create={**known, "company_id": company})

    def work(self) -> list[Deed]:
        """A new title and an opt-out in each system that can have them; Letrics, a source, learns one title."""
        held, taken = self.stands(), {_STARTER[0]}
        wanted = [(system, TITLE, title) for system, title in _TITLES.items()]
        wanted += [(system, OPT_OUT, "") for system in ("salesforce", "conversion", "activecampaign")]
        deeds = [Deed("letrics", _STARTER[0], TITLE, _STARTER[3])]
        for system, what, value in wanted:
            email = _someone(system, held, taken)
            if email is not None:
                taken.add(email)
                deeds.append(Deed(system, email, what, value))
        for deed in deeds:
            _DO[deed.system](self, deed)
        return sorted(deeds, key=lambda deed: (deed.what == OPT_OUT, list(_DO).index(deed.system)))

    def puzzle(self, deeds: list[Deed]) -> list[Deed]:
        """What no rule can decide: one phone number changed on two sides at once, and a word that nobody has explained."""
        held, taken = self.stands(), {deed.email for deed in deeds}
        both = sorted(email for email in held["abmatic"] if email in held["salesforce"] and email not in taken)
        found = []
        for (system, what, value), email in zip(_PUZZLES, (*both[:1], *both[:2]), strict=False):
            path = _PATHS[system, what]
            object_, address = ("contacts", "email") if system == "abmatic" else ("Contact", "Email")
            self.edit(system, object_, id=self.row(system, object_, address, email), set={path: value})
            found.append(Deed(system, email, what, value))
        return found

    def stands(self) -> dict[str, Told]:
        """What each system that can be written holds now."""
        return {system: read(self.dump(system)) for system, read in _READ.items()}

    def dump(self, system: str) -> Row:
        """All rows of a system, by object."""
        found: Row = self._control(f"dump?system={system}")
        return found

    def row(self, system: str, object_: str, path: str, email: str) -> str:
        """The id of the row that holds an address."""
        return next(
            str(row.get("Id") or row.get("id"))
            for row in self.dump(system)[object_]
            if str(row.get(path) or "").lower() == email and not row["_deleted"]
        )

    def edit(self, system: str, object_: str, **change: Any) -> None:
        """What somebody does there: `create`, or `id` and `set`."""
        self._control("edit", {"system": system, "object": object_, **change})

    def _control(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        address = f"{self._urls['control']}/_control/{path}"
        request = urllib.request.Request(address, data, {"Content-Type": "application/json"})  # noqa: S310 - loopback
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return json.load(answer)


def _someone(system: str, held: Mapping[str, Told], taken: set[str]) -> str | None:
    """Somebody who is in that system, best in all of them, and best with consent that can be taken back."""

    def rank(email: str) -> tuple[int, bool, str]:
        out = any(people[email][1] for people in held.values() if email in people)
        return sum(email not in people for people in held.values()), out, email

    return min((email for email in held[system] if email not in taken), key=rank, default=None)


# what people do --------------------------------------------------------------------------------------------------------


def _in(object_: str, path: str, title: str, out: Mapping[str, Any]) -> Callable[[Office, Deed], None]:
    def act(office: Office, deed: Deed) -> None:
        row = office.row(deed.system, object_, path, deed.email)
        office.edit(deed.system, object_, id=row, set=dict(out) if deed.what == OPT_OUT else {title: deed.value})

    return act


def _in_letrics(office: Office, deed: Deed) -> None:
    row = next(r["id"] for r in office.dump("letrics")["contacts"] if deed.email in json.dumps(r["emails"]))
    office.edit("letrics", "contacts", id=row, set={"job_title": deed.value})


_DO: Final[Mapping[str, Callable[[Office, Deed], None]]] = {
    "abmatic": _in("contacts", "email", "title", {}),
    "salesforce": _in("Contact", "Email", "Title", {"HasOptedOutOfEmail": True}),
    "conversion": _in("contacts", "email", "variables.title", {"subscriptionStatus": "UNSUBSCRIBED"}),
    "activecampaign": _in("contacts", "email", "fields.JOB_TITLE", {f"lists.{_NEWSLETTER}": "UNSUBSCRIBED"}),
    "letrics": _in_letrics,
}


# what then stands there --------------------------------------------------------------------------------------------------


def _live(rows: list[Row]) -> Iterator[Row]:
    return (row for row in rows if not row["_deleted"])


def _abmatic(dump: Row) -> Told:
    return {row["email"].lower(): (row.get("title"), None) for row in _live(dump["contacts"]) if row.get("email")}


def _salesforce(dump: Row) -> Told:
    rows = [row for row in _live(dump["Contact"]) if row.get("Email")]
    return {row["Email"].lower(): (row.get("Title"), bool(row["HasOptedOutOfEmail"])) for row in rows}


def _conversion(dump: Row) -> Told:
    return {
        row["email"].lower(): (row["variables"].get("title"), row.get("subscriptionStatus") == "UNSUBSCRIBED")
        for row in _live(dump["contacts"])
    }


def _activecampaign(dump: Row) -> Told:
    field = next(row["id"] for row in dump["fields"] if row["perstag"] == "JOB_TITLE")
    newsletter = next(row["id"] for row in dump["lists"] if row["name"] == _NEWSLETTER)
    titles = {row["contact"]: row["value"] for row in _live(dump["fieldValues"]) if row["field"] == field}
    out = {row["contact"] for row in _live(dump["contactLists"]) if (row["list"], row["status"]) == (newsletter, "2")}
    return {row["email"].lower(): (titles.get(row["id"]), row["id"] in out) for row in _live(dump["contacts"])}


_READ: Final[Mapping[str, Callable[[Row], Told]]] = {
    "abmatic": _abmatic,
    "salesforce": _salesforce,
    "conversion": _conversion,
    "activecampaign": _activecampaign,
}


def arrivals(deeds: list[Deed], stands: Mapping[str, Told]) -> list[dict[str, Any]]:
    """Each deed with what became of it by system: `here`, `arrived`, `missing`, or None where a system keeps no such thing."""
    return [
        {"system": deed.system, "email": deed.email, "what": deed.what, "value": deed.value}
        | {"in": {system: _fate(deed, system, people) for system, people in stands.items()}}
        for deed in deeds
    ]


def _fate(deed: Deed, system: str, people: Told) -> str | None:
    title, out = people.get(deed.email, (None, False))
    if deed.what == OPT_OUT and out is None:
        return None
    there = out if deed.what == OPT_OUT else title == deed.value
    return ("here" if deed.system == system else "arrived") if there else "missing"

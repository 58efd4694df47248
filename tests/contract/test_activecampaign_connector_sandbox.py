"""The ActiveCampaign connector against the emulated vendor: real HTTP, the vendor's limits, ten thousand people in and out."""

from __future__ import annotations

import threading

import pytest
from activecampaign_client import ACCOUNTS, ADA, CONTACTS, LIST, TITLE, create, engage, outcomes, subscribe, update
from others_http import served

from sync.connectors.activecampaign import ActiveCampaign as Connector
from sync.model.remote import Feed, Kind, Outcome, Write
from sync.sandbox.activecampaign import ActiveCampaign

LONG = (pytest.mark.slow, pytest.mark.timeout(600))


class Emulated:
    """The emulator's time as the connector's: a wait moves it for both."""

    def __init__(self, clock):
        self.clock, self.lock = clock, threading.Lock()

    def now(self):
        return self.clock.now()

    def monotonic(self):
        return self.clock.elapsed()

    def sleep(self, seconds):
        with self.lock:
            self.clock.advance(seconds)


class World:
    """A connector before the emulator, and every call it made."""

    def __init__(self, here, **more):
        self.here, self.calls = here, []
        self.vendor = here.vendor
        self.one = self.connect(**more)

    def connect(self, **more):
        clock = Emulated(self.here.clock)
        gate = more.pop("gate", lambda address: False)
        return Connector("ac", self.here.base, "sandbox", clock=clock, gate=gate, on_call=self.calls.append, **more)

    def add(self, table, at=None, /, **paths):
        return self.vendor.edit(table, None, {"create": paths}, at)

    def set(self, table, name, **paths):
        self.vendor.edit(table, name, {"set": paths}, None)

    def read(self, name, feed=CONTACTS):
        return self.one.fetch(feed, [name])[name]

    def throttled(self):
        return [call for call in self.calls if call.status == 429]


@pytest.fixture
def world():
    with served(ActiveCampaign, {"Api-Token": "sandbox"}) as here:
        found = World(here)
        yield found
        found.one.close()


@pytest.mark.parametrize("sideloads", ["all", "documented"])
def test_companies_come_in_with_whatever_the_vendor_sends_along(world, sideloads):
    """300 new contacts join their companies and are read back with them, whether or not contacts bring along who works where."""
    world.vendor.limit({"requests_per_second": None, "sideloads": sideloads})
    accounts = [world.add("accounts", name=f"Company {number}") for number in range(3)]
    receipts = world.one.push(
        [create(f"p{number}@acme.example", number, account=accounts[number % 3]) for number in range(300)]
    )
    assert set(outcomes(receipts)) == {"acked"}
    found = world.one.fetch(CONTACTS, [receipt.remote_id for receipt in receipts])
    assert [found[r.remote_id].values["account"] for r in receipts] == [accounts[n % 3] for n in range(300)]
    assert len(world.calls) < 60


@pytest.fixture
def limited():
    with served(ActiveCampaign, {"Api-Token": "sandbox"}, limits=True) as here:
        found = World(here)
        yield found
        found.one.close()


def rows(pages):
    return [record for page in pages for record in page.records]


def test_what_people_do_there_is_read(world):
    """Every path of a contact follows a person's edit, and the cursor brings it once more only if it changes."""
    acme = world.add("accounts", name="Acme", accountUrl="https://acme.example")
    ada = world.add("contacts", email=ADA, firstName="Ada", account=acme, **{TITLE: "Countess", LIST: "SUBSCRIBED"})
    pages = list(world.one.pull(CONTACTS, None))
    assert pages[-1].complete
    (record,) = rows(pages)
    want = {"email": ADA, "firstName": "Ada", TITLE: "Countess", LIST: "1", "tags": [], "account": acme}
    assert (record.id, record.values) == (ada, want)
    world.here.clock.advance(3600)
    assert not rows(world.one.pull(CONTACTS, list(world.one.pull(CONTACTS, pages[-1].cursor))[-1].cursor))
    world.set("contacts", ada, tags=["abm:Tier 1"], **{LIST: "UNSUBSCRIBED"})
    (record,) = rows(world.one.pull(CONTACTS, pages[-1].cursor))
    assert (record.values["tags"], record.values[LIST]) == (["abm:Tier 1"], "2")


def test_what_is_written_stands_there(world):
    """A create, an update of every path and a delete arrive at the emulator as they were meant."""
    acme, beta = (world.add("accounts", name=name) for name in ("Acme", "Beta"))
    values = {"firstName": "Ada", TITLE: "Countess", LIST: 2, "tags": ["abm:A"], "account": acme}
    (receipt,) = world.one.push([create(ADA, **values)])
    contact = receipt.remote_id
    held = world.read(contact).values
    assert held == {"email": ADA, "firstName": "Ada", TITLE: "Countess", LIST: "2", "tags": ["abm:A"], "account": acme}
    changes = {"email": "new@acme.example", "firstName": None, TITLE: "", "tags": ["abm:B"], "account": beta}
    assert outcomes(world.one.push([update(contact, changes)])) == ["acked"]
    held = world.read(contact).values
    assert held == {
        "email": "new@acme.example",
        "firstName": "",
        TITLE: "",
        LIST: "2",
        "tags": ["abm:B"],
        "account": beta,
    }
    assert outcomes(world.one.push([Write(1, Kind.DELETE, "contacts", contact, "r", {})])) == ["acked"]
    assert world.read(contact) is None


def test_a_contact_that_vanishes_is_missed_by_a_complete_walk_and_gone_by_its_id(world):
    """Deletes are never told: a complete walk does not show the contact, and asking for it says that it is not there."""
    ada, bob = (world.add("contacts", email=f"{name}@acme.example") for name in ("ada", "bob"))
    list(world.one.pull(CONTACTS, None))
    world.vendor.edit("contacts", ada, {"delete": True}, None)
    pages = list(world.one.pull(CONTACTS, None, full=True))
    assert pages[-1].complete
    assert [record.id for record in rows(pages)] == [bob]
    assert world.one.fetch(CONTACTS, [ada, bob])[ada] is None


@pytest.mark.parametrize("granularity", ["day", "second"])
@pytest.mark.parametrize("hours", [1, 13, 26, 49])
def test_an_edit_around_midnight_is_found_whatever_the_filter_knows(world, granularity, hours):
    """The vendor's filter knows days in a zone that is not ours, or seconds: nobody is missed by either."""
    world.vendor.limit({"updated_after": granularity})
    ada = world.add("contacts", email=ADA)
    cursor = list(world.one.pull(CONTACTS, None))[-1].cursor
    for night in range(3):
        world.here.clock.advance(hours * 3600)
        world.set("contacts", ada, firstName=f"Night {night}")
        pages = list(world.one.pull(CONTACTS, cursor))
        assert [record.values["firstName"] for record in rows(pages)] == [f"Night {night}"]
        cursor = pages[-1].cursor


def test_joining_a_list_never_takes_back_an_opt_out(world):
    """The emulator un-ticks an opt-out without a word, as life does: the connector looks first, and a bounce stays."""
    out, hard = (world.add("contacts", email=f"{name}@acme.example") for name in ("out", "hard"))
    world.one.fetch(CONTACTS, [out, hard])
    world.set("contacts", out, **{LIST: "UNSUBSCRIBED"})
    world.set("contacts", hard, **{LIST: "BOUNCED"})
    receipts = world.one.push([subscribe(out, 1, 1, "out@acme.example"), subscribe(hard, 1, 2, "hard@acme.example")])
    assert outcomes(receipts) == ["moved", "rejected"]
    assert [world.read(name).values[LIST] for name in (out, hard)] == ["2", "3"]


def test_engagements_arrive_once(world):
    """Enrolled, noted, tagged; and out of the automation again."""
    ada = world.add("contacts", email=ADA)
    for write in (engage("automations", "Welcome"), engage("notes", "Seen"), engage("tags", "hot", ada)):
        assert outcomes(world.one.push([write])) == ["acked"]
    assert len(world.vendor.rows("contactAutomations")) == len(world.vendor.rows("notes")) == 1
    assert world.read(ada).values["tags"] == ["hot"]
    assert world.one.leave(ada, "Welcome") == 1
    assert not world.vendor.rows("contactAutomations")


def test_accounts_and_their_custom_values_go_both_ways(world):
    """A company with a custom value is made, changed, read by time of change, and its unique name is respected."""
    body = {"accountCustomFieldMetum": {"fieldLabel": "Size", "fieldType": "text"}}
    world.here.client.post("/api/3/accountCustomFieldMeta", json=body)
    feed = Feed("accounts", ("name", "accountUrl", "fields.Size"))
    values = {"name": "Acme", "accountUrl": "https://acme.example", "fields.Size": "11-50"}
    (receipt,) = world.one.push([Write(1, Kind.CREATE, "accounts", None, "r", values)])
    assert world.read(receipt.remote_id, feed).values == values
    cursor = list(world.one.pull(feed, None))[-1].cursor
    world.here.clock.advance(2 * 86400)
    cursor = list(world.one.pull(feed, cursor))[-1].cursor
    world.here.clock.advance(2 * 86400)
    assert not rows(world.one.pull(feed, cursor))
    world.one.push([Write(1, Kind.UPDATE, "accounts", receipt.remote_id, "r", {"fields.Size": "51-200"})])
    assert [record.values["fields.Size"] for record in rows(world.one.pull(feed, cursor))] == ["51-200"]
    (again,) = world.one.push([Write(1, Kind.CREATE, "accounts", None, "r", values)])
    assert (again.outcome, again.remote_id) == (Outcome.MOVED, receipt.remote_id)


def test_a_campaign_is_drafted_scheduled_and_deleted(world):
    """The campaign's life by API, and the delete that fails with a success."""
    (made,) = world.one.push([Write(1, Kind.CREATE, "campaigns", None, "r", {"name": "Spring"})])
    when = {"scheduledDate": "2026-12-01T09:00:00-06:00"}
    assert outcomes(world.one.push([Write(1, Kind.UPDATE, "campaigns", made.remote_id, "r", when)])) == ["acked"]
    assert world.read(made.remote_id, Feed("campaigns", ("name", "status"))).values == {"name": "Spring", "status": "1"}
    delete = Write(1, Kind.DELETE, "campaigns", made.remote_id, "r", {})
    assert outcomes(world.one.push([delete])) == ["acked"]
    assert outcomes(world.one.push([delete])) == ["gone"]


def test_check_and_schema_speak_of_the_account(world):
    """The probe is well, names the account, and the shipped mappings' paths are all described."""
    assert all(finding.well for finding in world.one.probe())
    assert world.one.identify().id == "activecampaign:127.0.0.1"
    fields = world.one.describe("contacts").fields
    assert {"email", "firstName", "lastName", "phone", TITLE, "fields.SENIORITY", "account", LIST, "tags"} <= set(
        fields
    )
    assert fields["fields.SENIORITY"].values == ("C-Level", "VP", "Director", "Manager", "Staff")
    assert {"name", "accountUrl"} <= set(world.one.describe("accounts").fields)


# Numbers


@pytest.mark.parametrize("count", [2000, pytest.param(10_000, marks=LONG)])
def test_thousands_of_people_in_and_out_stay_near_the_minimum(limited, count):
    """New contacts with title, opt-out and company take an import per 250 and a read by id; read, 100 a call. No limit is met."""
    accounts = [limited.add("accounts", name=f"Company {n}") for n in range(500)]
    values = [{"firstName": f"P{n}", TITLE: "VP", "account": accounts[n % 500]} for n in range(count)]
    values = [more | ({LIST: 2} if n % 9 == 0 else {}) for n, more in enumerate(values)]
    writes = [create(f"p{n}@acme.example", n, **more) for n, more in enumerate(values)]
    size = limited.one.journal_size("contacts", len(writes))
    receipts = [r for start in range(0, len(writes), size) for r in limited.one.push(writes[start : start + size])]
    assert {receipt.outcome for receipt in receipts} == {Outcome.ACKED}
    imports = sum(call.route == "/import/bulk_import" for call in limited.calls)
    assert imports == count // 250 + 1, "full ones, and the one that shows what becomes of a company's name"
    names = sum(call.route in ("/accounts", "/fields", "/lists") for call in limited.calls)
    assert len(limited.calls) - names <= imports * 5, "for each import a look at it, and three reads by id"
    assert names <= 20, "five pages of companies, read again after a minute, and once the names of fields and lists"
    limited.calls.clear()
    pages = list(limited.one.pull(CONTACTS, None, full=True))
    assert len(rows(pages)) == count
    assert pages[-1].complete
    assert len(limited.calls) <= count // 100 + 1 + 3
    found = {record.values["email"]: record.values for record in rows(pages)}
    want = {"email": "p9@acme.example", "firstName": "P9", TITLE: "VP", LIST: "2", "tags": [], "account": accounts[9]}
    assert found["p9@acme.example"] == want
    assert not limited.throttled()


def test_an_idle_poll_costs_one_call_an_object(limited):
    """Two days after the last change a poll of contacts is one call and one of accounts is one walk."""
    for n in range(5):
        limited.add("contacts", email=f"p{n}@acme.example", tags=["x"])
        limited.add("accounts", name=f"Acme {n}")
    cursors = {feed.object: list(limited.one.pull(feed, None))[-1].cursor for feed in (CONTACTS, ACCOUNTS)}
    limited.here.clock.advance(3 * 86400)
    cursors = {
        feed.object: list(limited.one.pull(feed, cursors[feed.object]))[-1].cursor for feed in (CONTACTS, ACCOUNTS)
    }
    limited.calls.clear()
    for feed in (CONTACTS, ACCOUNTS):
        assert not rows(limited.one.pull(feed, cursors[feed.object]))
    assert sorted(call.route for call in limited.calls) == ["/accounts", "/contacts"]


@pytest.mark.parametrize("minutes", [1, pytest.param(10, marks=LONG)])
def test_the_limit_is_never_met_by_single_writes(limited, minutes):
    """Four a second leaves one of the account's five to others, for as many minutes as it takes."""
    ada = limited.add("contacts", email=ADA)
    began = limited.here.clock.elapsed()
    number = 0
    while limited.here.clock.elapsed() - began < 60 * minutes:
        number += 1
        limited.one.push([update(ada, {"firstName": f"Ada {number}"})])
    assert number >= 200 * minutes
    assert not limited.throttled()

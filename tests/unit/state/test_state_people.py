from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.errors import TenantError
from sync.model.record import Change, Conflict, Exchange, HubCell, Operation, Quarantined, Turn
from sync.model.remote import Kind, NativeRecord, Tenant
from sync.state import RecordSaved, Seen, Store, Suppression


def conflict(id_, **values):
    return Conflict(id_, "contact", "R1", "title", values, "both changed")


def test_conflicts(store, clock):
    """A question keeps its age; other values of the same field replace it; an answered one is closed."""
    store.open_conflict(conflict("c1", abmatic="CTO", salesforce="CEO"))
    opened = clock.now()
    clock.sleep(60)
    store.open_conflict(conflict("c1", abmatic="CTO", salesforce="CEO"))
    assert store.conflicts() == [replace(conflict("c1", abmatic="CTO", salesforce="CEO"), opened_at=opened)]
    store.open_conflict(conflict("c2", abmatic="CTO", salesforce="VP"))
    assert [each.id for each in store.conflicts()] == ["c2"]
    assert store.resolve_conflict("c2", "took abmatic")
    assert not store.resolve_conflict("c2", "took abmatic")
    assert [each.id for each in store.conflicts(open=False)] == ["c1", "c2"]
    store.open_conflict(conflict("c3"))
    assert store.close_conflicts("R1", ["title", "phone"]) == 1
    assert store.conflict("c3").id == "c3"
    assert store.conflict("c9") is None


def test_quarantine(store, clock):
    """The same thing set aside again counts an attempt; it is released by what describes it and never all at once."""
    later = clock.now() + timedelta(hours=1)
    thing = Quarantined(
        "q1", "contact", "x", "R1", "Contact", "003A", "TOO_LONG", "title is too long", "shorten it", "title"
    )
    for _ in range(3):
        store.quarantine(thing, next_try_at=later)
    store.quarantine(replace(thing, id="q2", record="R2", candidates=("003A", "003B")))
    assert store.quarantined() == [
        replace(thing, attempts=3, next_try_at=later),
        replace(thing, id="q2", record="R2", candidates=("003A", "003B")),
    ]
    assert store.release() == 0
    assert store.release(record="R1", system="y") == 0
    assert store.release(record="R1", system="x", field="title", error="TOO_LONG") == 1
    assert store.release_for("x", ["R2", "R3"]) == 1
    store.refuse_create("R1", "x", "hash")
    assert store.refused_creates(["R1", "R2"]) == {"R1": {"x": "hash"}}
    store.forget_refused_create("R1", "x")
    assert store.refused_creates(["R1"]) == {}


@pytest.mark.law("row 38")
def test_tenant_pin(store):
    """A system that opens another tenant's data than the first time is refused."""
    store.pin_tenant("salesforce", Tenant("00D1"))
    store.pin_tenant("salesforce", Tenant("00D1", "renamed"))
    with pytest.raises(TenantError) as caught:
        store.pin_tenant("salesforce", Tenant("00D2"))
    assert caught.value.system == "salesforce"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(edit=st.sampled_from(["at = at + 1", "kind = 'x'", "detail = '{}'", "hash = ''", None]), place=st.integers(1, 4))
def test_audit_chain(store, edit, place):
    """Any row of the audit log that is changed, or taken out of its middle, is noticed."""
    store._write("DELETE FROM audit")
    for n in range(5):
        store.audit("resolved", {"conflict": n})
    assert store.verify_audit()
    store._write(
        f"UPDATE audit SET {edit} WHERE number = {place}" if edit else f"DELETE FROM audit WHERE number = {place}"
    )
    assert not store.verify_audit()


def test_secrets(store):
    """The newest credential counts, and the one before is kept."""
    store.set_secret("salesforce", "one")
    store.set_secret("salesforce", "two")
    assert store.secret("salesforce") == "two"
    assert store._value("SELECT previous FROM secret") == "one"
    assert store.secret("x") is None


def test_suppression(url, clock, path):
    """An opt-out holds for every spelling of the address, after a restart too; only an act with evidence lifts it."""
    with Store.open(url, clock=clock) as store:
        assert store.suppress([Suppression(" Ann@X.example ", "salesforce", "Contact 003A")]) == {" Ann@X.example "}
        assert store.suppress([Suppression("ann@x.example", "abmatic", "again")]) == set()
    with Store.open(url, clock=clock) as store:
        assert store.is_suppressed("ANN@x.example")
        assert store.suppressed(["ann@x.EXAMPLE", "bob@x.example"]) == {"ann@x.EXAMPLE"}
        store.lift("ann@x.example", "signed form 12", "operator")
        assert not store.is_suppressed("ann@x.example")
        store.suppress([Suppression("ann@x.example", "abmatic", "again")])
        assert store.is_suppressed("ann@x.example")
        history = store.consent_history("ann@x.example")
        assert [line["act"] for line in history] == ["suppress", "lift", "suppress"]
        assert (history[1]["evidence"], history[-1]["source"]) == ("signed form 12", "salesforce")
        assert store.masked("ann@x.example") == store.masked(" ANN@x.example")
    assert b"ann@x" not in path.read_bytes().lower()


def files(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.iterdir())


def test_forget(store, hand, path):
    """A forgotten person is in no byte of the state, stays suppressed and is not stored again; others keep all but the address."""
    store._execute(
        "PRAGMA secure_delete = OFF"
    )  # some builds of SQLite have it on: they would hide a page that is left
    record = hand.record("R1", "003A", "zoe@x.example", FirstName="Zyxwv")
    for n in range(50):
        hand.page(hand.row("003A", "zoe@x.example", FirstName="Zyxwv", Title=f"Vanishing {n}"))
    hand.page(hand.row("004B", "xzoe@x.example", Boss="Zoe@x.example", Name="Other"))
    cells = {"email": HubCell("zoe@x.example", 1, "x", "prefer"), "name": HubCell("Zyxwv", 1, "x", "prefer")}
    link = replace(record.links[0], exchange={"name": Exchange("Zyxwv", "Zyxwv", 1)})
    turn = Turn("name", "Zyxwv", "Vanishing", "x", "prefer")
    store.save([RecordSaved(replace(record, cells=cells, links=(link,)), pending=True, turns=(turn,))])
    change = Change("name", "Name", "Zyxwv", "Vanishing", "x", "prefer", 1)
    store.plan("r1", [Operation("contact", "R1", "x", "Contact", Kind.UPDATE, "1", (change,), "why", "zoe@x.example")])
    store.open_conflict(Conflict("c1", "contact", "R1", "name", {"x": "Zyxwv"}, "why"))
    store.receive("abmatic", "e1", "contact.revealed", '{"email": "ZOE@x.example", "name": "Zyxwv"}')
    assert b"Zyxwv" in files(path.parent)
    counts = store.forget(" Zoe@x.example")
    assert {
        name: counts[name] for name in ("records", "rows", "operations", "turns", "conflicts", "events", "fields")
    } == {
        "records": 1,
        "rows": 1,
        "operations": 1,
        "turns": 1,
        "conflicts": 1,
        "events": 1,
        "fields": 1,
    }

    def is_gone():
        left = files(path.parent).replace(b"xzoe@x.example", b"").lower()
        return not any(word in left for word in (b"zoe@x.example", b"zyxwv", b"vanishing"))

    assert is_gone()
    assert store.is_suppressed("zoe@x.example")
    assert store.is_forgotten("ZOE@x.example")
    assert store.observed("salesforce", "Contact", ["004B"])["004B"].values == {
        "Email": "xzoe@x.example",
        "Name": "Other",
    }
    hand.page(
        hand.row("003A", "new@x.example", FirstName="Zyxwv"),
        hand.row("003Z", "zoe@x.example", FirstName="Zyxwv"),
        hand.row("004B", "xzoe@x.example", Boss="zoe@x.example", Name="Other"),
        Seen(NativeRecord("Contact", "003A", {}, deleted=True)),
    )
    assert is_gone()
    assert store.observed_count("contact", "salesforce") == 1
    assert store.verify_audit()
    assert store.forget("zoe@x.example")["rows"] == 0

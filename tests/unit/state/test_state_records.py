from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.errors import StateError, UsageError
from sync.model.record import Change, Exchange, HubCell, LinkState, Lost, Operation, Past, Status, Turn
from sync.model.remote import Kind
from sync.model.values import HELD, MISSING, UNRESOLVED
from sync.state import Finished, NewRecord, RecordSaved, documents

NOW = datetime(2026, 11, 21, 12, 0, 0, 1, tzinfo=UTC)

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
natives = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
held = natives | st.sampled_from([MISSING, HELD, UNRESOLVED])
times = st.datetimes(timezones=st.just(UTC))
texts = st.text(max_size=8)
pasts = st.builds(Past, held, st.integers(0), times)
cells = st.builds(
    HubCell,
    held,
    st.integers(0),
    texts,
    texts,
    st.none() | times,
    st.none() | times,
    st.none() | texts,
    st.lists(pasts, max_size=3).map(tuple),
)
exchanges = st.builds(Exchange, held, held, st.integers(0), st.none() | texts)
losts = st.lists(st.builds(Lost, texts, held, texts), max_size=2).map(tuple)
turns = st.builds(Turn, texts, held, held, texts, texts, losts)
changes = st.builds(Change, texts, texts, held, held, texts, texts, st.integers(0), losts)


@given(st.dictionaries(texts, cells, max_size=3), st.dictionaries(texts, exchanges, max_size=3))
def test_documents_come_back(cells, exchange):
    """Cells and exchanges come back exactly as they were stored, absences and odd texts included."""
    assert documents.load_cells(documents.dump_cells(cells, documents.Stamps()), documents.Moments()) == cells
    assert documents.load_exchange(documents.dump_exchange(exchange)) == exchange


@given(st.lists(turns, max_size=3).map(tuple), st.lists(changes, max_size=3).map(tuple))
def test_history_comes_back(turns, changes):
    """Turns and changes come back in order and exactly, with everything that lost."""
    assert documents.load_turns(documents.dump_turns(turns)) == turns
    assert documents.load_changes(documents.dump_changes(changes)) == changes


@given(times)
def test_times(moment):
    """Times keep their microsecond and their order."""
    assert documents.moment(documents.stamp(moment)) == moment
    assert documents.stamp(moment) < documents.stamp(moment + timedelta(microseconds=1)) or moment.year == 9999


def cell(value, version=1):
    return HubCell(value, version, "salesforce", "prefer", NOW, NOW)


def test_save_and_load(store, hand):
    """What was saved is what is loaded; a save of the same again writes nothing."""
    record = hand.record("R1", "003A")
    link = replace(record.links[0], exchange={"title": Exchange("CTO", "CTO", 1)}, busy_until=NOW, quarantined=True)
    record = replace(record, cells={"title": cell("CTO")}, links=(link,))
    turn = Turn("title", None, "CTO", "salesforce", "prefer", (Lost("abmatic", "CEO", "prefer"),))
    store.start_run("r1", "sync", full=False, entities=["contact"])
    store.save([RecordSaved(record, pending=False, turns=(turn,))])
    assert store.load([record.number]) == [record]
    assert store.pending("contact", after=0, limit=10) == []
    assert [(row.run, row.record, row.turns) for row in store.turns(record="R1")] == [("r1", "R1", (turn,))]
    before = store._value("SELECT total_changes()")
    store.save([RecordSaved(record, pending=False), RecordSaved(record, pending=None)])
    assert store._value("SELECT total_changes()") == before


def test_made_once(store, hand):
    """Making a record again makes no second one and moves no link."""
    hand.page(hand.row("003A"))
    for _ in range(2):
        store.create_records([NewRecord("R1", "contact", (hand.number("003A"),))])
    store.create_records([NewRecord("R2", "contact", (hand.number("003A"),))])
    assert [len(record.links) for record in store.load_ids(["R1", "R2"])] == [1, 0]
    store.add_link("R1", hand.number("003A"), by_us=True)
    with pytest.raises(StateError, match="R1"):
        store.add_link("R2", hand.number("003A"), by_us=True)
    with pytest.raises(StateError):
        store.add_link("R1", 4711, by_us=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(pairs=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=12))
def test_aliases(store, pairs):
    """Whatever merges into whatever, each id stands for one live record, one step away, with all links of its family."""
    store._write("DELETE FROM record")
    store.create_records([NewRecord(f"R{n}", "contact") for n in range(8)])
    family = {f"R{n}": {f"R{n}"} for n in range(8)}
    for loser, winner in pairs:
        of, into = store.resolve(f"R{loser}"), store.resolve(f"R{winner}")
        store.merge_records(f"R{loser}", f"R{winner}")
        if of != into:
            family[into] |= family.pop(of)
    assert {id_: winner for winner, ids in family.items() for id_ in ids} == {
        f"R{n}": store.resolve(f"R{n}") for n in range(8)
    }
    assert {record.id for record in store.load_ids([f"R{n}" for n in range(8)])} == set(family)
    assert (
        store._value(
            "SELECT count(*) FROM record AS r JOIN record AS s ON s.number = r.survivor WHERE s.status = 'merged'"
        )
        == 0
    )


def test_merge_takes_everything_along(store, hand):
    """Links and everything that names the loser belong to the winner after a merge, and old ids still find it."""
    hand.record("R1", "003A", "a@x.example")
    winner = hand.record("R2", "abm1", "b@x.example", system="abmatic")
    store.save([RecordSaved(replace(winner, cells={"title": cell("CTO")}), pending=False)])
    store.plan("r1", [operation("R1")])
    store.merge_records("R1", "R2")
    merged = store.load_ids(["R1"])[0]
    assert (merged.id, [link.system for link in merged.links]) == ("R2", ["salesforce", "abmatic"])
    assert store.values_of(["R1", "R2"]) == {"R1": {"title": "CTO"}, "R2": {"title": "CTO"}}
    assert store.remote_ids([("salesforce", "R1"), ("abmatic", "R1"), ("x", "R1")]) == {
        ("salesforce", "R1"): "003A",
        ("abmatic", "R1"): "abm1",
    }
    assert store.operations("r1")[0].operation.record == "R2"
    assert store.records_of([("salesforce", "contact", "003A"), ("salesforce", "account", "003A")]) == {
        ("salesforce", "contact", "003A"): "R2"
    }
    with pytest.raises(UsageError):
        store.merge_records("R1", "nobody")


def operation(
    record="R1", system="activecampaign", kind=Kind.CREATE, remote_id=None, before=None, after="CTO", address=None
):
    change = Change("title", "Title", before, after, "salesforce", "prefer", 1)
    return Operation("contact", record, system, "contacts", kind, remote_id, (change,), "changed", address)


def test_occupied(store, hand):
    """A slot is taken while a create there was sent or is in doubt, and free before and after."""
    record = hand.record("R1", "003A")

    def occupied():
        return store.load([record.number])[0].occupied

    store.plan("r1", [operation()])
    (row,) = store.operations("r1")
    assert occupied() == frozenset()
    store.mark_sent([row.number], at=NOW)
    assert occupied() == {"activecampaign"}
    store.finish([Finished(row.number, Status.IN_DOUBT, doubt_until=NOW)])
    assert occupied() == {"activecampaign"}
    store.finish([Finished(row.number, Status.SETTLED, remote_id="7")])
    assert occupied() == frozenset()


def test_move_and_unlink(store, hand):
    """A moved link keeps its exchange; a row taken from its record is matched anew; both make records pending."""
    record = hand.record("R1", "003A")
    link = replace(record.links[0], exchange={"title": Exchange("x", "x", 1)})
    store.save([RecordSaved(replace(record, links=(link,)), pending=False)])
    store.create_records([NewRecord("R2", "contact")])
    store.move_link(link.number, "R2")
    assert store.load_ids(["R2"])[0].links[0].exchange == link.exchange
    assert record.number in store.pending("contact", after=0, limit=10)
    store.set_link_state(link.number, LinkState.OUT_OF_SCOPE)
    assert store.load_ids(["R2"])[0].links[0].state is LinkState.OUT_OF_SCOPE
    store.drop_exchanges("contact", "salesforce", "title")
    assert store.load_ids(["R2"])[0].links[0].exchange == {}
    store.set_busy("salesforce", "Contact", "003A", NOW)
    assert store.load_ids(["R2"])[0].links[0].busy_until == NOW
    store.unlink(link.number)
    assert [each.observation.remote_id for each in store.unlinked("contact", after=0, limit=10)] == ["003A"]
    with pytest.raises(UsageError):
        store.move_link(4711, "R1")


def test_find(store, hand):
    """A record is found by its id, a remote id, a match key in any case, or its exact name."""
    record = hand.record("R1", "003A", "ann@x.example")
    named = {"first_name": cell("Ann"), "last_name": cell("O'Hara")}
    store.save([RecordSaved(replace(record, cells=named), pending=False)])
    for key in ("R1", "003A", " Ann@X.example", "ann o'hara"):
        assert store.find("contact", key) == ["R1"]
    for key in ("ann", "", "nobody", "%"):
        assert store.find("contact", key) == []
    assert store.find("account", "003A") == []


def test_pending_settles(store, hand):
    """A record whose operations are settled is done, unless it waits, one failed, or news came in the meantime."""
    for n in range(4):
        record = hand.record(f"R{n}", f"003{n}", f"p{n}@x.example")
        store.save([RecordSaved(record, pending=True)])
    store.plan("r1", [operation(f"R{n}") for n in range(4)])
    rows = store.operations("r1")
    store.finish([Finished(row.number, Status.SETTLED) for row in rows[:3]])
    store.finish([Finished(rows[3].number, Status.FAILED)])
    hand.page(hand.row("0031", "p1@x.example", Name="news"))
    store.settle_pending("r1", {"R2"})
    left = store.load(store.pending("contact", after=0, limit=10))
    assert [record.id for record in left] == ["R1", "R2", "R3"]
    assert store.mark_pending(records=["R0"]) == 1
    assert store.mark_pending_by_key("contact", "email", [" P0@x.example"]) == 0
    assert (
        store.pending_count() == store.record_count("contact") == len(store.numbers("contact", after=0, limit=9)) == 4
    )


def test_children_are_merged_again_where_a_run_changed_their_parent(store, hand):
    """Only the live children of the parents that this very run changed, by the reference asked for."""
    for name, parent in (("C1", "A1"), ("C2", "A2"), ("C3", None)):
        child = hand.record(name, f"003{name}", f"{name.lower()}@x.example")
        store.save([RecordSaved(replace(child, cells={"account": cell(parent)}), pending=False)])
    store.create_records([NewRecord("A1", "account")])
    store.save([RecordSaved(store.load_ids(["A1"])[0], pending=False, turns=(Turn("name", "Old", "New", "salesforce", "latest"),))], run="r1")  # fmt: skip
    assert store.mark_children("contact", "account", "r2") == 0
    assert store.mark_children("contact", "manager", "r1") == 0
    assert store.mark_children("contact", "account", "r1") == 1
    assert [record.id for record in store.load(store.pending("contact", after=0, limit=9))] == ["C1"]


def test_samples_are_spread(store, hand):
    """The rows that show whose data it is are old and new ones alike; where there are few, all of them."""
    for n in range(50):
        hand.record(f"R{n}", f"003{n:02}", email=f"p{n}@x.example")
    assert [remote_id for _, remote_id in store.samples("salesforce", 5)] == [
        "00309",
        "00319",
        "00329",
        "00339",
        "00349",
    ]
    assert len(store.samples("salesforce", 80)) == 50
    assert store.samples("abmatic") == []

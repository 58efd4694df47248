"""Consent is a lattice: the strictest state known anywhere holds everywhere, and software never lowers it."""

import pytest
from engine_records import at, link, mapped, merged, planned, record, seen, settled, writes
from hypothesis import given
from hypothesis import strategies as st

from sync.engine.consent import is_opt_out, join, strictness
from sync.model.record import HubCell, LinkState
from sync.model.remote import Kind
from sync.model.values import PENDING, SUBSCRIBED, UNSUBSCRIBED

pytestmark = pytest.mark.law("L6")
CONSENT = mapped(
    '[fields.consent]\ntype = "consent"\none = { field = "status", subscribe = true }\n'
    'two = { field = "out", lens = "opt_out_flag" }\nthree = "state"\n'
)
STATES = st.sampled_from([None, SUBSCRIBED, PENDING, UNSUBSCRIBED])


def rest(one=None, two=None, three=None):
    return settled(
        CONSENT,
        one={"email": "a@b.de", "status": one},
        two={"email": "a@b.de", "out": two},
        three={"email": "a@b.de", "state": three},
    )


@given(st.lists(STATES))
def test_the_join_is_the_strictest_whatever_the_order(states):
    """UNSUBSCRIBED beats PENDING beats SUBSCRIBED beats nothing; order and repetition do not matter."""
    assert join(states) == join(sorted(states, key=str)) == join(states + states)
    assert strictness(join(states)) == max(map(strictness, states), default=0)


def test_an_opt_out_anywhere_reaches_everybody():
    """A flag ticked in one system is written to all others, as opt-outs of their own kind."""
    found = merged(seen(rest(SUBSCRIBED, two=False, three=SUBSCRIBED), "two", out=True), CONSENT)
    assert is_opt_out(found.record.cells["consent"].value)
    done = planned(found.record, CONSENT)
    assert writes(done) == {("one", "status"): UNSUBSCRIBED, ("three", "state"): UNSUBSCRIBED}
    assert {op.kind for op in done.operations} == {Kind.SUBSCRIBE}


def test_a_later_opt_in_does_not_lift_an_opt_out():
    """Whatever the times say, an opt-in seen later is out-voted and written over."""
    rec = merged(seen(rest(SUBSCRIBED), "one", status=UNSUBSCRIBED), CONSENT).record
    found = merged(seen(rec, "one", status=SUBSCRIBED, changed_at=at(999)), CONSENT)
    assert is_opt_out(found.record.cells["consent"].value)
    assert writes(planned(found.record, CONSENT))["one", "status"] == UNSUBSCRIBED


def test_opt_out_and_opt_in_in_one_run_is_an_opt_out():
    """Two contrary edits join; the order of the links plays no part."""
    rec = seen(seen(rest(PENDING, two=False, three=PENDING), "one", status=SUBSCRIBED), "three", state=UNSUBSCRIBED)
    assert is_opt_out(merged(rec, CONSENT).record.cells["consent"].value)


def test_the_ledger_binds_a_record_that_says_nothing():
    """An address in the suppression ledger is out, also on a row made anew."""
    rec = record(link("one", {"email": "a@b.de", "status": SUBSCRIBED}))
    cell = merged(rec, CONSENT, suppressed=True).record.cells["consent"]
    assert (cell.value, cell.origin) == (UNSUBSCRIBED, "ledger")


def test_an_unticked_flag_is_no_opt_in():
    """False says nothing: it neither lifts nor makes a state."""
    assert "consent" not in merged(record(link("two", {"email": "a@b.de", "out": False})), CONSENT).record.cells


@pytest.mark.parametrize("why", [{"deleted": True}, {"busy": at(5)}, {"aside": True}, {"state": LinkState.TOMBSTONE}])
def test_the_last_word_of_a_row_that_is_not_read_still_counts(why):
    """An opt-out in the last image of a deleted, doubtful or quarantined row binds the record."""
    rec = record(
        link("one", {"status": SUBSCRIBED}, {"consent": (SUBSCRIBED, 1)}),
        link("three", {"state": UNSUBSCRIBED}, {"consent": (SUBSCRIBED, 1)}, **why),
        consent=SUBSCRIBED,
    )
    assert is_opt_out(merged(rec, CONSENT).record.cells["consent"].value)


@pytest.mark.parametrize("word", ["bounced", "complained", "cleaned"])
def test_final_states_count_as_opt_outs_and_are_never_overwritten(word):
    """A bounce is an opt-out everywhere else and stays a bounce where it happened."""
    found = merged(seen(rest(SUBSCRIBED, two=False, three=SUBSCRIBED), "three", state=word), CONSENT)
    assert is_opt_out(found.record.cells["consent"].value)
    assert ("three", "state") not in writes(planned(found.record, CONSENT))


def test_nobody_is_subscribed_without_being_asked_for():
    """SUBSCRIBED is written only where the column says so, and never by an empty cell's own accord."""
    found = merged(record(link("three", {"email": "a@b.de", "state": SUBSCRIBED})), CONSENT)
    made = {(op.system, c.native): c.after for op in planned(found.record, CONSENT).operations for c in op.changes}
    assert made["one", "status"] == SUBSCRIBED
    assert ("two", "out") not in made


def test_a_create_for_a_suppressed_address_opts_nobody_in():
    """A create after an opt-out carries the opt-out, not a subscription."""
    found = merged(record(link("three", {"email": "a@b.de", "state": SUBSCRIBED})), CONSENT, suppressed=True)
    made = writes(planned(found.record, CONSENT, suppressed=True))
    assert made["one", "status"] == UNSUBSCRIBED
    assert made["two", "out"] is True


def test_a_persons_grant_travels():
    """What a person granted explicitly is written where the column may subscribe."""
    rec = rest(UNSUBSCRIBED, two=True, three=UNSUBSCRIBED)
    cell = rec.cells["consent"]
    granted = HubCell(SUBSCRIBED, cell.version + 1, "operator", "granted")
    found = planned(record(*rec.links, **{**rec.cells, "consent": granted}), CONSENT)
    assert writes(found)["one", "status"] == SUBSCRIBED


@pytest.mark.law("row 148")
@given(
    st.lists(
        st.tuples(st.sampled_from(["one", "two", "three"]), st.sampled_from([SUBSCRIBED, PENDING, UNSUBSCRIBED])),
        max_size=8,
    )
)
def test_consent_never_falls(edits):
    """Through any sequence of edits, each followed by a merge, the record's state only rises."""
    rec, highest = rest(), 0
    for system, state in edits:
        native = {"one": {"status": state}, "two": {"out": state == UNSUBSCRIBED}, "three": {"state": state}}[system]
        rec = merged(seen(rec, system, **native), CONSENT).record
        now = strictness(rec.cells["consent"].value) if "consent" in rec.cells else 0
        assert now >= highest
        highest = now
        laxer = [v for v in writes(planned(rec, CONSENT)).values() if v in (SUBSCRIBED, PENDING, False)]
        assert highest < 3 or not laxer

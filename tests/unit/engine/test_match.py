"""The partner of an unlinked row: found, new, or a question; never a guess."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.engine.match import Claim, Unmatched, Verdict, match

NONE: dict = {}


def row(claims=(), *, stamped=None, deleted=False, more=()):
    return Unmatched("one", "people", "r1", deleted, stamped, [list(claims), *more])


def claim(system, record=None, *, remote_id="x1", deleted=False):
    return Claim(system, "people", remote_id, deleted, record, record is not None)


def slots(**records):
    return {name: frozenset(systems) for name, systems in records.items()}


def test_a_row_that_nobody_knows_is_new():
    """No stamp and no key: a new record."""
    assert match(row(), NONE, NONE).verdict is Verdict.NEW


def test_our_id_in_the_row_beats_every_key():
    """A row that carries our record's id is its row, whatever its keys say."""
    found = match(row([claim("two", "B")], stamped="A"), slots(B={"two"}), NONE)
    assert (found.verdict, found.record) == (Verdict.LINK, "A")


def test_a_second_row_with_our_id_is_a_question():
    """A copied row carries the id of its original: a person must say which is which."""
    found = match(row(stamped="A"), slots(A={"one"}), NONE)
    assert found.verdict is Verdict.AMBIGUOUS
    assert found.candidates == ("one:r1",)


def test_one_record_with_the_key_is_the_partner():
    """A key held by one record elsewhere links."""
    found = match(row([claim("two", "A")]), slots(A={"two"}), NONE)
    assert (found.verdict, found.record) == (Verdict.LINK, "A")


def test_two_rows_here_with_the_key_are_a_question():
    """Two rows of one system that claim one key are shown with all candidates."""
    found = match(row([claim("one", "A", remote_id="r2"), claim("two", "A")]), slots(A={"one", "two"}), NONE)
    assert found.verdict is Verdict.AMBIGUOUS
    assert set(found.candidates) == {"one:r1", "one:r2", "two:x1"}


@pytest.mark.law("row 147")
def test_two_records_with_the_key_are_a_question():
    """A key that two records hold names neither."""
    found = match(row([claim("two", "A"), claim("three", "B")]), slots(A={"two"}, B={"three"}), NONE)
    assert found.verdict is Verdict.AMBIGUOUS


def test_a_deleted_rival_is_none():
    """A row in the bin does not hold its key."""
    found = match(row([claim("one", None, remote_id="r2", deleted=True)]), NONE, NONE)
    assert found.verdict is Verdict.NEW


def test_keys_are_tried_in_their_order():
    """The second key counts only where the first finds nobody."""
    first, second = [claim("two", "A")], [claim("two", "B")]
    known = slots(A={"two"}, B={"two"})
    assert match(row(first, more=[second]), known, NONE).record == "A"
    assert match(row([], more=[second]), known, NONE).record == "B"


@pytest.mark.law("L4")
def test_a_slot_with_a_create_in_doubt_is_occupied():
    """A row that may be our own doubtful create waits for recovery."""
    found = match(row([claim("two", "A")]), slots(A={"two"}), {"A": frozenset({"one"})})
    assert (found.verdict, found.record) == (Verdict.WAIT, "A")


@pytest.mark.law("L5")
def test_a_deleted_row_of_a_record_is_remembered():
    """A deletion seen before the link is a tombstone, so that the row is never made anew."""
    found = match(row([claim("two", "A")], deleted=True), slots(A={"two"}), NONE)
    assert (found.verdict, found.record) == (Verdict.TOMBSTONE, "A")
    assert match(row(stamped="A", deleted=True), slots(A={"two"}), NONE).verdict is Verdict.TOMBSTONE


def test_a_deleted_row_of_nobody_is_ignored():
    """A deleted row without a partner makes no record."""
    assert match(row(deleted=True), NONE, NONE).verdict is Verdict.IGNORE


def test_a_deleted_row_whose_place_is_taken_is_ignored():
    """A dead duplicate of a living link does not bury it."""
    found = match(row([claim("two", "A")], deleted=True), slots(A={"one", "two"}), NONE)
    assert found.verdict is Verdict.IGNORE


CLAIMS = st.lists(
    st.builds(
        claim,
        st.sampled_from(["one", "two", "three"]),
        st.sampled_from([None, "A", "B"]),
        remote_id=st.sampled_from(["r2", "x1", "x2"]),
        deleted=st.booleans(),
    ),
    max_size=5,
)


@pytest.mark.law("L15")
@given(CLAIMS, st.booleans(), st.randoms(use_true_random=False))
def test_the_verdict_does_not_depend_on_the_order_of_the_claims(claims, deleted, dice):
    """Whichever holder is listed first, the verdict is the same."""
    known = {r: frozenset(c.system for c in claims if c.record == r and not c.deleted) for r in ("A", "B")}
    other = list(claims)
    dice.shuffle(other)
    assert match(row(claims, deleted=deleted), known, NONE) == match(row(other, deleted=deleted), known, NONE)


@pytest.mark.law("L4")
@given(CLAIMS)
def test_a_row_is_linked_only_to_the_one_living_record_of_its_key(claims):
    """A link by key is never a choice between two living records, nor between two living rows of the system."""
    known = {r: frozenset(c.system for c in claims if c.record == r and not c.deleted) for r in ("A", "B")}
    found = match(row(claims), known, NONE)
    if found.verdict is Verdict.LINK:
        assert not [c for c in claims if c.system == "one" and not c.deleted]
        assert len({c.record for c in claims if c.record and known[c.record]}) <= 1

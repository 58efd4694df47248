"""Blanks and first contact: what was never there never overwrites; what somebody emptied is an edit."""

import pytest
from engine_records import link, mapped, merged, planned, record, seen, settled, writes

from sync.model.record import Lost

TITLE = '[fields.title]\nblank = "{}"\nconflict = "latest"\none = "title"\ntwo = "title"\n'
CLEAR, KEEP, HOLD = (mapped(TITLE.format(blank)) for blank in ("clear", "keep", "hold"))


def emptied(mapping):
    rec = settled(mapping, one={"email": "a@b.de", "title": "CEO"}, two={"email": "a@b.de", "title": "CEO"})
    found = merged(seen(rec, "one", title=None), mapping)
    return found, planned(found.record, mapping)


def test_clear_lets_an_emptied_value_travel():
    """Under `clear` an emptied field is emptied everywhere."""
    found, done = emptied(CLEAR)
    assert found.record.cells["title"].value is None
    assert writes(done) == {("two", "title"): None}


def test_keep_fills_an_emptied_value_again():
    """Under `keep` the blank has no say and its system gets the value back."""
    found, done = emptied(KEEP)
    assert found.record.cells["title"].value == "CEO"
    assert writes(done) == {("one", "title"): "CEO"}


def test_hold_asks_about_an_emptied_value():
    """Under `hold` nobody is written and a person is asked."""
    found, done = emptied(HOLD)
    assert found.conflicts[0].field == "title"
    assert found.record.cells["title"].value == "CEO"
    assert not done.operations


@pytest.mark.parametrize("blank", [None, "", "   "])
def test_every_kind_of_blank_is_a_blank(blank):
    """Null, an empty text and white space are one thing."""
    rec = settled(CLEAR, one={"email": "a@b.de", "title": "CEO"}, two={"email": "a@b.de", "title": "CEO"})
    assert merged(seen(rec, "one", title=blank), CLEAR).record.cells["title"].value is None


@pytest.mark.parametrize("mapping", [CLEAR, KEEP, HOLD])
def test_a_blank_without_an_exchange_never_wins(mapping):
    """At first contact an empty side is filled, whatever the field says about blanks."""
    found = merged(record(link("one", {"title": None}), link("two", {"title": "CEO"})), mapping)
    assert found.record.cells["title"].value == "CEO"
    assert not found.conflicts
    assert writes(planned(found.record, mapping)) == {("one", "title"): "CEO"}


def test_a_match_key_is_never_emptied():
    """An emptied key is put right from the record."""
    rec = settled(CLEAR, one={"email": "a@b.de"}, two={"email": "a@b.de"})
    found = merged(seen(rec, "one", email=None), CLEAR)
    assert found.record.cells["email"].value == "a@b.de"
    assert writes(planned(found.record, CLEAR)) == {("one", "email"): "a@b.de"}


def test_equal_values_meet_without_a_write():
    """First contact of equals adopts: a version, no turn, no write."""
    found = merged(record(link("one", {"title": "CEO"}), link("two", {"title": "CEO"})), CLEAR)
    assert (found.record.cells["title"].value, found.turns) == ("CEO", [])
    assert not writes(planned(found.record, CLEAR))


@pytest.mark.law("L3")
def test_different_values_meet_in_the_order_of_the_field_never_by_time():
    """At first contact the preferred system wins, even under `latest`, and the loser is kept."""
    from engine_records import at

    rec = record(link("one", {"title": "CEO"}, changed_at=at(1)), link("two", {"title": "VP"}, changed_at=at(99)))
    found = merged(rec, CLEAR)
    assert found.record.cells["title"].value == "CEO"
    assert found.turns[0].lost == (Lost("two", "VP", "prefer"),)


@pytest.mark.law("L3")
def test_a_new_link_does_not_overwrite_what_is_known():
    """A row linked later is first contact for its own system: the record's value stands unless it is preferred."""
    rec = settled(CLEAR, one={"email": "a@b.de", "title": "CEO"})
    rec = record(*rec.links[:1], link("two", {"email": "a@b.de", "title": "VP"}), **rec.cells)
    found = merged(rec, CLEAR)
    assert found.record.cells["title"].value == "CEO"
    assert found.turns[0].lost == (Lost("two", "VP", "prefer"),)


def test_a_system_that_cannot_be_emptied_is_reported_and_left():
    """Where a vendor documents no way to empty a field nothing is sent, and it is told."""
    rec = settled(CLEAR, one={"email": "a@b.de", "title": "CEO"}, two={"email": "a@b.de", "title": "CEO"})
    found = merged(seen(rec, "one", title=None), CLEAR)
    done = planned(found.record, CLEAR, clearable=frozenset({"one"}))
    assert not done.operations
    assert [item[:2] if isinstance(item, tuple) else item for item in done.uncleared]

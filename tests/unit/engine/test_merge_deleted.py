"""What was edited in a row just before it was deleted: it stands elsewhere, where the system shows the row as it last was."""

from dataclasses import replace

import pytest
from engine_records import applied, at, link, mapped, merged, planned, record, seen, settled

from sync.model.record import LinkState, Lost

TITLE = mapped('[fields.title]\none = "title"\ntwo = "title"\nthree = "title"\n')
MANUAL = mapped('[fields.title]\nconflict = "manual"\none = "title"\ntwo = "title"\nthree = "title"\n')


def at_rest(mapping=TITLE, **more):
    return settled(mapping, **{s: {"email": "a@b.de", "title": "CEO", **more} for s in ("one", "two", "three")})


def deleted(rec, system, **last):
    """The record after its row in a system was read as deleted, with these values in its last image."""

    def gone(x):
        return replace(x, state=LinkState.TOMBSTONE, observed=replace(x.observed, deleted=True))

    rec = seen(rec, system, **last)
    return replace(rec, links=tuple(gone(x) if x.system == system else x for x in rec.links))


@pytest.mark.law("L3")
def test_it_becomes_the_value_once():
    """The last edit of a deleted row is the new value; what was done elsewhere afterwards is not beaten by it again."""
    found = merged(deleted(at_rest(), "two", title="VP"), TITLE).record
    assert (found.cells["title"].value, found.cells["title"].origin) == ("VP", "two")
    told = applied(found, planned(found, TITLE).operations)
    later = merged(seen(told, "three", title="CTO", changed_at=at(5)), TITLE).record
    assert later.cells["title"].value == "CTO"
    assert merged(later, TITLE).record.cells["title"].value == "CTO"


@pytest.mark.law("L3")
def test_an_edit_in_a_row_that_lives_goes_before_it():
    """Even a preferred system's: the row is gone. The loser is kept."""
    found = merged(seen(deleted(at_rest(), "one", title="VP"), "three", title="CTO"), TITLE)
    assert found.record.cells["title"].value == "CTO"
    assert found.turns[0].lost == (Lost("one", "VP", "edit"),)


@pytest.mark.law("L3")
@pytest.mark.parametrize("policy", ["", 'conflict = "latest"\n'])
def test_so_does_one_that_is_the_value_already_and_had_not_reached_it(policy):
    """An edit that a run took over, and could not deliver, is not undone by a row that never saw it and is gone."""
    mapping = mapped(f'[fields.title]\n{policy}one = "title"\ntwo = "title"\nthree = "title"\n')
    undelivered = merged(seen(at_rest(mapping), "three", title="CTO", changed_at=at(1)), mapping).record
    found = merged(deleted(undelivered, "two", title="VP", changed_at=at(5)), mapping)
    assert found.record.cells["title"].value == "CTO"
    assert [turn.lost for turn in found.turns] == [(Lost("two", "VP", "edit"),)]


@pytest.mark.law("L3")
def test_under_manual_it_is_a_question_only_where_it_meets_a_value_it_had_not_seen():
    """Alone it is an edit like any other."""
    found = merged(deleted(at_rest(MANUAL), "two", title="VP"), MANUAL)
    assert (found.record.cells["title"].value, found.conflicts) == ("VP", [])


def test_its_key_goes_nowhere():
    """An address that was scrambled before the deletion is nobody's new address."""
    found = merged(deleted(at_rest(), "two", email="deleted@nowhere.example"), TITLE)
    assert found.record.cells["email"].value == "a@b.de"


def test_a_field_it_never_told_fills_a_blank_and_replaces_nothing():
    """A deleted row has no first word against a value that stands."""
    filled = link("two", {"email": "a@b.de", "title": "VP"}, {"email": ("a@b.de", 1)})
    blank = record(link("one", {"email": "a@b.de"}, {"email": ("a@b.de", 1)}), filled, email="a@b.de")
    assert merged(deleted(blank, "two"), TITLE).record.cells["title"].value == "VP"
    stands = record(link("one", {"title": "CEO"}, {"title": ("CEO", 1)}), filled, email="a@b.de", title="CEO")
    assert merged(deleted(stands, "two"), TITLE).record.cells["title"].value == "CEO"


@pytest.mark.parametrize("why", [{"busy_until": at(5)}, {"quarantined": True}, {"state": LinkState.OUT_OF_SCOPE}])
def test_it_says_nothing_while_in_doubt_or_set_aside(why):
    """What a write of ours may have done, what waits for a person, and what is out of scope has no say."""
    rec = deleted(at_rest(), "two", title="VP")
    rec = replace(rec, links=tuple(replace(x, **why) if x.system == "two" else x for x in rec.links))
    assert merged(rec, TITLE).record.cells["title"].value == "CEO"


def test_a_merged_row_was_not_deleted():
    """The row that stays speaks for one that was merged into it."""
    rec = deleted(at_rest(), "two", title="VP")
    into = tuple(
        replace(x, observed=replace(x.observed, merged_into="two-9")) if x.system == "two" else x for x in rec.links
    )
    assert merged(replace(rec, links=into), TITLE).record.cells["title"].value == "CEO"

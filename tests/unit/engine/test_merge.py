"""Ordinary fields: who is in the running, who wins, and what becomes of the losers."""

from datetime import timedelta

import pytest
from engine_records import NOW, applied, at, link, mapped, merged, planned, record, seen, settled

from sync.model.record import HubCell, Lost, Past

TITLE = '[fields.title]\nconflict = "{}"\none = "title"\ntwo = "title"\nthree = "title"\n'
PREFER, LATEST, MANUAL = (mapped(TITLE.format(policy)) for policy in ("prefer", "latest", "manual"))


def at_rest(mapping=PREFER, value="CEO", **more):
    return settled(mapping, **{s: {"email": "a@b.de", "title": value, **more} for s in ("one", "two", "three")})


def test_one_edit_becomes_the_value():
    """What one person changed is a new version of the cell, with its origin, and the value before it is kept."""
    found = merged(seen(at_rest(), "two", title="VP", changed_at=at(3)), PREFER)
    cell = found.record.cells["title"]
    assert (cell.value, cell.version, cell.origin, cell.changed_by) == ("VP", 2, "two", at(3))
    assert [past.value for past in cell.past] == ["CEO"]
    assert [(t.before, t.after, t.origin) for t in found.turns] == [("CEO", "VP", "two")]


@pytest.mark.law("L3")
def test_of_two_edits_the_preferred_wins_and_the_other_is_kept():
    """The loser of a conflict stands in the turn, with its system and the rule that beat it."""
    rec = seen(seen(at_rest(), "two", title="VP"), "one", title="CTO")
    found = merged(rec, PREFER)
    assert found.record.cells["title"].value == "CTO"
    assert found.turns[0].lost == (Lost("two", "VP", "prefer"),)


def test_the_later_of_two_edits_wins_under_latest():
    """Under `latest` the system that is not preferred wins where its change is certainly later."""
    rec = seen(seen(at_rest(LATEST), "one", title="CTO", changed_at=at(1)), "two", title="VP", changed_at=at(9))
    found = merged(rec, LATEST, margins=dict.fromkeys(("one", "two"), timedelta(seconds=5)))
    assert found.record.cells["title"].value == "VP"
    assert found.turns[0].lost == (Lost("one", "CTO", "latest"),)


@pytest.mark.law("L3")
def test_an_edit_whose_author_had_not_seen_the_hub_value_competes_with_it():
    """Somebody who never saw the present value does not silently overwrite it: the hub value is a contender."""
    hub = HubCell("CTO", 5, "one", "edit", past=(Past("CEO", 4, NOW),))
    exchange = {"title": ("CEO", 4)}
    stale = record(
        link("one", {"title": "CTO"}, {"title": ("CTO", 5)}), link("two", {"title": "VP"}, exchange), title=hub
    )
    found = merged(stale, PREFER)
    assert found.record.cells["title"].value == "CTO"
    assert found.turns[0].lost == (Lost("two", "VP", "prefer"),)
    aware = record(link("two", {"title": "VP"}, {"title": ("CTO", 5)}), title=hub)
    assert merged(aware, PREFER).record.cells["title"].value == "VP"


@pytest.mark.law("L3")
def test_a_manual_conflict_asks_and_leaves_everything():
    """Under `manual` the question holds both values, the cell keeps its own, and no exchange moves."""
    rec = seen(seen(at_rest(MANUAL), "two", title="VP"), "one", title="CTO")
    found = merged(rec, MANUAL)
    assert dict(found.conflicts[0].values) == {"one": "CTO", "two": "VP"}
    assert found.record.cells["title"].value == "CEO"
    assert found.record.cells["title"].held == found.conflicts[0].id
    assert found.record.links == rec.links


def test_a_question_stays_the_same_until_somebody_acts():
    """The same values make the same question, run after run; other values another one."""
    rec = seen(seen(at_rest(MANUAL), "two", title="VP"), "one", title="CTO")
    first = merged(rec, MANUAL)
    again = merged(first.record, MANUAL)
    assert again.conflicts[0].id == first.conflicts[0].id
    assert merged(seen(first.record, "two", title="SVP"), MANUAL).conflicts[0].id != first.conflicts[0].id


def test_a_question_is_settled_when_people_agree():
    """Where one side takes the other's value, the conflict closes by itself and the value is that."""
    held = merged(seen(seen(at_rest(MANUAL), "two", title="VP"), "one", title="CTO"), MANUAL).record
    found = merged(seen(held, "two", title="CTO"), MANUAL)
    assert found.settled == ["title"]
    assert (found.record.cells["title"].value, found.record.cells["title"].held) == ("CTO", None)


def test_a_question_is_settled_when_both_take_their_edit_back():
    """Where both sides stand again as they were, nothing is held any more."""
    rec = at_rest(MANUAL)
    held = merged(seen(seen(rec, "two", title="VP"), "one", title="CTO"), MANUAL).record
    found = merged(seen(seen(held, "two", title="CEO"), "one", title="CEO"), MANUAL)
    assert found.settled == ["title"]
    assert found.record.cells["title"].held is None


def test_the_same_edit_twice_is_one():
    """Two people who make the same change make one turn without a loser."""
    found = merged(seen(seen(at_rest(), "two", title="VP"), "one", title="VP"), PREFER)
    assert [(t.after, t.lost) for t in found.turns] == [("VP", ())]


def test_a_change_of_form_only_is_no_edit():
    """An address in other letters is the same address."""
    rec = at_rest()
    assert merged(seen(rec, "one", email="A@B.de"), PREFER).turns == []


@pytest.mark.law("row 142")
@pytest.mark.law("L8")
def test_a_field_that_two_systems_keep_turning_is_frozen_alone():
    """After six turns within a day a value that comes back is held as flapping; other fields go on."""
    mapping = mapped(TITLE.format("prefer") + '[fields.city]\none = "city"\ntwo = "city"\n')
    rec = settled(mapping, **{s: {"email": "a@b.de", "title": "A", "city": "X"} for s in ("one", "two", "three")})
    for turn in range(1, 12):
        found = merged(seen(rec, "one", title="B" if turn % 2 else "A"), mapping, now=NOW + timedelta(minutes=turn))
        if found.conflicts:
            break
        done = planned(found.record, mapping)
        rec = applied(done.record, done.operations)
    assert turn == 7
    assert found.conflicts[0].reason == "flapping"
    assert merged(seen(found.record, "one", city="Y"), mapping).record.cells["city"].value == "Y"


@pytest.mark.law("L8")
def test_seven_different_values_in_a_day_are_no_loop():
    """A field that a busy person sets to ever new values is not frozen."""
    rec = at_rest()
    for number in range(12):
        found = merged(seen(rec, "one", title=f"t{number}"), PREFER)
        rec = found.record
        assert not found.conflicts


def test_a_new_address_that_belongs_to_another_record_is_a_question():
    """An edit of a match key to a key that is taken is held, never followed into a second identity."""
    found = merged(seen(at_rest(), "one", email="taken@b.de"), PREFER, taken=frozenset({"email"}))
    assert found.conflicts[0].reason == "key_taken"
    assert found.record.cells["email"].value == "a@b.de"


OWNED = mapped('[fields.score]\ntype = "integer"\nowner = "one"\none = "score"\ntwo = "score"\n')


def test_only_the_owners_edit_counts():
    """An edit elsewhere changes nothing in the record; the owner's does."""
    rec = settled(OWNED, one={"email": "a@b.de", "score": 3}, two={"email": "a@b.de", "score": 3})
    assert merged(seen(rec, "two", score=9), OWNED).record.cells["score"].value == 3
    assert merged(seen(rec, "one", score=9), OWNED).record.cells["score"].value == 9


def test_the_owner_wins_without_a_conflict():
    """Owner against another: the owner's value, by the rule `owner`."""
    rec = settled(OWNED, one={"email": "a@b.de", "score": 3}, two={"email": "a@b.de", "score": 3})
    found = merged(seen(seen(rec, "two", score=9), "one", score=4), OWNED)
    assert (found.record.cells["score"].value, found.record.cells["score"].rule) == (4, "owner")
    assert not found.conflicts


FILL = mapped('[fields.title]\none = { field = "title", mode = "fill" }\ntwo = "title"\n')


def test_fill_fills_what_is_empty_and_nothing_else():
    """A filling column gives its value to an empty cell and never replaces one."""
    empty = record(link("one", {"title": "VP"}), link("two", {"title": None}))
    assert merged(empty, FILL).record.cells["title"].value == "VP"
    full = settled(FILL, one={"email": "a@b.de", "title": None}, two={"email": "a@b.de", "title": "CEO"})
    assert merged(seen(full, "one", title="VP"), FILL).record.cells["title"].value == "CEO"


SETS = mapped('[fields.tags]\ntype = "multi"\none = "tags"\ntwo = "tags"\nthree = "tags"\n')


def test_sets_merge_by_element():
    """What was added anywhere is in; what was removed and not added is out; nobody loses."""
    rec = settled(SETS, **{s: {"email": "a@b.de", "tags": ["a", "b", "c"]} for s in ("one", "two")})
    found = merged(seen(seen(rec, "one", tags=["a", "b", "c", "d"]), "two", tags=["b", "c", "e"]), SETS)
    assert found.record.cells["tags"].value == ["b", "c", "d", "e"]
    assert found.record.cells["tags"].rule == "sets"


def test_another_order_of_a_set_is_no_edit():
    """Sets have no order."""
    rec = settled(SETS, one={"email": "a@b.de", "tags": ["a", "b"]})
    assert merged(seen(rec, "one", tags=["b", "a"]), SETS).turns == []


BANDS = mapped(
    '[fields.size]\ntype = "integer"\nprefer = ["two", "one"]\none = "size"\n'
    'two = { field = "size", bands = ["1-10", "11-50", "51-200"] }\n'
)


def test_a_coarse_view_of_the_value_is_no_edit():
    """A number within the band that stands elsewhere is not rewritten by it, nor it by the number."""
    rec = settled(BANDS, one={"email": "a@b.de", "size": 20}, two={"email": "a@b.de", "size": "11-50"})
    assert rec.cells["size"].value == 20
    assert merged(seen(rec, "one", size=30), BANDS).record.cells["size"].value == 30


def test_the_exact_of_two_compatible_edits_wins_over_the_coarse():
    """A new number and the band that contains it are one edit, said once exactly and once coarsely."""
    rec = settled(BANDS, one={"email": "a@b.de", "size": 20}, two={"email": "a@b.de", "size": "11-50"})
    found = merged(seen(seen(rec, "one", size=77), "two", size="51-200"), BANDS)
    assert found.record.cells["size"].value == 77
    assert not found.turns[0].lost


LEVEL = mapped(
    '[fields.level]\ntype = "enum"\nvalues = ["High", "Low"]\none = "level"\n'
    'two = { field = "level", values = { hi = "High", lo = "Low" }, else = "hold" }\n'
)


def test_an_unknown_word_is_reported_and_changes_nothing():
    """A word without a meaning is told and leaves the cell and the other systems alone."""
    rec = settled(LEVEL, one={"email": "a@b.de", "level": "High"}, two={"email": "a@b.de", "level": "hi"})
    found = merged(seen(rec, "two", level="medium"), LEVEL)
    assert [(s.link.system, name) for s, name in found.held] == [("two", "level")]
    assert found.record.cells["level"].value == "High"


def test_a_parent_that_is_not_known_yet_is_waited_for(account_of_contact):
    """A reference that cannot be resolved changes nothing and asks for another run."""
    found = merged(record(link("one", {"email": "a@b.de", "company": "c-1"})), account_of_contact)
    assert found.waiting == ["account"]
    assert "account" not in found.record.cells


COMPUTED = mapped(
    '[fields.score]\ntype = "integer"\none = "score"\n'
    '[fields.tier]\ntype = "enum"\nvalues = ["Hot", "Cold"]\ncompute = \'(score ?? 0) >= 50 ? "Hot" : "Cold"\'\n'
    'two = "tier"\n'
)


def test_a_computed_field_follows_its_fields_in_the_same_run():
    """What is computed is computed last, from the values just merged."""
    rec = settled(COMPUTED, one={"email": "a@b.de", "score": 10}, two={"email": "a@b.de", "tier": "Cold"})
    found = merged(seen(rec, "one", score=70), COMPUTED)
    assert (found.record.cells["tier"].value, found.record.cells["tier"].rule) == ("Hot", "compute")

"""What one link says about one field since the last exchange."""

import pytest
from engine_records import Refs, at, link, mapped

from sync.engine.detect import News, detect, readable
from sync.model.record import Exchange, HubCell, LinkState
from sync.model.values import HELD, UNRESOLVED

TITLE = '[fields.title]\none = "title"\ntwo = { field = "title", mode = "write" }\n'
LEVEL = """
[fields.level]
type = "enum"
values = ["High", "Low"]
one = { field = "level", values = { hi = "High", lo = "Low" }, else = "hold" }
"""


def news(x, fields=TITLE, name="title", hub="CTO", refs=None):
    cell = HubCell(hub, 3, "two", "edit") if hub is not None else None
    return detect(x, mapped(fields).fields[name], cell, refs or Refs())


def test_what_equals_the_last_exchange_is_no_news_whatever_the_time():
    """A row whose stamp moved while its value did not says nothing."""
    found = news(link("one", {"title": "CEO"}, {"title": ("CEO", 2)}, changed_at=at(90)))
    assert found.news is News.NOTHING
    assert found.acked == 2


@pytest.mark.law("L7")
def test_our_own_write_seen_again_is_no_news():
    """The value that we sent and then saw is the last exchange: its echo plans nothing."""
    assert news(link("one", {"title": "CTO"}, {"title": Exchange("CTO", "CTO", 3)})).news is News.NOTHING


@pytest.mark.law("row 46")
def test_what_the_server_made_of_our_write_is_no_news():
    """A value that the server cut is compared with what it then held, not with what was sent."""
    assert news(link("one", {"title": "Chief"}, {"title": Exchange("Chief Officer", "Chief", 3)})).news is News.NOTHING


@pytest.mark.parametrize("before", ["CEO", None])
def test_what_agrees_with_the_hub_is_absorbed(before):
    """The same edit made twice is no second edit, with or without an earlier exchange."""
    exchange = {"title": (before, 1)} if before else None
    assert news(link("one", {"title": "CTO"}, exchange)).news is News.ABSORBED


def test_another_value_is_an_edit_that_names_what_its_author_had_seen():
    """An edit carries the version of the cell that was there when it was made."""
    found = news(link("one", {"title": "VP"}, {"title": ("CEO", 2)}))
    assert (found.news, found.value, found.acked) == (News.EDIT, "VP", 2)


def test_a_value_without_an_exchange_is_first_contact():
    """What was never exchanged is not an edit: nobody knows when it was made."""
    assert news(link("one", {"title": "VP"})).news is News.FIRST


@pytest.mark.law("row 43")
def test_a_path_that_is_not_returned_says_nothing():
    """MISSING is not a blank: nothing may be concluded from it."""
    assert news(link("one", {"email": "a@b.de"}, {"title": ("CEO", 2)})).news is News.UNKNOWN


def test_a_null_is_a_blank_that_somebody_made():
    """An explicit null where there was a value is an edit."""
    found = news(link("one", {"title": None}, {"title": ("CEO", 2)}))
    assert (found.news, found.value) == (News.EDIT, None)


def test_null_and_empty_text_are_one_blank():
    """A system that turns null into an empty text has not been edited."""
    assert news(link("one", {"title": ""}, {"title": (None, 2)})).news is News.NOTHING


def test_only_written_cells_have_no_say():
    """A value in a column that is only written is nobody's edit."""
    assert news(link("two", {"title": "VP"})) is None


def test_a_system_that_does_not_map_the_field_has_no_say():
    """No column, no voice."""
    assert news(link("three", {"title": "VP"})) is None


def test_a_word_that_the_mapping_does_not_know_is_held():
    """An unknown word is neither a value nor a blank."""
    found = news(link("one", {"level": "medium"}, {"level": ("hi", 1)}), LEVEL, "level", hub="High")
    assert (found.news, found.value) == (News.HELD, HELD)


def test_a_reference_to_an_unknown_record_says_nothing_yet(account_of_contact):
    """A parent that is not linked yet is waited for."""
    x = link("one", {"company": "acc-9"})
    found = detect(x, account_of_contact.fields["account"], None, Refs())
    assert (found.news, found.value) == (News.UNKNOWN, UNRESOLVED)
    known = detect(x, account_of_contact.fields["account"], None, Refs({("one", "acc-9"): "acc_1"}))
    assert (known.news, known.value) == (News.FIRST, "acc_1")


@pytest.mark.parametrize(
    "x",
    [
        link("one", {}, state=LinkState.TOMBSTONE),
        link("one", {}, state=LinkState.OUT_OF_SCOPE),
        link("one", {}, busy=at(5)),
        link("one", {}, deleted=True),
        link("one", {}, aside=True),
    ],
    ids=["tombstone", "out of scope", "in doubt", "deleted", "set aside"],
)
def test_nothing_is_concluded_from_links_that_are_not_at_rest(x):
    """Tombstones, doubts, deleted and quarantined rows are not read."""
    assert not readable(x)
    assert readable(link("one", {}))

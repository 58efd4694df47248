"""Ghosts: a write of ours that lands after it was given up is nobody's edit."""

from dataclasses import replace

import pytest
from engine_records import link, mapped, merged, planned, record, writes

from sync.model.record import Exchange

TITLE = """
[fields.title]
one = "title"
two = "title"
"""


def late(value):
    """`two` shows what we sent it in vain, while the record went on to version 2."""
    one = link("one", {"email": "a@x.com", "title": "new"}, {"email": ("a@x.com", 1), "title": ("new", 2)})
    two = link("two", {"email": "a@x.com", "title": value}, {"email": ("a@x.com", 1), "title": ("first", 1)})
    rec = record(one, two, email="a@x.com", title="new")
    return replace(rec, cells={**rec.cells, "title": replace(rec.cells["title"], version=2)})


@pytest.mark.law("row 6")
def test_what_lands_late_is_put_right_and_wins_nothing():
    """The record keeps its value, the row is brought back to it."""
    mapping = mapped(TITLE)
    done = merged(late("stale"), mapping, ghosts={("two", "two-2", "title"): ("stale",)})
    assert done.turns == []
    assert done.record.cells["title"].value == "new"
    assert done.record.links[1].exchange["title"] == Exchange("stale", "stale", 1)
    assert writes(planned(done.record, mapping))["two", "title"] == "new"


def test_anything_else_there_is_still_an_edit():
    """Only the very value that was sent is taken for the write."""
    done = merged(late("typed"), mapped(TITLE), ghosts={("two", "two-2", "title"): ("stale",)})
    [turn] = done.turns
    assert {turn.after, *(lost.value for lost in turn.lost)} == {"typed", "new"}

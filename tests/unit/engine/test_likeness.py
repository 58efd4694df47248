"""How like a row is to what a create sent: enough to be it, near enough to ask, or somebody else."""

from datetime import UTC, datetime, timedelta

import pytest
from engine_records import HEAD, loaded

from sync.engine.likeness import edited_since, likeness
from sync.engine.plan import PENDING_REF
from sync.model.remote import Capabilities, NativeRecord

FIELDS = """
[fields.title]
one = "title"
two = "title"
[fields.city]
one = "city"
two = "city"
[fields.size]
type = "integer"
one = "size"
two = { field = "size", bands = ["1-10", "11+"] }
[fields.vip]
type = "boolean"
one = "vip"
two = "vip"
[fields.score]
type = "integer"
owner = "one"
one = "score"
two = { field = "score", mode = "write" }
[fields.region]
one = "region"
two = { field = "region", mode = "read" }
[fields.rank]
type = "integer"
owner = "two"
one = { field = "rank", mode = "write" }
two = "rank"
[fields.consent]
type = "consent"
one = "consent"
two = "consent"
"""
SENT = {"email": "a@x.example", "title": "Chief of staff", "city": "Rome", "size": "11+"}
BLANK = dict.fromkeys(("title", "city", "size", "vip", "score", "region", "rank", "consent"))


@pytest.fixture(scope="module")
def contact():
    return loaded({"contacts.toml": HEAD.replace('three = "email"\n', "").replace(
        '[systems.three]\nobject = "people"\ncreate = true\n', "") + FIELDS}, ("one", "two"))["contact"]  # fmt: skip


@pytest.fixture
def compared(contact):
    def compare(held, sent=SENT, **able):
        system = contact.systems["two"]
        return likeness(contact, system, sent, held, Capabilities(**{"sparse": False, **able}))

    return compare


@pytest.mark.parametrize(
    "held",
    [
        {},
        {"email": "b@y.example"},
        {"email": None},
        {"vip": False},
        {"consent": "UNSUBSCRIBED"},
        {"score": 7},
        {"title": " chief of staff"},
        {"title": "Chief "},
    ],
    ids=[
        "all",
        "another key",
        "no key",
        "a box not ticked",
        "consent",
        "a column that is only written",
        "kept in another case",
        "cut",
    ],
)
def test_nothing_but_the_key_speaks_against_it(compared, held):
    """Keys, consent, boxes that nobody ticked and what the server made of a value do not count."""
    like = compared({**BLANK, **SENT, **held}, lengths={"title": 6})
    assert like.is_full
    assert set(like.same) == {"title", "city", "size"}


@pytest.mark.parametrize(
    "held", [{"city": "Turin"}, {"city": None}, {"size": "1-10"}, {"vip": True}, {"title": "Chief"}]
)
def test_one_value_more_is_another(compared, held):
    """Changed, emptied or added: one such value leaves it near, two make it somebody else."""
    like = compared({**BLANK, **SENT, **held})
    assert (like.is_full, like.is_near, like.is_vague) == (False, True, False)
    twice = compared({**BLANK, **SENT, "city": "Paris", "size": "1-10", "title": "Cook", **held})
    assert not (twice.is_full or twice.is_near or twice.is_vague)


@pytest.mark.parametrize("sent", [{"email": "a@x.example"}, {"email": "a@x.example", "city": "Rome"}])
def test_too_little_was_sent_to_know_anybody_by(compared, sent):
    """Hardly more than the key: a row that holds just that may be it, and never surely; with a value more it is somebody else."""
    like = compared({**BLANK, **sent}, sent)
    assert (like.is_full, like.is_near, like.is_vague) == (False, False, True)
    like = compared({**BLANK, **sent, "title": "Cook"}, sent)
    assert not (like.is_full or like.is_near or like.is_vague)


@pytest.mark.parametrize("held", [{"size": 0}, {"vip": False}, {"region": "EMEA"}, {"rank": 9}])
def test_what_a_system_fills_in_by_itself(compared, held):
    """Zeros, boxes that are not ticked, columns that are only read and fields that the system owns were put there by nobody."""
    sent = {name: value for name, value in SENT.items() if name != "size"}
    assert compared({**BLANK, **sent, **held}, sent).is_full


def test_a_column_that_is_not_shown(compared):
    """It says nothing, unless a column that is not returned was never set there."""
    shown = {name: value for name, value in SENT.items() if name != "city"}
    assert compared(shown).is_full
    assert compared(shown, sparse=True).is_near


def test_a_reference_that_was_bound_when_it_was_sent(compared):
    """What a reference came to is not in the journal: it is not compared."""
    sent = {**SENT, "vip": {PENDING_REF: "acc_1"}}
    assert compared({**BLANK, **SENT, "vip": "row 9"}, sent).is_full


@pytest.mark.parametrize(
    ("created_s", "changed_s", "edited"),
    [(0, 2, True), (5, 6, True), (0, 0, False), (0, None, True), (-2, 2, False), (None, 2, False)],
    ids=[
        "later",
        "much later",
        "as it was made",
        "changes are not told",
        "made before we sent",
        "the making is not told",
    ],
)
def test_a_row_that_was_made_since_and_changed_later_was_edited(created_s, changed_s, edited):
    """Vendors tell whole seconds: what was made in the second of our sending may be ours."""
    sent_at = datetime(2026, 3, 1, 12, 0, 0, 400_000, tzinfo=UTC)

    def at(seconds):
        return None if seconds is None else datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(seconds=seconds)

    row = NativeRecord("people", "1", {}, changed_at=at(changed_s), created_at=at(created_s))
    assert edited_since(sent_at, row) is edited

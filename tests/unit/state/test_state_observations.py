from __future__ import annotations

from dataclasses import replace

import pytest

from sync.model.record import Exchange, LinkState
from sync.model.remote import NativeRecord
from sync.state import NewRecord, Seen, Totals


def one(store, remote_id="003A", system="salesforce"):
    return store.observed(system, "Contact", [remote_id])[remote_id]


def test_page_and_cursor_are_one(store, hand):
    """A page that cannot be stored leaves no row and no cursor behind."""
    hand.page(hand.row("003A", Name="Ann"), cursor="c1")
    broken = Seen(NativeRecord("Contact", "003B", {"Name": object()}))
    with pytest.raises(TypeError):
        hand.page(hand.row("003A", Name="Bob"), broken, cursor="c2")
    assert store.cursor("salesforce", "Contact", "feed") == "c1"
    assert one(store).values == {"Name": "Ann"}
    assert store.observed_count("contact", "salesforce") == 1


def test_unchanged_at(store, hand, clock):
    """A change happened after the row was last seen as it was, however often it was seen in between."""
    hand.page(hand.row("003A", Name="Ann"))
    assert one(store).unchanged_at is None
    for _ in range(3):
        clock.sleep(60)
        assert hand.page(hand.row("003A", Name="Ann")) == 0
    seen = one(store).seen_at
    assert seen == clock.now()
    clock.sleep(60)
    assert hand.page(hand.row("003A", Name="Bob")) == 1
    assert (one(store).unchanged_at, one(store).seen_at) == (seen, clock.now())


def test_same_page_again(store, hand):
    """A page that is read again changes nothing and makes nothing pending, whatever the order of its fields."""
    record = hand.record("R1", "003A", Name="Ann", City="Rome")
    store._write("UPDATE record SET pending = 0")
    row = NativeRecord("Contact", "003A", {"City": "Rome", "Name": "Ann", "Email": "a@x.example"}, version="v2")
    assert hand.page(Seen(row, (("email", "a@x.example"),))) == 0
    assert store.pending("contact", after=0, limit=10) == []
    assert one(store).version == "v2"
    assert record.links[0].observed.version is None


def test_news_makes_pending(store, hand):
    """A changed row makes its record pending, and a row that shows our own write does not."""
    record = hand.record("R1", "003A", Name="Ann")
    store._write("UPDATE record SET pending = 0")
    hand.page(hand.row("003A", "a@x.example", Name="Bob"), news=False)
    assert store.pending("contact", after=0, limit=10) == []
    hand.page(hand.row("003A", "a@x.example", Name="Eve"))
    assert store.pending("contact", after=0, limit=10) == [record.number]
    assert store.unlinked("contact", after=0, limit=10) == []


def test_another_feed_starts_anew(store, hand):
    """The cursor of another feed is not returned, not even after a change there and back; a walk has its own."""

    def cursors(object_="Contact"):
        return [store.cursor("salesforce", object_, feed) for feed in ("one", "one+", "two")]

    for object_, feed in (("Contact", "one"), ("Contact", "one+"), ("Contact", "two"), ("Lead", "one")):
        page = {"cursor": f"of {feed}", "seen_at": hand.clock.now(), "sweep": None}
        store.save_page("contact", "salesforce", object_, feed, [], **page)
    assert cursors() == ["of one", "of one+", "of two"]
    store.keep_cursors("salesforce", "Contact", ["one", "two"])
    assert cursors() == ["of one", "of one+", "of two"]
    store.keep_cursors("salesforce", "Contact", ["two"])
    assert (cursors(), cursors("Lead")) == ([None, None, "of two"], ["of one", None, None])


def test_tombstone_keeps_the_last_image(store, hand):
    """A deleted row keeps what it does not bring, its match keys too, and what it brings counts."""
    hand.page(hand.row("003A", "a@x.example", Name="Ann", OptedOut=False))
    hand.page(Seen(NativeRecord("Contact", "003A", {"OptedOut": True}, deleted=True)))
    assert one(store).deleted
    assert one(store).values == {"Email": "a@x.example", "Name": "Ann", "OptedOut": True}
    assert store.by_key("contact", [("email", "a@x.example")])["email", "a@x.example"][0].deleted
    hand.page(hand.row("003B", "b@x.example"), Seen(NativeRecord("Contact", "003B", {}, deleted=True)))
    assert one(store, "003B").values == {"Email": "b@x.example"}


@pytest.mark.law("L4")
def test_a_key_that_is_not_shown_any_more_is_still_known(store, hand):
    """Of what a row hides the last thing seen holds; of what it shows, what it shows."""

    def holders(*keys):
        return [[h.remote_id for h in found] for found in store.by_key("contact", list(keys)).values()]

    old, phone, new = ("email", "a@x.example"), ("phone", "1"), ("phone", "2")
    hand.page(Seen(NativeRecord("Contact", "003A", {"Email": old[1], "Phone": "1"}), (old, phone)))
    hand.page(Seen(NativeRecord("Contact", "003A", {"Phone": "2"}), (new,), hidden=("email",)))
    assert holders(old, phone, new) == [["003A"], [], ["003A"]]
    hand.page(Seen(NativeRecord("Contact", "003A", {"Email": None, "Phone": "2"}), (new,)))
    assert holders(old, new) == [[], ["003A"]]


def test_matching(store, hand):
    """Unlinked changed rows come with their keys; holders of a key come with their record and link."""
    hand.record("R1", "003A", "a@x.example")
    hand.page(hand.row("abm1", "a@x.example"), hand.row("abm2", "z@x.example"), system="abmatic")
    found = store.unlinked("contact", after=0, limit=10)
    assert [(each.observation.remote_id, each.keys) for each in found] == [
        ("abm1", (("email", "a@x.example"),)),
        ("abm2", (("email", "z@x.example"),)),
    ]
    holders = store.by_key("contact", [("email", "a@x.example"), ("email", "nobody")])
    assert [(h.system, h.record, h.link_state) for h in holders["email", "a@x.example"]] == [
        ("salesforce", "R1", LinkState.LINKED),
        ("abmatic", None, None),
    ]
    assert holders["email", "nobody"] == []
    hand.page(hand.row("003A", "new@x.example"))
    assert [h.system for h in store.by_key("contact", [("email", "a@x.example")])["email", "a@x.example"]] == [
        "abmatic"
    ]
    store.mark_clean([found[0].observation.number])
    assert [each.observation.remote_id for each in store.unlinked("contact", after=0, limit=10)] == ["abm2"]


def test_absence(store, hand):
    """A row counts as deleted after it was absent in two runs in a row; being seen in between starts anew."""
    hand.page(hand.row("003A", "a@x.example"), hand.row("003B"), sweep="s1")
    hand.page(hand.row("003B"), sweep="s2")
    missing = store.not_in_sweep("contact", "salesforce", "Contact", "s2", after=0, limit=10)
    assert [each.remote_id for each in missing] == ["003A"]
    numbers = [missing[0].number]
    assert store.mark_absent(numbers, run="r2", times=2) == []
    assert store.mark_absent(numbers, run="r2", times=2) == []
    hand.page(hand.row("003A", "a@x.example"), sweep="s3")
    assert store.mark_absent(numbers, run="r4", times=2) == []
    assert store.mark_absent(numbers, run="r5", times=2) == numbers
    assert one(store).deleted
    assert store.totals() == {("contact", "salesforce"): Totals(1, 0)}


@pytest.mark.law("row 48")
def test_odd_values(store, hand):
    """Half an emoji, a huge number or a control character in one row stops neither the page nor the row."""
    odd = {"Name": "Jane \ud83d", "Big": 2**80, "Nul": "a\0b", "List": [{"x": None}], "Float": 1.5}
    hand.page(
        Seen(NativeRecord("Contact", "003A", odd), (("name", "jane \ud83d"), ("city", "zürich"))), hand.row("003B")
    )
    assert one(store).values == odd
    odd_key = ("name", "jane \ud83d")
    found = store.by_key("contact", [("city", "zürich"), odd_key])
    assert (len(found["city", "zürich"]), found[odd_key]) == (1, [])
    assert hand.page(Seen(NativeRecord("Contact", "003A", odd))) == 0


def test_fates(store, hand):
    """A row merged away hands its link to the winner at the end of the chain; a deleted row that returns has it back."""
    hand.record("R1", "003A", "a@x.example")
    hand.page(hand.row("003C", "c@x.example"))
    gone = [
        Seen(NativeRecord("Contact", a, {}, deleted=True, merged_into=b))
        for a, b in (("003A", "003B"), ("003B", "003C"))
    ]
    hand.page(*gone)
    loser, winner = hand.number("003A"), hand.number("003C")
    assert store.merged_rows("contact") == [(loser, winner)]
    store.relink(loser, winner)
    assert (store.record_of_row(winner), store.record_of_row(loser)) == ("R1", None)
    hand.page(Seen(NativeRecord("Contact", "003C", {}, deleted=True)))
    assert store.bury_deleted("contact") == 1
    assert store.is_buried("salesforce", "R1")
    assert store.remote_ids([("salesforce", "R1")]) == {}
    hand.page(hand.row("003C", "c@x.example"))
    assert store.revive_undeleted("contact") == 1
    assert store.remote_ids([("salesforce", "R1")]) == {("salesforce", "R1"): "003C"}
    store.bury_rows([("Contact", "salesforce", "003C")])
    assert one(store, "003C").deleted
    assert not store.is_linked("salesforce", "Contact", "003A")


def test_deleted_rows_are_linked_as_tombstones(store, hand):
    """A row that is deleted when it is linked keeps its slot without being alive."""
    hand.page(Seen(NativeRecord("Contact", "003A", {}, deleted=True)))
    store.create_records([NewRecord("R1", "contact", (hand.number("003A"),))])
    assert store.load_ids(["R1"])[0].links[0].state is LinkState.TOMBSTONE


@pytest.mark.parametrize(
    ("held", "twin"),
    [
        ({"Name": "Ann \u00dcber", "City": "Rome"}, True),
        ({"City": "Rome", "Name": "Ann \u00dcber", "Title": "CTO"}, True),
        ({"Name": "Ann \u00dcber", "City": "Rom"}, False),
        ({"Name": "Ann \u00dcber"}, False),
        ({"Name": "Rome", "City": "Ann \u00dcber"}, False),
        ({}, False),
    ],
)
def test_a_twin_holds_all_the_values(store, hand, held, twin):
    """Another row is one's twin if it holds every value under the same path, whatever else it holds."""
    hand.page(hand.row("003A", Name="Ann \u00dcber", City="Rome"), hand.row("003B", **held))
    assert store.has_twin(one(store), {"Name": "Ann \u00dcber", "City": "Rome"}, "R1") is twin


@pytest.mark.parametrize(
    "value", [True, 0, 1.5, ["b", "a"], "a \ud800 half", '"quoted" \\ text', "x" * 32_000, "\U0001f600"]
)
def test_a_twin_by_any_value(store, hand, value):
    """Truths, numbers, lists and odd texts are compared like all others."""
    hand.page(hand.row("003A", Name=value), hand.row("003B", Name=value), hand.row("003C", Name="else"))
    assert store.has_twin(one(store), {"Name": value}, "R1")
    assert not store.has_twin(one(store, "003C"), {"Name": "else"}, "R1")


def test_who_is_no_twin(store, hand):
    """A deleted row, a row of the record itself and a row of another system are none."""
    hand.record("R1", "003B", Name="Ann")
    hand.page(hand.row("003A", Name="Ann"))
    hand.page(hand.row("9", Name="Ann"), system="abmatic")
    hand.page(Seen(NativeRecord("Contact", "003D", {"Name": "Ann"}, deleted=True)))
    assert not store.has_twin(one(store), {"Name": "Ann"}, "R1")
    assert store.has_twin(one(store), {"Name": "Ann"}, "R2")


@pytest.mark.parametrize(("alike", "gone"), [(True, False), (False, False), (True, True)])
def test_a_row_under_a_new_address_succeeds_another(store, hand, alike, gone):
    """It takes the link over, with what was exchanged where it was made of the other one; the former row stays linked, or is gone."""
    record = hand.record("R1", "003A", "a@x.example")
    [link] = record.links
    store.save_links([replace(link, exchange={"title": Exchange("CTO", "CTO", 1)})])
    hand.page(hand.row("003B", "b@x.example"))
    for _ in range(2):
        store.succeed(hand.number("003A"), hand.number("003B"), alike=alike, gone=gone)
    links = {link.observed.remote_id: link for link in store.load_ids(["R1"])[0].links}
    states = {name: link.state for name, link in links.items()}
    assert states == {"003A": LinkState.FORMER, "003B": LinkState.LINKED}
    assert dict(links["003B"].exchange) == (dict(links["003A"].exchange) if alike else {})
    assert links["003A"].observed.deleted is gone
    store.bury_deleted("contact")
    assert store.revive_undeleted("contact") == 0
    assert store.unlinked("contact", after=0, limit=10) == []


def test_a_row_of_another_record_succeeds_nobody(store, hand):
    """Two people who come to have one address are a question, and stay two."""
    hand.record("R1", "003A", "a@x.example")
    hand.record("R2", "003B", "b@x.example")
    store.succeed(hand.number("003A"), hand.number("003B"), alike=True, gone=False)
    rows = {
        name: [(x.observed.remote_id, x.state.value) for x in store.load_ids([name])[0].links] for name in ("R1", "R2")
    }
    assert rows == {"R1": [("003A", "linked")], "R2": [("003B", "linked")]}

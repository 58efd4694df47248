"""What the dashboard looks back at: records by part of a value, opt-outs and where they have arrived, counts of what waits."""

from dataclasses import replace
from datetime import timedelta

from sync.model.record import Change, HubCell, Operation, Status, Turn
from sync.model.remote import Kind
from sync.state import Finished, RecordSaved, Waiting


def known(hand, name, **values):
    """A record with these values in its cells."""
    record = hand.record(name, f"003{name}", f"{name}@x.example")
    cells = {field: HubCell(value, 1, "salesforce", "first") for field, value in values.items()}
    hand.store.save([RecordSaved(replace(record, cells=cells), pending=False)], run="r")


def test_part_of_a_value_is_enough(hand):
    """A record is found by any part of any value, in any case; not by the words around its values."""
    known(hand, "a", title="Chief Example Officer", city="Zürich")
    known(hand, "b", title="Engineer", tags=["Blue", "Green"])
    find = lambda text: hand.store.matching("contact", text, 10)  # noqa: E731
    assert find("example off") == ["a"]
    assert find("  EXAMPLE  ") == ["a"]
    assert find("green") == ["b"]
    assert find("zürich") == ["a"]
    assert find("salesforce") == []
    assert find("first") == []
    assert find('"') == []
    assert find("%") == []
    assert find("") == []
    assert hand.store.matching("account", "example", 10) == []


def test_no_more_are_looked_for_than_asked(hand):
    """The oldest so many are answered."""
    for name in "abcd":
        known(hand, name, title="Same")
    assert hand.store.matching("contact", "same", 2) == ["a", "b"]


def opted_out(hand, run="r1"):
    """A record whose opt-out was heard of in a run; when it was given is 30 s earlier."""
    record = hand.record("a", "003A")
    began = hand.clock.now() - timedelta(seconds=30)
    cell = HubCell("UNSUBSCRIBED", 2, "salesforce", "consent", changed_by=began)
    hand.store.start_run(run, "sync", full=False, entities=["contact"])
    turn = Turn("subscription", "SUBSCRIBED", "UNSUBSCRIBED", "salesforce", "consent")
    hand.store.save([RecordSaved(replace(record, cells={"subscription": cell}), pending=False, turns=(turn,))], run=run)
    return began


def planned(hand, system, field="subscription", run="r1"):
    change = Change(field, "native", None, "x", "salesforce", "consent", 2)
    hand.store.plan(run, [Operation("contact", "a", system, "contacts", Kind.SUBSCRIBE, "1", (change,), "consent")])
    return hand.store.operations(run, system=system)[-1].number


def deliveries(hand):
    return hand.store.deliveries(["subscription"], "UNSUBSCRIBED", hand.clock.now() - timedelta(days=7))


def test_an_opt_out_is_followed_until_it_is_everywhere(hand):
    """It began when the person gave it, has arrived where it was settled, and waits where it was not."""
    began = opted_out(hand)
    first, second = planned(hand, "abmatic"), planned(hand, "conversion")
    planned(hand, "activecampaign", field="title")
    [one] = deliveries(hand)
    assert (one.record, one.field, one.began_at) == ("a", "subscription", began)
    assert (one.arrived, one.waiting) == ({}, {"abmatic", "conversion"})
    hand.clock.sleep(10)
    at = hand.clock.now()
    hand.store.finish([Finished(first, Status.SETTLED), Finished(second, Status.FAILED)])
    [one] = deliveries(hand)
    assert (one.arrived, one.waiting) == ({"abmatic": at}, {"conversion"})
    hand.clock.sleep(60)
    hand.store.start_run("r2", "sync", full=False, entities=["contact"])
    hand.store.finish([Finished(planned(hand, "conversion", run="r2"), Status.SETTLED)])
    [one] = deliveries(hand)
    assert (one.arrived["conversion"], one.waiting) == (hand.clock.now(), frozenset())


def test_only_opt_outs_of_the_time_asked_for(hand):
    """Other fields, other values and older runs are not told."""
    opted_out(hand)
    assert hand.store.deliveries(["title"], "UNSUBSCRIBED", hand.clock.now()) == []
    assert hand.store.deliveries(["subscription"], "SUBSCRIBED", hand.clock.now() - timedelta(days=7)) == []
    hand.clock.sleep(8 * 86400)
    assert deliveries(hand) == []


def test_what_waits_is_counted(hand):
    """Events that nobody has handled, with the age of the oldest; conflicts and quarantine."""
    assert hand.store.waiting_events() == Waiting(0, None)
    assert hand.store.open_counts() == (0, 0)
    at = hand.clock.now()
    hand.store.receive("abmatic", "1", "contact.revealed", "{}")
    hand.clock.sleep(5)
    hand.store.receive("abmatic", "2", "contact.revealed", "{}")
    assert hand.store.waiting_events() == Waiting(2, at)
    hand.store.handled([event.number for event in hand.store.waiting()])
    assert hand.store.waiting_events() == Waiting(0, None)


def test_runs_of_a_time_are_the_newest_first(hand):
    """Runs since a moment, newest first, at most so many."""
    for name in ("r1", "r2", "r3"):
        hand.store.start_run(name, "sync", full=False, entities=[])
        hand.clock.sleep(60)
    since = hand.clock.now() - timedelta(seconds=125)
    assert [run.run for run in hand.store.runs_since(since, 10)] == ["r3", "r2"]
    assert [run.run for run in hand.store.runs_since(since, 1)] == ["r3"]

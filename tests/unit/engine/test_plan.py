"""The writes that are due, and the many reasons for writing nothing."""

import pytest
from engine_records import Refs, applied, at, link, mapped, merged, planned, record, seen, settled, writes

from sync.engine.plan import PENDING_REF
from sync.engine.refusals import create_hash, payload_hash
from sync.model.record import Exchange, HubCell, LinkState
from sync.model.remote import Kind
from sync.model.values import MISSING

TITLE = mapped(
    '[fields.title]\none = "title"\ntwo = "title"\nthree = "title"\n[fields.city]\none = "city"\ntwo = "city"\n'
)
EVERYWHERE = ("one", "two", "three")


def rest():
    return settled(TITLE, **{s: {"email": "a@b.de", "title": "CEO", "city": "Ulm"} for s in EVERYWHERE})


@pytest.mark.law("L2")
def test_a_record_at_rest_plans_nothing():
    """No news, no writes."""
    assert not planned(merged(rest(), TITLE).record, TITLE).operations


def test_only_the_changed_field_travels_to_whom_it_concerns():
    """An edit is written to the other systems, and nothing but the edited field."""
    found = merged(seen(rest(), "one", title="VP"), TITLE)
    done = planned(found.record, TITLE)
    assert writes(done) == {("two", "title"): "VP", ("three", "title"): "VP"}


@pytest.mark.law("L16")
def test_a_change_names_before_after_origin_and_rule():
    """Every planned change tells what stood there, what will, where it comes from and why."""
    found = merged(seen(rest(), "one", title="VP"), TITLE)
    change = planned(found.record, TITLE).operations[0].changes[0]
    assert (change.before, change.after, change.origin, change.rule, change.version) == ("CEO", "VP", "one", "edit", 2)


@pytest.mark.law("L3")
def test_an_unmerged_change_is_never_written_over():
    """Where a row shows a value that no merge has seen, nothing is planned for that field."""
    rec = merged(seen(rest(), "one", title="VP"), TITLE).record
    done = planned(seen(rec, "two", title="unmerged"), TITLE)
    assert set(writes(done)) == {("three", "title")}


@pytest.mark.law("L3")
def test_a_row_that_was_never_exchanged_is_not_written_over():
    """Without an exchange a value that stands there was never merged."""
    rec = record(link("two", {"title": "mine"}), title=HubCell("VP", 2, "one", "edit"))
    assert not writes(planned(rec, TITLE))


def test_a_field_in_question_is_written_nowhere():
    """A held cell waits for a person."""
    rec = record(link("two", {"title": "CEO"}, {"title": ("CEO", 1)}), title=HubCell("VP", 2, "one", "edit", held="c1"))
    assert not writes(planned(rec, TITLE))


def test_what_the_system_cannot_hold_better_is_not_repeated():
    """A value that was sent and came back shorter is settled."""
    cut = {"title": Exchange("Chief Officer", "Chief", 1)}
    rec = record(link("two", {"title": "Chief"}, cut), title=HubCell("Chief Officer", 1, "one", "edit"))
    assert not writes(planned(rec, TITLE))


def test_a_refused_payload_is_not_repeated_and_another_is():
    """A permanent rejection is remembered by the value that was refused."""
    refused = {"title": Exchange("CEO", "CEO", 1, rejected=payload_hash("VP"))}
    rec = record(link("two", {"title": "CEO"}, refused), title=HubCell("VP", 2, "one", "edit"))
    assert not writes(planned(rec, TITLE))
    rec = record(link("two", {"title": "CEO"}, refused), title=HubCell("SVP", 3, "one", "edit"))
    assert writes(planned(rec, TITLE)) == {("two", "title"): "SVP"}


@pytest.mark.parametrize(
    "why", [{"busy": at(5)}, {"deleted": True}, {"aside": True}, {"state": LinkState.OUT_OF_SCOPE}]
)
def test_nothing_is_planned_on_top_of_doubt(why):
    """A link in doubt, deleted, set aside or out of scope gets no write."""
    rec = record(link("two", {"title": "CEO"}, {"title": ("CEO", 1)}, **why), title=HubCell("VP", 2, "one", "edit"))
    assert not planned(rec, TITLE, creatable=frozenset()).operations


def test_a_system_that_may_not_be_written_now_is_left():
    """A system out of this run gets nothing; the others get theirs."""
    rec = merged(seen(rest(), "one", title="VP"), TITLE).record
    assert set(writes(planned(rec, TITLE, writable=frozenset({"three"})))) == {("three", "title")}


def test_a_path_that_is_not_returned_is_not_written_over():
    """MISSING where something was known: nobody knows what stands there now."""
    rec = record(link("two", {"email": "a@b.de"}, {"title": ("CEO", 1)}), title=HubCell("VP", 2, "one", "edit"))
    assert ("two", "title") not in writes(planned(rec, TITLE))


def test_a_system_that_shows_nothing_is_told_an_edit_once():
    """Where no column is ever shown, what was sent last is what stands there: an edit goes out, and not again."""
    rec = record(link("two", {"email": "a@b.de"}, {"title": ("CEO", 1)}), title=HubCell("VP", 2, "one", "edit"))
    blind = {"unread": frozenset({"two"}), "sparse": frozenset({"two"})}
    assert writes(planned(rec, TITLE, **blind)) == {("two", "title"): "VP"}
    rec = record(link("two", {"email": "a@b.de"}, {"title": ("VP", 1)}), title=HubCell("VP", 2, "one", "edit"))
    assert not writes(planned(rec, TITLE, **blind))


CONSENT = mapped(
    '[fields.subscription]\ntype = "consent"\none = "status"\ntwo = { field = "status", subscribe = true }\n'
)


@pytest.mark.law("L6")
@pytest.mark.parametrize("unread", [True, False])
@pytest.mark.parametrize("told", [None, "SUBSCRIBED"])
def test_an_opt_out_is_told_where_nothing_is_shown(told, unread):
    """A state that is hidden cannot be stricter than an opt-out, whatever was told before; it is told once."""
    around = {"sparse": frozenset({"two"}), "unread": frozenset({"two"} if unread else ())}
    known = {} if told is None else {"subscription": (told, 1)}
    rec = record(link("two", {"email": "a@b.de"}, known), subscription=HubCell("UNSUBSCRIBED", 2, "one", "consent"))
    assert writes(planned(rec, CONSENT, **around)) == {("two", "status"): "UNSUBSCRIBED"}
    out = {"subscription": ("UNSUBSCRIBED", 2)}
    rec = record(link("two", {"email": "a@b.de"}, out), subscription=HubCell("UNSUBSCRIBED", 2, "one", "consent"))
    assert not writes(planned(rec, CONSENT, **around))


@pytest.mark.law("L6")
@pytest.mark.parametrize(("rule", "sent"), [("consent", False), ("granted", True)])
def test_nobody_is_opted_in_where_nobody_can_look(rule, sent):
    """In a system that shows nothing only a person's own word opts somebody in."""
    around = {"sparse": frozenset({"two"}), "unread": frozenset({"two"})}
    for known in ({}, {"subscription": ("UNSUBSCRIBED", 1)}):
        rec = record(link("two", {"email": "a@b.de"}, known), subscription=HubCell("SUBSCRIBED", 2, "one", rule))
        assert bool(writes(planned(rec, CONSENT, **around))) == sent


BANDS = mapped('[fields.size]\ntype = "integer"\none = "size"\ntwo = { field = "size", bands = ["1-10", "11-50"] }\n')


@pytest.mark.law("L12")
def test_a_band_that_still_means_the_value_is_left_alone():
    """A number that moves within its band writes no band."""
    rec = settled(BANDS, one={"email": "a@b.de", "size": 20}, two={"email": "a@b.de", "size": "11-50"})
    found = merged(seen(rec, "one", size=30), BANDS)
    assert not writes(planned(found.record, BANDS))
    found = merged(seen(rec, "one", size=5), BANDS)
    assert writes(planned(found.record, BANDS)) == {("two", "size"): "1-10"}


WORDS = mapped(
    '[fields.level]\ntype = "enum"\nvalues = ["High", "Low"]\none = "level"\n'
    'two = { field = "level", values = { hi = "High" }, else = "hold" }\n'
)


def test_a_value_without_a_word_there_is_told():
    """A system that has no word for the value is not written and a person hears of it."""
    rec = settled(WORDS, one={"email": "a@b.de", "level": "High"}, two={"email": "a@b.de", "level": "hi"})
    done = planned(merged(seen(rec, "one", level="Low"), WORDS).record, WORDS)
    assert not writes(done)
    assert [(x.system, name) for x, name in done.wordless] == [("two", "level")]


OWNED = mapped('[fields.score]\ntype = "integer"\nowner = "one"\none = "score"\ntwo = "score"\n')


def test_what_was_changed_beside_the_owner_is_put_right():
    """An edit elsewhere of an owned field is written over with the owner's value."""
    rec = settled(OWNED, one={"email": "a@b.de", "score": 3}, two={"email": "a@b.de", "score": 3})
    found = merged(seen(rec, "two", score=9), OWNED)
    assert writes(planned(found.record, OWNED)) == {("two", "score"): 3}


# creates -----------------------------------------------------------------------------------------------------------------


def test_a_record_is_made_where_it_is_not():
    """A create carries all values of the record, for every system that makes records and has none."""
    found = merged(record(link("one", {"email": "a@b.de", "title": "CEO", "city": None})), TITLE)
    done = planned(found.record, TITLE)
    assert {op.system for op in done.operations} == {"two", "three"}
    assert {op.kind for op in done.operations} == {Kind.CREATE}
    assert writes(done)["two", "title"] == "CEO"
    assert ("two", "city") not in writes(done)


def test_without_a_required_field_nothing_is_made():
    """A record that lacks its e-mail is created nowhere."""
    found = merged(record(link("one", {"email": None, "title": "CEO"})), TITLE)
    assert not planned(found.record, TITLE).operations


def test_a_required_field_in_question_makes_nothing():
    """While a person must choose the required field, no row is made with either value."""
    rec = record(link("one", {"email": "a@b.de"}), email=HubCell("a@b.de", 1, "one", "edit", held="c1"))
    assert not planned(rec, TITLE).operations


@pytest.mark.law("L5")
@pytest.mark.parametrize("system", ["one", "two"])
def test_nothing_is_made_for_a_record_with_a_tombstone(system):
    """What was deleted anywhere is not made anew, there or elsewhere."""
    other = "one" if system == "two" else "two"
    rec = record(
        link(other, {"email": "a@b.de"}, {"email": ("a@b.de", 1)}),
        link(system, {"email": "a@b.de"}, {"email": ("a@b.de", 1)}, state=LinkState.TOMBSTONE, deleted=True),
        email="a@b.de",
    )
    assert not planned(rec, TITLE).operations


@pytest.mark.law("L4")
def test_a_slot_in_doubt_is_not_filled_twice():
    """While a create is in doubt no second one is planned there."""
    from dataclasses import replace

    rec = merged(record(link("one", {"email": "a@b.de"})), TITLE).record
    done = planned(replace(rec, occupied=frozenset({"two"})), TITLE)
    assert {op.system for op in done.operations} == {"three"}


@pytest.mark.law("L4")
def test_a_key_held_by_a_stranger_is_a_question_not_a_create():
    """Where an unlinked row holds the key already, a person must say whether it is the partner."""
    rec = merged(record(link("one", {"email": "a@b.de"})), TITLE).record
    done = planned(rec, TITLE, rivals={"two": ("two:x9",)})
    assert done.questions == [("two", ("two:x9",))]
    assert {op.system for op in done.operations} == {"three"}


def test_a_refused_create_is_not_repeated_until_it_changes():
    """The same payload is not sent again; another is."""
    rec = merged(record(link("one", {"email": "a@b.de", "title": "CEO"})), TITLE).record
    refused = create_hash(next(op for op in planned(rec, TITLE).operations if op.system == "two").changes)
    assert {op.system for op in planned(rec, TITLE, refused={"two": refused}).operations} == {"three"}
    changed = merged(seen(rec, "one", title="VP"), TITLE).record
    assert {op.system for op in planned(changed, TITLE, refused={"two": refused}).operations} == {"two", "three"}


def test_the_condition_decides_about_a_create_alone(warm_contacts):
    """`when` holds back a create until it is true, by the fields of the record's parent too."""
    rec = record(link("one", {"email": "a@b.de", "company": "c-1"}))
    refs = Refs({("one", "c-1"): "acc", ("two", "C1"): "acc"})
    rec = merged(rec, warm_contacts, refs=refs).record
    cold = planned(rec, warm_contacts, refs=refs, related={"account": {"score": 10}})
    warm = planned(rec, warm_contacts, refs=refs, related={"account": {"score": 80}})
    assert not cold.operations
    assert writes(warm)["two", "company"] == "C1"


# references --------------------------------------------------------------------------------------------------------------


@pytest.mark.law("row 146")
def test_a_child_waits_for_its_parent(account_of_contact):
    """Where the parent has no row yet the child is not made, and the record is looked at again."""
    refs = Refs({("one", "c-1"): "acc"})
    rec = merged(record(link("one", {"email": "a@b.de", "company": "c-1"})), account_of_contact, refs=refs).record
    done = planned(rec, account_of_contact, refs=refs, creatable=frozenset({"two"}))
    assert not done.operations
    assert done.waiting == ["two"]


def test_a_child_is_planned_behind_a_parent_that_this_run_makes(account_of_contact):
    """A parent made in the same run is named by its record and bound when it is there."""
    refs = Refs({("one", "c-1"): "acc"})
    rec = merged(record(link("one", {"email": "a@b.de", "company": "c-1"})), account_of_contact, refs=refs).record
    done = planned(rec, account_of_contact, refs=refs, creatable=frozenset({"two"}), coming={("two", "acc")})
    assert writes(done)["two", "company"] == {PENDING_REF: "acc"}


def test_a_child_does_not_wait_for_a_parent_that_will_never_be(account_of_contact):
    """Where the parent is not made at all, the child goes without it."""
    refs = Refs({("one", "c-1"): "acc"})
    rec = merged(record(link("one", {"email": "a@b.de", "company": "c-1"})), account_of_contact, refs=refs).record
    done = planned(rec, account_of_contact, refs=refs, creatable=frozenset({"two"}), barred={("two", "acc")})
    assert writes(done) == {("two", "email"): "a@b.de"}


# deletes -----------------------------------------------------------------------------------------------------------------

DELETING = mapped(
    '[fields.title]\none = "title"\ntwo = "title"\n',
    """
entity = "contact"
[match]
keys = ["email"]
[systems.one]
object = "people"
[systems.two]
object = "people"
deleted = "delete"
[fields.email]
type = "email"
required = true
one = "email"
two = "email"
""",
)


def buried(mapping=DELETING, *, edited=False):
    values = {"email": "a@b.de", "title": "CEO"}
    rec = settled(mapping, one=values, two=values)
    if edited:
        rec = merged(seen(rec, "two", title="VP"), mapping).record
    from dataclasses import replace

    links = [
        replace(x, state=LinkState.TOMBSTONE, observed=replace(x.observed, deleted=True)) if x.system == "one" else x
        for x in rec.links
    ]
    return replace(rec, links=tuple(links))


@pytest.mark.law("L5")
def test_a_deletion_stays_where_it_happened_by_default():
    """Under `ignore` the other systems keep their rows."""
    assert not planned(buried(TITLE), TITLE, creatable=frozenset()).operations


def test_a_deletion_travels_where_the_mapping_says_so():
    """Under `delete` the partner goes too, with the reason."""
    (op,) = planned(buried(), DELETING).operations
    assert (op.kind, op.system, op.reason) == (Kind.DELETE, "two", "deleted in one")


@pytest.mark.law("L3")
def test_a_deletion_against_a_newer_edit_is_a_question():
    """A row that was edited after what the deleted one had been told is not deleted; a person decides."""
    done = planned(buried(edited=True), DELETING)
    assert not done.operations
    assert [(x.system, gone) for x, gone in done.doubtful] == [("two", "one")]


def test_a_system_that_cannot_delete_is_left():
    """Where the API deletes nothing, no deletion is planned."""
    assert not planned(buried(), DELETING, deletable=frozenset()).operations


def test_a_merged_row_is_no_deletion():
    """A row that became another in its system takes nobody with it."""
    from dataclasses import replace

    rec = buried()
    links = [replace(x, observed=replace(x.observed, merged_into="r9")) if x.system == "one" else x for x in rec.links]
    assert not planned(replace(rec, links=tuple(links)), DELETING).operations


@pytest.mark.law("L1")
def test_a_plan_that_was_carried_out_leaves_nothing_to_do():
    """After the writes of a plan the next plan is empty, also where a server cuts what it gets."""
    found = merged(seen(rest(), "one", title="Chief Executive"), TITLE)
    done = planned(found.record, TITLE)
    for keeps in (lambda s, n, v: v, lambda s, n, v: v[:5] if isinstance(v, str) else v):
        after = applied(done.record, done.operations, keeps)
        from dataclasses import replace

        links = tuple(
            replace(
                x,
                exchange={
                    name: replace(e, seen=x.observed.values.get(TITLE.fields[name].cells[x.system].path, MISSING))
                    for name, e in x.exchange.items()
                },
            )
            for x in after.links
        )
        again = merged(replace(after, links=links), TITLE)
        assert not planned(again.record, TITLE).operations

"""The laws that hold for every record, whatever happened to it: seeded by random lives of one record in three systems."""

from dataclasses import replace

import pytest
from engine_records import HEAD, NOW, applied, at, link, mapped, merged, planned, record, seen, settled
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sync.model.record import LinkState
from sync.model.values import UNSUBSCRIBED, is_blank

FIELDS = """
[fields.title]
conflict = "latest"
prefer = ["one", "two", "three"]
one = "title"
two = "title"
three = "title"
[fields.city]
conflict = "manual"
blank = "hold"
one = "city"
two = "city"
[fields.size]
type = "integer"
prefer = ["three", "two", "one"]
one = "size"
two = { field = "size", bands = ["1-10", "11-50", "51-200"] }
three = "size"
[fields.score]
type = "integer"
owner = "two"
one = "score"
two = "score"
[fields.tags]
type = "multi"
one = "tags"
three = "tags"
[fields.level]
type = "enum"
values = ["High", "Low"]
one = { field = "level", values = { hi = "High", lo = "Low" }, else = "hold" }
three = "level"
[fields.consent]
type = "consent"
one = { field = "status", subscribe = true }
three = { field = "out", lens = "opt_out_flag" }
"""
PREFER = 'prefer = ["two", "one", "three"]\n'
TURNED = HEAD.replace("one]", "x]").replace("three]", "one]").replace("x]", "three]")
MAPPING = mapped(FIELDS, head=PREFER + HEAD)
OTHER = mapped(FIELDS, head=PREFER + TURNED)

VALUES = {
    "title": st.sampled_from([None, "", "CEO", "VP", "Chief"]),
    "city": st.sampled_from([None, "Ulm", "Bonn"]),
    "size": st.sampled_from([None, 5, 20, 30, 77]),
    "score": st.sampled_from([None, 1, 2, 3]),
    "tags": st.sampled_from([None, [], ["a"], ["a", "b"], ["b", "c"]]),
    "level": st.sampled_from([None, "hi", "lo", "odd", "High", "Low"]),
    "status": st.sampled_from([None, "SUBSCRIBED", "PENDING", "UNSUBSCRIBED", "bounced"]),
    "out": st.sampled_from([None, False, True]),
}
BANDS = st.sampled_from([None, "1-10", "11-50", "51-200"])
COLUMNS = {
    "one": ("title", "city", "size", "score", "tags", "level", "status"),
    "two": ("title", "city", "size", "score"),
    "three": ("title", "size", "tags", "level", "out"),
}


@st.composite
def edits(draw):
    """(system, column, value, minute): what a person did."""
    system = draw(st.sampled_from(sorted(COLUMNS)))
    column = draw(st.sampled_from(COLUMNS[system]))
    value = draw(BANDS if (system, column) == ("two", "size") else VALUES[column])
    return system, column, value, draw(st.integers(0, 3))


@st.composite
def rows(draw):
    """The three rows as they are at first contact; some columns may be missing."""
    found = {}
    for system, columns in COLUMNS.items():
        values = {c: draw(BANDS if (system, c) == ("two", "size") else VALUES[c]) for c in columns}
        hidden = draw(st.sets(st.sampled_from(columns), max_size=1))
        found[system] = {"email": "a@b.de", **{c: v for c, v in values.items() if c not in hidden}}
    return found


LIFE = st.tuples(rows(), st.lists(st.lists(edits(), max_size=4), max_size=4))


def lived(life, mapping=MAPPING):
    """A record that went through all its runs but the last, whose edits wait to be merged."""
    first, runs = life
    rec = record(*(link(system, values) for system, values in first.items()))
    for edited in runs:
        done = planned(merged(rec, mapping).record, mapping)
        rec = applied(done.record, done.operations)
        for system, column, value, minute in edited:
            rec = seen(rec, system, **{column: value}, changed_at=at(minute))
    return rec


def values(found):
    return {name: (cell.value, cell.version, cell.rule, cell.held) for name, cell in found.record.cells.items()}


def outcome(rec, mapping=MAPPING):
    """What a run comes to, in words that do not depend on any order."""
    found = merged(rec, mapping)
    done = planned(found.record, mapping)
    wanted = {(op.system, op.kind, c.native, repr(c.after)) for op in done.operations for c in op.changes}
    lost = {(t.field, repr(t.after), frozenset((x.system, repr(x.value)) for x in t.lost)) for t in found.turns}
    return values(found), wanted, lost, {c.id for c in found.conflicts}


@pytest.mark.law("L15")
@given(LIFE, st.permutations(range(3)))
@settings(max_examples=60)
def test_the_order_of_the_links_does_not_matter(life, order):
    """However the links of a record are listed, values, losers, questions and writes are the same."""
    rec = lived(life)
    assert outcome(rec) == outcome(replace(rec, links=tuple(rec.links[place] for place in order)))


@pytest.mark.law("L15")
@given(LIFE)
@settings(max_examples=60)
def test_the_order_of_the_systems_does_not_matter(life):
    """However the systems stand in the mapping file, with the same `prefer` the outcome is the same."""
    rec = lived(life)
    assert outcome(rec) == outcome(rec, OTHER)


@pytest.mark.law("L2")
@given(LIFE)
@settings(max_examples=60)
def test_merging_twice_changes_nothing(life):
    """A second merge of the same rows makes no turn and leaves cells, exchanges and questions as they are."""
    once = merged(lived(life), MAPPING)
    twice = merged(once.record, MAPPING)
    assert twice.record == once.record
    assert not twice.turns
    assert [c.id for c in twice.conflicts] == [c.id for c in once.conflicts]


@pytest.mark.law("L1")
@given(LIFE)
@settings(max_examples=60)
def test_a_plan_carried_out_leaves_nothing_to_do(life):
    """After a plan's writes the next run has no turn and no operation."""
    done = planned(merged(lived(life), MAPPING).record, MAPPING)
    again = merged(applied(done.record, done.operations), MAPPING)
    assert not again.turns
    assert not planned(again.record, MAPPING).operations


@pytest.mark.law("L3")
@given(LIFE, edits())
@settings(max_examples=60)
def test_nothing_is_planned_over_an_unmerged_change(life, edit):
    """A row that changed after the merge gets no write to that column, whatever the record wants."""
    system, column, value, minute = edit
    rec = merged(lived(life), MAPPING).record
    moved = seen(rec, system, **{column: value}, changed_at=at(minute))
    before = {(op.system, c.native): c.before for op in planned(moved, MAPPING).operations for c in op.changes}
    field = next(f for f in MAPPING.fields.values() if system in f.cells and f.cells[system].path == column)
    x = next(x for x in rec.links if x.system == system).exchange.get(field.name)
    if x is None or not field.cells[system].eq(value, x.seen):
        hidden = column not in next(x for x in rec.links if x.system == system).observed.values
        assert (system, column) not in before or hidden


def ancestors(rec, found, name):
    """The value before the merge, if it stands or is in `past`, and somebody who moved on from it had seen it: what follows descends from it."""
    hub, fields = rec.cells.get(name), MAPPING.fields[name].cells
    moved = [
        x.exchange[name]
        for x in rec.links
        if x.system in fields and name in x.exchange and fields[x.system].path in x.observed.values
        if not fields[x.system].eq(x.observed.values[fields[x.system].path], x.exchange[name].seen)
    ]
    if hub is None or not any(x.acked == hub.version for x in moved):
        return []
    cell = found.record.cells[name]
    return [value for value in (cell.value, *(past.value for past in cell.past)) if value == hub.value]


def first_rows(**shown):
    """Rows of a life that show little."""
    return {system: {"email": "a@b.de", **shown.get(system, {})} for system in COLUMNS}


# "one" comes to say for the first time what the record has, while "three", which had seen that, clears it: the clear descends from both
JOINED_AND_CLEARED = (
    first_rows(one={"level": "odd"}, three={"level": "Low"}),
    [[("one", "level", "lo", 0), ("three", "level", None, 0)]],
)


@pytest.mark.law("L3")
@given(LIFE)
@example(JOINED_AND_CLEARED)
@settings(max_examples=100)
def test_no_edit_is_lost(life):
    """Every value that a row shows is after the merge the value, its ancestor or coarser view, a kept loser, a question, or told as unknown."""
    rec = lived(life)
    found = merged(rec, MAPPING)
    for x in rec.links:
        for name, cell in MAPPING.systems[x.system].cells.items():
            native, exchange = x.observed.values.get(cell.path), x.exchange.get(name)
            if MAPPING.fields[name].type in ("consent", "multi") or MAPPING.fields[name].owner:
                continue
            if cell.path not in x.observed.values or (exchange is not None and cell.eq(native, exchange.seen)):
                continue
            value = cell.get(native, None)
            if exchange is None and is_blank(native):
                continue
            known = [found.record.cells[name].value] if name in found.record.cells else []
            known += ancestors(rec, found, name)
            known += [lost.value for t in found.turns if t.field == name for lost in t.lost]
            known += [v for c in found.conflicts if c.field == name for v in c.values.values()]
            told = [s for s, field in found.held if field == name]
            coarse = cell.lossy and any(cell.agrees(v, native, None) for v in known)
            assert value in known or told or coarse, (x.system, name, native)


@pytest.mark.law("L6")
@given(LIFE)
@settings(max_examples=60)
def test_an_opt_out_that_is_shown_anywhere_holds_everywhere(life):
    """Once a row shows an opt-out the record is out for good, and no write opts anybody in."""
    rec = lived(life)
    shown = any(
        x.observed.values.get("status") in ("UNSUBSCRIBED", "bounced") or x.observed.values.get("out") is True
        for x in rec.links
    )
    found = merged(rec, MAPPING)
    if shown:
        assert found.record.cells["consent"].value == UNSUBSCRIBED
        natives = [
            c.after for op in planned(found.record, MAPPING).operations for c in op.changes if c.field == "consent"
        ]
        assert set(map(str, natives)) <= {"UNSUBSCRIBED", "True"}


@pytest.mark.law("L5")
@given(LIFE, st.sampled_from(sorted(COLUMNS)))
@settings(max_examples=60)
def test_a_deleted_row_is_never_written_and_nothing_is_made(life, system):
    """Whatever else is going on, a record with a tombstone gets no create, and the dead row no write."""
    links = [
        replace(x, state=LinkState.TOMBSTONE, observed=replace(x.observed, deleted=True)) if x.system == system else x
        for x in lived(life).links
    ]
    rec = replace(lived(life), links=tuple(links[:2]))
    operations = planned(merged(rec, MAPPING).record, MAPPING).operations
    buried = [x for x in rec.links if x.state is LinkState.TOMBSTONE]
    assert not buried or not [op for op in operations if op.remote_id is None or op.system == system]


def test_the_lives_reach_what_they_are_meant_to():
    """The record at the start of every life is at rest: what the laws see comes from the edits."""
    rec = settled(MAPPING, one={"email": "a@b.de", "size": 20}, two={"email": "a@b.de", "size": "11-50"})
    assert rec.cells["size"].value == 20
    assert not planned(merged(rec, MAPPING, now=NOW).record, MAPPING).operations

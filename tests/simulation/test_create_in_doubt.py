"""A create of which nobody knows whether it happened, whose row a person has given another key: never a second row, never a guess.

The real runner and a real state, over the systems of a history; beta can only be listed and cuts its titles, gamma upserts by e-mail,
delta is looked up by e-mail. None of them holds our id.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sync.connectors.memory import Trouble
from sync.runner import person
from sync.runner.context import Context
from tests.simulation.machine import HORIZON, Faults, Machine
from tests.simulation.people import World
from tests.simulation.world import OBJECT, PATHS, Setting

WITHOUT_OUR_ID = ("beta", "gamma", "delta")
OLD, NEW = "ada@old.example", "ada@new.example"
SENT = {"email": OLD, "title": "Chief of staff", "city": "Rome"}


class Town:
    """People in alpha, and a program that dies right after a write of its has happened."""

    def __init__(self, folder):
        self.world = World(Setting(keyed=False))
        self.machine = Machine(self.world, folder)

    def makes(self, system, **values):
        """A person makes a row."""
        return self.world.systems[system].create(OBJECT, native(system, values))

    def edits(self, system, row, **values):
        self.world.systems[system].edit(OBJECT, row, native(system, values))

    def rows(self, system):
        """What stands there now, under the mapping's names, by row."""
        return {
            row.id: {name: row.values[path] for name, path in PATHS[system].items()}
            for row in self.world.systems[system].live(OBJECT)
        }

    def dies_after_a_create(self, system, rows=1):
        """The rows are there, and the program does not know it. Returns them, in the order of their making."""
        before = set(self.rows(system))
        faults = {(system, "push", number): Trouble.DONE for number in range(1, rows)}
        assert self.run({**faults, (system, "push", rows): "crash after"}).ran is None
        return sorted(set(self.rows(system)) - before)

    def run(self, calls=None, **faults):
        self.world.clock.sleep(1)
        return self.machine.run(Faults(dict(calls or {}), **faults))

    def comes_to_rest(self):
        """The write can no longer land; then runs, as many as L1 allows, and one more that writes nothing."""
        for _ in range(3):
            self.world.clock.sleep(HORIZON.total_seconds() + 1)
            self.run()
        assert self.run().pushed == 0

    def asked(self):
        """Of every question: its error, the system, and the rows that it names."""
        return [(row.error, row.system, row.candidates) for row in self.quarantined()]

    def quarantined(self):
        return self._with_store(lambda context: context.store.quarantined())

    def retries(self):
        self._with_store(lambda context: person.retry(context, None))

    def linked(self, system, row):
        return self._with_store(lambda context: context.store.is_linked(system, OBJECT, row))

    def lost(self):
        """Of every value that lost: its field, its system, itself."""
        rows = self._with_store(lambda context: context.store.turns(limit=1000))
        return {(turn.field, each.system, each.value) for row in rows for turn in row.turns for each in turn.lost}

    def _with_store(self, act):
        store = self.machine.open(Faults())
        try:
            return act(Context(store, None, {}, self.world.ours, None))
        finally:
            store.close()


def native(system, values):
    return {PATHS[system][name]: value for name, value in values.items() if name in PATHS[system]}


@pytest.fixture
def town(tmp_path):
    return Town(tmp_path)


@pytest.mark.law("L4")
@pytest.mark.parametrize("system", WITHOUT_OUR_ID)
def test_the_row_that_only_its_key_speaks_against_is_it(town, system):
    """The row is linked, nobody is made twice or anew, and the new key, a person's edit, reaches every system."""
    town.makes("alpha", **SENT)
    [row] = town.dies_after_a_create(system)
    town.edits(system, row, email=NEW)
    town.comes_to_rest()
    assert town.asked() == []
    assert list(town.rows(system)) == [row]
    for name in ("alpha", *WITHOUT_OUR_ID):
        [held] = town.rows(name).values()
        assert held["email"] == NEW
        assert held["city"] == "Rome"


@pytest.mark.law("L3")
@pytest.mark.parametrize("system", ["beta", "delta"])
def test_what_was_edited_in_it_before_we_knew_of_it_is_an_edit(town, system):
    """The row that our create made, still under its key: what a person wrote there since reaches every system.

    (gamma tells the day of a change alone: there the row may as well be somebody's who knew nothing of our values.)
    """
    town.makes("alpha", **SENT)
    [row] = town.dies_after_a_create(system)
    town.world.clock.sleep(30)
    town.edits(system, row, city="Turin")
    town.comes_to_rest()
    assert (town.asked(), list(town.rows(system))) == ([], [row])
    assert {held["city"] for name in PATHS for held in town.rows(name).values()} == {"Turin"}


@pytest.mark.law("L3")
@pytest.mark.parametrize("system", WITHOUT_OUR_ID)
def test_a_row_that_somebody_else_made_under_its_key_is_met_for_the_first_time(town, system):
    """Nothing but the key is as we sent it: the preferred system's values stand, and what they beat is kept."""
    town.makes("alpha", **SENT)
    assert town.run({(system, "push", 1): "crash"}).ran is None
    town.makes(system, email=OLD, title="Boss", city="Turin")
    town.comes_to_rest()
    assert [len(town.rows(name)) for name in PATHS] == [1, 1, 1, 1]
    assert {held["city"] for name in PATHS for held in town.rows(name).values()} == {"Rome"}
    assert ("city", system, "Turin") in town.lost()


@pytest.mark.law("L4")
@pytest.mark.law("L9")
@pytest.mark.parametrize("commit", [sign * number for number in range(1, 16) for sign in (1, -1)])
def test_a_recovery_that_is_killed_anywhere_makes_nothing_twice(town, commit):
    """Killed before or after any commit of the runs that decide, there is one row of the person everywhere."""
    town.makes("alpha", **SENT)
    [row] = town.dies_after_a_create("beta")
    town.edits("beta", row, email=NEW)
    for _ in range(2):
        town.world.clock.sleep(HORIZON.total_seconds() + 1)
        town.run(commits=frozenset([commit]))
    town.comes_to_rest()
    assert {name: len(town.rows(name)) for name in PATHS} == dict.fromkeys(PATHS, 1)
    assert {held["email"] for name in PATHS for held in town.rows(name).values()} == {NEW}


@pytest.mark.law("L4")
@pytest.mark.parametrize("system", WITHOUT_OUR_ID)
@pytest.mark.parametrize(
    ("sent", "edit"),
    [
        (SENT, {"city": "Turin"}),
        (SENT, {"title": "Boss"}),
        ({"email": OLD, "title": "Chief"}, {}),
        ({"email": OLD}, {}),
    ],
    ids=["another city", "another title", "one value was sent", "the key alone was sent"],
)
def test_what_is_less_clear_is_a_question(town, system, sent, edit):
    """With one more value changed, or too little sent to know anybody by, the row and the create wait for a person."""
    town.makes("alpha", **sent)
    [row] = town.dies_after_a_create(system)
    town.edits(system, row, email=NEW, **edit)
    town.comes_to_rest()
    assert town.asked() == [("IN_DOUBT", system, (f"{system}:{row}",))]
    assert list(town.rows(system)) == [row]
    assert [held["email"] for held in town.rows("alpha").values()] == [OLD]


@pytest.mark.law("L4")
def test_two_creates_that_one_row_may_come_from_are_a_question(town):
    """Two people of whom the same was sent: which row is whose nobody guesses."""
    for number in (1, 2):
        town.makes("alpha", **{**SENT, "email": f"{number}-{OLD}"})
    first, second = town.dies_after_a_create("beta", rows=2)
    town.edits("beta", first, email=NEW)
    town.edits("beta", second, email=f"other-{NEW}")
    town.comes_to_rest()
    both = (f"beta:{first}", f"beta:{second}")
    assert town.asked() == [("IN_DOUBT", "beta", both)] * 2
    assert sorted(town.rows("beta")) == [first, second]
    assert len(town.rows("alpha")) == 2


@pytest.mark.law("L4")
def test_of_two_alike_the_one_that_kept_its_key_is_known_by_it(town):
    """The other is asked about: its values are those of somebody else too."""
    for number in (1, 2):
        town.makes("alpha", **{**SENT, "email": f"{number}-{OLD}"})
    first, second = town.dies_after_a_create("beta", rows=2)
    town.edits("beta", second, email=NEW)
    town.comes_to_rest()
    assert town.linked("beta", first)
    assert town.asked() == [("IN_DOUBT", "beta", (f"beta:{second}",))]
    assert sorted(town.rows("beta")) == [first, second]


def test_what_colleagues_have_in_common_tells_nobody_from_another(town):
    """Where somebody else there holds the same values, a row that agrees in them is asked about, not taken."""
    town.makes("alpha", **{**SENT, "email": "colleague@old.example"})
    town.comes_to_rest()
    town.makes("alpha", **SENT)
    [row] = town.dies_after_a_create("beta")
    town.edits("beta", row, email=NEW)
    town.comes_to_rest()
    assert town.asked() == [("IN_DOUBT", "beta", (f"beta:{row}",))]
    assert len(town.rows("beta")) == 2


@pytest.mark.law("L10")
def test_whoever_is_unlike_the_create_does_not_wait_for_it(town):
    """Somebody new who is made meanwhile is carried everywhere while the create is still in doubt."""
    town.makes("alpha", **SENT)
    assert town.run({("beta", "push", 1): Trouble.LATE}).ran is not None
    town.makes("beta", email="eve@new.example", title="Cook", city="Paris")
    town.run()
    assert "eve@new.example" in {held["email"] for held in town.rows("alpha").values()}


@pytest.mark.law("L4")
def test_somebody_gives_the_row_its_key_back(town):
    """With the key that the record has, the row is linked when the question is answered; nobody is made."""
    town.makes("alpha", **SENT)
    [row] = town.dies_after_a_create("beta")
    town.edits("beta", row, email=NEW, city="Turin")
    town.comes_to_rest()
    town.edits("beta", row, email=OLD)
    town.retries()
    town.comes_to_rest()
    assert town.linked("beta", row)
    assert town.asked() == []
    assert {name: len(town.rows(name)) for name in PATHS} == dict.fromkeys(PATHS, 1)


def test_somebody_says_that_it_is_another(town):
    """Answered as it stands, the row is somebody new, and the record is made."""
    town.makes("alpha", **SENT)
    [row] = town.dies_after_a_create("beta")
    town.edits("beta", row, email=NEW, city="Turin")
    town.comes_to_rest()
    town.retries()
    town.comes_to_rest()
    assert town.asked() == []
    assert {name: len(town.rows(name)) for name in PATHS} == dict.fromkeys(PATHS, 2)


@pytest.mark.law("L4")
def test_a_create_that_was_given_up_and_lands_under_another_key_is_a_question(town):
    """It landed after its horizon, when the record had been made again: shown with the record, and made nowhere else."""
    town.makes("alpha", **SENT)
    town.run({("beta", "push", 1): Trouble.LATE})
    beta = town.world.systems["beta"]
    beta._late = [(at + timedelta(hours=1), act) for at, act in beta._late]
    town.comes_to_rest()
    [again] = town.rows("beta")
    town.world.clock.sleep(3600)
    beta.catch_up()
    [late] = set(town.rows("beta")) - {again}
    town.edits("beta", late, email=NEW)
    town.comes_to_rest()
    assert town.asked() == [("IN_DOUBT", "beta", (f"beta:{late}",))]
    assert len(town.rows("alpha")) == 1
    town.retries()
    town.comes_to_rest()
    assert town.asked() == []
    assert len(town.rows("alpha")) == 2


@pytest.mark.law("L4")
def test_a_row_that_turns_up_just_before_the_second_attempt_stops_it(town):
    """Looked for twice in vain, the create is about to be sent again when the row appears under another key: it is not sent."""
    town.makes("alpha", **SENT)
    [row] = town.dies_after_a_create("beta")
    hidden = town.world.systems["beta"].tables[OBJECT][row]
    shown_at, hidden.shown_at = hidden.shown_at, hidden.shown_at + timedelta(days=1)
    town.world.clock.sleep(HORIZON.total_seconds() + 1)
    town.run()
    town.world.clock.sleep(HORIZON.total_seconds() + 1)

    def appears(system, kind, *_):
        town.edits("beta", row, email=NEW)
        hidden.shown_at = shown_at

    town.world.act = appears
    town.run({("beta", "pull", 3): ("appears",)})
    town.comes_to_rest()
    assert list(town.rows("beta")) == [row]
    assert town.asked() == [("IN_DOUBT", "beta", (f"beta:{row}",))]


def test_a_look_too_soon_after_another_proves_nothing(town):
    """A create is given up after two looks that are as far apart as the last of `verify_delays`, both after the horizon."""
    town.makes("alpha", **SENT)
    town.run({("beta", "push", 1): Trouble.LOST})
    town.world.clock.sleep(HORIZON.total_seconds() + 1)
    for _ in range(5):
        town.run()
        assert town.rows("beta") == {}
    town.world.clock.sleep(30)
    town.run()
    assert len(town.rows("beta")) == 1


@pytest.mark.law("L4")
def test_an_external_id_that_the_mapping_does_not_name_makes_no_create_repeatable(town):
    """The system could upsert by our id; the create did not carry it, so it is not repeated while it may still land."""
    alpha = town.world.systems["alpha"]
    alpha.traits = replace(alpha.traits, external_ids=True)
    town.makes("beta", **SENT)
    town.run({("alpha", "push", 1): Trouble.LATE})
    town.run()
    town.comes_to_rest()
    assert len(town.rows("alpha")) == 1

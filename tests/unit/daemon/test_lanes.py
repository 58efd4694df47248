"""Lanes: who fails is left out and tried on the side; isolation: what dies again and again is taken apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.daemon.isolation import ALL, STRIKES, Isolation
from sync.daemon.lanes import PAUSE_MAX_S, Lanes, probe
from sync.errors import AuthError, UnreachableError
from sync.model.clock import ManualClock
from sync.model.report import Failure

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DOWN = Failure("b", "no answer", "wait", "unreachable")


def made():
    clock = ManualClock(NOW)
    lanes = Lanes(clock)
    lanes.keep(["a", "b"])
    return clock, lanes


def test_a_system_that_fails_is_out_until_a_probe_answers():
    """One failure and nobody waits for it any more; one answer and it is in again."""
    clock, lanes = made()
    lanes.note([DOWN], ())
    assert list(lanes.outside()) == ["b"]
    assert lanes.due() == []
    clock.sleep(1.5)
    assert lanes.due() == ["b"]
    assert lanes.due() == [], "each is probed once at a time"
    lanes.probed("b", None)
    assert not lanes.outside()
    assert lanes.rows()["b"]["failures"] == 1, "only a run that served it forgets the failures"
    lanes.note([], ())
    assert lanes.rows()["b"]["failures"] == 0


def test_pauses_double_up_to_a_minute():
    """A dead system is asked once a minute, not once a second."""
    clock, lanes = made()
    lanes.note([DOWN], ())
    pauses = []
    for _ in range(10):
        waited = 0.0
        while not lanes.due():
            clock.sleep(0.5)
            waited += 0.5
        lanes.probed("b", UnreachableError("no answer"))
        pauses.append(waited)
    assert pauses == sorted(pauses)
    assert pauses[-1] == PAUSE_MAX_S


def test_a_run_without_it_says_nothing_about_it():
    """A run that it took no part in neither counts as a failure nor makes it well."""
    _, lanes = made()
    lanes.note([DOWN], ())
    before = lanes.rows()
    lanes.note([DOWN], {"b"})
    lanes.note([], {"b"})
    assert lanes.rows() == before


def test_a_spent_allowance_leaves_it_in():
    """Who is out of calls still gets opt-outs: that is no reason to leave it out."""
    _, lanes = made()
    lanes.note([Failure("b", "spent", "", "quota"), Failure("a", "drifted", "", "drift")], ())
    assert not lanes.outside()


def test_the_silent_are_waited_for_longer_each_time():
    """A slow system is not left out for ever: each time it was, the others wait twice as long."""
    _, lanes = made()
    first = lanes.patience_s("b")
    lanes.note([DOWN], ())
    assert lanes.patience_s("b") == 2 * first
    assert lanes.patience_s("a") == first


def test_a_reload_lets_everybody_in_again():
    """New settings may be the cure."""
    _, lanes = made()
    lanes.note([DOWN], ())
    lanes.keep(["b", "c"])
    assert not lanes.outside()
    assert list(lanes.rows()) == ["b", "c"]
    lanes.probed("a", None)  # the probe of before comes home


def test_a_probe_never_raises():
    """Whatever a connector does under a probe is an answer."""

    def refuse():
        raise AuthError("refused")

    def break_down():
        raise ZeroDivisionError

    assert probe(lambda: "tenant", "b") is None
    assert isinstance(probe(refuse, "b"), AuthError)
    assert isinstance(probe(break_down, "b"), UnreachableError)


# isolation -----------------------------------------------------------------------------------------------------------------------


def passes(isolation, entities, poison, now):
    """One pass, in which everything with the poison dies; what was run."""
    groups = isolation.groups(entities, now)
    alive = []
    for group in groups:
        isolation.begin(group)
        dies = poison in (group or entities)
        isolation.died(group, now) if dies else isolation.lived(group)
        alive.append(not dies)
    if isolation.split() and all(alive) and len(groups) == len(entities):
        isolation.together()
    return groups


@pytest.mark.law("row 86")
@pytest.mark.law("row 90")
def test_after_three_deaths_the_rest_runs_without_the_poison():
    """All together three times, then one by one, then without the one that dies; when it is cured, all together again."""
    isolation, entities, now = Isolation(), ["account", "contact"], NOW
    for _ in range(STRIKES):
        assert passes(isolation, entities, "contact", now) == [ALL]
    for _ in range(STRIKES):
        assert passes(isolation, entities, "contact", now) == [("account",), ("contact",)]
    assert passes(isolation, entities, "contact", now) == [("account",)]
    now += timedelta(minutes=1)
    assert ("contact",) in passes(isolation, entities, None, now)
    assert passes(isolation, entities, None, now) == [ALL]


def test_a_process_that_is_killed_in_the_middle_counts_the_death():
    """What was being worked on is in the state: the next start counts it."""
    isolation = Isolation()
    isolation.begin(ALL)
    after = Isolation.from_json(isolation.to_json())
    assert after.working == ALL
    after.died(ALL, NOW)
    assert (after.deaths, after.working) == ({ALL: 1}, None)


@given(st.lists(st.sampled_from([None, "account", "contact"]), max_size=60))
def test_whatever_dies_every_entity_comes_back(deaths):
    """After any history of deaths, a while without one runs everything together again."""
    isolation, entities, now = Isolation(), ["account", "contact"], NOW
    for poison in deaths:
        passes(isolation, entities, poison, now)
        isolation = Isolation.from_json(isolation.to_json())
    now += timedelta(hours=1)
    passes(isolation, entities, None, now)
    assert passes(isolation, entities, None, now) == [ALL]

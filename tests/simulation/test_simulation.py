"""The laws hold after any history of edits, faults and crashes; a slice of the campaign of tests/README.md."""

from __future__ import annotations

import pytest

from sync.runner import push
from tests.simulation.corpus import CORPUS, violations
from tests.simulation.history import History, generate
from tests.simulation.shrink import shrink
from tests.simulation.world import Setting

SLICE = 40
SEEDS = range(1_000_000, 1_000_000 + SLICE)


@pytest.mark.law("row 36")
@pytest.mark.law("L7")
@pytest.mark.parametrize("what", CORPUS)
def test_what_once_went_wrong_goes_right(what):
    """A history that broke a law breaks none."""
    assert violations(what) == []


@pytest.mark.law("L3")
def test_a_row_is_read_again_shortly_before_its_turn(monkeypatch):
    """In a long backlog an edit that is made while others are written is seen: rows are read again a group at a time."""
    monkeypatch.setattr(push, "AGAIN", 1)
    people = range(25)  # more than the system writes at once
    history = History(
        13,
        Setting(keyed=False),
        (
            *(("act", "alpha", "create", person, f"a{person}", None) for person in people),
            ("run", False, (), (), ()),
            *(("act", "alpha", "edit", person, "title", f"t{person}") for person in people),
            ("run", False, ((("beta", "push", 1), ("edit", people[-1], "title", "typed")),), (), ()),
        ),
    )
    outcome = history.run()
    assert outcome.violations == []
    assert outcome.counts["losers"] == 1


@pytest.mark.law("row 6")
@pytest.mark.law("row 12")
@pytest.mark.law("row 56")
@pytest.mark.law("row 65")
@pytest.mark.law("row 148")
@pytest.mark.law("L1")
@pytest.mark.law("L2")
@pytest.mark.law("L3")
@pytest.mark.law("L4")
@pytest.mark.law("L5")
@pytest.mark.law("L6")
@pytest.mark.law("L8")
@pytest.mark.law("L9")
@pytest.mark.law("L16")
@pytest.mark.law("L17")
@pytest.mark.parametrize("first", SEEDS[::10])
def test_no_history_breaks_a_law(first):
    """Ten histories of these seeds; where one fails, the shortest that can be found is shown."""
    for seed in range(first, first + 10):
        history = generate(seed)
        outcome = history.run()
        assert outcome.violations == [], str(shrink(history, tries=60))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_histories_break_no_law():
    """The slice that CI runs."""
    for seed in range(2_000_000, 2_000_300):
        assert generate(seed).run().violations == [], f"seed {seed}"


@pytest.mark.parametrize("seed", [7, 31])
def test_the_same_seed_gives_the_same_history(seed):
    """Every call, payload and commit is the same when a seed is played again."""
    assert generate(seed).run().trace == generate(seed).run().trace


def test_a_broken_history_is_shortened(monkeypatch):
    """What has nothing to do with the failure is left out."""
    from sync.engine import merge

    monkeypatch.setattr(merge._Work, "_turn", _forgetful(merge._Work._turn))
    broken = next(h for h in map(generate, range(100)) if any(v.law == "L3" for v in h.run().violations))
    short = shrink(broken, "L3", tries=80)
    assert len(short.steps) < len(broken.steps)
    assert isinstance(short, History)
    assert any(v.law == "L3" for v in short.run().violations)


def _forgetful(turn):
    return lambda self, mapped, winner, rule, losers, **more: turn(self, mapped, winner, rule, [], **more)

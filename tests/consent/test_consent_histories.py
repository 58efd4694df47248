"""No request turns an opt-out, whatever people, old files, crashes and vendors do; a slice of the campaign of tests/README.md."""

from __future__ import annotations

import pytest

from tests.consent.corpus import CORPUS
from tests.consent.history import History, generate, shrink
from tests.consent.town import Setting, open_sandbox
from tests.rules_off.rules import RULES

SLICE = 5
SEEDS = range(1_000_000, 1_000_000 + SLICE)
OUT_AND_LOADED_OVER = History(
    0,
    Setting(),
    (
        ("act", "salesforce", "create", "ada@acme.example.com", None, 0, False),
        ("act", "conversion", "create", "ada@acme.example.com", None, 0, False),
        ("run", True, (), (), (), ()),
        ("act", "salesforce", "optout", "ada@acme.example.com", 1),
        ("run", True, (), (), (), ()),
        ("act", "activecampaign", "import", "ada@acme.example.com", 2),
    ),
)


@pytest.fixture(scope="module")
def sandbox():
    with open_sandbox() as found:
        yield found


def rule(name):
    return next(rule for rule in RULES if rule.name == name)


@pytest.mark.law("L6")
@pytest.mark.law("row 148")
@pytest.mark.law("row 149")
@pytest.mark.timeout(600)  # a failing history is played again and again, until it is short
def test_no_request_turns_an_opt_out_and_every_system_is_told(sandbox):
    """Histories of these seeds; where one fails, the shortest that can be found is shown."""
    for history in map(generate, SEEDS):
        found = history.run(sandbox).violations
        assert found == [], f"{found}\n{shrink(history, sandbox, found[0].law, tries=12)}"


@pytest.mark.law("L6")
@pytest.mark.parametrize("what", CORPUS)
def test_what_once_went_wrong_goes_right(sandbox, what):
    """A history that broke the law breaks it no more."""
    assert CORPUS[what].run(sandbox).violations == []


@pytest.mark.parametrize(
    ("off", "laws"),
    [
        ((), set()),
        (("consent joins at every vendor",), {"gate", "untold"}),
        (("consent joins at every vendor", "last gates"), {"gate", "turned", "untold"}),
        (("last gates",), {"gate", "turned"}),
    ],
    ids=["nothing", "join", "join and gates", "gates"],
)
def test_the_judge_misses_what_is_switched_off(sandbox, monkeypatch, off, laws):
    """Without the join the gate must hold, without both an opt-out is turned, and gates that sleep are found out though nobody tries them."""
    for owner, name, stand_in in [patch for each in off for patch in rule(each).patches]:
        monkeypatch.setattr(owner, name, stand_in)
    assert {violation.law for violation in OUT_AND_LOADED_OVER.run(sandbox).violations} == laws


def test_the_same_seed_gives_the_same_history(sandbox):
    """Every request is the same when a seed is played again."""
    assert generate(11).run(sandbox).trace == generate(11).run(sandbox).trace


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_histories_turn_no_opt_out(sandbox):
    """The slice that CI runs."""
    for seed in range(2_000_000, 2_000_150):
        assert generate(seed).run(sandbox).violations == [], f"seed {seed}"

"""Limits on a whole plan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.engine.guard import Limit, Limits, Load, guard

KINDS = ("creates", "updates", "clears", "deletes", "opt_outs")
LIMITS = Limits(Limit(100, 0.1), Limit(200, 0.2), Limit(20, 0.02), Limit(10, 0.01), Limit(50, 0.05))
NONE = Limits(None, None, None, None, None)


@pytest.mark.law("L11")
@pytest.mark.parametrize(
    ("what", "allowed"), [("creates", 100), ("updates", 200), ("clears", 20), ("deletes", 10), ("opt_outs", 50)]
)
def test_each_kind_has_its_own_limit(what, allowed):
    """Exactly the limit passes, one more is a breach that names system, kind and numbers."""
    assert guard({"one": Load(**{what: allowed})}, LIMITS) == []
    breach = guard({"one": Load(**{what: allowed + 1})}, LIMITS)[0]
    assert (breach.system, breach.what, breach.planned, breach.limit) == ("one", what, allowed + 1, allowed)


def test_the_larger_of_count_and_share_applies():
    """In a large system the share counts, in a small one the number."""
    assert guard({"one": Load(deletes=50, linked=5000)}, LIMITS) == []
    assert guard({"one": Load(deletes=51, linked=5000)}, LIMITS)
    assert guard({"one": Load(deletes=10, linked=20)}, LIMITS) == []


def test_a_limit_is_of_one_system():
    """Two systems share no allowance, and each breach is reported."""
    loads = {"one": Load(deletes=6), "two": Load(deletes=6)}
    assert guard(loads, LIMITS) == []
    assert [b.system for b in guard({"two": Load(deletes=11), "one": Load(deletes=11)}, LIMITS)] == ["one", "two"]


def test_a_backfill_may_create_and_update_without_limit_and_nothing_else():
    """A first fill is large; its deletes, clears and opt-outs are held all the same."""
    load = Load(creates=9999, updates=9999, clears=99, deletes=99, opt_outs=99)
    assert {b.what for b in guard({"one": load}, LIMITS, backfill=True)} == {"clears", "deletes", "opt_outs"}


@pytest.mark.law("L6")
def test_one_opt_out_after_a_mapping_change_of_consent_is_held():
    """A mapping mistake must not opt everybody out: after a change of the consent cell the limit is none at all."""
    assert guard({"one": Load(opt_outs=1)}, LIMITS, consent_mapping_changed=True)
    assert guard({"one": Load(opt_outs=0)}, LIMITS, consent_mapping_changed=True) == []


def test_no_limit_holds_nothing():
    """A limit that is not set allows everything."""
    assert guard({"one": Load(10**6, 10**6, 10**6, 10**6, 10**6)}, NONE) == []


@pytest.mark.law("L11")
@given(st.lists(st.integers(0, 400), min_size=5, max_size=5), st.integers(0, 10_000), st.sampled_from(KINDS))
def test_more_never_passes_where_less_was_held(numbers, linked, what):
    """A plan that grows does not slip through a guard that held the smaller one."""
    load = Load(*numbers, linked)
    more = Load(**{k: getattr(load, k) + (k == what) for k in KINDS}, linked=linked)
    assert {b.what for b in guard({"one": load}, LIMITS)} <= {b.what for b in guard({"one": more}, LIMITS)}

"""The choice between values, as a function of the contenders alone."""

from datetime import timedelta

import pytest
from engine_records import at
from hypothesis import given
from hypothesis import strategies as st

from sync.engine.policy import Contender, choose

ORDER = ("one", "two", "three")
MARGIN = timedelta(seconds=5)


def contender(system, value, minutes=None, *, hub=False):
    return Contender(system, value, None if minutes is None else at(minutes), MARGIN, hub)


def test_prefer_takes_the_first_system_of_the_order():
    """Under `prefer` time plays no part."""
    found = choose([contender("two", "b", 9), contender("one", "a", 1)], "prefer", ORDER)
    assert (found.winner.value, found.rule) == ("a", "prefer")


def test_latest_takes_what_is_certainly_later():
    """Under `latest` the later interval wins, whoever it comes from."""
    found = choose([contender("one", "a", 1), contender("two", "b", 9)], "latest", ORDER)
    assert (found.winner.value, found.rule) == ("b", "latest")


@pytest.mark.law("row 57")
def test_latest_falls_back_where_intervals_overlap():
    """Changes within each other's margin have no order: the preferred system decides."""
    found = choose([contender("one", "a", 1), contender("two", "b", 1.1)], "latest", ORDER)
    assert (found.winner.value, found.rule) == ("a", "prefer")


def test_latest_falls_back_where_one_side_has_no_time():
    """A side that tells no time cannot be early or late."""
    found = choose([contender("one", "a"), contender("two", "b", 9)], "latest", ORDER)
    assert (found.winner.value, found.rule) == ("a", "prefer")


def test_manual_has_no_winner():
    """Under `manual` a person chooses."""
    found = choose([contender("one", "a", 1), contender("two", "b", 9)], "manual", ORDER)
    assert (found.winner, found.rule) == (None, "manual")


@pytest.mark.parametrize("policy", ["prefer", "latest", "manual"])
def test_the_same_value_twice_is_no_conflict(policy):
    """Two people who wrote the same thing agree, under every policy."""
    found = choose([contender("two", "a", 1), contender("one", "a", 2)], policy, ORDER)
    assert (found.winner.value, found.rule) == ("a", "edit")


def test_a_system_outside_the_order_is_the_weakest():
    """A column that the order does not name loses against every named one."""
    assert choose([contender("none", "b"), contender("three", "a")], "prefer", ORDER).winner.value == "a"


CONTENDERS = st.lists(
    st.builds(
        contender,
        st.sampled_from([*ORDER, "none"]),
        st.sampled_from(["a", "b", "c", None]),
        st.none() | st.integers(0, 3),
        hub=st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.law("L15")
@given(CONTENDERS, st.sampled_from(["prefer", "latest", "manual"]), st.randoms(use_true_random=False))
def test_the_choice_does_not_depend_on_the_order_of_the_contenders(contenders, policy, dice):
    """Whoever is asked first, the same value wins by the same rule."""
    other = list(contenders)
    dice.shuffle(other)
    one, two = choose(contenders, policy, ORDER), choose(other, policy, ORDER)
    assert one.rule == two.rule
    assert (one.winner and one.winner.value) == (two.winner and two.winner.value)

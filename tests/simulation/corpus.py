"""Histories that once broke a law, each as short as could be found, with what was wrong."""

from __future__ import annotations

from sync.connectors.memory import Trouble
from tests.simulation.history import History
from tests.simulation.world import Setting

CORPUS = {
    "a create that landed late, whose record has another key by now, was taken for somebody new": History(
        49,
        Setting(keyed=False),
        (
            ("act", "gamma", "create", 0, "t2"),
            ("run", False, ((("beta", "push", 1), Trouble.LATE),), (), ()),
            ("act", "gamma", "move", 0, "p0.22@example.com"),
            ("run", False, (), (), ()),
        ),
    ),
    "a row whose key was hidden was taken for somebody new": History(
        151,
        Setting(keyed=False, tells=True),
        (
            ("act", "beta", "create", 2, "a2", "home 2"),
            ("act", "delta", "create", 2, "t2"),
            ("run", False, ((("beta", "hide", "email"), "hidden"),), (), ()),
        ),
    ),
    "a row that somebody made while our create was in doubt was taken for ours, and what we knew was gone": History(
        191,
        Setting(keyed=False, tells=True),
        (
            ("act", "gamma", "create", 1, "t8"),
            ("run", False, ((("alpha", "push", 1), "crash"),), (), ()),
            ("act", "alpha", "create", 1, "t11"),
        ),
    ),
    "a value that a system refused counted as seen there": History(
        314,
        Setting(),
        (
            ("act", "alpha", "create", 0, "a0", None),
            ("act", "gamma", "create", 0, "a0g", "home 0"),
            ("act", "gamma", "create", 1, "a1g", "home 1"),
            ("act", "gamma", "optout", 0),
            (
                "run",
                False,
                ((("alpha", "push", 3), Trouble.REJECTED), (("beta", "push", 2), Trouble.LOST)),
                (),
                (),
            ),
            ("act", "alpha", "edit", 0, "city", "c23"),
        ),
    ),
    "a column that was hidden at first contact was written over": History(
        617,
        Setting(keyed=False),
        (
            ("act", "delta", "create", 0, "a0d", "home 0"),
            ("act", "alpha", "create", 0, "a0", "home 0"),
            ("run", False, ((("delta", "hide", "title"), "hidden"),), (), ()),
        ),
    ),
    "columns that are not mapped came into the state with an answer": History(
        32,
        Setting(tells=True),
        (
            ("act", "gamma", "create", 1, "t15"),
            ("run", False, (), (), ()),
            ("act", "delta", "edit", 1, "title", "t18"),
            ("run", False, (), (), ()),
        ),
    ),
}

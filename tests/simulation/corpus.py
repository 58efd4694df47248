"""Histories that once broke a law, each as short as could be found, and those that lead to one rule each."""

from __future__ import annotations

from sync.connectors.memory import Trouble
from tests.simulation.history import History
from tests.simulation.laws import Violation
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
        75,
        Setting(),
        (
            ("act", "alpha", "create", 0, "a0", "home 0"),
            ("act", "gamma", "create", 0, "a0", None),
            ("run", False, ((("gamma", "push", 1), Trouble.REJECTED),), (), ()),
            ("run", False, (), (), ()),
            ("act", "gamma", "edit", 0, "city", "c19"),
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
    "somebody edits between our write and its reading back": History(
        1,
        Setting(keyed=False),
        (
            ("act", "alpha", "create", 0, "a0", "home"),
            ("run", False, (), (), ()),
            ("act", "alpha", "edit", 0, "title", "t1"),
            ("run", False, ((("beta", "fetch", 2), ("edit", 0, "title", "typed")),), (), ()),
        ),
    ),
    "somebody edits, and the feed does not show it yet": History(
        2,
        Setting(keyed=False, lag_s=30.0),
        (
            ("act", "alpha", "create", 0, "a0", "home"),
            ("run", False, (), (), ()),
            ("wait", 60),
            ("run", False, (), (), ()),
            ("act", "alpha", "edit", 0, "title", "t1"),
            ("act", "beta", "edit", 0, "title", "y1"),
            ("act", "beta", "edit", 0, "title", "typed"),
            ("run", False, (), (), ()),
        ),
    ),
    "a longer text than one of them can hold": History(
        11,
        Setting(),
        (
            ("act", "alpha", "create", 0, "a0", "home"),
            ("run", False, (), (), ()),
            ("act", "alpha", "edit", 0, "title", "t1-a long one"),
            ("run", False, (), (), ()),
        ),
    ),
    "somebody makes a row while we are about to make it": History(
        3,
        Setting(keyed=False),
        (
            ("act", "alpha", "create", 0, "a0", "home"),
            ("run", False, ((("beta", "pull", 2), ("create", 0, "theirs")),), (), ()),
        ),
    ),
    "killed in the middle of a create that happened": History(
        4,
        Setting(keyed=False),
        (
            ("act", "alpha", "create", 0, "a0", "home"),
            ("run", False, ((("beta", "push", 1), "crash after"),), (), ()),
            ("act", "alpha", "edit", 0, "title", "t1"),
        ),
    ),
    "a write that timed out lands while the record moves on": History(
        5,
        Setting(keyed=False),
        (
            ("act", "alpha", "create", 0, "a0", "home"),
            ("run", False, (), (), ()),
            ("act", "alpha", "edit", 0, "title", "t1"),
            ("run", False, ((("beta", "push", 1), Trouble.LATE),), (), ()),
            ("act", "alpha", "edit", 0, "title", "t2"),
            ("run", False, (), (), ()),
            ("wait", 100),
            ("run", False, (), (), ()),
        ),
    ),
    "an opt-out meets an opt-in": History(
        6,
        Setting(),
        (
            ("act", "alpha", "create", 0, "a0", "home"),
            ("run", False, (), (), ()),
            ("act", "gamma", "optout", 0),
            ("run", False, (), (), ()),
            ("act", "delta", "optin", 0),
            ("run", False, (), (), ()),
            ("act", "alpha", "delete", 0),
            ("run", True, (), (), ()),
            ("act", "alpha", "back", 0, "again"),
        ),
    ),
    "exact here, a band there": History(
        7,
        Setting(),
        (
            ("act", "alpha", "create", 0, "a0", "home"),
            ("run", False, (), (), ()),
            ("act", "alpha", "edit", 0, "size", 37),
            ("run", False, (), (), ()),
            ("act", "beta", "edit", 0, "title", "longer than six"),
            ("act", "gamma", "edit", 0, "size", 38),
            ("run", False, (), (), ()),
        ),
    ),
    "a column is hidden for a run": History(
        8,
        Setting(),
        (
            ("act", "alpha", "create", 0, "a0", "home"),
            ("run", False, (), (), ()),
            ("act", "alpha", "edit", 0, "city", "c1"),
            ("run", True, ((("alpha", "hide", "title"), "hidden"), (("beta", "hide", "city"), "hidden")), (), ()),
        ),
    ),
    "two edits of one field, and a longer text than one of them can hold": History(
        9,
        Setting(),
        (
            ("act", "alpha", "create", 0, "a0", "home"),
            ("run", False, (), (), ()),
            ("act", "alpha", "edit", 0, "title", "t1-a long one"),
            ("act", "gamma", "edit", 0, "title", "t2"),
            ("run", False, (), (), ()),
            ("act", "delta", "edit", 0, "title", "t3"),
            ("run", False, (), (), ()),
        ),
    ),
    "edited and deleted before anybody read it, in a system that shows deleted rows": History(
        20237,
        Setting(tells=True),
        (
            ("act", "alpha", "create", 0, "a0", "home 0"),
            ("run", False, (), (), ()),
            ("act", "alpha", "edit", 0, "city", "c7"),
            ("act", "alpha", "delete", 0),
        ),
    ),
    "the only row of somebody hides its key when the same person comes to be elsewhere": History(
        60793,
        Setting(keyed=False, tells=True),
        (
            ("act", "gamma", "create", 0, "a0", "home 0"),
            ("run", False, ((("beta", "pull", 2), "crash"),), (), ()),
            ("act", "alpha", "create", 0, "t5"),
            ("run", False, ((("gamma", "hide", "email"), "hidden"),), (), ()),
        ),
    ),
    "deleted in one, living in the others": History(
        10,
        Setting(),
        (
            ("act", "alpha", "create", 0, "a0", "home"),
            ("run", False, (), (), ()),
            ("act", "alpha", "delete", 0),
            ("run", True, (), (), ()),
            ("act", "beta", "edit", 0, "title", "t4"),
            ("run", True, (), (), ()),
        ),
    ),
    "somebody wrote into a column that is only written, between our write and its reading back, and it stayed": History(
        5234,
        Setting(),
        (
            ("act", "delta", "create", 0, "a0", None),
            ("run", False, (), (), ()),
            ("act", "alpha", "edit", 0, "score", 18),
            ("run", False, ((("gamma", "fetch", 2), ("edit", 0, "score", 121)),), (), ()),
        ),
    ),
    "somebody makes our text shorter between our write and its reading back": History(
        12,
        Setting(),
        (
            ("act", "alpha", "create", 0, "a0", "home"),
            ("run", False, (), (), ()),
            ("act", "alpha", "edit", 0, "title", "t12"),
            ("run", False, ((("delta", "fetch", 2), ("edit", 0, "title", "t1")),), (), ()),
        ),
    ),
    "somebody edits one row while the request that writes it is busy with another: the window of a write": History(
        5481,
        Setting(keyed=False, tells=True),
        (
            ("act", "alpha", "create", 1, "a1", "home 1"),
            ("act", "delta", "create", 2, "da2", None),
            ("run", False, (), (), ()),
            ("act", "alpha", "edit", 2, "title", "t11-a long one"),
            ("act", "alpha", "edit", 1, "title", None),
            ("run", False, ((("beta", "push", 1), ("edit", 2, "title", "t116")),), (), ()),
        ),
    ),
    "somebody makes a row while the request that makes it is under way: the window, and a question": History(
        5595,
        Setting(keyed=False),
        (
            ("act", "gamma", "create", 0, "t10"),
            ("run", False, ((("beta", "push", 1), ("create", 0, "t112")),), (), ()),
        ),
    ),
    "a row that the index did not show when ours was made, and showed at once when it was edited": History(
        5728,
        Setting(keyed=False, lag_s=30.0),
        (
            ("act", "beta", "create", 0, "ba0", "home 0"),
            ("act", "alpha", "create", 0, "t1"),
            ("act", "alpha", "create", 1, "t4"),
            ("run", False, ((("beta", "fetch", 1), ("edit", 0, "size", 109)),), (), ()),
        ),
    ),
    "somebody makes a row after it was read, and before ours is made": History(
        14,
        Setting(),
        (
            ("act", "alpha", "create", 0, "a0", "home"),
            ("run", False, ((("delta", "pull", 1), ("in", "beta", "create", 0, "theirs")),), (), ()),
        ),
    ),
    "somebody changes what we wrote": History(
        15,
        Setting(),
        (
            ("act", "alpha", "create", 0, "a0", "home"),
            ("run", False, (), (), ()),
            ("act", "alpha", "edit", 0, "title", "t1"),
            ("run", False, (), (), ()),
            ("act", "delta", "edit", 0, "title", "t2"),
        ),
    ),
    "a write that was given up lands after all, over a value that came later": History(
        16,
        Setting(late_s=400.0),
        (
            ("act", "alpha", "create", 0, "a0", "home"),
            ("run", False, (), (), ()),
            ("act", "delta", "edit", 0, "title", "t1"),
            ("run", False, ((("alpha", "push", 1), Trouble.LATE),), (), ()),
            ("act", "delta", "edit", 0, "title", "t2"),
            ("wait", 310),
            ("run", False, (), (), ()),
            ("wait", 100),
            ("run", False, (), (), ()),
        ),
    ),
    "somebody edits the band of a size that is known exactly": History(
        45,
        Setting(),
        (
            ("act", "alpha", "create", 0, "aa0", "home 0"),
            ("act", "alpha", "edit", 0, "size", 63),
            ("run", False, (), (), ()),
            ("act", "beta", "edit", 0, "size", 23),
        ),
    ),
    "a longer text than one of them can hold, in a record that is looked at anew in each run because a question is open": History(
        18,
        Setting(),
        (
            ("act", "alpha", "create", 0, "a0", "home"),
            ("run", False, (), (), ()),
            ("act", "beta", "edit", 0, "city", "c1"),
            ("act", "alpha", "edit", 0, "city", "c2"),
            ("act", "alpha", "edit", 0, "title", "t1-a long one"),
        ),
    ),
    "an automation turns a field back whenever we have written it": History(
        17,
        Setting(),
        (
            ("act", "alpha", "create", 0, "CTO", "home"),
            ("run", False, (), (), ()),
            *(
                ("act", "alpha", "edit", 0, "title", "CEO"),
                ("run", False, (), (), ()),
                ("act", "delta", "edit", 0, "title", "CTO"),
                ("run", False, (), (), ()),
            )
            * 8,
        ),
    ),
    "the process dies when a write is booked and its row not read back yet, in a system that cuts": History(
        8_100_059,
        Setting(keyed=False),
        (
            ("act", "gamma", "create", 0, "ga0", None),
            ("run", False, (), (), ()),
            ("act", "delta", "edit", 0, "title", "t11-a long one"),
            ("run", False, ((("beta", "fetch", 2), "crash"),), (), ()),
        ),
    ),
    "a person changed the key of the row of a create in doubt, and it was made twice": History(
        2_000_241,
        Setting(keyed=False, tells=True),
        (
            ("act", "alpha", "create", 0, "a0", "home 0"),
            ("run", False, (), (31,), ()),
            ("act", "beta", "move", 0, "p0.14@example.com"),
        ),
    ),
    "a person changed one value more, and the index did not show the row when it was looked for last": History(
        2_000_241,
        Setting(keyed=False, lag_s=30.0, tells=True),
        (
            ("act", "alpha", "create", 0, "a0", "home 0"),
            ("act", "beta", "create", 2, "a2", None),
            ("act", "beta", "create", 1, "t1"),
            ("run", False, ((("beta", "push", 1), Trouble.DONE),), (), ()),
            ("wait", 400),
            ("act", "beta", "edit", 0, "city", "c11"),
            ("act", "beta", "move", 0, "p0.14@example.com"),
            ("run", False, (), (), ()),
        ),
    ),
    "a create was sent twice, and the first one landed after an edit of what the second had made": History(
        3_000_027,
        Setting(tells=True),
        (
            ("act", "delta", "create", 0, "da0", "home 0"),
            ("run", False, ((("alpha", "push", 1), Trouble.LATE),), (), ()),
            ("act", "gamma", "edit", 0, "title", "t3"),
            ("run", False, (), (), ()),
        ),
    ),
    "an opt-out could not be told where consent was hidden, and is seen again in the row that is read back": History(
        1882,
        Setting(lag_s=30.0),
        (
            ("act", "alpha", "create", 2, "a2", "home 2"),
            ("run", False, ((("gamma", "fetch", 1), "crash"),), (), ()),
            (
                "run",
                True,
                (
                    (("alpha", "hide", "consent"), "hidden"),
                    (("beta", "fetch", 2), ("edit", 2, "title", "t105-a long one")),
                ),
                (),
                (),
            ),
            ("act", "gamma", "optout", 2),
            ("wait", 400),
            ("run", False, (), (), ()),
        ),
    ),
    "somebody edits the row under a new address whose answer was lost": History(
        5,
        Setting(leaves=True),
        (
            ("act", "delta", "create", 0, "a0", "home 0"),
            ("run", False, (), (), ()),
            ("wait", 400),
            ("act", "delta", "move", 0, "p0.2@example.com"),
            ("run", False, ((("gamma", "push", 1), "crash after"),), (), ()),
            ("act", "gamma", "edit", 0, "title", "t5"),
            ("wait", 400),
            ("run", False, (), (), ()),
        ),
    ),
    "a write given up lands while its system is out for long, and is seen when that is back": History(
        3881,
        Setting(tells=True, dead="gamma"),
        (
            ("act", "alpha", "create", 0, "a0", None),
            ("act", "beta", "create", 2, "ba2", None),
            ("run", False, ((("gamma", "push", 2), Trouble.LATE),), (), ()),
            ("act", "alpha", "edit", 2, "title", "t6-a long one"),
            ("run", False, (), (), ()),
        ),
    ),
    "a create was sent twice, its row has another key, and the first one lands as a row of its own": History(
        8446,
        Setting(keyed=False, tells=True),
        (
            ("act", "alpha", "create", 0, "a0", None),
            ("run", False, ((("gamma", "push", 1), Trouble.LATE),), (), ()),
            ("act", "beta", "move", 0, "p0.10@example.com"),
            ("run", False, (), (), ()),
        ),
    ),
}


def violations(what: str) -> list[Violation]:
    """What a history of the corpus breaks. In none of them does a value lose to one that it was made from: a false conflict."""
    outcome = CORPUS[what].run()
    false = outcome.counts["false losers"]
    echoes = [Violation("L7", f"{false} values lost to those that they were made from")] if false else []
    return outcome.violations + echoes

"""Histories that once broke the law, shortened."""

from __future__ import annotations

from tests.consent.history import History
from tests.consent.town import Setting

CORPUS = {
    "whoever had an address that somebody who is out had taken was not told": History(
        138,
        Setting(),
        (
            ("act", "letrics", "create", "ada@acme.example.com", None, 0, False),
            ("act", "abmatic", "create", "bob@acme.example.com", "in", 0, False),
            ("run", True, (), (), (), ()),
            ("act", "abmatic", "move", "ada@acme.example.com", "bob@acme.example.com", 9),
            ("act", "conversion", "optout", "ada@acme.example.com", 18),
        ),
    ),
    "whoever was deleted in a system that cannot be listed and made anew there, subscribed, was not found": History(
        433,
        Setting(),
        (
            ("act", "salesforce", "create", "ada@acme.example.com", None, 0, False),
            ("run", True, (), (), (), ()),
            ("act", "salesforce", "optout", "ada@acme.example.com", 11),
            ("act", "conversion", "delete", "ada@acme.example.com", 0),
            ("run", True, (), (), (), ()),
            ("run", True, (), (), (), ()),
            ("act", "conversion", "create", "ada@acme.example.com", "in", 19, False),
        ),
    ),
    "an old file was loaded over an opt-out that a killed run had written and not read back: it counted as ignored": History(
        10058,
        Setting(leads=True),
        (
            ("act", "letrics", "create", "cyd@globex.example.com", "in", 0, False),
            ("act", "activecampaign", "create", "cyd@globex.example.com", "in", 0, False),
            ("act", "salesforce", "create", "cyd@globex.example.com", None, 0, True),
            ("run", True, (), (), (), ()),
            ("act", "abmatic", "optout", "cyd@globex.example.com", 9),
            ("run", False, ((24, "crash"),), (), (), ()),
            ("act", "salesforce", "import", "cyd@globex.example.com", 9),
        ),
    ),
    "the gate of Abmatic knew no flags": History(
        102,
        Setting(),
        (
            ("act", "letrics", "create", "ada@acme.example.com", None, 0, False),
            ("run", True, (), (), (), ()),
            ("act", "activecampaign", "optout", "ada@acme.example.com", 17),
        ),
    ),
}

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

"""A rule that is switched off is missed: what the table of docs/reliability.md says is caught, is caught."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.rules_off.__main__ import caught_by
from tests.rules_off.rules import RULES

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
TABLE = PAGE.read_text(encoding="utf-8").split("## Rules switched off")[1].split("## Faults")[0]


def test_the_table_names_every_rule():
    """Each rule is in the table, and the table invents none."""
    rows = set(re.findall(r"^\| ([a-z][^|]*) \|", TABLE, flags=re.MULTILINE)) - {"rule"}
    assert rows == {rule.name for rule in RULES}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_that_is_switched_off_is_missed(rule):
    """A law breaks, or a test fails."""
    assert caught_by(rule, seed=1, histories=60)

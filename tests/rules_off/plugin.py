"""`-p tests.rules_off.plugin --rule-off NAME`: runs tests without one rule."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rules_off.rules import RULES


def pytest_addoption(parser: pytest.Parser) -> None:
    """The rule to switch off."""
    parser.addoption("--rule-off", metavar="NAME", help="switch off this rule of tests/rules_off/rules.py")


@pytest.fixture(autouse=True)
def _without_the_rule(request: pytest.FixtureRequest) -> Iterator[None]:
    rule = next(rule for rule in RULES if rule.name == request.config.getoption("--rule-off"))
    with rule.off():
        yield

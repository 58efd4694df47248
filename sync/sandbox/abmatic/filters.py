"""Query parameters of the A1 lists: which list honours which, and as what test on a row.

Only what the seed names is honoured; every other parameter is ignored without a word, as is every filter on campaigns
and groups (fact sheet 1.2, trap T-A15). Date filters know whole days, in the server's own zone (trap T-A2).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sync.sandbox.abmatic.listing import Test
from sync.sandbox.abmatic.settings import Settings
from sync.sandbox.abmatic.stamps import day_starts, next_day_starts
from sync.sandbox.wire import Request

PER_PAGE_DEFAULT, PER_PAGE_MAX = 50, 100
DATES = ("created_after", "created_before", "updated_after")
HONOURED = {
    "accounts": (*DATES, "industry", "engagement_score_min", "size"),
    "contacts": (*DATES, "engagement_score_min", "account_id", "seniority"),
    "visitors": ("created_after", "created_before"),
}
SIZE = re.compile(r"(\d+)(?:-(\d+)|[+ ])")
"""The seed's sample sends ``size=1000+`` as it stands, and a plus sign in a query is read as a space."""


class BadParameter(ValueError):
    """A query parameter that is honoured has a value that cannot be; answered with 400."""

    def __init__(self, name: str, wanted: str) -> None:
        super().__init__(f"The '{name}' parameter must be {wanted}")
        self.name = name


def page_asked(request: Request, settings: Settings) -> tuple[int, int]:
    """Page and rows per page; raises BadParameter."""
    page = _whole("page", request.param("page", "1"))
    per_page = _whole("per_page", request.param("per_page", str(PER_PAGE_DEFAULT)))
    if per_page > PER_PAGE_MAX and settings.per_page_mode == "reject":
        raise BadParameter("per_page", f"at most {PER_PAGE_MAX}")
    return page, min(per_page, PER_PAGE_MAX)


def test_of(name: str, request: Request, settings: Settings) -> tuple[tuple[tuple[str, str], ...], Test | None]:
    """The honoured filters of a request, and all of them as one test on a row; None when there are none."""
    asked = tuple((key, value) for key, value in request.query if key in HONOURED.get(name, ()))
    tests = [BUILDERS[key](key, value, settings) for key, value in asked]
    if not tests:
        return asked, None
    if len(tests) == 1:
        return asked, tests[0]
    return asked, lambda row: all(test(row) for test in tests)


def _whole(name: str, value: str | None) -> int:
    if value is None or not value.isdecimal() or int(value) < 1:
        raise BadParameter(name, "a whole number from 1")
    return int(value)


def _after(name: str, value: str, settings: Settings) -> Test:
    field = name.replace("_after", "_at")
    start = day_starts if settings.filter_inclusive else next_day_starts
    since = _day(name, value, settings, start)
    return lambda row: str(row.get(field, "")) >= since


def _before(name: str, value: str, settings: Settings) -> Test:
    field = name.replace("_before", "_at")
    start = next_day_starts if settings.filter_inclusive else day_starts
    until = _day(name, value, settings, start)
    return lambda row: str(row.get(field, "")) < until


def _day(name: str, value: str, settings: Settings, start: Callable[[str, float], str]) -> str:
    """Where the day begins; of a full time only the day counts."""
    try:
        return start(value[:10], settings.filter_zone_h)
    except ValueError as error:
        raise BadParameter(name, "an ISO 8601 date, e.g. 2026-01-31") from error


def _equal(name: str, value: str, _: Settings) -> Test:
    return lambda row: row.get(name) == value


def _score(name: str, value: str, _: Settings) -> Test:
    if not value.lstrip("-").isdecimal():
        raise BadParameter(name, "a whole number")
    least = int(value)
    return lambda row: (row.get("engagement_score") or 0) >= least


def _size(name: str, value: str, _: Settings) -> Test:
    found = SIZE.fullmatch(value)
    if found is None:
        raise BadParameter(name, "a range, e.g. 51-200 or 1000+")
    low, high = int(found[1]), int(found[2] or 10**12)
    return lambda row: low <= (row.get("employee_count") or 0) <= high


BUILDERS: dict[str, Callable[[str, str, Settings], Test]] = {
    "created_after": _after,
    "updated_after": _after,
    "created_before": _before,
    "industry": _equal,
    "account_id": _equal,
    "seniority": _equal,
    "engagement_score_min": _score,
    "size": _size,
}

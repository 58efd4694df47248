"""Filters of a feed: what may be asked of the server, and asked again here.

A server that ignores a filter answers with everything, so each filter is checked on the rows as well (T-A15).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl

from sync.connectors.abmatic.profiles import Endpoint
from sync.connectors.abmatic.rows import Row, moment, read
from sync.errors import DriftError
from sync.model.remote import Feed

_ZONE_SLACK: Final = timedelta(days=1)
"""A date without a zone may begin half a day sooner or later."""
_EQUAL: Final = frozenset({"industry", "account_id", "seniority"})
_LEAST: Final = frozenset({"engagement_score_min", "min_score"})
_SIZE: Final = re.compile(r"(\d+)(?:-(\d+)|\+)?")


def filters_of(feed: Feed, endpoint: Endpoint) -> dict[str, str]:
    """The feed's `where` (as a query string, ``industry=Software&size=51-200``) and `params` together.

    Raises DriftError for a filter that this list does not document: a server that ignores it would answer everything.
    """
    asked = dict(parse_qsl(feed.where or "", keep_blank_values=True))
    if "size" in asked:
        # The vendor's own sample writes `size=1000+`, and a plus sign in a query reads as a space.
        asked["size"] = asked["size"].replace(" ", "+")
    asked |= {name: str(value) for name, value in feed.params.items()}
    unknown = sorted(set(asked) - endpoint.filters)
    if unknown:
        known = ", ".join(sorted(endpoint.filters)) or "none"
        raise DriftError(f"Abmatic {endpoint.object} has no filter {unknown[0]}", remedy=f"Filters: {known}.")
    return asked


def passes(row: Row, asked: Mapping[str, str]) -> bool:
    """Whether a row is what the filters ask for, as far as can be told from it."""
    return all(_passes(row, name, value) for name, value in asked.items())


def _passes(row: Row, name: str, value: str) -> bool:
    if name in _EQUAL:
        found = read(row, name)
        return not isinstance(found, str) or found.casefold() == value.casefold()
    if name in _LEAST or name == "max_score":
        return _scored(row, name, value)
    if name == "size":
        return _sized(row, value)
    return _in_time(row, name, moment(value))


def _scored(row: Row, name: str, bound: str) -> bool:
    score = read(row, "engagement_score")
    if not isinstance(score, int | float):
        return True
    return score >= float(bound) if name in _LEAST else score <= float(bound)


def _sized(row: Row, wanted: str) -> bool:
    """Whether a company is of a size: by the band that the row tells, else by its count. The two may disagree (`apis/` 1.8)."""
    count, band, asked = read(row, "employee_count"), read(row, "size"), _span(wanted)
    told = _span(band) if isinstance(band, str) else (count, count) if isinstance(count, int) else None
    return asked is None or told is None or (told[0] <= asked[1] and told[1] >= asked[0])


def _span(size: str) -> tuple[float, float] | None:
    """Least and most of ``51-200``, ``1000+`` or ``40``."""
    found = _SIZE.fullmatch(size.strip())
    if found is None:
        return None
    low = float(found[1])
    most = float("inf") if size.strip().endswith("+") else low
    return low, float(found[2]) if found[2] else most


def _in_time(row: Row, name: str, bound: datetime | None) -> bool:
    """A date filter, with slack for the zone: it must never drop what the server rightly returned."""
    field, _, side = name.partition("_")
    found = moment(row.get(f"{field}_at"))
    if bound is None or found is None:
        return True
    return found >= bound - _ZONE_SLACK if side == "after" else found <= bound + _ZONE_SLACK

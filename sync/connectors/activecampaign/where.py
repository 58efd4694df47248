"""A native condition of a mapping: `where` as a query string, and `params`, which are the same as a table.

On contacts they are parameters of the vendor's list, ``listid=3&status=1``. One that the vendor does not know is ignored there
without a word (`apis/activecampaign.md` 1) and everybody is read: so only those of its sheet are let through. The other lists know
no filter that could be relied on (same, 5): there they are columns with patterns, ``tag=abm:*``, and are compared here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import parse_qsl

from sync.connectors.activecampaign.api import Row
from sync.errors import DriftError
from sync.model.remote import Feed

FILTERS: Final = (
    *("email", "email_like", "search", "phone", "listid", "tagid", "formid", "seriesid", "segmentid", "forceQuery"),
    *("waitid", "status", "exclude", "in_group_lists", "filters[created_after]", "filters[created_before]"),
)
"""What the list of contacts can be asked for and is not ours to set (`apis/activecampaign.md` 4)."""


def conditions(feed: Feed) -> dict[str, Any]:
    """The parameters that a feed of contacts adds to every read. Raises DriftError for what is none, or is ours to set."""
    found = asked(feed)
    for name in found:
        if name not in FILTERS:
            near = get_close_matches(name, FILTERS, 1)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise DriftError(
                f"ActiveCampaign contacts cannot be asked for {name!r}",
                remedy=f"{hint}Write it as query parameters, for example listid=3. Known: {', '.join(FILTERS)}.",
            )
    return found


def passes(feed: Feed, rows: Iterable[Row]) -> list[Row]:
    """The rows of another collection that its condition asks for, without regard to case.

    Raises DriftError for a column that none of the rows has: nothing would ever fit.
    """
    wanted, rows = asked(feed), list(rows)
    for name in wanted:
        if rows and not any(name in row for row in rows):
            known = ", ".join(sorted({column for row in rows for column in row if column != "links"}))
            raise DriftError(f"ActiveCampaign {feed.object} have no column {name!r}", remedy=f"Columns: {known}.")
    return [row for row in rows if all(_fits(row, name, pattern) for name, pattern in wanted.items())]


def _fits(row: Row, name: str, pattern: Any) -> bool:
    return fnmatchcase(str(row.get(name) or "").casefold(), str(pattern).casefold())


def asked(feed: Feed) -> dict[str, Any]:
    """`where` and `params` together, the latter prevailing. Raises DriftError for a `where` that is no query string."""
    try:
        given: Mapping[str, Any] = dict(parse_qsl(feed.where, strict_parsing=True)) if feed.where else {}
    except ValueError:
        raise DriftError(
            f"the condition on {feed.object} is none that ActiveCampaign can be asked",
            remedy='Write it as a query string: where = "listid=3", or where = "tag=abm:*".',
        ) from None
    return {**given, **feed.params}

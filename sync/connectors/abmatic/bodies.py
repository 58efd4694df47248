"""What a request to Abmatic says: bodies from native paths, whole or in part, in the names that the server takes.

Whether a PUT replaces the row and how its names are written is not documented (`apis/` 1.9): both are settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sync.connectors.abmatic.rows import ALIASES, Row, at, read
from sync.model.values import MISSING, Native, is_blank

_COMPUTED: Final = re.compile(
    r"id|created_at|updated_at|account|groups|analytics|temperature|abmatic_link|is_enriched|enriched_at|source"
    r"|last_seen(_at)?|last_turned_hot_at|.*_score|(linkedin_)?last_\d+_days_.*|linkedin_last_.*|linkedin_recently_.*"
    r"|last_conversion_at|conversion_events|visited_pages|visitors_count|associated_account_collections"
)
"""Columns that Abmatic computes: never sent back, unless a mapping names one."""

_HUMP: Final = re.compile(r"(?<=[a-z0-9])_([a-z])")


def nest(values: Mapping[str, Native]) -> dict[str, Any]:
    """A request body from paths."""
    body: dict[str, Any] = {}
    for path, value in values.items():
        _lay(body, path, value)
    return body


def merged(row: Row, values: Mapping[str, Native]) -> dict[str, Any]:
    """The whole writable row with our values laid over it, for a PUT that may replace everything (`apis/` 1.9).

    Computed columns stay at home. So do blank ones that are not ours: what a sent blank means is not documented.
    """
    body = {name: value for name, value in row.items() if not _COMPUTED.fullmatch(name) and not is_blank(value)}
    account = at(row, "account.id")
    if "account_id" not in row and isinstance(account, str):
        # A contact may tell its account by the object alone; left out, a replacing PUT would cut it off.
        body["account_id"] = account
    return _laid(body, row, values)


def partial(row: Row, values: Mapping[str, Native]) -> dict[str, Any]:
    """What differs from the row alone, under the row's own names, for a PUT that leaves the rest; an object inside it goes whole."""
    news = {path: value for path, value in values.items() if not same(read(row, path), value)}
    whole = _laid(dict(row), row, news)
    return {name: value for name, value in whole.items() if value is not row.get(name, MISSING)}


def same(have: Native, want: Native) -> bool:
    """Whether a row holds a value already; one blank is as good as another."""
    if is_blank(have) and is_blank(want):
        return True
    return type(have) is type(want) and bool(have == want)


def camelled(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body under the names that the vendor's JavaScript sample uses: ``firstName`` for ``first_name``, at every depth.

    Where both spellings stand in it, ours wins: it is the one that was laid into it in snake_case.
    """
    names = sorted(body, key=lambda name: _camel(name) != name)
    return {_camel(name): camelled(body[name]) if isinstance(body[name], Mapping) else body[name] for name in names}


def _camel(name: str) -> str:
    return _HUMP.sub(lambda found: found[1].upper(), name)


def _laid(body: dict[str, Any], row: Row, values: Mapping[str, Native]) -> dict[str, Any]:
    for path, value in values.items():
        _lay(body, _wire_name(row, path), value)
    return body


def _wire_name(row: Row, path: str) -> str:
    """The name that this row itself uses for a path."""
    if at(row, path) is not MISSING:
        return path
    return next((name for name in ALIASES.get(path, ()) if "." not in name and name in row), path)


def _lay(body: dict[str, Any], path: str, value: Native) -> None:
    head, dot, rest = path.partition(".")
    if not dot or path in body:
        body[path] = value
        return
    inner = body.get(head)
    copy = dict(inner) if isinstance(inner, Mapping) else {}
    _lay(copy, rest, value)
    body[head] = copy

"""COUNT(), and the aggregate functions with or without GROUP BY."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sync.sandbox.salesforce.refusals import Refusal
from sync.sandbox.salesforce.search import Search
from sync.sandbox.salesforce.soql import Call, Query
from sync.sandbox.salesforce.times import json_text
from sync.sandbox.store import Row

FUNCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "COUNT": len,
    "COUNT_DISTINCT": lambda values: len(set(values)),
    "MIN": lambda values: min(values, default=None),
    "MAX": lambda values: max(values, default=None),
    "SUM": lambda values: sum(values) if values else None,
    "AVG": lambda values: sum(values) / len(values) if values else None,
}


def is_count(query: Query) -> bool:
    """Whether the query is a bare ``SELECT COUNT()``."""
    return len(query.select) == 1 and isinstance(query.select[0], Call) and not query.select[0].path


def is_aggregate(query: Query) -> bool:
    """Whether the query answers AggregateResult rows."""
    return bool(query.group) or any(isinstance(item, Call) and item.name in FUNCTIONS for item in query.select)


def aggregate(search: Search) -> list[dict[str, Any]]:
    """The AggregateResult rows; raises Refusal."""
    query, filters = search.query, search.filters()
    keys = [filters.column(path)[2] for path in query.group]
    columns = [_column(search, item, number) for number, item in enumerate(query.select)]
    groups: dict[tuple[Any, ...], list[Row]] = {} if keys else {(): []}
    for row in search.rows():
        groups.setdefault(tuple(read(row) for read in keys), []).append(row)
    return [
        {"attributes": {"type": "AggregateResult"}, **{name: of(rows) for name, of in columns}}
        for rows in groups.values()
    ]


def _column(search: Search, item: Any, number: int) -> tuple[str, Callable[[list[Row]], Any]]:
    if isinstance(item, Query) or (isinstance(item, Call) and item.name not in FUNCTIONS):
        raise Refusal("MALFORMED_QUERY", "unexpected token in an aggregate query")
    path = item.path if isinstance(item, Call) else item
    if not isinstance(item, Call) and path not in search.query.group:
        raise Refusal("MALFORMED_QUERY", f"Field must be grouped or aggregated: {'.'.join(path)}")
    _, field, read = search.filters().column(path or ("Id",))
    plain = isinstance(item, Call) and item.name.startswith("COUNT")

    def show(value: Any) -> Any:
        return json_text(value) if field.type == "datetime" and value is not None and not plain else value

    if not isinstance(item, Call):
        return path[-1], lambda rows: show(read(rows[0]))
    function = FUNCTIONS[item.name]
    return item.alias or f"expr{number}", lambda rows: show(
        function([v for row in rows if (v := read(row)) is not None])
    )

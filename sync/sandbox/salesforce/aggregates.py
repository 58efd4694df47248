"""COUNT(), and the aggregate functions with or without GROUP BY.

A group stands for a row whose one column, `ROWS`, is the list of its rows: so HAVING and ORDER BY are those of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

from sync.sandbox.salesforce.columns import Reader
from sync.sandbox.salesforce.fields import Field
from sync.sandbox.salesforce.filters import Filters
from sync.sandbox.salesforce.refusals import Refusal
from sync.sandbox.salesforce.schema import SObject
from sync.sandbox.salesforce.search import Search
from sync.sandbox.salesforce.soql import Call, Operand, Query
from sync.sandbox.salesforce.times import json_text
from sync.sandbox.store import Row

ROWS = "rows"
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


class GroupFilters(Filters):
    """Conditions on groups of rows: their columns are the grouped fields and the aggregates."""

    def column(self, path: Operand) -> tuple[SObject, Field, Reader]:
        """Like that of rows, but read from a group; raises Refusal MALFORMED_QUERY for a field not grouped by."""
        if not isinstance(path, Call):
            if self._query.local(path) not in map(self._query.local, self._query.group):
                raise Refusal("MALFORMED_QUERY", f"Field must be grouped or aggregated: {'.'.join(path)}")
            kind, field, read = super().column(path)
            return kind, field, lambda group: read(group[ROWS][0])
        if path.name not in FUNCTIONS:
            raise Refusal("MALFORMED_QUERY", f"unexpected token: '{path.name}'")
        kind, field, read = super().column(path.path or ("Id",))
        function = FUNCTIONS[path.name]
        counted = Field(path.name, "double") if path.name.startswith("COUNT") else field
        return kind, counted, lambda group: function([v for row in group[ROWS] if (v := read(row)) is not None])


def aggregate(search: Search) -> list[dict[str, Any]]:
    """The AggregateResult rows; raises Refusal."""
    query = search.query
    groups = _groups(search)
    filters = GroupFilters(search.database, search.kind, query, search.values)
    if query.having is not None:
        groups = list(filter(filters.test(query.having), groups))
    for part in reversed(query.order):
        groups.sort(key=search.sort_key(filters, part), reverse=part.descending)
    end = None if query.limit is None else query.offset + query.limit
    numbers = count()
    columns = [_column(filters, item, numbers) for item in query.select]
    return [
        {"attributes": {"type": "AggregateResult"}, **{name: of(group) for name, of in columns}}
        for group in groups[query.offset : end]
    ]


def _groups(search: Search) -> list[Row]:
    plain = replace(search, query=replace(search.query, order=(), limit=None, offset=0))
    keys = [search.filters().column(path)[2] for path in search.query.group]
    groups: dict[tuple[Any, ...], list[Row]] = {} if keys else {(): []}
    for row in plain.rows():
        groups.setdefault(tuple(read(row) for read in keys), []).append(row)
    return [{ROWS: rows} for rows in groups.values()]


def _column(filters: GroupFilters, item: Any, numbers: count[int]) -> tuple[str, Reader]:
    """Name and reader of a selected column; aggregates without an alias are numbered among themselves."""
    if isinstance(item, Query):
        raise Refusal("MALFORMED_QUERY", "unexpected token in an aggregate query")
    _, field, read = filters.column(item)
    name = (item.alias or f"expr{next(numbers)}") if isinstance(item, Call) else item[-1]
    return name, lambda group: _shown(field, read(group))


def _shown(field: Field, value: Any) -> Any:
    return json_text(value) if field.type == "datetime" and value is not None else value

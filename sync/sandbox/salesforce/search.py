"""Running a query: which index serves it, in which order, and how a row is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sync.sandbox.salesforce.columns import csv_reader, json_reader
from sync.sandbox.salesforce.database import Database
from sync.sandbox.salesforce.filters import HINT, Filters, folds, parents, through
from sync.sandbox.salesforce.refusals import Refusal
from sync.sandbox.salesforce.schema import SObject
from sync.sandbox.salesforce.soql import Call, Path, Query, Sorting, at_place
from sync.sandbox.salesforce.spans import Span
from sync.sandbox.store import Row

FIELDS_LIMIT = 200
OFFSET_MAX = 2000
Show = Callable[[Row], dict[str, Any]]


@dataclass(frozen=True)
class Search:
    """One query ready to run; ``deleted`` lets rows of the recycle bin in."""

    database: Database
    kind: SObject
    query: Query
    deleted: bool
    base: str

    @classmethod
    def of(cls, database: Database, query: Query, *, deleted: bool, base: str) -> Search:
        """Checks object, columns and limits; raises Refusal."""
        kind = database.schema.find(query.object)
        if kind is None:
            message = f"sObject type '{query.object}' is not supported. {OBJECT_HINT}"
            raise at_place(query.text, max(query.text.find(query.object), 0), "INVALID_TYPE", message)
        if query.offset > OFFSET_MAX:
            raise Refusal("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {OFFSET_MAX}")
        return cls(database, kind, query, deleted or query.all_rows, base)

    def filters(self) -> Filters:
        """The compiler of this query's conditions."""
        return Filters(self.database, self.kind, self.query, self.values)

    def values(self, query: Query) -> set[Any]:
        """What a sub-select of a semi-join finds; raises Refusal."""
        inner = Search.of(
            self.database,
            Query(query.select, query.object, query.where, alias=query.alias, text=self.query.text),
            deleted=self.deleted,
            base="",
        )
        if len(query.select) != 1 or not isinstance(query.select[0], tuple):
            raise Refusal("MALFORMED_QUERY", "a semi join sub-select may select one field only")
        _, _, read = inner.filters().column(query.select[0])
        return {read(row) for row in inner.rows()}

    # rows -------------------------------------------------------------------------------------------------------------
    def rows(self, among: Iterable[Row] | None = None) -> list[Row]:
        """Matching rows (of `among`, if given) in order, offset and limit applied."""
        filters = self.filters()
        where = self.query.where
        test = filters.test(where) if where is not None else None
        source, in_order = self._source(filters) if among is None else (iter(list(among)), not self.query.order)
        found: Iterable[Row] = source if self.deleted else (row for row in source if "IsDeleted" not in row)
        if test is not None:
            found = (row for row in found if test(row))
        if not in_order:
            found = self._sorted(filters, found)
        end = None if self.query.limit is None else self.query.offset + self.query.limit
        return list(islice(found, self.query.offset, end))

    def _source(self, filters: Filters) -> tuple[Iterator[Row], bool]:
        """Candidate rows from the best index, and whether they come in the order asked for."""
        index, order = self.database.index(self.kind), self.query.order
        exact = filters.exact(self.query.where) if self.query.where is not None else None
        if exact is not None:
            return self._looked_up(*exact), not order
        paths = [self.query.local(part.path) for part in order if not isinstance(part.path, Call)]
        names = [path[0].lower() for path in paths if len(path) == 1]
        down = {part.descending for part in order}
        stamps, ids = self._bounds(filters, "SystemModstamp"), self._bounds(filters, "Id")
        same_way = len(down) <= 1 and len(names) == len(order)
        if names[:1] == ["systemmodstamp"] or (not order and stamps != (None, None)):
            in_order = same_way and names in (["systemmodstamp"], ["systemmodstamp", "id"], [])
            return index.by_stamp(*stamps, backwards=in_order and True in down), in_order
        if ids != (None, None) or names == ["id"]:
            return index.by_id(*ids, backwards=names == ["id"] and True in down), not order or names == ["id"]
        if stamps != (None, None):
            return index.by_stamp(*stamps), False
        return iter(list(self.database.store.table(self.kind.name).values())), not order

    def _bounds(self, filters: Filters, name: str) -> Span:
        return (None, None) if self.query.where is None else filters.bounds(self.query.where, name)

    def _looked_up(self, name: str, texts: list[str]) -> Iterator[Row]:
        index, table = self.database.index(self.kind), self.database.store.table(self.kind.name)
        for text in dict.fromkeys(texts):
            if name == "Id":
                row = table.get(text)
                if row is not None:
                    yield row
            else:
                yield from index.equal(name, text)

    def _sorted(self, filters: Filters, rows: Iterable[Row]) -> list[Row]:
        found = list(rows)
        for part in reversed(self.query.order):
            found.sort(key=self.sort_key(filters, part), reverse=part.descending)
        return found

    def sort_key(self, filters: Filters, part: Sorting) -> Callable[[Row], Any]:
        """What rows are sorted by; raises Refusal for a column that cannot be sorted."""
        _, field, read = filters.column(part.path)
        if field.long_text or field.type == "address":
            raise Refusal("MALFORMED_QUERY", f"field '{field.name}' can not be sorted in a query call")
        fold = folds(field)
        empty_rank = part.nulls_last != part.descending

        def key(row: Row) -> Any:
            value = fold(read(row))
            return (empty_rank, 0) if value is None else (not empty_rank, value)

        return key

    # showing ----------------------------------------------------------------------------------------------------------
    def paths(self) -> list[Path]:
        """The selected columns, FIELDS() unfolded; raises Refusal for what is no plain column."""
        found: list[Path] = []
        for item in self.query.select:
            if isinstance(item, Call):
                found.extend(self._fields(item))
            elif isinstance(item, tuple):
                found.append(self.query.local(item))
        return list(dict.fromkeys(found))

    def _fields(self, call: Call) -> list[Path]:
        which = call.path[0].upper() if call.path else ""
        if call.name != "FIELDS" or which not in ("ALL", "STANDARD", "CUSTOM"):
            raise Refusal("MALFORMED_QUERY", f"unexpected token: '{call.name}'")
        if which != "STANDARD" and (self.query.limit is None or self.query.limit > FIELDS_LIMIT):
            raise Refusal("MALFORMED_QUERY", f"The SOQL FIELDS function must have a LIMIT of at most {FIELDS_LIMIT}")
        return [(f.name,) for f in self.kind.fields() if which == "ALL" or f.custom == (which == "CUSTOM")]

    def show(self) -> Show:
        """Makes the JSON of a row: attributes first, then the columns in the order of SELECT."""
        parts = _tree(self.paths())
        children = [item for item in self.query.select if isinstance(item, Query)]
        show = self._shown(self.kind, parts)
        if not children:
            return show
        related = [self._related(child) for child in children]

        def with_children(row: Row) -> dict[str, Any]:
            return {**show(row), **{name: rows(row) for name, rows in related}}

        return with_children

    def _shown(self, kind: SObject, parts: dict[str, Any]) -> Show:
        filters = Filters(self.database, kind, self.query, self.values)
        cells: list[tuple[str, Callable[[Row], Any]]] = []
        for name, below in parts.items():
            if below:
                cells.append(self._parent(kind, name, below))
            else:
                _, field, _ = filters.column((name,))
                cells.append((field.name, json_reader(self.database, kind, field)))
        prefix = f"{self.base}/sobjects/{kind.name}/"
        type_name = kind.name

        def show(row: Row) -> dict[str, Any]:
            out: dict[str, Any] = {"attributes": {"type": type_name, "url": prefix + row["Id"]}}
            for name, read in cells:
                out[name] = read(row)
            return out

        return show

    def _parent(self, kind: SObject, name: str, below: dict[str, Any]) -> tuple[str, Callable[[Row], Any]]:
        link = kind.relationship(name)
        if link is None:
            message = f"Didn't understand relationship '{name}' in field path. {HINT}"
            raise at_place(self.query.text, max(self.query.text.find(name), 0), "INVALID_FIELD", message)
        shown = {other: self._shown(self.database.schema.known(other), below) for other in link.refers}
        find, column = parents(self.database, link), json_reader(self.database, kind, link)

        def parent(row: Row) -> dict[str, Any] | None:
            row_id = column(row)
            found = find(row_id) if row_id else None
            target = self.database.schema.of_id(row_id) if found else None
            return None if found is None or target is None else shown[target.name](found)

        return link.relationship or name, parent

    def _related(self, child: Query) -> tuple[str, Callable[[Row], Any]]:
        found = self.database.schema.child_relationship(self.kind, child.object)
        if found is None:
            message = f"Didn't understand relationship '{child.object}' in FROM part of query call. {HINT}"
            raise at_place(self.query.text, max(self.query.text.find(child.object), 0), "INVALID_TYPE", message)
        kind, field = found
        inner = replace(child, object=kind.name, group=(), having=None, text=self.query.text)
        search = Search(self.database, kind, inner, self.deleted, self.base)
        show, index = search.show(), self.database.index(kind)

        def rows(parent: Row) -> dict[str, Any] | None:
            kept = search.rows(index.equal(field.name, parent["Id"]))
            return {"totalSize": len(kept), "done": True, "records": [show(row) for row in kept]} if kept else None

        return child.object, rows

    def csv_cells(self) -> list[tuple[str, Callable[[Row], str]]]:
        """Header and reader of every column for a Bulk result; raises Refusal for compound data."""
        filters = self.filters()
        cells: list[tuple[str, Callable[[Row], str]]] = []
        for path in self.paths():
            kind, field, _ = filters.column(path)
            if field.type == "address":
                raise Refusal("INVALIDENTITY", "Selecting compound data not supported in Bulk Query")
            read = csv_reader(self.database, kind, field)
            cells.append((".".join(path), self._csv_through(path, read)))
        return cells

    def _csv_through(self, path: Path, read: Callable[[Row], str]) -> Callable[[Row], str]:
        kind = self.kind
        links = []
        for name in path[:-1]:
            link = kind.relationship(name)
            if link is None:
                break
            links.append((kind, link))
            kind = self.database.schema.known(link.refers[0])
        for owner, link in reversed(links):
            inner = through(
                self.database, parents(self.database, link), json_reader(self.database, owner, link), read, link
            )
            read = _or_blank(inner)
        return read


OBJECT_HINT = (
    "If you are attempting to use a custom object, be sure to append the '__c' after the entity name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)


def _or_blank(read: Callable[[Row], Any]) -> Callable[[Row], str]:
    return lambda row: read(row) or ""


def _tree(paths: list[Path]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    names: dict[Path, str] = {}
    for path in paths:
        here = tree
        at: Path = ()
        for part in path:
            at = (*at, part.lower())
            here = here.setdefault(names.setdefault(at, part), {})
    return tree


def aggregated(term: Any) -> bool:
    """Whether a select item is an aggregate."""
    return isinstance(term, Call) and term.name != "FIELDS"

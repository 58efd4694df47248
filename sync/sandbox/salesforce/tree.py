"""sObject Tree: records with their children in one request, all or nothing (apis/salesforce.md 3.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sync.sandbox.salesforce.collections import kind_of
from sync.sandbox.salesforce.composite import checked
from sync.sandbox.salesforce.database import RolledBack
from sync.sandbox.salesforce.org import Call, Route
from sync.sandbox.salesforce.refusals import Refusal
from sync.sandbox.salesforce.schema import SObject
from sync.sandbox.salesforce.writes import writer_for
from sync.sandbox.wire import Response, json_response

RECORDS_MAX = 200
DEPTH_MAX = 5
Node = dict[str, Any]


def tree(call: Call) -> Response:
    """``POST composite/tree/X``."""
    call.check_writable()
    kind = call.kind()
    records = checked(call.json_object().get("records"), RECORDS_MAX)
    if sum(1 for record in records for _ in walked(record, 1)) > RECORDS_MAX:
        raise Refusal("LIMIT_EXCEEDED", f"at most {RECORDS_MAX} records")
    planter = Planter(call)
    try:
        with call.database.transaction():
            planter.plant_all(kind, records)
    except RolledBack:
        return json_response(400, {"hasErrors": True, "results": planter.failed}, write=True)
    return json_response(201, {"hasErrors": False, "results": planter.made}, rows=len(planter.made), write=True)


def children(record: Node) -> dict[str, list[Node]]:
    """Child records by relationship name."""
    return {name: value["records"] for name, value in record.items() if isinstance(value, dict) and "records" in value}


def walked(record: Node, depth: int) -> Iterator[Node]:
    """A record and everything below it; raises Refusal when it is too deep."""
    if depth > DEPTH_MAX:
        raise Refusal("LIMIT_EXCEEDED", f"at most {DEPTH_MAX} levels")
    yield record
    for below in children(record).values():
        for child in below:
            yield from walked(child, depth + 1)


class Planter:
    """Creates trees and keeps the results of every record."""

    def __init__(self, call: Call) -> None:
        self.made: list[Node] = []
        self.failed: list[Node] = []
        self._call = call
        self._writer = writer_for(call.org, call.request.headers)

    def plant_all(self, kind: SObject, records: list[Node]) -> None:
        """Creates every record; raises RolledBack when one failed."""
        for record in records:
            self.plant(kind, record, {})
        if self.failed:
            raise RolledBack

    def plant(self, kind: SObject, record: Node, link: dict[str, str]) -> None:
        """Creates one record, linked to its parent, and then its children."""
        reference = str((record.get("attributes") or {}).get("referenceId", ""))
        below = children(record)
        try:
            row_id = self._created(kind, {**{n: v for n, v in record.items() if n not in below}, **link})
            self.made.append({"referenceId": reference, "id": row_id})
            for name, records in below.items():
                self._plant_below(kind, name, records, row_id)
        except Refusal as error:
            self.failed.append({"referenceId": reference, "errors": [error.as_row_error()]})

    def _created(self, kind: SObject, record: Node) -> str:
        if kind_of(self._call, record) is not kind:
            raise Refusal("INVALID_TYPE", f"the type of the record is not {kind.name}", [])
        return self._writer.create(kind, record)

    def _plant_below(self, kind: SObject, name: str, records: list[Node], parent_id: str) -> None:
        found = self._call.org.schema.child_relationship(kind, name)
        if found is None:
            raise Refusal("INVALID_FIELD", f"No such relationship '{name}' on sobject of type {kind.name}", [name])
        for record in records:
            self.plant(found[0], record, {found[1].name: parent_id})


ROUTES: list[Route] = [("POST", "composite/tree/:object", tree)]

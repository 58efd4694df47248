"""Writes rows through sObject Collections: up to 200 a request, each row on its own (``allOrNone`` false).

A request that is refused as a whole is halved until the row that poisons it stands alone; where a JSON type is refused, the
fields' types are learnt first. One that is refused to us (access, allowance) ends the push. Rows that meet a lock are tried
again a few times, alone; rows that were together too much for the org's triggers, a quarter as many at a time. After a
request whose outcome is unknown nothing more is sent in this push: its rows are in doubt, the rest certainly did not happen.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sync.connectors.salesforce import receipts
from sync.connectors.salesforce.faults import WHOLE_OBJECT, InDoubtError, RefusedError, aborting
from sync.connectors.salesforce.payload import by_operation, nested, operation, rounds
from sync.connectors.salesforce.session import Call, Repeat
from sync.errors import SyncError
from sync.model.clock import Clock
from sync.model.remote import Kind, Receipt, Write

if TYPE_CHECKING:
    from sync.connectors.salesforce.client import Client
    from sync.connectors.salesforce.schema import Schemas

ROWS_MAX = 200
LOCK_TRIES = 3
LOCK_WAIT_S = 1.0
FEWER = 4
_POISON = frozenset({400, 413, 414, 422})

Again = tuple[Write, bool]
"""A row worth a second try, and whether fewer rows should stand beside it then."""


class Collections:
    """Collections writes for one connector, at most `size` rows a request."""

    def __init__(self, client: Client, schemas: Schemas, clock: Clock, system: str, size: int = ROWS_MAX) -> None:
        self._client = client
        self._schemas = schemas
        self._clock = clock
        self._system = system
        self._size = size
        self._chance = random.Random(system)  # noqa: S311 - spreads retries, guards nothing

    def push(self, writes: Sequence[Write]) -> dict[int, Receipt]:
        """Receipts by number. Raises AuthError, QuotaError, UnreachableError only if the first request was not sent."""
        done: dict[int, Receipt] = {}
        waiting = deque(batch for group in by_operation(writes) for batch in rounds(group, self._size))
        while waiting:
            batch = waiting.popleft()
            try:
                self._patiently(batch, done)
            except SyncError as error:
                if not done:
                    raise
                left = [write for part in (batch, *waiting) for write in part if write.number not in done]
                return done | {write.number: receipts.unsent(write, error) for write in left}
        return done

    def _patiently(self, batch: Sequence[Write], done: dict[int, Receipt]) -> None:
        """One request, then again what is worth it; while that fails the rows keep the receipt they have."""
        again = self._halving([batch], done)
        for tries in range(LOCK_TRIES):
            if not again:
                return
            self._clock.sleep(LOCK_WAIT_S * 2**tries * self._chance.uniform(0.75, 1.25))
            again = self._halving(_smaller(again, self._size // FEWER ** (tries + 1)), done)

    def _halving(self, batches: Sequence[Sequence[Write]], done: dict[int, Receipt]) -> list[Again]:
        """Sends the batches, or what is left of them in halves; returns the rows worth a second try."""
        again: list[Again] = []
        parts = deque(map(list, batches))
        while parts:
            part = parts.popleft()
            try:
                again += self._request(part, done)
            except RefusedError as refused:
                if refused.stops:
                    raise aborting(refused, self._system, f"write {part[0].object}") from None
                if refused.code == "JSON_PARSER_ERROR" and self._learns(part[0].object):
                    parts.appendleft(part)
                elif len(part) == 1 or refused.status not in _POISON or refused.code in WHOLE_OBJECT:
                    done |= {write.number: receipts.of_refusal(write, refused.complaints[0]) for write in part}
                else:
                    middle = len(part) // 2
                    parts.extendleft([part[middle:], part[:middle]])
        return again

    def _learns(self, object: str) -> bool:  # noqa: A002 - the write's word
        """Whether the types of the object's fields were unknown and are known now, so that rows can be said again in them.

        Only a refusal makes us ask: most writes are of the right types, and a describe is a call.
        """
        if self._schemas.known(object) is not None:
            return False
        self._schemas.get(object)
        return True

    def _request(self, part: Sequence[Write], done: dict[int, Receipt]) -> list[Again]:
        try:
            answer = self._results(part)
        except InDoubtError as error:
            done |= {write.number: receipts.in_doubt(write, error.message) for write in part}
            raise
        again: list[Again] = []
        for write, result in zip(part, answer, strict=True):
            done[write.number], verdict = receipts.of_result(write, result)
            if verdict is not None and verdict.again:
                again.append((write, verdict.fewer))
        return again

    def _results(self, part: Sequence[Write]) -> list[dict[str, Any]]:
        answer = self._send(part)
        if (
            isinstance(answer, list)
            and len(answer) == len(part)
            and all(isinstance(r, dict) and "success" in r for r in answer)
        ):
            return answer
        raise InDoubtError("the answer does not have one result a row", system=self._system)

    def _send(self, part: Sequence[Write]) -> Any:
        first = part[0]
        exempt = first.kind is Kind.SUBSCRIBE
        once = Call(Repeat.UNAPPLIED, exempt=exempt)
        known = self._schemas.known(first.object)
        body = {"allOrNone": False, "records": [nested(write, known.types if known else {}) for write in part]}
        match operation(first):
            case "delete":
                ids = ",".join(str(write.remote_id) for write in part)
                return self._client.send(
                    "DELETE", "composite/sobjects", call=once, params={"ids": ids, "allOrNone": "false"}
                )
            case "update":
                return self._client.send("PATCH", "composite/sobjects", body, call=once)
            case "create":
                return self._client.send("POST", "composite/sobjects", body, call=once)
        path = f"composite/sobjects/{first.object}/{first.external_id}"
        return self._client.send("PATCH", path, body, call=Call(Repeat.ANSWERED, exempt=exempt))


def _smaller(again: Sequence[Again], size: int) -> list[list[Write]]:
    """The rows of one request, and those of which a request had too many, `size` at a time."""
    together = [write for write, fewer in again if not fewer]
    many, size = [write for write, fewer in again if fewer], max(size, 1)
    return ([together] if together else []) + [many[at : at + size] for at in range(0, len(many), size)]

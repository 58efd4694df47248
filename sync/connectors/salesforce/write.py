"""Writes rows through sObject Collections: up to 200 a request, each row on its own (``allOrNone`` false).

A request that is refused as a whole is halved until the row that poisons it stands alone. Rows that meet a lock are
tried again a few times, alone. After a request whose outcome is unknown nothing more is sent in this push: its rows
are in doubt, the rest certainly did not happen.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sync.connectors.salesforce import receipts
from sync.connectors.salesforce.faults import WHOLE_OBJECT, InDoubtError, RefusedError
from sync.connectors.salesforce.payload import by_operation, nested, operation, rounds
from sync.connectors.salesforce.session import Call, Repeat
from sync.errors import SyncError
from sync.model.clock import Clock
from sync.model.remote import Kind, Receipt, Write

if TYPE_CHECKING:
    from sync.connectors.salesforce.client import Client

ROWS_MAX = 200
LOCK_TRIES = 3
LOCK_WAIT_S = 1.0
_POISON = frozenset({400, 413, 414, 422})


class Collections:
    """Collections writes for one connector, at most `size` rows a request."""

    def __init__(self, client: Client, clock: Clock, system: str, size: int = ROWS_MAX) -> None:
        self._client = client
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
        """One request, then the rows that met a lock again, alone; while that fails they keep the receipt they have."""
        locked = self._halving(batch, done)
        for tries in range(LOCK_TRIES):
            if not locked:
                return
            self._clock.sleep(LOCK_WAIT_S * 2**tries * self._chance.uniform(0.75, 1.25))
            locked = self._halving(locked, done)

    def _halving(self, batch: Sequence[Write], done: dict[int, Receipt]) -> list[Write]:
        """Sends `batch`, or what is left of it in halves; returns the rows worth a second try."""
        again: list[Write] = []
        parts = deque([list(batch)])
        while parts:
            part = parts.popleft()
            try:
                again += self._request(part, done)
            except RefusedError as refused:
                if len(part) == 1 or refused.status not in _POISON or refused.code in WHOLE_OBJECT:
                    done |= {write.number: receipts.of_complaint(write, refused.complaints[0])[0] for write in part}
                else:
                    middle = len(part) // 2
                    parts.extendleft([part[middle:], part[:middle]])
        return again

    def _request(self, part: Sequence[Write], done: dict[int, Receipt]) -> list[Write]:
        try:
            answer = self._results(part)
        except InDoubtError as error:
            done |= {write.number: receipts.in_doubt(write, error.message) for write in part}
            raise
        again: list[Write] = []
        for write, result in zip(part, answer, strict=True):
            done[write.number], verdict = receipts.of_result(write, result)
            if verdict is not None and verdict.again:
                again.append(write)
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
        body = {"allOrNone": False, "records": [nested(write) for write in part]}
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

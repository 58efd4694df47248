"""Batches: what is refused as a whole is halved until the row that spoils it stands alone.

Whether a batch of C0 is taken whole or row by row is not documented (`apis/` 2.6): halving is right for both, and a row
that a successful answer does not mention is looked at afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sync.connectors.conversion.answers import ABSENT_CODES, Said, failure_of, is_body, results_of, understand
from sync.connectors.conversion.rows import normal
from sync.connectors.http import Answer, Client, Verdict, error_for
from sync.errors import AbortError, AuthError, DriftError, QuotaError
from sync.model.clock import Clock
from sync.model.remote import Write

STOPS: Final = frozenset({Verdict.DENIED, Verdict.FORBIDDEN, Verdict.THROTTLED, Verdict.UNSENT, Verdict.MISCONFIGURED})
"""Not processed, and the next row would fare no better."""

_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Item:
    """One row on its way: our write, the key it goes under, and the body of the item."""

    write: Write
    key: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Post:
    """Where a batch goes. ``listed``: body key of the rows (None: one row a request, bare). ``key``: what names a row in the results.

    ``again``: the same rows may be sent twice without harm even after an unknown outcome. ``positional``: see `Profile`.
    """

    route: str
    listed: str | None
    key: str
    flags: Mapping[str, Any] = field(default_factory=dict)
    positional: bool = False
    again: bool = False


UNTOLD: Final[Mapping[str, Any]] = {"operation": "untold"}
"""The result of a row where a success tells no results at all."""

Settle = Callable[[Item, Mapping[str, Any] | Said | None], None]
"""Takes what became of a row: its result (maybe `UNTOLD`), a failure, or None where the results do not mention it."""


class Batches:
    """Sends rows and tells what became of each."""

    def __init__(self, client: Client, clock: Clock, size: int) -> None:
        self._client = client
        self._clock = clock
        self._size = size

    def send(self, post: Post, items: Sequence[Item], settle: Settle) -> None:
        """Sends all rows. Raises AbortError for the first request that no other would fare better than."""
        size = self._size if post.listed else 1
        for group in _groups(items, size):
            self._send(post, group, settle)

    def _send(self, post: Post, items: Sequence[Item], settle: Settle) -> None:
        answer = self._post(post, items)
        said = understand(answer)
        if said.verdict in STOPS:
            raise stopping(answer, said, self._client.system)
        if said.verdict is Verdict.DONE:
            for item, result in _paired(post, items, answer.data):
                settle(item, result)
        elif said.verdict is Verdict.ABSENT and said.code.upper() not in ABSENT_CODES:
            raise DriftError(
                f"{self._client.system}: there is no {post.route}",
                remedy="Check base_url and the profile of this system.",
                system=self._client.system,
            )
        elif len(items) > 1 and said.verdict in (Verdict.REFUSED, Verdict.ABSENT, Verdict.MOVED):
            half = len(items) // 2
            self._send(post, items[:half], settle)
            self._send(post, items[half:], settle)
        else:
            for item in items:
                settle(item, said)

    def _post(self, post: Post, items: Sequence[Item]) -> Answer:
        bodies = [dict(item.body) for item in items]
        body = {post.listed: bodies, **post.flags} if post.listed else {**bodies[0], **post.flags}
        answer = self._client.write("POST", post.route, body=body, shape=is_body)
        for tried in range(1, _TRIES if post.again else 1):
            if understand(answer).verdict is not Verdict.DOUBT:
                break
            self._clock.sleep(float(tried))
            answer = self._client.write("POST", post.route, body=body, shape=is_body)
        return answer


def stopping(answer: Answer, said: Said, system: str) -> AbortError:
    """The error of a refusal that concerns all rows, also where it came inside a 2xx."""
    text = f"{system}: {answer.route} answered {said.code}"
    if said.verdict is Verdict.DENIED:
        return AuthError(text, remedy="Check the key: it may have been replaced or revoked.", system=system)
    if said.verdict is Verdict.THROTTLED:
        remedy = "Wait, or lower the request rate of this system."
        return QuotaError(text, wait_s=answer.wait_s, remedy=remedy, system=system)
    return error_for(answer, system)


def _groups(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    """Batches in which no key comes twice, so that the order of two writes to one row is kept (T-C8)."""
    group: dict[str, Item] = {}
    for item in items:
        if len(group) >= size or item.key in group:
            yield list(group.values())
            group = {}
        group[item.key] = item
    if group:
        yield list(group.values())


def _paired(post: Post, items: Sequence[Item], data: Any) -> Iterator[tuple[Item, Mapping[str, Any] | Said | None]]:
    """Each row with its result, by key or, where results name none, by position."""
    results = results_of(data)
    if post.positional:
        if results is None or len(results) != len(items):
            yield from ((item, Said(Verdict.DOUBT, "RESULT_COUNT")) for item in items)
            return
        found: list[Mapping[str, Any] | None] = list(results)
    elif results is None:
        found = [UNTOLD] * len(items)
    else:
        by_key = {normal(str(result.get(post.key, ""))): result for result in results}
        found = [by_key.get(normal(item.key)) for item in items]
    for item, result in zip(items, found, strict=True):
        refusal = failure_of(result) if result is not None else None
        yield item, _refused(refusal) if refusal else result


def _refused(name: str) -> Said:
    known = understand(Answer("", Verdict.DONE, 200, {"success": False, "error": {"code": name}}))
    return Said(known.verdict, name, told=True)

"""One page of a search, by POST or GET, and what its envelope means.

`data`, `meta`, `errors`: errors that are there are a failure, also inside a 200 (`apis/` 3.2). A search changes nothing, so that
it may be repeated, by POST too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sync.connectors.http import Answer, Client, Verdict, classify, error_for
from sync.connectors.http.answer import code
from sync.connectors.letrics.rows import Row
from sync.errors import DriftError

_REFUSED: Final = (400, 404, 405, 410, 413, 414, 415, 416, 422, 501)
_TRANSIENT: Final = frozenset({Verdict.THROTTLED, Verdict.DOUBT})

Asked = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """One page. ``total`` where it is told; ``date``: the server's clock; ``refused``: there is no such page, or none so deep."""

    rows: tuple[Row, ...]
    total: int | None = None
    date: datetime | None = None
    refused: bool = False


class Search:
    """Both searches of one connector. ``style``: how a GET spells lists (brackets, repeat, comma)."""

    def __init__(self, client: Client, routes: Mapping[str, str], *, method: str, style: str, per_page: int) -> None:
        self.client = client
        self.per_page = per_page
        self._routes = routes
        self._method = method
        self._style = style

    def route(self, name: str) -> str:
        """Where an object is searched. Raises DriftError for one that Letrics has not."""
        if name not in self._routes:
            known = ", ".join(sorted(self._routes))
            raise DriftError(f"Letrics has no {name}", remedy=f"It has: {known}.", system=self.client.system)
        return self._routes[name]

    def page(self, name: str, asked: Asked, page: int, per_page: int | None = None) -> Listing:
        """One page, read until it answers.

        Raises AuthError (402 and 403 too: it may cost money), QuotaError, UnreachableError; DriftError where the
        request as such is refused on the first page.
        """
        answer = self._send(self.route(name), {**asked, "page": page, "per_page": per_page or self.per_page})
        answer = _judged(answer)
        if not answer.done:
            if page > 1 and answer.status in _REFUSED:
                return Listing((), date=answer.date, refused=True)
            raise self._refusal(answer)
        rows = tuple(answer.data.get("data") or ())
        self.client.meter.add(read=len(rows))
        return Listing(rows, _total(answer.data), answer.date)

    def _send(self, route: str, fields: Asked) -> Answer:
        if self._method == "GET":
            return self.client.read(route, params=spelled(fields, self._style), shape=is_envelope, accept=_REFUSED)
        return self.client.read(route, method="POST", body=dict(fields), shape=is_envelope, accept=_REFUSED)

    def _refusal(self, answer: Answer) -> Exception:
        cause = _cause(answer)
        if answer.status not in _REFUSED:
            return error_for(answer, self.client.system)
        text = f"{self.client.system}: {self._method} {answer.route} {answer.summary}" + (
            f" ({cause})" if cause else ""
        )
        return DriftError(text, remedy=_REMEDY, system=self.client.system)


_REMEDY: Final = (
    "`crm-sync check` tries both forms: look at base_url, the paths, `method`, `array_style` and the filters."
)


def spelled(fields: Asked, style: str) -> dict[str, Any]:
    """The query of a GET. Raises DriftError for a word that the style cannot carry."""
    query: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, bool):
            query[name] = "true" if value else "false"
        elif not isinstance(value, list):
            query[name] = value
        elif style == "comma":
            query[name] = _joined(name, value)
        else:
            query[f"{name}[]" if style == "brackets" else name] = value
    return query


def _joined(name: str, words: list[str]) -> str:
    if any("," in word for word in words):
        text = f"{name}: a word with a comma cannot be sent in a list joined by commas"
        raise DriftError(text, remedy='Set `method = "POST"`, or another array_style.')
    return ",".join(words)


def is_envelope(data: Any) -> bool:
    """Whether a 2xx is an answer: rows, or errors that will not pass by themselves. Anything else is a fault of transport.

    Rows that are null are none where the envelope is whole all the same: it lists no errors, or counts the rows.
    """
    if not isinstance(data, dict):
        return False
    errors = _errors(data)
    if errors:
        return _verdict(errors) not in _TRANSIENT
    rows = data.get("data")
    if rows is None:
        return "data" in data and (isinstance(data.get("errors"), list) or _total(data) is not None)
    return isinstance(rows, list) and all(isinstance(row, dict) for row in rows)


def _judged(answer: Answer) -> Answer:
    """The answer as its errors have it, if there are any inside a success."""
    errors = _errors(answer.data) if answer.done else []
    if not errors:
        return answer
    status = _status(errors) or 400
    return replace(answer, verdict=_verdict(errors), status=status)


def _errors(data: Any) -> list[Any]:
    errors = data.get("errors") if isinstance(data, dict) else None
    return errors if isinstance(errors, list) else ([errors] if errors else [])


def _verdict(errors: list[Any]) -> Verdict:
    status = _status(errors)
    found = classify(status, None) if status else Verdict.REFUSED
    return Verdict.REFUSED if found is Verdict.DONE else found


def _status(errors: list[Any]) -> int | None:
    """The HTTP status of the first error, also where it is written as text."""
    told = errors[0].get("code") if isinstance(errors[0], Mapping) else None
    if isinstance(told, str) and told.isdigit():
        told = int(told)
    return told if isinstance(told, int) and 100 <= told <= 599 else None  # noqa: PLR2004 - statuses of HTTP


def _cause(answer: Answer) -> str | None:
    errors = _errors(answer.data)
    return code(errors[0].get("id")) if errors and isinstance(errors[0], Mapping) else None


def _total(data: Mapping[str, Any]) -> int | None:
    meta = data.get("meta")
    told = meta.get("total") if isinstance(meta, Mapping) else None
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else None

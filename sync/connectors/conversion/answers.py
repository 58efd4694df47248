"""What Conversion's answers mean: the code first, the status second, and never ``data`` before ``success``.

The shape of an error is not documented, so it is read tolerantly: ``error`` may be an object or a text, ``code`` may stand at
the top (`apis/` 2.6). A 2xx that says ``success: false`` is a failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sync.connectors.http import Answer, Verdict
from sync.connectors.http.answer import code

_BY_CODE: Final[Mapping[str, Verdict]] = {
    "VALIDATION_ERROR": Verdict.REFUSED,
    "NOT_FOUND": Verdict.ABSENT,
    "DUPLICATE_ERROR": Verdict.REFUSED,
    "RATE_LIMIT_EXCEEDED": Verdict.THROTTLED,
    "UNAUTHORIZED": Verdict.DENIED,
    "INTERNAL_ERROR": Verdict.DOUBT,
    # C2
    "CONTACT_NOT_FOUND": Verdict.ABSENT,
    "MISSING_IDENTIFIER": Verdict.REFUSED,
    "INVALID_EMAIL": Verdict.REFUSED,
    "INVALID_SUBSCRIPTION_STATUS": Verdict.REFUSED,
    "INVALID_FIELD": Verdict.REFUSED,
    "CONFLICTING_IDENTIFIER": Verdict.REFUSED,
    "UPSERT_FAILED": Verdict.DOUBT,
}
ABSENT_CODES: Final = frozenset(name for name, verdict in _BY_CODE.items() if verdict is Verdict.ABSENT)
_FAILED: Final = frozenset({"failed", "error"})
_TRANSIENT: Final = frozenset({Verdict.THROTTLED, Verdict.DOUBT})


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, understood. ``code`` is the vendor's, or the fault's or status's name; ``field`` the variable it blames."""

    verdict: Verdict
    code: str
    field: str | None = None
    told: bool = False
    """The vendor itself says so, in a body of its own."""


def understand(answer: Answer) -> Said:
    """What an answer to any call comes to."""
    body = answer.data if isinstance(answer.data, Mapping) else {}
    cause = answer.fault.value.upper() if answer.fault else str(answer.status or "UNSENT")
    found = _failure(body)
    failed = body.get("success") is False or not answer.done
    if not failed:
        return Said(Verdict.DONE, "")
    if answer.done or (found is not None and answer.fault is None):
        verdict = _BY_CODE.get((found or "").upper())
        if verdict is not None:
            return Said(verdict, found or "", _blamed(body), told=True)
    if answer.done:
        return Said(Verdict.REFUSED, found or "REFUSED", _blamed(body), told=True)
    told = answer.status is not None and isinstance(answer.data, Mapping)
    return Said(answer.verdict, found or cause, _blamed(body), told=told)


def is_body(data: Any) -> bool:
    """Whether a body of a 2xx is an object, as every body of this vendor is."""
    return isinstance(data, dict)


def is_settled(data: Any) -> bool:
    """The same for reads; one that says "later" inside a 2xx is no answer yet, so that it is asked again."""
    if not isinstance(data, dict):
        return False
    verdict = _BY_CODE.get((_failure(data) or "").upper())
    return data.get("success") is not False or verdict not in _TRANSIENT


def row_of(data: Any) -> Mapping[str, Any] | None:
    """The one row that a body holds, in its envelope or (C1) bare."""
    if not isinstance(data, Mapping):
        return None
    inner = data.get("data", data)
    return inner if isinstance(inner, Mapping) else None


def results_of(data: Any) -> list[Mapping[str, Any]] | None:
    """The results of a batch, a row each; None where the body tells none at all (a bare ``message`` is a success, too)."""
    inner = data.get("data") if isinstance(data, Mapping) else None
    if isinstance(inner, Mapping):
        inner = inner.get("results")
    return [row for row in inner if isinstance(row, Mapping)] if isinstance(inner, list) else None


def failure_of(result: Mapping[str, Any]) -> str | None:
    """Why a batch did not take one row, where its result says so; how it would is not documented."""
    words = {str(result.get(name, "")).lower() for name in ("operation", "status")}
    failed = result.get("success") is False or not words.isdisjoint(_FAILED)
    told = _failure(result)
    return (told or "REFUSED") if failed or result.get("error") else None


def is_done(result: Mapping[str, Any] | None) -> bool:
    """Whether a result says that its row was written. Of the words for it only these are attested; others are to be looked at."""
    return result is not None and str(result.get("operation", "updated")).lower() in ("created", "updated")


def is_made(result: Mapping[str, Any]) -> bool:
    """Whether a result says that its contact was not there before."""
    return str(result.get("operation", "")).lower() == "created" or result.get("contactCreated") is True


def _failure(body: Mapping[str, Any]) -> str | None:
    """The code of an error: of all that looks like one, the first that the vendor's documents know."""
    error = body.get("error")
    inner = error.get("code") if isinstance(error, Mapping) else error
    told = [found for found in (code(inner), code(body.get("code"))) if found is not None]
    return next((found for found in told if found.upper() in _BY_CODE), told[0] if told else None)


def _blamed(body: Mapping[str, Any]) -> str | None:
    error = body.get("error")
    details = error.get("details") if isinstance(error, Mapping) else body.get("details")
    first = details[0] if isinstance(details, list) and details else details
    return code(first.get("field")) if isinstance(first, Mapping) else None

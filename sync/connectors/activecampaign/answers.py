"""What ActiveCampaign's answers mean: seven shapes of refusal, and statuses that say one thing here and another there.

Source: `apis/activecampaign.md` 3. Codes are trusted before statuses, statuses before texts; of a text only the beginnings that
the vendor's own classes write are known, and none of it is ever passed on: it may quote values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sync.connectors.http import Answer, Verdict, error_for
from sync.connectors.http.answer import code
from sync.errors import AbortError, QuotaError

STOPS: Final = frozenset({Verdict.DENIED, Verdict.FORBIDDEN, Verdict.THROTTLED, Verdict.UNSENT, Verdict.MISCONFIGURED})
"""Nothing happened, and the next row would fare no better."""
_ABSENT: Final = ("no result found", "campaign not found", "contact not found", "list not found")
_REFUSED: Final = ("could not create",)
_KINDS: Final[Mapping[str, str]] = {"_list": "list", "customeraccount": "account", "tag": "tag"}
_BULK_WAIT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, understood. ``code`` is the vendor's, or the status's or fault's name; ``field`` the attribute it blames."""

    verdict: Verdict
    code: str
    field: str | None = None


def understand(answer: Answer) -> Said:
    """What an answer to any call comes to."""
    if answer.done:
        return Said(Verdict.DONE, "")
    if answer.status is None or answer.status // 100 == 2:  # noqa: PLR2004 - the hundred of success
        return Said(answer.verdict, answer.fault.value.upper() if answer.fault else "UNSENT")
    body = answer.data if isinstance(answer.data, Mapping) else {}
    verdict = _verdict(answer, body)
    name, field = _blamed(body)
    field = field or (_absent_kind(body) if verdict is Verdict.ABSENT else None)
    plain = {Verdict.ABSENT: "NOT_FOUND", Verdict.THROTTLED: "RATE_LIMIT"}.get(verdict)
    return Said(verdict, name or plain or f"HTTP_{answer.status}", field)


def stop(answer: Answer, said: Said, system: str) -> AbortError:
    """The error for an answer after which nothing more is sent."""
    if said.verdict is Verdict.THROTTLED:
        wait_s = answer.wait_s if answer.wait_s is not None else _BULK_WAIT_S
        text = f"{system}: {answer.route} is limited by the vendor"
        return QuotaError(text, wait_s=wait_s, remedy="Wait, or lower the request rate of this system.", system=system)
    return error_for(answer, system)


def is_absent(answer: Answer) -> bool:
    """Whether the vendor itself says that the row is not there: an answer to a mistyped address says something else."""
    return not answer.done and understand(answer).verdict is Verdict.ABSENT


def holds(*names: str) -> Any:
    """A shape: an object with one of these keys."""
    return lambda data: isinstance(data, dict) and any(name in data for name in names)


def _verdict(answer: Answer, body: Mapping[str, Any]) -> Verdict:
    text = _text(body).casefold()
    if answer.status in (400, 403, 404, 410) and text.startswith(_ABSENT):
        return Verdict.ABSENT
    if answer.status == 400 and "rate limit" in text:  # noqa: PLR2004 - bulk import answers so
        return Verdict.THROTTLED
    if answer.status == 403 and text.startswith(_REFUSED):  # noqa: PLR2004 - of enrolments
        return Verdict.REFUSED
    if answer.verdict is Verdict.ABSENT:
        return Verdict.MISCONFIGURED  # no such route: a wrong address, or one that this plan has not
    return answer.verdict


def _text(body: Mapping[str, Any]) -> str:
    first = _first(body)
    told = first.get("detail") or first.get("title") if isinstance(first, Mapping) else first
    found = body.get("message") or told
    return found if isinstance(found, str) else ""


def _absent_kind(body: Mapping[str, Any]) -> str | None:
    """What is not there, by the vendor's own class name in the text; None for contacts, and where it does not tell."""
    text = _text(body).casefold()
    return next((name for word, name in _KINDS.items() if f" for {word} " in text), None)


def _first(body: Mapping[str, Any]) -> Any:
    errors = body.get("errors")
    return errors[0] if isinstance(errors, list) and errors else errors


def _blamed(body: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Code and attribute of the first error."""
    first = _first(body)
    if not isinstance(first, Mapping):
        return None, None
    source = first.get("source")
    pointer = source.get("pointer") if isinstance(source, Mapping) else None
    attribute = code(pointer.rsplit("/", 1)[-1].split(",")[0]) if isinstance(pointer, str) else None
    return code(first.get("code")), attribute

"""What an answer, or the lack of one, means: the one table of outcomes, and what the rooms above make of each.

The question for a write is always "did it happen?": only a positive *no* may be repeated. Source: `apis/` 0.2,
`reliability.md` 2.8. What a vendor means by its own error codes is left to its connector.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Final

from sync.errors import AbortError, AuthError, DriftError, QuotaError, UnreachableError
from sync.model.remote import Outcome

if TYPE_CHECKING:
    from sync.connectors.http.answer import Answer


class Verdict(Enum):
    """What became of a request."""

    DONE = "done"
    """A 2xx with a sensible body, or none."""
    ABSENT = "absent"
    """Not processed: no such row, or no such endpoint."""
    MOVED = "moved"
    """Not processed: the row is not what the condition said."""
    REFUSED = "refused"
    """Not processed, and never will be as it stands."""
    DENIED = "denied"
    """Not processed: credentials refused."""
    FORBIDDEN = "forbidden"
    """Not processed: these credentials may not do this."""
    THROTTLED = "throttled"
    """Not processed: too many requests."""
    UNSENT = "unsent"
    """Not processed: no byte of the request left."""
    MISCONFIGURED = "misconfigured"
    """Not processed: certificate, proxy or address are wrong, or it is elsewhere for a while; no other request fares better."""
    DOUBT = "doubt"
    """Nobody knows."""


class Fault(Enum):
    """How a request can fail without a sensible answer."""

    CONNECT = "connect"
    CERTIFICATE = "certificate"
    REQUEST = "request"
    TIMEOUT = "timeout"
    BROKEN = "broken"
    OVERSIZE = "oversize"
    UNREADABLE = "unreadable"
    SHAPE = "shape"


BY_FAULT: Final[Mapping[Fault, Verdict]] = {
    Fault.CONNECT: Verdict.UNSENT,
    Fault.CERTIFICATE: Verdict.MISCONFIGURED,
    Fault.REQUEST: Verdict.MISCONFIGURED,
    Fault.TIMEOUT: Verdict.DOUBT,
    Fault.BROKEN: Verdict.DOUBT,
    Fault.OVERSIZE: Verdict.DOUBT,
    Fault.UNREADABLE: Verdict.DOUBT,
    Fault.SHAPE: Verdict.DOUBT,
}

BY_STATUS: Final[Mapping[int, Verdict]] = {
    401: Verdict.DENIED,
    402: Verdict.FORBIDDEN,
    403: Verdict.FORBIDDEN,
    404: Verdict.ABSENT,
    407: Verdict.MISCONFIGURED,
    408: Verdict.DOUBT,
    410: Verdict.ABSENT,
    412: Verdict.MOVED,
    429: Verdict.THROTTLED,
}

BY_HUNDRED: Final[Mapping[int, Verdict]] = {
    2: Verdict.DONE,
    3: Verdict.MISCONFIGURED,
    4: Verdict.REFUSED,
    5: Verdict.DOUBT,
}

_OUTCOMES: Final[Mapping[Verdict, Outcome]] = {
    Verdict.DONE: Outcome.ACKED,
    Verdict.ABSENT: Outcome.GONE,
    Verdict.MOVED: Outcome.MOVED,
    Verdict.REFUSED: Outcome.REJECTED,
    Verdict.DENIED: Outcome.THROTTLED,
    Verdict.FORBIDDEN: Outcome.THROTTLED,
    Verdict.THROTTLED: Outcome.THROTTLED,
    Verdict.UNSENT: Outcome.THROTTLED,
    Verdict.MISCONFIGURED: Outcome.THROTTLED,
    Verdict.DOUBT: Outcome.DOUBT,
}

_REMEDIES: Final[Mapping[Verdict, str]] = {
    Verdict.DENIED: "Check the key: it may have been replaced or revoked.",
    Verdict.FORBIDDEN: "Check what the plan and the key allow; `writes = false` makes the system a source only.",
    Verdict.THROTTLED: "Wait, or lower the request rate of this system.",
    Verdict.UNSENT: "No connection: is the service up, and base_url right? The next run tries again.",
    Verdict.DOUBT: "It gave no sensible answer; the next run tries again. If it stays so, ask the vendor.",
    Verdict.MISCONFIGURED: "Check base_url, the certificate and the proxy settings. A redirect is not followed.",
    Verdict.REFUSED: "Check base_url and the profile of this system.",
    Verdict.ABSENT: "Check base_url and the profile of this system.",
}


def classify(status: int | None, fault: Fault | None) -> Verdict:
    """The verdict on a status or, where there was no sensible answer, on the fault.

    A fault found in the body (unreadable, wrong shape, too long) matters only where the status promised a body.
    """
    if status is not None and (fault is None or status // 100 != 2):  # noqa: PLR2004 - the hundred of success
        return BY_STATUS.get(status) or BY_HUNDRED.get(status // 100, Verdict.DOUBT)
    return BY_FAULT[fault] if fault else Verdict.DOUBT


def outcome_for(answer: Answer) -> Outcome:
    """What a receipt says of this answer to a write."""
    return _OUTCOMES[answer.verdict]


def error_for(answer: Answer, system: str) -> AbortError:
    """The error of our tree for an answer that is not wanted. The message holds route, status and codes, no values."""
    remedy = _REMEDIES.get(answer.verdict, "")
    text = f"{system}: {answer.route} {answer.summary}"
    if answer.verdict is Verdict.DENIED:
        text = f"{system}: the key was refused ({answer.route} {answer.summary})"
    if answer.verdict in (Verdict.DENIED, Verdict.FORBIDDEN):
        return AuthError(text, remedy=remedy, system=system)
    if answer.verdict is Verdict.THROTTLED:
        return QuotaError(text, wait_s=answer.wait_s, remedy=remedy, system=system)
    if answer.verdict in (Verdict.UNSENT, Verdict.MISCONFIGURED, Verdict.DOUBT, Verdict.DONE):
        return UnreachableError(text, remedy=remedy, system=system)
    return DriftError(text, remedy=remedy, system=system)

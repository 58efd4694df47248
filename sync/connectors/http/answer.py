"""Values of the HTTP room: limits, an answer, and the account of one call that observers get."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sync.connectors.http.outcomes import Fault, Verdict

_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,63}")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one call.

    ``timeout_s`` is the longest silence while reading or writing and ``total_s`` the whole of one attempt (None: twice
    the silence). ``retries`` are attempts after the first. ``patience_s`` is the longest wait that a vendor's
    throttling may impose before the caller is told instead. ``body_bytes`` counts the decompressed body.
    """

    timeout_s: float = 30.0
    total_s: float | None = None
    connect_s: float = 5.0
    retries: int = 5
    backoff_s: float = 1.0
    backoff_max_s: float = 60.0
    patience_s: float = 120.0
    body_bytes: int = 100_000_000

    @property
    def deadline_s(self) -> float:
        """Seconds one attempt may last in all."""
        return self.total_s if self.total_s is not None else 2 * self.timeout_s


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``data`` is the parsed JSON or None; header names are lower case; ``route`` is the template."""

    route: str
    verdict: Verdict
    status: int | None = None
    data: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None
    date: datetime | None = None
    wait_s: float | None = None

    @property
    def done(self) -> bool:
        """Whether it is a success with a sensible body, or without one."""
        return self.verdict is Verdict.DONE

    @property
    def summary(self) -> str:
        """Status or fault in words, without any value."""
        if self.verdict is not Verdict.DONE and self.fault is None:
            return f"answered {self.status}"
        cause = self.fault.value if self.fault else "no sensible answer"
        return f"failed ({cause})" if self.status is None else f"answered {self.status} ({cause})"


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt, for logs and metrics: nothing of a record, no address, no secret."""

    system: str
    method: str
    route: str
    attempt: int
    seconds: float
    verdict: Verdict
    status: int | None = None
    fault: Fault | None = None
    request_id: str | None = None


def code(value: Any) -> str | None:
    """A vendor's error code or field name if it looks like one; free text may quote values and is dropped."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None

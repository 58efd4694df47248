"""Every error that crosses a room, grouped by what the runner does about it.

    SyncError
    |-- ConfigError        all problems of the configuration or mapping at once; nothing was contacted (exit 2)
    |-- UsageError         an argument names something that does not exist (exit 2)
    |-- LockedError        another process holds the state (exit 6)
    |-- AbortError         this system, or this run, stops; cursors stay where they are
    |   |-- AuthError      credentials refused
    |   |-- TenantError    these credentials open somebody else's data
    |   |-- QuotaError     the allowance is spent until `wait_s` from now
    |   |-- UnreachableError   the system did not answer, or not sensibly, after all retries
    |   |-- DriftError     the remote schema no longer fits
    |   |-- GuardError     a plan goes beyond a safety limit (exit 4)
    |   `-- StateError     the state is missing, damaged, older than its sidecar, newer than the program, or cannot be written
    |-- RetryError         did not happen; may be repeated after `wait_s`
    |-- ReplanError        the world moved, or the outcome is unknown: read before deciding again
    |-- StoppedError       the process was asked to end; the run stopped at a safe point
    `-- QuarantineError    this record only

Messages carry ids, field names and a remedy, never values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class SyncError(Exception):
    """The root. `remedy` is the sentence that tells a person what to do next."""

    def __init__(self, message: str, *, remedy: str = "", system: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.system = system


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a file: where, what, why, what to do."""

    file: str
    line: int | None
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}" + (f"\n    {self.remedy}" if self.remedy else "")


class ConfigError(SyncError):
    """Everything wrong with the configuration and the mappings, at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line or 0, p.message)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UsageError(SyncError):
    """A command names something that does not exist."""


class LockedError(SyncError):
    """Another process holds the lock on this state."""


class AbortError(SyncError):
    """This system (or, without `system`, this run) stops here."""


class AuthError(AbortError):
    """Credentials were refused."""


class TenantError(AbortError):
    """These credentials open another tenant than the one the state is pinned to."""


class QuotaError(AbortError):
    """The vendor's allowance, or our share of it, is spent."""

    def __init__(
        self, message: str, *, wait_s: float | None = None, remedy: str = "", system: str | None = None
    ) -> None:
        super().__init__(message, remedy=remedy, system=system)
        self.wait_s = wait_s


class UnreachableError(AbortError):
    """No sensible answer after all retries."""


class DriftError(AbortError):
    """The remote schema no longer fits what is mapped."""


class GuardError(AbortError):
    """A plan goes beyond a safety limit; nothing was written."""


class StateError(AbortError):
    """The state cannot be trusted or cannot be written."""


class RetryError(SyncError):
    """It did not happen and may be repeated after `wait_s` seconds."""

    def __init__(self, message: str, *, wait_s: float = 0.0, remedy: str = "", system: str | None = None) -> None:
        super().__init__(message, remedy=remedy, system=system)
        self.wait_s = wait_s


class ReplanError(SyncError):
    """The world moved, or nobody knows whether it happened: read first, then decide again."""


class StoppedError(SyncError):
    """The process was asked to end: the run stopped at a safe point, and the next one goes on from there."""


class QuarantineError(SyncError):
    """One record is set aside. `code` is short and stable, e.g. AMBIGUOUS_MATCH."""

    def __init__(self, code: str, message: str, *, remedy: str = "", system: str | None = None) -> None:
        super().__init__(message, remedy=remedy, system=system)
        self.code = code

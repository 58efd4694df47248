"""Commands that write, beside a running service: it holds the state, so it is asked to do them, between two of its runs.

The lock's file says where the service answers; the token is the configuration's. Where whoever holds the state is no service, or does
not answer, the command ends as it would have: the state is in use (exit code 6).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sync import errors
from sync.errors import LockedError, Problem, SyncError, UsageError
from sync.model.report import Counts, Failure, LimitHit, RunReport

if TYPE_CHECKING:
    from types import ModuleType

    from sync.cli.backend import Runner
    from sync.config import Config

WRITES: Final[Mapping[str, bool]] = {  # name in sync.runner.api -> whether it answers a run
    "sync": True,
    "backfill": True,
    "apply_plan": True,
    "apply_run": True,
    "undo": True,
    "resolve": True,
    "retry": True,
    "drop": False,
    "grant": False,
    "forget": False,
}
_KINDS: Final[Mapping[str, type[SyncError]]] = {
    "usage": errors.UsageError,
    "locked": errors.LockedError,
    "guard": errors.GuardError,
    "drift": errors.DriftError,
    "state": errors.StateError,
    "quota": errors.QuotaError,
    "unserved": errors.AbortError,
    "retry": errors.RetryError,
    "replan": errors.ReplanError,
    "stopped": errors.LockedError,
}
CONNECT_S: Final = 5.0
ANSWERS_S: Final = 10.0


class Relayed:
    """The functions of `sync.runner.api`; those that write go to the service where there is one."""

    def __init__(self, api: ModuleType) -> None:
        self._api = api

    def __getattr__(self, name: str) -> Any:
        """The function itself, or one that asks the service when the state is in use."""
        here = getattr(self._api, name)
        return _here_or_there(name, here) if name in WRITES else here


def relayed(api: ModuleType) -> Runner:
    """The runner, as the commands use it."""
    found: Any = Relayed(api)
    runner: Runner = found
    return runner


def _here_or_there(name: str, here: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(here)
    def call(config: Config, mappings: Any, *args: Any, **named: Any) -> Any:
        try:
            return here(config, mappings, *args, **named)
        except LockedError as locked:
            url = service_url(config)
            if url is None:
                raise
            given = inspect.signature(here).bind(config, mappings, *args, **named).arguments
            return ask(config, url, name, given, locked)

    return call


def service_url(config: Config) -> str | None:
    """Where the service answers that holds this state on this machine; None where nobody does."""
    from sync.state import holder, state_file  # noqa: PLC0415 - brings the database

    told = holder(state_file(config.state.url)) or {}
    url = told.get("url")
    return url if isinstance(url, str) else None


def ask(config: Config, url: str, name: str, given: Mapping[str, Any], locked: LockedError) -> Any:
    """Has the service do it. Raises what it raised there, and `locked` where it cannot be asked."""
    import httpx  # noqa: PLC0415 - only beside a service

    headers = _bearer(config)
    body = {key: _plain(value) for key, value in given.items() if key not in ("config", "mappings", "progress")}
    try:
        httpx.get(f"{url}/healthz", timeout=ANSWERS_S, trust_env=False)  # one that hangs is not waited for
        # how long a command takes is nobody's to say; the service answers when it is done
        timeout = httpx.Timeout(None, connect=CONNECT_S)
        answer = httpx.post(f"{url}/api/commands/{name}", json=body, headers=headers, timeout=timeout, trust_env=False)
        found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise LockedError(
            f"{locked.message}, and the service does not answer at {url} ({type(error).__name__})",
            remedy="Look at its log. If the command had begun, `crm-sync runs` shows what became of it.",
        ) from error
    if answer.is_error:
        raise _error(found, answer.status_code)
    return run_report(found) if WRITES[name] else found


def status_there(config: Config) -> Any:
    """How it is, as the service that holds this state says; None where there is none, or it does not answer."""
    import httpx  # noqa: PLC0415 - only beside a service

    url = service_url(config)
    if url is None:
        return None
    try:
        answer = httpx.get(f"{url}/api/status", headers=_bearer(config), timeout=ANSWERS_S, trust_env=False)
        return answer.json() if answer.is_success else None
    except (httpx.HTTPError, ValueError):
        return None


def _bearer(config: Config) -> dict[str, str]:
    token = config.server.token
    return {"Authorization": f"Bearer {token.reveal()}"} if token and token.known else {}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def _error(found: Any, status: int) -> SyncError:
    told = found.get("error") if isinstance(found, dict) else None
    if not isinstance(told, dict):
        return LockedError(
            f"the service holds the state and refused the command (HTTP {status})", remedy="Look at its log."
        )
    message, remedy, kind = (str(told.get(key) or "") for key in ("message", "remedy", "kind"))
    if kind == "config":
        return errors.ConfigError([Problem("the service", None, message, remedy)])
    if kind in ("unauthorized", "forbidden"):
        return UsageError(
            f"the service holds the state and did not accept the token: {message}",
            remedy="[server] token must be that of the running service.",
        )
    if kind == "bug":
        return SyncError(
            f"the service could not do it: {message}", remedy=remedy or "Its log says where the report is."
        )
    known = _KINDS.get(kind)
    if known is None:
        return LockedError(f"the service could not do it: {message}", remedy=remedy or "Look at its log.")
    return known(message, remedy=remedy)


def run_report(found: Mapping[str, Any]) -> RunReport:
    """A run's published object as the value it was made of. Keys that this version does not know are left out."""
    rows: dict[str, Any] = {
        "systems": {name: _made(Counts, row) for name, row in found["systems"].items()},
        "limits_hit": [_made(LimitHit, row) for row in found.get("limits_hit", ())],
        "failures": [_made(Failure, row) for row in found.get("failures", ())],
    }
    names = {each.name for each in fields(RunReport)} - rows.keys()
    return RunReport(**rows, **{name: found[name] for name in names if name in found})


def _made(kind: type[Any], row: Mapping[str, Any]) -> Any:
    names = {each.name for each in fields(kind)}
    return kind(**{name: value for name, value in row.items() if name in names})

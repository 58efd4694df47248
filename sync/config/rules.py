"""What a key alone cannot tell: keys that need, or exclude, one another."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from sync.config.kinds import SalesforceConfig, SystemConfig
from sync.config.model import ServerConfig
from sync.config.tables import Tables

Sections = Mapping[str, Any]
Systems = Mapping[str, SystemConfig]

_FIELD_KEYS: Final = frozenset(
    "type conflict prefer owner blank required default sensitive max_length truncate compute values entity operator".split()  # noqa: SIM905
)
_NEEDS: Final = {
    "client_credentials": ("client_secret",),
    "jwt": ("username", "private_key"),
    "refresh_token": ("client_secret", "refresh_token"),
}
_RETIRED: Final = "Salesforce retires log-in with user name and password (SOAP login, gone with Summer '27)"


def named(name: str, kind: str, model: type[SystemConfig], raw: dict[str, Any], tables: Tables) -> SystemConfig | None:
    """One system's table, after the rules that are about its raw keys."""
    path = ("systems", name)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in _FIELD_KEYS:
        tables.wrong(
            path,
            f"a system cannot be called `{name}`",
            "Use small letters, digits and _, and no word of the mapping language.",
        )
    _refuse_password(raw, path, tables)
    if {"requests_per_minute", "requests_per_second"} <= raw.keys():
        tables.wrong(
            (*path, "requests_per_second"),
            "requests_per_minute and requests_per_second exclude each other",
            "Keep one.",
        )
    system = tables.read(model, raw, path, name=name, kind=kind)
    return None if system is None else _one_rate(system, raw)


def _one_rate(system: SystemConfig, raw: Mapping[str, Any]) -> SystemConfig:
    """A rate that the file states replaces the default, whichever unit that has."""
    if "requests_per_minute" in raw:
        return replace(system, requests_per_second=None)
    if "requests_per_second" in raw:
        return replace(system, requests_per_minute=None)
    return system


def _refuse_password(raw: dict[str, Any], path: tuple[str, str], tables: Tables) -> None:
    for key in ("password", "security_token"):
        if raw.pop(key, None) is not None:
            tables.wrong(
                (*path, key), f"`{'.'.join(path)}.{key}`: {_RETIRED}", 'Use auth = "client_credentials" or "jwt".'
            )
    if raw.get("auth") in ("password", "soap", "login") and "login_url" in raw:
        tables.wrong(
            (*path, "auth"),
            f"`{'.'.join(path)}.auth`: {_RETIRED}",
            'Use "client_credentials", "jwt" or "refresh_token".',
        )
        raw["auth"] = "client_credentials"


def _salesforce_secrets(sections: Sections, systems: Systems, tables: Tables) -> None:
    del sections
    for name, system in systems.items():
        for key in _NEEDS[system.auth] if isinstance(system, SalesforceConfig) else ():
            if getattr(system, key) is None:
                tables.wrong(
                    ("systems", name, "auth"),
                    f'`systems.{name}.{key}` is missing: auth = "{getattr(system, "auth", "")}" needs it',
                    f"Add {key}, or choose another auth.",
                )


def _token_off_loopback(sections: Sections, systems: Systems, tables: Tables) -> None:
    del systems
    server = sections["server"]
    if isinstance(server, ServerConfig) and not server.listen.on_loopback and server.token is None:
        tables.wrong(
            ("server", "listen"),
            "`server.listen` is reachable from other machines, and there is no token",
            'Add token = "env:CRM_SYNC_TOKEN", or listen on 127.0.0.1.',
        )


def _letrics_is_read_only(sections: Sections, systems: Systems, tables: Tables) -> None:
    del sections
    for name, system in systems.items():
        if system.kind == "letrics" and system.writes:
            tables.wrong(
                ("systems", name, "writes"), f"`systems.{name}.writes`: Letrics can only be read", "Take the key out."
            )


RULES: Final[tuple[Callable[[Sections, Systems, Tables], None], ...]] = (
    _salesforce_secrets,
    _token_off_loopback,
    _letrics_is_read_only,
)

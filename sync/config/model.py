"""The configuration as values: frozen, complete, every default filled in.

Each attribute that is a key of the file says in its annotation how it is read and what it is when left out.
Keys of single systems are in `kinds`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from sync.config.keys import Key
from sync.config.kinds import SystemConfig
from sync.config.places import Listen, cron, listen, state_url, timezone
from sync.config.secrets import Secret
from sync.config.values import Guard, choice, duration, folder, guard, many, new_folder, optional, secret, text, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class StateConfig:
    """Where the state lives. ``url`` is absolute and may hold a password: it is never shown as it is.

    ``backups`` is the folder of the service's own backups (None: it makes none).
    """

    url: Annotated[str, Key(state_url, "sqlite:///crm-sync.db")] = field(repr=False)
    history_days: Annotated[int, Key(whole(least=1), 90)]
    backups: Annotated[Path | None, Key(optional(new_folder), None)]
    backups_kept: Annotated[int, Key(whole(least=1), 7)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleConfig:
    """When the daemon works: `poll` is the incremental run's interval, `reconcile` and `backup` are cron lines in `timezone`.

    Within `reverify`, everything in systems that cannot be listed is looked at again.
    """

    poll: Annotated[timedelta, Key(duration, "60s")]
    reconcile: Annotated[str, Key(cron, "0 3 * * *")]
    reverify: Annotated[timedelta, Key(duration, "1d")]
    backup: Annotated[str, Key(cron, "30 2 * * *")]
    timezone: Annotated[str, Key(timezone, "UTC")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyConfig:
    """Limits per system; a plan beyond one writes nothing but opt-outs."""

    max_creates: Annotated[Guard, Key(guard, [100, "10%"])]
    max_updates: Annotated[Guard, Key(guard, [200, "20%"])]
    max_clears: Annotated[Guard, Key(guard, [20, "2%"])]
    max_deletes: Annotated[Guard, Key(guard, [10, "1%"])]
    max_opt_outs: Annotated[Guard, Key(guard, [50, "5%"])]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """The dashboard and the webhooks. Off loopback there is always a token. ``hosts``: more names that people reach it under."""

    listen: Annotated[Listen, Key(listen, "127.0.0.1:8787")]
    token: Annotated[Secret | None, Key(optional(secret), None)]
    hosts: Annotated[tuple[str, ...], Key(many(text), [])]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingConfig:
    """The log, on stderr."""

    format: Annotated[str, Key(choice("console", "json"), "console")]
    level: Annotated[str, Key(choice("debug", "info", "warning", "error"), "info")]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyConfig:
    """Where the daemon calls for help: webhook URLs, which are secrets."""

    urls: Annotated[tuple[Secret, ...], Key(many(secret), [])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One configuration file, read. ``systems`` are in the order of the file; ``lines``: where it states which key."""

    file: Path
    workspace: Annotated[str, Key(text, "default")]
    mappings: Annotated[Path, Key(folder, "mappings")]
    state: StateConfig
    systems: Mapping[str, SystemConfig]
    schedule: ScheduleConfig
    safety: SafetyConfig
    server: ServerConfig
    logging: LoggingConfig
    notify: NotifyConfig
    lines: Mapping[tuple[Any, ...], int] = field(default_factory=dict, repr=False)

    def secrets(self) -> Iterator[Secret]:
        """Every secret of the file, for the redaction of logs."""
        yield from self.notify.urls
        if self.server.token:
            yield self.server.token
        for system in self.systems.values():
            yield from system.secrets()


SECTIONS: Mapping[str, type] = {
    "state": StateConfig,
    "schedule": ScheduleConfig,
    "safety": SafetyConfig,
    "server": ServerConfig,
    "logging": LoggingConfig,
    "notify": NotifyConfig,
}

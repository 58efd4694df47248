"""From the command line to a checked workspace: configuration and mappings together, all their mistakes at once; the log."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sync.cli.options import Settings
from sync.errors import ConfigError, Problem, UsageError
from sync.redaction import hide

if TYPE_CHECKING:
    from sync.config import Config, Reading
    from sync.mapping import Mappings

_STREAM: Final = "engagement"
_LEVELS: Final = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Workspace:
    """A configuration with its mappings, both free of mistakes."""

    config: Config
    mappings: Mappings

    def chosen(self, entities: Iterable[str]) -> tuple[str, ...]:
        """The entities that were named; none means all. Raises UsageError for one without a mapping file."""
        from sync.config.suggest import did_you_mean  # noqa: PLC0415 - only with arguments

        known = [*self.mappings.entities, _STREAM]
        for name in entities:
            if name not in known:
                raise UsageError(f"there is no entity `{name}`", remedy=did_you_mean(name, known))
        return tuple(dict.fromkeys(entities))

    def system(self, name: str) -> str:
        """A configured system's name. Raises UsageError."""
        from sync.config.suggest import did_you_mean  # noqa: PLC0415 - only with arguments

        if name not in self.config.systems:
            raise UsageError(f"there is no system `{name}`", remedy=did_you_mean(name, self.config.systems))
        return name


def open_workspace(settings: Settings) -> Workspace:
    """Reads configuration and mappings and starts the log. Raises ConfigError with the mistakes of both."""
    return _opened(settings, read_workspace(settings))


def open_to_look(settings: Settings) -> Workspace:
    """The same for a command that looks at the state alone: secrets of systems may be where only the service can read them."""
    return _opened(settings, read_workspace(settings, spares=True))


def open_to_write(settings: Settings) -> Workspace:
    """The same for a command that a running service does in its stead: then the service's secrets are enough."""
    try:
        workspace = read_workspace(settings)
    except ConfigError:
        served = _served(settings)
        if served is None:
            raise
        workspace = served
    return _opened(settings, workspace)


def config_alone(settings: Settings) -> Config | None:
    """The configuration without its mappings and without the secrets that cannot be had here; None where it has mistakes itself."""
    from sync.config import read  # noqa: PLC0415 - only where there are mistakes

    return read(settings.config, os.environ, spares=True).config


def _served(settings: Settings) -> Workspace | None:
    """The workspace without the secrets that cannot be had here, where a service holds its state."""
    from sync.cli.remote import service_url  # noqa: PLC0415 - only where a secret is not to be had

    try:
        workspace = read_workspace(settings, spares=True)
    except ConfigError:
        return None
    return workspace if service_url(workspace.config) else None


def _opened(settings: Settings, workspace: Workspace) -> Workspace:
    start_log(settings, workspace.config)
    return workspace


def read_workspace(
    settings: Settings, environment: Mapping[str, str] = os.environ, *, spares: bool = False
) -> Workspace:
    """Reads configuration and mappings; ``spares``: without the secrets that cannot be had here.

    Raises ConfigError with the mistakes of both.
    """
    from sync.config import read  # noqa: PLC0415 - not for a help text
    from sync.runner.fit import unfit  # noqa: PLC0415 - same

    reading = read(settings.config, environment, spares=spares)
    mappings, problems = _mappings(reading)
    if reading.config is None or mappings is None:
        raise ConfigError([*reading.problems, *problems])
    hide(secret.reveal() for secret in reading.config.secrets() if secret.known)
    if unfitting := unfit(reading.config, mappings):
        raise ConfigError(unfitting)
    return Workspace(reading.config, mappings)


def read_config(settings: Settings) -> Config:
    """Reads the configuration alone. Raises ConfigError."""
    from sync.config import load  # noqa: PLC0415 - not for a help text

    config = load(settings.config, os.environ)
    hide(secret.reveal() for secret in config.secrets())
    return config


def _mappings(reading: Reading) -> tuple[Mappings | None, tuple[Problem, ...]]:
    if reading.mappings is None or not reading.systems:
        return None, ()
    from sync.mapping import load  # noqa: PLC0415 - not for a help text

    try:
        return load(reading.mappings, reading.systems), ()
    except ConfigError as error:
        return None, error.problems


def start_log(settings: Settings, config: Config, *, service: bool = False) -> None:
    """Starts the log. A command at a terminal stays quiet below warnings unless -v asks; a service logs as configured."""
    from sync import logs  # noqa: PLC0415 - not for a help text

    level = config.logging.level
    if settings.verbose > 1:
        level = "debug"
    elif not service and not settings.verbose:
        level = max(level, "warning", key=_LEVELS.index)
    logs.configure(config.logging.format, level)

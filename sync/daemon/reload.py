"""Files that change while the service runs: noticed when they have been still for a moment, taken as a whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sync.config import Config
from sync.errors import ConfigError, Problem

Signature = tuple[tuple[str, int, int], ...]

_FIXED: Final = (("state", "url", "[state] url"), ("server", "listen", "[server] listen"))
"""What a running service cannot change."""


class Watch:
    """Tells when the configuration, its mapping files or its secret files have changed and come to rest."""

    def __init__(self, config: Config) -> None:
        self._files = config
        self._taken = _signature(config)
        self._seen = self._taken

    def changed(self) -> bool:
        """Whether there is something new that has not changed since the last look. Each change is told once."""
        now = _signature(self._files)
        rests, self._seen = now == self._seen, now
        if not rests or now == self._taken:
            return False
        self._taken = now
        return True

    def follow(self, config: Config) -> None:
        """Another configuration is in force: it may be in other files."""
        self._files = config
        self._taken = self._seen = _signature(config)


def refuse_fixed(before: Config, after: Config) -> None:
    """Raises ConfigError where a change needs a restart."""
    problems = [
        Problem(
            str(after.file),
            None,
            f"`{spelled}` was changed, and a running service cannot follow",
            "Restart the service.",
        )
        for section, key, spelled in _FIXED
        if getattr(getattr(before, section), key) != getattr(getattr(after, section), key)
    ]
    if problems:
        raise ConfigError(problems)


def _signature(config: Config) -> Signature:
    return tuple(sorted(_looks(config)))


def _looks(config: Config) -> Iterator[tuple[str, int, int]]:
    secrets = (s.reference.partition(":") for s in config.secrets())
    files = [config.file.parent / Path(name).expanduser() for scheme, _, name in secrets if scheme == "file"]
    try:
        files += config.mappings.glob("*.toml")
    except OSError:
        yield (str(config.mappings), 0, 0)
    for file in [config.file, *files]:
        try:
            found = file.stat()
        except OSError:
            yield (str(file), 0, 0)
        else:
            yield (str(file), found.st_mtime_ns, found.st_size)

"""Do the configuration and the mappings fit one another: what can be told of it without asking any system."""

from __future__ import annotations

from collections.abc import Iterator

from sync.config import Config, ConversionConfig
from sync.errors import Problem
from sync.mapping import Mappings, SystemMapping


def unfit(config: Config, mappings: Mappings) -> list[Problem]:
    """What a mapping asks of a system that its configuration forbids."""
    return [
        Problem(entity.file, system.line, message, remedy)
        for entity in mappings.entities.values()
        for system in entity.systems.values()
        for message, remedy in _forbidden(config, system)
    ]


def _forbidden(config: Config, system: SystemMapping) -> Iterator[tuple[str, str]]:
    configured = config.systems[system.system]
    if system.deleted == "delete" and isinstance(configured, ConversionConfig) and not configured.deletes:
        yield (
            f"deleted = 'delete' would do nothing: `systems.{system.system}.deletes` is false in {config.file.name}",
            "Take one of the two out.",
        )

"""The effective settings for people: as they would be written, secrets masked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from sync.config.keys import keys_of
from sync.config.model import SECTIONS, Config
from sync.config.places import Listen
from sync.config.secrets import Secret
from sync.config.values import Guard


def settings_shown(config: Config) -> dict[str, Any]:
    """Nested as in the file, every key with its effective value. A secret shows its reference only; None is a key without value."""
    return {
        **_section(config),
        **{name: _section(getattr(config, name)) for name in SECTIONS},
        "systems": {name: {"kind": system.kind, **_section(system)} for name, system in config.systems.items()},
    }


def _section(section: Any) -> dict[str, Any]:
    return {name: _shown(name, getattr(section, name)) for name in keys_of(section.__class__)}


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, Secret):
        return f"*** ({value.reference})"
    if isinstance(value, timedelta):
        return spelled(value)
    if isinstance(value, Guard):
        return [value.count, f"{value.share * 100:g}%"]
    if isinstance(value, tuple):
        return [_shown(name, item) for item in value]
    if isinstance(value, Path | Listen):
        return str(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:***@", value) if name == "url" else value


def spelled(value: timedelta) -> str:
    """A duration as the file has it: in the largest unit that divides it."""
    milliseconds = round(value / timedelta(milliseconds=1))
    units: Mapping[str, int] = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
    if milliseconds == 0:
        return "0s"
    unit = next(unit for unit, size in units.items() if milliseconds % size == 0)
    return f"{milliseconds // units[unit]}{unit}"

"""Reads the configuration file: finds it, parses it, and reports every mistake at once, each with its line and remedy."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sync.config import rules
from sync.config.kinds import SystemConfig, known_kinds, model_of
from sync.config.lines import Path as KeyPath
from sync.config.lines import line_index
from sync.config.model import SECTIONS, Config
from sync.config.refused import Around
from sync.config.suggest import did_you_mean
from sync.config.tables import Tables
from sync.errors import ConfigError, Problem


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read of a file. ``config`` is None as soon as there is one problem.

    ``systems`` (name -> kind) and ``mappings`` are there where they could be read, whatever else is wrong with them, so that the
    mappings can be checked in the same go.
    """

    config: Config | None
    problems: tuple[Problem, ...]
    systems: Mapping[str, str] = field(default_factory=dict)
    mappings: Path | None = None


def load(path: Path | None, environment: Mapping[str, str]) -> Config:
    """The configuration of `path`, else of `$CRM_SYNC_CONFIG`, else of `./config.toml`.

    Secrets are resolved here. Raises ConfigError with all problems.
    """
    reading = read(path, environment)
    if reading.config is None:
        raise ConfigError(reading.problems)
    return reading.config


def find(path: Path | None, environment: Mapping[str, str]) -> Path:
    """Where the configuration is, by the order of look-up. The file need not exist."""
    return (path or Path(environment.get("CRM_SYNC_CONFIG") or "config.toml")).absolute()


def read(path: Path | None, environment: Mapping[str, str], *, spares: bool = False) -> Reading:
    """Like `load`, but what was found wrong is in the answer. ``spares``: secrets that cannot be had here are no mistake."""
    file = find(path, environment)
    try:
        text = file.read_text(encoding="utf-8-sig")
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return _stopped(file, *_syntax(error, text))
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        return _stopped(file, "this is not UTF-8 text", "Save it as UTF-8.", line)
    except OSError as error:
        return _stopped(file, *_absent(error))
    tables = Tables(_shown(file), Around(file.parent, environment, spares), line_index(text))
    return _read(file, raw, tables)


def _read(file: Path, raw: dict[str, Any], tables: Tables) -> Reading:
    sections: dict[str, Any] = {
        name: tables.read(model, raw.pop(name, {}), (name,)) for name, model in SECTIONS.items()
    }
    systems = _systems(raw.pop("systems", {}), tables)
    top = tables.values(Config, raw, ())
    for rule in rules.RULES:
        rule(sections, systems, tables)
    config = None
    if not tables.problems:
        config = Config(**top, **sections, systems=systems, file=file, lines=dict(tables.lines))
    return Reading(config, tuple(tables.problems), dict(tables.kinds), top.get("mappings"))


def _systems(raw: Any, tables: Tables) -> dict[str, SystemConfig]:
    if not isinstance(raw, dict) or not raw:
        tables.wrong(
            ("systems",),
            "no systems are configured",
            "Write at least one [systems.NAME]; `crm-sync init` shows all five.",
        )
        return {}
    found = {name: _system(name, table, tables) for name, table in raw.items()}
    return {name: system for name, system in found.items() if system is not None}


def _system(name: str, raw: Any, tables: Tables) -> SystemConfig | None:
    path: KeyPath = ("systems", name)
    if not isinstance(raw, dict):
        tables.wrong(path, f"systems.{name} is not a table", f"Write [systems.{name}].")
        return None
    kind = raw.pop("kind", name)
    where: KeyPath = path if kind == name else (*path, "kind")
    tables.kinds[name] = str(kind)
    try:
        model = model_of(kind) if isinstance(kind, str) else None
    except Exception as error:  # noqa: BLE001 - another package's code
        text = f"the connector for systems of kind `{kind}` cannot be loaded ({type(error).__name__})"
        tables.wrong(where, text, "Reinstall the package that brings it, or ask its authors.")
        return None
    if model is None:
        tables.wrong(where, f"there is no kind of system `{kind}`", did_you_mean(str(kind), known_kinds()))
        return None
    return rules.named(name, str(kind), model, raw, tables)


def _stopped(file: Path, message: str, remedy: str, line: int | None = None) -> Reading:
    return Reading(None, (Problem(_shown(file), line, message, remedy),))


def _absent(error: OSError) -> tuple[str, str]:
    if isinstance(error, FileNotFoundError):
        return (
            "there is no such file",
            "`crm-sync init` writes one; or name yours with --config FILE or $CRM_SYNC_CONFIG.",
        )
    return f"it cannot be read ({type(error).__name__})", "Look at its permissions."


def _syntax(error: tomllib.TOMLDecodeError, text: str) -> tuple[str, str, int]:
    """The message without any value of the line: it may hold a secret."""
    lines = text.split("\n")
    found = re.search(r"at line (\d+)", str(error))
    number = int(found[1]) if found else max(1, len(text.rstrip().split("\n")))
    cause = re.sub(r"\s*\(at .*\)$", "", str(error))
    key = re.match(r"\s*([\w.-]+)\s*=", lines[number - 1])
    where = f" at `{key[1]}`" if key else ""
    return (
        f"this is not TOML{where}: {cause}",
        "Look at quotes, brackets and repeated keys on this line and the one before.",
        number,
    )


def _shown(file: Path) -> str:
    """The file as a person would name it from here."""
    try:
        return str(file.relative_to(Path.cwd()))
    except ValueError:
        return str(file)

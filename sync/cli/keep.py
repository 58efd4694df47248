"""`backup`, `config` and `version`: house-keeping."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Collection
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, Final

import click

from sync import __version__
from sync.cli.answer import say_json
from sync.cli.backend import runner
from sync.cli.options import Command, Group, settings
from sync.cli.workspace import open_to_look, read_config
from sync.redaction import escape

_LIBRARIES: Final = (
    "simple-salesforce",
    "httpx",
    "sqlmodel",
    "sqlalchemy",
    "apscheduler",
    "structlog",
    "click",
    "rich",
    "rule-engine",
)


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> int:
    """A consistent copy of the state, made while everything runs."""
    workspace = open_to_look(settings())
    found = runner().backup(workspace.config, file)
    if settings().json:
        say_json(found)
    else:
        click.echo(
            f"{file}: {found['bytes']:,} bytes, {found['records']:,} records. It holds personal data: keep it as the state itself."
        )
    return 0


@click.group(cls=Group)
def config() -> None:
    """The configuration as it is in effect."""


@config.command()
def show() -> int:
    """Effective settings, defaults filled in, secrets masked."""
    from sync.config import settings_shown  # noqa: PLC0415 - not for a help text

    loaded = read_config(settings())
    shown = settings_shown(loaded)
    if settings().json:
        say_json({"file": str(loaded.file), **shown})
        return 0
    click.echo(f"# {loaded.file}")
    systems = shown.pop("systems")
    tables = {**{name: table for name, table in shown.items() if isinstance(table, dict)}}
    _lines({name: value for name, value in shown.items() if name not in tables}, (), loaded.lines)
    for path, table in [
        *(((name,), table) for name, table in tables.items()),
        *((("systems", n), t) for n, t in systems.items()),
    ]:
        click.echo(f"\n[{'.'.join(path)}]")
        _lines(table, path, loaded.lines)
    return 0


def _lines(table: dict[str, Any], path: tuple[str, ...], given: Collection[tuple[Any, ...]]) -> None:
    for name, value in table.items():
        line = f"{name} = {_toml(value)}" if value is not None else f"# {name} is not set"
        default = "" if (*path, name) in given or value is None else click.style("  # default", dim=True)
        click.echo(escape(line) + default)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


@click.command(cls=Command)
def version() -> int:
    """crm-sync, Python, SQLite and its journal mode, the libraries."""
    found = {
        "crm-sync": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "sqlite_journal": "wal" if wal_is_sound(sqlite3.sqlite_version_info) else "delete",
        **{name: _version(name) for name in _LIBRARIES},
    }
    if settings().json:
        say_json(found)
    else:
        for name, value in found.items():
            click.echo(f"{name:<18} {value}")
    return 0


def wal_is_sound(found: tuple[int, ...]) -> bool:
    """Whether this SQLite is free of the WAL-reset bug (reliability.md 1.1): 3.51.3 on without 3.52.0, 3.50.7 and 3.44.6."""
    if found >= (3, 51, 3):
        return found[:2] != (3, 52)
    return (3, 50, 7) <= found < (3, 51) or (3, 44, 6) <= found < (3, 45)


def _version(name: str) -> str:
    try:
        return version_of(name)
    except PackageNotFoundError:
        return "not installed"

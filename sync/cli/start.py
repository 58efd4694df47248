"""`init`: a workspace to start from."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from sync.cli.answer import say_json
from sync.cli.options import Command, settings
from sync.errors import UsageError


@click.command(cls=Command)
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False), default=Path())
def init(folder: Path) -> int:
    """Write config.toml and mappings/ to start from, into DIR (default: here).

    Nothing that exists is overwritten.
    """
    found = starter_files()
    wanted = {
        "config.toml": found["config.example.toml"],
        **{n: f for n, f in found.items() if n.startswith("mappings/")},
    }
    there = [name for name in wanted if (folder / name).exists()]
    if there:
        raise UsageError(
            f"{folder / there[0]} exists already", remedy="Nothing was written. Name another folder, or move it away."
        )
    try:
        for name, source in wanted.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(source.read_bytes())
        (folder / "mappings").mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written ({type(error).__name__})", remedy="Look at its permissions."
        ) from None
    _say(folder, list(wanted))
    return 0


def starter_files() -> dict[str, Traversable]:
    """The files to start from by their names: within the package, or, in a checkout, beside it."""
    root = files("sync")
    packed = root / "starter"
    home: Traversable = packed if packed.is_dir() else Path(str(root)).parent
    mappings = sorted((home / "mappings").iterdir(), key=lambda file: file.name)
    found = {f"mappings/{file.name}": file for file in mappings if file.name.endswith(".toml")}
    return {"config.example.toml": home / "config.example.toml", **found}


def _say(folder: Path, names: list[str]) -> None:
    if settings().json:
        say_json({"folder": str(folder.absolute()), "files": names})
        return
    for name in names:
        click.echo(f"wrote {folder / name}")
    click.echo("\nNext: leave out the systems you do not use, set the variables that config.toml names, then")
    here = "" if folder == Path() else f"cd {folder} && "
    click.echo(f"    {here}crm-sync check --offline\n    {here}crm-sync check\n    {here}crm-sync plan")

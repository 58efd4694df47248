"""The options that every command has, before or after its name: --config, --json, -v, --no-color."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click


@dataclass(slots=True)
class Settings:
    """What the global options came to."""

    config: Path | None = None
    json: bool = False
    verbose: int = 0
    plain: bool = False

    @property
    def coloured(self) -> bool:
        """Whether stdout is a terminal that may have colour."""
        return (
            sys.stdout.isatty()
            and not self.plain
            and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM") != "dumb"
        )


def settings() -> Settings:
    """The settings of the command that runs."""
    return click.get_current_context().ensure_object(Settings)


def _config(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    del parameter
    if value is not None:
        context.ensure_object(Settings).config = value


def _json(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    del parameter
    context.ensure_object(Settings).json |= value


def _verbose(context: click.Context, parameter: click.Parameter, value: int) -> None:
    del parameter
    context.ensure_object(Settings).verbose += value


def _plain(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    del parameter
    context.ensure_object(Settings).plain |= value


def _globals() -> list[click.Parameter]:
    def option(
        *names: str, callback: Callable[[click.Context, click.Parameter, Any], None], **more: Any
    ) -> click.Option:
        return click.Option(names, expose_value=False, callback=callback, **more)

    return [
        option(
            "--config",
            callback=_config,
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="The configuration file.",
        ),
        option("--json", callback=_json, is_flag=True, help="Answer with JSON."),
        option("-v", "--verbose", callback=_verbose, count=True, help="Show the log; twice: all of it."),
        option("--no-color", callback=_plain, is_flag=True, help="No colour."),
    ]


class Command(click.Command):
    """A command that also takes the global options."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        self.params.extend(_globals())


class Group(click.Group):
    """A group that also takes the global options, and whose commands do."""

    command_class = Command

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        self.params.extend(_globals())


entities = click.argument("entities", metavar="[ENTITY]...", nargs=-1)
full = click.option("--full", is_flag=True, help="Compare everything, not only what changed.")
shown = click.option(
    "--limit",
    "shown",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    help="At most so many operations in the answer.",
)
init_state = click.option(
    "--init", "init", is_flag=True, help="Start with an empty state although the systems know us already."
)

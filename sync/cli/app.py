"""The application: finds the command, runs it, turns what it raises into words and a code. A help text imports nothing more."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches

import click

from sync.cli import exits
from sync.cli.options import Group
from sync.cli.registry import COMMANDS, SECTIONS


class LazyGroup(Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].place.partition(":")
        command = getattr(importlib.import_module(f"sync.cli.{module}"), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Like click's, with a suggestion."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            near = get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"No such command '{args[0]}'." + (f" Did you mean '{near[0]}'?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by purpose, without importing one."""
        del ctx
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(entry.name, entry.summary) for entry in entries])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def app() -> None:
    """Keep accounts, contacts and e-mail consent the same in several CRM systems.

    Begin with `crm-sync init`; look with `crm-sync status`. A reading command takes --json.
    """


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and answers the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    answering = sys.stdout
    try:
        code = app.main(args=list(arguments), prog_name="crm-sync", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.PIPE_CLOSED
    except SystemExit as ended:
        if sys.stdout is not answering:  # click has seen the closed pipe first, and put its silent stand-in there
            return exits.PIPE_CLOSED
        return ended.code if isinstance(ended.code, int) else 1
    except BaseException as error:  # noqa: BLE001 - the one place where errors become words
        return exits.say(error, arguments)
    return code if isinstance(code, int) else 0

"""`consent` and `forget`: for the privacy officer."""

from __future__ import annotations

import click

from sync.cli.answer import paper, say_json, watching
from sync.cli.backend import Row, runner
from sync.cli.exits import PERSON
from sync.cli.options import Command, Group, settings
from sync.cli.workspace import open_to_look, open_to_write
from sync.redaction import escape


class Address(click.ParamType[str]):
    """An e-mail address, as typed."""

    name = "email"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address without spaces around it."""
        local, _, domain = value.strip().rpartition("@")
        if not local or not domain or " " in value.strip():
            self.fail("this is no e-mail address", param, ctx)
        return value.strip()


@click.group(cls=Group)
def consent() -> None:
    """Why a person may or may not be mailed; the one way to lift an opt-out."""


@consent.command()
@click.argument("email", type=Address())
def show(email: str) -> int:
    """What every system says about a person, and what follows."""
    workspace = open_to_look(settings())
    _say(runner().consent(workspace.config, workspace.mappings, email))
    return 0


@consent.command()
@click.argument("email", type=Address())
@click.option(
    "--evidence", required=True, metavar="TEXT", help="Where the person's own consent can be found. Kept for good."
)
def grant(email: str, evidence: str) -> int:
    """Lift an opt-out, because the person asked for it. The evidence goes on record."""
    if not evidence.strip():
        raise click.BadParameter("it is empty", param_hint="--evidence")
    workspace = open_to_write(settings())
    with watching(settings()) as progress:
        _say(runner().grant(workspace.config, workspace.mappings, email, evidence.strip(), progress=progress))
    return 0


def _say(found: Row) -> None:
    if settings().json:
        say_json(found)
        return
    from sync.cli.render.findings import draw_consent  # noqa: PLC0415 - draws with rich

    draw_consent(paper(), found)


@click.command(cls=Command)
@click.argument("email", type=Address())
@click.option("--remote", is_flag=True, help="Delete the person in the systems that can, too.")
def forget(email: str, remote: bool) -> int:
    """Erase a person from the state, and never store or mail them again.

    A keyed hash of the address remains, so that the person is recognised and kept away. With --remote the exit code is 3 where
    a row is left to delete by hand; ask for it at once: rows that are forgotten are not found later.
    """
    workspace = open_to_write(settings())
    with watching(settings()) as progress:
        found = runner().forget(workspace.config, workspace.mappings, email, remote=remote, progress=progress)
    systems = found.get("systems", {})
    if settings().json:
        say_json(found)
    else:
        click.echo(
            f"Erased from the state: {found['erased']} record{'s' if found['erased'] != 1 else ''}. The address is suppressed for good."
        )
        for name, outcome in systems.items():
            click.echo(f"    {escape(f'{name}: {outcome}')}")
        for row in found.get("kept", ()):
            where = f"{row['system']}: {row['object']} {row['id']}"
            click.echo(f"    {escape(where)} stays there; crm-sync does not know it any more, delete it by hand")
        click.echo(f"When it was done stays on record: crm-sync consent show {escape(email)}")
        if remote and not systems:
            click.echo("    No row of this address is known: nothing was deleted in any system. Look there by hand.")
    return PERSON if any(outcome != "deleted" for outcome in systems.values()) else 0

"""`conflicts` and `quarantine`: what waits for a person, and the person's answer."""

from __future__ import annotations

import click

from sync.cli.answer import paper, say_json, say_run, watching
from sync.cli.backend import runner
from sync.cli.options import Group, settings, shown
from sync.cli.workspace import open_to_look, open_to_write


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def conflicts(context: click.Context) -> int | None:
    """The values that a person must choose between. Nobody is written for such a field until then."""
    if context.invoked_subcommand:
        return None
    workspace = open_to_look(settings())
    rows = runner().conflicts(workspace.config, workspace.mappings)
    if settings().json:
        say_json(rows)
    else:
        from sync.cli.render.inbox import draw_conflicts  # noqa: PLC0415 - draws with rich

        draw_conflicts(paper(), rows)
    return 0


@conflicts.command()
@click.argument("conflict", metavar="ID")
@click.option("--take", "system", required=True, metavar="SYSTEM", help="Whose value is right.")
@shown
def resolve(conflict: str, system: str, shown: int) -> int:
    """Take one system's value; every other system gets it at once."""
    workspace = open_to_write(settings())
    taken = workspace.system(system)
    with watching(settings()) as progress:
        report = runner().resolve(workspace.config, workspace.mappings, conflict, taken, progress=progress)
    return say_run(report, "Resolve", shown)


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def quarantine(context: click.Context) -> int | None:
    """Records set aside: why, and what to do. Everything else goes on without them."""
    if context.invoked_subcommand:
        return None
    workspace = open_to_look(settings())
    rows = runner().quarantine(workspace.config, workspace.mappings)
    if settings().json:
        say_json(rows)
    else:
        from sync.cli.render.inbox import draw_quarantine  # noqa: PLC0415 - draws with rich

        draw_quarantine(paper(), rows)
    return 0


@quarantine.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@shown
def retry(ids: tuple[str, ...], shown: int) -> int:
    """Try these again now (none named: all of them)."""
    workspace = open_to_write(settings())
    with watching(settings()) as progress:
        report = runner().retry(workspace.config, workspace.mappings, ids, progress=progress)
    return say_run(report, "Retry", shown)


@quarantine.command()
@click.argument("quarantined", metavar="ID")
def drop(quarantined: str) -> int:
    """Take one out of the list without trying again. The next change of the record is tried as usual."""
    workspace = open_to_write(settings())
    row = runner().drop(workspace.config, workspace.mappings, quarantined)
    if settings().json:
        say_json(row)
    else:
        click.echo(f"Dropped {quarantined}. The next change of the record is tried as usual.")
    return 0

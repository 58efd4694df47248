"""`check`: would it work?"""

from __future__ import annotations

from dataclasses import asdict

import click

from sync.cli.answer import paper, say_json, watching
from sync.cli.backend import runner
from sync.cli.exits import PERSON, REFUSED, UNSERVED
from sync.cli.options import Command, settings
from sync.cli.workspace import Workspace, open_workspace, read_workspace
from sync.errors import ConfigError


@click.command(cls=Command)
@click.option("--offline", is_flag=True, help="Config and mappings only; contact nobody.")
def check(offline: bool) -> int:
    """Config, mappings and their laws, then each system.

    Credentials, permissions, and the live schema against the mapping, with the number of records that would fail. Writes nothing.
    """
    if offline:
        _say_offline(_looked_over(read_workspace(settings())))
        return 0
    workspace = open_workspace(settings())
    with watching(settings()) as progress:
        found = runner().check(workspace.config, workspace.mappings, progress=progress)
    if settings().json:
        say_json(found)
    else:
        from sync.cli.render.findings import draw_check  # noqa: PLC0415 - draws with rich

        draw_check(paper(), found)
    if found.get("drift"):
        return REFUSED
    return UNSERVED if found.get("unreachable") else 0 if found["well"] else PERSON


def _looked_over(workspace: Workspace) -> Workspace:
    """The workspace, after a look at all that can be known without a network. Raises ConfigError with every mistake."""
    from sync.daemon.notify import channels  # noqa: PLC0415 - brings what messages need
    from sync.runner.offline import problems_offline  # noqa: PLC0415 - brings the connectors

    config = workspace.config
    problems = problems_offline(config, workspace.mappings)
    try:
        channels(config.notify.urls, config.file.name)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    return workspace


def _say_offline(workspace: Workspace) -> None:
    systems, entities = list(workspace.config.systems), list(workspace.mappings.entities)
    notes = workspace.mappings.notes
    if settings().json:
        told = [asdict(note) for note in notes]
        say_json({"well": True, "findings": [], "systems": systems, "entities": entities, "notes": told})
        return
    click.echo(f"{workspace.config.file.name} is in order: {', '.join(systems)}.")
    click.echo(f"{workspace.config.mappings.name}/ is in order: {', '.join(entities)}.")
    if notes:
        click.echo("\nWorth a look:")
        click.echo("\n".join(str(note) for note in notes) + "\n")
    click.echo("Nothing was contacted. Next: crm-sync check")

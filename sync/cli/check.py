"""`check`: would it work?"""

from __future__ import annotations

import click

from sync.cli.answer import paper, say_json, watching
from sync.cli.backend import runner
from sync.cli.exits import PERSON, REFUSED, UNSERVED
from sync.cli.options import Command, settings
from sync.cli.workspace import Workspace, open_workspace, read_workspace


@click.command(cls=Command)
@click.option("--offline", is_flag=True, help="Config and mappings only; contact nobody.")
def check(offline: bool) -> int:
    """Config, mappings and their laws, then each system.

    Credentials, permissions, and the live schema against the mapping, with the number of records that would fail. Writes nothing.
    """
    if offline:
        _say_offline(read_workspace(settings()))
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


def _say_offline(workspace: Workspace) -> None:
    systems, entities = list(workspace.config.systems), list(workspace.mappings.entities)
    if settings().json:
        say_json({"well": True, "findings": [], "systems": systems, "entities": entities})
        return
    click.echo(f"{workspace.config.file.name} is in order: {', '.join(systems)}.")
    click.echo(f"{workspace.config.mappings.name}/ is in order: {', '.join(entities)}.")
    click.echo("Nothing was contacted. Next: crm-sync check")

"""`status`, `runs`, `explain` and `verify`: the commands that only look."""

from __future__ import annotations

import click

from sync.cli.answer import SHOWN, paper, say_json, watching
from sync.cli.backend import Row, runner
from sync.cli.exits import PERSON, REFUSED, UNSERVED
from sync.cli.options import Command, entities, settings
from sync.cli.remote import status_there
from sync.cli.workspace import config_alone, open_to_look, open_workspace
from sync.errors import ConfigError


@click.command(cls=Command)
def status() -> int:
    """One screen: is all well, lag per system, open questions, quota left.

    The exit code is 0 only if all is well.
    """
    found, refused = _status()
    if settings().json:
        say_json(found)
    else:
        from sync.cli.render.status import draw_status  # noqa: PLC0415 - draws with rich

        draw_status(paper(), found)
    unreachable = any(row.get("reachable") is False for row in found["systems"].values())
    return UNSERVED if unreachable else PERSON if not found["well"] else REFUSED if refused else 0


def _status() -> tuple[Row, bool]:
    """How it is, and whether the files have mistakes: then the service is asked, which goes on with those of before."""
    try:
        workspace = open_to_look(settings())
    except ConfigError:
        config = config_alone(settings())
        found = status_there(config) if config is not None else None
        if found is None:
            raise
        click.echo("The files have mistakes (crm-sync check --offline): this is how the service sees it.", err=True)
        return found, True
    return runner().status(workspace.config, workspace.mappings), False


@click.command(cls=Command)
@click.argument("run", metavar="[ID]", required=False)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="At most so many runs, or changes of one run.",
)
def runs(run: str | None, limit: int) -> int:
    """The history of runs; with ID one run with its changes."""
    workspace = open_to_look(settings())
    if run:
        _say_one(runner().run(workspace.config, run), limit)
        return 0
    rows = runner().runs(workspace.config, limit=limit)
    if settings().json:
        say_json(rows)
    else:
        from sync.cli.render.run import draw_runs  # noqa: PLC0415 - draws with rich

        draw_runs(paper(), rows)
    return 0


def _say_one(found: Row, limit: int) -> None:
    if settings().json:
        say_json(found | {"operations": found["operations"][:SHOWN]})
    else:
        from sync.cli.render.run import draw_run  # noqa: PLC0415 - draws with rich

        draw_run(paper(), found, str(found.get("kind") or "run").capitalize(), limit)


@click.command(cls=Command)
@click.argument("entity")
@click.argument("key")
def explain(entity: str, key: str) -> int:
    """One record: its value in every system, where each value came from, when, by which rule.

    KEY is an e-mail address, domain or name, our record id, or an id in any system.
    """
    workspace = open_to_look(settings())
    workspace.chosen([entity])
    found = runner().explain(workspace.config, workspace.mappings, entity, key)
    if settings().json:
        say_json(found)
    else:
        from sync.cli.render.record import draw_record  # noqa: PLC0415 - draws with rich

        draw_record(paper(), found)
    return 0


@click.command(cls=Command)
@entities
def verify(entities: tuple[str, ...]) -> int:
    """Read everything, write nothing: is every difference between the systems explained?

    Conflicts, quarantine, one-way fields and pending work are explanations; the rest is listed (exit code 3).
    """
    workspace = open_workspace(settings())
    chosen = workspace.chosen(entities)
    with watching(settings()) as progress:
        found = runner().verify(workspace.config, workspace.mappings, chosen, progress=progress)
    if settings().json:
        say_json(found)
    else:
        from sync.cli.render.findings import draw_verify  # noqa: PLC0415 - draws with rich

        draw_verify(paper(), found)
    if found.get("failures"):
        return UNSERVED
    return PERSON if found["unexplained"] else 0

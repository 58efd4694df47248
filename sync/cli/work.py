"""`sync`, `backfill` and `undo`: the commands that write."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from sync.cli.answer import say_run, watching
from sync.cli.backend import runner
from sync.cli.options import Command, entities, full, init_state, settings, shown
from sync.cli.workspace import open_to_write


class Moment(click.ParamType[datetime]):
    """A date or a time of ISO 8601; without a zone it is UTC."""

    name = "date"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The UTC-aware moment."""
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date; write 2026-11-20 or 2026-11-20T15:00:00Z", param, ctx)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.command(cls=Command)
@entities
@full
@click.option("--dry-run", is_flag=True, help="Like `plan`: write nothing.")
@init_state
@shown
def sync(entities: tuple[str, ...], full: bool, dry_run: bool, init: bool, shown: int) -> int:
    """One run: read what changed, merge, write, exit.

    Beyond a safety limit nothing is written (exit code 4); look with `runs`, release with `apply RUN`.
    """
    workspace = open_to_write(settings())
    chosen = workspace.chosen(entities)
    with watching(settings()) as progress:
        if dry_run:
            report = runner().plan(workspace.config, workspace.mappings, chosen, full=full, progress=progress)
        else:
            report = runner().sync(
                workspace.config, workspace.mappings, chosen, full=full, init=init, progress=progress
            )
    return say_run(report, "Plan" if dry_run else "Sync", shown)


@click.command(cls=Command)
@entities
@click.option("--from", "source", metavar="SYSTEM", help="Only records that this system holds.")
@click.option("--since", type=Moment(), metavar="DATE", help="Only records changed since.")
@init_state
@shown
def backfill(entities: tuple[str, ...], source: str | None, since: datetime | None, init: bool, shown: int) -> int:
    """Everything once, from the start; resumable.

    Run it again after any interruption and it goes on. Creates and updates are not limited here.
    """
    workspace = open_to_write(settings())
    chosen = workspace.chosen(entities)
    named = workspace.system(source) if source else None
    with watching(settings()) as progress:
        report = runner().backfill(
            workspace.config, workspace.mappings, chosen, source=named, since=since, init=init, progress=progress
        )
    return say_run(report, "Backfill", shown)


@click.command(cls=Command)
@click.argument("run", metavar="RUN")
@click.option("--record", metavar="KEY", help="Only this record.")
@click.option("--field", metavar="NAME", help="Only this field.")
@click.option("--dry-run", is_flag=True, help="Show what it would write, and write nothing.")
@shown
def undo(run: str, record: str | None, field: str | None, dry_run: bool, shown: int) -> int:
    """Write the values of before RUN back, at once, in every system.

    What somebody has changed since is left alone and reported. `undo` of the undo restores the run.
    """
    workspace = open_to_write(settings())
    with watching(settings()) as progress:
        act = runner().try_undo if dry_run else runner().undo
        report = act(workspace.config, workspace.mappings, run, record=record, field=field, progress=progress)
    return say_run(report, "Undo, not done yet" if dry_run else "Undo", shown)

"""`plan` and `apply`: see it first, then exactly that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from sync.cli.answer import say_run, watching
from sync.cli.backend import runner
from sync.cli.options import Command, entities, full, settings, shown
from sync.cli.workspace import open_to_write, open_workspace
from sync.errors import UsageError
from sync.model.report import RunReport


@click.command(cls=Command)
@entities
@full
@shown
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Keep the plan, for `apply FILE`."
)
def plan(entities: tuple[str, ...], full: bool, shown: int, out: Path | None) -> int:
    """What a sync would do: per record, per field, before and after, rule and reason.

    Writes nothing to any system.
    """
    workspace = open_workspace(settings())
    chosen = workspace.chosen(entities)
    with watching(settings()) as progress:
        report = runner().plan(workspace.config, workspace.mappings, chosen, full=full, progress=progress)
    if out:
        keep_plan(report, out)
    return say_run(report, "Plan", shown)


def keep_plan(report: RunReport, out: Path) -> None:
    """Writes the whole plan to a file that only its owner can read. Raises UsageError."""
    try:
        out.touch(mode=0o600)
        out.write_text(
            json.dumps(report.to_json(len(report.operations)), ensure_ascii=False, indent=1, default=str),
            encoding="utf-8",
        )
    except OSError as error:
        raise UsageError(
            f"{out} cannot be written ({type(error).__name__})", remedy="Name another file with --out."
        ) from None


@click.command(cls=Command)
@click.argument("plan", metavar="FILE|RUN")
@shown
def apply(plan: str, shown: int) -> int:
    """Exactly that plan: a file of `plan --out`, or a run that a safety limit stopped.

    What moved since is skipped and reported (exit code 3).
    """
    workspace = open_to_write(settings())
    stored = _plan_file(plan)
    with watching(settings()) as progress:
        if stored is None:
            report = runner().apply_run(workspace.config, workspace.mappings, plan, progress=progress)
        else:
            report = runner().apply_plan(workspace.config, workspace.mappings, stored, progress=progress)
    return say_run(report, "Apply", shown)


def _plan_file(name: str) -> dict[str, Any] | None:
    """The plan in a file, or None where the name can only be a run's. Raises UsageError for a file that is no plan."""
    path = Path(name)
    if not name.strip() or path.is_dir():
        raise UsageError(f"`{name}` is neither a plan file nor a run", remedy="`crm-sync plan --out FILE` writes one.")
    if not path.exists():
        if path.suffix or len(path.parts) > 1:
            raise UsageError(f"there is no file {name}", remedy="`crm-sync plan --out FILE` writes one.")
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{name} is no plan ({type(error).__name__})", remedy="`crm-sync plan --out FILE` writes one."
        ) from None
    if (
        not isinstance(stored, dict)
        or not isinstance(stored.get("operations"), list)
        or not isinstance(stored.get("digest"), str)
    ):
        raise UsageError(f"{name} is no plan, or not a whole one", remedy="`crm-sync plan --out FILE` writes one.")
    return stored

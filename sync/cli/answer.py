"""The answer of a command on stdout: JSON when asked for, else drawn for a person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from sync.cli.options import Settings, settings

if TYPE_CHECKING:
    from sync.cli.render.paper import Paper
    from sync.cli.render.progress import Quiet
    from sync.model.report import RunReport


def say_json(answer: Any) -> None:
    """Prints one JSON document: control characters escaped, letters of any script as they are."""
    click.echo(json.dumps(answer, ensure_ascii=False, indent=2, default=str))


def paper() -> Paper:
    """What to draw on."""
    from sync.cli.render.paper import Paper  # noqa: PLC0415 - draws with rich

    return Paper(coloured=settings().coloured)


def watching(chosen: Settings) -> Quiet:
    """Where progress is shown."""
    from sync.cli.render.progress import progress  # noqa: PLC0415 - may draw with rich

    return progress(coloured=not chosen.plain)


def say_run(report: RunReport, word: str, shown: int) -> int:
    """Prints a run and answers its exit code."""
    if settings().json:
        say_json(report.to_json(shown))
    else:
        from sync.cli.render.run import draw_run  # noqa: PLC0415 - draws with rich

        draw_run(paper(), report.to_json(len(report.operations)), word, min(shown, 20) if shown == SHOWN else shown)
    return report.exit_code


SHOWN = 1000

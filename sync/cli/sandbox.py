"""`sandbox`: the five vendors on this machine."""

from __future__ import annotations

import click

from sync.cli.options import Command
from sync.errors import UsageError


@click.command(cls=Command)
@click.option(
    "--port",
    type=click.IntRange(0, 65530),
    default=9100,
    show_default=True,
    help="Control plane; the systems follow. 0: free ports.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same data.")
@click.option("--accounts", type=click.IntRange(min=0), default=20, show_default=True)
@click.option("--contacts", type=click.IntRange(min=0), default=100, show_default=True)
@click.option(
    "--load", "loads", multiple=True, metavar="SYSTEM:OBJECT=FILE", help="Rows of your own from a CSV file; repeatable."
)
@click.option("--no-limits", is_flag=True, help="Without the vendors' rate limits.")
def sandbox(port: int, seed: int, accounts: int, contacts: int, loads: tuple[str, ...], no_limits: bool) -> int:
    """The five systems emulated on loopback, with faults on demand.

    The first line on stdout is JSON with their addresses. Every key is `sandbox`. Ctrl-C ends it.
    """
    from sync.sandbox.start import run  # noqa: PLC0415 - shares nothing with the other commands

    try:
        run(port=port, seed=seed, accounts=accounts, contacts=contacts, loads=loads, limits=not no_limits)
    except OSError as error:
        raise UsageError(
            f"port {port} and those after it: {error.strerror or type(error).__name__}",
            remedy="--port 0 picks free ones.",
        ) from None
    except ValueError as error:
        raise UsageError(
            f"--load: {error}", remedy="Write SYSTEM:OBJECT=FILE.csv, e.g. abmatic:accounts=accounts.csv."
        ) from None
    return 0

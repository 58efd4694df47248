"""`run`: the service. Composes the daemon, which works, and the web, which shows it."""

from __future__ import annotations

import click

from sync import __version__
from sync.cli.exits import write_report
from sync.cli.options import Command, settings
from sync.cli.workspace import read_workspace, start_log


@click.command(cls=Command)
def run() -> int:
    """The service: polls, webhooks, dashboard; ends with SIGTERM or Ctrl-C.

    Changed configuration and mapping files are taken over while it runs (SIGHUP does it at once); a bad file is not, and says so.
    """
    from sync.daemon import Daemon  # noqa: PLC0415 - brings the scheduler
    from sync.web import serve  # noqa: PLC0415 - brings the server

    chosen = settings()
    workspace = read_workspace(chosen)
    start_log(chosen, workspace.config, service=True)
    daemon = Daemon(
        workspace.config,
        workspace.mappings,
        files=lambda: ((found := read_workspace(chosen)).config, found.mappings),
        write_report=lambda error: write_report(error, ["run"]),
        version=__version__,
    )
    return daemon.run(serve(daemon, workspace.config.server.listen))

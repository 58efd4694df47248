"""`demo --serve`: the service with its dashboard on what the demonstration left, until Ctrl-C."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sync import __version__
from sync.cli.exits import write_report
from sync.cli.workspace import Workspace

if TYPE_CHECKING:
    from sync.web import Served


def stay(workspace: Workspace, control: str) -> None:
    """Serves until it is asked to end: an edit made in one system travels within seconds. `control` rules the systems."""
    from sync.daemon import Daemon  # noqa: PLC0415 - brings the scheduler
    from sync.web import serve  # noqa: PLC0415 - brings the server

    config, mappings = workspace.config, workspace.mappings
    daemon = Daemon(
        config,
        mappings,
        files=lambda: (config, mappings),
        write_report=lambda error: write_report(error, ["demo"]),
        version=__version__,
    )
    daemon.run(_Announced(serve(daemon, config.server.listen), control))


class _Announced:
    """The web server, which says where it is once it listens."""

    def __init__(self, served: Served, control: str) -> None:
        self._served = served
        self._control = control

    @property
    def url(self) -> str:
        """Where it is."""
        return self._served.url

    def start(self) -> None:
        """Listens, and says so."""
        self._served.start()
        click.echo(f"\nThe dashboard is at {self.url} until Ctrl-C; {self._control} rules the systems.", err=True)

    def stop(self) -> None:
        """Answers nobody any more."""
        self._served.stop()

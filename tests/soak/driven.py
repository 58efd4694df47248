"""The service with a clock that can be moved: `python driven.py CONFIG DAYFILE`. The number in DAYFILE is how many days have gone by.

A new day asks for what a day brings: a reconcile, a rolling look, tidying up, a backup. Everything else is the program as it is.
"""

from __future__ import annotations

import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

from sync.cli.options import Settings
from sync.cli.workspace import read_workspace, start_log
from sync.daemon import Daemon, service
from sync.daemon.stopping import EndingClock
from sync.daemon.worker import Rank
from sync.web import serve

DAY = Path(sys.argv[2])


class MovedClock(EndingClock):
    """Ahead of the host's clock by the days that have gone by."""

    days = 0

    def now(self):
        return super().now() + timedelta(days=MovedClock.days)


def main():
    service.EndingClock = MovedClock
    settings = Settings(config=Path(sys.argv[1]))
    workspace = read_workspace(settings)
    start_log(settings, workspace.config, service=True)
    daemon = Daemon(
        workspace.config,
        workspace.mappings,
        files=lambda: ((found := read_workspace(settings)).config, found.mappings),
        write_report=lambda error: None,
        version="soak",
    )
    tasks, worker = daemon._tasks, daemon._worker

    def follow():
        while True:
            time.sleep(0.2)
            told = int(DAY.read_text() or 0)
            if told != MovedClock.days:
                MovedClock.days = told
                worker.ask("reconcile", Rank.RECONCILE, tasks._reconcile)
                worker.ask("reverify", Rank.REVERIFY, tasks._reverify)
                worker.ask("tidy", Rank.UPKEEP, tasks._jobs.tidy)
                worker.ask("backup", Rank.UPKEEP, tasks._back_up)

    threading.Thread(target=follow, daemon=True).start()
    return daemon.run(serve(daemon, workspace.config.server.listen))


sys.exit(main())

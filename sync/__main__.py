"""`python -m sync` and the console script `crm-sync`."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    from sync.cli.app import run  # noqa: PLC0415 - importing this module starts nothing

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

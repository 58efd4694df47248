"""``python -m sync.sandbox``: the sandbox alone."""

from __future__ import annotations

import argparse
import sys

from sync.sandbox.emulation import LoadError
from sync.sandbox.start import ACCOUNTS, CONTACTS, SEED, run


def main(arguments: list[str] | None = None) -> int:
    """Parses the command line and serves until stopped; 2 for a taken port or a file that cannot be loaded."""
    asked = _parser().parse_args(arguments)
    accounts, contacts = (0, 0) if asked.empty else (asked.accounts, asked.contacts)
    try:
        run(asked.port, asked.seed, accounts, contacts, loads=asked.load, limits=not asked.no_limits)
    except (LoadError, OSError) as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sync.sandbox", description="The five vendors emulated on loopback."
    )
    parser.add_argument(
        "--port", type=int, default=9100, help="port of the control plane, vendors on the next five; 0 takes free ones"
    )
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--contacts", type=int, default=CONTACTS)
    parser.add_argument("--load", action="append", default=[], metavar="SYSTEM:OBJECT=FILE.csv")
    parser.add_argument("--no-limits", action="store_true", help="no rate limits and no quotas")
    parser.add_argument("--empty", action="store_true", help="no data at all")
    return parser


if __name__ == "__main__":
    sys.exit(main())

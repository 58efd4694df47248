"""Errors become words (stderr) and an exit code, here and nowhere else. A bug of ours becomes a report file, without any value.

The codes are product.md's: 0 done · 1 our bug · 2 config, mapping or usage · 3 a person is needed · 4 a safety limit ·
5 a system was not served · 6 the state is locked. By custom of shells: 130 interrupted, 141 nobody reads on.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from sync import __version__
from sync.errors import (
    AbortError,
    ConfigError,
    DriftError,
    GuardError,
    LockedError,
    QuarantineError,
    ReplanError,
    RetryError,
    StateError,
    StoppedError,
    SyncError,
    UsageError,
)
from sync.redaction import escape, safe_text

BUG, REFUSED, PERSON, LIMIT, UNSERVED, LOCKED = 1, 2, 3, 4, 5, 6
INTERRUPTED, PIPE_CLOSED = 130, 141

_CODES: Final[tuple[tuple[type[SyncError], int], ...]] = (  # the first that fits
    (ConfigError, REFUSED),
    (UsageError, REFUSED),
    (LockedError, LOCKED),
    (GuardError, LIMIT),
    (DriftError, REFUSED),
    (StateError, REFUSED),
    (AbortError, UNSERVED),
    (RetryError, UNSERVED),
    (ReplanError, PERSON),
    (QuarantineError, PERSON),
    (StoppedError, UNSERVED),
    (SyncError, BUG),
)


def code_for(error: BaseException) -> int:
    """The exit code of an error."""
    if isinstance(error, click.ClickException):
        return REFUSED
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return INTERRUPTED
    return next((code for kind, code in _CODES if isinstance(error, kind)), BUG)


def say(error: BaseException, arguments: Sequence[str] = ()) -> int:
    """Tells a person what happened and what to do next; answers the exit code."""
    code = code_for(error)
    if (
        code == BUG and type(error) is not SyncError
    ):  # that is what a service told us of a bug: its own log has the report
        _bug(error, arguments)
    elif code == INTERRUPTED:
        _line("Interrupted. What was done is recorded; the same command goes on from here.")
    elif isinstance(error, click.ClickException):
        _usage(error)
    elif isinstance(error, ConfigError):
        _problems(error)
    elif isinstance(error, SyncError):
        _line(f"{_where(error)}{error.message}", error.remedy)
    return code


def _usage(error: click.ClickException) -> None:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)  # the help, of as many lines as it has
        return
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "crm-sync"
    _line(f"{command}: {error.format_message()}", f"`{command} --help` tells more.")


def _problems(error: ConfigError) -> None:
    count = len(error.problems)
    _line(f"{count} problem{'s' if count != 1 else ''}; nothing was contacted.")
    for problem in error.problems:
        place = f"{problem.file}:{problem.line}" if problem.line else problem.file
        click.echo(err=True)
        _line(f"{click.style(escape(place), bold=True)}  {escape(problem.message)}", problem.remedy, cleaned=True)


def _where(error: SyncError) -> str:
    return f"{error.system}: " if error.system else ""


def _line(text: str, remedy: str = "", *, cleaned: bool = False) -> None:
    click.echo(text if cleaned else escape(safe_text(text)), err=True)
    for line in remedy.splitlines():
        click.echo(f"    {escape(safe_text(line))}", err=True)


def _bug(error: BaseException, arguments: Sequence[str]) -> None:
    where = next(reversed(traceback.extract_tb(error.__traceback__)), None)
    _line(
        f"This is a mistake in crm-sync, not yours: {type(error).__name__}"
        + (f" in {where.name}" if where else "")
        + "."
    )
    path = write_report(error, arguments)
    if path is None:
        _line("No report could be written: neither this folder nor the one for temporary files can be written to.")
    else:
        _line(f"The report is {path}. It holds no secrets and no values of records; please send it.")
    _line("The state is as after a crash: the next run repairs what was left half done.")


def write_report(error: BaseException, arguments: Sequence[str]) -> Path | None:
    """Writes the report about a bug of ours; where it is."""
    return _write_report(_report(error, arguments))


def _report(error: BaseException, arguments: Sequence[str]) -> str:
    """Types and places, never messages: these may hold values."""
    words = [word if word.startswith("-") and "=" not in word else "…" for word in arguments[1:]]
    lines = [
        f"crm-sync {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        f"at      {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        f"command {' '.join([*arguments[:1], *words])}",
        "",
    ]
    chain: BaseException | None = error
    while chain is not None:
        lines.append(f"{type(chain).__module__}.{type(chain).__qualname__}")
        lines += [
            f"  {_short(frame.filename)}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(chain.__traceback__)
        ]
        chain = chain.__cause__ or chain.__context__
    return "\n".join(lines) + "\n"


def _short(filename: str) -> str:
    """The part of a path that says which package and module, not whose machine."""
    return "/".join(Path(filename).parts[-3:])


def _write_report(text: str) -> Path | None:
    name = f"crm-sync-report-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        try:
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            continue
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        return folder / name
    print(text, file=sys.stderr)  # noqa: T201 - the last place there is
    return None

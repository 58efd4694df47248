"""Progress on stderr: bars with rate, time left and calls left on a terminal; a line now and then where nobody looks."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self

from sync.cli.render.paper import seconds
from sync.redaction import escape, safe_text

_EVERY_S: Final = 10.0


class Quiet:
    """Plain lines: one when a task begins to take long, then every ten seconds. For pipes and log files."""

    def __init__(self) -> None:
        self._tasks: dict[str, tuple[int, int | None, float]] = {}
        self._said_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def start(self, task: str, total: int | None) -> None:
        """Begins a task, with its number of rows where known."""
        self._tasks[task] = (0, total, time.monotonic())

    def advance(self, task: str, rows: int, calls_left: int | None = None) -> None:
        """Counts; speaks when the last word is ten seconds old."""
        done, total, since = self._tasks.get(task, (0, None, time.monotonic()))
        self._tasks[task] = (done + rows, total, since)
        if time.monotonic() - self._said_at >= _EVERY_S:
            self._said_at = time.monotonic()
            self.note(describe(task, done + rows, total, self._said_at - since, calls_left))

    def note(self, text: str) -> None:
        """One line."""
        print(escape(safe_text(text)), file=sys.stderr, flush=True)  # noqa: T201 - stderr is for people


def describe(task: str, done: int, total: int | None, elapsed_s: float, calls_left: int | None) -> str:
    """A task in words: how much, how fast, how long yet, how many calls left."""
    rate = done / elapsed_s if elapsed_s > 0 else 0.0
    parts = [f"{task}: {done:,}" + (f" of {total:,}" if total else ""), f"{rate:,.0f}/s"]
    if total and rate:
        parts.append(f"{seconds(max(0.0, (total - done) / rate))} left")
    if calls_left is not None:
        parts.append(f"{calls_left:,} calls left")
    return " · ".join(parts)


class Bars(Quiet):
    """Bars on a terminal. They vanish when the work is done: the answer says what came of it."""

    def __init__(self, *, coloured: bool) -> None:
        super().__init__()
        from rich.console import Console  # noqa: PLC0415 - only on a terminal
        from rich.progress import BarColumn, Progress, TaskID, TextColumn  # noqa: PLC0415

        console = Console(
            stderr=True, color_system="auto" if coloured else None, markup=False, highlight=False, emoji=False
        )
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[words]}", markup=False),
            console=console,
            transient=True,
        )
        self._ids: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def start(self, task: str, total: int | None) -> None:
        """A new bar; without a total it pulses."""
        super().start(task, total)
        self._ids[task] = self._bars.add_task(escape(task), total=total, words="")

    def advance(self, task: str, rows: int, calls_left: int | None = None) -> None:
        """Moves the bar."""
        if task not in self._ids:
            self.start(task, None)
        done, total, since = self._tasks[task]
        self._tasks[task] = (done + rows, total, since)
        words = describe("", done + rows, total, time.monotonic() - since, calls_left).removeprefix(": ")
        self._bars.update(self._ids[task], advance=rows, words=words)

    def note(self, text: str) -> None:
        """One line above the bars."""
        self._bars.console.print(escape(safe_text(text)))


def progress(*, coloured: bool) -> Quiet:
    """Bars where a person looks at stderr, else lines."""
    return Bars(coloured=coloured) if sys.stderr.isatty() else Quiet()

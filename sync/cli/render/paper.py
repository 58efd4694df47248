"""What everything is drawn on: colours, tables, and values as a person reads them. Plain and unwrapped when it is not a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sync.redaction import escape

STYLES: Final = {
    "good": "green",
    "bad": "bold red",
    "warn": "yellow",
    "quiet": "dim",
    "name": "bold",
    "new": "green",
    "old": "red",
}
_PIPE_WIDTH: Final = 4000
_LONG: Final = 120
_ROUND: Final = 10


class Paper:
    """One answer, drawn line by line on stdout. ``wide`` is True when nobody's terminal limits a line."""

    def __init__(self, *, coloured: bool, console: Console | None = None) -> None:
        self.wide = console is None and not sys.stdout.isatty()
        self.console = console or Console(
            file=sys.stdout,
            width=_PIPE_WIDTH if self.wide else None,
            color_system="auto" if coloured else None,
            force_terminal=None if coloured else False,
            markup=False,
            highlight=False,
            emoji=False,
            soft_wrap=False,
        )
        self.unicode = (self.console.encoding or "").lower().startswith("utf")

    @property
    def arrow(self) -> str:
        """From before to after."""
        return "→" if self.unicode else "->"

    def line(self, *parts: Text | str, indent: int = 0) -> None:
        """One line (wrapped under its own indent)."""
        text = Text.assemble(*parts)
        self.console.print(Padding(text, (0, 0, 0, indent), expand=False) if indent else text)

    def command(self, line: str, indent: int = 0) -> None:
        """A command to copy: never broken into lines of ours, or what is pasted would be another command."""
        self.console.print(Text(" " * indent + escape(line)), soft_wrap=True)

    def gap(self) -> None:
        """An empty line."""
        self.console.print()

    def title(self, text: str, after: str = "") -> None:
        """The first line of a part."""
        self.line(styled(text, "name"), styled(f"  {after}", "quiet") if after else "")

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[Any]], indent: int = 2) -> None:
        """A table; columns whose header begins with `#` are numbers; without any header just aligned columns.

        Where a table with headers is wider than the terminal, each row becomes its first cell and a line of `header value` below.
        """
        box = None if self.wide or not any(headers) else SIMPLE_HEAD
        table = Table(
            box=box, padding=(0, 1), show_edge=False, pad_edge=False, header_style="dim", show_header=any(headers)
        )
        for header in headers:
            numeric = header.startswith("#")
            table.add_column(
                header.removeprefix("#"), justify="right" if numeric else "left", no_wrap=numeric, overflow="fold"
            )
        drawn = [[cell if isinstance(cell, Text) else text(cell) for cell in row] for row in rows]
        for row in drawn:
            table.add_row(*row)
        if any(headers) and not self._fits(table, indent):
            self._stack(headers, drawn, indent)
        else:
            self.console.print(Padding(table, (0, 0, 0, indent), expand=False))

    def _fits(self, table: Table, indent: int) -> bool:
        unlimited = self.console.options.update(max_width=_PIPE_WIDTH)
        return self.console.measure(table, options=unlimited).maximum + indent <= self.console.width

    def _stack(self, headers: Sequence[str], rows: Sequence[Sequence[Text]], indent: int) -> None:
        for first, *rest in rows:
            self.line(first, indent=indent)
            named = zip(headers[1:], rest, strict=True)
            told = [Text.assemble((f"{name.removeprefix('#')} ", "dim"), cell) for name, cell in named if cell.plain]
            self.line(Text(" · ").join(told), indent=indent + 2)


def styled(value: str, style: str) -> Text:
    """A text in one of our styles."""
    return Text(escape(value), style=STYLES.get(style, style))


def text(value: Any) -> Text:
    """Any value as plain text; numbers grouped by thousands."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Text(f"{value:,}", style="dim" if value == 0 else "")
    return Text("" if value is None else escape(str(value)))


def value(given: Any, style: str = "") -> Text:
    """A field's value: blanks are said, lists are lists, long texts are cut."""
    if given is None or given in ("", [], {}):
        return Text("(empty)", style="dim italic")
    if isinstance(given, list):
        shown = ", ".join(str(item) for item in given)
    else:
        shown = str(given).lower() if isinstance(given, bool) else str(given)
    shown = escape(shown)
    return Text(shown if len(shown) <= _LONG else shown[: _LONG - 1] + "…", style=STYLES.get(style, style))


def counted(number: int, one: str, many: str = "") -> str:
    """`1 change`, `2 changes`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def seconds(amount: float | None) -> str:
    """A length of time in two units: `1.9 s`, `4 min 10 s`, `3 h 20 min`, `2 days 4 h`."""
    if amount is None:
        return "unknown"
    if amount < _ROUND:
        return f"{amount:.1f} s".replace(".0 s", " s")
    whole = round(amount)
    for size, unit, small, lesser in ((86400, "days", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // small
            name = "day" if unit == "days" and whole // size == 1 else unit
            return f"{whole // size} {name}" + (f" {rest} {lesser}" if rest else "")
    return f"{whole} s"


def ago(moment: str | None, now: datetime | None = None) -> str:
    """An ISO time as a distance from now: `4 min ago`, `in 2 h`."""
    if not moment:
        return "never"
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return escape(moment)
    distance = (now or datetime.now(UTC)) - (then if then.tzinfo else then.replace(tzinfo=UTC))
    if abs(distance) < timedelta(seconds=1):
        return "now"
    spelled = seconds(abs(distance).total_seconds() // 1)
    return f"{spelled} ago" if distance > timedelta() else f"in {spelled}"


def when(moment: str | None, now: datetime | None = None) -> str:
    """An ISO time for the record, with its zone, and as a distance from now: `2026-11-27 20:58:33 UTC, 4 min ago`."""
    distance = ago(moment, now)
    return f"{dated(moment)}, {distance}" if dated(moment) else distance


def dated(moment: str | None) -> str:
    """An ISO time as day and time of day in UTC; empty for what is none."""
    try:
        then = datetime.fromisoformat(moment or "")
    except ValueError:
        return ""
    return f"{(then if then.tzinfo else then.replace(tzinfo=UTC)).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def heading(row: dict[str, Any]) -> Text:
    """What a row is about: the key a person knows first, ids after it."""
    named = row.get("key") or row.get("record") or row.get("id") or "?"
    ids = row.get("ids") or {}
    extra = ", ".join(f"{system} {remote}" for system, remote in ids.items())
    parts = [Text(escape(f"{row.get('entity', '')} "), style="dim"), styled(str(named), "name")]
    return Text.assemble(*parts, styled(f"  {extra}", "quiet") if extra else "")

"""What was done in one system, and whether it stands in the others: the table of the demo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.text import Text

from sync.cli.render.paper import Paper, styled, text

_STYLES: Final = {"here": "name", "arrived": "good", "missing": "bad", None: "quiet"}
_SIGNS: Final = {"here": "●", "arrived": "✓", "missing": "✗", None: "·"}
_PLAIN: Final = {"here": "*", "arrived": "yes", "missing": "NO", None: "-"}


def draw_arrivals(paper: Paper, rows: Sequence[Mapping[str, Any]]) -> None:
    """A line for each deed, numbered as they were told, and a column for each system that is written."""
    signs = _SIGNS if paper.unicode else _PLAIN
    systems = list(rows[0]["in"]) if rows else []
    paper.table(
        ["", "done in", "what", *systems],
        (
            [styled(str(number), "quiet"), row["system"], _what(row), *(_cell(signs, row["in"][s]) for s in systems)]
            for number, row in enumerate(rows, 1)
        ),
    )
    paper.line(
        styled(f"{signs['here']} done here  {signs['arrived']} stands there now  ", "quiet"),
        styled(f"{signs[None]} keeps no consent (the vendor documents none)", "quiet"),
        indent=2,
    )


def _what(row: Mapping[str, Any]) -> Text:
    return styled("opt-out", "warn") if row["what"] == "opt-out" else text("title")


def _cell(signs: Mapping[str | None, str], fate: str | None) -> Text:
    return styled(signs[fate], _STYLES[fate])

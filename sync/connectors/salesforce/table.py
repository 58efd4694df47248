"""CSV as Bulk API 2.0 reads and writes it: UTF-8, LF, commas; an empty cell leaves alone, ``#N/A`` clears.

simple-salesforce's own CSV cannot clear, orders columns by chance and decodes results as Latin-1 (apis/salesforce.md
8.3).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

CLEAR = "#N/A"
CELL_MAX = 32_000
"""Characters of one field that Bulk API 2.0 takes."""
_SCALARS = (str, bool, int, float, type(None))


def fits(values: Mapping[str, Any]) -> bool:
    """Whether CSV can say these values: scalars, none too long, none that would read as "clear"."""
    return all(isinstance(v, _SCALARS) and v != CLEAR and len(str(v)) <= CELL_MAX for v in values.values())


def write(file: IO[bytes], rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Writes a header and the rows; a column that a row does not have is left empty, that is untouched."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    out = csv.writer(text, lineterminator="\n")
    out.writerow(columns)
    for row in rows:
        out.writerow([cell(row[column]) if column in row else "" for column in columns])
    text.detach()


def cell(value: Any) -> str:
    """One value's text; blanks clear."""
    if value is None or value == "":
        return CLEAR
    return str(value).lower() if isinstance(value, bool) else str(value)


def read(content: bytes) -> Iterator[dict[str, str]]:
    """The rows of a CSV answer by column; line breaks inside cells are kept."""
    return iter(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))

"""CSV as Bulk 2.0 speaks it: delimiters and line endings by name, every cell quoted (apis/salesforce.md 3.6)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from sync.sandbox.salesforce.refusals import Refusal

DELIMITERS = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
ENDINGS = {"LF": "\n", "CRLF": "\r\n"}


class BadCsv(Exception):
    """The upload cannot be processed; the text is the job's ``errorMessage``."""


def checked(delimiter: str, ending: str) -> None:
    """Raises Refusal for a name that does not exist."""
    if delimiter not in DELIMITERS or ending not in ENDINGS:
        raise Refusal("INVALIDJOB", f"columnDelimiter {delimiter} or lineEnding {ending} is not supported")


def read(data: bytes, delimiter: str, ending: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows; raises BadCsv."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadCsv("InvalidBatch : Failed to parse CSV: the data is not UTF-8") from None
    first = text.partition("\n")[0]
    if first.endswith("\r") != (ending == "CRLF") and "\n" in text:
        raise BadCsv(f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {ending}")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=DELIMITERS[delimiter], strict=True))
    except csv.Error as error:
        raise BadCsv(f"InvalidBatch : Failed to parse CSV: {error}") from None
    if not rows:
        raise BadCsv("InvalidBatch : The CSV holds no header")
    header = [name.strip() for name in rows[0]]
    body = [row for row in rows[1:] if row]
    if any(len(row) != len(header) for row in body):
        raise BadCsv("InvalidBatch : Failed to parse CSV: the number of columns differs between rows")
    return header, body


def write(header: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str, ending: str) -> bytes:
    """The bytes of a result."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=DELIMITERS[delimiter], lineterminator=ENDINGS[ending], quoting=csv.QUOTE_ALL)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()

"""Whether a value read back after our write is our value as the server chose to keep it, or somebody's edit."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from unicodedata import normalize

from sync.mapping.numbers import number
from sync.mapping.sets import words
from sync.model.values import Absence, Native

ROUNDINGS = (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN)
_ROUND = (
    32,
    40,
    50,
    60,
    64,
    80,
    100,
    120,
    121,
    128,
    150,
    160,
    180,
    190,
    191,
    200,
    250,
    254,
    255,
    256,
    300,
    400,
    500,
    512,
)
_LARGE = (
    1000,
    1024,
    2000,
    2048,
    4000,
    4096,
    5000,
    8000,
    8192,
    10_000,
    16_384,
    20_000,
    32_000,
    32_768,
    65_536,
    100_000,
    131_072,
)
LENGTHS = frozenset({*_ROUND, *_LARGE, *(2**n - 1 for n in range(7, 18))})
"""Where text is usually cut: nobody shortens one by hand to exactly so many characters (Salesforce: apis/salesforce.md 5.1)."""
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", re.IGNORECASE)
_TIME_CUTS = (len("2026-01-02"), len("2026-01-02T10:00"), len("2026-01-02T10:00:00"))


def is_variant(sent: Native, seen: Native, limit: int | None = None, *, proven: bool = False) -> bool:
    """Whether `seen` is `sent` trimmed, cut, in another case or Unicode form, rounded, escaped, or cut to the day.

    A beginning of `sent` alone proves nothing ("CT" of "CTO" is somebody's edit): it is a cut at `limit`, the declared length in
    characters, at a length where text is usually cut, or anywhere if the row's version is `proven` to be the one that our write made.
    """
    if isinstance(sent, Absence) or isinstance(seen, Absence):
        return False
    if isinstance(sent, list) or isinstance(seen, list):
        return _same_words(sent, seen)
    if _is_rounded(sent, seen):
        return True
    if not isinstance(sent, str) or not isinstance(seen, str):
        return False
    return _folded(sent) == _folded(seen) or _is_cut(sent, seen, limit, proven=proven)


def _same_words(sent: Native, seen: Native) -> bool:
    left, right = words(sent), words(seen)
    if left is None or right is None:
        return False
    return {_folded(word) for word in left} == {_folded(word) for word in right}


def _folded(word: str) -> str:
    return _plain(html.unescape(word))


def _is_rounded(sent: Native, seen: Native) -> bool:
    exact, kept = number(sent), number(seen)
    if not isinstance(exact, Decimal) or not isinstance(kept, Decimal):
        return False
    exponent = kept.normalize().as_tuple().exponent
    unit = Decimal(1).scaleb(min(int(exponent), 0))
    return any(exact.quantize(unit, rounding=rounding) == kept for rounding in ROUNDINGS)


def _is_cut(sent: str, seen: str, limit: int | None, *, proven: bool) -> bool:
    """Text, as it is or escaped, and times as text: a day is the beginning of its time."""
    kept = _plain(seen)
    if not kept:
        return False
    whole = [text for text in (sent, html.escape(sent)) if _plain(text).startswith(kept)]
    if whole and (proven or (_TIME.fullmatch(sent) and len(kept) in _TIME_CUTS)):
        return True
    limits = {limit, *LENGTHS} if limit is not None else LENGTHS
    return any(_plain(cut) == kept for text in whole for length in limits for cut in _cuts(text, length))


def _plain(text: str) -> str:
    return " ".join(normalize("NFKC", text).casefold().split())


def _cuts(text: str, length: int) -> Iterator[str]:
    """The text at this length, counted in characters, in bytes, and in the 16-bit units of JavaScript and Java."""
    if length < len(text.encode(errors="replace")):
        yield text[:length]
        yield text.encode(errors="replace")[:length].decode(errors="ignore")
        yield text.encode("utf-16-le", errors="replace")[: 2 * length].decode("utf-16-le", errors="ignore")

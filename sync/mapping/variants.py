"""Whether a value read back after our write is our value as the server chose to keep it, or somebody's edit."""

from __future__ import annotations

import html
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from unicodedata import normalize

from sync.mapping.numbers import number
from sync.mapping.sets import words
from sync.model.values import Absence, Native

ROUNDINGS = (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN)


def is_variant(sent: Native, seen: Native) -> bool:
    """Whether `seen` is `sent` trimmed, cut, in another case or Unicode form, rounded, escaped, or cut to the day."""
    if isinstance(sent, Absence) or isinstance(seen, Absence):
        return False
    if isinstance(sent, list) or isinstance(seen, list):
        return _same_words(sent, seen)
    return _is_rounded(sent, seen) or _is_rewritten(sent, seen)


def _same_words(sent: Native, seen: Native) -> bool:
    left, right = words(sent), words(seen)
    if left is None or right is None:
        return False
    return {_folded(word) for word in left} == {_folded(word) for word in right}


def _folded(word: str) -> str:
    return " ".join(normalize("NFKC", html.unescape(word)).casefold().split())


def _is_rounded(sent: Native, seen: Native) -> bool:
    exact, kept = number(sent), number(seen)
    if not isinstance(exact, Decimal) or not isinstance(kept, Decimal):
        return False
    exponent = kept.normalize().as_tuple().exponent
    unit = Decimal(1).scaleb(min(int(exponent), 0))
    return any(exact.quantize(unit, rounding=rounding) == kept for rounding in ROUNDINGS)


def _is_rewritten(sent: Native, seen: Native) -> bool:
    """Text, and dates and times as text: a day is the beginning of its time."""
    if not isinstance(sent, str) or not isinstance(seen, str):
        return False
    wanted, kept = _folded(sent), _folded(seen)
    return (
        wanted == kept
        or bool(kept and wanted.startswith(kept))
        or bool(kept and _folded(_escaped(sent)).startswith(kept))
    )


def _escaped(sent: str) -> str:
    return html.escape(sent)

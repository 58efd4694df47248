"""Words compared token by token: the vendor's filters match parts of words, and ours must not (T-L6).

A token is a run of letters and digits in lower case. Scripts that set no spaces between words are compared by their characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from unicodedata import normalize

_TOKEN: Final = re.compile(r"[^\W_]+[+#]*")
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff]")


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[str, ...]:
    """The tokens of a text, in order: ``Finance-Manager (EMEA)`` -> finance, manager, emea."""
    return tuple(_TOKEN.findall(normalize("NFKC", text).casefold()))


def holds(text: str, wanted: str) -> bool:
    """Whether the tokens of `wanted` stand one after the other in `text`."""
    if _UNSPACED.search(wanted) or not tokens(wanted):
        return normalize("NFKC", wanted).casefold() in normalize("NFKC", text).casefold()
    return _is_within(tokens(wanted), tokens(text))


def is_same(text: str, wanted: str) -> bool:
    """Whether both have the same tokens: ``C-Level`` and ``c_level`` do."""
    if not tokens(wanted):
        return text.casefold() == wanted.casefold()
    return tokens(text) == tokens(wanted)


def _is_within(few: Sequence[str], many: Sequence[str]) -> bool:
    return any(many[start : start + len(few)] == few for start in range(len(many) - len(few) + 1))

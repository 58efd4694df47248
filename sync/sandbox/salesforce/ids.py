"""Salesforce record ids: how they are made, checked and compared (apis/salesforce.md 5.5)."""

from __future__ import annotations

from functools import lru_cache

CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FIRST_NUMBER = 62**4 * 7  # so that ids carry letters of both cases early


def to18(head: str) -> str:
    """The 18-character form of a 15-character id; case-safe."""
    groups = (head[0:5], head[5:10], head[10:15])
    return head + "".join(CHECKSUM[sum(1 << k for k, c in enumerate(group) if "A" <= c <= "Z")] for group in groups)


def numbered(prefix: str, number: int) -> str:
    """The `number`-th id of an object; ids of one prefix sort in the order of their numbers."""
    digits = []
    rest = FIRST_NUMBER + number
    for _ in range(9):
        rest, digit = divmod(rest, 62)
        digits.append(DIGITS[digit])
    return to18(f"{prefix}ak0" + "".join(reversed(digits)))


@lru_cache(maxsize=65536)
def normalised(text: str) -> str | None:
    """The 18-character id for a 15- or 18-character one; None if it is malformed (length, alphabet, checksum)."""
    if len(text) not in (15, 18) or not (text.isascii() and text.isalnum()):
        return None
    whole = to18(text[:15])
    return whole if len(text) == 15 or whole[15:] == text[15:].upper() else None  # noqa: PLR2004

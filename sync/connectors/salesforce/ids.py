"""Salesforce ids: 15 case-sensitive characters, or the same with a checksum of 3 that makes them case-safe."""

from __future__ import annotations

from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHORT, _LONG = 15, 18
_CAPITALS = str.maketrans(
    ascii_letters + digits, "0" * len(ascii_lowercase) + "1" * len(ascii_uppercase) + "0" * len(digits)
)


def to18(text: str) -> str | None:
    """The 18-character form; None for what cannot be an id (apis/salesforce.md 5.5)."""
    if len(text) not in (_SHORT, _LONG) or not (text.isascii() and text.isalnum()):
        return None
    short = text[:_SHORT]
    bits = short.translate(_CAPITALS)
    full = short + _check(bits[4::-1]) + _check(bits[9:4:-1]) + _check(bits[14:9:-1])
    return full if len(text) == _SHORT or full.upper() == text.upper() else None


def _check(bits: str) -> str:
    """The letter for five places of the id, the last one first: which of them are capitals."""
    return _ALPHABET[int(bits, 2)]

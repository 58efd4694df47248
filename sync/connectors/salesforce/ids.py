"""Salesforce ids: 15 case-sensitive characters, or the same with a checksum of 3 that makes them case-safe."""

from __future__ import annotations

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHORT, _LONG = 15, 18


def to18(text: str) -> str | None:
    """The 18-character form; None for what cannot be an id (apis/salesforce.md 5.5)."""
    if len(text) not in (_SHORT, _LONG) or not (text.isascii() and text.isalnum()):
        return None
    short = text[:_SHORT]
    full = short + "".join(_check(short[start : start + 5]) for start in (0, 5, 10))
    return full if len(text) == _SHORT or full.upper() == text.upper() else None


def _check(five: str) -> str:
    return _ALPHABET[sum(1 << bit for bit, char in enumerate(five) if "A" <= char <= "Z")]

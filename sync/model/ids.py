"""Ids: of runs (sortable by time, unique, short enough to read aloud: the ULID layout), and of what is set aside."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def run_id(now: datetime) -> str:
    """26 characters: 48 bits of milliseconds, 80 bits of chance."""
    number = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -5, -5))


def quarantine_id(*parts: str | None) -> str:
    """A stable id for one reason to set one thing aside."""
    return hashlib.blake2b("\0".join(part or "" for part in parts).encode(), digest_size=6).hexdigest()

"""Values: what a native or canonical value may be, and the three ways of not having one.

A canonical value is always JSON-shaped, so that it can be stored, compared with ``==`` and shown as it is:
``None`` (blank), ``bool``, ``int``, ``str``, ``list[str]`` (multi: sorted, unique) or, for type ``json``, anything
JSON-shaped. Decimals are plain strings without exponent ("12.50" is stored as "12.5"), dates ``YYYY-MM-DD``, date-times
``YYYY-MM-DDTHH:MM:SS[.ffffff]Z``. A ref is the id of the target record.
A native value is whatever the system's JSON holds under a native path.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, Literal

Native = Any
Canonical = Any


class Absence(Enum):
    """A place without a value that is not a blank either."""

    MISSING = "missing"
    """Not returned, not permitted or not selected: nothing is known."""
    HELD = "held"
    """There is a value, but no word for it here (`else = "hold"`): a person must say what it means."""
    UNRESOLVED = "unresolved"
    """It names a record that is not known (yet)."""

    def __bool__(self) -> bool:
        return False


MISSING: Final = Absence.MISSING
HELD: Final = Absence.HELD
UNRESOLVED: Final = Absence.UNRESOLVED

SUBSCRIBED: Final = "SUBSCRIBED"
PENDING: Final = "PENDING"
UNSUBSCRIBED: Final = "UNSUBSCRIBED"
Consent = Literal["SUBSCRIBED", "PENDING", "UNSUBSCRIBED"]


def is_blank(value: Native | Canonical) -> bool:
    """Whether a value is an explicit blank: null, an empty (or white) string, an empty list or object."""
    return value is None or value in ("", [], {}) or (isinstance(value, str) and not value.strip())

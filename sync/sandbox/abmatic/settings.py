"""What can be switched about the emulated Abmatic, with the nastier reading as default."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sync.sandbox.vendor import EditRefused

CHOICES: dict[str, tuple[Any, ...]] = {
    "profile": ("A1", "A2", "A3"),
    "put_mode": ("replace", "merge"),
    "per_page_mode": ("clamp", "reject"),
    "page_order": ("heap", "insertion"),
    "plan": ("enterprise", "professional"),
    "filter_inclusive": (False, True),
    "writes": (True, False),
}
NUMBERS = {"filter_zone_h", "index_lag_s"}


@dataclass
class Settings:
    """Everything but the rate limit."""

    profile: str = "A1"
    put_mode: str = "replace"
    """``replace``: a PUT blanks the writable fields it does not name; ``merge``: it leaves them."""
    per_page_mode: str = "clamp"
    """What happens to ``per_page`` above 100: silently 100, or 400."""
    page_order: str = "heap"
    """``heap``: as an unsorted table gives rows, see `listing`; ``insertion``: oldest first."""
    filter_zone_h: float = -10
    """The zone in which the server cuts days for date filters, hours east of UTC."""
    filter_inclusive: bool = False
    """Whether ``updated_after=2026-01-15`` contains the 15th."""
    index_lag_s: float = 0.2
    """How long a row made over the API is missing from lists (it is found by id at once)."""
    plan: str = "enterprise"
    """Any other plan has no API: 403."""
    writes: bool = True
    """Whether the key may write: else 403."""

    def change(self, wanted: dict[str, Any]) -> None:
        """Applies the keys it knows; raises EditRefused for a value that is none of the choices."""
        known = {key: value for key, value in wanted.items() if key in KNOWN}
        for key, value in known.items():
            _check(key, value)
        for key, value in known.items():
            setattr(self, key, value)


KNOWN = frozenset(field.name for field in fields(Settings))


def _check(key: str, value: Any) -> None:
    if key in NUMBERS:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise EditRefused(f"{key!r} must be a number")
    elif value not in CHOICES[key]:
        raise EditRefused(f"{key!r} must be one of: {', '.join(map(str, CHOICES[key]))}")

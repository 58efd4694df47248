"""The values of single keys: text in, typed value out, or Refused with a remedy.

Every parser takes (value as TOML gave it, Around) and is the type of one key in `model`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from sync.config.refused import Around, Refused
from sync.config.secrets import Secret, Spared, is_reference, resolve
from sync.config.suggest import did_you_mean

T = TypeVar("T")
Parse = Callable[[Any, Around], T]

_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, slots=True)
class Guard:
    """A safety limit: a count of operations, a share (0..1) of the linked records, or both."""

    count: int = 0
    share: float = 0.0

    def limit(self, linked: int) -> int:
        """How many operations may pass when `linked` records are linked: the larger of the two."""
        return max(self.count, int(self.share * linked))


def text(value: Any, around: Around) -> str:
    """A text that is not empty."""
    del around
    if not isinstance(value, str) or not value.strip():
        raise Refused("a text is expected", 'Write it in quotes: "…".')
    return value


def boolean(value: Any, around: Around) -> bool:
    """True or false."""
    del around
    if not isinstance(value, bool):
        raise Refused("true or false is expected", "Write it without quotes.")
    return value


def whole(least: int = 0, most: int | None = None) -> Parse[int]:
    """A whole number within bounds."""

    def parse(value: Any, around: Around) -> int:
        del around
        if not isinstance(value, int) or isinstance(value, bool):
            raise Refused("a whole number is expected", "Write it without quotes.")
        _within(value, least, most)
        return value

    return parse


def number(above: float = 0, most: float | None = None) -> Parse[float]:
    """A number greater than `above`."""

    def parse(value: Any, around: Around) -> float:
        del around
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Refused("a number is expected", "Write it without quotes.")
        if not value > above or (most is not None and value > most):
            raise Refused(
                f"{value} is out of bounds", f"It must be above {above:g}" + (f", at most {most:g}." if most else ".")
            )
        return float(value)

    return parse


def optional(parse: Parse[T]) -> Parse[T | None]:
    """The same, or nothing where the key is left out."""

    def parsed(value: Any, around: Around) -> T | None:
        return None if value is None else parse(value, around)

    return parsed


def choice(*words: str) -> Parse[str]:
    """One of a few words."""

    def parse(value: Any, around: Around) -> str:
        del around
        if value not in words:
            raise Refused(f"{_quoted(value)} is not one of {', '.join(words)}", did_you_mean(str(value), words))
        return str(value)

    return parse


def many(parse: Parse[T]) -> Parse[tuple[T, ...]]:
    """A list of such values."""

    def parsed(value: Any, around: Around) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise Refused("a list is expected", "Write [ … ].")
        return tuple(parse(item, around) for item in value)

    return parsed


def duration(value: Any, around: Around) -> timedelta:
    """Such as "60s", "10m", "2h", "1d", "1h 30m". Above zero."""
    found = duration_or_zero(value, around)
    if not found:
        raise Refused("a duration above zero is expected", 'For example "60s", "10m" or "2h".')
    return found


def duration_or_zero(value: Any, around: Around) -> timedelta:
    """A duration, or "0s"."""
    del around
    spelled = value.replace(" ", "") if isinstance(value, str) else ""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhdw])", spelled)
    if not parts or "".join(a + b for a, b in parts) != spelled:
        raise Refused(f"{_quoted(value)} is no duration", 'Write a number and its unit: "60s", "10m", "2h", "1d".')
    return timedelta(seconds=sum(float(amount) * _UNITS[unit] for amount, unit in parts))


def guard(value: Any, around: Around) -> Guard:
    """`100`, `"10%"` or `[100, "10%"]`."""
    del around
    items = value if isinstance(value, list) else [value]
    counts = [item for item in items if isinstance(item, int) and not isinstance(item, bool)]
    shares = [item for item in items if isinstance(item, str)]
    if len(counts) > 1 or len(shares) > 1 or not items or len(counts) + len(shares) != len(items):
        raise Refused("a limit is a count, a share, or both", 'Write 100, "10%" or [100, "10%"].')
    for count in counts:
        _within(count, 0, None)
    return Guard(counts[0] if counts else 0, _share(shares[0]) if shares else 0.0)


def _share(value: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value.strip())
    if not found or not 0 <= float(found[1]) <= 100:  # noqa: PLR2004 - per cent
        raise Refused(f"{_quoted(value)} is no share", 'Write a percentage from "0%" to "100%".')
    return float(found[1]) / 100


def secret(value: Any, around: Around) -> Secret:
    """A reference to a secret, resolved; where nobody needs it, one that cannot be resolved is spared."""
    if not isinstance(value, str):
        raise Refused("a secret is a reference", "For example `env:NAME`.")
    try:
        return resolve(value, around)
    except Refused as refused:
        if around.spares and is_reference(value):
            return Spared(value, refused)
        raise


def secrets(least: int = 1) -> Parse[tuple[Secret, ...]]:
    """One reference, or a list of them while a secret is being replaced; none where the key is left out. Each of `least` characters."""

    def parse(value: Any, around: Around) -> tuple[Secret, ...]:
        items = value if isinstance(value, list | tuple) else [value]
        found = tuple(secret(item, around) for item in items)
        for each in found:
            if each.known and len(each.reveal()) < least:
                raise Refused(
                    f"the secret behind {each.reference} is too short",
                    f"Make one of {least} characters or more, by chance.",
                )
        return found

    return parse


def new_folder(value: Any, around: Around) -> Path:
    """A folder that may have yet to be made; relative ones start at the file."""
    return around.path(text(value, around)).absolute()


def folder(value: Any, around: Around) -> Path:
    """An existing folder; relative ones start at the file."""
    path = around.path(text(value, around)).absolute()
    if not path.is_dir():
        raise Refused(f"there is no folder {_quoted(value)}", f"Create {path}, or name another.")
    return path


def api_version(value: Any, around: Around) -> str:
    """Such as "67.0". Salesforce publishes three a year; older than 45 lacks what is used here (`apis/salesforce.md` 1.3)."""
    del around
    if not isinstance(value, str) or not re.fullmatch(r"\d{2,3}\.0", value) or float(value) < 45:  # noqa: PLR2004
        raise Refused(f"{_quoted(value)} is no API version", 'Write it as Salesforce does: "67.0".')
    return value


def _within(value: int, least: int, most: int | None) -> None:
    if value < least or (most is not None and value > most):
        bounds = f"from {least} to {most}" if most is not None else f"{least} or more"
        raise Refused(f"{value} is out of bounds", f"It must be {bounds}.")


def _quoted(value: Any) -> str:
    """A value of a key that is no secret, short enough for a sentence."""
    shown = repr(value).replace("'", '"')
    return shown if len(shown) <= 60 else shown[:57] + "…" + '"'  # noqa: PLR2004

"""Kinds of arguments of the commands: what is taken, what is refused, and the JSON schema that says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

REQUIRED: Final = object()
_TEXT_MAX: Final = 2000
_ROWS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of argument: its JSON schema, and how a value of it is taken."""

    schema: Mapping[str, Any]
    fits: Callable[[Any], bool]
    words: str
    take: Callable[[Any], Any] = lambda given: given


def _is_text(given: Any) -> bool:
    """A text that the state can be asked for: no zero byte, no half of a surrogate pair."""
    if not isinstance(given, str) or not 0 < len(given) <= _TEXT_MAX or "\0" in given:
        return False
    return given.isascii() or given.encode("utf-8", "ignore").decode() == given


def _is_texts(given: Any) -> bool:
    return isinstance(given, list) and len(given) <= _ROWS_MAX and all(map(_is_text, given))


def _is_choices(given: Any) -> bool:
    return (
        isinstance(given, dict)
        and 0 < len(given) <= _ROWS_MAX
        and all(_is_text(k) and _is_text(v) for k, v in given.items())
    )


def _is_moment(given: Any) -> bool:
    try:
        return isinstance(given, str) and datetime.fromisoformat(given).tzinfo is not None
    except ValueError:
        return False


_STRING: Final = {"type": "string", "minLength": 1, "maxLength": _TEXT_MAX, "pattern": "^[^\\x00]*$"}
TEXT: Final = Kind(_STRING, _is_text, "a text")
TEXTS: Final = Kind({"type": "array", "items": _STRING, "maxItems": _ROWS_MAX}, _is_texts, "a list of texts")
TRUTH: Final = Kind({"type": "boolean"}, lambda given: isinstance(given, bool), "true or false")
MOMENT: Final = Kind(
    {"type": "string", "format": "date-time"}, _is_moment, "an ISO time with its zone", datetime.fromisoformat
)
PLAN: Final = Kind({"type": "object"}, lambda given: isinstance(given, dict), "the JSON of a plan")
CHOICES: Final = Kind(
    {"type": "object", "additionalProperties": _STRING, "minProperties": 1}, _is_choices, "an object of texts"
)


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument; a default of None may be given as null."""

    kind: Kind
    default: Any = REQUIRED

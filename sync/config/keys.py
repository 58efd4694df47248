"""A key of the configuration: how it is read and what it is when left out. The classes of `model` and `kinds` are made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, get_type_hints

from sync.config.refused import Around


class _Required:
    """The default of a key that has none."""


REQUIRED: Final = _Required()


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its parser, and its default as a person would write it (REQUIRED: none)."""

    parse: Callable[[Any, Around], Any]
    default: Any = REQUIRED


@cache
def keys_of(model: type) -> Mapping[str, Key]:
    """The keys of a class, in order of definition; those of its parents first."""
    hints = get_type_hints(model, include_extras=True)
    found = ((name, getattr(hint, "__metadata__", ())) for name, hint in hints.items())
    return {name: extra[0] for name, extra in found if extra and isinstance(extra[0], Key)}

"""Runs the items of one batch in the habit the service was told to have, whatever envelope it goes back in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sync.sandbox.conversion.rows import Data, Refusal

Check = Callable[[Any], "Refusal | None"]
Write = Callable[[Any], "dict[str, Any]"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item: an answer row, or a refusal."""

    position: int
    answer: dict[str, Any] | None
    refusal: Refusal | None = None


def run(
    items: list[Any], failing: Mapping[int, str], key: Callable[[Any], str], check: Check, write: Write, *, atomic: bool
) -> list[Outcome]:
    """Checks every item, then writes the good ones (none, when ``atomic`` and one is bad). In order of the request."""
    refusals = _refusals(items, failing, key, check)
    if atomic and any(refusals):
        return [Outcome(n, None, refusal) for n, refusal in enumerate(refusals) if refusal]
    return [
        Outcome(n, None, refusal) if refusal else _written(n, item, check, write)
        for n, (item, refusal) in enumerate(zip(items, refusals, strict=True))
    ]


def _written(position: int, item: Any, check: Check, write: Write) -> Outcome:
    late = check(item)
    return Outcome(position, None, late) if late else Outcome(position, write(item))


def _refusals(
    items: list[Any], failing: Mapping[int, str], key: Callable[[Any], str], check: Check
) -> list[Refusal | None]:
    seen: set[str] = set()
    found: list[Refusal | None] = []
    for position, item in enumerate(items):
        if position in failing:
            found.append(Refusal(failing[position], "the row was refused"))
            continue
        refusal = check(item)
        if refusal is None and key(item) in seen:
            refusal = Refusal("DUPLICATE_ERROR", "the same key stands twice in this batch")
        if refusal is None:
            seen.add(key(item))
        found.append(refusal)
    return found


def contact_key(data: Data) -> Callable[[Any], str]:
    """Two items are the same contact when this is equal."""
    return lambda item: data.email_key(item["email"])


def company_key(item: Any) -> str:
    """Two items are the same company when this is equal."""
    return str(item["id"])

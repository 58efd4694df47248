"""Templates: everything escaped, times and values said as on the terminal, charts drawn as SVG by a macro."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from math import ceil, log10
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from sync import __version__
from sync.model.values import Absence
from sync.redaction import escape

DASH: Final = 6.0
TEXT_MAX: Final = 300
"""A value is shown this far; the rest is a matter for its record's page."""
_UNITS: Final = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def draw(template: str, facts: Mapping[str, Any]) -> str:
    """A page's HTML."""
    return environment().get_template(template).render(facts)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Made once; templates are read from the package and kept."""
    found = Environment(
        loader=FunctionLoader(_source), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    found.filters.update(ago=ago, seconds=seconds, value=value, count=count, stamp=stamp, sentence=sentence)
    found.globals.update(version=__version__, line=line, bars=bars, peak=peak, peak_time=peak_time)
    return found


def _source(name: str) -> str:
    return (files("sync.web") / "templates" / name).read_text(encoding="utf-8")


# words -------------------------------------------------------------------------------------------------------------------


def _time(at: Any) -> datetime | None:
    if at in (None, ""):
        return None
    found = datetime.fromisoformat(str(at))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def ago(at: Any) -> Markup:
    """A time as people say it, with the exact one to hover over; empty for none."""
    found = _time(at)
    if found is None:
        return Markup("")
    past_s = round((datetime.now(UTC) - found).total_seconds())
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(
        found.isoformat(timespec="seconds"), _spoken(past_s)
    )


def _spoken(past_s: int) -> str:
    if abs(past_s) <= 1:
        return "just now"
    return f"in {seconds(-past_s)}" if past_s < 0 else f"{seconds(past_s)} ago"


def stamp(at: Any) -> str:
    """Day and time, UTC."""
    found = _time(at)
    return f"{found.astimezone(UTC):%d %b %Y, %H:%M:%S} UTC" if found else ""


def seconds(number: Any) -> str:
    """A duration in its largest unit or two: 2 min, 1 h 5 min, 3 d; tenths below ten seconds; "" for none."""
    if number is None:
        return ""
    left = float(number)
    if left < 10:  # noqa: PLR2004 - where tenths matter
        return f"{left:.1f} s" if left % 1 >= 0.05 else f"{left:.0f} s"  # noqa: PLR2004
    parts = []
    for unit, size in _UNITS:
        if left >= size:
            parts.append(f"{int(left // size)} {unit}")
            left %= size
        if len(parts) == 2 or (parts and unit == "d"):  # noqa: PLR2004 - a third part says nothing more
            break
    return " ".join(parts)


def count(number: Any, word: str, words: str = "") -> str:
    """`1 conflict`, `1,234 conflicts`."""
    return f"{number:,} {word if number == 1 else words or word + 's'}"


def value(held: Any) -> Markup:
    """A value of a record: quiet words for the three kinds of nothing, control characters shown, long texts cut."""
    if isinstance(held, Absence):
        return Markup('<i class="none">{}</i>').format(str(held.value).replace("_", " "))
    if held is None or held == "":
        return Markup('<i class="none">{}</i>').format("nothing" if held is None else "empty")
    text = escape(held if isinstance(held, str) else json.dumps(held, ensure_ascii=False, default=str))
    if len(text) <= TEXT_MAX:
        return Markup("<bdi>{}</bdi>").format(text)
    return Markup('<bdi>{}</bdi><i class="none"> … {} more</i>').format(text[:TEXT_MAX], f"{len(text) - TEXT_MAX:,}")


def sentence(text: Any) -> Markup:
    """A sentence with `commands` in back quotes set as code."""
    parts = str(text).split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else Markup("{}").format(part)
        for place, part in enumerate(parts)
    )


# charts ------------------------------------------------------------------------------------------------------------------


def peak(series: Sequence[Sequence[float | None]]) -> float:
    """The top of the scale: the largest number of all series, rounded up to 1, 2 or 5 times a power of ten."""
    most = max((number for numbers in series for number in numbers if number is not None), default=0)
    if most <= 0:
        return 1.0
    step = 10.0 ** ceil(log10(most))
    return next((step * part for part in (0.1, 0.2, 0.5, 1.0) if step * part >= most), 10 * step)


_TIMES: Final = (
    1,
    2,
    5,
    10,
    20,
    30,
    60,
    120,
    300,
    600,
    1200,
    1800,
    3600,
    7200,
    18_000,
    43_200,
    86_400,
    172_800,
    604_800,
)


def peak_time(series: Sequence[Sequence[float | None]]) -> float:
    """The same for durations in seconds: a round number of seconds, minutes, hours or days."""
    most = max((number for numbers in series for number in numbers if number is not None), default=0)
    return next((float(time) for time in _TIMES if time >= most), peak(series))


def line(numbers: Sequence[float | None], width: float, height: float, top: float) -> list[str]:
    """Points of polylines, one for each stretch without a gap; x runs over the width, y is down."""
    stretches: list[list[str]] = [[]]
    for place, number in enumerate(numbers):
        if number is None:
            stretches.append([])
            continue
        x = width * place / max(1, len(numbers) - 1)
        stretches[-1].append(f"{x:.1f},{height - height * min(number, top) / top:.1f}")
    # a single point would not be seen: it becomes a short dash
    return [" ".join(points if len(points) > 1 else _dash(points[0])) for points in stretches if points]


def _dash(point: str) -> list[str]:
    x, _, y = point.partition(",")
    return [f"{max(0.0, float(x) - DASH):.1f},{y}", point]


def bars(numbers: Sequence[float], width: float, height: float, top: float) -> list[dict[str, float]]:
    """Rectangles side by side, nothing for zero; a little number is still seen."""
    step = width / max(1, len(numbers))
    found = []
    for place, number in enumerate(numbers):
        if number:
            tall = max(2.0, height * min(number, top) / top)
            box = {"x": step * place + step * 0.1, "y": height - tall, "w": step * 0.8, "h": tall}
            found.append({name: round(size, 1) for name, size in box.items()} | {"place": place, "number": number})
    return found

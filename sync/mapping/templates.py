"""Message text of routes: a jinja2 sandbox with plain substitutions and filters, and nothing that could run long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from jinja2 import Environment

FILTERS: Final = (
    "capitalize",
    "d",
    "default",
    "first",
    "float",
    "int",
    "join",
    "last",
    "length",
    "lower",
    "replace",
    "round",
    "title",
    "trim",
    "truncate",
    "upper",
)
OUTPUT_MAX: Final = 32_000
"""Characters of a rendered text."""

Render = Callable[[Mapping[str, Any]], Any]


class TemplateError(ValueError):
    """The text cannot be used as a template."""


@lru_cache(maxsize=1)
def _environment() -> Environment:
    """Unknown keys of an event render as nothing, at any depth."""
    from jinja2 import ChainableUndefined  # noqa: PLC0415 - only where there are routes
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    environment = ImmutableSandboxedEnvironment(undefined=ChainableUndefined, autoescape=False, finalize=_shown)
    environment.filters = {name: found for name, found in environment.filters.items() if name in FILTERS}
    environment.globals.clear()
    return environment


def _shown(value: Any) -> Any:
    return "" if value is None else value


def template(text: str) -> Render:
    """Compiles a text. Raises TemplateError with what is wrong."""
    from jinja2 import TemplateError as JinjaError  # noqa: PLC0415

    environment = _environment()
    try:
        tree = environment.parse(text)
        _refuse_more_than_substitution(tree)
        compiled = environment.from_string(text)
    except JinjaError as error:
        raise TemplateError(error.message or "it cannot be read") from error

    def render(event: Mapping[str, Any]) -> str:
        try:
            return compiled.render(event=event)[:OUTPUT_MAX]
        except Exception:  # noqa: BLE001 - a filter on an odd value; the other parts of the message still go out
            return ""

    return render


def _refuse_more_than_substitution(tree: Any) -> None:
    from jinja2 import nodes  # noqa: PLC0415

    allowed = (
        nodes.Template,
        nodes.Output,
        nodes.TemplateData,
        nodes.Name,
        nodes.Getattr,
        nodes.Getitem,
        nodes.Filter,
        nodes.Const,
        nodes.Keyword,
    )
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, allowed):
            raise TemplateError(f"{type(node).__name__.lower()} is not available, only {{{{ event.… }}}} and filters")
        if isinstance(node, nodes.Name) and node.name != "event":
            raise TemplateError(f"there is no {node.name!r}, only 'event'")
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            raise TemplateError(f"there is no filter {node.name!r}; there are {', '.join(FILTERS)}")


def rendering(value: Any) -> Render:
    """A renderer for a value of a mapping file: texts are templates, also in tables and lists; the rest stays."""
    if isinstance(value, str):
        return template(value) if "{" in value else lambda _event: value
    if isinstance(value, Mapping):
        parts = {str(key): rendering(each) for key, each in value.items()}
        return lambda event: {key: part(event) for key, part in parts.items()}
    if isinstance(value, list):
        items = [rendering(each) for each in value]
        return lambda event: [item(event) for item in items]
    return lambda _event: value

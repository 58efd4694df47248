"""Events against routes: what is to be told where. Plans are written to the journal and sent by `deliver`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sync.mapping import Route
from sync.model.record import Operation
from sync.runner.context import Context
from sync.runner.streams.aside import hold, skip
from sync.runner.streams.happening import Happening, read
from sync.runner.streams.targets import Refusal, operation, refusal
from sync.runner.streams.who import Who, who

PAGE: Final = 1000


@dataclass(slots=True)
class Taken:
    """The events that this run looked at: inbox number -> the causes that must have had their effect; and those to erase."""

    causes: dict[int, list[str]] = field(default_factory=dict)
    erase: list[int] = field(default_factory=list)


def plan_events(context: Context, run: str) -> Taken:
    """Plans what waiting events cause and the journal does not know yet."""
    taken = Taken()
    after = 0
    while events := context.store.waiting(PAGE, after):
        after = events[-1].number
        with context.store.transaction():
            _page(context, run, [read(event) for event in events], taken)
    return taken


def _page(context: Context, run: str, happenings: list[Happening], taken: Taken) -> None:
    ways = {each.number: _ways(context, each) for each in happenings}
    known = context.store.of_causes([each.cause(route) for each in happenings for route in ways[each.number]])
    planned: list[Operation] = []
    refused: list[tuple[Operation, Refusal]] = []
    for each in happenings:
        taken.causes[each.number] = [each.cause(route) for route in ways[each.number]]
        open_ways = [route for route in ways[each.number] if each.cause(route) not in known]
        if not open_ways:
            continue
        about = who(context, each)
        if about.forgotten:
            taken.erase.append(each.number)
            continue
        for route in open_ways:
            if context.alive(route.to):
                _plan(context, each, route, about, planned, refused)
    context.store.plan(run, [*planned, *(one for one, _ in refused)])
    for one, why in refused:
        skip(context, one, why)
        if why.held:
            hold(context, one, why)


def _ways(context: Context, happening: Happening) -> list[Route]:
    """The routes that take the event to a system that may be written."""
    shown = happening.shown()
    return [
        route
        for route in context.mappings.routes
        if route.on == happening.on
        and route.to in context.systems
        and context.systems[route.to].writes
        and route.matches(shown)
    ]


def _plan(
    context: Context,
    happening: Happening,
    route: Route,
    about: Who,
    planned: list[Operation],
    refused: list[tuple[Operation, Refusal]],
) -> None:
    one = operation(context, happening, route, about)
    why = refusal(context.systems[route.to].kind, one, about)
    if why is None:
        planned.append(one)
    else:
        refused.append((one, why))

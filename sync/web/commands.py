"""The commands as calls: `POST /api/commands/NAME`, the arguments as a JSON object, the answer the command's JSON.

What writes goes through the desk, between two cycles; what only reads runs on a copy of the state beside them. `backup` and the
other commands that need no lock are not here: the command line does them itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Final

from sync.config.suggest import did_you_mean
from sync.errors import UsageError
from sync.mapping.load import STREAM
from sync.model.report import OPERATIONS_SHOWN, RunReport
from sync.runner import api
from sync.runner.context import Silence
from sync.runner.desk import Desk
from sync.web.arguments import CHOICES, MOMENT, PLAN, REQUIRED, TEXT, TEXTS, TRUTH, Argument

OPERATIONS_MAX: Final = 1_000_000

Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Command:
    """One command. ``answers`` names the schema of its answer in the OpenAPI document."""

    summary: str
    arguments: Mapping[str, Argument]
    run: Callable[[Desk, Arguments], Any]
    _: KW_ONLY
    writes: bool
    answers: str


def perform(desk: Desk, name: str, given: Any, *, limit: int = OPERATIONS_SHOWN) -> Any:
    """Carries a command out; its JSON. Raises UsageError for arguments that are none, and what the command raises."""
    command = COMMANDS.get(name)
    if command is None:
        raise UsageError(f"there is no command `{name}`", remedy=did_you_mean(name, COMMANDS))
    taken = arguments(command, given)
    _check_names(desk, taken)
    done = desk.perform(lambda: command.run(desk, taken)) if command.writes else command.run(desk, taken)
    return done.to_json(limit) if isinstance(done, RunReport) else done


def arguments(command: Command, given: Any) -> dict[str, Any]:
    """The arguments as the command takes them, defaults filled in. Raises UsageError."""
    if not isinstance(given, dict):
        raise UsageError("the arguments are one JSON object", remedy="Send {} for none.")
    for name in given:
        if name not in command.arguments:
            raise UsageError("there is no such argument", remedy=f"Known: {', '.join(command.arguments) or 'none'}.")
    return {name: _taken(name, argument, given) for name, argument in command.arguments.items()}


def _taken(name: str, argument: Argument, given: Mapping[str, Any]) -> Any:
    if name not in given:
        if argument.default is REQUIRED:
            raise UsageError(f"`{name}` is missing", remedy=f"It is {argument.kind.words}.")
        return argument.default
    value = given[name]
    if value is None and argument.default is None:
        return None
    if not argument.kind.fits(value):
        raise UsageError(f"`{name}` cannot be used", remedy=f"It is {argument.kind.words}.")
    return argument.kind.take(value)


def _check_names(desk: Desk, taken: Arguments) -> None:
    for entity in taken.get("entities", ()):
        if entity not in (*desk.mappings.entities, STREAM):
            raise UsageError("there is no such entity", remedy=did_you_mean(entity, desk.mappings.entities))
    for system in (taken.get("source"), taken.get("system"), *dict(taken.get("choices", {})).values()):
        if system is not None and system not in desk.config.systems:
            raise UsageError("there is no such system", remedy=did_you_mean(system, desk.config.systems))


def _both(desk: Desk) -> tuple[Any, Any]:
    return desk.config, desk.mappings


def _called(name: str, *positional: str, watched: bool = True) -> Callable[[Desk, Arguments], Any]:
    """A call of `sync.runner.api`: these arguments by place, the others by name."""

    def run(desk: Desk, taken: Arguments) -> Any:
        places: Sequence[Any] = [taken[each] for each in positional]
        named = {key: value for key, value in taken.items() if key not in positional}
        return getattr(api, name)(*_both(desk), *places, **named, **({"progress": Silence()} if watched else {}))

    return run


def _writing(summary: str, answers: str, run: Callable[[Desk, Arguments], Any], /, **arguments: Argument) -> Command:
    return Command(summary, arguments, run, writes=True, answers=answers)


def _reading(summary: str, answers: str, run: Callable[[Desk, Arguments], Any], /, **arguments: Argument) -> Command:
    return Command(summary, arguments, run, writes=False, answers=answers)


_ENTITIES: Final = Argument(TEXTS, ())
_NO: Final = Argument(TRUTH, default=False)
_PERHAPS: Final = Argument(TEXT, None)
_ONE: Final = Argument(TEXT)

COMMANDS: Final[Mapping[str, Command]] = {
    "sync": _writing("One run.", "Run", _called("sync", "entities"), entities=_ENTITIES, full=_NO, init=_NO),
    "backfill": _writing(
        "Everything once, or from where an interrupted backfill was.",
        "Run",
        _called("backfill", "entities"),
        entities=_ENTITIES,
        source=_PERHAPS,
        since=Argument(MOMENT, None),
        init=_NO,
    ),
    "apply_plan": _writing(
        "Exactly the operations of a plan.", "Run", _called("apply_plan", "plan"), plan=Argument(PLAN)
    ),
    "apply_run": _writing(
        "The plan of a run that a safety limit stopped.", "Run", _called("apply_run", "run"), run=_ONE
    ),
    "undo": _writing(
        "Writes the before-values of a run back.",
        "Run",
        _called("undo", "run"),
        run=_ONE,
        record=_PERHAPS,
        field=_PERHAPS,
    ),
    "resolve": _writing(
        "Takes one side of a conflict.", "Run", _called("resolve", "conflict", "system"), conflict=_ONE, system=_ONE
    ),
    "resolve_all": _writing(
        "Takes one side of each of these conflicts, by id.",
        "Run",
        _called("resolve_all", "choices"),
        choices=Argument(CHOICES),
    ),
    "retry": _writing(
        "Tries records of the quarantine again; none named: all.",
        "Run",
        _called("retry", "ids"),
        ids=Argument(TEXTS, ()),
    ),
    "drop": _writing(
        "Takes one record out of the quarantine.",
        "Quarantined",
        _called("drop", "quarantined", watched=False),
        quarantined=_ONE,
    ),
    "drop_all": _writing(
        "Takes these records out of the quarantine.",
        "QuarantinedList",
        _called("drop_all", "ids", watched=False),
        ids=Argument(TEXTS),
    ),
    "grant": _writing(
        "Lifts an opt-out on the person's own word.",
        "Consent",
        _called("grant", "email", "evidence"),
        email=_ONE,
        evidence=_ONE,
    ),
    "forget": _writing("Erases a person.", "Forgotten", _called("forget", "email"), email=_ONE, remote=_NO),
    "plan": _reading("What a sync would do.", "Run", _called("plan", "entities"), entities=_ENTITIES, full=_NO),
    "verify": _reading(
        "Every difference between the systems.", "Verdict", _called("verify", "entities"), entities=_ENTITIES
    ),
    "check": _reading("Would it work?", "Check", _called("check")),
}

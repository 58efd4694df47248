"""A folder of mapping files -> `Mappings`, or every mistake in all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from sync.errors import ConfigError, Problem
from sync.mapping.assemble import assemble
from sync.mapping.drafts import Draft
from sync.mapping.lint import check
from sync.mapping.model import Mappings
from sync.mapping.parse import parse
from sync.mapping.routes import Route, read_routes

STREAM = "engagement"
"""The entity that is a stream of events, not a record."""


def load(folder: Path, systems: Mapping[str, str], *, readable_as: str | None = None) -> Mappings:
    """Reads every `*.toml` of a folder.

    Args:
        folder: The folder of mapping files.
        systems: Kind by configured name, in the order of the configuration.
        readable_as: How messages name the folder; its own name by default.

    Raises:
        ConfigError: With all mistakes of all files.
    """
    shown = readable_as if readable_as is not None else folder.name
    drafts = [parse(file, f"{shown}/{file.name}", systems) for file in _files(folder, shown)]
    entities = _by_entity(drafts)
    compiled = {name: check(draft, entities) for name, draft in entities.items()}
    routes = tuple(route for draft in drafts for route in _routes(draft, systems))
    _note_absent_systems(entities.values(), systems)
    problems = [problem for draft in drafts for problem in draft.report.problems]
    if problems:
        raise ConfigError(problems)
    built = {name: assemble(entities[name], entities, compiled[name], systems) for name in _parents_first(entities)}
    return Mappings(built, routes, tuple(draft.file for draft in drafts), _notes(drafts))


def _files(folder: Path, shown: str) -> list[Path]:
    if not folder.is_dir():
        raise ConfigError(
            [Problem(shown, None, "there is no such folder of mapping files", "Point 'mappings' in config.toml to it.")]
        )
    found = sorted(folder.glob("*.toml"))
    if not found:
        raise ConfigError(
            [
                Problem(
                    shown,
                    None,
                    "the folder holds no mapping files (*.toml)",
                    "`crm-sync init` writes some to start from.",
                )
            ]
        )
    return found


def _by_entity(drafts: Iterable[Draft]) -> dict[str, Draft]:
    """Record entities by name; a second file for one is a mistake of both, told where the second begins."""
    found: dict[str, Draft] = {}
    for draft in drafts:
        if draft.entity is None or draft.entity == STREAM:
            continue
        other = found.setdefault(draft.entity, draft)
        if other is not draft:
            for one, two in ((draft, other), (other, draft)):
                one.report.add(
                    ("entity",), f"the entity {draft.entity!r} is mapped by {two.file} too", "One file maps one entity."
                )
    return found


def _routes(draft: Draft, systems: Mapping[str, str]) -> tuple[Route, ...]:
    if draft.entity != STREAM:
        return ()
    for name in ("systems", "fields"):
        if getattr(draft, name):
            draft.report.add((name,), f"{STREAM!r} is a stream: it has [[routes]], no [{name}]", f"Take [{name}] out.")
    return read_routes(draft.routes, draft.report, systems)


def _note_absent_systems(drafts: Iterable[Draft], systems: Mapping[str, str]) -> None:
    for draft in drafts:
        for system in draft.systems.values():
            if system.name not in systems:
                draft.report.note(system.path, f"the column {system.name!r} is left out: no such system is configured")


def _notes(drafts: Iterable[Draft]) -> tuple[Problem, ...]:
    return tuple(
        sorted(
            (note for draft in drafts for note in draft.report.notes),
            key=lambda note: (note.file, note.line or 0, note.message),
        )
    )


def _parents_first(entities: Mapping[str, Draft]) -> list[str]:
    """Entities in the order of their files, but each after those it refers to; rings break where they are met."""
    ordered: list[str] = []
    met: set[str] = set()

    def visit(name: str) -> None:
        if name in met or name not in entities:
            return
        met.add(name)
        for field in entities[name].fields.values():
            visit(field.entity or "")
        ordered.append(name)

    for name in entities:
        visit(name)
    return ordered

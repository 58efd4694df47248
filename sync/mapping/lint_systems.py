"""Lint of one system's table: what its API cannot do is refused, with the reason, and not read and forgotten."""

from __future__ import annotations

from sync.mapping.drafts import Draft, SystemDraft
from sync.mapping.report import listed, suggest
from sync.mapping.vendors import CONDITIONS, OBJECTS, WITHOUT_ARCHIVE, read_only, undeletable


def check_system(draft: Draft, system: SystemDraft) -> None:
    """Reports every mistake of one `[systems.NAME]` table."""
    report, path = draft.report, system.path
    mode = draft.system_mode(system)
    if system.create and mode == "read" and system.mode is not None:
        report.add(
            (*path, "create"),
            f'records cannot be created in {system.name}: it is mapped with mode = "read"',
            'Take out create, or use mode = "both".',
        )
    for place, name in enumerate(system.objects):
        _check_object(draft, system, name, place)
    _check_deleted(draft, system)
    for key, why in CONDITIONS.get(system.kind, {}).items():
        if getattr(system, key):
            report.add((*path, key), f"{key!r} would do nothing in {system.name}: {why}", f"Take {key!r} out.")
    for cell in draft.cells(system.name):
        if system.external_id is not None and cell.path == system.external_id:
            report.add(
                cell.place,
                f"{cell.path} holds our record id in {system.name} and cannot hold {cell.field!r} as well",
                f"Write {cell.field!r} to another field there, or take the column out.",
            )


def _check_deleted(draft: Draft, system: SystemDraft) -> None:
    """What a deletion elsewhere is to do here must be possible here."""
    if system.deleted == "ignore" or any(read_only(system.kind, name) for name in system.objects):
        return  # it does nothing, or the collection as a whole is refused
    stays = [name for name in system.objects if undeletable(system.kind, name)]
    if system.deleted == "archive":
        why = WITHOUT_ARCHIVE.get(system.kind, f"the connector for {system.kind} has no way to do it")
        what = f"{system.name} cannot archive: {why}"
    elif draft.system_mode(system) == "read":
        what = f'nothing is deleted in {system.name}: it is mapped with mode = "read"'
    elif stays:
        what = f"{listed(stays)} cannot be deleted in {system.name}: its API has no call for it"
    else:
        return
    other = ' Or deleted = "delete".' if system.deleted == "archive" and not stays else ""
    draft.report.add(
        (*system.path, "deleted"),
        f"deleted = {system.deleted!r} would do nothing: {what}",
        f'Use deleted = "ignore", the default: the row stays.{other}',
    )


def _check_object(draft: Draft, system: SystemDraft, name: str, place: int) -> None:
    known = OBJECTS.get(system.kind)
    path = (*system.path, "object", place)
    if known is not None and name not in known:
        draft.report.add(path, f"{system.name} has no {name!r}", suggest(name, known))
    writes = [key for key, asked in (("create", system.create), ("deleted", system.deleted != "ignore")) if asked]
    writes += ["mode"] if system.mode in ("both", "write") else []
    if writes and read_only(system.kind, name):
        message = f"unsupported: the API of {system.kind} cannot create, change or delete {name}"
        draft.report.add(
            (*system.path, writes[0]), message, f'Read them with mode = "read", and take out: {listed(writes)}.'
        )

"""What an undo is narrowed to: one record, one field. A name that names nothing is a mistake, not an undo of nothing."""

from __future__ import annotations

from sync.config.suggest import did_you_mean
from sync.errors import UsageError
from sync.mapping import Mappings
from sync.model.record import Status
from sync.model.remote import Kind
from sync.runner.explain import KEY_SHOWN, find
from sync.runner.person import touched_by
from sync.state import Store

_WROTE = ((Kind.CREATE, "records that it created"), (Kind.ENGAGE, "deliveries of events"))


def narrowed(store: Store, mappings: Mappings, run: str, *, record: str | None, field: str | None) -> set[str]:
    """The records of a run that an undo is about. Raises UsageError where `record` or `field` is nobody's name."""
    if field is not None:
        known = {name for entity in mappings.entities.values() for name in entity.fields}
        if field not in known:
            raise UsageError(f"there is no field `{field}`", remedy=did_you_mean(field, known))
    touched = touched_by(store, run)
    return touched if record is None else touched & meant(store, mappings, record)


def meant(store: Store, mappings: Mappings, key: str) -> set[str]:
    """The records that somebody means by `key`. Raises UsageError where there is none."""
    found = {name for entity in mappings.entities.values() for name in find(store, entity, key)}
    if not found:
        raise UsageError(
            f"no record is known as `{key[:KEY_SHOWN]}`", remedy="Give its e-mail, domain, name, our id or a remote id."
        )
    return found


def left_alone(store: Store, run: str, chosen: set[str]) -> list[str]:
    """Notes: what the undo of a run leaves where it is although the run did it."""
    counts = store.counts(run)
    done = {kind: sum(n for (_, k, s), n in counts.items() if (k, s) == (kind, Status.SETTLED)) for kind, _ in _WROTE}
    notes = [
        f"{done[kind]} {words} stay: an undo takes values back, nothing else" for kind, words in _WROTE if done[kind]
    ]
    return notes if chosen else [f"run {run} changed no value there", *notes]

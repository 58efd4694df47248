"""Finding the record that kills every run: decisions are tried on halves of what is pending, and nothing of a trial is kept.

Only a record that no decision survives alone is set aside, with a reason; the rest of its entity goes on. Where many are, the mistake
is not theirs, and nothing is set aside. Crash: a trial is rolled back whatever happens; setting aside is one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sync.errors import SyncError
from sync.mapping import EntityMapping
from sync.model.ids import quarantine_id
from sync.model.record import Quarantined
from sync.runner.context import Context
from sync.runner.decide import BATCH, Decided, decide_these

MANY: Final = 20
CODE: Final = "BUG"
_MESSAGE: Final = "a mistake in crm-sync ends every run that decides about this record"
_REMEDY: Final = (
    "Send the report that the log names. The next change of the record, or `crm-sync quarantine retry`, tries again."
)


class _TrialOver(Exception):
    """Undoes a trial that went well."""


def set_aside_poison(context: Context, entity: EntityMapping) -> list[str]:
    """Sets the records aside that no decision survives; their ids. Nothing where there are none, or many."""
    found: list[int] = []
    after = 0
    while numbers := context.store.pending(entity.name, after=after, limit=BATCH):
        after = numbers[-1]
        found += _poisoned(context, entity, numbers, MANY + 1 - len(found))
        if len(found) > MANY:
            return []
    records = context.store.load(found)
    with context.store.transaction():
        for record in records:
            context.store.quarantine(
                Quarantined(
                    id=quarantine_id(CODE, entity.name, record.id),
                    entity=entity.name,
                    system="",
                    record=record.id,
                    object=None,
                    remote_id=None,
                    error=CODE,
                    message=_MESSAGE,
                    remedy=_REMEDY,
                )
            )
        context.store.let_rest(found)
    return [record.id for record in records]


def _poisoned(context: Context, entity: EntityMapping, numbers: Sequence[int], most: int) -> list[int]:
    """Those of these records that kill a decision by themselves; at most so many."""
    if most <= 0 or _survives(context, entity, numbers):
        return []
    if len(numbers) == 1:
        return list(numbers)
    half = len(numbers) // 2
    first = _poisoned(context, entity, numbers[:half], most)
    return first + _poisoned(context, entity, numbers[half:], most - len(first))


def _survives(context: Context, entity: EntityMapping, numbers: Sequence[int]) -> bool:
    try:
        with context.store.transaction():
            decide_these(context, entity, "trial", Decided(), numbers)
            raise _TrialOver  # noqa: TRY301 - a trial ends by being undone
    except _TrialOver:
        return True
    except SyncError:
        raise
    except Exception:  # noqa: BLE001 - that is what is looked for
        return False

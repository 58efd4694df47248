"""Finding records by whatever a person knows of them: e-mail, domain, name, part of a value, our id, a remote id."""

from __future__ import annotations

from typing import Any, Final

from sync.config import Config
from sync.mapping import Mappings
from sync.mapping.text import long_id
from sync.model.record import LinkState, Record
from sync.runner.report import Keys
from sync.runner.wire import reading

FOUND_MAX: Final = 50
TEXT_MAX: Final = 320
"""As long as an e-mail address can be (RFC 5321); more is no question."""
_NAMES: Final = ("name", "first_name", "last_name")


def find(config: Config, mappings: Mappings, text: str, *, limit: int = FOUND_MAX) -> list[dict[str, Any]]:
    """Rows of entity, record, key, name and ids; those that match exactly first, then those with the text in a value."""
    wanted = text.strip()[:TEXT_MAX]
    if not wanted:
        return []
    with reading(config) as store:
        words = dict.fromkeys((wanted, long_id(wanted)))
        exact = [name for entity in mappings.entities for word in words for name in store.find(entity, word)]
        partly = [name for entity in mappings.entities for name in store.matching(entity, wanted, limit)]
        order = list(dict.fromkeys([*exact, *partly]))[:limit]
        keys = Keys(store, mappings)
        records = {
            record.id: record
            for record in store.load_ids(order)
            if record.id in exact or _shows(record, wanted.casefold(), keys)
        }
        keys.learn(records)
        return [_row(records[name], keys) for name in order if name in records]


def _shows(record: Record, text: str, keys: Keys) -> bool:
    """Whether the text stands in a value that may be shown: a search must not tell what a sensitive one holds."""
    values = (cell.value for name, cell in record.cells.items() if not keys.veil.hides(record.entity, name))
    return any(text in str(value).casefold() for value in values)


def _row(record: Record, keys: Keys) -> dict[str, Any]:
    shown = (name for name in _NAMES if name in record.cells and not keys.veil.hides(record.entity, name))
    names = [record.cells[name].value for name in shown]
    linked = [link for link in record.links if link.state is LinkState.LINKED]
    return {
        "entity": record.entity,
        "record": record.id,
        "key": keys.of(record.id),
        "name": " ".join(str(name) for name in names if name) or None,
        "ids": {
            link.system: keys.veil.remote_id(record.entity, link.system, link.observed.remote_id) for link in linked
        },
    }

"""The veil: what is shown of a sensitive field, wherever values are shown: that there is one, and which ones are the same.

In place of a value stands a digest of it, made with a key that follows from the credentials of the configured systems. So two systems
that hold the same can be told from two that do not, an approved plan names what it will write, and whoever reads a screen, an answer of
the API or a plan file learns no value and cannot guess one. Blanks are shown as blanks. The state itself holds the values: they are what
is compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from sync.config import Config
from sync.mapping import EntityMapping, Mappings
from sync.model.record import Change, Lost, Operation, Turn
from sync.model.values import is_blank
from sync.redaction import safe_text


def veil_key(config: Config) -> bytes | None:
    """The key of the digests: the same for every command, in no file of ours. None where no system has a secret, or one is spared."""
    found = [secret for system in config.systems.values() for secret in system.secrets()]
    secrets = sorted(secret.reveal() for secret in found) if all(secret.known for secret in found) else []
    return (
        hashlib.blake2b("\0".join(secrets).encode(), digest_size=32, person=b"crm-sync veil").digest()
        if secrets
        else None
    )


class Veil:
    """Lays itself over values of fields that the mappings call sensitive, and over ids that are such values.

    Args:
        mappings: what is sensitive.
        digest: the store's, under its key.
    """

    def __init__(self, mappings: Mappings, digest: Callable[[str], str]) -> None:
        self._entities = mappings.entities
        self._digest = digest

    def hides(self, entity: str | None, field: str) -> bool:
        """Whether the values of a field are not shown."""
        found = self._entities.get(entity or "")
        return found is not None and field in found.fields and found.fields[field].sensitive

    def value(self, entity: str | None, field: str, value: Any) -> Any:
        """A value, canonical or native, as it may be shown."""
        if not self.hides(entity, field) or is_blank(value):
            return value
        return self._hidden(orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode())

    def values(self, entity: str | None, field: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The same for values by whatever names them."""
        return {name: self.value(entity, field, value) for name, value in values.items()}

    def remote_id(self, entity: str | None, system: str, remote_id: str | None) -> str | None:
        """The id of a row: hidden where rows are named by what must not be shown (Conversion: by their address)."""
        if remote_id is None or not any(system in found.hidden_ids for found in self._meant(entity)):
            return remote_id
        return self._hidden(orjson.dumps(remote_id).decode())

    def sentence(self, entity: str | None, text: str) -> str:
        """A message, which names rows by their ids: without addresses where these must not be shown."""
        return safe_text(text) if any(found.hidden_ids for found in self._meant(entity)) else text

    def change(self, entity: str | None, change: Change) -> Change:
        """A change of one field as it may be shown."""
        if not self.hides(entity, change.field):
            return change
        before, after = (self.value(entity, change.field, value) for value in (change.before, change.after))
        return replace(change, before=before, after=after, lost=self._lost(entity, change.field, change.lost))

    def turn(self, entity: str | None, turn: Turn) -> Turn:
        """A change of a cell as it may be shown."""
        if not self.hides(entity, turn.field):
            return turn
        before, after = (self.value(entity, turn.field, value) for value in (turn.before, turn.after))
        return replace(turn, before=before, after=after, lost=self._lost(entity, turn.field, turn.lost))

    def operation(self, operation: Operation) -> Operation:
        """An operation as it may be shown: what an approval names, too."""
        entity = operation.entity
        changes = tuple(self.change(entity, change) for change in operation.changes)
        remote_id = self.remote_id(entity, operation.system, operation.remote_id)
        hidden = any(e.address_field and e.fields[e.address_field].sensitive for e in self._meant(entity))
        return replace(operation, changes=changes, remote_id=remote_id, address=None if hidden else operation.address)

    def _meant(self, entity: str | None) -> Iterable[EntityMapping]:
        """The entity of that name; an event is about a person of any."""
        found = self._entities.get(entity or "")
        return self._entities.values() if found is None else (found,)

    def _lost(self, entity: str | None, field: str, lost: tuple[Lost, ...]) -> tuple[Lost, ...]:
        return tuple(replace(each, value=self.value(entity, field, each.value)) for each in lost)

    def _hidden(self, text: str) -> str:
        return f"(hidden {self._digest(text)})"

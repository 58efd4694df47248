"""What a system can do with an object, asked at most once an hour: the answer is kept in the state, so that an idle run asks nobody.

Crash: a note in the state is a whole answer or not there; one that is stale, or of other settings, is asked for again.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import orjson

from sync.errors import AbortError
from sync.model.remote import Capabilities
from sync.runner.context import Context

LIFE = timedelta(hours=1)


def able(context: Context, system: str, name: str) -> Capabilities | None:
    """What `system` can do with the native object `name`; None where it does not answer: then it is out of this run."""
    key = f"able:{system}:{name}"
    noted = context.store.get_meta(key)
    known = _read(context, system, noted) if noted else None
    if known is not None:
        return known
    try:
        found = context.systems[system].connector.capabilities(name)
    except AbortError as error:
        context.fail(system, error)
        return None
    context.store.set_meta(key, _note(context, system, found))
    return found


def _note(context: Context, system: str, found: Capabilities) -> str:
    asked = {"at": context.clock.now().isoformat(), "settings": context.systems[system].settings}
    return orjson.dumps(asked | {"able": asdict(found)}).decode()


def _read(context: Context, system: str, noted: str) -> Capabilities | None:
    """The answer of before, if it is still good."""
    note: dict[str, Any] = orjson.loads(noted)
    age = context.clock.now() - datetime.fromisoformat(note["at"])
    if note["settings"] != context.systems[system].settings or not timedelta(0) <= age < LIFE:
        return None
    fields = note["able"]
    if fields.keys() != Capabilities.__dataclass_fields__.keys():
        return None
    return Capabilities(**fields | {"lookup_paths": tuple(fields["lookup_paths"])})

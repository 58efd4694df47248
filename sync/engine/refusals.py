"""Names for what a system refused for good, so that it is not sent again unchanged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import orjson

from sync.model.record import Change
from sync.model.values import Native


def payload_hash(value: Native) -> str:
    """Names a native value that a system refused, so that it is not sent again."""
    return hashlib.blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def create_hash(changes: Iterable[Change]) -> str:
    """Names what a create would write, so that a refused one is not sent again unchanged."""
    return payload_hash({change.native: change.after for change in changes})

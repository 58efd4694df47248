"""What a lens is: the pair of functions that carries one cell between a system's native values and canonical ones.

A codec translates a value by itself. A lens may also look at the native value that stands there now (`before`) and at
the links between records (`refs`). Every codec is a lens; `lift` makes it one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sync.model.values import MISSING, Absence, Canonical, Native


class Refs(Protocol):
    """The links between records, as far as lenses need them."""

    def record_of(self, system: str, entity: str, remote_id: str) -> str | None:
        """Our record that this remote id is linked to; None if it is not linked (yet)."""

    def remote_of(self, system: str, entity: str, record_id: str) -> str | None:
        """The remote id that our record is linked to in this system; None if there is none (yet)."""

    def value_of(self, entity: str, record_id: str, field: str) -> Canonical:
        """The canonical value of one field of one of our records; None if it is blank or not known."""


class _NoRefs:
    def record_of(self, system: str, entity: str, remote_id: str) -> str | None:  # noqa: ARG002 - the protocol's shape
        return None

    def remote_of(self, system: str, entity: str, record_id: str) -> str | None:  # noqa: ARG002
        return None

    def value_of(self, entity: str, record_id: str, field: str) -> Canonical:  # noqa: ARG002
        return None


NO_REFS: Refs = _NoRefs()
"""Knows no link: every ref is UNRESOLVED."""

Decode = Callable[[Native], Canonical | Absence]
Encode = Callable[[Canonical], Native | Absence]
Norm = Callable[[Native], Any]
Get = Callable[[Native, Refs], Canonical | Absence]
Put = Callable[[Canonical, Native | Absence, Refs], Native | Absence]


@dataclass(frozen=True, slots=True)
class Options:
    """All that a cell's definition says about its translation."""

    system: str = ""
    kind: str = ""
    path: str = ""
    type: str = "string"
    vocabulary: tuple[str, ...] | None = None
    entity: str | None = None
    max_length: int | None = None
    truncate: bool = False
    lens: str | None = None
    values: Mapping[str, Canonical] = field(default_factory=dict)
    otherwise: str = "keep"
    literal: Canonical = None
    bands: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    scale: int | None = None
    format: str | None = None
    region: str | None = None
    part: str = "first"
    on: str = " "
    joiner: str = " "
    prefix: str = ""
    case: str | None = None
    subscribe: bool = False
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Codec:
    """Translates one value without looking at anything else.

    `decode` gives a canonical value, None for a blank, or HELD; it never raises for a JSON value. `encode` is never
    asked for None; it gives a native value, HELD (no word for it here) or MISSING (nothing is to be said here).
    `norm` maps native values that the system cannot tell apart to equal ones. `lossy`: several canonical values
    become one native value, so that PutGet cannot hold for all of them.
    """

    decode: Decode
    encode: Encode
    norm: Norm
    lossy: bool = False


@dataclass(frozen=True, slots=True)
class Lens:
    """`get` and `put` of one cell, without GetPut, which the cell adds. Fields as in `Codec`.

    ``one_way`` is "read" or "write" where the other direction has no meaning. ``opt_in`` is what a consent cell says
    once the person has granted it; `put` never does.
    """

    get: Get
    put: Put
    norm: Norm
    lossy: bool = False
    one_way: str | None = None
    opt_in: Native | Absence = MISSING


def lift(codec: Codec, one_way: str | None = None) -> Lens:
    """The lens of a codec: a blank clears, and what says nothing leaves the native value as it is."""
    decode, encode = codec.decode, codec.encode

    def get(native: Native, _refs: Refs) -> Canonical | Absence:
        return decode(native)

    def put(value: Canonical, before: Native | Absence, _refs: Refs) -> Native | Absence:
        if value is None:
            return None
        native = encode(value)
        return before if native is MISSING else native

    return Lens(get, put, codec.norm, codec.lossy, one_way)

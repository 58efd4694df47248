"""One cell of a mapping: a field in a system, with all that the merge asks of it. Compiled once, called often."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sync.mapping.consent import is_final
from sync.mapping.expressions import Expression
from sync.mapping.lens import Lens, Options, Refs
from sync.mapping.variants import is_variant
from sync.model.values import MISSING, Absence, Canonical, Native

_PLAIN = frozenset({"string", "text", "email", "phone", "domain", "integer"})
"""Types whose canonical form is native everywhere, unless an option of the column says otherwise."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A field in a system.

    ``path`` is the native path, ``mode`` one of both, read, write, fill. ``fingerprint`` changes when the
    translation does. ``lossy``: some canonical values come back as others (a band, a cut, a day). ``line`` is where
    the mapping file defines it. ``origin`` makes the value to write of the record's values; ``expression`` is what it
    evaluates, if it does. ``verbatim``: a canonical value that stands there as it is means itself.
    """

    field: str
    system: str
    path: str
    mode: str
    subscribe: bool
    fingerprint: str
    line: int | None
    options: Options
    lens: Lens
    origin: Callable[[Mapping[str, Canonical]], Canonical]
    expression: Expression | None = None
    verbatim: bool = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        """Answers once what is asked for every value."""
        plain = Options(system=self.options.system, kind=self.options.kind, path=self.options.path)
        own = replace(self.options, type=plain.type, region=None)
        object.__setattr__(self, "verbatim", self.expression is None and self.options.type in _PLAIN and own == plain)

    @property
    def reads(self) -> bool:
        """Whether what stands there may become the field's value."""
        return self.mode != "write"

    @property
    def writes(self) -> bool:
        """Whether the field's value is written there."""
        return self.mode in ("both", "write")

    @property
    def lossy(self) -> bool:
        """Whether PutGet cannot hold for every value."""
        return self.lens.lossy

    def get(self, native: Native, refs: Refs) -> Canonical | Absence:
        """The canonical value of a native one. MISSING stays; HELD: no word for it; UNRESOLVED: parent not linked."""
        if native.__class__ is Absence:
            return native
        return self.lens.get(native, refs)

    def put(self, value: Canonical, before: Native | Absence, refs: Refs) -> Native | Absence:
        """What to write so that this system holds `value`, given what it holds (MISSING: not known, or a create).

        `before` itself where it already means `value` (GetPut), or where there is nothing to say; so MISSING out means
        that nothing is to be sent. HELD: this system has no word for it. UNRESOLVED: the parent is not linked here.
        """
        if value.__class__ is Absence:
            return value
        if before.__class__ is not Absence and self.lens.get(before, refs) == value:
            return before
        return self.lens.put(value, MISSING if before.__class__ is Absence else before, refs)

    def grant(self, before: Native | Absence) -> Native | Absence:
        """What to write where the person has granted consent. MISSING: this cell has no word for it, or nobody may overwrite it."""
        return MISSING if is_final(before) else self.lens.opt_in

    def eq(self, a: Native | Absence, b: Native | Absence) -> bool:
        """Whether this system cannot tell these values apart: null and "", address case, 1 and 1.0, set order."""
        if a is b or (a.__class__ is str and b.__class__ is str and a == b):
            return True
        if a.__class__ is Absence or b.__class__ is Absence:
            return False
        norm = self.lens.norm
        return bool(norm(a) == norm(b))

    def agrees(self, value: Canonical, native: Native | Absence, refs: Refs) -> bool:
        """Agreement R(v, o): one of them is the other's translation. Nothing agrees with what is not known."""
        if native.__class__ is Absence or value.__class__ is Absence:
            return False
        if self.lens.get(native, refs) == value:
            return True
        wanted = self.lens.put(value, native, refs)
        return wanted.__class__ is not Absence and self.eq(wanted, native)

    def variant(
        self, sent: Native | Absence, seen: Native | Absence, limit: int | None = None, *, proven: bool = False
    ) -> bool:
        """Whether `seen` can be shown to be what a server made of `sent`: cut, trimmed, rounded, escaped, in another case.

        `limit`: characters that the column holds, where known. `proven`: the row's version is the one that our write made.
        """
        return self.eq(sent, seen) or is_variant(sent, seen, limit, proven=proven)

    def source(self, values: Mapping[str, Canonical], related: Mapping[str, Mapping[str, Canonical]]) -> Canonical:
        """The canonical value that this cell writes: the field's, or a join or expression of several.

        `related`: the fields of the records that a ref of this record leads to, for expressions (`account.score`).
        """
        return self.origin({**values, **related} if related and self.expression is not None else values)

"""What the plan of one record may know beside the record: what the systems can do, and what else is going on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sync.mapping import Cell, Refs, SystemMapping
from sync.model.record import Lost
from sync.model.values import Canonical


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the plan may know beside the record.

    ``creatable``/``clearable``/``deletable`` are systems that can do so for this entity; ``writable`` those that may be written now.
    ``rivals``: system -> remote ids there that hold one of this record's match keys without being linked to it.
    ``coming``: (system, record) pairs that this run creates; ``barred``: those where a parent
    will never be. ``related`` as for the merge.
    ``lost``: the values that lost in this merge, by field. ``left_out``: system -> fields that nobody can see there, and a create omits.
    """

    refs: Refs
    writable: frozenset[str]
    creatable: frozenset[str]
    clearable: frozenset[str]
    deletable: frozenset[str]
    rivals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    coming: Collection[tuple[str, str]] = frozenset()
    barred: Collection[tuple[str, str]] = frozenset()
    related: Mapping[str, Mapping[str, Canonical]] = field(default_factory=dict)
    lost: Mapping[str, tuple[Lost, ...]] = field(default_factory=dict)
    suppressed: bool = False
    unread: frozenset[str] = frozenset()
    sparse: frozenset[str] = frozenset()
    """Systems that leave out what was never set (``unread``: all there is); elsewhere what is not returned is what we may not see."""
    left_out: Mapping[str, frozenset[str]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    """System -> hash of the create that it refused for good."""
    lacking: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """(System, object) -> native paths that this object lacks and another one has where the entity lives in several."""

    def cells(self, system: SystemMapping, object: str) -> Mapping[str, Cell]:  # noqa: A002 - the mapping's word
        """The cells of a system that rows of this object can have: a Lead has no AccountId, a Contact no Company."""
        lacked = self.lacking.get((system.system, object))
        if not lacked:
            return system.cells
        return {name: cell for name, cell in system.cells.items() if cell.path not in lacked}

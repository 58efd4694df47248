"""The derivation graph: which value a person saw when they wrote another.

Nodes are the values of one field of one person, edges lead from a value to those that were visible in the row when it was written.
A system may show a value coarser than it is (cut, or as a band): then what is visible stands for every value it could be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sync.mapping import NO_REFS, Mappings
from sync.model.values import Absence, is_blank
from tests.simulation.world import CUT

Value = object


def plain(value: Value) -> Value:
    """One form of a value: text without case and edges, a blank as None."""
    if is_blank(value):
        return None
    return value.strip().casefold() if isinstance(value, str) else value


class Derivations:
    """The graphs of all people and fields."""

    def __init__(self, mapped: Mappings) -> None:
        self.cells = mapped.entities["contact"].fields
        self.parents: dict[tuple[int, str], dict[Value, set[Value]]] = defaultdict(lambda: defaultdict(set))

    def wrote(self, person: int, system: str, field: str, before: Value, after: Value) -> None:
        """A person replaced what the row showed."""
        graph = self.parents[person, field]
        seen = self.meanings(person, system, field, before)
        for value in {self.canonical(system, field, after), *self.meanings(person, system, field, after)}:
            graph[value] |= seen - {value}

    def canonical(self, system: str, field: str, native: Value) -> Value:
        """What a native value says by itself."""
        value = self.cells[field].cells[system].get(native, NO_REFS)
        return plain(None if isinstance(value, Absence) else value)

    def meanings(self, person: int, system: str, field: str, native: Value) -> set[Value]:
        """Every known value of the field that a row which shows `native` may stand for."""
        known = self.parents[person, field]
        found = {value for value in known if value is not None and self.shows(system, field, value, native)}
        own = self.canonical(system, field, native)
        return found | ({own} if own in known or own is None or not found else set())

    def was_written(self, people: Iterable[int], system: str, field: str, native: Value) -> bool:
        """Whether somebody wrote the value that a row now shows as `native`, for one of these people."""
        known = {value for person in people for value in self.parents[person, field]}
        return any(plain(native) == value or self.shows(system, field, value, native) for value in known)

    def shows(self, system: str, field: str, value: Value, native: Value) -> bool:
        """Whether a row may show `native` because it was told `value`."""
        if self.cells[field].cells[system].agrees(value, native, NO_REFS):
            return True
        cut = isinstance(value, str) and isinstance(native, str) and len(native) >= CUT
        return cut and str(value).startswith(str(plain(native)))

    def ancestry(self, people: Iterable[int], field: str, values: Iterable[Value]) -> set[Value]:
        """The values and all that they were made from."""
        graphs = [self.parents[person, field] for person in people]
        found, left = set[Value](), list(values)
        while left:
            value = left.pop()
            if value not in found:
                found.add(value)
                left += [parent for graph in graphs for parent in graph.get(value, ())]
        return found

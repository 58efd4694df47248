"""What people do in the systems, behind our back, and what is remembered of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sync.connectors.memory import Row
from sync.model.clock import ManualClock
from sync.model.record import Operation
from sync.model.values import is_blank
from tests.simulation.graph import Derivations
from tests.simulation.world import (
    BANDS,
    CANARY,
    FOREIGN,
    IN,
    OBJECT,
    OUT,
    PATHS,
    START,
    SYSTEMS,
    Setting,
    mappings,
    systems,
)


@dataclass(frozen=True, slots=True)
class Edit:
    """A native value that a person wrote into one field of one row."""

    person: int
    system: str
    row: str
    field: str
    value: object


def band(size: int) -> str:
    """The word of beta for a size."""
    return BANDS[sum(size > top for top in (10, 50, 200))]


class Skewed:
    """Our host's clock: so far from the systems'."""

    def __init__(self, clock: ManualClock, skew_s: float) -> None:
        self.clock, self.skew = clock, timedelta(seconds=skew_s)
        self.monotonic, self.sleep = clock.monotonic, clock.sleep

    def now(self) -> datetime:
        return self.clock.now() + self.skew


class World:
    """The systems, and what people did to them."""

    def __init__(self, setting: Setting) -> None:
        self.clock = ManualClock(START)
        self.ours = Skewed(self.clock, setting.skew_s)
        self.setting = setting
        self.systems = systems(self.clock, setting)
        self.graph = Derivations(mappings(setting))
        self.owner: dict[str, int] = {}
        self.edits: list[Edit] = []
        self.excused: set[tuple[str, str, str, object]] = set()
        """Edits under one of our writes that was under way when they were made: the stated limit of the window."""
        self.deletions: list[tuple[int, str, datetime]] = []
        self.known: set[tuple[str, str]] = set()
        """Rows that the program has exchanged values with."""
        self.landed_late: set[tuple[str, str]] = set()
        self.hidden: set[tuple[str, str]] = set()
        """Rows of people that no look-up could show when ours was made: the stated residue, which becomes a question."""
        self.moved: set[int] = set()
        self.joined: set[int] = set()
        """People whose rows were merged with somebody's."""
        self.returned: set[int] = set()

    def person_of(self, system: str, row: Row) -> int | None:
        return self.owner.get(str(row.values.get(PATHS[system]["email"])).casefold())

    def people_of(self, operation: Operation) -> set[int]:
        """Whom a write is about: one person, or all whose rows were merged with somebody's."""
        row = self.systems[operation.system].tables[OBJECT].get(operation.remote_id or "")
        made = next((change.after for change in operation.changes if change.field == "email"), None)
        person = self.owner.get(str(made).casefold()) if row is None else self.person_of(operation.system, row)
        return (
            set(self.owner.values()) if person is None else {person} | (self.joined if person in self.joined else set())
        )

    def rows(self, person: int, system: str) -> list[Row]:
        return [row for row in self.systems[system].live(OBJECT) if self.person_of(system, row) == person]

    def act(self, system: str, kind: str, person: int, *args: object) -> None:
        """One act of a person; without a row to act on nothing happens."""
        if kind in ("create", "back", "undelete"):
            getattr(self, "_" + kind)(system, person, *args)
            return
        rows = self.rows(person, system)
        if rows:
            getattr(self, "_" + kind)(system, person, self._meant(rows, kind, args), *args)

    def _meant(self, rows: list[Row], kind: str, args: tuple[object, ...]) -> Row:
        """The row under the address of now; some edit the one under a former address."""
        return rows[len(str(args)) % len(rows)] if kind in ("edit", "optout", "optin") else rows[-1]

    def _create(self, system: str, person: int, title: object, city: object = None, *, back: bool = False) -> None:
        address = f"p{person}@example.com"
        # a second row of the same person would be the people's own duplicate: another question than ours
        if self.rows(person, system) or person in self.moved | self.joined:
            return
        if self._was_deleted(person, system) and not back:
            return
        self.owner[address] = person
        given = {"email": address, "title": title, "city": city}
        if back and system in IN:
            given["consent"] = IN[system]
        paths = PATHS[system]
        values = {paths[f]: v for f, v in given.items() if f in paths and v is not None}
        row = self.systems[system].create(OBJECT, {**values, FOREIGN: CANARY})
        for field, value in given.items():
            if field in paths and value is not None:
                self._note(system, person, row, field, None, value)

    def _back(self, system: str, person: int, title: object) -> None:
        """Somebody who was deleted is entered anew, opted in."""
        if self._was_deleted(person, system):
            self.returned.add(person)
            self._create(system, person, title, back=True)

    def _was_deleted(self, person: int, system: str) -> bool:
        return any((who, where) == (person, system) for who, where, _ in self.deletions)

    def _edit(self, system: str, person: int, row: Row, field: str, value: object) -> None:
        if field not in PATHS[system] or (value is None and (system, row.id) not in self.known):
            return
        if self._is_beyond_knowing(system, row, field):
            return
        path = PATHS[system][field]
        before = row.values.get(path)
        if (system, field) == ("beta", "size") and isinstance(value, int):
            value = band(value)
        kept = self.systems[system].kept(OBJECT, path, value)
        if before != kept:
            self.systems[system].edit(OBJECT, row.id, {path: value})
            self._note(system, person, row.id, field, before, kept)

    def _optout(self, system: str, person: int, row: Row) -> None:
        self._edit(system, person, row, "consent", OUT.get(system))

    def _optin(self, system: str, person: int, row: Row) -> None:
        self._edit(system, person, row, "consent", IN.get(system))

    def _copy(self, system: str, person: int, row: Row, field: str) -> None:
        """The same edit as somebody's elsewhere."""
        for name in SYSTEMS:
            for other in self.rows(person, name):
                if name != system and field in PATHS[name] and isinstance(other.values.get(PATHS[name][field]), str):
                    self._edit(system, person, row, field, other.values[PATHS[name][field]])
                    return

    def _move(self, system: str, person: int, row: Row, address: str) -> None:
        theirs = [row for name in SYSTEMS for row in self.rows(person, name) if not row.made_by]
        if self._is_beyond_knowing(system, row, "email"):
            return
        if len(theirs) > 1 or person in self.joined:  # two rows that nobody has linked yet would become two people
            return
        if row.made_by or (system, row.id) in self.known or not self._is_met(person):
            self.owner[address] = person
            self.moved.add(person)
            self._edit(system, person, row, "email", address)

    def _is_beyond_knowing(self, system: str, row: Row, field: str) -> bool:
        """Whether a row that we made, and may not know of, would have lost its key and so much more that nobody could know it again."""
        if not row.made_by or (system, row.id) in self.known:
            return False
        changed = {field} | {edit.field for edit in self.edits if (edit.system, edit.row) == (system, row.id)}
        told = {f for f in ("title", "city", "size") if not is_blank(row.values.get(PATHS[system].get(f, "")))}
        others = changed & {"title", "city", "size"}
        return "email" in changed and (len(others) > 1 or not told - others)

    def _is_met(self, person: int) -> bool:
        """Whether there is a record of the person: a row that moves before it is read is then somebody new (docs/reliability.md)."""
        places = ((name, row) for name in SYSTEMS for row in self.systems[name].tables[OBJECT].values())
        return any((name, row.id) in self.known and self.person_of(name, row) == person for name, row in places)

    def _delete(self, system: str, person: int, row: Row) -> None:
        if (system, row.id) in self.known:  # what nobody ever saw can be made anew
            self.systems[system].delete(OBJECT, row.id)
            self.deletions.append((person, system, self.clock.now()))

    def _undelete(self, system: str, person: int) -> None:
        table = self.systems[system].tables[OBJECT]
        gone = [r for r in table.values() if r.deleted and self.person_of(system, r) == person and not r.by_us]
        if gone and not self.rows(person, system) and person not in self.joined:
            self.systems[system].undelete(OBJECT, gone[0].id)

    def _merge(self, system: str, person: int, row: Row, into: int) -> None:
        """Two people turn out to be one, in a system that tells so."""
        winners = self.rows(into, system)
        known = all((system, each.id) in self.known for each in (row, *winners))
        if winners and into != person and known and self.systems[system].traits.tombstones:
            self._fill(system, into, row, winners[0])
            self.systems[system].merge(OBJECT, row.id, winners[0].id)
            self.deletions.append((person, system, self.clock.now()))
            self.joined |= {person, into}

    def _fill(self, system: str, person: int, row: Row, winner: Row) -> None:
        """The system fills the blanks of the row that stays: what stood there before is what that was made from."""
        for field, path in PATHS[system].items():
            before, value = winner.values.get(path), row.values.get(path)
            if is_blank(before) and not is_blank(value) and field not in ("consent", "score"):
                self.graph.wrote(person, system, field, before, value)

    def _note(self, system: str, person: int, row: str, field: str, before: object, value: object) -> None:
        self.edits.append(Edit(person, system, row, field, value))
        if field not in ("consent", "score"):
            self.graph.wrote(person, system, field, before, value)

    def excuse(self, system: str, row: str, paths: set[str]) -> None:
        """A write that was under way lands on these columns: what a person wrote there meanwhile is beyond any guarantee.

        What we had written there ourselves meanwhile is not: the program knows it, and has to put it back.
        """
        held = self.systems[system].tables[OBJECT][row].values
        typed = {(edit.field, edit.value) for edit in self.edits if (edit.system, edit.row) == (system, row)}
        for field, path in PATHS[system].items():
            if path in paths and (field, held.get(path)) in typed:
                self.excused.add((system, row, field, held.get(path)))

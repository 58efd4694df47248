"""Three systems with different virtues, one mapping, and people who edit: the world that a history happens in."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sync.connectors.memory import MemorySystem, Row, Traits
from sync.mapping import Mappings, load
from sync.model.clock import ManualClock
from sync.model.remote import FieldSchema, ObjectSchema

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
OBJECT = "people"
SYSTEMS = ("alpha", "beta", "gamma")
PATHS = {
    "alpha": {"email": "mail", "title": "title", "city": "city", "score": "score", "consent": "status"},
    "beta": {"email": "email", "title": "job", "city": "town"},
    "gamma": {"email": "Email", "title": "Title", "city": "City", "score": "Score", "consent": "Out"},
}
OUT = {"alpha": "UNSUBSCRIBED", "gamma": True}
IN = {"alpha": "SUBSCRIBED", "gamma": False}

MAPPING = """
entity = "contact"
conflict = "{conflict}"
[match]
keys = ["email"]
[systems.alpha]
object = "people"
create = true
{external}
[systems.beta]
object = "people"
create = true
deleted = "{deleted}"
[systems.gamma]
object = "people"
create = true
[fields.email]
type = "email"
required = true
alpha = "mail"
beta = "email"
gamma = "Email"
[fields.title]
alpha = "title"
beta = "job"
gamma = "Title"
[fields.city]
conflict = "manual"
blank = "{blank}"
alpha = "city"
beta = "town"
gamma = "City"
[fields.score]
type = "integer"
owner = "alpha"
alpha = "score"
gamma = {{ field = "Score", mode = "write" }}
[fields.consent]
type = "consent"
alpha = {{ field = "status", subscribe = true }}
gamma = {{ field = "Out", lens = "opt_out_flag" }}
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is fixed for a whole history."""

    conflict: str = "prefer"
    blank: str = "clear"
    deleted: str = "ignore"
    keyed: bool = True
    """Whether alpha has an external-id field."""
    lag_s: float = 0.0
    tells: bool = False
    """Whether gamma answers with the record and tells who wrote last."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person wrote last into one field of one row. ``lost``: a write that landed late covered it (a stated limit)."""

    person: int
    system: str
    row: str
    field: str
    value: object


@functools.cache
def mappings(setting: Setting) -> Mappings:
    external = 'external_id = "ours"' if setting.keyed else ""
    text = MAPPING.format(conflict=setting.conflict, blank=setting.blank, deleted=setting.deleted, external=external)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "contacts.toml").write_text(text)
        return load(Path(folder), dict.fromkeys(SYSTEMS, "memory"))


def systems(clock: ManualClock, setting: Setting) -> dict[str, MemorySystem]:
    alpha = Traits(
        tombstones=True,
        external_ids=setting.keyed,
        lookup_paths=("mail",),
        opt_ins={"status": ("SUBSCRIBED",)},
        page_size=2,
    )
    beta = Traits(truncates=True, lag_s=setting.lag_s, overlap_s=setting.lag_s, deletable=True, page_size=2)
    gamma = Traits(
        natural_key="Email",
        day_granular=True,
        clearable=False,
        returns_record=setting.tells,
        tells_author=setting.tells,
        opt_ins={"Out": (False,)},
    )
    traits = {"alpha": alpha, "beta": beta, "gamma": gamma}
    return {name: MemorySystem(clock, {OBJECT: schema(name)}, traits[name]) for name in SYSTEMS}


def schema(system: str) -> ObjectSchema:
    fields = {path: FieldSchema(path, "string") for path in PATHS[system].values()}
    if system == "alpha":
        fields["ours"] = FieldSchema("ours", "string", external_id=True)
    if system == "beta":
        fields["job"] = FieldSchema("job", "string", length=6)
    return ObjectSchema(OBJECT, fields)


class World:
    """The systems, and what people did to them."""

    def __init__(self, setting: Setting) -> None:
        self.clock = ManualClock(START)
        self.setting = setting
        self.systems = systems(self.clock, setting)
        self.owner: dict[str, int] = {}
        self.edits: dict[tuple[str, str, str], Edit] = {}
        self.deletions: list[tuple[int, str, datetime]] = []
        self.known: set[tuple[str, str]] = set()
        """Rows that the program has exchanged values with."""
        self.landed_late: set[tuple[str, str]] = set()
        self.moved: set[int] = set()

    def person_of(self, system: str, row: Row) -> int | None:
        return self.owner.get(str(row.values.get(PATHS[system]["email"])).casefold())

    def rows(self, person: int, system: str) -> list[Row]:
        return [row for row in self.systems[system].live(OBJECT) if self.person_of(system, row) == person]

    def act(self, system: str, kind: str, person: int, *args: object) -> None:
        """One act of a person; without a row to act on nothing happens."""
        if kind == "create":
            self._create(system, person, *args)
            return
        rows = self.rows(person, system)
        if rows:
            getattr(self, "_" + kind)(system, person, rows[0], *args)

    def _create(self, system: str, person: int, title: object, consent: object = None) -> None:
        address = f"p{person}@example.com"
        # a second row of the same person would be the people's own duplicate: another question than ours
        if self.rows(person, system) or person in self.moved or self._was_deleted(person, system):
            return
        self.owner[address] = person
        values = {"email": address, "title": title, **({"consent": consent} if consent is not None else {})}
        paths = PATHS[system]
        row = self.systems[system].create(OBJECT, {paths[f]: v for f, v in values.items() if f in paths})
        self._note(system, person, row, "title", title)

    def _was_deleted(self, person: int, system: str) -> bool:
        return any((who, where) == (person, system) for who, where, _ in self.deletions)

    def _edit(self, system: str, person: int, row: Row, field: str, value: object) -> None:
        if field in PATHS[system] and (value is not None or (system, row.id) in self.known):
            self.systems[system].edit(OBJECT, row.id, {PATHS[system][field]: value})
            self._note(system, person, row.id, field, value)

    def _optout(self, system: str, person: int, row: Row) -> None:
        self._edit(system, person, row, "consent", OUT.get(system))

    def _optin(self, system: str, person: int, row: Row) -> None:
        self._edit(system, person, row, "consent", IN.get(system))

    def _move(self, system: str, person: int, row: Row, address: str) -> None:
        theirs = [row for name in SYSTEMS for row in self.rows(person, name) if not row.made_by]
        if len(theirs) < 2:  # two rows that nobody has linked yet would become two people
            self.owner[address] = person
            self.moved.add(person)
            self._edit(system, person, row, "email", address)

    def _delete(self, system: str, person: int, row: Row) -> None:
        if (system, row.id) in self.known:  # what nobody ever saw can be made anew
            self.systems[system].delete(OBJECT, row.id)
            self.deletions.append((person, system, self.clock.now()))

    def _note(self, system: str, person: int, row: str, field: str, value: object) -> None:
        self.edits[system, row, field] = Edit(person, system, row, field, value)

    def covered(self, system: str, row: str, paths: set[str]) -> None:
        """A late write landed on these columns: what a person wrote there in the meantime is beyond any guarantee."""
        for field, path in PATHS[system].items():
            if path in paths:
                self.edits.pop((system, row, field), None)

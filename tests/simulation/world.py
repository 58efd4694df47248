"""Four systems with different virtues and vices, and one mapping: the world that a history happens in.

alpha keeps what it is told, has tombstones and, in some settings, an external id. beta cuts text, holds sizes as bands, shows some
changes late, and has neither key nor look-up. gamma holds consent the other way round, knows days only, cannot be cleared, and may keep
a row under every address that somebody had. delta is
listed by page number, so that its pages drift, and looks up by an index that lags.
"""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sync.connectors.memory import MemorySystem, Traits
from sync.mapping import Mappings, load
from sync.model.clock import ManualClock
from sync.model.remote import FieldSchema, ObjectSchema

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
OBJECT = "people"
SYSTEMS = ("alpha", "beta", "gamma", "delta")
FOREIGN = "foreign"
"""A column of every system that is not mapped."""
CANARY = "never-to-be-read"
CUT = 6
PATHS = {
    "alpha": {
        "email": "mail",
        "title": "title",
        "city": "city",
        "size": "size",
        "score": "score",
        "consent": "status",
    },
    "beta": {"email": "email", "title": "job", "city": "town", "size": "band"},
    "gamma": {
        "email": "Email",
        "title": "Title",
        "city": "City",
        "size": "Size",
        "score": "Score",
        "consent": "Out",
    },
    "delta": {"email": "e_mail", "title": "position", "city": "place", "consent": "consent"},
}
OUT = {"alpha": "UNSUBSCRIBED", "gamma": True, "delta": "UNSUBSCRIBED"}
IN = {"alpha": "SUBSCRIBED", "gamma": False, "delta": "SUBSCRIBED"}
BANDS = ("1-10", "11-50", "51-200", "201+")

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
[systems.delta]
object = "people"
create = true
[fields.email]
type = "email"
required = true
alpha = "mail"
beta = "email"
gamma = "Email"
delta = "e_mail"
[fields.title]
alpha = "title"
beta = "job"
gamma = "Title"
delta = "position"
[fields.city]
conflict = "manual"
blank = "{blank}"
alpha = "city"
beta = "town"
gamma = "City"
delta = "place"
[fields.size]
type = "integer"
alpha = "size"
beta = {{ field = "band", bands = ["1-10", "11-50", "51-200", "201+"] }}
gamma = "Size"
[fields.score]
type = "integer"
owner = "alpha"
alpha = "score"
gamma = {{ field = "Score", mode = "write" }}
[fields.consent]
type = "consent"
alpha = {{ field = "status", subscribe = true }}
gamma = {{ field = "Out", lens = "opt_out_flag" }}
delta = "consent"
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is fixed for a whole history. ``skew_s``: how far our clock is from the systems'. ``dead``: out for good at first."""

    conflict: str = "prefer"
    blank: str = "clear"
    deleted: str = "ignore"
    keyed: bool = True
    """Whether alpha has an external-id field."""
    lag_s: float = 0.0
    tells: bool = False
    """Whether gamma answers with the record and tells who wrote last."""
    skew_s: float = 0.0
    late_s: float = 60.0
    """How long a write without an answer may still take to land."""
    dead: str | None = None
    leaves: bool = False
    """Whether a new address in gamma is a new row, and the old one stays."""


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
        late_s=setting.late_s,
    )
    beta = Traits(
        truncates=True,
        lag_s=setting.lag_s,
        overlap_s=setting.lag_s,
        deletable=True,
        page_size=2,
        late_s=setting.late_s,
    )
    gamma = Traits(
        natural_key="Email",
        new_key_new_row=setting.leaves,
        day_granular=True,
        clearable=False,
        returns_record=setting.tells,
        conditional_update=setting.tells,
        tells_author=setting.tells,
        opt_ins={"Out": (False,)},
        late_s=setting.late_s,
    )
    delta = Traits(
        drifts=True,
        lookup_paths=("e_mail",),
        lag_s=setting.lag_s / 2,
        overlap_s=setting.lag_s,
        opt_ins={"consent": ("SUBSCRIBED",)},
        page_size=2,
        late_s=setting.late_s,
    )
    traits = {"alpha": alpha, "beta": beta, "gamma": gamma, "delta": delta}
    return {name: MemorySystem(clock, {OBJECT: schema(name)}, traits[name]) for name in SYSTEMS}


def schema(system: str) -> ObjectSchema:
    fields = {path: FieldSchema(path, "string") for path in (*PATHS[system].values(), FOREIGN)}
    if system == "alpha":
        fields["ours"] = FieldSchema("ours", "string", external_id=True)
    if system == "beta":
        fields["job"] = FieldSchema("job", "string", length=CUT)
        fields["band"] = FieldSchema("band", "string", values=BANDS)
    return ObjectSchema(OBJECT, fields)

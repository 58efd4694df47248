"""The mapping language: TOML files -> lenses; lint, and drift against a live schema. Pure but for reading the files."""

from sync.mapping.cell import Cell
from sync.mapping.drift import drift, failing
from sync.mapping.expressions import Expression
from sync.mapping.laws import check_laws
from sync.mapping.lens import NO_REFS, Lens, Options, Refs
from sync.mapping.load import load
from sync.mapping.model import EntityMapping, FieldMapping, Mappings, SystemMapping
from sync.mapping.routes import Route

__all__ = [
    "NO_REFS",
    "Cell",
    "EntityMapping",
    "Expression",
    "FieldMapping",
    "Lens",
    "Mappings",
    "Options",
    "Refs",
    "Route",
    "SystemMapping",
    "check_laws",
    "drift",
    "failing",
    "load",
]

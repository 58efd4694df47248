"""A system in memory: the twin of every vendor, for tests and simulation. Deterministic; time and trouble are handed in."""

from sync.connectors.memory.connector import Hook, Memory, Trouble
from sync.connectors.memory.system import MemorySystem, Row, Traits

__all__ = ["Hook", "Memory", "MemorySystem", "Row", "Traits", "Trouble"]

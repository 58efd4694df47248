"""What a parser of one value gets beside the value, and how it says no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Around:
    """The surroundings of a value: the folder of its file, and the environment."""

    folder: Path
    environment: Mapping[str, str]


class Refused(ValueError):
    """A value that cannot be used. The message names what is wrong, the remedy what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

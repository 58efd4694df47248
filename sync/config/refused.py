"""What a parser of one value gets beside the value, and how it says no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Around:
    """The surroundings of a value: the folder of its file, and the environment.

    ``spares``: nobody will be contacted, so a secret that cannot be had here is spared, not refused.
    """

    folder: Path
    environment: Mapping[str, str]
    spares: bool = False

    def path(self, name: str) -> Path:
        """A file or folder as it was named: relative ones start at the file, `~` is somebody's home."""
        if "\0" in name:
            raise Refused(f"{name!r} is no path", "Take the NUL character out.")
        try:
            return self.folder / Path(name).expanduser()
        except RuntimeError:
            raise Refused(
                f"there is no home directory behind {name!r}",
                "Write the whole path; to name a file that begins with ~, write ./ before it.",
            ) from None


class Refused(ValueError):
    """A value that cannot be used. The message names what is wrong, the remedy what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

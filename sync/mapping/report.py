"""Collects what is wrong (and what is merely worth saying) in one mapping file, with lines and suggestions."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from sync.errors import Problem
from sync.mapping.lines import Lines, Path


class Report:
    """The problems and notes of one file. Problems refuse the file; notes are shown by `check` and refuse nothing."""

    def __init__(self, file: str, lines: Lines) -> None:
        self.file = file
        self.lines = lines
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []

    def add(self, path: Path, message: str, remedy: str) -> None:
        """A mistake at `path`, and what to do about it."""
        self.problems.append(Problem(self.file, self.lines.at(path), message, remedy))

    def note(self, path: Path, message: str, remedy: str = "") -> None:
        """Something a person may want to know about `path`."""
        self.notes.append(Problem(self.file, self.lines.at(path), message, remedy))


def suggest(word: str, words: Iterable[str]) -> str:
    """A remedy that names the nearest of `words`, or all of them."""
    known = list(words)
    near = nearest(word, known)
    if near:
        return f"Did you mean {near!r}?"
    return f"One of: {', '.join(known)}." if known else ""


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The word most like `word`, whatever its case; None if none is like it."""
    by_fold = {known.casefold(): known for known in words}
    found = difflib.get_close_matches(word.casefold(), list(by_fold), n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def listed(words: Iterable[object]) -> str:
    """Words as a sentence lists them."""
    return ", ".join(str(word) for word in words)

"""What `check` finds out about a Letrics account: the key, the form of request that it understands, filters that do nothing.

The vendor documents neither method nor paths (`apis/` 3.2). So where the configured form is refused the others are tried, and the
finding says which one to set. Most of it asks for what nothing
matches, and costs a handful of records in all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from sync.connectors.base import Finding
from sync.connectors.letrics.budget import Budget
from sync.connectors.letrics.search import Listing, Search
from sync.connectors.letrics.windows import spell
from sync.errors import AbortError, DriftError

Searches = Callable[[str, str], Search]

NOTHING: Final[Mapping[str, Any]] = {"added_after": "1970-01-01T00:00:00Z", "added_before": "1970-01-01T00:00:00Z"}
"""A window in which nobody can have been added: it proves the key, and costs no record."""
_NOBODYS: Final = "crm-sync-no-such-tld"
_FORMS: Final = (("POST", "brackets"), ("GET", "brackets"), ("GET", "repeat"), ("GET", "comma"))
_COMPANIES: Final = "companies"


def knock(search: Search) -> None:
    """One cheap read that proves the key. Raises AuthError, QuotaError, UnreachableError, DriftError."""
    search.page(_COMPANIES, NOTHING, 1, 1)


class Probe:
    """The findings of one connector. ``search`` makes the searches in another form."""

    def __init__(
        self, search: Searches, method: str, style: str, budget: Budget, now: datetime, *, private: bool
    ) -> None:
        self._search = search
        self._form = (method, style)
        self._budget = budget
        self._now = now
        self._private = private

    def findings(self) -> list[Finding]:
        """All findings; a refused key or a server that does not answer ends them."""
        try:
            fits, found = self._method()
        except AbortError as error:
            return [Finding("credentials", well=False, detail=error.message, remedy=error.remedy)]
        found = [Finding("credentials", well=True), *found]
        if not fits:
            return [*found, self._left()]
        return [*found, *self._rows(), self._filters(), *self._renamed(), self._changes(), self._left()]

    def _method(self) -> tuple[bool, list[Finding]]:
        """Whether the configured form is understood; else the one that is."""
        try:
            knock(self._search(*self._form))
        except DriftError as error:
            other = next((form for form in _FORMS if form[0] != self._form[0] and self._answers(form)), None)
            remedy = f'Set `method = "{other[0]}"`.' if other else error.remedy
            return False, [Finding("form", well=False, detail=error.message, remedy=remedy)]
        return True, [Finding("form", well=True, detail=_named(self._form))]

    def _answers(self, form: tuple[str, str]) -> bool:
        try:
            knock(self._search(*form))
        except DriftError:
            return False
        return True

    def _filters(self) -> Finding:
        """A word that nobody has must find nobody, and beside one that somebody has it must not hide them."""
        word = self._known_word()
        if self._understands(self._form, word):
            return Finding("filters", well=True, detail="lists are understood")
        other = next((form for form in _FORMS if form != self._form and self._understands(form, word)), None)
        remedy = f"Set {_setting(other)}." if other else "Ask the vendor: no form of list filters works."
        return Finding("filters", well=False, detail=f"lists are not understood by {_named(self._form)}", remedy=remedy)

    def _known_word(self) -> str | None:
        """The top-level domain of some company, if the server knows it as a word of its filter."""
        rows = self._one(_COMPANIES, {}).rows
        domain = rows[0].get("domain") if rows else None
        word = rows[0].get("tld") or (domain.rpartition(".")[2] if isinstance(domain, str) else None) if rows else None
        return word if isinstance(word, str) and self._finds(self._form, [word]) else None

    def _understands(self, form: tuple[str, str], word: str | None) -> bool:
        known = [] if word is None else [[word, _NOBODYS], [_NOBODYS, word]]
        try:
            return not self._finds(form, [_NOBODYS, _NOBODYS]) and all(self._finds(form, words) for words in known)
        except DriftError:
            return False

    def _finds(self, form: tuple[str, str], words: list[str]) -> bool:
        asked = {"tlds": words, "added_before": spell(self._now)}
        return bool(self._search(*form).page(_COMPANIES, asked, 1, 1).rows)

    def _rows(self) -> list[Finding]:
        return [self._row(name) for name in ("companies", "contacts")]

    def _row(self, name: str) -> Finding:
        """Whether a search answers, and the names that its rows have: no document tells them."""
        try:
            listing = self._one(name, {})
        except DriftError as error:
            return Finding(name, well=False, detail=error.message, remedy=error.remedy)
        if not listing.rows:
            return Finding(name, well=True, detail="answers; no rows")
        told = f"{listing.total} rows; " if listing.total is not None else ""
        return Finding(name, well=True, detail=f"{told}fields: {', '.join(sorted(map(str, listing.rows[0])))}")

    def _renamed(self) -> list[Finding]:
        """Which spelling of the renamed filter works: with it there may not be as many people as without (T-L8)."""
        if not self._private:
            return []
        everybody = self._one("contacts", {}).total
        counts = {
            name: self._one("contacts", {name: True}).total for name in ("has_personal_emails", "has_personal_email")
        }
        if everybody is None or None in counts.values():
            return [Finding("has_personal_email", well=True, detail="no totals are told; rows are checked one by one")]
        works = [name for name, count in counts.items() if count is not None and count < everybody]
        return [
            Finding("has_personal_email", well=True, detail=f"works: {', '.join(works) or 'neither, or all have one'}")
        ]

    def _one(self, name: str, asked: Mapping[str, Any]) -> Listing:
        return self._search(*self._form).page(name, {**asked, "added_before": spell(self._now)}, 1, 1)

    def _changes(self) -> Finding:
        detail = "no times of change: known rows are read again, the last 7 days daily, 90 days weekly, all monthly"
        return Finding("changes", well=True, detail=detail)

    def _left(self) -> Finding:
        day = self._now.date().isoformat()
        left = self._budget.left(day)
        detail = "no daily limit of records" if left is None else f"{left} of {self._budget.daily} records left today"
        return Finding("budget", well=True, detail=detail)


def _named(form: tuple[str, str]) -> str:
    return form[0] if form[0] == "POST" else f"{form[0]} with lists in {form[1]}"


def _setting(form: tuple[str, str]) -> str:
    return f'`method = "{form[0]}"`' + ("" if form[0] == "POST" else f' and `array_style = "{form[1]}"`')

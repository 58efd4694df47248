"""Filters of a feed: what is asked of the server, and asked again here of every row.

The vendor's filters are loose: titles match parts of words (T-L6), a renamed filter may be ignored without a word (T-L8). So each
row is looked at again, token by token. A row that does not tell what a filter is about is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import parse_qs

from sync.connectors.letrics.rows import COMPANIES, Row, added_at, addresses, company_of
from sync.connectors.letrics.windows import Window, moment, spell
from sync.connectors.letrics.words import holds, is_same, tokens
from sync.errors import DriftError
from sync.model.remote import Feed
from sync.model.values import is_blank

_SHARED: Final[Mapping[str, tuple[str, ...]]] = {
    "locations": ("location", "locations", "country"),
    "functions": ("functions", "function"),
    "industries": ("industry", "industries"),
    "tlds": ("tld", "tlds"),
    "technologies": ("technologies", "technology"),
}
"""List filters of companies, and where a row may tell what they are about (`apis/` 3.1, 3.3)."""

_PERSONAL: Final[Mapping[str, tuple[str, ...]]] = {
    "job_titles": ("job_title", "title"),
    "departments": ("department", "departments"),
    "seniorities": ("seniority",),
}
_RENAMED: Final = ("has_personal_emails", "has_personal_email")
"""The seed's name and that of a later revision: both are sent."""

_FLAGS: Final[Mapping[str, tuple[str, ...]]] = {
    "has_linkedin_profile": ("linkedin_url",),
    "is_decision_maker": ("is_decision_maker",),
    "company_has_generic_email": ("generic_email",),
    "company_has_linkedin_profile": ("linkedin_url",),
}
_BOUNDS: Final = ("added_after", "added_before")
_PAGING: Final = ("page", "per_page")
_NOT: Final = "exclude_"


@dataclass(frozen=True, slots=True)
class Filters:
    """What one feed asks for. ``lists``: words by filter, `exclude_` ones among them; ``flags`` are all true."""

    object: str
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    after: str | None = None
    before: str | None = None

    def request(self, window: Window) -> dict[str, Any]:
        """The request's fields for one window of time."""
        asked: dict[str, Any] = {name: list(words) for name, words in self.lists.items()}
        asked |= dict.fromkeys(sorted(self.flags), True)
        if window.after is not None:
            asked["added_after"] = spell(window.after)
        return asked | {"added_before": spell(window.before)}

    def clip(self, window: Window) -> Window | None:
        """What of a window the mapping wants; None for nothing."""
        return window.within(moment(self.after), moment(self.before))

    def passes(self, row: Row, window: Window) -> bool:
        """Whether a row is what was asked for, as far as it can be told from it."""
        at = added_at(self.object, row)
        return (
            (at is None or window.holds(at))
            and all(self._fits(row, name, words) for name, words in self.lists.items())
            and all(_is_flagged(self.object, row, name) is not False for name in self.flags)
        )

    def _fits(self, row: Row, name: str, words: tuple[str, ...]) -> bool:
        found = _meets(self.object, row, name.removeprefix(_NOT), words)
        return found is not True if name.startswith(_NOT) else found is not False


def filters_of(feed: Feed, *, private: bool) -> Filters:
    """The feed's `where` (as a query string, ``tlds=com&tlds=io``) and `params` together, the latter prevailing.

    Raises DriftError for a filter that the vendor does not document, or one with a value it cannot have.
    """
    asked: dict[str, Any] = dict(parse_qs(feed.where or "", keep_blank_values=True)) | dict(feed.params)
    lists, flags, bounds = {}, set(), {}
    for name, value in asked.items():
        base = name.removeprefix(_NOT)
        if base in _known_lists(feed.object):
            lists[name] = _words(feed, name, value)
        elif name in _known_flags(feed.object):
            flags |= _flag(feed, name, value, private=private)
        elif name in _BOUNDS:
            bounds[name] = _bound(feed, name, value)
        else:
            raise _unknown(feed, name)
    lists = {name: words for name, words in lists.items() if words}
    return Filters(feed.object, lists, frozenset(flags), bounds.get("added_after"), bounds.get("added_before"))


def _known_lists(name: str) -> Mapping[str, tuple[str, ...]]:
    return _SHARED if name == COMPANIES else {**_PERSONAL, **_SHARED}


def _known_flags(name: str) -> tuple[str, ...]:
    return () if name == COMPANIES else (*_RENAMED, *_FLAGS)


def _unknown(feed: Feed, name: str) -> DriftError:
    if name in _PAGING:
        return DriftError(
            f"Letrics {feed.object}: {name} is crm-sync's business",
            remedy="Take it out of the mapping; `batch_size` sets the page size.",
        )
    known = [*_known_lists(feed.object), *_known_flags(feed.object), *_BOUNDS]
    near = get_close_matches(name, [*known, *(f"{_NOT}{one}" for one in _known_lists(feed.object))], 1)
    hint = f"Did you mean {near[0]}? " if near else ""
    return DriftError(f"Letrics {feed.object} has no filter {name}", remedy=f"{hint}Filters: {', '.join(known)}.")


def _words(feed: Feed, name: str, value: Any) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) and word.strip() for word in words):
        raise DriftError(f"Letrics {feed.object}: {name} takes a list of texts", remedy=f'Write {name} = ["…"].')
    return tuple(words)


def _flag(feed: Feed, name: str, value: Any, *, private: bool) -> set[str]:
    if isinstance(value, list) and len(value) == 1:
        value = {"true": True}.get(str(value[0]).lower(), value)
    if value is not True:
        text = f"Letrics {feed.object}: {name} can only be true; what false asks for is not documented"
        raise DriftError(text, remedy="Take it out of the mapping.")
    if name not in _RENAMED:
        return {name}
    if not private:
        text = f"Letrics {feed.object}: {name} asks for people with private addresses, which are not taken"
        raise DriftError(text, remedy="Take it out of the mapping, or set `allow_personal_email = true`.")
    return set(_RENAMED)


def _bound(feed: Feed, name: str, value: Any) -> str:
    text = value[0] if isinstance(value, list) and len(value) == 1 else value
    at = moment(text if isinstance(text, str) else getattr(text, "isoformat", str)())
    if at is None:
        raise DriftError(f"Letrics {feed.object}: {name} is no time", remedy=f'Write {name} = "2026-01-31T00:00:00Z".')
    return spell(at)


# the rows again ------------------------------------------------------------------------------------------------------------


def _meets(object_name: str, row: Row, name: str, words: tuple[str, ...]) -> bool | None:
    """Whether a row has one of the words; None where it does not tell."""
    holder = row if name in _PERSONAL else company_of(object_name, row)
    if name == "tlds":
        return _ends(holder, words)
    found = _told(holder, _PERSONAL.get(name) or _SHARED[name])
    if found is None:
        return None
    test: Callable[[str, str], bool] = is_same if name in ("departments", "seniorities") else holds
    if any(test(text, word) for text in found for word in words):
        return True
    return None if name == "locations" and _other_scale(found, words) else False


def _told(holder: Row, names: tuple[str, ...]) -> list[str] | None:
    """The texts under the first of these names that the row has, or None; no text where it is blank."""
    value = next((holder[name] for name in names if name in holder), None)
    if value is None:
        return [] if any(name in holder for name in names) else None
    texts = value if isinstance(value, list) else [value]
    return texts if all(isinstance(text, str) for text in texts) else None


def _other_scale(found: list[str], words: tuple[str, ...]) -> bool:
    """Whether places are told in codes and asked for in names, or the other way round: then they cannot be compared."""
    return _is_coded(found) != _is_coded(words)


def _is_coded(texts: list[str] | tuple[str, ...]) -> bool:
    return all(len(token) <= 3 for text in texts for token in tokens(text))  # noqa: PLR2004 - ISO codes


def _ends(company: Row, words: tuple[str, ...]) -> bool | None:
    told = _told(company, ("tld", "tlds"))
    domain = company.get("domain")
    if not told and not isinstance(domain, str):
        return None if told is None else False
    ends = {text.strip(". ").casefold() for text in told or ()}
    host = f".{domain.strip('. ').casefold()}" if isinstance(domain, str) else ""
    plain = [word.strip(". ").casefold() for word in words]
    return any(word in ends or host.endswith(f".{word}") for word in plain)


def _is_flagged(object_name: str, row: Row, name: str) -> bool | None:
    """Whether a row has what a flag asks for; None where it does not tell."""
    if name in _RENAMED:
        return None if "emails" not in row else any(private for _, private in addresses(row))
    holder = company_of(object_name, row) if name.startswith("company_") else row
    key = next((key for key in _FLAGS[name] if key in holder), None)
    if key is None:
        return None
    return holder[key] is True if name == "is_decision_maker" else not is_blank(holder[key])

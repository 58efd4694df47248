"""Letrics' rows: who a row is, what it holds under a native path, and which addresses may be taken from it.

No document tells the fields of a row (`apis/` 3.2), so reading is tolerant: any name may be mapped, nested ones with a dot, and
``email`` is the first permitted address of ``emails``. Never read: anything that speaks of consent, and, unless it is allowed,
a person's private address (3.4).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from sync.connectors.letrics.windows import moment
from sync.connectors.letrics.words import tokens
from sync.model.mail import FREE_MAIL
from sync.model.remote import Feed, NativeRecord
from sync.model.values import MISSING, Native, is_blank

Row = Mapping[str, Any]

COMPANIES: Final = "companies"
_ADDRESS: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_CONSENT: Final = re.compile(
    r"(^|[._])(un)?(subscri|consent|opt_?in|opt_?out|opted|mailable|do_?not_?(mail|email|contact))", re.IGNORECASE
)
_PRIVATE: Final = re.compile(r"(^|[._])(personal|private)\w*mail", re.IGNORECASE)
_KINDS_PRIVATE: Final = frozenset({"personal", "private", "home"})
_KINDS_WORK: Final = frozenset({"work", "business", "corporate", "company", "professional"})


def company_of(name: str, row: Row) -> Row:
    """The company that a row is, or that a person's row carries; empty where it carries none."""
    found = row if name == COMPANIES else row.get("company")
    return found if isinstance(found, Mapping) else {}


def added_at(name: str, row: Row) -> datetime | None:
    """When the row's company was added, where it is told."""
    company = company_of(name, row)
    return moment(company.get("added_at") or company.get("created_at"))


# addresses -----------------------------------------------------------------------------------------------------------------


def addresses(row: Row) -> Iterator[tuple[str, bool]]:
    """Every address of a person with whether it is private, work addresses first."""
    found = [row.get("email"), *_listed(row.get("emails"))]
    told = [pair for item in found if (pair := _address(item)) is not None]
    named = [(address, True) for name in row if _PRIVATE.search(name) for address in _texts(row[name])]
    yield from sorted(dict.fromkeys([*told, *named]), key=lambda pair: pair[1])


def is_private(address: str, kind: Any = None) -> bool:
    """Whether an address is a person's own: said so, or, where nothing is said, at a provider that anybody may use."""
    word = kind.strip().casefold() if isinstance(kind, str) else ""
    if word in _KINDS_PRIVATE or word in _KINDS_WORK:
        return word in _KINDS_PRIVATE
    return address.rpartition("@")[2].casefold() in FREE_MAIL


def _address(item: Any) -> tuple[str, bool] | None:
    kind = item.get("type") if isinstance(item, Mapping) else None
    text = item.get("email") if isinstance(item, Mapping) else item
    if not isinstance(text, str) or not _ADDRESS.fullmatch(text.strip()):
        return None
    return text.strip(), is_private(text.strip(), kind)


def _texts(value: Any) -> Iterator[str]:
    """Addresses anywhere in a value."""
    if isinstance(value, str) and _ADDRESS.fullmatch(value.strip()):
        yield value.strip()
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# paths ---------------------------------------------------------------------------------------------------------------------


class Reading:
    """How rows are read: with private addresses, or without."""

    def __init__(self, *, private: bool) -> None:
        self._private = private

    def record(self, feed: Feed, key: str, row: Row) -> NativeRecord:
        """The native record of a row, with the feed's paths alone. No document promises a version or a time of change."""
        found = {path: self.read(row, path) for path in feed.paths}
        return NativeRecord(
            feed.object,
            key,
            {path: value for path, value in found.items() if value is not MISSING},
            created_at=added_at(feed.object, row) if feed.object == COMPANIES else None,
        )

    def read(self, row: Row, path: str) -> Native:
        """The value under a path, or MISSING: not told, or not to be taken."""
        if _CONSENT.search(path) or (_PRIVATE.search(path) and not self._private):
            return MISSING
        if path == "email":
            return self._email(row)
        return self._permitted(_at(row, path), self._barred(row))

    def mail(self, row: Row) -> str | None:
        """The first address that may be taken."""
        return next((address for address, private in addresses(row) if self._private or not private), None)

    def withholds(self, feed: Feed, row: Row) -> bool:
        """Whether a person is asked for by an address, and has none but such as may not be taken: then they are nobody here."""
        return "email" in feed.paths and self.mail(row) is None and any(True for _ in addresses(row))

    def _email(self, row: Row) -> Native:
        """The address; blank only where the vendor says that there is none at all."""
        found = self.mail(row)
        if found is not None:
            return found
        told = [row[name] for name in ("email", "emails") if name in row]
        return None if told and all(is_blank(value) for value in told) else MISSING

    def _barred(self, row: Row) -> frozenset[str]:
        if self._private:
            return frozenset()
        return frozenset(address.casefold() for address, private in addresses(row) if private)

    def _permitted(self, value: Native, barred: frozenset[str]) -> Native:
        """The value without what may not be taken, however deep it lies."""
        if isinstance(value, str):
            return MISSING if self._is_barred(value, None, barred) else value
        if isinstance(value, list):
            kept = [self._permitted(item, barred) for item in value]
            return [item for item in kept if item is not MISSING]
        if isinstance(value, Mapping):
            return self._permitted_table(value, barred)
        return value

    def _permitted_table(self, value: Mapping[str, Any], barred: frozenset[str]) -> Native:
        address = value.get("email")
        if isinstance(address, str) and self._is_barred(address, value.get("type"), barred):
            return MISSING
        names = [name for name in value if not _CONSENT.search(name) and (self._private or not _PRIVATE.search(name))]
        kept = {name: self._permitted(value[name], barred) for name in names}
        return {name: item for name, item in kept.items() if item is not MISSING}

    def _is_barred(self, text: str, kind: Any, barred: frozenset[str]) -> bool:
        address = text.strip()
        if self._private or not _ADDRESS.fullmatch(address):
            return False
        return address.casefold() in barred or is_private(address, kind)

    # identity ------------------------------------------------------------------------------------------------------------

    def key(self, name: str, row: Row) -> str | None:
        """Who a row is: its id, else its profile, else its address or domain, else domain and name; None for nobody (3.2).

        What is made of a person's data is hashed: ids stand in logs and messages.
        """
        own = row.get("id")
        if (isinstance(own, str) and own.strip()) or (isinstance(own, int) and not isinstance(own, bool)):
            return str(own).strip()
        return self._company_key(row) if name == COMPANIES else self._person_key(row)

    def _person_key(self, row: Row) -> str | None:
        profile, address = _profile(row.get("linkedin_url")), self.mail(row)
        if profile:
            return f"profile:{_digest(profile)}"
        if address:
            return f"address:{_digest(address.lower())}"
        domain, name = _domain(company_of("contacts", row).get("domain")), " ".join(tokens(_full_name(row)))
        return f"name:{_digest(f'{domain} {name}')}" if domain and name else None

    def _company_key(self, row: Row) -> str | None:
        domain, profile = _domain(row.get("domain")), _profile(row.get("linkedin_url"))
        if domain:
            return f"domain:{domain}"
        return f"profile:{_digest(profile)}" if profile else None


def _at(row: Row, path: str) -> Native:
    if path in row:
        return row[path]
    head, dot, rest = path.partition(".")
    inner = row.get(head)
    return _at(inner, rest) if dot and isinstance(inner, Mapping) else MISSING


def _full_name(row: Row) -> str:
    whole = row.get("full_name") or row.get("name")
    parts = (row.get("first_name"), row.get("last_name"))
    return whole if isinstance(whole, str) else " ".join(part for part in parts if isinstance(part, str))


def _profile(url: Any) -> str:
    """A profile's address without what may be written in more than one way."""
    if not isinstance(url, str):
        return ""
    try:
        split = urlsplit(url.strip() if "://" in url else f"//{url.strip()}")
        host = (split.hostname or "").removeprefix("www.")
    except ValueError:
        return ""
    path = split.path.rstrip("/").casefold()
    return f"{host}{path}" if host and path else ""


def _domain(value: Any) -> str:
    text = value.strip().casefold().rstrip(".") if isinstance(value, str) else ""
    return text.removeprefix("www.")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]

"""Match keys: the form in which two values are the same key, and values that may match nothing."""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from unicodedata import normalize

from sync.mapping.text import host, is_public_suffix
from sync.model.mail import FREE_MAIL
from sync.model.values import Absence, Canonical

ROLES: Final = frozenset(
    """
    abuse accounting accounts admin administrator billing careers contact customerservice enquiries finance
    hello help helpdesk hostmaster hr info inquiries jobs kontakt legal mail marketing media no-reply noreply
    office orders postmaster press privacy recruiting sales security service staff support team webmaster
    """.split()  # noqa: SIM905 - reads better than a hundred quotes
)
"""Local parts that name a desk, not a person."""

_COMPANIES: Final = ("account", "accounts", "company", "companies")


@lru_cache(maxsize=65536)
def _domain_key(domain: str) -> str | None:
    name = host(domain)
    if not name or name in FREE_MAIL or name.replace(".", "").isdigit() or is_public_suffix(name):
        return None
    return name


def _email_key(address: str, *, company: bool) -> str | None:
    local, at, domain = address.strip().lower().rpartition("@")
    name = host(domain)
    if not (local and at and name):
        return None
    if company and (local in ROLES or name in FREE_MAIL):
        return None
    return f"{normalize('NFC', local)}@{name}"


def match_key(entity: str, kind: str, value: Canonical) -> str | None:
    """The comparable form of a value of type `kind`; None if it may match nothing."""
    if value is None or isinstance(value, Absence | list | dict | bool):
        return None
    raw = str(value)
    if kind == "domain":
        return _domain_key(raw)
    if kind == "email":
        return _email_key(raw, company=entity in _COMPANIES)
    if kind in ("id", "ref"):
        return raw or None
    return " ".join(normalize("NFKC", raw).casefold().split()) or None

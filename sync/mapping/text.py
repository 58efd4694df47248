"""Text and what is written as text: strings, e-mail addresses, domains, URLs, ids.

Comparison follows what the vendors keep: Salesforce trims and stores null for "" (apis/salesforce.md 2.6),
ActiveCampaign compares addresses without case (apis/activecampaign.md 4), ids of 15 and 18 characters name one row.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Protocol
from unicodedata import normalize

from sync.mapping.lens import Codec, Decode, Options
from sync.model.values import HELD, Absence, Canonical, Native

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)?([^/?#]*)(.*)", re.DOTALL)
_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHORT_ID = 15
_BITS_MAX = 1000


def text(native: Native) -> str | Absence | None:
    """Trimmed, in Unicode form C, with single line feeds; a number as its digits; HELD for what is no text."""
    if native.__class__ is str:
        if not native.isascii():
            native = normalize("NFC", native)
        if "\r" in native:
            native = native.replace("\r\n", "\n").replace("\r", "\n")
        return native.strip() or None
    return _plain(native)


def _plain(native: Native) -> str | Absence | None:
    if native is None or native in ([], {}):
        return None
    if isinstance(native, bool):
        return "true" if native else "false"
    if isinstance(native, float):
        return repr(native).removesuffix(".0") if math.isfinite(native) else HELD
    if isinstance(native, int):
        return str(native) if native.bit_length() < _BITS_MAX else HELD
    return HELD


def norm_by(decode: Decode) -> Decode:
    """Compares native values by what `decode` makes of them; what it cannot read is compared as it stands."""

    def norm(native: Native) -> Native:
        value = decode(native)
        return native if value is HELD else value

    return norm


norm_text = norm_by(text)


def string_codec(_options: Options) -> Codec:
    """`string`, `text`: as it is, trimmed."""
    return Codec(text, _same, norm_text)


def _same(value: Canonical) -> Native:
    return value


def email(native: Native) -> str | Absence | None:
    """An address in lower case; of a list of addresses the work address, else the first."""
    if native.__class__ is list:
        native = _work_address(native)
    address = text(native)
    return address.lower() if address.__class__ is str else address


def _work_address(addresses: list[Native]) -> Native:
    """Letrics lists addresses as `{"email", "type"}` (apis/abmatic-conversion-letrics.md 3.3)."""
    rows = [row if isinstance(row, dict) else {"email": row} for row in addresses]
    work = [row for row in rows if row.get("type") == "work"]
    return next((row.get("email") for row in [*work, *rows]), None)


def email_codec(_options: Options) -> Codec:
    """`email`: without case."""
    return Codec(email, _same, norm_by(email))


@lru_cache(maxsize=65536)
def host(raw: str) -> str | None:
    """The host name in any URL, address or bare name: lower case, ASCII, without `www.`, port and path."""
    name = _SCHEME.sub("", raw.strip().lower(), count=1)
    name = re.split(r"[/?#\\]", name, maxsplit=1)[0].rpartition("@")[2].partition(":")[0].strip().strip(".")
    while name.startswith("www."):
        name = name[4:]
    return _ascii(name) or None


def _ascii(name: str) -> str:
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return normalize("NFC", name)


def domain_codec(options: Options) -> Codec:
    """`domain`: from any URL or address. `format = "root"` keeps the registrable part (`acme.co.uk`)."""
    root = options.format == "root"

    def decode(native: Native) -> str | Absence | None:
        raw = text(native)
        if raw.__class__ is not str:
            return raw
        name = host(raw)
        return registrable(name) if root and name else name

    return Codec(decode, _same, norm_text, lossy=root)


def registrable(name: str) -> str:
    """The part of a host name that somebody registered, by the public suffix list; the name itself if there is none."""
    return _suffixes(only_icann=False).privatesuffix(name) or name


def is_public_suffix(name: str) -> bool:
    """Whether anybody can register below this name (`co.uk`): it stands for no one company."""
    return "." not in name or _suffixes(only_icann=True).publicsuffix(name) == name


class _Suffixes(Protocol):
    def privatesuffix(self, domain: str) -> str | None:
        """The registrable name."""

    def publicsuffix(self, domain: str) -> str | None:
        """The suffix below which names are registered."""


@lru_cache(maxsize=2)
def _suffixes(*, only_icann: bool) -> _Suffixes:
    """The public suffix list, read on first use (26 ms); without the suffixes of hosting companies if `only_icann`."""
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415

    suffixes: _Suffixes = PublicSuffixList(only_icann=only_icann)
    return suffixes


def url(native: Native) -> str | Absence | None:
    """With scheme, scheme and host in lower case, without a trailing slash."""
    raw = text(native)
    if raw.__class__ is not str:
        return raw
    match = _URL.fullmatch(raw)
    assert match is not None
    return (match[1] or "https://").lower() + match[2].lower() + match[3].rstrip("/ ")


def url_codec(_options: Options) -> Codec:
    """`url`."""
    return Codec(url, _same, norm_text)


def long_id(raw: str) -> str:
    """The 18-character form of a 15-character Salesforce id; anything else as it is (apis/salesforce.md 5.5)."""
    if len(raw) != _SHORT_ID or not (raw.isascii() and raw.isalnum()) or raw.isdigit():
        return raw
    groups = (raw[start : start + 5] for start in (0, 5, 10))
    return raw + "".join(
        _ID_ALPHABET[sum(1 << bit for bit, char in enumerate(group) if char.isupper())] for group in groups
    )


def identifier(native: Native) -> str | Absence | None:
    """An id as text, 15-character Salesforce ids in their long form."""
    raw = text(native)
    return long_id(raw) if raw.__class__ is str else raw


def id_codec(_options: Options) -> Codec:
    """`id`."""
    return Codec(identifier, _same, norm_by(identifier))


def json_codec(_options: Options) -> Codec:
    """`json`: whatever it is, untouched; only blanks are alike."""

    def decode(native: Native) -> Canonical:
        blank = native is None or native in ([], {}) or (isinstance(native, str) and not native.strip())
        return None if blank else native

    return Codec(decode, _same, decode)

"""Countries: ISO 3166 two-letter codes from codes and from names in the languages that CRMs are kept in."""

from __future__ import annotations

from functools import lru_cache
from unicodedata import normalize

from sync.mapping.lens import Codec, Encode, Options
from sync.mapping.text import norm_text, text
from sync.model.values import HELD, Absence, Canonical, Native

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "da", "sv", "nb", "fi", "pl", "cs", "ja")
_CODE = 2
_COMMON = {
    "uk": "GB",
    "great britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "united states of america": "US",
    "u.s.": "US",
    "u.s.a.": "US",
    "america": "US",
    "holland": "NL",
    "the netherlands": "NL",
    "korea": "KR",
    "korea, republic of": "KR",
    "republic of korea": "KR",
    "russian federation": "RU",
    "czech republic": "CZ",
    "turkey": "TR",
    "uae": "AE",
    "republic of ireland": "IE",
}


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Code by folded name; built on the first name that is met."""
    from babel import Locale  # noqa: PLC0415 - large, only where countries are mapped

    found: dict[str, str] = {}
    for language in LANGUAGES:
        for code, name in Locale(language).territories.items():
            if len(code) == _CODE and code.isalpha():
                found.setdefault(_folded(name), code)
    return found | _COMMON


@lru_cache(maxsize=1)
def codes() -> dict[str, str]:
    """English name by two-letter code."""
    from babel import Locale  # noqa: PLC0415

    territories = Locale("en").territories.items()
    return {
        code: name
        for code, name in territories
        if len(code) == _CODE and code.isalpha() and code not in {"EU", "UN", "EZ", "ZZ"}
    }


@lru_cache(maxsize=1)
def _aliases() -> dict[str, str]:
    from babel.core import get_global  # noqa: PLC0415

    return {alias: targets[0] for alias, targets in get_global("territory_aliases").items() if len(targets[0]) == _CODE}


def _folded(name: str) -> str:
    return " ".join(normalize("NFKC", name).casefold().split())


@lru_cache(maxsize=4096)
def country(raw: str) -> str | None:
    """The code for a code of two or three letters or a name; None for a name of no country."""
    upper = raw.upper()
    if len(raw) == _CODE and upper in codes():
        return upper
    folded = _folded(raw)
    return _COMMON.get(folded) or _aliases().get(upper) or _names().get(folded)


def country_codec(options: Options) -> Codec:
    """`country`: `format = "name"` writes the English name instead of the code; `else` for what is no country."""
    unknown = {"keep": None, "hold": HELD, "drop": None}.get(options.otherwise, options.literal)
    keep = options.otherwise == "keep"

    def decode(native: Native) -> str | Absence | None:
        raw = text(native)
        if not isinstance(raw, str):
            return raw
        return country(raw) or (raw if keep else unknown)

    encode: Encode = (lambda value: codes().get(value, value)) if options.format == "name" else _same
    return Codec(decode, encode, _norm)


def _norm(native: Native) -> Native:
    return norm_text(native)


def _same(value: Canonical) -> Native:
    return value

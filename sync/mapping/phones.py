"""Telephone numbers: E.164 where a number can be understood, else the text as it stands."""

from __future__ import annotations

from functools import lru_cache

from sync.mapping.lens import Codec, Options
from sync.mapping.text import norm_text, text
from sync.model.values import Absence, Canonical, Native


@lru_cache(maxsize=65536)
def e164(raw: str, region: str | None) -> str | None:
    """`+4930123456`, with `;ext=12` for an extension; None for what is no possible number. 12 us without the cache."""
    from phonenumbers import (  # noqa: PLC0415 - 40 ms, only where phones are mapped
        NumberParseException,
        PhoneNumberFormat,
        format_number,
        is_possible_number,
        parse,
    )

    try:
        found = parse(raw, region)
    except NumberParseException:
        return None
    if not is_possible_number(found):
        return None
    extension = f";ext={found.extension}" if found.extension else ""
    return format_number(found, PhoneNumberFormat.E164) + extension


def is_region(region: str) -> bool:
    """Whether phone numbers of this country code are known."""
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415

    return region in SUPPORTED_REGIONS


def phone_codec(options: Options) -> Codec:
    """`phone`: `region` is the country of numbers that name none."""
    region = options.region

    def decode(native: Native) -> str | Absence | None:
        raw = text(native)
        return (e164(raw, region) or raw) if isinstance(raw, str) else raw

    return Codec(decode, _same, norm_text)


def _same(value: Canonical) -> Native:
    return value

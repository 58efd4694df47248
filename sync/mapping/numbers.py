"""Numbers, booleans, and bands (`11-50`) that stand for numbers.

Vendors write numbers as JSON numbers, with exponents or trailing zeros, and as text (apis/salesforce.md 2.6;
ActiveCampaign's field values are always text, apis/activecampaign.md 5).
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Context, Decimal

from sync.mapping.lens import Codec, Encode, Options
from sync.mapping.text import norm_by, norm_text, text
from sync.model.values import HELD, Absence, Canonical, Native

_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d{1,40})?(?:\.\d{0,40})?(?:[eE][-+]?\d{1,3})?")
_BAND = re.compile(r"(\d[\d,.]*)\s*(?:(?:-|\u2013|\u2014|to)\s*(\d[\d,.]*)|(\+))(?:\s+employees)?", re.IGNORECASE)
_DIGITS_MAX = 30
_EXACT = 2**53
_BITS_MAX = 100
_WIDE = Context(prec=120)
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "t": True, "y": True} | {
    "false": False,
    "no": False,
    "off": False,
    "0": False,
    "f": False,
    "n": False,
}


def number(native: Native) -> Decimal | Absence | None:
    """An exact number; HELD for what is none, or has more than 30 digits on either side of the point."""
    if isinstance(native, bool):
        return HELD
    if isinstance(native, int):
        return _bounded(Decimal(native)) if native.bit_length() <= _BITS_MAX else HELD
    if isinstance(native, float):
        return _bounded(Decimal(repr(native))) if math.isfinite(native) else HELD
    raw = text(native)
    if raw is None or isinstance(raw, Absence):
        return raw
    if not _NUMBER.fullmatch(raw) or not any(char.isdigit() for char in raw) or not raw.isascii():
        return HELD
    if raw[0] in "eE":
        return HELD
    return _parsed(raw.replace(",", ""))


def _parsed(raw: str) -> Decimal | Absence:
    try:
        return _bounded(Decimal(raw))
    except ArithmeticError:
        return HELD


def _bounded(found: Decimal) -> Decimal | Absence:
    exponent = found.as_tuple().exponent
    fits = isinstance(exponent, int) and exponent >= -_DIGITS_MAX and found.adjusted() < _DIGITS_MAX
    return found if fits or not found else HELD


def rounded(found: Decimal, scale: int) -> Decimal:
    """Rounded half up to `scale` decimals, as Salesforce stores it."""
    return found.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP, context=_WIDE)


def plain(found: Decimal) -> str:
    """A decimal as canonical text: no exponent, no trailing zeros, no negative zero."""
    if not found:
        return "0"
    digits = format(found, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def integer(native: Native) -> int | Absence | None:
    """A whole number, rounded half up."""
    if native.__class__ is int and -_EXACT < native < _EXACT:
        return int(native)
    found = number(native)
    whole = _bounded(rounded(found, 0)) if isinstance(found, Decimal) else found
    return int(whole) if isinstance(whole, Decimal) else whole


def decimal(native: Native) -> str | Absence | None:
    """A number as plain text."""
    found = number(native)
    return plain(found) if isinstance(found, Decimal) else found


def _as_text(options: Options) -> bool:
    return options.kind == "activecampaign" and options.path.startswith("fields.")


def integer_codec(options: Options) -> Codec:
    """`integer`: written as a JSON number, to ActiveCampaign's custom fields as text."""
    return Codec(integer, str if _as_text(options) else int, norm_by(number))


def decimal_codec(options: Options) -> Codec:
    """`decimal`: `scale` is how many decimals the remote keeps."""
    return Codec(decimal, _decimal_encode(options), norm_by(number), lossy=options.scale is not None)


def _decimal_encode(options: Options) -> Encode:
    scale, as_text = options.scale, _as_text(options)

    def encode(value: Canonical) -> Native | Absence:
        found = number(value)
        if not isinstance(found, Decimal):
            return HELD
        found = found if scale is None else rounded(found, scale)
        return plain(found) if as_text else json_number(found)

    return encode


def json_number(found: Decimal) -> int | float | str:
    """A JSON number that says exactly this; text where a double cannot."""
    if found == found.to_integral_value() and abs(found) < _EXACT:
        return int(found)
    near = float(found)
    return near if Decimal(repr(near)) == found else plain(found)


def boolean(native: Native) -> bool | Absence | None:
    """True or false, also by the usual words and digits; HELD for any other word."""
    if native is True or native is False:
        return bool(native)
    word = text(native)
    return _WORDS.get(word.lower(), HELD) if isinstance(word, str) else word


def boolean_codec(options: Options) -> Codec:
    """`boolean`."""
    encode: Encode = (lambda value: "true" if value else "false") if _as_text(options) else bool
    return Codec(boolean, encode, norm_by(boolean))


def band(label: str) -> tuple[int, int | None] | None:
    """The lowest and highest number of a band, None for no upper end; None if it cannot be read as a band."""
    match = _BAND.fullmatch(label.strip())
    if match is None:
        return None
    low = _whole(match[1])
    return (low, None) if match[3] else (low, _whole(match[2]))


def _whole(digits: str) -> int:
    return int(re.sub(r"\D", "", digits)[:18] or "0")


def bands_codec(options: Options) -> Codec:
    """`bands`: an integer here is written as the band that holds it; a band is read as its lowest number."""
    ranges = [(label, *(band(label) or (0, -1))) for label in options.bands]
    lowest = {_folded(label): low for label, low, _ in ranges}

    def decode(native: Native) -> int | Absence | None:
        if isinstance(native, (int, float)) and not isinstance(native, bool):
            return integer(native)
        label = text(native)
        if not isinstance(label, str):
            return label
        known = lowest.get(_folded(label))
        return known if known is not None else _unlisted(label, options)

    def encode(value: Canonical) -> Native | Absence:
        for label, low, high in ranges:
            if low <= value and (high is None or value <= high):
                return label
        return HELD

    return Codec(decode, encode, _band_norm, lossy=True)


def _band_norm(native: Native) -> Native:
    label = norm_text(native)
    return _folded(label) if isinstance(label, str) else label


def _folded(label: str) -> str:
    found = band(label)
    return f"{found[0]}-{found[1]}" if found else label.casefold()


def _unlisted(label: str, options: Options) -> Canonical | Absence:
    if options.otherwise == "keep":
        found = band(label)
        return found[0] if found else integer(label)
    return {"hold": HELD, "drop": None}.get(options.otherwise, options.literal)

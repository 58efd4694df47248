"""A field's value on its way in: JSON, CSV text or a person's typing to what is stored, validated (2.5, 2.6).

Stored: text without outer blanks (never empty), numbers rounded to their scale, times as whole seconds since the epoch,
ids with 18 characters. None stands for empty everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from sync.sandbox.salesforce.fields import NUMERIC, Field
from sync.sandbox.salesforce.ids import normalised
from sync.sandbox.salesforce.refusals import Mismatch, Refusal
from sync.sandbox.salesforce.times import parse_day, parse_moment, person_moment

EMAIL = re.compile(r"[^@\s,;<>()\[\]\"]+@[A-Za-z0-9\u00a1-\uffff-]+(\.[A-Za-z0-9\u00a1-\uffff-]+)+")
PICKLIST_MAX = 255
TRUE = frozenset({"true", "1"})
FALSE = frozenset({"false", "0"})


def stored(field: Field, value: Any) -> Any:
    """What is stored for a JSON value; raises Refusal for this row, Mismatch for the whole request."""
    if value is not None:
        reader: Callable[[Field, Any], Any] = READERS.get(field.type, _text)
        return reader(field, value)
    if field.type == "boolean":
        message = f"{field.name}: value not of required type: null"
        raise Refusal("INVALID_TYPE_ON_FIELD_IN_RECORD", message, [field.name])
    return None


def _string(value: Any) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    raise Mismatch("string", value)


def _text(field: Field, value: Any) -> str | None:
    text = _string(value)
    if text is not None and len(text) > field.length:
        message = f"{field.name}: data value too large: {text} (max length={field.length})"
        raise Refusal("STRING_TOO_LONG", message, [field.name])
    return text


def _email(field: Field, value: Any) -> str | None:
    text = _text(field, value)
    if text is None:
        return None
    if not EMAIL.fullmatch(text):
        raise Refusal("INVALID_EMAIL_ADDRESS", f"{field.name}: invalid email address: {text}", [field.name])
    return text.lower()  # section 10.9 leaves this open: the nastier reading


def _picklist(field: Field, value: Any) -> str | None:
    text = _string(value)
    if text is not None and field.restricted and text not in field.allowed():
        raise _bad_choice(field, text)
    if text is not None and len(text) > PICKLIST_MAX:
        raise Refusal(
            "STRING_TOO_LONG", f"{field.name}: data value too large: {text} (max length={PICKLIST_MAX})", [field.name]
        )
    return text


def _choices(field: Field, value: Any) -> str | None:
    text = _text(field, value)
    chosen = {part.strip() for part in (text or "").split(";")} - {""}
    unknown = sorted(chosen.difference(field.values))
    if unknown and field.restricted:
        raise _bad_choice(field, unknown[0])
    return ";".join([*(v for v in field.values if v in chosen), *unknown]) or None


def _bad_choice(field: Field, text: str) -> Refusal:
    message = f"{field.name}: bad value for restricted picklist field: {text}"
    return Refusal("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [field.name])


def _boolean(_field: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Mismatch("boolean", value)
    return value


def _number(field: Field, value: Any) -> float | int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Mismatch("int" if field.type == "int" else "double", value)
    if field.type == "int" and value != int(value):
        raise Mismatch("int", value)
    if abs(value) >= 10 ** (field.precision - field.scale):
        raise Refusal(
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{field.name}: value outside of valid range on numeric field: {value}",
            [field.name],
        )
    return int(value) if field.type == "int" else _rounded(value, field.scale)


def _rounded(value: float, scale: int) -> float:
    if isinstance(value, int):
        return float(value)
    return float(Decimal(str(value)).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP))


def _date(_field: Field, value: Any) -> str | None:
    if isinstance(value, str) and not value.strip():
        return None
    day = parse_day(value.strip()) if isinstance(value, str) else None
    if day is None:
        raise Mismatch("date", value)
    return day


def _datetime(_field: Field, value: Any) -> int | None:
    if isinstance(value, str) and not value.strip():
        return None
    seconds = parse_moment(value.strip()) if isinstance(value, str) else None
    if seconds is None and isinstance(value, str) and parse_day(value):
        seconds = parse_moment(f"{value}T00:00:00Z")
    if seconds is None:
        raise Mismatch("datetime", value)
    return int(seconds)


def _reference(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        raise Mismatch("reference", value)
    if not value.strip():
        return None
    whole = normalised(value.strip())
    if whole is None:
        label = field.name.removesuffix("Id") + " ID"
        raise Refusal("MALFORMED_ID", f"{label}: id value of incorrect type: {value}", [field.name])
    return whole


READERS: dict[str, Callable[[Field, Any], Any]] = {
    "email": _email,
    "picklist": _picklist,
    "multipicklist": _choices,
    "boolean": _boolean,
    "int": _number,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "date": _date,
    "datetime": _datetime,
    "reference": _reference,
}


NOT_TEXT = NUMERIC | {"boolean", "date", "datetime", "reference", "id"}


def from_csv(field: Field, text: str, at: int) -> Any:
    """What is stored for a CSV cell, in column `at` from 1, that is neither empty nor ``#N/A``; raises Refusal."""
    try:
        return stored(field, typed(field, text))
    except (Mismatch, ValueError, InvalidOperation):
        kind = {"datetime": "dateTime", "int": "int"}.get(field.type, "double" if field.type in NUMERIC else field.type)
        reason = f"'{text}' is not a valid value for the type xsd:{kind}"
        message = f"Failed to deserialize field at col {at}. Due to, {reason}"
        raise Refusal("INVALID_FIELD", message, [field.name]) from None


def typed(field: Field, text: str) -> Any:
    """The JSON value that a text stands for; raises ValueError or InvalidOperation."""
    low = text.strip().lower()
    if field.type == "boolean":
        if low not in TRUE | FALSE:
            raise ValueError(text)
        return low in TRUE
    if field.type in NUMERIC:
        number = Decimal(low)
        if not number.is_finite():
            raise ValueError(text)
        return int(number) if number == int(number) else float(number)
    return text


def from_person(field: Field, value: Any) -> Any:
    """What a person's edit stores: like `stored`, but numbers and switches may be text, and text a number; raises Refusal, ValueError."""
    if isinstance(value, str) and (field.type in NUMERIC or field.type == "boolean"):
        value = typed(field, value) if value.strip() else None
    if isinstance(value, str) and field.type == "datetime" and value.strip():
        return person_moment(value)
    if value is None and field.type == "boolean":
        return False
    if isinstance(value, list) and field.type == "multipicklist":
        value = ";".join(map(str, value))
    if isinstance(value, int | float) and field.type not in NOT_TEXT:
        value = str(value)
    return stored(field, value)


def as_it_stands(field: Field, value: Any) -> Any:
    """What `load` stores: typed where that works, else the value as it came; nothing is refused."""
    try:
        if value in (None, ""):
            return None
        if field.type == "datetime":
            return person_moment(value)
        if field.type in NUMERIC:
            number = typed(field, str(value))
            return number if field.type == "int" else float(number)
        if field.type == "boolean":
            return typed(field, str(value))
        if field.type in ("reference", "id"):
            return normalised(value) or value
    except (ValueError, InvalidOperation, TypeError):
        return value
    return value

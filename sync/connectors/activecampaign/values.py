"""Values as this vendor writes them: times with an offset, zero dates, numbers as text, sets between double pipes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sync.model.values import Native, is_blank

CENTRAL: Final = timezone(timedelta(hours=-6))
"""Where the vendor's day begins, an hour late in summer; a day's margin is left beside it (`apis/activecampaign.md` 13.4)."""
_ZERO: Final = "0000-00-00"
_SETS: Final = frozenset({"multiselect", "checkbox", "listbox"})


def moment(value: Any) -> datetime | None:
    """A time with its offset; None for blanks, zero dates, and times that do not say where they are."""
    if not isinstance(value, str) or value.startswith(_ZERO):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else None


def column(value: Any) -> Native:
    """A plain column; an unset date is spelled as zeros in old rows and as null in new ones."""
    return None if isinstance(value, str) and value.startswith(_ZERO) else value


def text(value: Native) -> str:
    """A value as it is sent; a blank empties."""
    if is_blank(value):
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list):
        return f"||{'||'.join(map(str, value))}||"
    return str(value)


def same(sent: Native, held: Native) -> bool:
    """Whether a value read back is the one that was sent, but for blanks and spaces around it."""
    if isinstance(sent, list) or isinstance(held, list):
        return {name.casefold() for name in sent or ()} <= {name.casefold() for name in held or ()}
    return text(sent).strip() == text(held).strip()


def account_value(meta: Mapping[str, Any], value: Any) -> Native:
    """A custom value of an account as read: money comes in minor units (`apis/activecampaign.md` 7)."""
    if meta.get("fieldType") == "currency" and not is_blank(value):
        return _scaled(value, Decimal("0.01"))
    return column(value)


def account_field(meta: Mapping[str, Any], value: Native) -> dict[str, Any]:
    """A custom value of an account as sent: sets are arrays here, money an integer with its currency."""
    sent: dict[str, Any] = {"customFieldId": int(meta["id"]), "fieldValue": "" if is_blank(value) else value}
    if meta.get("fieldType") in _SETS:
        sent["fieldValue"] = [word for word in text(value).split("||") if word]
    elif meta.get("fieldType") == "currency" and not is_blank(value):
        sent["fieldValue"] = int(Decimal(_scaled(value, Decimal(100))))
        sent["fieldCurrency"] = meta.get("fieldDefaultCurrency") or "USD"
    return sent


def _scaled(value: Native, by: Decimal) -> str:
    try:
        return format((Decimal(str(value)) * by).normalize(), "f")
    except InvalidOperation:
        return str(value)

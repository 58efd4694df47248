"""Which alerts are news: trouble is told once, reminded of daily, and told to be over; if it comes and goes it is not told each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sync.daemon.alerts import Alert

REMIND: Final = timedelta(hours=24)
DAMPED: Final = timedelta(hours=1)
"""Trouble that comes back within this is the same trouble."""
LASTING: Final = timedelta(minutes=10)
"""... unless it stays for this long: then it is told again."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is told: `state` is alert, reminder or well."""

    state: str
    alert: Alert


@dataclass(frozen=True, slots=True)
class Told:
    """One alert: when it was last told (None: this time not at all), when it came, and when it was over (None: it is not)."""

    alert: Alert
    came_at: datetime
    told_at: datetime | None
    over_at: datetime | None = None


class Ledger:
    """The alerts that are open, and those that were lately."""

    def __init__(self, told: Mapping[str, Told] | None = None) -> None:
        self._told = dict(told or {})

    def open(self) -> list[Alert]:
        """Open alerts, oldest first."""
        found = sorted((each for each in self._told.values() if each.over_at is None), key=lambda each: each.came_at)
        return [replace(each.alert, since=each.came_at) for each in found]

    def take(self, now_open: Sequence[Alert], now: datetime) -> list[Message]:
        """Compares with what is open now; the messages to send."""
        keys = {alert.key for alert in now_open}
        messages = [self._seen(alert, now) for alert in now_open]
        messages += [self._over(known, now) for known in self._told.values() if known.alert.key not in keys]
        gone = [key for key, each in self._told.items() if each.over_at is not None and now - each.over_at >= DAMPED]
        for key in gone:
            del self._told[key]
        return [message for message in messages if message is not None]

    def _seen(self, alert: Alert, now: datetime) -> Message | None:
        known = self._told.get(alert.key)
        if known is None:
            return self._tell("alert", Told(alert, now, now), now)
        if known.over_at is not None:
            self._told[alert.key] = Told(alert, now, None)
            return None
        known = replace(known, alert=alert)
        if known.told_at is None and now - known.came_at > LASTING:
            return self._tell("alert", known, now)
        if known.told_at is not None and now - known.told_at > REMIND:
            return self._tell("reminder", known, now)
        self._told[alert.key] = known
        return None

    def _tell(self, state: str, known: Told, now: datetime) -> Message:
        self._told[known.alert.key] = replace(known, told_at=now)
        return Message(state, replace(known.alert, since=known.came_at))

    def _over(self, known: Told, now: datetime) -> Message | None:
        if known.over_at is not None:
            return None
        self._told[known.alert.key] = replace(known, over_at=now)
        return Message("well", replace(known.alert, since=known.came_at)) if known.told_at is not None else None

    def to_json(self) -> list[dict[str, Any]]:
        """For the state."""
        return [
            {
                "key": each.alert.key,
                "what": each.alert.what,
                "remedy": each.alert.remedy,
                "came_at": each.came_at.isoformat(),
                "told_at": each.told_at.isoformat() if each.told_at else None,
                "over_at": each.over_at.isoformat() if each.over_at else None,
            }
            for each in self._told.values()
        ]

    @classmethod
    def from_json(cls, raw: Any) -> Ledger:
        """From the state; anything else is an empty one."""
        try:
            rows = [
                Told(
                    Alert(row["key"], row["what"], row["remedy"]),
                    datetime.fromisoformat(row["came_at"]),
                    _moment(row["told_at"]),
                    _moment(row["over_at"]),
                )
                for row in raw
            ]
        except (KeyError, TypeError, ValueError):
            return cls()
        return cls({each.alert.key: each for each in rows})


def _moment(spelled: str | None) -> datetime | None:
    return datetime.fromisoformat(spelled) if spelled else None

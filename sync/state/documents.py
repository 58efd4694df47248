"""Documents and times as the tables keep them: compact JSON texts and whole microseconds.

Cells, exchanges, changes and turns are arrays by position, not objects by name: half the size and half the time. A
later field is added at the end. What JSON cannot say (the three absences) is written as an object with one reserved
key. A text that orjson refuses (half a surrogate pair, as systems cut emoji; integers beyond 64 bits) goes through the
standard library: one odd value must not stop a page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import orjson

from sync.model.record import Change, Exchange, HubCell, Lost, Past, Turn
from sync.model.values import Absence, Native

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ABSENT = "absent!"
_MARK = " "
"""White space before a text of the standard library's: orjson would read its huge integers as floats, without a word."""


def stamp(moment: datetime) -> int:
    """Microseconds since 1970. Raises TypeError for a naive time."""
    return (moment - EPOCH) // _MICROSECOND


def stamp_or_none(moment: datetime | None) -> int | None:
    """The same, for a time that may be unknown."""
    return None if moment is None else (moment - EPOCH) // _MICROSECOND


def moment(stamped: int) -> datetime:
    """The time, UTC-aware."""
    return EPOCH + timedelta(0, 0, stamped)


def moment_or_none(stamped: int | None) -> datetime | None:
    """The same, for a time that may be unknown."""
    return None if stamped is None else EPOCH + timedelta(0, 0, stamped)


def dump(value: Any) -> str:
    """JSON with sorted keys: equal values have equal texts."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        return _MARK + json.dumps(value, sort_keys=True, separators=(",", ":"))


def load(text: str) -> Any:
    """What `dump` was given, with lists for tuples."""
    if text.startswith(_MARK):
        return json.loads(text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def image(values: Mapping[str, Native]) -> tuple[str, bytes]:
    """The document of a row's native values, and its digest."""
    text = dump(values)
    return text, blake2b(text.encode(), digest_size=16).digest()


def _hide(value: Any) -> Any:
    return {_ABSENT: value.value} if value.__class__ is Absence else value


def _show(value: Any) -> Any:
    if value.__class__ is dict and len(value) == 1 and _ABSENT in value:
        return Absence(value[_ABSENT])
    return value


def _revive(value: Any) -> Any:
    """Absences back in their places: at most three arrays deep, where `_hide` put them."""
    if value.__class__ is list:
        return [_revive(each) for each in value]
    return _show(value)


def _read(text: str) -> Any:
    """A document; the search for absences costs only those that have one."""
    found = load(text)
    if _ABSENT not in text:
        return found
    return {name: _revive(row) for name, row in found.items()} if isinstance(found, dict) else _revive(found)


class Stamps(dict[datetime | None, int | None]):
    """The stamps of times, each made once."""

    def __missing__(self, moment: datetime | None) -> int | None:
        """Makes a stamp."""
        made = self[moment] = stamp_or_none(moment)
        return made


def dump_cells(cells: Mapping[str, HubCell], stamps: Stamps) -> str:
    """The cells of a record."""
    return dump({name: _cell_row(cell, stamps) for name, cell in cells.items()})


def _cell_row(cell: HubCell, stamps: Stamps) -> tuple[Any, ...]:
    past = [(_hide(each.value), each.version, stamp(each.until)) for each in cell.past] if cell.past else ()
    after, by = stamps[cell.changed_after], stamps[cell.changed_by]
    return (_hide(cell.value), cell.version, cell.origin, cell.rule, after, by, cell.held, past)


class Moments(dict[int | None, datetime | None]):
    """Times by their stamp, each made once: the cells of a set of records share most of them."""

    def __missing__(self, stamped: int | None) -> datetime | None:
        """Makes a time."""
        made = self[stamped] = moment_or_none(stamped)
        return made


def load_cells(text: str, times: Moments) -> dict[str, HubCell]:
    """The cells of a record, by field. The hottest line of the room: no call in it that can be avoided."""
    return {
        name: HubCell(value, version, origin, rule, times[after], times[by], held, _past(past) if past else ())
        for name, (value, version, origin, rule, after, by, held, past) in _read(text).items()
    }


def _past(rows: list[Any]) -> tuple[Past, ...]:
    return tuple([Past(value, version, moment(until)) for value, version, until in rows])


def load_values(text: str) -> dict[str, Any]:
    """Only the canonical values of a record's cells, by field."""
    return {name: row[0] for name, row in _read(text).items()}


def dump_exchange(exchange: Mapping[str, Exchange]) -> str:
    """The exchange of a link."""
    rows = exchange.items()
    return dump({name: (_hide(each.sent), _hide(each.seen), each.acked, each.rejected) for name, each in rows})


def load_exchange(text: str) -> dict[str, Exchange]:
    """The exchange of a link, by field."""
    return {name: Exchange(*row) for name, row in _read(text).items()}


def dump_changes(changes: Iterable[Change]) -> str:
    """The changes of an operation."""
    return dump([_change_row(change) for change in changes])


def _change_row(change: Change) -> tuple[Any, ...]:
    values = (change.field, change.native, _hide(change.before), _hide(change.after))
    return (*values, change.origin, change.rule, change.version, _lost_rows(change.lost))


def load_changes(text: str) -> tuple[Change, ...]:
    """The changes of an operation, in their order."""
    return tuple([Change(*[*row[:-1], _lost(row[-1])]) for row in _read(text)])


def dump_turns(turns: Iterable[Turn]) -> str:
    """The turns of a record."""
    return dump([(t.field, _hide(t.before), _hide(t.after), t.origin, t.rule, _lost_rows(t.lost)) for t in turns])


def load_turns(text: str) -> tuple[Turn, ...]:
    """The turns of a record, in their order."""
    return tuple([Turn(*[*row[:-1], _lost(row[-1])]) for row in _read(text)])


def _lost_rows(lost: Iterable[Lost]) -> list[tuple[Any, ...]]:
    return [(each.system, _hide(each.value), each.rule) for each in lost]


def _lost(rows: list[Any]) -> tuple[Lost, ...]:
    return tuple([Lost(*row) for row in rows])


def dump_values(values: Mapping[str, Any]) -> str:
    """Values by name, e.g. the contenders of a conflict."""
    return dump({name: _hide(value) for name, value in values.items()})


def load_named(text: str) -> dict[str, Any]:
    """What `dump_values` was given."""
    return {name: _show(value) for name, value in load(text).items()}

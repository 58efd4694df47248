"""Webhook events: durable before they are answered, handled once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sync.state.documents import moment, stamp
from sync.state.door import Door, array
from sync.state.rows import Event
from sync.state.statements import insert, within
from sync.state.tables import InboxTable

_RECEIVE = insert(InboxTable, "ON CONFLICT (system, event) DO NOTHING")
_WAITING = (
    "SELECT number, system, event, kind, body, received_at FROM inbox"
    " WHERE handled_at IS NULL AND number > ? ORDER BY number LIMIT ?"
)
_HANDLED = within("UPDATE inbox SET handled_at = ? WHERE number IN @list")
_KNOWN = within("SELECT event FROM inbox WHERE system = ? AND event IN @list")
_REOPEN = "UPDATE inbox SET handled_at = NULL WHERE system = ? AND event = ?"
_ERASE = within("UPDATE inbox SET body = '{}', handled_at = ? WHERE number IN @list")
_PRUNE = (
    "DELETE FROM inbox WHERE system = ? AND kind = ? AND handled_at < ? AND NOT EXISTS (SELECT 1 FROM quarantine"
    " WHERE quarantine.entity = 'engagement' AND instr(candidates, '/' || inbox.system || '/' || inbox.event || '\"') > 0)"
)
_KINDS = "SELECT DISTINCT system, kind FROM inbox"


class Inbox(Door):
    """Events between their arrival and the run that handles them."""

    def receive(self, system: str, event: str, kind: str, body: str) -> bool:
        """Keeps an event; False where it (by its id in that system) is known already."""
        return self._write(_RECEIVE, system, event, kind, body, stamp(self._clock.now()), None) > 0

    def known_events(self, system: str, events: Sequence[str]) -> set[str]:
        """Those of these events that were received before and are still remembered."""
        return {event for (event,) in self._rows(_KNOWN, system, array(events))}

    def waiting(self, limit: int = 1000, after: int = 0) -> list[Event]:
        """Events not handled yet, oldest first, beginning after a number."""
        return [Event(*[*row[:-1], moment(row[-1])]) for row in self._rows(_WAITING, after, limit)]

    def waiting_count(self) -> int:
        """How many events are not handled yet."""
        return int(self._value("SELECT count(*) FROM inbox WHERE handled_at IS NULL"))

    def handled(self, numbers: Sequence[int]) -> None:
        """These events are done; they stay known until they are pruned."""
        self._write(_HANDLED, stamp(self._clock.now()), array(numbers))

    def reopen(self, system: str, event: str) -> bool:
        """A person wants it handled again; False where it is not remembered any more."""
        return self._write(_REOPEN, system, event) > 0

    def erase_events(self, numbers: Sequence[int]) -> None:
        """These events are done and nothing of their content is kept; their ids stay known."""
        self._write(_ERASE, stamp(self._clock.now()), array(numbers))

    def event_kinds(self) -> list[tuple[str, str]]:
        """(system, kind) of all events that are remembered."""
        return [(system, kind) for system, kind in self._rows(_KINDS)]

    def prune_events(self, system: str, kind: str, before: datetime) -> int:
        """Forgets events that were handled before then: the same event would be taken for a new one. How many.

        An event that a person is asked about stays.
        """
        return self._write(_PRUNE, system, kind, stamp(before))

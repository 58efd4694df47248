"""Webhook events: durable before they are answered, handled once."""

from __future__ import annotations

from collections.abc import Sequence

from sync.state.documents import moment, stamp
from sync.state.door import Door, array
from sync.state.rows import Event
from sync.state.statements import insert, within
from sync.state.tables import InboxTable

_RECEIVE = insert(InboxTable, "ON CONFLICT (system, event) DO NOTHING")
_WAITING = (
    "SELECT number, system, event, kind, body, received_at FROM inbox WHERE handled_at IS NULL ORDER BY number LIMIT ?"
)
_HANDLED = within("UPDATE inbox SET handled_at = ? WHERE number IN @list")


class Inbox(Door):
    """Events between their arrival and the run that handles them."""

    def receive(self, system: str, event: str, kind: str, body: str) -> bool:
        """Keeps an event; False where it (by its id in that system) is known already."""
        return self._write(_RECEIVE, system, event, kind, body, stamp(self._clock.now()), None) > 0

    def waiting(self, limit: int = 1000) -> list[Event]:
        """Events not handled yet, oldest first."""
        return [Event(*[*row[:-1], moment(row[-1])]) for row in self._rows(_WAITING, limit)]

    def handled(self, numbers: Sequence[int]) -> None:
        """These events are done; they stay known until they are pruned."""
        self._write(_HANDLED, stamp(self._clock.now()), array(numbers))

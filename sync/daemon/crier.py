"""Calls for help: gathers what is wrong, tells what is news of it, and remembers what was told over a restart."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import structlog

from sync.daemon.alerts import Alert, Seen, judge
from sync.daemon.notify import Notifier, message_rows
from sync.daemon.told import Ledger
from sync.model.clock import Clock

_log = structlog.get_logger()


class Crier:
    """Troubles of the service itself are raised and cleared by name; those of the state are judged at every `cry`."""

    def __init__(self, notifier: Notifier, clock: Clock) -> None:
        self.notifier = notifier
        self._clock = clock
        self._ledger = Ledger()
        self._own: dict[str, Alert] = {}
        self._seen: list[Alert] = []
        self._lock = threading.Lock()

    def remember(self, raw: Any) -> None:
        """What the last process has told."""
        self._ledger = Ledger.from_json(raw)
        self._seen = [alert for alert in self._ledger.open() if alert.key.partition(":")[0] not in _OWN]

    def memory(self) -> list[dict[str, Any]]:
        """For the state."""
        return self._ledger.to_json()

    def raise_own(self, key: str, what: str, remedy: str) -> None:
        """A trouble of the service itself."""
        self._own[key] = Alert(key, what, remedy)

    def clear_own(self, *kinds: str) -> None:
        """Troubles of these kinds are over."""
        self._own = {key: alert for key, alert in self._own.items() if key.partition(":")[0] not in kinds}

    def cry(self, workspace: str, seen: Seen | None = None) -> bool:
        """Tells what is news; without `seen` what the state showed last still holds. Whether anything was."""
        now = self._clock.now()
        if seen is not None:
            self._seen = judge(seen, now)
        with self._lock:
            messages = self._ledger.take([*self._own.values(), *self._seen], now)
            left = len(self._ledger.open())
        for message in messages:
            others = left - (message.state != "well")
            if message.state == "well":
                _log.info("alert.over", key=message.alert.key)
            else:
                _log.warning("alert.raised", key=message.alert.key, what=message.alert.what, state=message.state)
            self.notifier.tell(message_rows(message, workspace, others))
        return bool(messages)

    def rows(self) -> list[dict[str, Any]]:
        """Open alerts for people, oldest first; from any thread."""
        with self._lock:
            found = self._ledger.open()
        return [
            {"key": a.key, "what": a.what, "remedy": a.remedy, "since": a.since.isoformat() if a.since else None}
            for a in found
        ]

    def counts(self) -> Mapping[str, int]:
        """Messages sent and not sent."""
        return {"sent": self.notifier.sent, "failed": self.notifier.failed}


_OWN = frozenset({"reload", "bug", "state", "backup", "worker"})
"""Kinds of trouble that the service finds out anew by itself."""

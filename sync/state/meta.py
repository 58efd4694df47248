"""Single facts, tenant pins, and the audit log of operators' acts.

The audit log is a chain: each row holds the hash of the row before it, so a row that is changed or taken out later
breaks the chain. It holds ids and names, never values of a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from sync.errors import TenantError
from sync.model.remote import Tenant
from sync.state.documents import dump, load, moment, stamp
from sync.state.door import Door
from sync.state.rows import AuditRow
from sync.state.statements import insert
from sync.state.tables import AuditTable, MetaTable

SET_META = insert(
    MetaTable, "ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value IS NOT excluded.value", ()
)
_AUDIT = insert(AuditTable)


class Meta(Door):
    """Facts about the state itself."""

    def get_meta(self, key: str) -> str | None:
        """A fact, or None."""
        found: str | None = self._value("SELECT value FROM meta WHERE key = ?", key)
        return found

    def set_meta(self, key: str, value: str) -> None:
        """Stores a fact over what was there."""
        self._write(SET_META, key, value)

    def pin_tenant(self, system: str, tenant: Tenant) -> None:
        """Remembers at the first time whose data a system holds, and compares ever after.

        Raises:
            TenantError: these credentials open another tenant's data.
        """
        key = f"tenant:{system}"
        pinned = self.get_meta(key)
        if pinned is None:
            self.set_meta(key, tenant.id)
        elif pinned != tenant.id:
            remedy = "give back the credentials of before, or use another state (another [state] url) for this tenant"
            message = f"{system} opens tenant {tenant.id}, but this state belongs to tenant {pinned}"
            raise TenantError(message, remedy=remedy, system=system)

    def audit(self, kind: str, detail: Mapping[str, Any]) -> None:
        """Adds an act to the audit log. ``detail`` holds ids and names only, never a person's values."""
        at, text = stamp(self._clock.now()), dump(detail)
        with self.transaction():
            before = self._value("SELECT hash FROM audit ORDER BY number DESC LIMIT 1") or ""
            self._execute(_AUDIT, (at, kind, text, _link(before, at, kind, text)))

    def audits(self, limit: int = 100) -> list[AuditRow]:
        """The newest acts, newest first."""
        rows = self._rows("SELECT at, kind, detail FROM audit ORDER BY number DESC LIMIT ?", limit)
        return [AuditRow(moment(at), kind, load(detail)) for at, kind, detail in rows]

    def verify_audit(self) -> bool:
        """Whether no row of the audit log was changed, or taken out of its middle."""
        before = ""
        for at, kind, text, kept in self._rows("SELECT at, kind, detail, hash FROM audit ORDER BY number"):
            before = _link(before, at, kind, text)
            if before != kept:
                return False
        return True

    def prune(self, before: datetime) -> dict[str, int]:
        """Deletes history older than that: how many rows, by table.

        Turns, closed operations, finished runs, closed conflicts. Links, records, the ledger of opt-outs, open questions
        and the audit log stay; so do events, which have a window of their own (`prune_events`).
        """
        limit = stamp(before)
        with self.transaction():
            return {name: self._execute(sql, (limit,)).rowcount for name, sql in _PRUNE.items()}

    def prune_idle(self, before: datetime) -> int:
        """Forgets runs older than that which found nothing to do: a service makes one a minute. The newest run stays."""
        return self._write(_IDLE, stamp(before))


_IDLE = (
    "DELETE FROM run WHERE started_at < ? AND kind = 'sync' AND status = 'ok' AND seconds IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM operation WHERE operation.run = run.run)"
    " AND NOT EXISTS (SELECT 1 FROM turn WHERE turn.run = run.run) AND number < (SELECT max(number) FROM run)"
)
_PRUNE = {
    "turn": "DELETE FROM turn WHERE at < ?",
    # what an event caused is remembered as long as the event may still cause more
    "operation": "DELETE FROM operation WHERE planned_at < ? AND status NOT IN ('sent', 'in_doubt') AND NOT EXISTS"
    " (SELECT 1 FROM inbox WHERE handled_at IS NULL AND operation.cause LIKE '%/' || inbox.system || '/' || inbox.event)",
    "run": "DELETE FROM run WHERE started_at < ? AND seconds IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM operation WHERE operation.run = run.run)",
    "conflict": "DELETE FROM conflict WHERE closed_at < ?",
}


def _link(before: str, at: int, kind: str, text: str) -> str:
    return sha256(dump([before, at, kind, text]).encode()).hexdigest()

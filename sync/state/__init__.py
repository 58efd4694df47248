"""The state: SQLite behind one door, `Store`. Rows never leave; callers get frozen values."""

from sync.state.credentials import keeper
from sync.state.files import forget_lost
from sync.state.lock import StateLock
from sync.state.rows import (
    AuditRow,
    ConsentAct,
    Event,
    Finished,
    Holder,
    Keys,
    NewRecord,
    RecordSaved,
    RunRow,
    Seen,
    Suppression,
    Totals,
    TurnRow,
    Unlinked,
)
from sync.state.sqlite import journal_mode_here
from sync.state.store import Store

__all__ = [
    "AuditRow",
    "ConsentAct",
    "Event",
    "Finished",
    "Holder",
    "Keys",
    "NewRecord",
    "RecordSaved",
    "RunRow",
    "Seen",
    "StateLock",
    "Store",
    "Suppression",
    "Totals",
    "TurnRow",
    "Unlinked",
    "forget_lost",
    "journal_mode_here",
    "keeper",
]

"""The state: SQLite behind one door, `Store`. Rows never leave; callers get frozen values."""

from sync.state.files import forget_lost
from sync.state.lock import Lock, holder
from sync.state.observations import WALK
from sync.state.rows import (
    AuditRow,
    Delivery,
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
    Waiting,
)
from sync.state.store import Store, journal_mode_here, keep_fact, keep_secret, state_file
from sync.state.tables import UNREAD

__all__ = [
    "UNREAD",
    "WALK",
    "AuditRow",
    "Delivery",
    "Event",
    "Finished",
    "Holder",
    "Keys",
    "Lock",
    "NewRecord",
    "RecordSaved",
    "RunRow",
    "Seen",
    "Store",
    "Suppression",
    "Totals",
    "TurnRow",
    "Unlinked",
    "Waiting",
    "forget_lost",
    "holder",
    "journal_mode_here",
    "keep_fact",
    "keep_secret",
    "state_file",
]

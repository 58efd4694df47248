"""The ledger and its file brought to the same: a state that came back from a backup learns what it had forgotten.

Where the two differ, the stricter or the newer act counts. Whoever was forgotten after the backup was made is erased once more.

Crash paragraph: what is taken over and whom it erases are one transaction; then the file of the ledger is completed. A kill anywhere
leaves a difference, and the next opening finds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sync.errors import StateError
from sync.state.consent import FORGET, LEDGER_KEY, LIFT, SUPPRESS, normal, row_name
from sync.state.door import array
from sync.state.erasure import Erasure
from sync.state.ledger import Act, Kept, LedgerFile
from sync.state.statements import select, within
from sync.state.tables import SuppressionTable

_COUNT = "SELECT count(*) FROM suppression"
_LAST = select(SuppressionTable, "ORDER BY number DESC LIMIT 1", without=("number",))
_ALL = select(SuppressionTable, "ORDER BY number", without=("number",))
_ADDRESSES = "SELECT DISTINCT value FROM match_key WHERE instr(value, '@') > 0"
_PLACES = "SELECT number, system, object, remote_id FROM observed"
_KEYS_OF = within("SELECT value FROM match_key WHERE instr(value, '@') > 0 AND observed_number IN @list")
_STRICTNESS = {LIFT: 0, SUPPRESS: 1, FORGET: 2}


class Recall(Erasure):
    """What the ledger's file knows and the state does not."""

    def recall(self, file: LedgerFile, *, keep: bool) -> str:
        """Takes over what only the file knows; with ``keep`` the file takes over what only the state knows, from now on too.

        Returns a notice for the operator, or "". To be called once, in the place of `read_ledger`.

        Raises:
            StateError: the file belongs to another state, or cannot be read or written.
        """
        notice = "" if self._agrees_with(file) else self._reconcile(file, keep=keep)
        self.read_ledger()
        self._ledger_file = file if keep else None
        return notice

    def _agrees_with(self, file: LedgerFile) -> bool:
        key, last = self.get_meta(LEDGER_KEY), self._row(_LAST)
        return key is not None and last is not None and file.ends_with(key, self._value(_COUNT), tuple(last))

    def _reconcile(self, file: LedgerFile, *, keep: bool) -> str:
        kept = file.read()
        self._take_key(kept, file)
        self.read_ledger()
        own: list[Act] = [tuple(row) for row in self._rows(_ALL)]
        notice = self._take_over(_unknown(own, kept.acts))
        known = set(kept.acts)
        missing = [act for act in own if act not in known]
        if keep and (missing or kept.key is None):
            file.add(self._ledger_key.hex(), missing, begin=kept.key is None)
        return notice

    def _take_key(self, kept: Kept, file: LedgerFile) -> None:
        own = self.get_meta(LEDGER_KEY)
        if kept.key is None or kept.key == own:
            return
        if own is not None and self._value("SELECT 1 FROM suppression LIMIT 1") is not None:
            remedy = "put back the state that it belongs to; move it away if it came here by mistake"
            raise StateError(f"the ledger of opt-outs at {file.path} belongs to another state", remedy=remedy)
        self.set_meta(LEDGER_KEY, kept.key)

    def _take_over(self, acts: Sequence[Act]) -> str:
        if not acts:
            return ""
        with self.transaction():
            self._add(acts)
            again = self._addresses_of({digest for digest, act, *_ in acts if act == FORGET})
            for address in again:
                self._forget(address)
        if again:
            self._rewrite_file()
        return (
            "the ledger of opt-outs knew more than this state, which may be an older copy;"
            f" entries in force again: {len(acts)}; forgotten persons erased again: {len(again)}"
        )

    def _addresses_of(self, gone: set[str]) -> set[str]:
        """Addresses in the state that belong to these digests, of addresses or of remote rows."""
        if not gone:
            return set()
        rows = [number for number, *place in self._rows(_PLACES) if self._digest(row_name(*place)) in gone]
        held = {normal(value) for (value,) in self._rows(_ADDRESSES) if self._digest(normal(value)) in gone}
        return held | {normal(value) for (value,) in self._rows(_KEYS_OF, array(rows))}


def _unknown(own: Sequence[Act], kept: Sequence[Act]) -> list[Act]:
    """Acts of the file that the state lacks, without those that it has put behind itself: older ones that are no stricter."""
    known, newest = set(own), {act[0]: act for act in own}
    return list(_news(known, newest, kept))


def _news(known: set[Act], newest: dict[str, Act], kept: Sequence[Act]) -> Iterator[Act]:
    for act in kept:
        before = newest.get(act[0])
        if act not in known and (before is None or act[2] > before[2] or _is_stricter(act, before)):
            newest[act[0]] = act
            yield act


def _is_stricter(act: Act, before: Act) -> bool:
    return _STRICTNESS.get(act[1], 0) > _STRICTNESS.get(before[1], 0)

"""The ledger of opt-outs, by keyed hash of the address: it knows that somebody may not be mailed without knowing who.

Rows are only ever added; the newest row of an address decides. An address is normalised by stripping white space and
by case-folding. The key is random, made once, and kept in the state itself, not in a file beside it: a backup that
came back without its key would have forgotten every opt-out, and that must not happen. Whoever has the file can
therefore test a guess; the file is 0600. What is added goes into a file beside the state too (`ledger`).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sync.model.values import Native
from sync.state.documents import moment, stamp
from sync.state.door import array
from sync.state.ledger import Act, LedgerFile
from sync.state.meta import Meta
from sync.state.rows import Seen, Suppression
from sync.state.statements import insert, within
from sync.state.tables import SuppressionTable

SUPPRESS = "suppress"
FORGET = "forget"
LIFT = "lift"

LEDGER_KEY = "ledger_key"
_ADD = insert(SuppressionTable)
_ACTS = within("SELECT digest, act FROM suppression WHERE digest IN @list ORDER BY number")
_HISTORY = "SELECT act, at, system, reason, evidence, author FROM suppression WHERE digest = ? ORDER BY number DESC"
_LINE = ("act", "at", "source", "reason", "evidence", "by")
_ANY_FORGOTTEN = "SELECT 1 FROM suppression WHERE act = 'forget' LIMIT 1"


def normal(address: str) -> str:
    """The form under which an address is known."""
    return address.strip().casefold()


def row_name(system: str, object_: str, remote_id: str) -> str:
    """The name of a remote row in the ledger: one that belonged to a forgotten person is not stored again either."""
    return f"row\0{system}\0{object_}\0{remote_id}"


class Consent(Meta):
    """Who may not be mailed, and who may not even be stored."""

    _ledger_key: bytes = b""
    _ledger_file: LedgerFile | None = None
    _veil_key: bytes | None = None
    _out: set[str]
    """Digests of all who may not be mailed, in memory: the gate is asked from the threads that send."""

    def read_ledger(self) -> None:
        """Makes `is_suppressed` ready; to be called once, by the thread that owns the store."""
        self._ledger_key = bytes.fromhex(self._make_key())
        acts = dict(self._pairs("SELECT digest, act FROM suppression ORDER BY number"))
        self._out = {digest for digest, act in acts.items() if act != LIFT}

    def suppress(self, addresses: Iterable[Suppression]) -> set[str]:
        """Remembers opt-outs; returns the addresses, as given, that are new. One that is known is not written twice."""
        by_digest = {self._digest(normal(each.address)): each for each in addresses}
        with self.transaction():
            known = self._acts(by_digest)
            new = {digest: each for digest, each in by_digest.items() if known.get(digest, LIFT) == LIFT}
            self._add([self._act_of(digest, each) for digest, each in new.items()])
        self._out.update(new)
        return {each.address for each in new.values()}

    def _add(self, acts: Sequence[Act]) -> None:
        """Adds to the ledger, in the caller's transaction, and to its file once that is durable."""
        self._many(_ADD, list(acts))
        if (file := self._ledger_file) is not None and acts:
            self._after_commit.append(lambda: file.add(self._ledger_key.hex(), acts))

    def _act_of(self, digest: str, each: Suppression) -> Act:
        at = stamp(each.at or self._clock.now())
        return (digest, SUPPRESS, at, each.system, each.reason, each.evidence, "")

    def is_suppressed(self, address: str) -> bool:
        """Whether nothing may ever opt this address in. May be asked from any thread: the last gate does."""
        return self._digest(normal(address)) in self._out

    def suppressed(self, addresses: Iterable[str]) -> set[str]:
        """Those of the addresses, as given, that are suppressed or forgotten."""
        return {address for address in addresses if self.is_suppressed(address)}

    def is_forgotten(self, address: str) -> bool:
        """Whether a person was erased: nothing of them is stored or sent."""
        return bool(self.forgotten([address]))

    def forgotten(self, addresses: Iterable[str]) -> set[str]:
        """Those of the addresses, as given, that were erased."""
        digests = {address: self._digest(normal(address)) for address in addresses}
        known = self._acts(digests.values())
        return {address for address, digest in digests.items() if known.get(digest) == FORGET}

    def is_forgotten_row(self, system: str, object: str, remote_id: str) -> bool:  # noqa: A002 - the field's word
        """Whether a remote row belonged to a person who was erased."""
        digest = self._digest(row_name(system, object, remote_id))
        return self._acts([digest]).get(digest) == FORGET

    def lift(self, address: str, evidence: str, by: str) -> None:
        """The person's explicit consent ends an opt-out; the evidence stays on record."""
        now, digest = stamp(self._clock.now()), self._digest(normal(address))
        with self.transaction():
            self._add([(digest, LIFT, now, "", "granted", evidence, by)])
            # not before it is durable: until then the gate stays shut
            self._after_commit.append(lambda: self._out.discard(digest))

    def consent_history(self, address: str) -> list[dict[str, str]]:
        """All acts on this address, newest first: act (suppress, forget, lift), at, source, reason, evidence, by."""
        rows = self._rows(_HISTORY, self._digest(normal(address)))
        return [dict(zip(_LINE, (act, moment(at).isoformat(), *rest), strict=True)) for act, at, *rest in rows]

    def masked(self, address: str) -> str:
        """A name for an address in logs that only this state can make."""
        return self._digest(normal(address))[:12]

    def veil_with(self, key: bytes | None) -> None:
        """The key of `veiled`; without one it is the state's own."""
        self._veil_key = key

    def veiled(self, text: str) -> str:
        """A name for a value that must not be shown: the same for the same value, and no way back from it."""
        key = self._veil_key or self._ledger_key
        return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()[:12]

    def _acts(self, digests: Iterable[str]) -> dict[str, str]:
        """The newest act by digest."""
        return dict(self._pairs(_ACTS, array(digests)))

    def _digest(self, name: str) -> str:
        return hmac.digest(self._ledger_key, name.encode("utf-8", "surrogatepass"), "sha256").hex()

    def _make_key(self) -> str:
        found = self.get_meta(LEDGER_KEY)
        if found is None:
            found = secrets.token_hex(32)
            self.set_meta(LEDGER_KEY, found)
        return found

    def _without_forgotten(self, system: str, object_: str, rows: Sequence[Seen]) -> Sequence[Seen]:
        """The rows without those of forgotten persons, and without their address in anybody else's row."""
        if self._value(_ANY_FORGOTTEN) is None:
            return rows
        names = {each.record.id: row_name(system, object_, each.record.id) for each in rows}
        texts = {value for each in rows for value in _addresses(each.record.values.values())}
        texts.update(value for each in rows for _, value in each.keys)
        gone_rows, gone = self._forgotten_names(names), self.forgotten(texts)
        kept = [each for each in rows if each.record.id not in gone_rows and not any(v in gone for _, v in each.keys)]
        return [_without(each, gone) for each in kept] if gone else kept

    def _forgotten_names(self, names: dict[str, str]) -> set[str]:
        digests = {remote_id: self._digest(name) for remote_id, name in names.items()}
        known = self._acts(digests.values())
        return {remote_id for remote_id, digest in digests.items() if known.get(digest) == FORGET}


def _addresses(values: Iterable[Native]) -> Iterable[str]:
    return (value for value in values if value.__class__ is str and "@" in value)


def _without(seen: Seen, gone: set[str]) -> Seen:
    values = seen.record.values
    if not any(value in gone for value in _addresses(values.values())):
        return seen
    left = {path: value for path, value in values.items() if value.__class__ is not str or value not in gone}
    return replace(seen, record=replace(seen.record, values=left))

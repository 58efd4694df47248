"""Consent: its own call, opt-outs first, and the last gate.

An opt-out may always be sent, and sent again. An opt-in is refused for a suppressed address, and never laid over a
bounce or a complaint, nor over an opt-out that whoever planned it did not know of; where we have just found the contact instead
of making it, over none (T-C3). It is only laid over a state that is shown: what is not, or is told in a word that no document
knows, may be an opt-out (T-C4).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sync.connectors.base import Suppressed
from sync.connectors.conversion.answers import Said, is_done
from sync.connectors.conversion.batches import UNTOLD, Batches, Item, Post, Settle
from sync.connectors.conversion.profiles import Profile
from sync.connectors.conversion.reader import Reader
from sync.connectors.conversion.receipts import Tray, failed, rejected
from sync.connectors.conversion.rows import STATUS, Row, read
from sync.connectors.http import Verdict
from sync.model.remote import Receipt, Write
from sync.model.values import UNSUBSCRIBED, Native

OPT_INS: Final = frozenset({"SUBSCRIBED"})
FINAL: Final = frozenset({"BOUNCED", "COMPLAINED"})
OUT: Final = FINAL | {UNSUBSCRIBED}
_OPEN: Final = frozenset({"SUBSCRIBED", "PENDING", "NOT_SUBSCRIBED", "NO_STATUS", ""})
_UNTOLD: Final = "?"
_UNSHOWN: Final = (
    "Look there; C2 shows states with `exports = true`. Without `subscribe` in the mapping nobody is opted in."
)


class Consent:
    """The consent of one connector's writes."""

    def __init__(self, profile: Profile, reader: Reader, batches: Batches, gate: Suppressed) -> None:
        self._profile = profile
        self._reader = reader
        self._batches = batches
        self._gate = gate
        self.refusals = 0

    def refusal(self, write: Write) -> Receipt | None:
        """The receipt of a write whose word of consent may not be sent."""
        if STATUS not in write.values:
            return None
        word = _word(write.values[STATUS])
        if word in OPT_INS and any(self._gate(address) for address in _addresses(write)):
            self.refusals += 1
            return rejected(write, "SUPPRESSED", "the address has opted out", "See `crm-sync consent show`.", (STATUS,))
        if word not in self._profile.settable:
            text = f"Conversion {self._profile.name} cannot be told this state of consent"
            return rejected(write, "NOT_SETTABLE", text, "It is the vendor's own to set.", (STATUS,))
        return None

    def send(self, tray: Tray, items: Sequence[Item], *, created: bool, made: Collection[int] = ()) -> None:
        """Sends the word of each write; lays a receipt where that did not go well, and none where it did.

        ``made``: the writes of which the vendor says that they made their contact.
        """
        words = {one.write.number: _word(one.write.values.get(STATUS)) for one in items}
        outs = [one for one in items if words[one.write.number] == UNSUBSCRIBED]
        may = self._may_join if created else self._may
        ins = [one for one in items if one not in outs and may(tray, one, made=one.write.number in made)]
        for some, again in ((outs, True), (ins, False)):
            bodies = [Item(one.write, one.key, self._body(one.key, words[one.write.number])) for one in some]
            self._batches.send(self._post(again=again), bodies, self._settle(tray, created=created))

    def carry(self, tray: Tray, one: Item, before: Row, there: Row | None) -> None:
        """Opts the row under the new address out where the old one was, whatever was known of it."""
        if self._state(before, one.key) not in OUT or self._state(there or {}, one.key) in OUT:
            return
        item = Item(one.write, one.key, self._body(one.key, UNSUBSCRIBED))
        self._batches.send(self._post(again=True), [item], self._settle(tray, created=True))

    def _may(self, tray: Tray, one: Item, *, made: bool) -> bool:  # noqa: ARG002 - one signature with `_may_join`
        """Whether an opt-in (or a pending one) still fits what stands there now."""
        row = self._row(tray, one)
        refusal = None if row is None else _clash(one.write, self._state(row, one.key))
        if refusal is not None:
            tray.lay(refusal)
        return row is not None and refusal is None

    def _may_join(self, tray: Tray, one: Item, *, made: bool) -> bool:
        """The same for the contact of a create: one that was found is opted in over nothing that may be an opt-out."""
        row = self._row(tray, one)
        state = self._state(row or {}, one.key)
        return row is not None and state not in OUT and (made or state in _OPEN)

    def _row(self, tray: Tray, one: Item) -> Row | None:
        row = self._reader.row(self._profile.endpoint("contacts"), one.key)
        if row is None:
            tray.lay(failed(one.write, Said(Verdict.ABSENT, "NOT_FOUND", told=True)))
        return row

    def _state(self, row: Row, key: str) -> str:
        """The word of a row; empty where it says that there is none, `_UNTOLD` where it says nothing."""
        told = read(self._profile, self._profile.endpoint("contacts"), key, row, STATUS)
        return _word(told) if told is None or isinstance(told, str) else _UNTOLD

    def _body(self, key: str, word: str) -> dict[str, Any]:
        return {"email": key, self._profile.status_key: word}

    def _post(self, *, again: bool) -> Post:
        flags = {"updateOnly": True} if self._profile.positional else {}
        return Post(
            self._profile.status, self._profile.status_listed, "email", flags, self._profile.positional, again=again
        )

    def _settle(self, tray: Tray, *, created: bool) -> Settle:
        def settle(one: Item, told: Mapping[str, Any] | Said | None) -> None:
            if not isinstance(told, Said) and not self._stands(one, told):
                told = Said(Verdict.THROTTLED, "NOT_STORED")
            if isinstance(told, Said):
                # The contact of a create is there by now: the whole may be sent again.
                retry = created and told.verdict in (Verdict.DOUBT, Verdict.ABSENT)
                tray.lay(failed(one.write, Said(Verdict.DOUBT, told.code) if retry else told))

        return settle

    def _stands(self, one: Item, told: Mapping[str, Any] | None) -> bool:
        """Whether the word of a row was taken, by its result; one that does not say so, or echoes another word, is looked at."""
        key, silent = self._profile.status_key, self._profile.silent and (told is None or told is UNTOLD)
        echoed = told is None or _word(told.get(key, one.body[key])) == one.body[key]
        return silent or (is_done(told) and echoed) or self._holds(one)

    def _holds(self, one: Item) -> bool:
        row = self._reader.row(self._profile.endpoint("contacts"), one.key)
        return row is not None and self._state(row, one.key) == one.body[self._profile.status_key]


def _clash(write: Write, state: str) -> Receipt | None:
    """The receipt of an opt-in that does not fit the state of its contact."""
    if state in FINAL:
        return rejected(write, "FINAL_STATE", "a bounce or complaint is not overwritten", fields=(STATUS,))
    if state == UNSUBSCRIBED:
        known = _word(write.expected.get(STATUS)) == UNSUBSCRIBED
        return None if known else failed(write, Said(Verdict.MOVED, "OPTED_OUT_MEANWHILE", told=True))
    if state not in _OPEN:
        text = "Conversion does not show whether this person has opted out"
        return rejected(write, "STATE_NOT_SHOWN", text, _UNSHOWN, (STATUS,))
    return None


def _word(value: Native) -> str:
    return value.strip().upper() if isinstance(value, str) else ""


def _addresses(write: Write) -> set[str]:
    named = (write.address, write.values.get("email"), write.remote_id)
    return {address for address in named if isinstance(address, str) and address}

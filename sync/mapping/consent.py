"""Consent cells. Whatever the merge decides, a lens of this module never makes an opt-in of its own accord.

Canonical: SUBSCRIBED, PENDING, UNSUBSCRIBED, or None (nothing known). Bounced, complained and erased count as
UNSUBSCRIBED and are never overwritten. SUBSCRIBED is written only where the cell says `subscribe = true`; a laxer
state is never written over a stricter one otherwise. Where there is nothing to say, `put` returns what stands there.
"""

from __future__ import annotations

from collections.abc import Mapping

from sync.mapping.lens import Lens, Options, Refs
from sync.mapping.numbers import boolean
from sync.mapping.text import text
from sync.mapping.words import first_words
from sync.model.values import HELD, MISSING, PENDING, SUBSCRIBED, UNSUBSCRIBED, Absence, Canonical, Native

STRICTNESS = {None: 0, SUBSCRIBED: 1, PENDING: 2, UNSUBSCRIBED: 3}
FINAL = frozenset({"bounced", "complained", "cleaned", "erased", "3"})
"""States that count as UNSUBSCRIBED and that no software may overwrite."""

WORDS: Mapping[str, Canonical] = {
    "subscribed": SUBSCRIBED,
    "active": SUBSCRIBED,
    "pending": PENDING,
    "unconfirmed": PENDING,
    "unsubscribed": UNSUBSCRIBED,
    "bounced": UNSUBSCRIBED,
    "complained": UNSUBSCRIBED,
    "cleaned": UNSUBSCRIBED,
    "erased": UNSUBSCRIBED,
    "not_subscribed": None,
    "no_status": None,
}
"""Conversion's words in all its profiles (apis/abmatic-conversion-letrics.md 2.1), and the usual ones."""

LIST_STATUS: Mapping[str, Canonical] = {
    **WORDS,
    "0": PENDING,
    "1": SUBSCRIBED,
    "2": UNSUBSCRIBED,
    "3": UNSUBSCRIBED,
    "91": None,
}
"""ActiveCampaign: status of a contact on a list (apis/activecampaign.md 5); 91 is a removed membership."""

_PLAIN: Mapping[Canonical, Native] = {state: state for state in (SUBSCRIBED, PENDING, UNSUBSCRIBED)}


def words_lens(options: Options) -> Lens:
    """`consent` as words, translated by the cell's `values` where it has them."""
    table = {native.casefold(): meaning for native, meaning in options.values.items()}
    written: Mapping[Canonical, Native] = first_words(options.values) if table else _PLAIN
    return _stated(table or WORDS, written, options)


def list_status_lens(options: Options) -> Lens:
    """`list_status`: the API takes 1 and 2 alone, so that PENDING cannot be written."""
    return _stated(LIST_STATUS, {SUBSCRIBED: 1, UNSUBSCRIBED: 2}, options)


def _stated(meanings: Mapping[str, Canonical], written: Mapping[Canonical, Native], options: Options) -> Lens:
    def get(native: Native, _refs: Refs) -> Canonical | Absence:
        word = text(native)
        return meanings.get(word.casefold(), HELD) if isinstance(word, str) else word

    def put(value: Canonical, before: Native | Absence, refs: Refs) -> Native | Absence:
        current = None if before is MISSING else get(before, refs)
        if not may_write(value, current, before, subscribe=options.subscribe):
            return before
        native = written.get(value, HELD)
        return before if native is HELD and current is None else native

    def norm(native: Native) -> Native:
        word = text(native)
        return native if word is HELD else _state(word, meanings)

    return Lens(get, put, norm, lossy=True, opt_in=written.get(SUBSCRIBED, MISSING))


def _state(word: str | Absence | None, meanings: Mapping[str, Canonical]) -> Native:
    """Final states stay themselves; the other words are as good as what they mean."""
    if not isinstance(word, str):
        return word
    folded = word.casefold()
    if folded in FINAL:
        return "bounced" if folded == "3" else folded
    return meanings.get(folded, word)


def is_final(word: Native | Absence) -> bool:
    """Whether a native state is one of those that nobody overwrites."""
    return isinstance(word, str | int) and str(word).strip().casefold() in FINAL


def may_write(value: Canonical, current: Canonical | Absence, before: Native | Absence, *, subscribe: bool) -> bool:
    """Whether a consent state may be written over what stands there."""
    if value is None or (current == UNSUBSCRIBED and is_final(before)):
        return False
    if value == SUBSCRIBED:
        return subscribe
    known = None if isinstance(current, Absence) else current
    stricter = STRICTNESS.get(value, 0) > STRICTNESS[known]
    return stricter and (value == UNSUBSCRIBED or known is not None or subscribe)


def opt_out_flag_lens(_options: Options) -> Lens:
    """`opt_out_flag`: true says UNSUBSCRIBED; false says nothing and is never written, but on the person's own word."""

    def get(native: Native, _refs: Refs) -> Canonical | Absence:
        flag = boolean(native)
        return (UNSUBSCRIBED if flag else None) if flag is not HELD else HELD

    def put(value: Canonical, before: Native | Absence, _refs: Refs) -> Native | Absence:
        return True if value == UNSUBSCRIBED else before

    def norm(native: Native) -> Native:
        flag = boolean(native)
        return native if flag is HELD else bool(flag)

    return Lens(get, put, norm, lossy=True, opt_in=False)

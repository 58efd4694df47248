"""Tables of words (`values`), closed vocabularies (`enum`), and what to do with a word that neither knows (`else`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sync.mapping.lens import Codec, Decode, Encode, Options
from sync.mapping.text import norm_text, text
from sync.model.values import HELD, MISSING, Absence, Canonical, Native

Unknown = Callable[[Canonical], Canonical | Absence]


def unknown(options: Options, keep: Unknown) -> Unknown:
    """`else`: keep passes the word on, hold asks, drop forgets it, a literal stands in for it."""
    choices: dict[str, Unknown] = {"keep": keep, "hold": lambda _word: HELD, "drop": lambda _word: None}
    return choices.get(options.otherwise, lambda _word: options.literal)


def words_codec(options: Options, base: Codec) -> Codec:
    """A cell with a table or a vocabulary, over the codec of its type.

    Read: the table (first as written, then without case), then the vocabulary itself, then `else`.
    Written: the first native word of the table that means the value, else the value itself if the table is silent.
    """
    return Codec(
        _decode(options, base.decode), _encode(options, base.encode), norm_text, lossy=_is_lossy(options, base)
    )


def _is_lossy(options: Options, base: Codec) -> bool:
    return base.lossy or options.otherwise in ("drop", "literal")


def _decode(options: Options, decode: Decode) -> Decode:
    exact = dict(options.values)
    folded = first_by_fold((word, word) for word in options.vocabulary or ()) | first_by_fold(exact.items())
    otherwise = unknown(options, decode)

    def get(native: Native) -> Canonical | Absence:
        word = text(native)
        if not isinstance(word, str):
            return word
        if word in exact:
            return exact[word]
        known = folded.get(word.casefold(), MISSING)
        return otherwise(native) if known is MISSING else known

    return get


def first_by_fold(pairs: Iterable[tuple[str, Canonical]]) -> dict[str, Canonical]:
    """Meanings by folded word; the first of two that differ only in case counts."""
    found: dict[str, Canonical] = {}
    for word, meaning in pairs:
        found.setdefault(word.casefold(), meaning)
    return found


def first_words(values: Mapping[str, Canonical]) -> dict[Canonical, str]:
    """The native word by which each meaning is written: the first in the table."""
    found: dict[Canonical, str] = {}
    for word, meaning in values.items():
        found.setdefault(meaning, word)
    return found


def _encode(options: Options, encode: Encode) -> Encode:
    written = first_words(options.values)
    spoken = encode if not options.values else unknown(options, encode)
    if options.otherwise == "drop" and options.values:
        spoken = _silent
    if options.otherwise == "literal" and options.values:
        stand_in = written.get(options.literal)
        spoken = (lambda _value: stand_in) if stand_in is not None else (lambda _value: encode(options.literal))

    def put(value: Canonical) -> Native | Absence:
        native = written.get(value) if value.__hash__ else None
        return spoken(value) if native is None else native

    return put


def _silent(_value: Canonical) -> Native | Absence:
    return MISSING


def prefixed(codec: Codec, prefix: str) -> Codec:
    """`prefix`: added when written, removed when read."""

    def decode(native: Native) -> Canonical | Absence:
        word = text(native)
        return codec.decode(word.removeprefix(prefix)) if isinstance(word, str) else word

    def encode(value: Canonical) -> Native | Absence:
        native = codec.encode(value)
        return native if isinstance(native, Absence) else f"{prefix}{native}"

    return Codec(decode, encode, codec.norm, codec.lossy)


def cased(codec: Codec, case: str) -> Codec:
    """`case`: how this system writes words; what it holds is read as it stands."""
    change: Callable[[str], str] = {"lower": str.lower, "upper": str.upper, "title": str.title}[case]

    def encode(value: Canonical) -> Native | Absence:
        native = codec.encode(value)
        return change(native) if isinstance(native, str) else native

    return Codec(codec.decode, encode, codec.norm, lossy=True)


def limited(codec: Codec, length: int, *, truncate: bool) -> Codec:
    """`max_length` in characters: a longer value is cut with `truncate`, else held."""

    def encode(value: Canonical) -> Native | Absence:
        native = codec.encode(value)
        if not isinstance(native, str) or len(native) <= length:
            return native
        return native[:length].rstrip() if truncate else HELD

    return Codec(codec.decode, encode, codec.norm, lossy=codec.lossy or truncate)


def split_codec(options: Options) -> Codec:
    """`split`: one part of a full name; `last` is the last word, `first` all before it. Read only."""
    separator, last = options.on, options.part == "last"

    def decode(native: Native) -> Canonical | Absence:
        whole = text(native)
        if not isinstance(whole, str):
            return whole
        head, found, tail = whole.rpartition(separator)
        part = tail if last else head
        return part.strip() or None if found or last else None

    return Codec(decode, lambda _value: HELD, norm_text, lossy=True)

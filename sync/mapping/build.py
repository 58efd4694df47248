"""Makes the lens of a cell from its definition: the codec of its type, then what the definition wraps around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Final

from sync.mapping.consent import list_status_lens, opt_out_flag_lens, words_lens
from sync.mapping.countries import country_codec
from sync.mapping.lens import NO_REFS, Codec, Lens, Options, Refs, lift
from sync.mapping.moments import date_codec, datetime_codec
from sync.mapping.numbers import bands_codec, boolean_codec, decimal_codec, integer_codec
from sync.mapping.phones import phone_codec
from sync.mapping.references import ref_field_lens, ref_lens
from sync.mapping.sets import multi_lens
from sync.mapping.text import domain_codec, email_codec, id_codec, json_codec, string_codec, url_codec
from sync.mapping.words import cased, limited, prefixed, split_codec, words_codec
from sync.model.values import HELD, Absence, Canonical, Native

GROUP: Final = "crm_sync.lenses"
"""Entry points that bring lenses of their own: name -> callable(Options) -> Lens."""

TYPES: Final[Mapping[str, Callable[[Options], Codec]]] = {
    "string": string_codec,
    "text": string_codec,
    "integer": integer_codec,
    "decimal": decimal_codec,
    "boolean": boolean_codec,
    "date": date_codec,
    "datetime": datetime_codec,
    "email": email_codec,
    "phone": phone_codec,
    "url": url_codec,
    "domain": domain_codec,
    "country": country_codec,
    "enum": string_codec,
    "multi": string_codec,
    "consent": string_codec,
    "ref": id_codec,
    "id": id_codec,
    "json": json_codec,
}
TYPE_NAMES: Final = tuple(TYPES)
LENS_NAMES: Final = ("opt_out_flag", "list_status", "split", "join", "multi")
TEXTUAL: Final = frozenset({"string", "text", "email", "phone", "url", "domain", "country", "enum", "id"})
"""Types whose native form is text."""


@lru_cache(maxsize=1)
def foreign_lenses() -> Mapping[str, Callable[[Options], Lens]]:
    """Lenses that other distributions bring, by name. A broken one fails when it is first named."""
    return {point.name: point.load() for point in entry_points(group=GROUP)}


def lens_of(options: Options, target: Options | None = None) -> Lens:
    """The lens of a cell; `target` describes the parent's field for a ref with `of`."""
    named: dict[str, Callable[[Options], Lens]] = {"opt_out_flag": opt_out_flag_lens, "list_status": list_status_lens}
    if options.lens in named:
        return named[options.lens](options)
    if options.lens == "split":
        return lift(split_codec(options), one_way="read")
    if options.lens in foreign_lenses():
        return _guarded(foreign_lenses()[str(options.lens)](options))
    if options.type == "consent":
        return words_lens(options)
    if options.type == "ref":
        return ref_field_lens(options, codec_of(target or Options())) if options.of else ref_lens(options)
    return _typed(options)


def _typed(options: Options) -> Lens:
    if options.type == "multi":
        element = codec_of(replace(options, prefix="", case=options.case))
        return multi_lens(options, element)
    lens = lift(codec_of(options), one_way="write" if options.lens == "join" else None)
    if options.type == "boolean" and options.kind == "salesforce" and not options.values:
        return _never_null(lens)
    return lens


def codec_of(options: Options) -> Codec:
    """The codec of a type with the cell's words, prefix, case and length around it."""
    codec = bands_codec(options) if options.bands else TYPES[options.type](options)
    if (options.values or options.vocabulary) and not options.bands:
        codec = words_codec(options, codec)
    if options.case:
        codec = cased(codec, options.case)
    if options.prefix:
        codec = prefixed(codec, options.prefix)
    if options.max_length is not None and options.type != "multi":
        codec = limited(codec, options.max_length, truncate=options.truncate)
    return codec


def _never_null(lens: Lens) -> Lens:
    """A checkbox of Salesforce is never null (apis/salesforce.md 2.6): clearing leaves it as it is."""

    def put(value: Canonical, before: Native | Absence, refs: Refs) -> Native | Absence:
        return before if value is None else lens.put(value, before, refs)

    return replace(lens, put=put)


def _guarded(lens: Lens) -> Lens:
    """A foreign lens that raises holds the value instead of stopping the run."""

    def get(native: Native, refs: Refs) -> Canonical | Absence:
        try:
            return lens.get(native, refs)
        except Exception:  # noqa: BLE001 - not our code: one bad value must stop only itself
            return HELD

    def put(value: Canonical, before: Native | Absence, refs: Refs) -> Native | Absence:
        try:
            return lens.put(value, before, refs)
        except Exception:  # noqa: BLE001
            return HELD

    return replace(lens, get=get, put=put)


def canonical_of(kind: str) -> Callable[[Canonical], Canonical | Absence]:
    """Brings a computed or written-down value into the canonical form of a field's type."""
    lens = lens_of(Options(type="string" if kind in ("ref", "consent") else kind))
    return lambda value: lens.get(value, NO_REFS)

"""`multi`: sets of words, as `A;B` (Salesforce), `||A||B||` (ActiveCampaign fields) or a list (tags, JSON APIs).

Canonical: a sorted list without repetition, None for the empty set. With a `prefix`, only words that begin with it are
ours: the others are not read, and are left in place when ours are written.
"""

from __future__ import annotations

from sync.mapping.lens import Codec, Lens, Options, Refs
from sync.mapping.text import text
from sync.model.values import HELD, MISSING, Absence, Canonical, Native

SHAPES = (";", "||", "array")


def words(native: Native) -> list[str] | None:
    """The words of a native set in their order, trimmed, without repetition; None for what is no set."""
    if native is None:
        return []
    if isinstance(native, str):
        native = native.split("||") if "||" in native else native.split(";")
    if not isinstance(native, list):
        native = [native]
    found = [text(_name(item)) for item in native]
    if any(isinstance(word, Absence) for word in found):
        return None
    return list(dict.fromkeys(word for word in found if isinstance(word, str)))


def _name(item: Native) -> Native:
    """Lists of rows (`{"id", "name"}`) stand for the names."""
    if not isinstance(item, dict):
        return item
    return next((item[key] for key in ("name", "tag", "title", "id") if item.get(key) is not None), None)


def shape_of(options: Options) -> str:
    """How this cell's set is written: by `format`, else by the system."""
    if options.format in SHAPES:
        return str(options.format)
    if options.kind == "salesforce":
        return ";"
    return "||" if options.kind == "activecampaign" and options.path.startswith("fields.") else "array"


def written(found: list[str], shape: str) -> Native | Absence:
    """A native set; HELD if a word holds the separator."""
    if shape == "array":
        return found
    if any(shape in word for word in found):
        return HELD
    if not found:
        return None
    return ";".join(found) if shape == ";" else f"||{'||'.join(found)}||"


def multi_lens(options: Options, word: Codec) -> Lens:
    """`multi`; `word` translates one element."""
    shape, prefix = shape_of(options), options.prefix
    fold = options.kind == "activecampaign"

    def get(native: Native, _refs: Refs) -> Canonical | Absence:
        found = words(native)
        if found is None:
            return HELD
        ours = {word.decode(item[len(prefix) :]) for item in found if item.startswith(prefix)}
        if HELD in ours:
            return HELD
        return sorted(str(item) for item in ours - {None}) or None

    def put(value: Canonical, before: Native | Absence, _refs: Refs) -> Native | Absence:
        ours = [word.encode(item) for item in value or []]
        if any(item is HELD for item in ours):
            return HELD
        foreign = (
            []
            if before is MISSING or not prefix
            else [item for item in words(before) or [] if not item.startswith(prefix)]
        )
        return written([*foreign, *(prefix + str(item) for item in ours if item is not MISSING)], _like(before, shape))

    def norm(native: Native) -> Native:
        found = words(native)
        if found is None:
            return native
        return frozenset(item.casefold() for item in found) if fold else frozenset(found)

    return Lens(get, put, norm, word.lossy)


def _like(before: Native | Absence, shape: str) -> str:
    """The shape that stands there already, where it shows."""
    if isinstance(before, list):
        return "array"
    if isinstance(before, str) and before.startswith("||"):
        return "||"
    return shape

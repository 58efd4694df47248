"""`ref`: a link to a parent record, as its remote id or (`of`) as one of its fields."""

from __future__ import annotations

from sync.mapping.lens import Codec, Lens, Options, Refs
from sync.mapping.text import identifier, norm_by
from sync.model.values import HELD, UNRESOLVED, Absence, Canonical, Native


def _remote_id(native: Native) -> str | Absence | None:
    """ActiveCampaign says "0" for no account (apis/activecampaign.md 7)."""
    if isinstance(native, dict):
        native = native.get("id")
    found = identifier(native)
    return None if found == "0" else found


_norm = norm_by(_remote_id)


def ref_lens(options: Options) -> Lens:
    """Remote id <-> our record id; UNRESOLVED where the parent is not linked."""
    system, entity = options.system, str(options.entity)

    def get(native: Native, refs: Refs) -> Canonical | Absence:
        remote = _remote_id(native)
        if not isinstance(remote, str):
            return remote
        return refs.record_of(system, entity, remote) or UNRESOLVED

    def put(value: Canonical, _before: Native | Absence, refs: Refs) -> Native | Absence:
        if value is None:
            return None
        return refs.remote_of(system, entity, str(value)) or UNRESOLVED

    return Lens(get, put, _norm)


def ref_field_lens(options: Options, target: Codec) -> Lens:
    """`of`: writes a field of the parent, translated by `target`; cannot be read back."""
    entity, field = str(options.entity), options.of[0]

    def get(native: Native, _refs: Refs) -> Canonical | Absence:
        return None if target.norm(native) is None else HELD

    def put(value: Canonical, _before: Native | Absence, refs: Refs) -> Native | Absence:
        if value is None:
            return None
        found = refs.value_of(entity, str(value), field)
        return None if found is None or isinstance(found, Absence) else target.encode(found)

    return Lens(get, put, target.norm, lossy=True, one_way="write")

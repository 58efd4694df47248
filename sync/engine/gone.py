"""What a deleted row means to the other rows of its record. Pure."""

from __future__ import annotations

from sync.model.record import Link, LinkState, Record


def deleted_in(record: Record, link: Link) -> str | None:
    """The system where somebody has deleted the record, as seen from a link elsewhere; a row that was merged away was not deleted."""
    gone = [other for other in _gone(record) if not other.observed.merged_into]
    return gone[0].system if gone and all(other.system != link.system for other in gone) else None


def edited_since(record: Record, link: Link) -> bool:
    """Whether the link is the origin of a value newer than what the deleted rows had been told."""
    for name, hub in record.cells.items():
        known = [exchange.acked for other in _gone(record) if (exchange := other.exchange.get(name)) is not None]
        if hub.origin == link.system and known and max(known) < hub.version:
            return True
    return False


def _gone(record: Record) -> list[Link]:
    return [link for link in record.links if link.state is LinkState.TOMBSTONE]

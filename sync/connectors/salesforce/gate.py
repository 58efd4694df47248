"""The last gate: no payload leaves that would let Salesforce mail an address that may not be mailed.

It knows no mapping and no merge. The standard opt-out flags say it themselves; ticking one is always let through.
"""

from __future__ import annotations

from sync.connectors.base import Suppressed
from sync.model.remote import Write

FLAGS = ("HasOptedOutOfEmail", "PersonHasOptedOutOfEmail")
_ADDRESSES = ("Email", "PersonEmail")


def refuses(write: Write, suppressed: Suppressed) -> bool:
    """Whether a write unticks an opt-out of a suppressed address, or of one that nobody can tell."""
    if not any(flag in write.values and write.values[flag] is not True for flag in FLAGS):
        return False
    named = [write.address, *(write.values.get(path) for path in _ADDRESSES)]
    addresses = [text for text in named if isinstance(text, str) and text.strip()]
    return not addresses or any(suppressed(address) for address in addresses)

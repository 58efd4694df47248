"""A native condition of a mapping: query parameters of the vendor's list of contacts, ``listid=3&status=1``.

One that the vendor does not know is ignored there without a word (`apis/activecampaign.md` 1); then everybody is read, and nobody
is missed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from sync.errors import DriftError
from sync.model.remote import Feed

_NAME: Final = re.compile(r"\w+(?:\[\w*\])*")
_OURS: Final = ("limit", "offset", "include", "id_greater", "id_less", "ids", "orders", "filters[updated")


def conditions(feed: Feed) -> dict[str, Any]:
    """The parameters that a feed adds to every read. Raises DriftError for what is none, or is ours to set."""
    try:
        asked: Mapping[str, Any] = dict(parse_qsl(feed.where or "", strict_parsing=True)) if feed.where else {}
    except ValueError:
        asked = {"": ""}
    asked = {**asked, **feed.params}
    if any(not _NAME.fullmatch(name) or name.startswith(_OURS) for name in asked):
        raise DriftError(
            f"the condition on {feed.object} is none that ActiveCampaign can be asked",
            remedy="Write it as query parameters of its list of contacts, for example listid=3.",
        )
    return dict(asked)

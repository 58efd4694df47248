"""The call back when an import has ended (``apis/`` sheet, section 6).

The keys of the details are not published, so a receiver can only take it for a wake-up; no batch is named in it: whoever needs one puts
it into ``params``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from sync.sandbox.activecampaign.shapes import objects
from sync.sandbox.courier import Message, target_of
from sync.sandbox.store import Row

FORM = "application/x-www-form-urlencoded"
Pairs = list[tuple[str, str]]


def message(callback: Any, succeeded: int, reasons: Mapping[str, str]) -> Message | None:
    """What is sent; None where nobody, or nobody that can be called, was named.

    ``reasons`` maps the address of each failed row to why. A GET carries ``params`` in its query, a POST in its body, with details
    where ``detailed_results`` is true.
    """
    if not isinstance(callback, dict) or target_of(str(callback.get("url"))) is None:
        return None
    url, pairs = str(callback["url"]), _pairs(callback.get("params"))
    headers = dict(_pairs(callback.get("headers")))
    if str(callback.get("requestType") or "GET").upper() != "POST":
        query = urlencode(pairs)
        return Message("GET", f"{url}{('&' if '?' in url else '?') if query else ''}{query}", headers)
    if str(callback.get("detailed_results")).lower() == "true":
        pairs += _details(succeeded, reasons)
    return Message("POST", url, {**headers, "content-type": FORM}, urlencode(pairs).encode())


def _pairs(given: Any) -> Pairs:
    entries: list[Row] = objects(given)
    return [(str(entry["key"]), str(entry.get("value", ""))) for entry in entries if entry.get("key")]


def _details(succeeded: int, reasons: Mapping[str, str]) -> Pairs:
    pairs = [("success", str(succeeded)), ("failure", str(len(reasons)))]
    for place, (email, reason) in enumerate(reasons.items()):
        pairs += [(f"errors[{place}][email]", email), (f"errors[{place}][message]", reason)]
    return pairs

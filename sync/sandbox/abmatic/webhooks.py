"""Signed events as Abmatic would send them: HMAC-SHA256, lower-case hex, of the raw body (the scheme is an assumption).

A receiver has five seconds; a delivery that fails is tried again three times, one, two and four seconds later.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlsplit

import orjson

from sync.sandbox.vendor import EditRefused

SIGNATURE = "X-Abmatic-Signature"
TIMEOUT_S = 5.0
OK_MIN, OK_MAX = 200, 299


def send(
    *, url: str, event: str, data: dict[str, Any], secret: str, timestamp: str, copies: int, retries: int
) -> list[int]:
    """Delivers the same bytes `copies` times; the status of each first attempt, 0 where nobody answered.

    Failed deliveries are repeated in the background. Raises EditRefused for a URL that cannot be called.
    """
    target = urlsplit(url)
    if target.scheme not in ("http", "https") or not target.hostname:
        raise EditRefused("'url' must be an http:// or https:// address")
    body = orjson.dumps({"event": event, "timestamp": timestamp, "data": data})
    headers = {
        "content-type": "application/json",
        SIGNATURE: signature(body, secret),
        "user-agent": "Abmatic-Webhooks/1.0",
    }
    statuses = [deliver(target, body, headers) for _ in range(copies)]
    failed = sum(not _settled(status) for status in statuses)
    if failed and retries:
        threading.Thread(target=_retry, args=(target, body, headers, failed, retries), daemon=True).start()
    return statuses


def signature(body: bytes, secret: str) -> str:
    """What the signature header carries."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def deliver(target: SplitResult, body: bytes, headers: dict[str, str]) -> int:
    """One attempt; its status, or 0."""
    kind = HTTPSConnection if target.scheme == "https" else HTTPConnection
    connection = kind(target.hostname or "", target.port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", f"{target.path or '/'}{'?' if target.query else ''}{target.query}", body, headers)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return 0
    finally:
        connection.close()


def _settled(status: int) -> bool:
    return OK_MIN <= status <= OK_MAX


def _retry(target: SplitResult, body: bytes, headers: dict[str, str], failed: int, retries: int) -> None:
    pause = threading.Event()
    for attempt in range(retries):
        pause.wait(2**attempt)
        failed = sum(not _settled(deliver(target, body, headers)) for _ in range(failed))
        if not failed:
            return

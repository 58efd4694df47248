"""Keeps secrets, e-mail addresses and control characters out of what people and logs see. Text in, text out; no library.

`logs` uses it for every line, `cli` for every error sentence and (control characters only) for every value it draws.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

MASK: Final = "***"
_SHORTEST = 6
_SECRET_KEYS: Final = re.compile(
    r"(?i)(^|[_\-.])(authorization|api[_-]?(key|token)|token|secret|passw(or)?d|cookie|session[_-]?id|assertion|private[_-]?key)$"
)
_SECRET_VALUES: Final = (
    (re.compile(r"(?i)\b(bearer|basic|token)(\s+|=|:\s*)[\w.!~+/=\-]{6,}"), r"\1\2" + MASK),
    (re.compile(r"\b00D\w{9,15}![\w.]+"), MASK),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), MASK),
    (
        re.compile(r"(?i)((?:access|refresh)_token|client_secret|api_key|apikey)(\"?\s*[=:]\s*\"?)[^\s\"&,}]+"),
        r"\1\2" + MASK,
    ),
    (re.compile(r"(://[^\s:/@]*):[^\s@/]+@"), r"\1:" + MASK + "@"),
)
_ADDRESS: Final = re.compile(r"(?!['`])[\w.!#$%&'*+/=?^`{|}~-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*", re.IGNORECASE)
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_hidden: set[str] = set()


def hide(secrets: Iterable[str]) -> None:
    """From now on these values are masked wherever they appear. Shorter ones than 6 characters are not: they are words."""
    _hidden.update(secret for secret in secrets if len(secret) >= _SHORTEST)


def forget_hidden() -> None:
    """Starts over with no secrets known."""
    _hidden.clear()


def is_secret_key(key: str) -> bool:
    """Whether what stands under such a key is a secret."""
    return bool(_SECRET_KEYS.search(key))


def safe_text(text: str) -> str:
    """A text without secrets and e-mail addresses."""
    for secret in _hidden:
        text = text.replace(secret, MASK)
    for pattern, instead in _SECRET_VALUES:
        text = pattern.sub(instead, text)
    return _ADDRESS.sub("[e-mail]", text)


def escape(text: str) -> str:
    """A text whose control characters (and marks that turn the writing direction) can be seen and do nothing."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)

"""Which hosts may ever be sent a credential: the log-in host, Salesforce's own, and loopback for loopback."""

from __future__ import annotations

from urllib.parse import urlsplit

from sync.errors import ConfigError, Problem

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SHARED_LOGINS = frozenset({"login.salesforce.com", "test.salesforce.com"})


def origin(url: str) -> str:
    """Scheme, host and port of `url`, lower-cased, without a path."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme.lower()}://{host}{f':{parts.port}' if parts.port else ''}"


def is_loopback(url: str) -> bool:
    """Whether `url` stays on this machine."""
    return (urlsplit(url).hostname or "").lower() in LOOPBACK


def checked_login_url(url: str) -> str:
    """The origin to log in at. Raises ConfigError where a secret would travel in the clear or nowhere sensible."""
    parts = urlsplit(url)
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
    if secure and parts.hostname and not parts.username and parts.path in ("", "/"):
        return origin(url)
    remedy = 'write login_url = "https://YOURDOMAIN.my.salesforce.com" (http is accepted for loopback only)'
    raise ConfigError([Problem("config.toml", None, "login_url is not the https address of a Salesforce org", remedy)])


def is_trusted_instance(instance_url: str, login_url: str) -> bool:
    """Whether the instance that a token answer names may be given the token.

    Good are the log-in host itself, ``*.salesforce.com`` over https (``*.my.salesforce.com`` is among them), and
    another loopback port for a loopback log-in.
    """
    if origin(instance_url) == origin(login_url):
        return True
    if is_loopback(login_url):
        return is_loopback(instance_url)
    parts = urlsplit(instance_url)
    return parts.scheme == "https" and (parts.hostname or "").lower().endswith(".salesforce.com")

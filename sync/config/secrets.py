"""Secrets: references in the file, values in memory, neither in any output.

A secret in the configuration is a reference: `env:NAME` (environment variable), `file:PATH` (relative to the configuration;
white space at its end is cut), `cred:NAME` (a file in systemd's $CREDENTIALS_DIRECTORY) or `keyring:SERVICE/USER`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from sync.config.refused import Around, Refused
from sync.errors import UsageError

_ELSEWHERE: Final = frozenset(
    "aws azure bitwarden bw doppler gcp infisical k8s keychain kms op pass secret secretsmanager sops ssm vault".split()  # noqa: SIM905
)
_SCHEMES: Final = "`env:NAME`, `file:PATH`, `cred:NAME` or `keyring:SERVICE/USER`"


class Secret:
    """A resolved secret. Printing, formatting or logging it shows `***`; only `reveal` gives the value."""

    __slots__ = ("_value", "reference")

    def __init__(self, value: str, reference: str = "") -> None:
        self._value = value
        self.reference = reference

    def reveal(self) -> str:
        """The value itself. Hand it to the vendor, to nobody else."""
        return self._value

    @property
    def known(self) -> bool:
        """Whether there is a value to reveal."""
        return True

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        msg = "a secret is not written anywhere"
        raise TypeError(msg)


class Spared(Secret):
    """A secret that could not be had where it was not needed. Whoever needs it after all is refused, and told why."""

    __slots__ = ("_why",)

    def __init__(self, reference: str, why: Refused) -> None:
        super().__init__("", reference)
        self._why = why

    def reveal(self) -> str:
        """Raises UsageError, always."""
        raise UsageError(self._why.message, remedy=self._why.remedy)

    @property
    def known(self) -> bool:
        """No."""
        return False


def resolve(reference: str, around: Around) -> Secret:
    """Reads what a reference names. Raises Refused, which names the reference and never a value."""
    scheme, _, name = reference.partition(":")
    reader = _READERS.get(scheme)
    if reader is None or not name:
        raise _literal(scheme if name else "")
    value = reader(name, around)
    if not value:
        raise Refused(f"the secret behind {reference} is empty", "Give it a value.")
    return Secret(value, reference)


def is_reference(value: str) -> bool:
    """Whether a text has the form of a reference."""
    return value.partition(":")[0] in _READERS


def _literal(scheme: str) -> Refused:
    if scheme in _ELSEWHERE:
        return Refused(
            f"`{scheme}:` references are not known here",
            f"Use {_SCHEMES}; an agent of your secret store can write the file.",
        )
    return Refused(
        "a secret is written in the file itself",
        f"Move it out and write a reference: {_SCHEMES}; for example `env:NAME`. Then replace the secret: it may be in backups.",
    )


def _from_environment(name: str, around: Around) -> str:
    if name not in around.environment:
        raise Refused(f"environment variable {name} is not set", f"Set {name}, or name another place for this secret.")
    return around.environment[name]


def _from_file(name: str, around: Around) -> str:
    return _read(around.path(name), f"file:{name}")


def _from_credentials(name: str, around: Around) -> str:
    folder = around.environment.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise Refused(
            f"cred:{name} needs $CREDENTIALS_DIRECTORY, which is not set",
            "systemd sets it for units with LoadCredential=; elsewhere use `file:PATH`.",
        )
    if not re.fullmatch(r"[\w.@-]+", name):
        raise Refused(
            f"cred:{name} is no credential name", "Name one file of $CREDENTIALS_DIRECTORY, without a folder."
        )
    return _read(Path(folder) / name, f"cred:{name}")


def _read(path: Path, reference: str) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip()
    except FileNotFoundError:
        raise Refused(f"{reference}: there is no such file", f"Create {path}, readable by this user only.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(
            f"{reference} cannot be read ({type(error).__name__})", f"Look at {path} and its permissions."
        ) from None


def _from_keyring(name: str, around: Around) -> str:
    del around
    service, _, user = name.partition("/")
    try:
        import keyring  # noqa: PLC0415 - an optional extra
        import keyring.errors  # noqa: PLC0415
    except ImportError:
        raise Refused(f"keyring:{name} needs the keyring package", "pip install 'crm-sync[keyring]'") from None
    try:
        value = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise Refused(
            f"keyring:{name} cannot be read ({type(error).__name__})", "Unlock the keyring, or use `file:PATH`."
        ) from None
    if value is None:
        raise Refused(f"keyring:{name} is not in the keyring", f"Store it: keyring set {service} {user}")
    return str(value)


_READERS: Final[Mapping[str, Callable[[str, Around], str]]] = {
    "env": _from_environment,
    "file": _from_file,
    "cred": _from_credentials,
    "keyring": _from_keyring,
}

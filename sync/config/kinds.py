"""The keys of each kind of system. Sources of the defaults: `contract-details.md` (all systems) and the vendors' sheets, by name below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from importlib.metadata import entry_points
from typing import Annotated, Final

from sync.config.keys import Key
from sync.config.places import base_url
from sync.config.secrets import Secret
from sync.config.values import (
    api_version,
    boolean,
    choice,
    duration,
    duration_or_zero,
    many,
    number,
    optional,
    secret,
    secrets,
    text,
    whole,
)

PATH_SECRET_MIN: Final = 22
"""128 bits in base 64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemConfig:
    """What every system has. ``name`` is the configured name, ``kind`` the vendor.

    ``horizon`` is how long a timed-out write may still land, ``verify_delays`` when in-doubt writes are looked up,
    ``overlap`` how far each incremental read goes back, ``clock_margin`` the doubt about change times.
    """

    name: str
    kind: str
    writes: Annotated[bool, Key(boolean, True)]  # noqa: FBT003 - a default
    timeout_s: Annotated[float, Key(number(most=3600), 30)]
    retries: Annotated[int, Key(whole(most=20), 5)]
    horizon: Annotated[timedelta, Key(duration, "5m")]
    verify_delays: Annotated[tuple[timedelta, ...], Key(many(duration), ["2s", "10s", "30s", "2m"])]
    clock_margin: Annotated[timedelta, Key(duration_or_zero, "5s")]
    overlap: Annotated[timedelta, Key(duration_or_zero, "10m")]
    requests_per_minute: Annotated[float | None, Key(optional(number()), None)]
    requests_per_second: Annotated[float | None, Key(optional(number()), None)]

    @property
    def base(self) -> str:
        """The URL that the system's API lives under."""
        raise NotImplementedError

    @property
    def rate_per_second(self) -> float | None:
        """Our ceiling of requests a second, whichever way it was written; None: only the vendor's."""
        if self.requests_per_second is not None:
            return self.requests_per_second
        return None if self.requests_per_minute is None else self.requests_per_minute / 60

    def secrets(self) -> Iterator[Secret]:
        """The system's secrets, those of its webhooks too."""
        for item in fields(self):
            value = getattr(self, item.name)
            yield from (each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, Secret))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedConfig(SystemConfig):
    """A system that is reached at a base URL with one API key."""

    base_url: Annotated[str, Key(base_url)]
    api_key: Annotated[Secret, Key(secret)]

    @property
    def base(self) -> str:
        """The URL that the system's API lives under."""
        return self.base_url


@dataclass(frozen=True, slots=True, kw_only=True)
class AbmaticConfig(KeyedConfig):
    """Abmatic (`apis/abmatic-conversion-letrics.md` 1.1, 1.5, 1.8, 1.9).

    Its filters know only days and no zone, hence the overlap of two. ``put_mode`` full: read, merge, write, read again; partial:
    read, write what differs. The API takes one row a request.
    """

    overlap: Annotated[timedelta, Key(duration_or_zero, "2d")]
    requests_per_minute: Annotated[float | None, Key(optional(number()), 100)]
    batch_size: Annotated[int, Key(whole(1, 1), 1)]
    profile: Annotated[str, Key(choice("A1", "A2", "A3", "auto"), "A1")]
    wire_case: Annotated[str, Key(choice("snake", "camel"), "snake")]
    put_mode: Annotated[str, Key(choice("full", "partial"), "full")]
    clearing: Annotated[str, Key(choice("off", "null", "empty"), "off")]
    native_salesforce_sync: Annotated[str, Key(choice("off", "pull_only", "on"), "off")]
    webhook_secret: Annotated[tuple[Secret, ...], Key(secrets(), ())]
    webhook_header: Annotated[str, Key(text, "X-Abmatic-Signature")]

    @property
    def overlap_days(self) -> int:
        """The overlap in whole days, rounded up."""
        return -(-self.overlap // timedelta(days=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforceConfig(SystemConfig):
    """Salesforce (`apis/salesforce.md` 1). Which secrets are there depends on ``auth``.

    ``audience`` is the JWT's; None: the generic log-in host, that of sandboxes where ``login_url`` belongs to one.
    """

    login_url: Annotated[str, Key(base_url)]
    auth: Annotated[str, Key(choice("client_credentials", "jwt", "refresh_token"), "client_credentials")]
    client_id: Annotated[Secret, Key(secret)]
    client_secret: Annotated[Secret | None, Key(optional(secret), None)]
    username: Annotated[str | None, Key(optional(text), None)]
    private_key: Annotated[Secret | None, Key(optional(secret), None)]
    refresh_token: Annotated[Secret | None, Key(optional(secret), None)]
    audience: Annotated[str | None, Key(optional(base_url), None)]
    api_version: Annotated[str, Key(api_version, "67.0")]
    daily_call_share: Annotated[float, Key(number(most=1), 0.5)]
    bulk_threshold: Annotated[int, Key(whole(1), 2000)]
    batch_size: Annotated[int, Key(whole(1, 200), 200)]
    horizon: Annotated[timedelta, Key(duration, "11m")]

    @property
    def base(self) -> str:
        """The URL that log-in begins at; the API's own comes with the token."""
        return self.login_url


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionConfig(KeyedConfig):
    """Conversion (`apis/abmatic-conversion-letrics.md` 2.1, 2.4, 2.6).

    ``auth`` None: as the profile has it. ``deletes`` off: nothing is ever deleted there; a deleted contact loses its opt-out.
    ``exports``: C2's list of contacts may be read. The ``…_key`` are names in bodies that no document tells.
    """

    requests_per_second: Annotated[float | None, Key(optional(number()), 5)]
    batch_size: Annotated[int, Key(whole(1, 1000), 100)]
    profile: Annotated[str, Key(choice("C0", "C1", "C2"), "C0")]
    auth: Annotated[str | None, Key(optional(choice("bearer", "x_api_key")), None)]
    external_contact: Annotated[str, Key(choice("omit", "object_id", "string"), "omit")]
    variables_mode: Annotated[str, Key(choice("merge", "replace"), "merge")]
    clearing: Annotated[str, Key(choice("off", "null", "empty"), "off")]
    deletes: Annotated[bool, Key(boolean, True)]  # noqa: FBT003 - a default
    exports: Annotated[bool, Key(boolean, False)]  # noqa: FBT003 - a default
    native_salesforce_sync: Annotated[str, Key(choice("off", "on"), "off")]
    contacts_key: Annotated[str | None, Key(optional(text), None)]
    companies_key: Annotated[str | None, Key(optional(text), None)]
    subscription_key: Annotated[str | None, Key(optional(text), None)]
    status_key: Annotated[str | None, Key(optional(text), None)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivecampaignConfig(KeyedConfig):
    """ActiveCampaign (`apis/activecampaign.md` 2, 3): one bucket of five requests a second, of which we take four.

    It signs no webhook (same, 12): ``webhook_secret`` is the end of the path, and nobody may guess it.
    """

    overlap: Annotated[timedelta, Key(duration_or_zero, "5m")]
    requests_per_second: Annotated[float | None, Key(optional(number()), 4)]
    batch_size: Annotated[int, Key(whole(1, 250), 250)]
    bulk_threshold: Annotated[int, Key(whole(1), 50)]
    webhook_secret: Annotated[tuple[Secret, ...], Key(secrets(PATH_SECRET_MIN), ())]


@dataclass(frozen=True, slots=True, kw_only=True)
class LetricsConfig(KeyedConfig):
    """Letrics (`apis/abmatic-conversion-letrics.md` 3.2, T-L1): a read-only source, billed by the record, re-scanned in windows.

    ``overlap``: companies may become visible a quarter of an hour after they were stamped (T-L4).
    """

    overlap: Annotated[timedelta, Key(duration_or_zero, "15m")]
    writes: Annotated[bool, Key(boolean, False)]  # noqa: FBT003 - a default
    requests_per_minute: Annotated[float | None, Key(optional(number()), 60)]
    batch_size: Annotated[int, Key(whole(1, 100), 100)]
    method: Annotated[str, Key(choice("POST", "GET"), "POST")]
    array_style: Annotated[str, Key(choice("brackets", "repeat", "comma"), "brackets")]
    contacts_path: Annotated[str, Key(text, "/contacts")]
    companies_path: Annotated[str, Key(text, "/companies")]
    daily_records: Annotated[int | None, Key(optional(whole(1)), None)]
    pages_max: Annotated[int, Key(whole(1), 10_000)]
    allow_personal_email: Annotated[bool, Key(boolean, False)]  # noqa: FBT003 - a default


KINDS: Final[Mapping[str, type[SystemConfig]]] = {
    "abmatic": AbmaticConfig,
    "salesforce": SalesforceConfig,
    "conversion": ConversionConfig,
    "activecampaign": ActivecampaignConfig,
    "letrics": LetricsConfig,
}

CONNECTORS: Final = "crm_sync.connectors"
"""The entry point group of connectors that other packages bring: name = kind, value = a builder (`docs/connectors.md`)."""


def model_of(kind: str) -> type[SystemConfig] | None:
    """The keys of a kind; None for one that nobody knows.

    A kind of another package has those of its builder's ``config``, a `SystemConfig`, or where it says nothing base_url and api_key.
    Raises whatever the other package raises when it is loaded.
    """
    if kind in KINDS:
        return KINDS[kind]
    brought = next(iter(entry_points(group=CONNECTORS, name=kind)), None)
    if brought is None:
        return None
    model: type[SystemConfig] = getattr(brought.load(), "config", KeyedConfig)
    return model


def known_kinds() -> list[str]:
    """Ours, then those of other packages."""
    return [*KINDS, *sorted(entry_points(group=CONNECTORS).names - KINDS.keys())]

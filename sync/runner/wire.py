"""From configuration to a context: the only place that names concrete connectors."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sync.config import (
    AbmaticConfig,
    ActivecampaignConfig,
    Config,
    ConversionConfig,
    Guard,
    LetricsConfig,
    SalesforceConfig,
    SystemConfig,
)
from sync.connectors.base import Connector, Suppressed
from sync.engine.guard import Limit, Limits
from sync.errors import UsageError
from sync.mapping import Mappings
from sync.model.clock import Clock, SystemClock
from sync.runner.context import Context, Progress, Surroundings, System
from sync.runner.hold import Hold, Outside, held_here, open_to_write
from sync.runner.veil import veil_key
from sync.state import Lock, Store, forget_lost, keep_secret, state_file

if TYPE_CHECKING:
    from sync.connectors.salesforce.auth import Auth


@dataclass(frozen=True, slots=True)
class Known:
    """What the state knows that a connector needs: the newest rotating credential and where the next one is kept, and a few linked rows.

    The rows, (object, remote id), tell whether these credentials still open the data that the links lead to. The cursors are
    those of all its objects: a connector may keep counts in them.
    """

    refresh_token: str | None
    keep: Callable[[str], None]
    rows: tuple[tuple[str, str], ...] = ()
    cursors: tuple[str, ...] = ()


Build = Callable[[SystemConfig, Clock, Suppressed, Known], Connector]


@contextmanager
def opened(
    config: Config,
    mappings: Mappings,
    *,
    progress: Progress,
    entities: Sequence[str] = (),
    init: bool = False,
    copy: bool = False,
    command: str = "sync",
    clock: Clock | None = None,
) -> Iterator[Context]:
    """A context with its state open: locked for writing, or a throwaway copy that may be written at will.

    On a thread of a service that holds this state, it is the service's.
    """
    held = None if copy else held_here(config.state.url)
    if held is not None:
        yield held.context(mappings, progress, entities, limits(config))
        return
    clock = clock or SystemClock()
    with _state(config, clock, init=init, copy=copy, command=command) as store:
        systems = connect(config, clock, store)
        try:
            yield Context(store, mappings, systems, clock, limits(config), progress, entities=tuple(entities))
        finally:
            for system in systems.values():
                system.connector.close()


def hold(config: Config, clock: Clock, command: str, around: Surroundings, outside: Outside) -> Hold:
    """A state to be held for the life of a service; nothing is opened or locked yet."""
    return Hold(config, clock, command, connect, around, outside)


def connect(config: Config, clock: Clock, store: Store) -> Mapping[str, System]:
    """All configured systems with their connectors, in the order of the configuration."""
    return {name: build(system, clock, store, config.state.url) for name, system in config.systems.items()}


@contextmanager
def _state(config: Config, clock: Clock, *, init: bool, copy: bool, command: str) -> Iterator[Store]:
    if copy:
        store = Store.open_copy(config.state.url, clock=clock)
        store.veil_with(veil_key(config))
        try:
            yield store
        finally:
            store.close()
        return
    with Lock(state_file(config.state.url), command):
        if init:
            forget_lost(config.state.url)
        store = open_to_write(config, clock)
        try:
            yield store
        finally:
            store.close()


@contextmanager
def reading(config: Config, clock: Clock | None = None) -> Iterator[Store]:
    """The state for a command that only reads it; works beside a running writer."""
    store = Store.open(config.state.url, clock=clock or SystemClock(), read_only=True)
    store.veil_with(veil_key(config))
    try:
        yield store
    finally:
        store.close()


def limits(config: Config) -> Limits:
    """The safety section as the engine takes it."""
    safety = config.safety

    def limit(guard: Guard) -> Limit:
        return Limit(guard.count, guard.share)

    return Limits(
        limit(safety.max_creates),
        limit(safety.max_updates),
        limit(safety.max_clears),
        limit(safety.max_deletes),
        limit(safety.max_opt_outs),
    )


def build(config: SystemConfig, clock: Clock, store: Store, url: str) -> System:
    """One system with its connector."""
    builder = _builders().get(config.kind)
    if builder is None:
        raise UsageError(
            f"there is no connector for systems of kind {config.kind}",
            remedy=f"Known kinds: {', '.join(sorted(_builders()))}.",
        )

    kept = _kept_as(config)

    def keep(value: str) -> None:
        keep_secret(url, clock, kept, value)

    known = Known(store.secret(kept), keep, tuple(store.samples(config.name)), tuple(store.cursors(config.name)))
    connector = builder(config, clock, store.is_suppressed, known)
    return System(
        name=config.name,
        kind=config.kind,
        connector=connector,
        writes=config.writes,
        horizon=config.horizon,
        verify_delays=tuple(delay.total_seconds() for delay in config.verify_delays),
        clock_margin=config.clock_margin,
        credentials=_fingerprint(config),
        settings=_fingerprint(config, repr(config)),
    )


def _kept_as(config: SystemConfig) -> str:
    """The name under which the state keeps what a configured credential was exchanged for.

    Another credential has another name: who logs in anew, because the one before is void, is not held to what it became.
    """
    token = config.refresh_token if isinstance(config, SalesforceConfig) else None
    if token is None:
        return config.name
    return f"{config.name} {hashlib.blake2b(token.reveal().encode(), digest_size=8).hexdigest()}"


def _fingerprint(config: SystemConfig, *more: str) -> str:
    parts = [config.base, *sorted(secret.reveal() for secret in config.secrets()), *more]
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()


def _builders() -> Mapping[str, Build]:
    """Kind -> builder: ours, then what other packages bring under the entry point group `crm_sync.connectors`."""
    found: dict[str, Build] = {
        "abmatic": _abmatic,
        "salesforce": _salesforce,
        "conversion": _conversion,
        "activecampaign": _activecampaign,
        "letrics": _letrics,
    }
    for entry in importlib.metadata.entry_points(group="crm_sync.connectors"):
        found.setdefault(entry.name, entry.load())
    return found


def _abmatic(config: SystemConfig, clock: Clock, gate: Suppressed, known: Known) -> Connector:
    from sync.connectors.abmatic import Abmatic  # noqa: PLC0415 - only where it is configured

    assert isinstance(config, AbmaticConfig)
    return Abmatic(
        config.name,
        config.base_url,
        config.api_key.reveal(),
        clock=clock,
        gate=gate,
        profile=config.profile,
        requests_per_minute=round((config.rate_per_second or 100 / 60) * 60),
        timeout_s=config.timeout_s,
        retries=config.retries,
        horizon_s=config.horizon.total_seconds(),
        overlap_days=config.overlap_days,
        batch_size=config.batch_size,
        clearing=config.clearing,
        wire_case=config.wire_case,
        put_mode=config.put_mode,
        native_salesforce_sync=config.native_salesforce_sync,
        canaries=lambda: known.rows,
    )


def _salesforce(config: SystemConfig, clock: Clock, gate: Suppressed, known: Known) -> Connector:
    from sync.connectors.salesforce import Salesforce  # noqa: PLC0415 - only where it is configured

    assert isinstance(config, SalesforceConfig)
    return Salesforce(
        config.name,
        config.login_url,
        auth=_salesforce_auth(config, known),
        clock=clock,
        gate=gate,
        api_version=config.api_version,
        bulk_threshold=config.bulk_threshold,
        batch_size=config.batch_size,
        overlap_s=config.overlap.total_seconds(),
        daily_call_share=config.daily_call_share,
        timeout_s=config.timeout_s,
        retries=config.retries,
        horizon_s=config.horizon.total_seconds(),
        on_secret=known.keep,
        requests_per_minute=(config.rate_per_second or 0) * 60 or None,
    )


def _salesforce_auth(config: SalesforceConfig, known: Known) -> Auth:
    from sync.connectors.salesforce import ClientCredentials, JwtBearer, RefreshToken  # noqa: PLC0415 - same

    client_id = config.client_id.reveal()
    if config.auth == "jwt":
        assert config.username is not None
        assert config.private_key is not None
        return JwtBearer(client_id, config.username, config.private_key.reveal(), config.audience)
    secret = config.client_secret.reveal() if config.client_secret else ""
    if config.auth == "refresh_token":
        assert config.refresh_token is not None
        return RefreshToken(client_id, secret, known.refresh_token or config.refresh_token.reveal())
    return ClientCredentials(client_id, secret)


def _conversion(config: SystemConfig, clock: Clock, gate: Suppressed, known: Known) -> Connector:  # noqa: ARG001 - a Build
    from sync.connectors.conversion import Conversion  # noqa: PLC0415 - same

    assert isinstance(config, ConversionConfig)
    return Conversion(
        config.name,
        config.base_url,
        config.api_key.reveal(),
        clock=clock,
        gate=gate,
        profile=config.profile,
        auth=config.auth,
        requests_per_second=config.rate_per_second or 5.0,
        batch_size=config.batch_size,
        clearing=config.clearing,
        variables_mode=config.variables_mode,
        external_contact=config.external_contact,
        deletes=config.deletes,
        exports=config.exports,
        native_salesforce_sync=config.native_salesforce_sync == "on",
        contacts_key=config.contacts_key,
        companies_key=config.companies_key,
        subscription_key=config.subscription_key,
        status_key=config.status_key,
        timeout_s=config.timeout_s,
        retries=config.retries,
        horizon_s=config.horizon.total_seconds(),
    )


def _activecampaign(config: SystemConfig, clock: Clock, gate: Suppressed, known: Known) -> Connector:  # noqa: ARG001 - a Build
    from sync.connectors.activecampaign import ActiveCampaign  # noqa: PLC0415 - same

    assert isinstance(config, ActivecampaignConfig)
    return ActiveCampaign(
        config.name,
        config.base_url,
        config.api_key.reveal(),
        clock=clock,
        gate=gate,
        requests_per_second=config.rate_per_second or 4.0,
        bulk_threshold=config.bulk_threshold,
        batch_size=config.batch_size,
        overlap_s=config.overlap.total_seconds(),
        timeout_s=config.timeout_s,
        retries=config.retries,
        horizon_s=config.horizon.total_seconds(),
    )


def _letrics(config: SystemConfig, clock: Clock, gate: Suppressed, known: Known) -> Connector:  # noqa: ARG001 - it never writes
    from sync.connectors.letrics import Letrics  # noqa: PLC0415 - only where it is configured

    assert isinstance(config, LetricsConfig)
    return Letrics(
        config.name,
        config.base_url,
        config.api_key.reveal(),
        clock=clock,
        method=config.method,
        array_style=config.array_style,
        contacts_path=config.contacts_path,
        companies_path=config.companies_path,
        requests_per_minute=(config.rate_per_second or 1) * 60,
        batch_size=config.batch_size,
        pages_max=config.pages_max,
        daily_records=config.daily_records,
        allow_personal_email=config.allow_personal_email,
        overlap_s=config.overlap.total_seconds(),
        cursors=known.cursors,
        timeout_s=config.timeout_s,
        retries=config.retries,
        horizon_s=config.horizon.total_seconds(),
    )


def without_limits(context: Context) -> Context:
    """The same context without safety limits: for what a person has approved."""
    return replace(context, limits=Limits(None, None, None, None, None))

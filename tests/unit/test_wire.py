"""From configuration to connectors: each kind has a builder, and what is configured takes effect."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sync.config import load
from sync.config.keys import keys_of
from sync.model.clock import ManualClock
from sync.runner import wire
from sync.runner.wire import build
from sync.state import Store

ENVIRONMENT = {"KEY": "sandbox"}
CONVERSION = '[systems.conversion]\nbase_url = "https://pub-api.conversion.ai/api/v1"\napi_key = "env:KEY"\n'


@pytest.fixture
def built(tmp_path):
    """Builds the only system of a configuration; nothing is contacted."""
    (tmp_path / "mappings").mkdir()
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    opened = []

    def built(text):
        (tmp_path / "config.toml").write_text(text)
        config = load(tmp_path / "config.toml", ENVIRONMENT)
        url = f"sqlite:///{tmp_path}/state.db"
        store = Store.open(url, clock=clock)
        (system,) = (build(one, clock, store, url) for one in config.systems.values())
        opened.extend([system.connector, store])
        return system.connector

    yield built
    for one in opened:
        one.close()


def test_conversion_is_built_as_configured(built):
    """Profile, batches, deletes, clearing and listing of Conversion follow the configuration."""
    plain = built(CONVERSION)
    assert (plain.kind, plain.capabilities("companies").batch_size, plain.journal_size("contacts", 500)) == (
        "conversion",
        100,
        100,
    )
    assert not plain.capabilities("contacts").deletable
    assert not plain.capabilities("contacts").clearable
    assert not plain.capabilities("contacts").listable


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("batch_size = 7", ("batch_size", 7)),
        ("deletes = true", ("deletable", True)),
        ('clearing = "null"', ("clearable", True)),
        ('profile = "C2"\nexports = true', ("listable", True)),
        ('native_salesforce_sync = "on"', ("writable", False)),
        ('horizon = "90s"', ("horizon_s", 90)),
    ],
)
def test_keys_of_conversion_take_effect(built, key, shown):
    """Each key changes what the connector says it can do."""
    name, value = shown
    assert getattr(built(CONVERSION + key + "\n").capabilities("contacts"), name) == value


ACTIVECAMPAIGN = '[systems.activecampaign]\nbase_url = "https://acme.api-us1.com"\napi_key = "env:KEY"\n'


def test_activecampaign_is_built_as_configured(built):
    """Sizes and the horizon of ActiveCampaign follow the configuration, and so does where bulk import begins."""
    plain = built(ACTIVECAMPAIGN)
    can = plain.capabilities("contacts")
    assert (plain.kind, can.batch_size, can.horizon_s, can.deletable, can.clearable) == (
        "activecampaign",
        250,
        300,
        True,
        True,
    )
    assert [plain.journal_size("contacts", pending) for pending in (3, 49, 50)] == [3, 20, 2500]
    other = built(ACTIVECAMPAIGN + 'batch_size = 10\nbulk_threshold = 5\nhorizon = "90s"\n')
    assert [other.journal_size("contacts", pending) for pending in (3, 5)] == [3, 100]
    assert other.capabilities("contacts").horizon_s == 90


class Reading:
    """A configuration that notes which of its keys are read."""

    def __init__(self, config):
        self.config, self.read = config, set()

    def __getattr__(self, name):
        self.read.add(name)
        return getattr(self.config, name)


OTHERS = {"name", "kind", "writes", "verify_delays", "clock_margin", "webhook_secret"}
"""Keys that the runner and the daemon take for themselves."""
UNUSED = {"conversion": {"overlap"}}
"""Keys that say in config.example.toml that they have no effect."""


LETRICS = '[systems.letrics]\nbase_url = "https://letrics.example/api"\napi_key = "env:KEY"\n'


def test_letrics_is_built_as_configured(built):
    """Letrics is a source whatever is said; pages and the horizon follow the configuration."""
    plain = built(LETRICS)
    can = plain.capabilities("contacts")
    assert (plain.kind, can.writable, can.listable, can.fetch_size, can.horizon_s) == ("letrics", False, True, 100, 300)
    other = built(LETRICS + 'batch_size = 10\nhorizon = "90s"\n').capabilities("companies")
    assert (other.fetch_size, other.horizon_s) == (10, 90)


@pytest.mark.parametrize("text", [CONVERSION, ACTIVECAMPAIGN, LETRICS], ids=["conversion", "activecampaign", "letrics"])
def test_no_key_is_left_unread(tmp_path, text, monkeypatch):
    """Every key that a kind documents is read when its connector is built."""
    (tmp_path / "mappings").mkdir()
    (tmp_path / "config.toml").write_text(text)
    (config,) = load(tmp_path / "config.toml", ENVIRONMENT).systems.values()
    reading = Reading(config)
    monkeypatch.setattr(wire, type(config).__name__, Reading)
    builder = wire._builders()[config.kind]
    builder(
        reading, ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), lambda address: False, wire.Known(None, print)
    ).close()
    keys = set(keys_of(type(config))) - OTHERS - UNUSED.get(config.kind, set())
    rates = {"requests_per_minute", "requests_per_second"} if "rate_per_second" in reading.read else set()
    assert keys - rates <= reading.read

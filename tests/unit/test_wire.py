"""From configuration to connectors: each kind has a builder, and what is configured takes effect."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sync.config import load
from sync.model.clock import ManualClock
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

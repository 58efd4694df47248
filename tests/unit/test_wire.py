"""From configuration to connectors: each kind has a builder, and what is configured takes effect."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sync.config import load
from sync.config.keys import keys_of
from sync.config.kinds import KINDS as CONFIGURED
from sync.config.model import SECTIONS
from sync.model.clock import ManualClock
from sync.runner import wire
from sync.runner.hold import open_to_write
from sync.runner.wire import build
from sync.state import Store, Suppression

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
    assert plain.capabilities("contacts").deletable
    assert not plain.capabilities("contacts").clearable
    assert not plain.capabilities("contacts").listable


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("batch_size = 7", ("batch_size", 7)),
        ("deletes = false", ("deletable", False)),
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
        computed = getattr(type(self.config), name, None)
        return computed.fget(self) if isinstance(computed, property) else getattr(self.config, name)


OTHERS = {"name", "kind", "writes", "verify_delays", "clock_margin", "webhook_secret", "webhook_header"}
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


ABMATIC = '[systems.abmatic]\nbase_url = "https://api.abmatic.ai/v1"\napi_key = "env:KEY"\n'


@pytest.mark.parametrize(
    ("key", "object", "shown"),
    [
        ("", "accounts", ("batch_size", 1)),
        ("", "accounts", ("clearable", False)),
        ('clearing = "empty"', "accounts", ("clearable", True)),
        ('profile = "A3"', "accounts", ("creatable", False)),
        ('native_salesforce_sync = "pull_only"', "contacts", ("creatable", False)),
        ('native_salesforce_sync = "on"', "contacts", ("writable", False)),
        ('native_salesforce_sync = "on"', "groups", ("creatable", True)),
        ('horizon = "90s"', "contacts", ("horizon_s", 90)),
    ],
)
def test_keys_of_abmatic_take_effect(built, key, object, shown):  # noqa: A002
    """Each key changes what the connector says it can do; those that change requests are in its contract tests."""
    name, value = shown
    assert getattr(built(ABMATIC + key + "\n").capabilities(object), name) == value


SALESFORCE = '[systems.salesforce]\nlogin_url = "https://acme.my.salesforce.com"\nclient_id = "env:KEY"\n'
GRANTS = (
    'client_secret = "env:KEY"\n',
    'auth = "refresh_token"\nclient_secret = "env:KEY"\nrefresh_token = "env:KEY"\n',
    'auth = "jwt"\nusername = "me@acme.example"\nprivate_key = "env:KEY"\n',
)
KINDS = {
    "abmatic": [ABMATIC],
    "salesforce": [SALESFORCE + grant for grant in GRANTS],
    "conversion": [CONVERSION],
    "activecampaign": [ACTIVECAMPAIGN],
    "letrics": [LETRICS],
}


def test_the_size_of_requests_to_salesforce_is_as_configured(built):
    """Rows journalled at a time are whole requests of that size."""
    one = built(SALESFORCE + GRANTS[0] + "batch_size = 30\n")
    assert one.journal_size("Contact", 1999) == 990


def test_every_kind_is_looked_at():
    """No kind of system is left out of the test below."""
    assert set(KINDS) == set(wire._builders()) & set(CONFIGURED)


@pytest.mark.parametrize("kind", KINDS)
def test_no_key_is_left_unread(tmp_path, kind, monkeypatch):
    """Every key that a kind documents is read when its connector is built; those of a grant, where it is the one in use."""
    read = set()
    for text in KINDS[kind]:
        (tmp_path / "mappings").mkdir(exist_ok=True)
        (tmp_path / "config.toml").write_text(text)
        (config,) = load(tmp_path / "config.toml", ENVIRONMENT).systems.values()
        reading = Reading(config)
        with monkeypatch.context() as patch:
            patch.setattr(wire, type(config).__name__, Reading)
            wire._builders()[kind](
                reading, ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), lambda address: False, wire.Known(None, print)
            ).close()
        read |= reading.read
    keys = set(keys_of(type(config))) - OTHERS - UNUSED.get(kind, set())
    rates = {"requests_per_minute", "requests_per_second"} if "rate_per_second" in read else set()
    assert keys - rates <= read


@pytest.mark.parametrize("section", SECTIONS)
def test_no_key_of_a_section_is_left_unread(section):
    """Every key of [server], [schedule] and the others is taken by some room outside the configuration itself."""
    rooms = [file for file in Path(wire.__file__).parents[1].rglob("*.py") if "config" not in file.parts]
    source = "\n".join(file.read_text() for file in rooms)
    unread = [key for key in keys_of(SECTIONS[section]) if not re.search(rf"\b{section}\.{key}\b", source)]
    assert unread == []


def test_what_the_state_says_of_itself_is_logged(tmp_path):
    """A state that learns its opt-outs from the ledger's file says so to whoever reads the log."""
    (tmp_path / "mappings").mkdir()
    (tmp_path / "config.toml").write_text(CONVERSION)
    config, clock = load(tmp_path / "config.toml", ENVIRONMENT), ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    with Store.open(config.state.url, clock=clock) as store:
        store.suppress([Suppression("ada@x.example", "salesforce", "the row")])
    for name in ("crm-sync.db", "crm-sync.db.generation"):
        (tmp_path / name).unlink()
    with capture_logs() as lines:
        open_to_write(config, clock).close()
    told = [line["what"] for line in lines if line["event"] == "state.noticed"]
    assert any("entries in force again: 1" in what for what in told)

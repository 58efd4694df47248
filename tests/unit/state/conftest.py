from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sync.model.clock import ManualClock
from sync.model.remote import NativeRecord
from sync.state import NewRecord, Seen, Store

NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def clock():
    return ManualClock(NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "crm-sync.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def store(url, clock):
    with Store.open(url, clock=clock) as opened:
        yield opened


class Hand:
    """Short words for what most tests begin with."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self.store, self.clock = store, clock

    def row(self, remote_id, email=None, /, **values):
        record_values = {"Email": email, **values} if email else values
        keys = (("email", email),) if email else ()
        return Seen(NativeRecord("Contact", remote_id, record_values), keys)

    def page(self, *rows, system="salesforce", cursor=None, sweep=None, **more):
        seen_at = self.clock.now()
        return self.store.save_page(
            "contact", system, "Contact", "feed", rows, cursor=cursor, seen_at=seen_at, sweep=sweep, **more
        )

    def number(self, remote_id, system="salesforce"):
        return self.store.observed(system, "Contact", [remote_id])[remote_id].number

    def record(self, id_, remote_id, email="a@x.example", system="salesforce", **values):
        self.page(self.row(remote_id, email, **values), system=system)
        self.store.create_records([NewRecord(id_, "contact", (self.number(remote_id, system),))])
        return self.store.load_ids([id_])[0]


@pytest.fixture
def hand(store, clock):
    return Hand(store, clock)

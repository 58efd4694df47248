"""The service's jobs on a real state: a mistake of ours in one entity does not stop the other; upkeep keeps what it must."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sync.daemon.isolation import STRIKES
from sync.daemon.jobs import Jobs
from sync.daemon.lanes import Lanes
from sync.daemon.spool import Arrived, Spool
from sync.errors import StoppedError
from sync.model.clock import SystemClock
from sync.runner import cycle, decide
from sync.runner.context import Alone
from sync.runner.wire import hold, reading


@pytest.fixture
def service(scene, tmp_path):
    """Jobs on the scene's workspace, on this thread."""
    scene.with_accounts()
    scene.settings("state.backups", "backups")
    scene.settings("state.backups_kept", 2)
    config, mappings = scene.both
    clock = SystemClock()
    held = hold(config, clock, "test", Alone(), dict)
    reports = []

    def write_report(error):
        reports.append(type(error).__name__)

    lanes = Lanes(clock)
    lanes.keep(config.systems)
    with held.lock, held.taken():
        jobs = Jobs(config, mappings, clock, lanes, Spool(tmp_path / "state.db"), write_report)
        jobs.begin()
        jobs.reports = reports
        jobs.again = lambda: _again(jobs, config, mappings, clock, lanes, write_report, tmp_path)
        yield jobs
        held.close()


def _again(jobs, config, mappings, clock, lanes, write_report, folder):
    """The jobs of the next process."""
    later = Jobs(config, mappings, clock, lanes, Spool(folder / "state.db"), write_report)
    later.begin()
    return later


def poisoned(monkeypatch, entity):
    whole = cycle.decide

    def decide(context, of, *rest):
        if of.name == entity:
            raise ZeroDivisionError
        whole(context, of, *rest)

    monkeypatch.setattr(cycle, "decide", decide)
    return whole


@pytest.mark.law("row 90")
def test_a_mistake_in_one_entity_does_not_stop_the_other(scene, service, monkeypatch):
    """A bug that kills every run of contacts is reported, and after three times accounts are synced without them; cured, all is."""
    scene.person("ada", abmatic={"title": "CTO"})
    scene.account("acme", abmatic={})
    whole = poisoned(monkeypatch, "contact")
    lived = [service.run() for _ in range(2 * STRIKES + 1)]
    assert lived == [False] * 2 * STRIKES + [True]
    assert scene.control("dump?system=salesforce", method="GET")["Account"]
    assert not scene.control("dump?system=salesforce", method="GET")["Contact"]
    assert service.reports == ["ZeroDivisionError"] * (2 * STRIKES)
    assert list(service.bugs) == [(), ("contact",)]
    monkeypatch.setattr(cycle, "decide", whole)
    service.isolation.aside.clear()
    assert service.run()
    assert service.run()
    assert scene.control("dump?system=salesforce", method="GET")["Contact"]
    assert not service.isolation.split()


@pytest.mark.law("row 90")
def test_one_poisoned_record_stops_itself_only(scene, service, monkeypatch):
    """A record that ends every run by a mistake of ours is found among the others and set aside; all the others are carried."""
    people = [f"p{number}" for number in range(12)]
    for name in people:
        scene.person(name, abmatic={"title": "CTO"})
    whole = decide.merge

    def merge(record, *rest):
        if any("p7@" in str(link.observed.values.get("email")) for link in record.links):
            raise ZeroDivisionError
        return whole(record, *rest)

    monkeypatch.setattr(decide, "merge", merge)
    lived = [service.run() for _ in range(2 * STRIKES + 2)]
    assert lived[-1]
    there = {row["Email"] for row in scene.control("dump?system=salesforce", method="GET")["Contact"]}
    assert there == {f"{name}@acme.example" for name in people if name != "p7"}
    [aside] = scene.quarantine()
    assert (aside["error"], "p7" in str(aside["key"]) or aside["record"] is not None) == ("BUG", True)
    monkeypatch.setattr(decide, "merge", whole)
    scene.edit("p7", abmatic={"title": "CEO"})
    assert service.run()
    there = {row["Email"] for row in scene.control("dump?system=salesforce", method="GET")["Contact"]}
    assert "p7@acme.example" in there


def test_a_process_that_died_in_a_run_is_counted_at_the_next_start(service, monkeypatch):
    """Three processes killed in a run make the fourth run the entities one by one."""

    def die(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("sync.runner.upkeep.run", die)
    jobs = service
    for _ in range(STRIKES):
        with pytest.raises(KeyboardInterrupt):
            jobs.run()
        jobs = service.again()
    assert jobs.isolation.split()


def test_a_process_that_is_asked_to_end_in_a_run_has_not_died(service, monkeypatch):
    """SIGTERM in the middle of a run is no death: however often, the next start runs everything together."""

    def stop(*_, **__):
        raise StoppedError("at a safe point")

    monkeypatch.setattr("sync.runner.upkeep.run", stop)
    jobs = service
    for _ in range(STRIKES):
        with pytest.raises(StoppedError):
            jobs.run()
        jobs = service.again()
    assert not jobs.isolation.deaths


def test_an_event_is_taken_in_once(service):
    """What comes twice, or again after a kill between the inbox and the spool, is new once."""
    event = Arrived("abmatic", "a" * 64, "contact.revealed", "{}")
    service._spool.keep(event)
    assert service.take_in() == 1
    service._spool.keep(event)
    assert service.take_in() == 0
    assert service._spool.count() == 0


def test_idle_runs_are_forgotten_and_the_newest_stays(scene, service, monkeypatch):
    """A day of runs that found nothing is thrown away after a day; runs that did something stay."""
    scene.person("ada", abmatic={"title": "CTO"})
    for _ in range(4):
        assert service.run()
    monkeypatch.setattr("sync.runner.upkeep.IDLE_KEPT", timedelta(0))
    service.tidy()
    with reading(service.config) as store:
        runs = store.runs()
    assert 2 <= len(runs) < 4
    assert any(row.systems["salesforce"]["created"] for row in runs)


def test_backups_are_whole_and_few(scene, service, tmp_path):
    """Each backup opens, holds everybody, is for its owner alone, and only the newest are kept."""
    scene.person("ada", abmatic={"title": "CTO"})
    service.run()
    folder = service.config.state.backups
    for name in ("crm-sync-20200101T000000Z.db", "crm-sync-20200102T000000Z.db"):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text("old")
    service.back_up()
    kept = sorted(folder.glob("*.db"))
    assert kept[0].name == "crm-sync-20200102T000000Z.db"
    assert len(kept) == 2
    assert kept[-1].stat().st_mode & 0o077 == 0
    assert kept[-1].read_bytes().startswith(b"SQLite format 3")


@pytest.mark.parametrize("told", [0, -1], ids=["newest", "first"])
def test_a_service_that_is_stopped_by_a_limit_keeps_one_plan(scene, service, told):
    """The same plan, made anew every minute, is kept once: the run that somebody was told of shows and releases it, and so does the newest."""
    for number in range(3):
        scene.person(f"p{number}", abmatic={})
    scene.settings("safety.max_creates", 1)
    service.config = scene.both[0]
    for _ in range(3):
        service.run()
    with reading(service.config) as store:
        stopped = [row.run for row in store.runs() if row.status == "stopped"]
        assert [sum(store.counts(run).values()) for run in stopped] == [0, 0, 3]
    assert len(stopped) == 3
    for run in stopped:
        shown = scene.run(run)
        assert (len(shown["operations"]), shown["planned"]["salesforce"]["created"]) == (3, 3)
        assert shown["undone"] is None
    done = scene.apply(stopped[told])
    assert done.systems["salesforce"].created == 3


def test_a_service_whose_plan_changes_keeps_both(scene, service):
    """Another plan does not take the place of the one that somebody is reading: each is released by its own run."""
    scene.settings("safety.max_creates", 1)
    service.config = scene.both[0]
    for name in ("ada", "bob"):
        scene.person(name, abmatic={})
    service.run()
    scene.person("cyd", abmatic={})
    service.run()
    with reading(service.config) as store:
        newest, first = [row.run for row in store.runs() if row.status == "stopped"]
    assert [len(scene.run(run)["operations"]) for run in (first, newest)] == [2, 3]
    assert scene.apply(first).systems["salesforce"].created == 2

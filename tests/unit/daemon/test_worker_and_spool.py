"""The worker takes one job at a time by rank and lives through all; the spool keeps what was acknowledged; files are taken when they rest."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager

import pytest

from sync.daemon.reload import Watch
from sync.daemon.spool import Arrived, Spool
from sync.daemon.stopping import Ending, EndingClock, Interrupts
from sync.daemon.worker import Rank, Worker
from sync.errors import StateError, StoppedError, UsageError


@pytest.fixture
def working():
    """A worker whose first job waits for a sign; what failed."""
    worker, failed, sign = Worker(), [], threading.Event()

    @contextmanager
    def surroundings():
        yield

    worker.start(surroundings, lambda name, error: failed.append((name, type(error).__name__)))
    held = worker.ask("first", Rank.UPKEEP, sign.wait)
    while worker.running != "first":
        sign.wait(0.001)
    yield worker, failed, sign
    sign.set()
    held.result(10)
    worker.stop(10)


def test_what_waits_goes_by_rank(working):
    """A command goes before a poll, a poll before a reconcile, whatever was asked for first."""
    worker, _, sign = working
    done = []
    for name, rank in (
        ("reconcile", Rank.RECONCILE),
        ("poll", Rank.POLL),
        ("a", Rank.COMMAND),
        ("b", Rank.COMMAND),
        ("reload", Rank.RELOAD),
    ):
        last = worker.ask(name, rank, lambda name=name: done.append(name))
    waits = worker.ask("tidy", Rank.UPKEEP, lambda: done.append("tidy"))
    assert worker.urgent()
    sign.set()
    waits.result(10)
    assert last.done()
    assert done == ["reload", "a", "b", "poll", "reconcile", "tidy"]


@pytest.mark.law("row 89")
def test_ticks_that_pile_up_become_one(working):
    """What is asked for while it waits is done once, at the better of its ranks."""
    worker, _, sign = working
    done = []
    first = worker.ask("poll", Rank.POLL, lambda: done.append("poll"))
    assert worker.ask("poll", Rank.POLL, lambda: done.append("never")) is first
    worker.ask("other", Rank.PROMPTED, lambda: done.append("other"))
    worker.ask("poll", Rank.RELOAD, lambda: done.append("never"))
    assert worker.is_asked("poll")
    sign.set()
    worker.ask("end", Rank.UPKEEP, lambda: None).result(10)
    assert done == ["poll", "other"]


@pytest.mark.law("row 86")
def test_whatever_a_job_raises_the_worker_lives(working):
    """Who waits gets the error, the next job is done."""
    worker, failed, sign = working
    sign.set()
    for error in (UsageError("no"), ZeroDivisionError(), SystemExit(3), KeyboardInterrupt()):

        def break_down(error=error):
            raise error

        assert worker.ask("bad", Rank.COMMAND, break_down).exception(10) is error
    assert worker.ask("good", Rank.COMMAND, lambda: 7).result(10) == 7
    assert [name for _, name in failed] == ["UsageError", "ZeroDivisionError", "SystemExit", "KeyboardInterrupt"]


def test_at_the_end_nobody_is_left_waiting(working):
    """What waits when the service ends is told so, and so is who comes later."""
    worker, _, sign = working
    waits = worker.ask("command", Rank.COMMAND, lambda: None)
    assert not worker.stop(0)
    assert isinstance(waits.exception(10), StoppedError)
    assert isinstance(worker.ask("late", Rank.COMMAND, lambda: None).exception(10), StoppedError)
    sign.set()
    assert worker.stop(10)


# the end -----------------------------------------------------------------------------------------------------------------------------


def test_a_safe_point_is_where_work_ends():
    """Nothing happens at a safe point until the process is to end; waits are over then too."""
    ending = Ending()
    interrupts, clock = Interrupts(ending, lambda: None, lambda name: 20.0), EndingClock(ending)
    interrupts.safe_point()
    assert interrupts.patience_s("it") is None
    interrupts.hasty = True
    assert interrupts.patience_s("it") == 20.0
    ending.begin()
    clock.sleep(3600)
    with pytest.raises(StoppedError):
        interrupts.safe_point()


def test_before_a_long_run_makes_its_plan_news_is_looked_for_however_recent_the_last_look():
    """Otherwise a look comes when the last one is long enough ago, and never in a poll, which is one itself."""
    interrupts, looks = Interrupts(Ending(), lambda: None, lambda name: 20.0), []
    interrupts.news = looks.append
    interrupts.looked()
    interrupts.interlude("it")
    assert looks == []
    interrupts.interlude("it", due=True)
    assert looks == ["it"]
    interrupts.hasty = True
    interrupts.interlude("it", due=True)
    assert looks == ["it"]


# the spool ---------------------------------------------------------------------------------------------------------------------------

EVENT = Arrived("abmatic", "ab" * 32, "contact.revealed", '{"event": "😀 <script>"}')


@pytest.mark.law("row 111")
def test_what_was_kept_is_there_for_the_next_process(tmp_path):
    """An event that was kept is found by whoever looks next, once, until it is done; nobody else can read it."""
    state = tmp_path / "state.db"
    assert Spool(state).keep(EVENT)
    assert Spool(state).keep(EVENT)
    later = Spool(state)
    assert later.count() == 1
    [(file, found)] = later.waiting()
    assert found == EVENT
    assert (file.stat().st_mode & 0o077, later.folder.stat().st_mode & 0o077) == (0, 0)
    later.done([file])
    assert (later.count(), list(later.waiting())) == (0, [])


def test_half_a_file_is_no_event(tmp_path):
    """What a kill left half-written is not taken for an event, and what cannot be read is set aside, not lost."""
    spool = Spool(tmp_path / "state.db")
    spool.keep(EVENT)
    (spool.folder / "abmatic-x.draft-1-2").write_bytes(b'{"system":')
    (spool.folder / "abmatic-y.json").write_bytes(b'{"system":')
    assert [event for _, event in spool.waiting()] == [EVENT]
    assert sorted(p.suffix for p in spool.folder.iterdir()) == [".draft-1-2", ".json", ".unreadable"]


@pytest.mark.law("row 109")
def test_a_flood_ends_at_the_brim(tmp_path, monkeypatch):
    """So many events may wait; who comes then is sent away and comes again."""
    monkeypatch.setattr("sync.daemon.spool.WAITING_MAX", 3)
    spool = Spool(tmp_path / "state.db")
    answers = [spool.keep(Arrived("abmatic", f"{n:064d}", "x", "{}")) for n in range(5)]
    assert answers == [True, True, True, False, False]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    """No event is acknowledged that is not kept."""
    tmp_path.chmod(0o500)
    with pytest.raises(StateError):
        Spool(tmp_path / "state.db").keep(EVENT)
    tmp_path.chmod(0o700)


def test_a_spool_that_is_a_file_is_said(tmp_path):
    """No event is acknowledged that is not kept."""
    (tmp_path / "state.db.inbox").write_text("in the way")
    with pytest.raises(StateError):
        Spool(tmp_path / "state.db").keep(EVENT)


# files -------------------------------------------------------------------------------------------------------------------------------


class Files:
    """As much of a configuration as a watch looks at."""

    def __init__(self, folder):
        self.file, self.mappings = folder / "config.toml", folder / "mappings"
        self.file.write_text("a")
        self.mappings.mkdir()

    def secrets(self):
        return ()


def test_a_change_is_told_when_it_rests_and_once(tmp_path):
    """While files still change nobody reads them; then it is told, once; a file that comes or goes is a change too."""
    files = Files(tmp_path)
    watch = Watch(files)
    assert not watch.changed()
    files.file.write_text("ab")
    assert not watch.changed(), "it may still be being written"
    assert watch.changed()
    assert not watch.changed()
    new = files.mappings / "contacts.toml"
    new.write_text("x")
    assert [watch.changed(), watch.changed(), watch.changed()] == [False, True, False]
    new.unlink()
    assert [watch.changed(), watch.changed()] == [False, True]
    files.file.unlink()
    assert [watch.changed(), watch.changed()] == [False, True]

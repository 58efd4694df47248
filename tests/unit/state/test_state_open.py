from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from sync.errors import LockedError, StateError
from sync.model.remote import NativeRecord
from sync.state import Lock, Seen, Store, journal_mode_here, sqlite, state_file


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


OPEN = """
    import os, signal, sys
    from sync.model.clock import SystemClock
    from sync.state import Lock, Store
    store = Store.open(sys.argv[1], clock=SystemClock())
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def fill(store, count=300):
    rows = [
        Seen(NativeRecord("Contact", f"003{n}", {"Email": f"p{n}@x.example", "Note": "n" * 200})) for n in range(count)
    ]
    store.save_page("contact", "salesforce", "Contact", "f", rows, cursor="c1", seen_at=store._clock.now(), sweep=None)


def test_private(store, path):
    """State and sidecar are their owner's alone, in a folder that is too."""
    assert [mode(path), mode(path.parent), mode(path.with_name("crm-sync.db.generation"))] == [0o600, 0o700, 0o600]


@pytest.mark.law("row 72")
def test_made_private(url, path, clock):
    """A state that others could read is closed to them, and the operator is told."""
    Store.open(url, clock=clock).close()
    path.chmod(0o644)
    with Store.open(url, clock=clock) as store:
        assert mode(path) == 0o600
        assert any("0600" in notice for notice in store.notices)


@pytest.mark.parametrize(
    "bad", ["postgresql+psycopg://u@h/d", "mysql://h/d", "sqlite://", "sqlite:///:memory:", "x.db"]
)
def test_foreign_urls(bad, clock):
    """A URL that no state can be kept at is refused with a remedy."""
    with pytest.raises(StateError) as caught:
        Store.open(bad, clock=clock)
    assert caught.value.remedy


@pytest.mark.law("row 68")
@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_lost_state(url, path, clock, left):
    """A state that was there and is gone or empty is never started anew."""
    Store.open(url, clock=clock).close()
    path.unlink()
    if left != "nothing":
        path.touch()
    for opener in (Store.open, Store.open_copy):
        with pytest.raises(StateError, match="it was there before") as caught:
            opener(url, clock=clock)
        assert "crm-sync.db.generation" in caught.value.remedy


@pytest.mark.law("row 68")
def test_no_init(url, clock, path):
    """Without `init`, and for readers, a missing state is an error and nothing is made."""
    for options in ({"init": False}, {"read_only": True}):
        with pytest.raises(StateError, match="no state"):
            Store.open(url, clock=clock, **options)
    assert not path.exists()


def overwrite(path: Path, page: int, page_size: int = 4096):
    with path.open("r+b") as file:
        file.seek(page * page_size)
        file.write(os.urandom(page_size))


@pytest.mark.law("row 67")
@pytest.mark.parametrize("damage", ["garbage", "truncated", "flipped page"])
def test_damage(url, path, clock, damage):
    """A damaged state is refused with a way back, before anything relies on it, and is left as it is."""
    with Store.open(url, clock=clock) as store:
        fill(store)
    raw = path.read_bytes()
    if damage == "garbage":
        path.write_bytes(os.urandom(len(raw)))
    elif damage == "truncated":
        path.write_bytes(raw[: len(raw) // 3])
    else:
        overwrite(path, page=len(raw) // 4096 // 2)
    before = path.read_bytes()
    with pytest.raises(StateError) as caught:
        Store.open(url, clock=clock)
    assert "backup" in caught.value.remedy
    assert path.read_bytes() == before


def test_clean_end_is_not_checked(url, clock, monkeypatch):
    """After a clean close the file is not read through; after a crash it is."""
    checks = []
    monkeypatch.setattr(sqlite, "check", lambda *_: checks.append("checked"))
    Store.open(url, clock=clock).close()
    Store.open(url, clock=clock).close()
    assert checks == []
    code = OPEN + "    store.set_meta('a', 'b'); os.kill(os.getpid(), signal.SIGKILL)"
    assert run_python(code, url).returncode == -signal.SIGKILL
    Store.open(url, clock=clock).close()
    assert checks == ["checked"]


def test_killed_in_a_transaction(url, clock):
    """kill -9 inside a transaction leaves the state of before it."""
    code = (
        OPEN
        + """
    store.set_meta("kept", "1")
    with store.transaction():
        store.set_meta("kept", "2")
        for n in range(20000):
            store.set_meta(f"key {n}", "x" * 100)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    )
    assert run_python(textwrap.dedent(code), url).returncode == -signal.SIGKILL
    with Store.open(url, clock=clock, read_only=True) as store:
        assert store.get_meta("kept") == "1"
        assert store.get_meta("key 1") is None


@pytest.mark.law("row 69")
def test_old_backup(url, path, clock, tmp_path):
    """A restored older copy is known as such until a person confirms, also after more runs and restarts."""
    with Store.open(url, clock=clock) as store:
        store.start_run("r1", "sync", full=False, entities=["contact"])
        store.finish_run("r1", "ok", 1.0, {})
        store.backup(tmp_path / "copy.db")
        store.start_run("r2", "sync", full=False, entities=["contact"])
    path.write_bytes((tmp_path / "copy.db").read_bytes())
    for run in ("r3", "r4", "r5"):
        with Store.open(url, clock=clock) as store:
            assert store.rolled_back
            store.start_run(run, "sync", full=False, entities=["contact"])
    with Store.open_copy(url, clock=clock) as copy:
        assert copy.rolled_back
    with Store.open(url, clock=clock) as store:
        store.confirm_generation()
        assert not store.rolled_back
    with Store.open(url, clock=clock) as store:
        assert not store.rolled_back


def test_backup_during_a_run(url, path, clock, tmp_path):
    """A copy made while a run was writing counts as old when it is restored: it lacks the rest of that run."""
    with Store.open(url, clock=clock) as store:
        store.start_run("r1", "sync", full=False, entities=[])
        store.backup(tmp_path / "copy.db")
        store.finish_run("r1", "ok", 1.0, {})
    path.write_bytes((tmp_path / "copy.db").read_bytes())
    with Store.open(url, clock=clock) as store:
        assert store.rolled_back


def test_lost_sidecar(url, path, clock):
    """A database without its sidecar cannot prove its age, so it counts as old."""
    with Store.open(url, clock=clock) as store:
        store.start_run("r1", "sync", full=False, entities=[])
    path.with_name("crm-sync.db.generation").unlink()
    with Store.open(url, clock=clock) as store:
        assert store.rolled_back


@pytest.mark.law("row 70")
def test_newer_schema(url, path, clock):
    """A state of a newer program is refused, by writers, readers and copies alike."""
    Store.open(url, clock=clock).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    for open_it in (Store.open, Store.open_copy, lambda url, clock: Store.open(url, clock=clock, read_only=True)):
        with pytest.raises(StateError, match="9999"):
            open_it(url, clock=clock)


def test_other_database(url, path, clock):
    """Another program's database is not taken for a state."""
    path.parent.mkdir()
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE mine (x)")
    raw.close()
    with pytest.raises(StateError, match="another program"):
        Store.open(url, clock=clock)


@pytest.mark.law("row 72")
def test_unwritable_folder(clock):
    """Where no file can be made (not even by root) the refusal says so and what to check."""
    for opener in (
        lambda: Store.open("sqlite:////proc/x/state.db", clock=clock),
        Lock(Path("/proc/state.db"), "sync").acquire,
    ):
        with pytest.raises(StateError) as caught:
            opener()
        assert "rights" in caught.value.remedy


@pytest.mark.law("row 64")
def test_disk_full(store, hand):
    """A full disk undoes the whole step and is named; with space again the same step succeeds."""
    store._execute("PRAGMA max_page_count = 80")
    rows = [hand.row(f"003{n}", f"p{n}@x.example", Note="n" * 900) for n in range(2000)]
    with pytest.raises(StateError, match="disk is full"):
        hand.page(*rows, cursor="c1")
    assert store.cursor("salesforce", "Contact", "feed") is None
    assert store.observed_count("contact", "salesforce") == 0
    store._execute("PRAGMA max_page_count = 1000000")
    assert hand.page(*rows, cursor="c1") == 2000
    assert store.cursor("salesforce", "Contact", "feed") == "c1"


def test_failed_part_dooms_the_whole(store):
    """A failure inside a joined transaction undoes the outer one, even if it was caught."""
    with pytest.raises(StateError), store.transaction():
        store.set_meta("a", "1")
        try:
            with store.transaction():
                raise ValueError
        except ValueError:
            pass
        store.set_meta("b", "1")
    assert store.get_meta("a") is None
    store.set_meta("a", "2")
    assert store.get_meta("a") == "2"


@pytest.mark.law("row 74")
def test_reader_beside_writer(url, store, clock):
    """Readers, copies and backups work while a writer has the state open, and see what is committed only."""
    store.set_meta("a", "1")
    with store.transaction():
        store.set_meta("a", "2")
        with Store.open(url, clock=clock, read_only=True) as reader, Store.open_copy(url, clock=clock) as copy:
            assert (reader.get_meta("a"), copy.get_meta("a")) == ("1", "1")
            with pytest.raises(StateError, match="written"):
                reader.set_meta("a", "3")
            copy.set_meta("a", "4")
    assert store.get_meta("a") == "2"


@pytest.mark.law("row 73")
def test_waits_for_a_reader(url, path, store):
    """A commit waits for another program that is reading, and nothing is lost."""
    code = """
    import sqlite3, sys, time
    raw = sqlite3.connect(sys.argv[1], isolation_level=None)
    raw.execute("BEGIN"); raw.execute("SELECT * FROM meta").fetchall()
    print("reading", flush=True); sys.stdin.readline(); raw.execute("COMMIT")
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout.readline() == "reading\n"
        reader.stdin.write("\n")
        reader.stdin.flush()
        store.set_meta("a", "1")
    assert store.get_meta("a") == "1"


def test_copy_leaves_nothing(url, store, clock):
    """A copy is private and gone when it is closed."""
    copy = Store.open_copy(url, clock=clock)
    kept = copy._throwaway
    assert mode(kept) == 0o600
    copy.close()
    assert not list(kept.parent.glob(kept.name + "*"))


def test_backup(url, path, store, tmp_path, clock):
    """A backup is private and whole, opens as a state, and never replaces the state itself."""
    fill(store)
    target = tmp_path / "backup.db"
    store.backup(target)
    assert mode(target) == 0o600
    with Store.open(f"sqlite:///{target}", clock=clock) as restored:
        assert restored.observed_count("contact", "salesforce") == 300
    (tmp_path / "alias.db").symlink_to(path)
    for own in (path, tmp_path / "alias.db", path.with_name("crm-sync.db.generation"), path.parent):
        with pytest.raises(StateError):
            store.backup(own)
    with pytest.raises(StateError):
        store.backup(Path("/proc/backup.db"))


def test_a_backup_goes_to_a_file_named_from_here(store, tmp_path, monkeypatch):
    """`crm-sync backup copy.db` is a file of the folder that one stands in."""
    monkeypatch.chdir(tmp_path)
    store.backup(Path("here.db"))
    assert (tmp_path / "here.db").stat().st_size > 0


@pytest.mark.law("row 81")
def test_lock_names_its_holder(url):
    """A second process is told who holds the lock; kill -9 frees it without a clean-up."""
    code = (
        OPEN
        + """
    from sync.state import state_file
    lock = Lock(state_file(sys.argv[1]), "backfill"); lock.acquire(); print("held", flush=True); sys.stdin.readline()
    """
    )
    command = [sys.executable, "-c", textwrap.dedent(code), url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=f"backfill .process {holder.pid} on"):
            Lock(state_file(url), "sync").acquire()
        holder.kill()
        holder.wait()
    with Lock(state_file(url), "sync"):
        assert mode(state_file(url).with_name("crm-sync.db.lock")) == 0o600
        with pytest.raises(LockedError):
            Lock(state_file(url), "sync").acquire()
    Lock(state_file(url), "sync").acquire()


@pytest.mark.law("row 77")
def test_versions_with_the_wal_bug(url):
    """WAL is used only with an SQLite that is known to be free of the WAL-reset bug."""
    sound = [(3, 44, 6), (3, 50, 7), (3, 51, 3), (3, 53, 0), (4, 0, 0)]
    unsound = [(3, 40, 1), (3, 44, 5), (3, 45, 0), (3, 50, 6), (3, 51, 2), (3, 52, 0)]
    assert [sqlite.wal_is_sound(version) for version in sound + unsound] == [True] * 5 + [False] * 6
    assert journal_mode_here(url) in ("wal", "delete")


def test_wrong_thread(store):
    """A store refuses every thread but its own, but for the gate's question and a rotating credential."""
    import threading

    found = []

    def visit():
        store.set_secret("salesforce", "new token")
        found.append(store.is_suppressed("a@x.example"))
        try:
            store.get_meta("a")
        except AssertionError as error:
            found.append(str(error))

    visitor = threading.Thread(target=visit)
    visitor.start()
    visitor.join()
    assert found == [False, "a store belongs to the thread that opened it"]
    assert store.secret("salesforce") == "new token"

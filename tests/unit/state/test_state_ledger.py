"""The file of the ledger: no copy of the state, however old, forgets an opt-out or knows an erased person again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.errors import StateError
from sync.model.clock import ManualClock
from sync.state import Store, Suppression
from sync.state.ledger import LedgerFile


def out(address):
    return Suppression(address, "salesforce", "the row")


def ledger(path: Path) -> Path:
    return path.with_name(path.name + ".ledger")


def restore(store: Store, path: Path, copy: Path) -> None:
    store.close()
    path.write_bytes(copy.read_bytes())


@pytest.mark.law("L6", "row 69")
def test_a_restored_backup_forgets_no_opt_out(url, path, clock, tmp_path):
    """Opt-outs and grants from after the backup count again, and the operator is told once."""
    store = Store.open(url, clock=clock)
    store.suppress([out("ada@x.example")])
    store.backup(tmp_path / "copy.db")
    clock.sleep(60)
    store.lift("ada@x.example", "a letter", "jo")
    store.suppress([out("bob@x.example")])
    restore(store, path, tmp_path / "copy.db")
    with Store.open(url, clock=clock) as store:
        assert store.suppressed(["ada@x.example", "bob@x.example"]) == {"bob@x.example"}
        assert [act["act"] for act in store.consent_history("ada@x.example")] == ["lift", "suppress"]
        assert any("entries in force again: 2" in notice for notice in store.notices)
    with Store.open(url, clock=clock) as store:
        assert not any("in force again" in notice for notice in store.notices)


@pytest.mark.law("row 136")
def test_a_restored_backup_does_not_know_the_forgotten(url, path, clock, store, hand, tmp_path):
    """Whoever was erased after the backup is erased again at the first opening, to the last byte, under later addresses of the row too."""
    hand.record("R1", "003A", "ada@x.example", LastName="Lovelace")
    hand.record("R2", "003B", "bob@x.example", LastName="Babbage")
    hand.record("R3", "003C", "old@x.example", LastName="Renamed")
    store.backup(tmp_path / "copy.db")
    hand.page(hand.row("003C", "new@x.example", LastName="Renamed"))
    store.forget("ada@x.example")
    store.forget("new@x.example")
    restore(store, path, tmp_path / "copy.db")
    assert b"Lovelace" in path.read_bytes()
    with Store.open(url, clock=clock) as again:
        assert set(again.observed("salesforce", "Contact", ["003A", "003B", "003C"])) == {"003B"}
        assert any("forgotten persons erased again: 2" in notice for notice in again.notices)
    assert not any(word in path.read_bytes() for word in (b"Lovelace", b"ada@x.example", b"Renamed", b"old@x.example"))


def test_a_plan_on_an_older_copy_knows_it_too(url, path, clock, tmp_path):
    """A plan works on a copy: it shows what the run will do."""
    store = Store.open(url, clock=clock)
    store.backup(tmp_path / "copy.db")
    store.suppress([out("ada@x.example")])
    before = ledger(path).read_bytes()
    restore(store, path, tmp_path / "copy.db")
    with Store.open_copy(url, clock=clock) as copy:
        assert copy.is_suppressed("ada@x.example")
        copy.suppress([out("bob@x.example")])
    assert ledger(path).read_bytes() == before


def test_a_state_that_is_lost_leaves_its_opt_outs(url, path, clock):
    """A state that is started anew on purpose takes over key and opt-outs of the ledger beside it."""
    with Store.open(url, clock=clock) as store:
        store.suppress([out("ada@x.example")])
        name = store.veiled("a value")
    path.unlink()
    path.with_name("crm-sync.db.generation").unlink()
    with Store.open(url, clock=clock) as store:
        assert store.is_suppressed("ada@x.example")
        assert store.veiled("a value") == name


def test_a_ledger_of_another_state_is_refused(url, path, clock, tmp_path):
    """Digests of another key say nothing: a file that came here by mistake is not mixed with one's own."""
    with Store.open(f"sqlite:///{tmp_path}/other.db", clock=clock) as other:
        other.suppress([out("ada@x.example")])
    with Store.open(url, clock=clock) as store:
        store.suppress([out("bob@x.example")])
    ledger(path).write_bytes(ledger(tmp_path / "other.db").read_bytes())
    with pytest.raises(StateError, match="another state"):
        Store.open(url, clock=clock)


@pytest.mark.parametrize("left", ["nothing", "no file", "half a line", "garbage"])
def test_what_a_crash_left_of_the_file_is_completed(url, path, clock, left):
    """The database is first: whatever of the file is missing, the next opening adds it, once."""
    with Store.open(url, clock=clock) as store:
        store.suppress([out("ada@x.example")])
        store.suppress([out("bob@x.example")])
    whole = LedgerFile(ledger(path)).read()
    content = {"nothing": b"", "half a line": ledger(path).read_bytes()[:-40], "garbage": b'\0\xff\n[1]\n{}\n"x"\n'}
    if left == "no file":
        ledger(path).unlink()
    else:
        ledger(path).write_bytes(content[left])
    for _ in range(2):
        Store.open(url, clock=clock).close()
        assert LedgerFile(ledger(path)).read() == whole
    assert ledger(path).stat().st_mode & 0o777 == 0o600


@pytest.mark.law("row 64")
def test_a_disk_that_is_full_just_then(url, path, clock, monkeypatch):
    """An act that reached the database and not the file is reported, is in force, and gets there at the next start."""
    store = Store.open(url, clock=clock)
    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(StateError, match="No space left"):
            store.suppress([out("ada@x.example")])
    store.close()
    ledger(path).write_bytes(b"")
    with Store.open(url, clock=clock) as store:
        assert store.is_suppressed("ada@x.example")
    assert len(LedgerFile(ledger(path)).read().acts) == 1


PEOPLE = [f"p{n}@x.example" for n in range(3)]
ACTS = st.lists(st.tuples(st.sampled_from(["out", "grant", "forget", "backup", "restore", "lose"]), st.sampled_from(PEOPLE)), max_size=14)  # fmt: skip


def do(store: Store, act: str, person: str) -> None:
    if act == "out":
        store.suppress([out(person)])
    elif act == "grant":
        store.lift(person, "a letter", "jo")
    else:
        store.forget(person)


@pytest.mark.law("L6")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ACTS)
def test_copies_change_nothing(acts):
    """Whatever is put back or lost in between: whoever is out stays out, and whoever was granted is not out again."""
    clock, said = ManualClock(datetime(2026, 11, 21, tzinfo=UTC)), {}
    with TemporaryDirectory() as folder:
        path, copy = Path(folder) / "state.db", Path(folder) / "copy.db"
        store = Store.open(f"sqlite:///{path}", clock=clock)
        for act, person in acts:
            clock.sleep(1)
            if act == "backup":
                store.backup(copy)
            elif act in ("restore", "lose"):
                store.close()
                path.unlink()
                path.with_name("state.db.generation").unlink()
                if act == "restore" and copy.exists():
                    path.write_bytes(copy.read_bytes())
                store = Store.open(f"sqlite:///{path}", clock=clock)
            else:
                do(store, act, person)
                said[person] = "forget" if act == "out" and said.get(person) == "forget" else act
            assert store.suppressed(PEOPLE) == {p for p, word in said.items() if word != "grant"}
            assert store.forgotten(PEOPLE) == {p for p, word in said.items() if word == "forget"}
        store.close()

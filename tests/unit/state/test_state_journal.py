from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from datetime import timedelta

import pytest

from sync.model.record import Change, Operation, Quarantined, Status, Turn
from sync.model.remote import Kind
from sync.model.values import MISSING
from sync.state import Finished, RecordSaved, Store


def operation(record="R1", system="salesforce", kind=Kind.UPDATE, remote_id="003A", *changes):
    return Operation("contact", record, system, "Contact", kind, remote_id, changes, "changed", "a@x.example")


def change(before, after):
    return Change("title", "Title", before, after, "abmatic", "prefer", 2)


def test_plan_comes_back(store):
    """A plan comes back whole, in its order, by page and by what is asked for."""
    planned = [
        operation(f"R{n}", system, Kind.UPDATE, f"{n}", change("a", n)) for n in range(5) for system in ("x", "y")
    ]
    store.plan("r1", iter(planned))
    rows = store.operations("r1", limit=3)
    rows += store.operations("r1", after=rows[-1].number)
    assert [row.operation for row in rows] == planned
    assert {row.status for row in rows} == {Status.PLANNED}
    assert len(store.operations("r1", system="x", kind=Kind.UPDATE, object="Contact", statuses=(Status.PLANNED,))) == 5
    assert store.operations("r1", kind=Kind.CREATE) == store.operations("r2") == []


def test_outcomes(store, clock):
    """Each outcome is counted by system, kind and status; what is not told stays as it was."""
    store.plan("r1", [operation(f"R{n}") for n in range(4)])
    numbers = [row.number for row in store.operations("r1")]
    store.mark_sent(numbers[:3], at=clock.now())
    until = clock.now() + timedelta(minutes=5)
    store.finish(
        [
            Finished(numbers[0], Status.SETTLED, remote_id="003Z"),
            Finished(numbers[1], Status.IN_DOUBT, error="TIMEOUT", message="no answer", doubt_until=until, resent=True),
        ]
    )
    store.looked(numbers[1])
    found = {row.number: row for row in store.operations("r1")}
    assert found[numbers[0]].operation.remote_id == "003Z"
    doubt = found[numbers[1]]
    assert (doubt.error, doubt.message, doubt.sent_at, doubt.doubt_until, doubt.looks, doubt.resent) == (
        "TIMEOUT",
        "no answer",
        clock.now(),
        until,
        1,
        True,
    )
    assert store.counts("r1") == {
        ("salesforce", Kind.UPDATE, status): 1
        for status in (Status.SETTLED, Status.IN_DOUBT, Status.SENT, Status.PLANNED)
    }
    assert [row.number for row in store.in_doubt()] == numbers[1:3]
    store.unsend([numbers[2]])
    assert [row.number for row in store.in_doubt()] == [numbers[1]]


def test_clears(store):
    """A clear is a change from something to nothing; MISSING and blank are not something."""
    made = [change("CTO", None), change("CTO", ""), change(None, None), change(MISSING, None), change("a", "b")]
    store.plan("r1", [operation("R1", "salesforce", Kind.UPDATE, "003A", *made), operation("R2", "abmatic")])
    assert store.clear_counts("r1") == {"salesforce": 2}


def test_plans_are_no_obligations(store, clock):
    """Dropping plans leaves everything that was sent."""
    for run in ("r1", "r2"):
        store.plan(run, [operation(), operation()])
    sent, planned = (row.number for row in store.operations("r1"))
    store.mark_sent([sent], at=clock.now())
    assert store.forget_planned([sent, planned]) == 1
    assert store.drop_planned() == 2
    assert [row.number for row in store.operations("r1")] == [sent]


def test_sent_survives_a_kill(url, clock):
    """An operation that was marked sent is in doubt after kill -9, and one that was not is only planned."""
    code = """
    import os, signal, sys
    from sync.model.clock import SystemClock
    from sync.model.record import Operation
    from sync.model.remote import Kind
    from sync.state import Store
    store, clock = Store.open(sys.argv[1], clock=SystemClock()), SystemClock()
    store.start_run("r1", "sync", full=False, entities=["contact"])
    store.plan("r1", [Operation("contact", "R1", "x", "Contact", Kind.CREATE, None, (), "why") for _ in range(2)])
    store.mark_sent([store.operations("r1")[0].number], at=clock.now())
    os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), url], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert os.getpid()
    with Store.open(url, clock=clock) as store:
        assert [row.status for row in store.in_doubt()] == [Status.SENT]
        assert [run.run for run in store.open_runs()] == ["r1"]
        assert store.drop_planned("r1") == 1


def test_runs(store, clock):
    """Runs are listed newest first with their outcome; one that never finished stays open."""
    for run, kind in (("r1", "sync"), ("r2", "backfill"), ("r3", "sync")):
        store.start_run(run, kind, full=run == "r2", entities=["contact"])
    store.finish_run(
        "r1",
        "ok",
        1.5,
        {"salesforce": {"read": 12, "calls_left": 99}},
        note="n",
        failed={"abmatic": ("no answer", "wait")},
    )
    assert [run.run for run in store.runs(2)] == ["r3", "r2"]
    first = store.run("r1")
    assert (first.status, first.seconds, first.systems["salesforce"]["read"], first.failed) == (
        "ok",
        1.5,
        12,
        {"abmatic": ["no answer", "wait"]},
    )
    assert [run.run for run in store.open_runs()] == ["r2", "r3"]
    assert (store.last_run().run, store.last_run(("backfill",)).run, store.last_run(("undo",))) == ("r3", "r2", None)
    assert (store.calls_left("salesforce"), store.calls_left("x")) == (99, None)
    store.start_run("r4", "sync", full=False, entities=["engagement"])
    store.finish_run("r4", "ok", 0.5, {"abmatic": {"read": 1}})
    assert store.calls_left("salesforce") == 99, "a run that did not ask there says nothing about it"
    assert store.run("r9") is None


@pytest.mark.law("row 75")
def test_prune(store, hand, clock):
    """Old history goes; open doubts, links, records, the ledger and the audit log stay."""
    record = hand.record("R1", "003A")
    store.start_run("r1", "sync", full=False, entities=["contact"])
    store.save([RecordSaved(record, pending=False, turns=(Turn("title", None, "CTO", "x", "prefer"),))])
    store.plan("r1", [operation(), operation()])
    store.mark_sent([store.operations("r1")[0].number], at=clock.now())
    store.finish_run("r1", "ok", 1.0, {})
    store.audit("granted", {"id": 1})
    assert store.receive("abmatic", "e1", "contact.revealed", "{}")
    assert not store.receive("abmatic", "e1", "contact.revealed", "{}")
    store.handled([event.number for event in store.waiting()])
    clock.sleep(91 * 86400)
    gone = store.prune(clock.now() - timedelta(days=90))
    assert gone == {"turn": 1, "operation": 1, "run": 0, "conflict": 0}
    assert len(store.in_doubt()) == 1
    assert store.load_ids(["R1"])
    assert len(store.audits()) == 1


def caused(cause, status=None, error=None, store=None):
    planned = Operation("engagement", "R1", "conversion", "engagements", Kind.ENGAGE, None, (), "event", None, cause)
    store.plan("r1", [planned])
    row = store.of_cause(cause)
    if status is not None:
        store.finish([Finished(row.number, status, error=error)])
    return store.of_cause(cause)


def test_one_cause_one_effect(store, clock):
    """What was sent, settled, refused or left has had its effect; what was planned, put off or released has not."""
    done = [
        ("a", Status.SETTLED, None),
        ("b", Status.IN_DOUBT, "TIMEOUT"),
        ("c", Status.FAILED, "REFUSED"),
        ("d", Status.SKIPPED, "OPTED_OUT"),
        ("e", Status.FAILED, "DROPPED"),
    ]
    for name, status, error in done:
        caused(name, status, error, store)
    store.mark_sent([caused("f", store=store).number], at=clock.now())
    for name, error in (("g", "LATER"), ("h", "RETRIED"), ("i", "MOVED")):
        caused(name, Status.FAILED, error, store)
    caused("j", store=store)
    assert store.of_causes(list("abcdefghij")) == set("abcdef")
    caused("g", Status.SETTLED, None, store)
    assert store.of_causes(["g"]) == {"g"}


def test_cause_comes_back(store):
    """An operation keeps its cause, also in what is told of its record."""
    row = caused("k/abmatic/e1", Status.SETTLED, None, store)
    assert row.operation.cause == "k/abmatic/e1"
    assert [each.operation for each in store.of_record("R1", Kind.ENGAGE)] == [row.operation]


def test_events(store, clock):
    """Events wait in their order, page by page; a handled one is known, may be opened again, and is forgotten in time."""
    for number in range(5):
        store.receive("abmatic", f"e{number}", "visitors", "{}")
    first = store.waiting(2)
    assert [each.event for each in first + store.waiting(9, first[-1].number)] == [f"e{n}" for n in range(5)]
    assert store.known_events("abmatic", ["e1", "x"]) == {"e1"}
    store.handled([each.number for each in first])
    assert (store.waiting_count(), store.event_kinds()) == (3, [("abmatic", "visitors")])
    assert store.reopen("abmatic", "e0") and not store.reopen("abmatic", "x")
    assert [each.event for each in store.waiting(1)] == ["e0"]
    clock.sleep(10)
    assert store.prune_events("abmatic", "visitors", clock.now()) == 1
    assert store.known_events("abmatic", ["e0", "e1"]) == {"e0"}


def test_erased_event(store):
    """An event whose content is erased is done, and known."""
    store.receive("abmatic", "e1", "visitors", '{"email": "zoe@x.example"}')
    store.erase_events([each.number for each in store.waiting()])
    assert store.waiting() == [] and store.known_events("abmatic", ["e1"]) == {"e1"}


def test_event_in_question_stays(store, clock):
    """An event that a person is asked about is not forgotten, nor is what it caused while it waits."""
    store.receive("abmatic", "e1", "visitors", "{}")
    caused("k/abmatic/e1", Status.FAILED, "REFUSED", store)
    asked = Quarantined("q1", "engagement", "conversion", None, None, None, "REFUSED", "", "", candidates=("k/abmatic/e1",))  # fmt: skip
    store.quarantine(asked)
    clock.sleep(100 * 86400)
    assert store.prune(clock.now())["operation"] == 0
    store.handled([each.number for each in store.waiting()])
    clock.sleep(10)
    assert store.prune_events("abmatic", "visitors", clock.now()) == 0
    store.release(["q1"])
    assert store.prune_events("abmatic", "visitors", clock.now()) == 1
    assert store.prune(clock.now())["operation"] == 1

"""The service's life: it begins, works, is asked to end, is killed, and begins again; a second one never works beside it."""

from __future__ import annotations

import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from service import Place, Service, until

TITLE = {"abmatic": "title", "salesforce": "Title"}


@pytest.fixture
def place(emptied, tmp_path):
    return Place(tmp_path, emptied.urls)


def person(remote, email="ada@acme.example.com", title="CTO"):
    return remote.create(
        "salesforce", "Contact", {"Email": email, "LastName": "Quill", "FirstName": "Ada", "Title": title}
    )


def titles(remote, system, name):
    return [row.get(TITLE[system]) for row in remote.dump(system, name)]


def carried(remote):
    until(
        lambda: titles(remote, "abmatic", "contacts") == titles(remote, "salesforce", "Contact") != [],
        what="the first load",
    )


@pytest.mark.law("row 89")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_works_and_ends_when_it_is_asked_to(emptied, place, how):
    """It tells systemd that it is ready, carries what it finds, and ends with 0 when it is asked to, without an error in its log."""
    person(emptied)
    with Service(place) as service:
        carried(emptied)
        assert service.stop(how) == 0
        assert "STOPPING=1" in service.told
        assert "Traceback" not in service.log()
        assert [row["code"] for row in service.events("daemon.stopped")] == [0]


@pytest.mark.law("row 81")
def test_a_second_service_does_not_begin(place):
    """A second service on the same state ends with 6 and names the first."""
    with Service(place) as service:
        code, _, said = place.command("run")
        assert code == 6
        assert f"process {service.process.pid}" in said


@pytest.mark.law("row 84")
def test_a_killed_service_leaves_nothing_to_clean_up(emptied, place):
    """After kill -9 the next start goes on: the lock is gone with the process, and no person is doubled."""
    person(emptied)
    with Service(place) as service:
        carried(emptied)
        assert service.stop(signal.SIGKILL) == -signal.SIGKILL
    name = emptied.dump("salesforce", "Contact")[0]["Id"]
    emptied.set("salesforce", "Contact", name, {"Title": "CEO"})
    with Service(place):
        until(lambda: titles(emptied, "abmatic", "contacts") == ["CEO"], what="the edit made while it was dead")
    assert len(emptied.dump("abmatic", "contacts")) == len(emptied.dump("salesforce", "Contact")) == 1


def test_killed_in_the_middle_of_a_create_it_makes_no_second_one(emptied, place):
    """kill -9 while a create is on its way: after the next start there is one person, not two."""
    with Service(place) as service:
        service.idle()
        emptied.fault("abmatic", "delay", method="POST", path="contacts", delay_s=5, times=1)
        emptied.forget_calls()
        person(emptied)
        until(lambda: emptied.dump("abmatic", "contacts"), what="the create that is under way")
        service.stop(signal.SIGKILL)
    with Service(place) as service:
        until(lambda: service.events("run.finished"), what="a run")
        until(lambda: json.loads(place.command("status", "--json")[1])["in_doubt"] == 0, what="the end of doubt")
        service.idle()
    assert len(emptied.dump("abmatic", "contacts")) == len(emptied.dump("salesforce", "Contact")) == 1


@pytest.mark.law("row 79")
def test_asked_to_end_in_the_middle_of_a_write_it_settles_it(emptied, place):
    """SIGTERM while a write is under way: its answer is awaited and booked, so that nothing is in doubt afterwards."""
    name = person(emptied)
    with Service(place) as service:
        carried(emptied)
        service.idle()
        emptied.fault("abmatic", "delay", method="PUT", path="contacts", delay_s=3, times=1)
        emptied.set("salesforce", "Contact", name, {"Title": "CEO"})
        until(lambda: titles(emptied, "abmatic", "contacts") == ["CEO"], what="the write that is under way")
        assert service.stop(signal.SIGTERM) == 0
    _, out, _ = place.command("status", "--json")
    assert json.loads(out)["in_doubt"] == 0, out
    assert titles(emptied, "abmatic", "contacts") == ["CEO"]


@pytest.mark.law("row 82")
def test_commands_that_write_go_through_the_service(emptied, place):
    """`sync` beside the service is done by it and answers as usual; a mistake is answered with the same words and code as without it."""
    person(emptied)
    with Service(place) as service:
        carried(emptied)
        code, out, said = place.command("sync", "--json")
        assert (code, json.loads(out)["status"]) == (0, "ok"), said
        code, _, said = place.command("quarantine", "drop", "nobody")
        assert (code, "there is no quarantined record nobody" in said) == (2, True), said
        code, out, _ = place.command("status", "--json")
        told = json.loads(out)
        assert (code, told["well"], told["service"]["pid"]) == (0, True, service.process.pid)
    assert json.loads(place.command("status", "--json")[1])["service"] is None


def test_a_command_beside_a_service_that_hangs_ends_with_6(emptied, tmp_path):
    """A stopped service (SIGSTOP) still holds the state: a command that writes does not write beside it, and it goes on afterwards."""
    person(emptied)
    place = Place(tmp_path / "slow", emptied.urls, poll="1h")
    with Service(place) as service:
        carried(emptied)
        until(lambda: service.facts()["busy"] is None, what="the end of the run")
        service.process.send_signal(signal.SIGSTOP)
        code, _, said = place.command("sync")
        assert (code, "does not answer" in said) == (6, True), said
        service.process.send_signal(signal.SIGCONT)
        assert service.stop() == 0


@pytest.mark.slow
def test_a_backfill_beside_it_does_not_hold_up_a_live_change(emptied, tmp_path):
    """A backfill goes through the service; an edit made meanwhile is carried within a minute, before the backlog is done."""
    place = Place(tmp_path, emptied.urls, poll="1h")
    name = person(emptied)
    with Service(place) as service:
        carried(emptied)
        until(lambda: service.facts()["busy"] is None, what="the end of the first run")
        emptied.fault("abmatic", "delay_before", method="POST", path="contacts", delay_s=0.5, times=100_000)
        rows = [{"Email": f"p{n}@acme.example.com", "LastName": f"P{n}"} for n in range(240)]
        emptied.load("salesforce", "Contact", rows)
        with ThreadPoolExecutor(1) as beside:
            filled = beside.submit(place.command, "backfill", "--json", limit_s=400)
            until(lambda: len(emptied.dump("abmatic", "contacts")) > 5, limit_s=120, what="some of the backlog")
            began = time.monotonic()
            emptied.set("salesforce", "Contact", name, {"Title": "CEO"})
            until(lambda: "CEO" in titles(emptied, "abmatic", "contacts"), limit_s=60, what="the edit")
            print(
                "carried after",
                round(time.monotonic() - began, 1),
                "s,",
                len(emptied.dump("abmatic", "contacts")),
                "of 241",
            )
            assert len(emptied.dump("abmatic", "contacts")) < 241
            code, out, said = filled.result(400)
        assert code == 0, said
        assert json.loads(out)["full"]
        assert len(emptied.dump("abmatic", "contacts")) == 241
        assert service.stop() == 0

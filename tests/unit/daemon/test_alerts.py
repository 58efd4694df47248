"""Calls for help: what is wrong is said once, in words to act on, without a person's values; and that it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sync.daemon.alerts import Alert, Seen, judge
from sync.daemon.told import DAMPED, LASTING, REMIND, Ledger

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
IN = {"state": "in", "failures": 0, "kind": "", "why": None, "remedy": None}


def keys(**given):
    return [alert.key for alert in judge(Seen(**{"status": {}, "lanes": {}, **given}), NOW)]


def lane(**more):
    return {"it": {**IN, "state": "out", "failures": 3, "kind": "unreachable", "why": "no answer", **more}}


def test_nothing_wrong_is_no_alert():
    """A quiet service says nothing."""
    assert keys(status={"last_run": {"status": "ok"}}, lanes={"it": IN}) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"status": {"last_run": {"status": "stopped", "run": "R1"}}}, "guard"),
        ({"status": {"unexplained": 3}}, "differences"),
        ({"status": {"unseen": [{"system": "it", "object": "Contact", "native": n} for n in "ab"]}}, "unseen:it"),
        ({"lanes": lane()}, "system:it"),
        ({"lanes": lane(kind="auth", failures=1)}, "credentials:it"),
        ({"lanes": lane(kind="tenant", failures=1)}, "credentials:it"),
        ({"oldest_conflict": NOW - timedelta(hours=25)}, "conflicts"),
        ({"oldest_quarantined": NOW - timedelta(hours=25)}, "quarantine"),
        ({"oldest_doubt": NOW - timedelta(hours=2)}, "doubt"),
        ({"quotas": {"it": (99, 1000)}}, "quota:it"),
        ({"status": {"opt_outs": {"waiting": 1, "oldest_waiting_seconds": 901.0}}}, "opt_out_late"),
        ({"spooled": 1001}, "inbox"),
    ],
)
def test_each_trouble_is_an_alert_with_a_remedy(given, expected):
    """Every trouble that needs a person has a key, a sentence and something to do."""
    found = judge(Seen(**{"status": {}, "lanes": {}, **given}), NOW)
    assert [alert.key for alert in found] == [expected]
    assert len(found[0].remedy) > 20
    assert found[0].what.endswith(".")


@pytest.mark.parametrize(
    "given",
    [
        {"lanes": lane(failures=1)},
        {"oldest_conflict": NOW - timedelta(hours=23)},
        {"oldest_quarantined": NOW - timedelta(minutes=1)},
        {"oldest_doubt": NOW - timedelta(minutes=59)},
        {"quotas": {"it": (100, 1000), "other": (0, 0)}},
        {"status": {"opt_outs": {"waiting": 1, "oldest_waiting_seconds": 899.0}}},
        {"status": {"opt_outs": {"waiting": 0, "oldest_waiting_seconds": None}}},
    ],
)
def test_what_is_not_yet_trouble_is_no_alert(given):
    """One failure, a young question, enough quota: nobody is called."""
    assert keys(**given) == []


# which of it is news -----------------------------------------------------------------------------------------------------------

FIRE = Alert("fire", "It burns.", "Put it out.")


def states(ledger, alerts, at):
    return [message.state for message in ledger.take(alerts, at)]


def test_trouble_is_told_once_and_then_that_it_is_over():
    """The same trouble with other words is not told again; its end is."""
    ledger = Ledger()
    assert states(ledger, [FIRE], NOW) == ["alert"]
    assert states(ledger, [Alert("fire", "It burns more.", "Hurry.")], NOW + timedelta(minutes=1)) == []
    assert [(a.what, a.since) for a in ledger.open()] == [("It burns more.", NOW)]
    assert states(ledger, [], NOW + timedelta(minutes=2)) == ["well"]
    assert states(ledger, [], NOW + timedelta(minutes=3)) == []


def test_one_reminder_a_day():
    """Trouble that stays is told again after a day."""
    ledger = Ledger()
    ledger.take([FIRE], NOW)
    assert states(ledger, [FIRE], NOW + REMIND) == []
    assert states(ledger, [FIRE], NOW + REMIND + timedelta(seconds=1)) == ["reminder"]
    assert states(ledger, [FIRE], NOW + REMIND + timedelta(hours=1)) == []


def test_what_comes_and_goes_is_not_told_each_time():
    """A system that is in and out every minute makes two messages, not a hundred; if it stays out it is told again."""
    ledger = Ledger()
    sent = []
    for minute in range(0, 50, 2):
        sent += states(ledger, [FIRE], NOW + timedelta(minutes=minute))
        sent += states(ledger, [], NOW + timedelta(minutes=minute + 1))
    assert sent == ["alert", "well"]
    back = NOW + timedelta(minutes=51)
    assert states(ledger, [FIRE], back) == []
    assert states(ledger, [FIRE], back + LASTING + timedelta(seconds=1)) == ["alert"]


def test_after_an_hour_it_is_new_trouble():
    """The same trouble after a quiet hour is told."""
    ledger = Ledger()
    ledger.take([FIRE], NOW)
    ledger.take([], NOW + timedelta(minutes=1))
    ledger.take([], NOW + timedelta(minutes=1) + DAMPED)
    assert states(ledger, [FIRE], NOW + timedelta(hours=2)) == ["alert"]


def test_a_restart_tells_nothing_twice():
    """What was told is remembered over a restart; what cannot be read is forgotten, not an error."""
    ledger = Ledger()
    ledger.take([FIRE], NOW)
    again = Ledger.from_json(ledger.to_json())
    assert states(again, [FIRE], NOW + timedelta(minutes=1)) == []
    assert states(again, [], NOW + timedelta(minutes=2)) == ["well"]
    assert Ledger.from_json({"what": "else"}).open() == []

"""How long an edit in one system takes to every other, at the limits that the vendors document; alone and beside a backfill.

Nothing here asserts a time: the tables are what it is for. What is asserted is that what can be seen arrives.
"""

from __future__ import annotations

import math
import subprocess
import sys
import time

import pytest
from bench import wanted
from process import vendors
from propagation import Site, World, email, person, steady, table
from service import Service, environment, until

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]
PEOPLE = wanted("PROPAGATION_PEOPLE", 40)
EDITS = wanted("PROPAGATION_EDITS", 200)
BACKLOG = wanted("PROPAGATION_BACKLOG", 100_000)
PACE_S = 4.7
"""Abmatic lets 100 requests a minute through. A poll costs it 4 (accounts, contacts, campaigns, groups), so 24 a minute at a poll
every 10 s; an edit that goes there costs 3 (a look, a reading for the merge, the PUT): 13 edits a minute, of which 10 go there, are 30.
Not in step with the polls, or each edit would wait as long as the one before."""
POLL = "10s"
PATIENCE_S = 180
ROUND = ("abmatic", "salesforce", "conversion", "activecampaign")
SEEN = ("abmatic", "salesforce", "activecampaign")
"""Where a poll sees edits: Conversion has no list, and is looked at by the rolling share alone."""


def settled(world: World, service: Service) -> None:
    """Everybody is everywhere, and the service has nothing to do."""
    people = [person(k, email(k)) for k in range(PEOPLE)]
    names = {"email": "Email", "first_name": "FirstName", "last_name": "LastName"}
    world.vendors.load("abmatic", "contacts", people)
    world.vendors.load("salesforce", "Contact", [{names[key]: value for key, value in row.items()} for row in people])
    started = time.monotonic()
    until(lambda: world.meet(PEOPLE) == PEOPLE, 900, 2, what="everybody everywhere")
    until(lambda: service.facts()["busy"] is None, 300, 2, what="the end of the first runs")
    print(f"\n{PEOPLE} people linked in four systems after {time.monotonic() - started:.0f} s", flush=True)


def told_calls(world: World, since: float) -> None:
    """What it cost."""
    minutes = (time.monotonic() - since) / 60
    for system, calls in world.vendors.totals().items():
        if calls:
            print(f"    {system}: {calls} calls, {calls / minutes:.0f} a minute")
    refused = [
        f"{system} {sum(call['status'] == 429 for call in seen['log'])}"
        for system, seen in world.vendors.call("GET", "calls?log=true").items()
    ]
    print(f"    refused for too many: {', '.join(refused)}", flush=True)


@pytest.mark.parametrize("hooks", [False, True], ids=["polls", "webhooks"])
def test_alone(tmp_path, hooks):
    """Polls every 10 s; with webhooks, polls every 60 s (the default) and an event after each edit, where the vendor has events."""
    with (
        vendors("--accounts", "0", "--contacts", "0") as remote,
        Service(Site(tmp_path, remote.urls, poll="60s" if hooks else POLL)) as service,
    ):
        world = World(remote)
        settled(world, service)
        remote.forget_calls()
        since = time.monotonic()
        sources = ("abmatic", "activecampaign") if hooks else ROUND
        edits = _edits(world, service, sources, EDITS, hooks=hooks)
        table(f"{'webhooks, polls every 60 s' if hooks else f'polls every {POLL}'}, an edit every {PACE_S} s", edits)
        told_calls(world, since)
        if not hooks:
            opt_outs(world, service)
        assert all(each.took_s < PATIENCE_S * 10 for each in edits if each.source in SEEN)


@pytest.mark.parametrize("hooks", [False, True], ids=["polls", "webhooks"])
def test_beside_a_backfill(tmp_path, hooks):
    """The same while `crm-sync backfill` carries people whom only Salesforce has: a backlog that Abmatic's limit lets never end.

    With webhooks, Salesforce is still polled every 10 s, and so are the others.
    """
    with (
        vendors("--accounts", "0", "--contacts", "0") as remote,
        Service(Site(tmp_path, remote.urls, poll=POLL)) as service,
    ):
        world = World(remote)
        settled(world, service)
        _backlog(remote)
        until(lambda: service.events("run.stopped"), 600, 2, what="the guard that so many new people trip")
        line = [sys.executable, "-m", "sync", "backfill", "--config", str(service.place.config), "--json"]
        beside = subprocess.Popen(
            line, cwd=service.place.folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            asked = time.monotonic()
            until(lambda: str(service.facts()["busy"]).startswith("command"), 600, 1, what="the backfill")
            print(f"the backfill waited {time.monotonic() - asked:.0f} s for the poll under way", flush=True)
            remote.forget_calls()
            since = time.monotonic()
            edits = _edits(world, service, SEEN if hooks else ROUND, EDITS, hooks=hooks)
            how = "webhooks and polls" if hooks else "polls"
            table(f"{how} every {POLL} beside a backfill of {BACKLOG:,} people, an edit every {PACE_S} s", edits)
            told_calls(world, since)
            opt_outs(world, service)
            there = {system: len(world.rows(system)) - PEOPLE for system in ROUND}
            print(
                f"    of the backlog there are now: {there}; the backfill {'goes on' if beside.poll() is None else 'is over'}"
            )
        finally:
            beside.kill()
            beside.wait()
        assert all(each.took_s < PATIENCE_S * 10 for each in edits if each.source in SEEN)


def _edits(world, service, sources, number, *, hooks):
    return steady(
        world,
        service,
        sources,
        number,
        pace_s=PACE_S,
        patience_s=PATIENCE_S,
        hooks=hooks,
        expects=lambda each: each.source in SEEN,
    )


def _backlog(remote):
    rows = [{"Email": f"b{k}@b{k % 997}.example", "FirstName": "Bob", "LastName": f"B {k}"} for k in range(BACKLOG)]
    remote.load("salesforce", "Contact", rows)


def opt_outs(world, service):
    """Somebody opts out, in Salesforce and in ActiveCampaign in turn; until the others hold it."""
    del service
    took = []
    for number in range(4):
        time.sleep(PACE_S)
        ids, started = world.ids[number], time.monotonic()
        if number % 2 == 0:
            world.vendors.set("salesforce", "Contact", ids["salesforce"], {"HasOptedOutOfEmail": True})
        else:
            world.vendors.set("activecampaign", "contacts", ids["activecampaign"], {"lists.Newsletter": "UNSUBSCRIBED"})
        while not (held := _opted_out(world, ids)) and time.monotonic() < started + PATIENCE_S:
            time.sleep(1)
        took.append(time.monotonic() - started if held else math.inf)
    print(
        f"    opt-outs until Salesforce and Conversion hold them: {', '.join(f'{each:.1f} s' for each in took)}",
        flush=True,
    )


def _opted_out(world, ids):
    there = world.rows("salesforce", [ids["salesforce"]])[0]["HasOptedOutOfEmail"]
    return there is True and world.rows("conversion", [ids["conversion"]])[0]["subscriptionStatus"] == "UNSUBSCRIBED"

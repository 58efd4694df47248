"""Webhooks at the running service: a prompt to look, durable before the answer; and systems that are dead beside it."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from service import HOOKS, OLD_SECRET, PATH_SECRET, Place, Service, event, sign, until

FOUR = ("abmatic", "salesforce", "activecampaign")


def made(remote, email):
    return remote.create("abmatic", "contacts", {"email": email, "first_name": "New", "last_name": "One"})


def arrived(remote, email):
    return [row for row in remote.dump("salesforce", "Contact") if row["Email"] == email]


def test_an_event_is_a_prompt_to_look(emptied, tmp_path):
    """A signed event, by the new or the old secret, has its record read and carried at once although the next poll is an hour away;
    what the event says of it is not believed, and the same event again prompts nothing."""
    place = Place(tmp_path, emptied.urls, poll="1h")
    with Service(place) as service:
        until(lambda: service.events("run.finished"), what="the first run")
        for number, secret in enumerate((None, OLD_SECRET)):
            email = f"new{number}@acme.example.com"
            body = event(contact_id=made(emptied, email), email="evil@evil.example.com")
            assert (service.deliver(body) if secret is None else service.deliver(body, secret)) == 200
            until(lambda email=email: arrived(emptied, email), what="the new person")
        until(lambda: service.facts()["busy"] is None, what="the end of the run")
        runs = len(service.events("run.finished"))
        assert service.deliver(body) == 200
        until(lambda: service.facts()["spooled"] == 0, what="the copy is looked at")
        until(lambda: service.facts()["busy"] is None, what="the end of it")
        assert len(service.events("run.finished")) == runs
        assert not arrived(emptied, "evil@evil.example.com")
        assert service.stop() == 0


@pytest.mark.law("rows 104-115")
def test_what_is_not_the_vendors_prompts_nothing(emptied, tmp_path):
    """Forged, replayed from yesterday, dated tomorrow, unsigned, oversized, at doors that are none: refused or dropped, never 410,
    nothing is kept, nobody is asked, and the service lives."""
    hooks = {**HOOKS, "activecampaign": 'webhook_secret = "env:PATH_SECRET"'}
    place = Place(tmp_path, emptied.urls, systems=FOUR, poll="1h", extra=hooks)
    with Service(place) as service:
        until(lambda: service.events("run.finished"), what="the first run")
        emptied.forget_calls()
        now, body = datetime.now(UTC), event(contact_id="con_1")
        form = urlencode({"type": "update", "date_time": now.isoformat(), "contact[id]": "1"}).encode()
        answers = [
            service.post("/webhooks/abmatic", body),
            service.deliver(body, "another-secret"),
            service.deliver(event(now - timedelta(hours=30))),
            service.deliver(event(now + timedelta(days=2))),
            service.post("/webhooks/abmatic", b"x" * 300_000, X_Abmatic_Signature=sign(b"x" * 300_000)),
            service.deliver(b"[" * 100_000),
            service.post("/webhooks/salesforce", body, X_Abmatic_Signature=sign(body)),
            service.post("/webhooks/activecampaign", form),
            service.post("/webhooks/activecampaign/guess", form),
            service.post("/webhooks/abmatic/" + PATH_SECRET, body, X_Abmatic_Signature=sign(body)),
        ]
        assert answers == [401, 401, 200, 200, 413, 400, 404, 404, 404, 404]
        assert service.facts()["spooled"] == 0
        assert emptied.asked() == []
        assert service.post("/webhooks/activecampaign/" + PATH_SECRET, form) == 200
        until(lambda: emptied.totals()["abmatic"], what="the look that it prompts")
        assert service.stop() == 0


def test_an_acknowledged_event_survives_the_kill(emptied, tmp_path):
    """What was answered with 200 is acted on even if the service is killed at that moment."""
    place = Place(tmp_path, emptied.urls, poll="1h")
    with Service(place) as service:
        until(lambda: service.events("run.finished"), what="the first run")
        email = "new@acme.example.com"
        body = event(contact_id=made(emptied, email))
        assert service.deliver(body) == 200
        service.stop(signal.SIGKILL)
    with Service(place) as service:
        until(lambda: arrived(emptied, email), what="the new person")
        until(lambda: service.facts()["spooled"] == 0, what="the event is in the state")
    assert len(arrived(emptied, email)) == 1


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "delay_before", "delay_s": 25}])
def test_a_dead_system_does_not_hold_up_the_others(emptied, tmp_path, fault):
    """While one system fails, or hangs until its time-outs, edits go on between the others; when it is back it gets what it missed."""
    quick = {"activecampaign": "timeout_s = 20", **HOOKS}
    place = Place(tmp_path, emptied.urls, systems=FOUR, extra=quick)
    name = emptied.create(
        "salesforce", "Contact", {"Email": "ada@acme.example.com", "LastName": "Quill", "Title": "T0"}
    )
    with Service(place) as service:
        until(
            lambda: emptied.dump("abmatic", "contacts") and emptied.dump("activecampaign", "contacts"),
            what="the first load",
        )
        service.idle()
        emptied.fault("activecampaign", path=".*", times=100_000, **fault)
        until(lambda: service.facts()["lanes"]["activecampaign"]["state"] == "out", limit_s=90, what="the lane is out")
        for number in range(1, 4):
            emptied.set("salesforce", "Contact", name, {"Title": f"T{number}"})
            until(
                lambda title=f"T{number}": emptied.dump("abmatic", "contacts")[0]["title"] == title,
                limit_s=15,
                what="the edit",
            )
        assert place.command("status")[0] == 5
        emptied.calm()
        until(lambda: service.facts()["lanes"]["activecampaign"]["failures"] == 0, limit_s=120, what="the lane is well")
        assert service.stop() == 0

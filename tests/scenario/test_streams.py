"""Streams: what happens in Abmatic is told to the others, once."""

import hashlib
import json

import pytest

from sync.model.clock import SystemClock
from sync.state import Store, Suppression

DEMO = {
    "on": "abmatic:conversion.tracked", "when": 'event.data.goal == "demo"', "to": "conversion", "name": "Demo booked",
    "description": "{{ event.data.goal }} on {{ event.data.page }}", "data": {"source_event_id": "{{ event.id }}"},
}  # fmt: skip
VISIT = {
    "on": "abmatic:visitors", "to": "salesforce", "object": "Task",
    "fields": {"Subject": "Visited {{ event.data.page_views[0].url }}", "Status": "Completed"},
}  # fmt: skip
REVEALED = {
    "on": "abmatic:contact.revealed", "to": "salesforce", "object": "Task",
    "fields": {"Subject": "Call {{ event.data.email }}", "Status": "Not Started"},
}  # fmt: skip


@pytest.fixture
def told(scene):
    """Ada is in Abmatic and Salesforce, linked, and in Conversion; routes are added by `route`."""
    url = scene.urls["conversion"]
    quick = {"horizon": "1s", "verify_delays": ["0.1s"], "retries": 2, "requests_per_minute": 60000}
    scene.settings("systems.conversion", {"base_url": url, "api_key": "env:KEY", **quick})
    made = {"system": "conversion", "object": "contacts", "create": {"email": "ada@acme.example"}}
    scene.linked("ada")
    scene.control("edit", made)
    return scene


def route(scene, *routes):
    scene.mappings["engagements"] = {"entity": "engagement", "routes": [dict(each) for each in routes]}
    scene.write()


def state(scene):
    return Store.open(f"sqlite:///{scene.folder / 'state.db'}", clock=SystemClock())


def event(scene, kind, **data):
    """A verified webhook event, as the server puts it into the inbox; its id."""
    body = json.dumps({"event": kind, "timestamp": "2026-02-02T09:15:00Z", "data": data})
    name = hashlib.sha256(body.encode()).hexdigest()
    with state(scene) as store:
        store.receive("abmatic", name, kind, body)
    return name


def booked(scene, **more):
    return event(scene, "conversion.tracked", goal="demo", page="/pricing", contact_id=scene.id("ada", "abmatic"), **more)  # fmt: skip


def engagements(scene):
    return scene.control("dump?system=conversion")["engagements"]


def tasks(scene):
    return scene.table("salesforce", "Task")


def attempts(scene):
    """Requests for an engagement that reached the server, whatever became of them."""
    log = scene.control("calls?log=true")["conversion"]["log"]
    return [row for row in log if row["path"].endswith("/engagements")]


def visitor(scene, url="/pricing", **more):
    views = [{"url": url, "viewed_at": "2026-11-21T10:00:00Z"}]
    made = {"company": {"name": "Acme", "website": "acme.example"}, "page_views": views, **more}
    return scene.control("edit", {"system": "abmatic", "object": "visitors", "create": made})["id"]


def engaged(run):
    return [row for row in run.operations if row["op"] == "engage"]


# once ---------------------------------------------------------------------------------------------------------------


def test_event_becomes_engagement(told):
    """A conversion becomes one engagement of the person it names, with the texts of the route; later runs add none."""
    route(told, DEMO)
    name = booked(told)
    run = told.quiet(told.sync())
    [row] = engagements(told)
    assert row["contactEmail"] == "ada@acme.example"
    assert (row["name"], row["description"]) == ("Demo booked", "demo on /pricing")
    assert row["data"] == {"source_event_id": name}
    [done] = engaged(run)
    assert (done["entity"], done["system"], done["status"], done["key"]) == ("engagement", "conversion", "settled", "ada@acme.example")  # fmt: skip
    assert run.systems["conversion"].engaged == 1
    told.nothing_to_do()
    assert len(engagements(told)) == 1


def test_condition(told):
    """An event for which `when` is false goes nowhere and is done."""
    route(told, DEMO)
    event(told, "conversion.tracked", goal="newsletter", contact_id=told.id("ada", "abmatic"))
    assert engaged(told.quiet(told.sync())) == []
    assert engagements(told) == []
    with state(told) as store:
        assert store.waiting() == []


def test_route_corrected(told):
    """A corrected text does not send what was sent; a route that is new does not reach back."""
    route(told, DEMO)
    booked(told)
    told.quiet(told.sync())
    route(told, {**DEMO, "description": "A demo"}, {**DEMO, "name": "Second"})
    told.nothing_to_do()
    assert len(engagements(told)) == 1


def test_two_routes_one_system_down(told):
    """An event that two routes take reaches the one that answers at once and the other when it is back, each once."""
    route(told, DEMO, {**REVEALED, "on": "abmatic:conversion.tracked"})
    booked(told)
    told.fault("conversion", "status", method="POST", path="engagements", times=50, status=429)
    told.sync()
    assert (len(tasks(told)), len(engagements(told))) == (1, 0)
    told.no_faults()
    told.quiet(told.sync())
    assert (len(tasks(told)), len(engagements(told))) == (1, 1)


def test_several_events(told):
    """Each event has its own effect, in the order of their arrival."""
    route(told, DEMO)
    for number in range(3):
        booked(told, number=number)
    told.quiet(told.sync())
    assert len(engagements(told)) == 3


def test_named_as_entity(told):
    """`sync engagement` delivers and reads no records; `sync contact` leaves events waiting."""
    route(told, DEMO)
    booked(told)
    assert engaged(told.sync("contact")) == []
    told.forget_calls()
    assert len(engaged(told.quiet(told.sync("engagement")))) == 1
    assert told.control("calls")["salesforce"]["total"] == 0


# the person -----------------------------------------------------------------------------------------------------------


def test_person_by_address(told):
    """Without a contact the address counts."""
    route(told, DEMO)
    event(told, "conversion.tracked", goal="demo", page="/", email="ADA@acme.example")
    told.quiet(told.sync())
    assert [row["contactEmail"] for row in engagements(told)] == ["ada@acme.example"]


def test_contact_beats_address(told):
    """The contact that an event names counts, not the address that stands beside it."""
    route(told, DEMO)
    booked(told, email="mallory@evil.example")
    told.quiet(told.sync())
    assert [row["contactEmail"] for row in engagements(told)] == ["ada@acme.example"]


def test_nobody(told):
    """An account event names nobody: a route to Conversion holds it, and says so until a person drops it."""
    route(told, {**DEMO, "on": "abmatic:account.engagement_changed", "when": "event.data.engagement_score > 1"})
    event(told, "account.engagement_changed", account_id="acc_1", engagement_score=90)
    event(told, "account.engagement_changed", account_id="acc_2", engagement_score=91)
    run = told.sync()
    assert run.exit_code == 3
    assert engagements(told) == []
    [row] = told.quarantine()
    assert (row["entity"], row["system"], row["error"]) == ("engagement", "conversion", "NO_PERSON")
    assert not told.status()["well"]
    told.drop(row["id"])
    told.nothing_to_do()


def test_forgotten(told):
    """Nothing is sent for a person who was erased, and nothing of the event is kept."""
    route(told, DEMO)
    contact = told.id("ada", "abmatic")
    told.forget("ada")
    event(told, "conversion.tracked", goal="demo", page="/secret-page", contact_id=contact)
    event(told, "conversion.tracked", goal="demo", page="/secret-page", email="ada@acme.example")
    told.quiet(told.sync())
    assert engagements(told) == []
    with state(told) as store:
        assert [row.body for row in store.waiting()] == []
        assert store._value("SELECT count(*) FROM inbox WHERE body LIKE '%secret%'") == 0


# doubt ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_doubt_is_reported(told, kind):
    """An engagement whose answer was lost is never sent again: it is reported until a person has looked."""
    route(told, DEMO)
    booked(told)
    told.forget_calls()
    told.fault("conversion", kind, method="POST", path="engagements", times=1)
    assert told.sync().exit_code == 3
    for _ in range(2):
        assert told.sync().exit_code == 3
    assert len(engagements(told)) == (1 if kind == "drop_after" else 0)
    assert told.status()["in_doubt"] == 1
    [row] = told.quarantine()
    assert (row["error"], row["key"]) == ("IN_DOUBT", "ada@acme.example")


def test_doubt_repeated_by_person(told):
    """Who has looked and found nothing lets it be sent again."""
    route(told, DEMO)
    booked(told)
    told.fault("conversion", "drop_before", method="POST", path="engagements", times=1)
    told.sync()
    [row] = told.quarantine()
    told.quiet(told.retry(row["id"]))
    assert len(engagements(told)) == 1
    assert told.status()["well"]


def test_doubt_left_by_person(told):
    """Who has looked and found it drops the question."""
    route(told, DEMO)
    booked(told)
    told.fault("conversion", "drop_after", method="POST", path="engagements", times=1)
    told.sync()
    [row] = told.quarantine()
    told.drop(row["id"])
    assert told.status()["well"]
    told.nothing_to_do()
    assert len(engagements(told)) == 1


def test_killed_between_send_and_receipt(told):
    """kill -9 after the request left: in doubt after the restart, reported, not repeated."""
    route(told, DEMO)
    booked(told)
    told.fault("conversion", "delay", method="POST", path="engagements", times=1, delay_s=20)
    process = told.command("sync")
    while not engagements(told):
        assert process.poll() is None
    process.kill()
    process.communicate()
    assert told.sync().exit_code == 3
    assert len(engagements(told)) == 1
    assert [row["error"] for row in told.quarantine()] == ["IN_DOUBT"]


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_task_in_doubt_is_looked_up(told, kind):
    """A Task whose answer was lost is looked up: made once in the end, and nobody is asked."""
    told.settings("systems.salesforce.horizon", "0.01s")
    route(told, REVEALED)
    event(told, "contact.revealed", contact_id=told.id("ada", "abmatic"), email="ada@acme.example")
    told.fault("salesforce", kind, method="POST", path="composite/sobjects", times=1)
    told.sync()
    told.sync()
    told.quiet(told.sync())
    assert len(tasks(told)) == 1
    assert told.status()["well"]


def test_external_id_makes_it_repeatable(told):
    """With an external id a row in doubt is sent again at once and stays one."""
    made = {"object": "Lead", "external_id": "CRM_Sync_Id__c", "fields": {"LastName": "Met", "Company": "Acme"}}
    route(told, {"on": "abmatic:contact.revealed", "to": "salesforce", **made})
    event(told, "contact.revealed", contact_id=told.id("ada", "abmatic"))
    told.fault("salesforce", "drop_after", method="PATCH", path="composite/sobjects/Lead", times=1)
    told.sync()
    told.quiet(told.sync())
    assert len(told.table("salesforce", "Lead")) == 1


def test_refused(told):
    """What the system refuses is set aside with the system's word; a corrected route and `retry` deliver it."""
    route(told, {**REVEALED, "fields": {"Subject": "Hi", "Nonsense__c": "x"}})
    event(told, "contact.revealed", contact_id=told.id("ada", "abmatic"))
    assert told.sync().exit_code == 3
    [row] = told.quarantine()
    assert row["entity"] == "engagement"
    route(told, REVEALED)
    told.quiet(told.retry(row["id"]))
    assert len(tasks(told)) == 1


# Salesforce -----------------------------------------------------------------------------------------------------------


def test_task_knows_whom_it_is_about(told):
    """A Task stands at the contact; `explain` tells of it."""
    route(told, REVEALED)
    event(told, "contact.revealed", contact_id=told.id("ada", "abmatic"), email="ada@acme.example")
    told.quiet(told.sync())
    [row] = tasks(told)
    assert row["WhoId"] == told.id("ada", "salesforce")
    assert row["Subject"] == "Call ada@acme.example"
    [shown] = told.explain("ada")["engagements"]
    assert (shown["system"], shown["object"], shown["id"], shown["status"]) == ("salesforce", "Task", row["Id"], "settled")  # fmt: skip


def test_person_made_by_the_same_run(told):
    """A contact whom this very run brings to Salesforce has the Task as well."""
    route(told, REVEALED)
    told.person("bob", abmatic={})
    event(told, "contact.revealed", contact_id=told.id("bob", "abmatic"), email="bob@acme.example")
    told.quiet(told.sync())
    assert [row["WhoId"] for row in tasks(told)] == [told.id("bob", "salesforce")]


def test_campaign_member(told):
    """A route makes the person a member of a campaign; being one already is as good."""
    made = {"Name": "Spring", "IsActive": True}
    campaign = told.control("edit", {"system": "salesforce", "object": "Campaign", "create": made})["id"]
    member = {"to": "salesforce", "object": "CampaignMember", "fields": {"CampaignId": campaign}}
    route(told, {"on": "abmatic:contact.revealed", **member})
    for number in range(2):
        event(told, "contact.revealed", contact_id=told.id("ada", "abmatic"), number=number)
    told.quiet(told.sync())
    [row] = told.table("salesforce", "CampaignMember")
    assert (row["CampaignId"], row["ContactId"]) == (campaign, told.id("ada", "salesforce"))


# polled ---------------------------------------------------------------------------------------------------------------


def test_visitor_becomes_task_once(told):
    """A visitor becomes one Task, whatever is read again."""
    route(told, VISIT)
    visitor(told)
    told.quiet(told.sync())
    told.quiet(told.sync())
    told.quiet(told.sync(full=True))
    assert [row["Subject"] for row in tasks(told)] == ["Visited /pricing"]
    visitor(told, "/demo")
    told.quiet(told.sync())
    assert sorted(row["Subject"] for row in tasks(told)) == ["Visited /demo", "Visited /pricing"]


def test_old_visitors_are_history(told):
    """The first look at visitors does not turn years of them into Tasks."""
    visitor(told, "/old", created_at="2020-01-01T00:00:00Z")
    route(told, VISIT)
    told.quiet(told.sync())
    assert tasks(told) == []


def test_visitor_stands_at_its_account(told):
    """The Task of a visit stands at the company's account."""
    told.with_accounts()
    told.account("acme", abmatic={})
    told.quiet(told.sync())
    route(told, VISIT)
    visitor(told, company={"id": told.id("acme", "abmatic"), "name": "Acme"})
    told.quiet(told.sync())
    assert [row["WhatId"] for row in tasks(told)] == [told.id("acme", "salesforce")]


def test_stream_that_fails(told):
    """Visitors that cannot be read are reported, and the records go on."""
    route(told, VISIT)
    told.edit("ada", abmatic={"title": "CTO"})
    told.fault("abmatic", "status", method="GET", path="visitors", times=50, status=500)
    run = told.sync()
    assert run.exit_code == 5
    told.no_faults()
    assert told.held("ada", "salesforce", "title") == "CTO"


# hints ----------------------------------------------------------------------------------------------------------------


def test_event_is_a_hint(told):
    """What an event says of a contact is not believed: the row is read, and that counts."""
    event(told, "contact.revealed", contact_id=told.id("ada", "abmatic"), email="x@evil.example", title="Owned")
    told.forget_calls()
    told.quiet(told.sync())
    told.expect("ada", title=None)
    assert engagements(told) == []
    with state(told) as store:
        assert store.waiting() == []


# plans, limits --------------------------------------------------------------------------------------------------------


def test_plan_shows_and_sends_nothing(told):
    """A plan lists what events would cause; applied, it is what happens."""
    route(told, DEMO)
    booked(told)
    plan = told.plan()
    assert [row["status"] for row in engaged(plan)] == ["planned"]
    assert engagements(told) == []
    told.quiet(told.apply(plan))
    assert len(engagements(told)) == 1


def test_stopped_run_sends_nothing(told):
    """A run that a safety limit stops tells nobody anything; the events wait."""
    route(told, DEMO)
    booked(told)
    told.settings("safety.max_creates", 1)
    for name in ("bob", "cyd"):
        told.person(name, abmatic={})
    assert told.sync().exit_code == 4
    assert engagements(told) == []
    told.settings("safety.max_creates", 100)
    told.quiet(told.sync())
    assert len(engagements(told)) == 1


def test_opted_out_still_counts_as_person(told):
    """An opt-out stops mail, not the record of what somebody did: Conversion learns of the visit."""
    route(told, DEMO)
    with state(told) as store:
        store.suppress([Suppression("ada@acme.example", "test", "said so")])
    booked(told)
    told.quiet(told.sync())
    assert len(engagements(told)) == 1


def test_plan_applied_while_the_target_is_out(told):
    """A planned delivery that could not be made because its system was out is not lost."""
    route(told, DEMO)
    booked(told)
    plan = told.plan()
    told.fault("conversion", "status", method="POST", path="engagements", times=50, status=401)
    told.apply(plan)
    told.no_faults()
    told.quiet(told.sync())
    assert len(engagements(told)) == 1


def test_undo_leaves_what_was_told(told):
    """Undo takes values back, not what was told, and says so."""
    route(told, DEMO)
    booked(told)
    run = told.quiet(told.sync())
    undone = told.undo(run)
    assert any("deliveries of events stay" in note for note in undone.notes)
    assert len(engagements(told)) == 1


def test_waiting_event_is_one_hint(told):
    """The row that an event is about is read once, however long the event waits for its target."""
    route(told, DEMO)
    booked(told)
    told.fault("conversion", "status", method="POST", path="engagements", times=50, status=429)
    told.sync()
    assert told.status()["events_waiting"] == 1
    told.forget_calls()
    told.sync()
    log = told.control("calls?log=true")["abmatic"]["log"]
    assert [row["path"] for row in log if "/contacts/" in row["path"]] == []


def test_check_knows_the_fields_of_routes(told):
    """`check` names a field that a route fills and that is not there."""
    from sync.runner import api
    from sync.runner.context import Silence

    route(told, {**REVEALED, "fields": {"Subject": "Hi", "Nonsense__c": "x", "IsClosed": "y"}})
    found = [row for row in api.check(*told.both, progress=Silence())["findings"] if row["system"] == "engagement"]
    assert [row["detail"] for row in found] == ["Task has no field Nonsense__c", "Task.IsClosed cannot be filled by our user"]  # fmt: skip
    assert found[0]["what"].startswith("mappings/engagements.toml:")


def test_done_events_are_forgotten(told):
    """An event that was handled more than a week ago leaves the inbox; a younger one stays known."""
    route(told, DEMO)
    booked(told, number=1)
    told.quiet(told.sync())
    told.tamper("UPDATE inbox SET handled_at = handled_at - 9 * 86400 * 1000000")
    booked(told, number=2)
    told.quiet(told.sync())
    with state(told) as store:
        assert [row[0] for row in store._rows("SELECT body LIKE '%: 2%' FROM inbox")] == [1]


# ActiveCampaign -------------------------------------------------------------------------------------------------------


@pytest.fixture
def mailed(told):
    """Ada is in ActiveCampaign too, where the automation Welcome runs."""
    quick = {"horizon": "1s", "verify_delays": ["0.1s"], "retries": 2, "requests_per_minute": 60000}
    told.settings("systems.activecampaign", {"base_url": told.urls["activecampaign"], "api_key": "env:KEY", **quick})
    told.mapping("contacts.systems.activecampaign", {"object": "contacts", "create": True})
    told.mapping("contacts.fields.email.activecampaign", "email")
    told.mapping("contacts.fields.last_name.activecampaign", "lastName")
    told.quiet(told.sync())
    return told


def to_activecampaign(**part):
    return {"on": "abmatic:contact.revealed", "to": "activecampaign", **part}


def there(scene, name):
    return scene.control("dump?system=activecampaign")[name]


def enrolments(scene):
    log = scene.control("calls?log=true")["activecampaign"]["log"]
    return [row for row in log if row["path"].endswith("/contactAutomations") and row["method"] == "POST"]


def revealed(scene, name="ada", **more):
    return event(scene, "contact.revealed", contact_id=scene.id(name, "abmatic"), **more)


def test_enrolled_once(mailed):
    """A revealed contact is enrolled in the automation, once, although the event comes again."""
    route(mailed, to_activecampaign(automation="Welcome"))
    mailed.forget_calls()
    for _ in range(3):
        revealed(mailed)
        mailed.quiet(mailed.sync())
    assert len(enrolments(mailed)) == 1


def test_note_and_tag(mailed):
    """A note and a tag reach the contact."""
    route(mailed, to_activecampaign(note="Saw {{ event.data.page }}"), to_activecampaign(tag="Seen"))
    revealed(mailed, page="/pricing")
    mailed.quiet(mailed.sync())
    [note] = there(mailed, "notes")
    assert note["note"] == "Saw /pricing"
    [tag] = there(mailed, "tags")
    [worn] = there(mailed, "contactTags")
    assert (tag["tag"], worn["tag"]) == ("Seen", tag["id"])


@pytest.mark.parametrize("part", [{"automation": "Welcome"}, {"tag": "Seen"}])
def test_opted_out_is_left_alone(mailed, part):
    """Who has opted out, even in this very run, is neither enrolled nor tagged; nobody need look at that."""
    route(mailed, to_activecampaign(**part))
    revealed(mailed)
    mailed.edit("ada", salesforce={"HasOptedOutOfEmail": True})
    mailed.forget_calls()
    run = mailed.quiet(mailed.sync())
    assert [(row["status"], row["error"]) for row in engaged(run)] == [("skipped", "OPTED_OUT")]
    assert enrolments(mailed) == [] and there(mailed, "contactTags") == []
    mailed.nothing_to_do()


def test_person_made_there_by_the_same_run(mailed):
    """Somebody whom this run brings to ActiveCampaign is enrolled by it as well."""
    route(mailed, to_activecampaign(automation="Welcome"))
    mailed.person("bob", abmatic={})
    revealed(mailed, "bob")
    mailed.forget_calls()
    mailed.quiet(mailed.sync())
    assert len(enrolments(mailed)) == 1


def test_enrolment_in_doubt(mailed):
    """An enrolment whose answer was lost is reported and never repeated; a tag is simply set again."""
    route(mailed, to_activecampaign(automation="Welcome"), to_activecampaign(tag="Seen"))
    revealed(mailed)
    mailed.forget_calls()
    mailed.fault("activecampaign", "drop_after", method="POST", path="contactAutomations", times=1)
    mailed.fault("activecampaign", "drop_after", method="POST", path="contactTags", times=1)
    for _ in range(3):
        assert mailed.sync().exit_code == 3
    assert len(enrolments(mailed)) == 1
    assert [row["error"] for row in mailed.quarantine()] == ["IN_DOUBT"]
    assert len(there(mailed, "contactTags")) == 1


def test_account_never_stands_for_a_person(mailed):
    """An event of a known account and an address that only ActiveCampaign knows tags that person, not whoever has the account's number."""
    mailed.with_accounts()
    mailed.mapping("accounts.systems.activecampaign", {"object": "accounts", "create": True})
    for name, path in (("name", "name"), ("domain", "accountUrl")):
        mailed.mapping(f"accounts.fields.{name}.activecampaign", path)
    mailed.account("acme", abmatic={})
    mailed.quiet(mailed.sync())
    stranger = {"email": "zoe@else.example", "lastName": "Zoe"}
    row = mailed.control("edit", {"system": "activecampaign", "object": "contacts", "create": stranger})["id"]
    route(mailed, to_activecampaign(tag="Seen"))
    event(mailed, "contact.revealed", account_id=mailed.id("acme", "abmatic"), email="zoe@else.example")
    mailed.quiet(mailed.sync("engagement"))
    assert [worn["contact"] for worn in there(mailed, "contactTags")] == [row]


def test_unknown_automation(mailed):
    """An automation that is not there is set aside with its remedy."""
    route(mailed, to_activecampaign(automation="No such thing"))
    revealed(mailed)
    assert mailed.sync().exit_code == 3
    [row] = mailed.quarantine()
    assert (row["system"], row["error"], row["remedy"] != "") == ("activecampaign", "UNKNOWN_NAME", True)

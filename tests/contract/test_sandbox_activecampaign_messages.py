"""What the emulated ActiveCampaign sends of its own accord: webhooks and the call back of an import (sheet, sections 6 and 12)."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from receiver import receiving

from sync.config import ActivecampaignConfig
from sync.config.keys import keys_of
from sync.config.refused import Around
from sync.daemon.webhooks import Fate, judge
from sync.sandbox.activecampaign import ActiveCampaign
from sync.sandbox.emulation import Emulation

EVENTS = [
    "subscribe",
    "unsubscribe",
    "update",
    "contact_tag_added",
    "contact_tag_removed",
    "subscriber_note",
    "list_add",
]

SECRET = "the-secret-at-the-end-of-the-path"


class Account:
    """The emulated account as a client and as the control plane see it."""

    def __init__(self, emulation, url):
        self.emulation, self.url = emulation, url
        self.api = httpx.Client(
            base_url=f"{emulation.urls['activecampaign']}/api/3", headers={"Api-Token": "sandbox"}, trust_env=False
        )
        self.control = httpx.Client(base_url=f"{emulation.urls['control']}/_control", trust_env=False)

    def call(self, method, path, body=None):
        answer = self.api.request(method, path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def hook(self, **more):
        wanted = {"name": "S", "url": f"{self.url}/ac/{SECRET}", "events": EVENTS, **more}
        return self.call("POST", "/webhooks", {"webhook": wanted})["webhook"]["id"]

    def person(self, email="ada@acme.example", **more):
        return self.call("POST", "/contact/sync", {"contact": {"email": email, **more}})["contact"]["id"]

    def status(self, contact, status, on=1):
        self.call("POST", "/contactLists", {"contactList": {"contact": contact, "list": on, "status": status}})

    def tag(self, contact, name):
        tag = self.call("POST", "/tags", {"tag": {"tag": name, "tagType": "contact"}})["tag"]["id"]
        return self.call("POST", "/contactTags", {"contactTag": {"contact": contact, "tag": tag}})["contactTag"]["id"]

    def note(self, contact, text):
        """The last thing that a test does: whatever was to be told before it has been told when this arrives."""
        self.call("POST", "/notes", {"note": {"note": text, "relid": contact, "reltype": "Subscriber"}})

    def edit(self, **body):
        assert self.control.post("/edit", json={"system": "activecampaign", "object": "contacts", **body}).is_success

    def switch(self, **switches):
        assert self.control.post("/limits", json={"system": "activecampaign", **switches}).is_success


@pytest.fixture
def receiver():
    with receiving() as here:
        yield here


@pytest.fixture
def account(receiver):
    with Emulation([ActiveCampaign]) as emulation:
        emulation.lift_limits()
        here = Account(emulation, receiver.url)
        yield here
        here.api.close()
        here.control.close()


def told_until_note(receiver):
    forms = []
    while not forms or forms[-1]["type"] != "subscriber_note":
        forms.append(receiver.next().form)
    return forms


def test_a_tag_arrives_as_a_form(account, receiver):
    """A tag that is put on reaches the registered address as the form that the vendor sends, unsigned, fields by number."""
    account.hook()
    contact = account.person(firstName="Ada", phone="1", fieldValues=[{"field": 1, "value": "CTO"}])
    account.tag(contact, "VIP & Co")
    came = receiver.next()
    assert (came.method, came.path) == ("POST", f"/ac/{SECRET}")
    assert came.headers["content-type"] == "application/x-www-form-urlencoded"
    assert not [name for name in came.headers if "signature" in name]
    stamp = datetime.fromisoformat(came.form["date_time"])
    assert stamp.utcoffset() in (timedelta(hours=-5), timedelta(hours=-6))
    said = {key: value for key, value in came.form.items() if key != "date_time"}
    assert said == {
        "type": "contact_tag_added",
        "initiated_from": "api",
        "initiated_by": "api",
        "list": "0",
        "contact[id]": contact,
        "contact[email]": "ada@acme.example",
        "contact[first_name]": "Ada",
        "contact[last_name]": "",
        "contact[phone]": "1",
        "contact[ip]": "0",
        "contact[tags]": "VIP & Co",
        "contact[orgname]": "",
        "contact[customer_acct_name]": "",
        "contact[fields][1]": "CTO",
        "orgname": "",
        "customer_acct_name": "",
        "customer_acct_id": "",
        "tag": "VIP & Co",
    }


def test_every_change_is_told_once_and_nothing_else(account, receiver):
    """Joining, leaving, changing and tagging are told, each once; a new contact, a write that changes nothing, a deletion and a merge are not."""
    account.hook()
    contact, other = account.person(), account.person("bob@acme.example", firstName="Bob")
    account.person("eve@acme.example", fieldValues=[{"field": 1, "value": "CTO"}])
    account.status(contact, 1)
    account.status(contact, 1)
    account.person(firstName="Ada", fieldValues=[{"field": 1, "value": "CTO"}])
    account.person(firstName="Ada")
    account.status(contact, 2)
    account.call("DELETE", f"/contactTags/{account.tag(contact, 'VIP')}")
    account.edit(id=other, merge_into=contact)
    account.tag(third := account.person("del@acme.example"), "Gone")
    account.call("DELETE", f"/contacts/{third}")
    account.note(contact, "end")
    told = told_until_note(receiver)
    kinds = [form["type"] for form in told]
    wanted = ["subscribe", "update", "unsubscribe", "contact_tag_added", "contact_tag_removed", "contact_tag_added"]
    assert kinds == [*wanted, "subscriber_note"]
    left, untagged, note = told[2], told[4], told[-1]
    assert (left["list"], left["list[0][id]"], left["list[0][name]"]) == ("1", "1", "Newsletter")
    assert left["unsubscribe[reason]"] == "" and "active_subscriptions[0]" not in left
    assert (untagged["tag"], untagged["contact[tags]"]) == ("VIP", "")
    assert note["note"] == "end"


def test_the_source_decides_who_hears(account, receiver):
    """A hook without `api` hears nothing of API writes; a person's edit is `admin`'s, or whose the switch says."""
    account.hook(sources=["admin", "public"])
    contact = account.person()
    account.status(contact, 1)
    account.edit(id=contact, set={"firstName": "Ada"})
    account.switch(edit_source="public")
    account.edit(id=contact, set={"lists.Newsletter": "UNSUBSCRIBED"})
    account.switch(edit_source="system")
    account.edit(id=contact, set={"lastName": "Quill"})
    account.switch(edit_source="admin")
    account.edit(id=contact, set={"lastName": "End"})
    told = [receiver.next().form for _ in range(3)]
    assert [(form["type"], form["initiated_from"]) for form in told] == [
        ("update", "admin"),
        ("unsubscribe", "public"),
        ("update", "admin"),
    ]
    assert told[2]["contact[last_name]"] == "End"


def test_a_list_narrows_what_is_about_contacts_only(account, receiver):
    """With `listid` only that list's joins and members' changes are told; tags and notes are told all the same."""
    account.hook(listid=2)
    one, two = account.person(), account.person("bob@acme.example")
    account.status(one, 1, on=1)
    account.status(two, 1, on=2)
    account.person(firstName="Ada")
    account.person("bob@acme.example", firstName="Bob")
    account.tag(one, "VIP")
    account.note(one, "end")
    told = told_until_note(receiver)
    assert [(form["type"], form["contact[id]"]) for form in told] == [
        ("subscribe", two),
        ("update", two),
        ("contact_tag_added", one),
        ("subscriber_note", one),
    ]


def test_accounts_are_told_by_what_their_page_documents(account, receiver):
    """Events that only the payload page names can be registered for, and carry the account, or the person in it."""
    account.hook(events=["account_add", "account_update", "account_contact_add"])
    contact = account.person()
    made = account.call("POST", "/accounts", {"account": {"name": "Acme", "accountUrl": "https://acme.example"}})
    number = made["account"]["id"]
    account.call("PUT", f"/accounts/{number}", {"account": {"name": "Acme Ltd"}})
    account.call(
        "POST", "/accountContacts", {"accountContact": {"contact": contact, "account": number, "jobTitle": "PM"}}
    )
    added, changed, joined = (receiver.next().form for _ in range(3))
    assert (added["type"], added["account[name]"], added["account[account_url]"]) == (
        "account_add",
        "Acme",
        "https://acme.example",
    )
    assert (changed["type"], changed["account[name]"]) == ("account_update", "Acme Ltd")
    assert (joined["type"], joined["accountContact[job_title]"]) == ("account_contact_add", "PM")
    assert (joined["contact[id]"], joined["customer_acct_name"]) == (contact, "Acme Ltd")


def test_a_failure_is_not_repeated_and_410_ends_it(account, receiver):
    """What fails is lost; 410 switches the hook off for good, and only a new one hears again."""
    number = account.hook(events=["update"])
    receiver.statuses[:] = [500, 410]
    for name in ("One", "Two", "Three"):
        account.person(firstName=name)
    assert [receiver.next().form["contact[first_name]"] for _ in range(2)] == ["Two", "Three"]
    shown = {"state": "1"}
    while shown["state"] == "1":
        shown = account.call("GET", f"/webhooks/{number}")["webhook"]
    account.call("PUT", f"/webhooks/{number}", {"webhook": {"name": "again", "state": "1"}})
    account.person(firstName="Four")
    account.call("DELETE", f"/webhooks/{number}")
    account.hook(events=["update"])
    account.person(firstName="Five")
    assert receiver.next().form["contact[first_name]"] == "Five"


def test_copies_and_losses_on_demand(account, receiver):
    """`webhook_copies` 2 tells everything twice, 0 loses it."""
    account.hook(events=["update"])
    account.person()
    for copies, name in ((2, "Twice"), (0, "Never"), (1, "Once")):
        account.switch(webhook_copies=copies)
        account.person(firstName=name)
    came = [receiver.next() for _ in range(3)]
    assert [one.form["contact[first_name]"] for one in came] == ["Twice", "Twice", "Once"]
    assert came[0].body == came[1].body


def test_nobody_waits_for_a_receiver(account, receiver):
    """While a receiver does not answer, calls do; and the sandbox ends at once, with nothing of it left running."""
    before = set(threading.enumerate())
    account.hook(events=["update"])
    account.person()
    receiver.free.clear()
    account.person(firstName="One")
    receiver.next()
    account.person(firstName="Two")
    assert account.call("GET", "/contacts")["contacts"][0]["firstName"] == "Two"
    carriers = set(threading.enumerate()) - before
    account.emulation.close()
    assert receiver.came.empty()
    assert not [one for one in carriers if "_carry" in one.name and one.is_alive()]


def test_registering_is_checked(account):
    """An address that is neither https on 443 nor on this machine, and unknown events and sources, are refused; on a change too."""
    number = account.hook()
    wanted = {"name": "S", "url": "https://h.example/ac", "events": ["update"]}
    wrong = [
        {"url": "http://h.example"},
        {"url": "https://h.example:8443"},
        {"url": "https://[bad"},
        {"url": "http://127.0.0.1:99999"},
        {"url": ""},
        {"events": []},
        {"events": ["contact_deleted"]},
        {"sources": ["robot"]},
    ]
    for change in wrong:
        made = account.api.post("/webhooks", json={"webhook": {**wanted, **change}})
        changed = account.api.put(f"/webhooks/{number}", json={"webhook": change})
        assert (made.status_code, changed.status_code) == (422, 422)
        assert made.json()["errors"][0]["source"]["pointer"] == f"/data/attributes/{next(iter(change))}"


@pytest.mark.parametrize("wrong", [{"webhook_copies": "2"}, {"edit_source": "robot"}, {"sync_always_201": 1}])
def test_switches_of_another_kind_are_refused(account, wrong):
    """A switch that is set to another kind of value is refused by name."""
    answer = account.control.post("/limits", json={"system": "activecampaign", **wrong})
    assert answer.status_code == 400 and next(iter(wrong)) in answer.json()["message"]


def test_the_service_takes_what_is_sent(account, receiver):
    """The service that crm-sync runs believes the emulated vendor's message and keeps it as that event."""
    account.hook()
    account.status(account.person(), 1)
    came = receiver.next()
    around = Around(Path("/"), {"K": "sandbox", "S": SECRET})
    raw = {"base_url": account.emulation.urls["activecampaign"], "api_key": "env:K", "webhook_secret": "env:S"}
    values = {
        name: key.parse(raw.get(name, key.default), around) if raw.get(name, key.default) is not None else None
        for name, key in keys_of(ActivecampaignConfig).items()
    }
    config = ActivecampaignConfig(name="activecampaign", kind="activecampaign", **values)
    judged = judge(config, came.headers, came.body, came.path.rsplit("/", 1)[1], datetime.now(UTC))
    assert (judged.fate, judged.arrived.kind) == (Fate.TAKEN, "subscribe")


def imported(account, contacts, **callback):
    whole = {"params": [{"key": "batch", "value": "b 1"}], "headers": [{"key": "X-A", "value": "1"}], **callback}
    account.call(
        "POST", "/import/bulk_import", {"contacts": contacts, "callback": {"url": f"{account.url}/cb", **whole}}
    )


def test_an_import_calls_back_when_it_has_ended(account, receiver):
    """GET carries the parameters in its query, POST in its body, with details on demand; no webhook tells of imports."""
    account.hook()
    contact = account.person("left@acme.example")
    account.status(contact, 2)
    assert receiver.next().form["type"] == "unsubscribe"
    rows = [{"email": "new@acme.example", "tags": ["t"]}, {"email": "left@acme.example", "subscribe": [{"listid": 1}]}]
    imported(account, rows, requestType="GET", detailed_results="true")
    account.control.post("/clock", json={"advance_s": 10})
    get = receiver.next()
    assert (get.method, get.path, get.body, get.headers["x-a"]) == ("GET", "/cb?batch=b+1", b"", "1")
    imported(account, rows, requestType="POST", detailed_results="true")
    account.control.post("/clock", json={"advance_s": 10})
    post = receiver.next()
    assert (post.method, post.path, post.headers["x-a"]) == ("POST", "/cb", "1")
    assert post.form == {
        "batch": "b 1",
        "success": "1",
        "failure": "1",
        "errors[0][email]": "left@acme.example",
        "errors[0][message]": "Contact has unsubscribed from a requested list.",
    }
    imported(account, rows[:1], requestType="POST")
    account.control.post("/clock", json={"advance_s": 10})
    assert receiver.next().form == {"batch": "b 1"}


@pytest.mark.parametrize(
    "callback",
    [
        "https://h.example",
        {},
        {"url": 7},
        {"url": "ftp://h.example"},
        {"url": "http://[bad"},
        {"url": "http://h:x"},
        [1],
    ],
)
def test_a_callback_that_names_nobody_is_passed_over(account, callback):
    """An import ends as ever when its callback cannot be called."""
    body = {"contacts": [{"email": "new@acme.example"}], "callback": callback}
    batch = account.call("POST", "/import/bulk_import", body)["batchId"]
    account.control.post("/clock", json={"advance_s": 10})
    assert account.call("GET", f"/import/info?batchId={batch}")["status"] == "completed"

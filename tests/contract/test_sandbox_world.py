"""What the sandbox is filled with: the invented world, files of one's own, and signed events."""

import base64
import hashlib
import hmac
import json
import re
import socket

import httpx
import pytest
from receiver import receiving

from sync.sandbox.abmatic import Abmatic
from sync.sandbox.abmatic.webhooks import Sending
from sync.sandbox.emulation import Emulation, LoadError
from sync.sandbox.generate import generate

SYSTEMS = ("abmatic", "salesforce", "conversion", "activecampaign", "letrics")


@pytest.fixture(scope="module")
def running():
    with Emulation([Abmatic]) as emulation:
        yield emulation


@pytest.fixture
def control(running):
    with httpx.Client(base_url=running.urls["control"], trust_env=False, timeout=10) as client:
        client.post("/_control/reset", json={"empty": True})
        yield client


def test_csv_files_are_loaded_as_native_fields(control, running, tmp_path):
    """Columns become fields, numbers where the vendor has numbers, blanks nothing; a bad specification is named."""
    file = tmp_path / "companies.csv"
    file.write_text("name,website,employee_count,city\nNorthwind,https://northwind.example/,640,\n", encoding="utf-8")
    assert running.load(f"abmatic:accounts={file}") == 1
    row = control.get("/_control/dump", params={"system": "abmatic"}).json()["accounts"][0]
    assert (row["name"], row["employee_count"], "city" in row) == ("Northwind", 640, False)
    for bad in ("abmatic=x.csv", f"hubspot:accounts={file}", f"abmatic:deals={file}", "abmatic:accounts=/nowhere.csv"):
        with pytest.raises(LoadError, match=re.escape(bad)):
            running.load(bad)


def signed(body, how=hmac.new, secret=b"sandbox-webhook"):
    return how(secret, body, hashlib.sha256)


@pytest.fixture
def receiver():
    with receiving() as here:
        yield here


def send(control, receiver, **more):
    event = {"url": f"{receiver.url}/webhooks/abmatic", "event": "contact.revealed", "data": {"email": "a@b.example"}}
    return control.post("/_control/webhooks", json={**event, **more})


def test_events_are_signed_and_repeated_to_the_byte(control, receiver):
    """Every copy carries the HMAC-SHA256 of its raw body; the answer tells what the receiver said."""
    receiver.statuses[:] = [200, 503, 200]
    assert send(control, receiver, copies=3, retries=0).json() == {"statuses": [200, 503, 200]}
    came = [receiver.next() for _ in range(3)]
    assert len({one.body for one in came}) == 1 and came[0].path == "/webhooks/abmatic"
    assert {one.headers["x-abmatic-signature"] for one in came} == {signed(came[0].body).hexdigest()}
    told = json.loads(came[0].body)
    assert told["event"] == "contact.revealed" and told["timestamp"].endswith("Z")
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert send(control, receiver, url=nobody, retries=0).json() == {"statuses": [0]}


@pytest.mark.parametrize("how", ["hex", "prefixed", "base64", "wrong", "none"])
def test_signatures_are_spelled_as_asked(control, receiver, how):
    """Hex, hex behind `sha256=` and base64 are the same HMAC; `wrong` is another one, and `none` leaves the header out."""
    send(control, receiver, signature=how, secret="s")
    came = receiver.next()
    right = signed(came.body, secret=b"s")
    spelled = {
        "hex": right.hexdigest(),
        "prefixed": f"sha256={right.hexdigest()}",
        "base64": base64.b64encode(right.digest()).decode(),
        "none": None,
    }
    given = came.headers.get("x-abmatic-signature")
    assert given == spelled[how] if how in spelled else re.fullmatch("[0-9a-f]{64}", given) and given != spelled["hex"]


def test_what_is_not_taken_goes_again(control, receiver):
    """Anything but 200 is a failure; the same bytes come again, behind what was sent meanwhile: three times, or as often as asked."""
    receiver.statuses[:] = [204, 200, 500, 302]
    assert send(control, receiver, retries=2).json() == {"statuses": [204]}
    assert send(control, receiver, data={"email": "later@b.example"}).json() == {"statuses": [200]}
    came = [receiver.next().body for _ in range(4)]
    assert came == [came[0], came[1], came[0], came[0]] and came[0] != came[1]
    assert Sending("http://h.example").message("a.b", {}, "").pauses_s == (1, 2, 4)


def test_events_out_of_order(control, receiver):
    """With `delay_s` an event arrives behind later ones, as its time tells."""
    early, late = "2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z"
    assert send(control, receiver, timestamp=early, delay_s=0.2).json() == {"statuses": []}
    send(control, receiver, timestamp=late)
    assert [json.loads(receiver.next().body)["timestamp"] for _ in range(2)] == [late, early]


def test_whoever_registered_is_told_of_edits(control, receiver):
    """Contacts revealed, visitors identified, campaigns activated, scores changed: each reaches those who asked for it, signed."""
    url = f"{receiver.url}/hook"
    kinds = ["contact.revealed", "visitor.identified", "campaign.activated", "account.engagement_changed"]
    registered = control.post("/_control/webhooks", json={"url": url, "events": kinds, "copies": 2}).json()
    assert (
        registered
        == {"registered": [{"url": url, "events": sorted(kinds)}]}
        == control.get("/_control/webhooks").json()
    )

    def edit(name, row_id=None, **change):
        body = {"system": "abmatic", "object": name, **change, **({"id": row_id} if row_id else {})}
        return control.post("/_control/edit", json=body).json()["id"]

    account = edit("accounts", create={"name": "Northwind", "website": "northwind.example", "engagement_score": 10})
    edit("accounts", account, set={"industry": "Retail"})
    contact = edit("contacts", create={"email": "ada@northwind.example", "account_id": account})
    edit("contacts", contact, set={"title": "CTO"})
    edit("accounts", account, set={"engagement_score": 81})
    visit = {"company": {"id": account}, "page_views": [{"url": "/pricing"}]}
    visitor = edit("visitors", create=visit)
    campaign = edit("campaigns", create={"name": "Spring", "status": "draft"})
    edit("campaigns", campaign, set={"status": "active"})
    came = [receiver.next() for _ in range(8)]
    assert all(one.headers["x-abmatic-signature"] == signed(one.body).hexdigest() for one in came)
    assert [one.body for one in came[::2]] == [one.body for one in came[1::2]]
    company = {
        "id": account,
        "name": "Northwind",
        "website": "northwind.example",
        "industry": "Retail",
        "employee_count": None,
    }
    told = [json.loads(one.body) for one in came[::2]]
    assert [(one["event"], one["data"]) for one in told] == [
        ("contact.revealed", {"contact_id": contact, "email": "ada@northwind.example", "account_id": account}),
        ("account.engagement_changed", {"account_id": account, "previous_score": 10, "engagement_score": 81}),
        (
            "visitor.identified",
            {"visitor_id": visitor, "company": company, "pages_viewed": ["/pricing"], "engagement_score": 81},
        ),
        ("campaign.activated", {"campaign_id": campaign, "name": "Spring"}),
    ]
    control.delete("/_control/webhooks")
    edit("contacts", create={"email": "bob@northwind.example"})
    send(control, receiver, data={"email": "end@b.example"})
    assert b"end@b.example" in receiver.next().body


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"event": "a.b", "url": "http://[bad"}, "http"),
        ({"event": "a.b", "url": "http://h:99999"}, "http"),
        ({"event": "a.b", "signature": "md5"}, "hex"),
        ({"events": ["contact.deleted"]}, "contact.revealed"),
        ({"events": []}, "contact.revealed"),
        ({"events": "contact.revealed"}, "list"),
        ({"events": ["contact.revealed"], "event": "a.b"}, "event"),
    ],
)
def test_hooks_that_make_no_sense(control, body, word):
    """An address that cannot be called, an unknown signature and unknown events are refused with what is known."""
    answer = control.post("/_control/webhooks", json={"url": "http://127.0.0.1:1/x", **body})
    assert answer.status_code == 400 and word in answer.json()["message"]


def test_one_seed_is_one_world(control):
    """The same seed gives the same dump to the byte, another seed another; an empty reset leaves no rows."""

    def dump(**body):
        control.post("/_control/reset", json=body)
        return control.get("/_control/dump").content

    first = dump(seed=5, accounts=9, contacts=30)
    assert dump(seed=6, accounts=9, contacts=30) != first
    assert dump(seed=5, accounts=9, contacts=30) == first
    empty = json.loads(dump(empty=True))["abmatic"]
    assert set(empty) == {"accounts", "contacts", "campaigns", "visitors", "groups"} and not any(empty.values())


@pytest.mark.parametrize("overlap", [0.0, 0.5, 1.0])
def test_overlap_is_the_share_known_to_several(overlap):
    """Exactly the asked share of companies and people is in more than one system, and every one is somewhere."""
    world = generate(3, 200, 400, overlap, SYSTEMS)
    for things in (world.companies, world.people):
        assert sum(len(thing.systems) > 1 for thing in things) == overlap * len(things)
        assert all(thing.systems for thing in things)


def test_invented_names_reach_nobody():
    """Addresses and domains are unique and lie in reserved domains; telephone numbers are fictional."""
    world = generate(1, 6000, 6000, 0.5, SYSTEMS)
    domains = {company.domain for company in world.companies}
    assert len(domains) == len({company.name for company in world.companies}) == 6000
    assert all(re.search(r"\.example(\.(com|org|net))?$", domain) and domain.isascii() for domain in domains)
    assert len({person.email for person in world.people}) == 6000
    assert all(person.email.isascii() and re.fullmatch(r"\+1\d{3}55501\d\d", person.phone) for person in world.people)

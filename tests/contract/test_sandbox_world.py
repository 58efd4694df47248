"""What the sandbox is filled with: the invented world, files of one's own, and signed events."""

import hashlib
import hmac
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from sync.sandbox.abmatic import Abmatic
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


def test_events_are_signed_and_repeated_to_the_byte(control):
    """Every copy carries the HMAC-SHA256 of its raw body; the answer tells what the receiver said."""
    got = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((self.rfile.read(int(self.headers["Content-Length"])), self.headers["X-Abmatic-Signature"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/webhooks/abmatic"
        event = {"url": url, "event": "contact.revealed", "data": {"email": "a@b.example"}}
        sent = control.post("/_control/webhooks", json={**event, "copies": 3})
        server.shutdown()
        thread.join()
    assert sent.json() == {"statuses": [200, 200, 200]}
    assert len(set(got)) == 1 and len(got) == 3
    body, signature = got[0]
    assert signature == hmac.new(b"sandbox-webhook", body, hashlib.sha256).hexdigest()
    assert json.loads(body)["event"] == "contact.revealed" and json.loads(body)["timestamp"].endswith("Z")
    assert control.post("/_control/webhooks", json={**event, "retries": 0}).json() == {"statuses": [0]}


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

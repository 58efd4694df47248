"""The connector as the tests of ActiveCampaign use it, and the words they share."""

from __future__ import annotations

import traceback

import httpx
from activecampaign_server import NOW

from sync.connectors.activecampaign import ActiveCampaign
from sync.model.clock import ManualClock
from sync.model.remote import Feed, Kind, Write

ADA, BOB = "ada@acme.example", "bob@acme.example"
LIST = "lists.Newsletter"
TITLE = "fields.JOB_TITLE"
CONTACTS = Feed("contacts", ("email", "firstName", TITLE, LIST, "tags", "account"))
ACCOUNTS = Feed("accounts", ("name", "accountUrl"))


def connect(server, *, key="canary-key", gate=lambda address: False, **more):
    return ActiveCampaign(
        "activecampaign",
        "https://acme.api-us1.com/",
        key,
        clock=ManualClock(NOW),
        gate=gate,
        transport=httpx.MockTransport(server),
        **{"requests_per_second": 100_000, "retries": 2, "horizon_s": 60, **more},
    )


def drained(one, feed, cursor=None, *, full=False):
    return list(one.pull(feed, cursor, full=full))


def create(email, number=1, /, **values):
    return Write(number, Kind.CREATE, "contacts", None, f"rec{number}", {"email": email} | values, address=email)


def update(contact, values, number=1, address=ADA):
    return Write(number, Kind.UPDATE, "contacts", contact, f"rec{number}", values, address=address)


def subscribe(contact, status, number=1, address=ADA):
    return Write(number, Kind.SUBSCRIBE, "contacts", contact, f"rec{number}", {LIST: status}, address=address)


def engage(name, value, contact=None, number=1, address=ADA):
    key = {"automations": "automation", "notes": "note", "tags": "tag"}[name]
    return Write(number, Kind.ENGAGE, name, contact, "", {key: value}, address=address)


def outcomes(receipts):
    return [receipt.outcome.value for receipt in receipts]


def error_text(error):
    return "".join(traceback.format_exception(error)) + str(getattr(error, "remedy", ""))

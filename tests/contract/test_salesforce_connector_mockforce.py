"""The Salesforce connector beside unmodified simple-salesforce in simple-mockforce, wherever that has the endpoint.

It has the token, `query` and `queryAll`, and rows one by one. It has no describe, no collections, no Bulk API 2.0 and no
`Organization`, so writes, fetches and the tenant are shown by the sandbox and by the contract suite; and it reads escaped
quotes in a condition as they stand, so no name with a quote can be looked up there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from salesforce_org import at

from sync.connectors.salesforce import ClientCredentials, Salesforce
from sync.model.clock import ManualClock
from sync.model.remote import Feed

FEED = Feed("Contact", ("LastName", "Email", "Title"))
NAMES = ("O'Reilly", "Ruiz", "Zoë")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # its parser library is old


@dataclass
class Stage:
    """The other client, the ids of the rows it made, and our connector."""

    vendor: Any
    ids: dict[str, str]
    crm: Salesforce

    def pulled(self, feed=FEED, cursor=None):
        """The rows of a pull by id, and its last page."""
        pages = list(self.crm.pull(feed, cursor))
        return {record.id: record for page in pages for record in page.records}, pages[-1]


def played(story):
    """Runs a story inside the emulator, with three people made by simple-salesforce."""
    from simple_mockforce import mock_salesforce
    from simple_salesforce.api import Salesforce as Vendor

    @mock_salesforce
    def run():
        vendor = Vendor(username="u", password="p", consumer_key="k", consumer_secret="s", domain="acme.my")
        ids = {n: vendor.Contact.create({"LastName": n, "Email": f"{n[0]}@x.test"})["id"] for n in NAMES}
        crm = Salesforce(
            "crm",
            "https://acme.my.salesforce.com",
            auth=ClientCredentials("a", "b"),
            clock=ManualClock(at("2026-11-20T09:00:00")),
            gate=lambda _: False,
        )
        try:
            return story(Stage(vendor, ids, crm))
        finally:
            crm.close()

    return run()


def test_rows_made_by_simple_salesforce_are_pulled():
    """What another client stores in another emulator is enumerated, once each, with its stamps, and completely."""
    rows, last = played(lambda stage: stage.pulled())
    assert sorted(record.values["LastName"] for record in rows.values()) == sorted(NAMES)
    assert all(record.version and record.changed_at and not record.deleted for record in rows.values())
    assert last.complete and last.cursor


def test_an_update_and_a_deletion_are_seen_from_the_cursor_on():
    """From where the first pull ended, another client's update comes with its value, and its deletion as a deletion."""

    def story(stage):
        _, last = stage.pulled()
        stage.vendor.Contact.update(stage.ids["O'Reilly"], {"Title": "CTO"})
        stage.vendor.Contact.delete(stage.ids["Ruiz"])
        rows, _ = stage.pulled(cursor=last.cursor)
        return rows[stage.ids["O'Reilly"]], rows[stage.ids["Ruiz"]]

    changed, gone = played(story)
    assert (changed.values["Title"], changed.deleted) == ("CTO", False)
    assert gone.deleted


def test_a_condition_of_the_mapping_goes_along():
    """`where` is joined to the query so that another parser takes it, and deleted rows come in spite of it."""

    def story(stage):
        stage.vendor.Contact.update(stage.ids["Zoë"], {"Title": "CTO"})
        stage.vendor.Contact.delete(stage.ids["Ruiz"])
        rows, _ = stage.pulled(Feed("Contact", ("LastName", "Title"), where="Title = 'CTO'"))
        return {record.values.get("LastName"): record.deleted for record in rows.values()}

    assert played(story) == {"Zoë": False, "Ruiz": True}


def test_rows_are_found_by_a_value():
    """A look-up finds who has the value, letters beyond ASCII included, and says of the others that nobody has it."""
    found = played(lambda stage: stage.crm.lookup(FEED, "LastName", ["Ruiz", "Zoë", "Nobody"]))
    assert {name: [record.values["Email"] for record in rows] for name, rows in found.items()} == {
        "Ruiz": ["R@x.test"],
        "Zoë": ["Z@x.test"],
        "Nobody": [],
    }

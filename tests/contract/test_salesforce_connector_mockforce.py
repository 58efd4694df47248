"""The Salesforce connector beside unmodified simple-salesforce in simple-mockforce, where that has the endpoint: queries."""

import pytest
from salesforce_org import at

from sync.connectors.salesforce import ClientCredentials, Salesforce
from sync.model.clock import ManualClock
from sync.model.remote import Feed

FEED = Feed("Contact", ("LastName", "Email"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # its parser library is old
def test_rows_made_by_simple_salesforce_are_pulled_and_found():
    """What another client stores in another emulator is read by pull and by lookup, quoting included."""
    from simple_mockforce import mock_salesforce
    from simple_salesforce.api import Salesforce as Vendor

    @mock_salesforce
    def story():
        vendor = Vendor(username="u", password="p", consumer_key="k", consumer_secret="s", domain="acme.my")
        for name in ("O'Reilly", "Ruiz"):
            vendor.Contact.create({"LastName": name, "Email": f"{name[0]}@x.test"})
        clock = ManualClock(at("2026-11-20T09:00:00"))
        crm = Salesforce(
            "crm", "https://acme.my.salesforce.com", auth=ClientCredentials("a", "b"), clock=clock, gate=lambda _: False
        )
        pages = list(crm.pull(FEED, None))
        found = crm.lookup(FEED, "LastName", ["Ruiz", "Nobody"])
        crm.close()
        return pages, found

    pages, found = story()
    assert sorted(record.values["LastName"] for page in pages for record in page.records) == ["O'Reilly", "Ruiz"]
    assert pages[-1].complete
    assert [record.values["Email"] for record in found["Ruiz"]] == ["R@x.test"]
    assert found["Nobody"] == ()

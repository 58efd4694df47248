"""An ActiveCampaign client from PyPI that nobody here wrote (activecampaign-python) works against the emulator, unmodified."""

from __future__ import annotations

import pytest
import requests
from activecampaign.client import Client
from others_http import served

from sync.sandbox.activecampaign import ActiveCampaign


@pytest.fixture
def ac():
    with served(ActiveCampaign, {"Api-Token": "sandbox"}) as here:
        yield here


@pytest.fixture
def client(ac, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return Client(ac.base.removesuffix("/"), "sandbox")


def test_a_contacts_life(client):
    """Made, upserted, found, changed, read whole, deleted."""
    made = client.contacts.create_a_contact({"contact": {"email": "ada@acme.example", "firstName": "Ada"}})
    contact = made["contact"]["id"]
    again = client.contacts.create_or_update_contact({"contact": {"email": "ADA@acme.example", "lastName": "King"}})
    assert again["contact"]["id"] == contact
    found = client.contacts.list_all_contacts(email="ada@acme.example", limit=100)
    assert [row["id"] for row in found["contacts"]] == [contact]
    client.contacts.update_a_contact(contact, {"contact": {"phone": "+1 555 0100"}})
    whole = client.contacts.retrieve_a_contact(contact)
    assert [whole["contact"][name] for name in ("firstName", "lastName", "phone")] == ["Ada", "King", "+1 555 0100"]
    assert client.contacts.delete_a_contact(contact) == {}
    assert "No Result found" in client.contacts.retrieve_a_contact(contact)["message"]


def test_fields_tags_and_lists(client):
    """A field is made, related and filled; a tag put on and taken off; a list left."""
    contact = client.contacts.create_a_contact({"contact": {"email": "ada@acme.example"}})["contact"]["id"]
    field = client.contacts.create_a_custom_field({"field": {"title": "Colour", "type": "text", "visible": 1}})[
        "field"
    ]["id"]
    client.contacts.create_a_custom_field_relationship_to_list({"fieldRel": {"field": field, "relid": 0}})
    client.contacts.create_a_custom_field_value({"fieldValue": {"contact": contact, "field": field, "value": "Blue"}})
    values = client.contacts.retrieve_a_contacts_field_values(contact)["fieldValues"]
    assert [(row["field"], row["value"]) for row in values] == [(field, "Blue")]
    tag = client.tags.create_a_tag({"tag": {"tag": "VIP", "tagType": "contact", "description": ""}})["tag"]["id"]
    link = client.contacts.add_a_tag_to_contact({"contactTag": {"contact": contact, "tag": tag}})["contactTag"]["id"]
    assert [row["tag"] for row in client.contacts.retrieve_contact_tags(contact)["contactTags"]] == [tag]
    client.contacts.remove_a_tag_from_a_contact(link)
    assert client.contacts.retrieve_contact_tags(contact)["contactTags"] == []
    newsletter = next(row for row in client.lists.retrieve_all_lists()["lists"] if row["name"] == "Newsletter")
    left = {"contactList": {"list": newsletter["id"], "contact": contact, "status": 2}}
    assert client.contacts.update_list_status_for_a_contact(left)["contactList"]["status"] == 2


def test_automations_notes_campaigns_and_webhooks(client):
    """A contact is enrolled and taken out, noted; campaigns are listed; webhooks have a life of their own."""
    contact = client.contacts.create_a_contact({"contact": {"email": "ada@acme.example"}})["contact"]["id"]
    welcome = next(row for row in client.automations.list_all_automations()["automations"] if row["name"] == "Welcome")
    sent = {"contactAutomation": {"contact": contact, "automation": welcome["id"]}}
    entered = client.contacts.add_a_contact_to_an_automation(sent)["contactAutomation"]["id"]
    assert client.contacts.list_all_automations_the_contacts_is_in(contact)["contactAutomations"][0]["id"] == entered
    assert client.contacts.remove_a_contact_from_an_automation(entered) == {}
    note = client.notes.create_a_note({"note": {"note": "Seen", "relid": contact, "reltype": "Subscriber"}})["note"][
        "id"
    ]
    assert client.notes.retrieve_a_note(note)["note"]["note"] == "Seen"
    assert client.campaigns.list_all_campaigns()["campaigns"] == []
    hook = {"webhook": {"name": "Sync", "url": "https://h.example/x", "events": ["subscribe"], "sources": ["public"]}}
    name = client.webhooks.create_a_webhook(hook)["webhook"]["id"]
    assert [row["id"] for row in client.webhooks.list_all_webhooks()["webhooks"]] == [name]
    assert client.webhooks.delete_a_webhook(name) == {}
    assert client.users.retrieve_logged_in_user()["user"]["username"] == "sandbox"


def test_a_wrong_key_and_plain_requests(ac):
    """The client shows what the vendor answers to a wrong key; the token is taken in no other header."""
    assert Client(ac.base.removesuffix("/"), "wrong").contacts.list_all_contacts() == {"message": "Forbidden"}
    with requests.Session() as session:
        session.trust_env = False
        url = f"{ac.base.removesuffix('/')}/api/3/contacts"
        assert session.get(url, headers={"Authorization": "Bearer sandbox"}).status_code == 403

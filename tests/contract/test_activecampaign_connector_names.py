"""The ActiveCampaign connector and the names of fields, lists and tags: those that are not there, and those that look like others."""

from __future__ import annotations

from datetime import timedelta

import pytest
from activecampaign_client import ADA, LIST, TITLE, connect, create, drained, engage, update
from activecampaign_server import NOW, ActiveCampaign3

from sync.model.remote import Feed, Kind, Write

GONE = "fields.JOB_TITEL"
FEED = Feed("contacts", ("email", GONE, LIST))


def values(pages):
    return {record.id: dict(record.values) for page in pages for record in page.records}


# What is not there


@pytest.mark.parametrize("path", [GONE, "lists.Newsleter"])
def test_a_name_that_is_not_there_stops_itself_alone(path):
    """A mapped field or list that the account has not is left out and told; it is no blank, and all else is read."""
    server = ActiveCampaign3()
    ada = server.person(ADA)
    one, feed = connect(server), Feed("contacts", ("email", TITLE, path))
    assert values(drained(one, feed, full=True)) == {ada: {"email": ADA, TITLE: None}}
    assert one.unseen(feed) == (path,)


def test_a_label_of_accounts_that_is_not_there_stops_itself_alone():
    """The same for custom fields of accounts."""
    server = ActiveCampaign3()
    acme = server.put("accounts", name="Acme", accountUrl="", createdTimestamp=server.stamp())["id"]
    one, feed = connect(server), Feed("accounts", ("name", "fields.Size"))
    assert values(drained(one, feed, full=True)) == {acme: {"name": "Acme"}}
    assert one.unseen(feed) == ("fields.Size",)


def test_what_is_left_out_is_remembered_where_nobody_is_read():
    """A later process that reads nobody still tells what is left out, and asks nothing for it but that name."""
    server = ActiveCampaign3()
    server.person(ADA, NOW - timedelta(days=9))
    cursor = drained(connect(server), FEED, full=True)[-1].cursor
    later = connect(server)
    server.log.clear()
    assert not values(drained(later, FEED, cursor))
    assert later.unseen(FEED) == (GONE,)
    assert {path for _, path, *_ in server.log} == {"/contacts", "/fields"}


def test_a_name_that_comes_back_is_read_from_the_beginning():
    """Who opted out while the list could not be seen has not changed since: as soon as it can be, everybody is read again."""
    server = ActiveCampaign3()
    ada = server.person(ADA, NOW - timedelta(days=9))
    server.set_status(ada, "2")
    server.tables["lists"]["1"]["name"] = "Renamed"
    one = connect(server)
    cursor = drained(one, FEED, full=True)[-1].cursor
    assert one.unseen(FEED) == (GONE, LIST)
    server.tables["lists"]["1"]["name"] = "Newsletter"
    again = connect(server)
    pages = drained(again, FEED, cursor)
    assert values(pages)[ada][LIST] == "2"
    assert again.unseen(FEED) == (GONE,)
    assert not values(drained(connect(server), FEED, pages[-1].cursor))


def test_a_write_to_a_name_that_is_not_there_blames_that_name():
    """The refusal names the path, what is there instead, and whom to ask; nothing was sent."""
    server = ActiveCampaign3()
    ada = server.person(ADA)
    (receipt,) = connect(server).push([update(ada, {"firstName": "Ada", GONE: "CTO"})])
    assert (receipt.outcome.value, receipt.error, receipt.fields) == ("rejected", "UNKNOWN_NAME", (GONE,))
    assert "JOB_TITEL" in receipt.message
    assert "Did you mean JOB_TITLE?" in receipt.remedy
    assert not server.writes()


def test_a_write_to_a_label_of_accounts_that_is_not_there_blames_that_label():
    """The same for accounts."""
    server = ActiveCampaign3()
    server.put("accountCustomFieldMeta", fieldLabel="Size", fieldType="text")
    (receipt,) = connect(server).push(
        [Write(1, Kind.CREATE, "accounts", None, "a", {"name": "Acme", "fields.Sizes": "5"})]
    )
    assert (receipt.error, receipt.fields) == ("UNKNOWN_NAME", ("fields.Sizes",))
    assert "Did you mean Size?" in receipt.remedy
    assert not server.writes()


# What looks like something else


def test_a_tag_is_known_by_its_name_alone():
    """Tags may be called like the number of another, or like it but for a per cent sign: they are other tags."""
    server = ActiveCampaign3()
    ada = server.person(ADA)
    other = server.put("tags", tag="ten")
    server.put("tags", tag="Off 10")
    (receipt,) = connect(server).push([update(ada, {"tags": [other["id"], "Off 10%"]})])
    assert receipt.outcome.value == "acked"
    assert server.tags(ada) == [other["id"], "Off 10%"]


@pytest.mark.parametrize("name", ["JOB_TITLE", "%JOB_TITLE%", "job title", "1"])
def test_a_field_is_known_by_tag_title_and_number(name):
    """A personalisation tag comes with its per cent signs and without."""
    server = ActiveCampaign3()
    ada = server.person(ADA)
    server.set_value(ada, "CTO")
    path = f"fields.{name}"
    assert values(drained(connect(server), Feed("contacts", (path,)), full=True)) == {ada: {path: "CTO"}}


def test_a_new_contact_is_not_made_with_a_name_that_is_not_there():
    """Nothing of a create is sent that would be dropped without a word."""
    server = ActiveCampaign3()
    (receipt,) = connect(server).push([create(ADA, **{GONE: "CTO"})])
    assert (receipt.error, receipt.fields, server.writes()) == ("UNKNOWN_NAME", (GONE,), [])


def test_an_engagement_with_an_automation_that_is_not_there_names_one_that_is():
    """A slip in a route's automation is told with what it may have meant."""
    server = ActiveCampaign3()
    ada = server.person(ADA)
    (receipt,) = connect(server).push([engage("automations", "Welcom", ada)])
    assert receipt.error == "UNKNOWN_NAME"
    assert "Did you mean Welcome?" in receipt.remedy

"""The ActiveCampaign connector and rows that are gone, hidden or on the next page while it goes by what it knows of them."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from activecampaign_client import ADA, BOB, LIST, connect, drained, outcomes, subscribe, update
from activecampaign_server import NOW, ActiveCampaign3

from sync.errors import AuthError
from sync.model.remote import Feed


def values(pages):
    return {record.id: dict(record.values) for page in pages for record in page.records}


def refuse(server, method, path, status, body, *, times=1):
    left = [times]

    def hook(asked, where, sent):
        if (asked, where) != (method, path) or not left[0]:
            return None
        left[0] -= 1
        return httpx.Response(status, json=body)

    server.before.append(hook)


def test_a_tag_that_was_deleted_is_made_again():
    """The number of a tag may be stale: it is learnt anew before the write counts as refused."""
    server = ActiveCampaign3()
    ada, bob = server.person(ADA), server.person(BOB)
    one = connect(server)
    assert outcomes(one.push([update(ada, {"tags": ["VIP"]})])) == ["acked"]
    stale = next(iter(server.tables["tags"]))
    del server.tables["tags"][stale]
    server.tables["contactTags"].clear()

    def gone(method, path, sent):
        bad = path == "/contactTags" and method == "POST" and sent["contactTag"]["tag"] == stale
        return httpx.Response(422, json={"errors": [{"title": "No tag id provided", "code": 422}]}) if bad else None

    server.before.append(gone)
    assert outcomes(one.push([update(bob, {"tags": ["VIP"]}, address=BOB)])) == ["acked"]
    assert server.tags(bob) == ["VIP"]


def test_an_account_that_is_gone_is_no_news_of_the_contact():
    """An account that is not there any more refuses the link, and the contact is never taken for deleted."""
    server = ActiveCampaign3()
    ada = server.person(ADA)
    refuse(server, "POST", "/accountContacts", 404, {"message": "No Result found for CustomerAccount with id 7"})
    (receipt,) = connect(server).push([update(ada, {"account": "7"})])
    assert (receipt.outcome.value, receipt.fields) == ("rejected", ("account",))
    assert receipt.remedy


def test_an_opt_out_from_a_list_that_is_gone_is_sent_again():
    """A list that the vendor does not find is no deletion of the contact, and no refusal for good: the next run asks for the list anew."""
    server = ActiveCampaign3()
    ada = server.person(ADA)
    server.set_status(ada, "1")
    refuse(server, "POST", "/contactLists", 404, {"message": "No Result found for _List with id 1"})
    one = connect(server)
    (receipt,) = one.push([subscribe(ada, "2")])
    assert (receipt.outcome.value, receipt.error, receipt.fields) == ("throttled", "LIST_GONE", (LIST,))
    assert outcomes(one.push([subscribe(ada, "2")])) == ["acked"]
    assert server.status(ada) == "2"
    assert len(server.calls("GET", "/lists")) == 2


# Opt-ins that this user may not do


def test_a_user_who_may_not_resubscribe_stops_that_write_alone():
    """A 403 to an opt-in that a person has granted says nothing of the key: the rows behind it are written."""
    server = ActiveCampaign3()
    ada, bob = server.person(ADA), server.person(BOB)
    server.set_status(ada, "2")
    refuse(server, "POST", "/contactLists", 403, {"message": "Forbidden"}, times=3)
    receipts = connect(server).push([subscribe(ada, "1"), update(bob, {"firstName": "Bob"}, 2, BOB)])
    assert outcomes(receipts) == ["rejected", "acked"]
    assert (receipts[0].error, server.status(ada)) == ("OPT_IN_REFUSED", "2")


# Side tables in pages


def test_a_contact_with_many_values_is_read_to_the_end():
    """Nested tables may come by twenty like every other list: what is on their second page is no blank."""
    server = ActiveCampaign3()
    server.includes.clear()
    ada = server.person(ADA)
    for number in range(10, 140):
        server.tables["fields"][str(number)] = {"id": str(number), "perstag": f"F{number}", "title": f"F {number}"}
        server.set_value(ada, f"v{number}", str(number))
    feed = Feed("contacts", ("fields.F10", "fields.F139"))
    assert values(drained(connect(server), feed, full=True)) == {ada: {"fields.F10": "v10", "fields.F139": "v139"}}


# Twice on one list


@pytest.mark.parametrize("statuses", [("1", "2"), ("2", "1"), ("0", "3"), ("1", "0")])
def test_whoever_is_twice_on_a_list_is_what_is_strictest(statuses):
    """Two rows of one membership are no way round an opt-out, a bounce or a subscription that was never confirmed."""
    server = ActiveCampaign3()
    ada = server.person(ADA)
    for status in statuses:
        server.put("contactLists", contact=ada, list="1", status=status)
    strictest = next(status for status in ("3", "2", "0") if status in statuses)
    assert values(drained(connect(server), Feed("contacts", (LIST,)), full=True)) == {ada: {LIST: strictest}}


# Side tables that come along only sometimes


def test_a_table_that_shows_nobody_is_asked_again():
    """Who works nowhere by the table of all is asked for alone: a table that lags behind empties nothing."""
    server = ActiveCampaign3()
    server.includes.discard("accountContacts")
    ids = [server.person(f"p{n}@acme.example") for n in range(20)]
    for contact in ids[1:]:
        server.put("accountContacts", contact=contact, account="7")

    def late(method, path, body, answer):
        if path != "/accountContacts":
            return None
        rows = [row for row in answer.json()["accountContacts"] if row["contact"] != ids[5]]
        return httpx.Response(200, json={"accountContacts": rows, "meta": {"total": "18"}})

    server.after.append(late)
    found = connect(server).fetch(Feed("contacts", ("account",)), ids)
    assert [found[contact].values["account"] for contact in ids] == [None, *["7"] * 19]
    asked = [path for _, path, *_ in server.log if path.startswith("/contacts/")]
    assert sorted(asked) == [f"/contacts/{ids[0]}/accountContacts", f"/contacts/{ids[5]}/accountContacts"]


def test_a_poll_asks_for_the_company_of_those_alone_who_changed():
    """Where contacts do not bring along who works where, one change costs one call more, however many work somewhere."""
    server = ActiveCampaign3()
    server.includes.discard("accountContacts")
    for number in range(300):
        contact = server.person(f"p{number}@acme.example", NOW - timedelta(hours=3))
        server.put("accountContacts", contact=contact, account="7")
    one, feed = connect(server), Feed("contacts", ("email", "account"))
    cursor = drained(one, feed)[-1].cursor
    server.now = NOW + timedelta(minutes=6)
    changed = server.person(ADA)
    server.put("accountContacts", contact=changed, account="8")
    server.log.clear()
    assert values(drained(one, feed, cursor)) == {changed: {"email": ADA, "account": "8"}}
    assert [path for _, path, *_ in server.log if "ccount" in path] == [f"/contacts/{changed}/accountContacts"]


def test_a_poll_of_many_takes_the_table_at_its_word():
    """Those who work nowhere are not asked about one by one in every poll of a busy time."""
    server = ActiveCampaign3()
    server.includes.discard("accountContacts")
    one, feed = connect(server), Feed("contacts", ("email", "account"))
    cursor = drained(one, feed)[-1].cursor
    server.now = NOW + timedelta(minutes=6)
    ids = [server.person(f"p{number}@acme.example") for number in range(50)]
    server.put("accountContacts", contact=ids[0], account="7")
    server.log.clear()
    found = values(drained(one, feed, cursor))
    assert [found[contact]["account"] for contact in ids] == ["7", *[None] * 49]
    assert not [path for _, path, *_ in server.log if path.startswith("/contacts/")]


def test_an_answer_that_is_silent_about_a_side_table_tells_nothing_of_it():
    """Where the second of two answers brings no list status, that is asked for: it is not taken for none."""
    server = ActiveCampaign3()
    ids = [server.person(f"p{n}@acme.example") for n in range(150)]
    for contact in ids:
        server.set_status(contact, "2")

    def silent(method, path, body, answer):
        rows = answer.json()
        if path == "/contacts" and rows["contacts"] and rows["contacts"][0]["id"] in ids[:50]:
            del rows["contactLists"]
            return httpx.Response(200, json=rows)
        return None

    server.after.append(silent)
    found = connect(server).fetch(Feed("contacts", (LIST,)), ids)
    assert {record.values[LIST] for record in found.values()} == {"2"}


# What the plan has not


@pytest.mark.parametrize("feed", [Feed("accounts", ("name",)), Feed("contacts", ("email", "account"))])
def test_a_plan_without_accounts_is_told_from_a_wrong_key(feed):
    """A 403 to what lower plans have not says so, and what to take out of the mappings; it does not send anybody to the key."""
    server = ActiveCampaign3()
    server.person(ADA)
    server.includes.clear()
    server.before.append(
        lambda method, path, body: httpx.Response(403, json={"message": "Forbidden"}) if "ccount" in path else None
    )
    with pytest.raises(AuthError) as error:
        drained(connect(server), feed, full=True)
    assert "plan" in error.value.remedy
    assert "accounts.toml" in error.value.remedy

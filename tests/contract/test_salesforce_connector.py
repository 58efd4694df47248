"""The Salesforce connector against a small org of its own: reading, writing, and being let down."""

import random
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from salesforce_org import THEM, US, Fault, Org, at, full

from sync.connectors.salesforce import ClientCredentials, JwtBearer, RefreshToken, Salesforce, rewound
from sync.connectors.salesforce import cursor as cursor_of
from sync.connectors.salesforce import feed as feed_of
from sync.errors import AuthError, ConfigError, DriftError, QuotaError, TenantError, UnreachableError
from sync.model.clock import ManualClock
from sync.model.remote import Feed, Kind, Outcome, Write

CONTACT = Feed("Contact", ("LastName", "Email", "Title"))


@pytest.fixture
def clock():
    return ManualClock(at("2026-11-20T09:00:00"))


@pytest.fixture
def org(clock):
    org = Org(clock)
    yield org
    org.close()


@pytest.fixture
def make(org, clock):
    made = []

    def build(**options):
        options = {
            "auth": ClientCredentials("id", "secret"),
            "gate": lambda address: address == "out@x.test",
            "timeout_s": 5,
        } | options
        made.append(Salesforce("crm", options.pop("login_url", org.url), clock=clock, **options))
        return made[-1]

    yield build
    for one in made:
        one.close()


@pytest.fixture
def crm(make):
    return make()


def drain(pages):
    """All records of a pull, and the last cursor."""
    pages = list(pages)
    return [r for page in pages for r in page.records], pages[-1].cursor, pages


def update(number, rid, **values):
    return Write(number, Kind.UPDATE, "Contact", rid, f"rec-{number}", values)


def create(number, **values):
    return Write(number, Kind.CREATE, "Contact", None, f"rec-{number}", values, external_id="Key__c")


def reads(org):
    return sum(n for route, n in org.calls.items() if "query" in route or "deleted" in route)


# pulling


def test_first_pull_lists_everything_and_says_so(org, crm):
    """Without a cursor every row comes once, only with the paths asked for, and the walk is declared complete."""
    org.page_size = 3
    ids = {org.add("Contact", LastName=f"n{n}", Email=None) for n in range(8)}
    records, cursor, pages = drain(crm.pull(CONTACT, None))
    assert {r.id for r in records} == ids
    assert [page.complete for page in pages] == [False, False, True]
    assert pages[0].total == 8
    assert records[0].values == {"LastName": "n0", "Email": None, "Title": None}
    assert orjson.loads(cursor)["stamp"] <= "2026-11-20T09:00:00.000Z"


def test_idle_pull_costs_one_call(org, crm, clock):
    """A pull without news is one read call, whatever was read before."""
    for n in range(5):
        org.add("Contact", LastName=f"n{n}")
    _, cursor, _ = drain(crm.pull(CONTACT, None))
    for _ in range(7):
        clock.sleep(60)
        org.calls.clear()
        _, cursor, _ = drain(crm.pull(CONTACT, cursor))
        assert sum(org.calls.values()) == 1


@pytest.mark.law("row 59")
@pytest.mark.parametrize("late_s", [0, 5, 60, 300, 900])
def test_rows_that_surface_late_are_found(org, crm, clock, late_s):
    """A row that becomes visible behind newer ones is found by the next runs, up to 900 s behind."""
    _, cursor, _ = drain(crm.pull(CONTACT, None))
    for n in range(600):
        org.add("Contact", LastName=f"n{n}")
    _, cursor, _ = drain(crm.pull(CONTACT, cursor))
    clock.sleep(late_s + 1)
    org.add("Contact", LastName="newest")
    _, cursor, _ = drain(crm.pull(CONTACT, cursor))
    late = org.add("Contact", LastName="late", at=clock.now() - timedelta(seconds=late_s))
    found = set()
    for _ in range(5):
        clock.sleep(60)
        records, cursor, _ = drain(crm.pull(CONTACT, cursor))
        found |= {r.id for r in records}
    assert late in found


@pytest.mark.law("row 59")
@pytest.mark.parametrize("seed", range(4))
def test_rows_that_surface_late_beside_a_bulk_load_are_found(org, crm, clock, monkeypatch, seed):
    """Whatever is loaded, and however long the pulls are apart: a row that surfaces up to the overlap late is read within `DEEP_EVERY_S` and a pull."""
    monkeypatch.setattr(cursor_of, "PAGE_ROWS", 4)
    monkeypatch.setattr(feed_of, "WIDE_ROWS_MAX", 8)
    org.page_size, chance = 4, random.Random(seed)
    org.add("Contact", LastName="first")
    _, cursor, _ = drain(crm.pull(CONTACT, None))
    owed = {}
    for _ in range(60):
        clock.sleep(chance.choice([1, 10, 10, 60, 200, 700]))
        for n in range(chance.choice([0, 0, 3, 30])):
            org.add("Contact", LastName=f"load {n}")
        if chance.random() < 0.5:
            stamp = clock.now() - timedelta(seconds=chance.uniform(0, 600))
            owed[org.add("Contact", LastName="late", at=stamp)] = clock.now()
        records, cursor, _ = drain(crm.pull(CONTACT, cursor))
        owed = {key: since for key, since in owed.items() if key not in {r.id for r in records}}
        assert all(clock.now() - since < timedelta(seconds=cursor_of.DEEP_EVERY_S) for since in owed.values())


def test_a_change_does_not_wait_for_a_bulk_load_to_be_read_again(org, crm, clock, monkeypatch):
    """While a load lies in the overlap, most pulls read what is newer than it, and no more; the others read that first."""
    monkeypatch.setattr(cursor_of, "PAGE_ROWS", 20)
    monkeypatch.setattr(feed_of, "WIDE_ROWS_MAX", 100)
    org.page_size = 20
    org.add("Contact", LastName="first")
    _, cursor, _ = drain(crm.pull(CONTACT, None))
    for n in range(110):
        org.add("Contact", LastName=f"n{n}")
    clock.sleep(5)
    records, cursor, _ = drain(crm.pull(CONTACT, cursor))
    assert len(records) == 111, "what was loaded just now is read once"
    read = []
    clock.sleep(cursor_of.NEAR_S)
    _, cursor, _ = drain(crm.pull(CONTACT, cursor))
    for _ in range(14):
        clock.sleep(20)
        edited = org.add("Contact", LastName="edited")
        records, cursor, pages = drain(crm.pull(CONTACT, cursor))
        assert edited in {r.id for r in pages[0].records}
        read.append(len(records))
    assert sum(number > 20 for number in read) == 1, read


def test_a_bulk_load_is_not_read_again_for_ever(org, crm, clock):
    """After a load larger than a page the window empties although nothing newer came."""
    org.page_size = 500
    org.add("Contact", LastName="first")
    _, cursor, _ = drain(crm.pull(CONTACT, None))
    clock.sleep(5)
    for n in range(11_000):
        org.add("Contact", LastName=f"n{n}")
    for _ in range(3):
        clock.sleep(400)
        _, cursor, _ = drain(crm.pull(CONTACT, cursor))
    clock.sleep(4000)
    drain_cost = []
    for _ in range(3):
        org.calls.clear()
        records, cursor, _ = drain(crm.pull(CONTACT, cursor))
        drain_cost.append(reads(org))
        clock.sleep(60)
    assert drain_cost[-1] == 1
    assert records == []


def test_a_stored_cursor_goes_on_behind_its_page(org, make):
    """Any page's cursor resumes: nothing is lost, whether rows share a stamp or not, in a full walk or in an incremental one."""
    crm = make()
    _, start, _ = drain(crm.pull(CONTACT, None))
    org.page_size = 4
    ids = {org.add("Contact", LastName=f"n{n}") for n in range(11)}
    for cursor in (start, None):
        first, second = list(crm.pull(CONTACT, cursor))[:2]
        rest, _, pages = drain(make().pull(CONTACT, second.cursor))
        assert {r.id for r in (*first.records, *second.records, *rest)} == ids
        assert len(rest) == 3
        assert not pages[-1].complete


def test_a_dead_locator_restarts_behind_the_last_row(org, crm):
    """A locator that died in the middle costs no row."""
    org.page_size = 4
    ids = {org.add("Contact", LastName=f"n{n}") for n in range(10)}
    got = []
    for page in crm.pull(CONTACT, None):
        got += [r.id for r in page.records]
        org.locators.clear()
    assert set(got) == ids
    assert len(got) == 10


def test_full_reads_everything_again(org, crm):
    """`full` enumerates although the cursor is at the end."""
    ids = {org.add("Contact", LastName=f"n{n}") for n in range(3)}
    _, cursor, _ = drain(crm.pull(CONTACT, None))
    records, _, pages = drain(crm.pull(CONTACT, cursor, full=True))
    assert {r.id for r in records} == ids
    assert pages[-1].complete


def test_deletes_merges_and_conversions_are_told(org, crm):
    """Tombstones come through the feed with the winner, also where the row no longer matches the feed's filter."""
    keep, lose, gone = (org.add("Contact", LastName=n, Title="boss") for n in "abc")
    lead = org.add("Lead", LastName="l", Company="c")
    feed, leads = replace(CONTACT, where="Title = 'boss'"), Feed("Lead", ("LastName",))
    _, cursor, _ = drain(crm.pull(feed, None))
    _, lead_cursor, _ = drain(crm.pull(leads, None))
    org.edit("Contact", lose, Title="none")
    org.delete("Contact", lose, into=keep)
    org.delete("Contact", gone)
    org.edit("Lead", lead, IsConverted=True, ConvertedContactId=keep)
    records = {r.id: r for r in drain(crm.pull(feed, cursor))[0]}
    assert (records[lose].deleted, records[lose].merged_into) == (True, keep)
    assert (records[gone].deleted, records[gone].merged_into) == (True, None)
    assert not records[keep].deleted
    [converted] = drain(crm.pull(leads, lead_cursor))[0]
    assert (converted.object, converted.deleted, converted.merged_into) == ("Lead", True, keep)


def test_where_narrows_the_feed(org, crm):
    """Rows outside the filter are not read."""
    org.add("Contact", LastName="in", Title="boss")
    org.add("Contact", LastName="out", Title="clerk")
    records, cursor, _ = drain(crm.pull(replace(CONTACT, where="Title = 'boss'"), None))
    assert [r.values["LastName"] for r in records] == ["in"]
    assert len(drain(crm.pull(replace(CONTACT, where="Title = 'boss'"), cursor))[0]) == 1


def test_hard_deletes_are_told_where_there_is_no_bin(org, crm, clock):
    """Objects without a bin have their delete log read, but not more often than every five minutes."""
    member = org.add("CampaignMember", Status="Sent")
    feed = Feed("CampaignMember", ("Status",))
    _, cursor, _ = drain(crm.pull(feed, None))
    org.purge("CampaignMember", member)
    org.calls.clear()
    clock.sleep(60)
    records, cursor, _ = drain(crm.pull(feed, cursor))
    assert (records, reads(org)) == ([], 1)
    clock.sleep(300)
    records, cursor, _ = drain(crm.pull(feed, cursor))
    assert [(r.id, r.deleted, r.values) for r in records] == [(member, True, {})]


def test_hard_deletes_of_a_long_transaction_are_told_when_it_ends(org, crm, clock):
    """While a transaction is open the log covers only what was before it: the next reading goes on from there."""
    member = org.add("CampaignMember", Status="Sent")
    feed = Feed("CampaignMember", ("Status",))
    clock.sleep(3600)
    _, cursor, _ = drain(crm.pull(feed, None))
    org.open_since = clock.now()
    org.purge("CampaignMember", member)
    for pause_s in (301, 1200):
        clock.sleep(pause_s)
        records, cursor, _ = drain(crm.pull(feed, cursor))
        assert records == []
    org.open_since = None
    clock.sleep(301)
    records, cursor, _ = drain(crm.pull(feed, cursor))
    assert [(r.id, r.deleted) for r in records] == [(member, True)]


@pytest.mark.law("row 60")
def test_a_cursor_in_the_future_is_clamped(org, crm, clock):
    """A cursor that claims a later time than the server's still finds what changes now."""
    org.add("Contact", LastName="old")
    _, cursor, _ = drain(crm.pull(CONTACT, None))
    ahead = orjson.dumps(orjson.loads(cursor) | {"stamp": "2031-01-01T00:00:00.000Z"}).decode()
    new = org.add("Contact", LastName="new")
    assert new in {r.id for r in drain(crm.pull(CONTACT, ahead))[0]}


def test_a_cursor_of_this_very_second_is_not_in_the_future(org, crm):
    """The server's time comes in whole seconds, its stamps in milliseconds: a pull within the same second is one call all the same."""
    org.add("Contact", LastName="old")
    _, cursor, _ = drain(crm.pull(CONTACT, None))
    place = orjson.loads(cursor)
    just_now = orjson.dumps(place | {"stamp": place["at"].replace(".000Z", ".990Z")}).decode()
    before = reads(org)
    drain(crm.pull(CONTACT, just_now))
    assert reads(org) == before + 1


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "{",
        "[]",
        '{"v":1}',
        '{"v":1,"object":"Contact","kind":"mark","stamp":"soon"}',
        '{"v":1,"object":"Lead","kind":"mark"}',
    ],
)
def test_an_unreadable_cursor_starts_over(org, crm, broken):
    """A cursor that is damaged or of another object reads everything instead of skipping anything."""
    rid = org.add("Contact", LastName="a")
    assert [r.id for r in drain(crm.pull(CONTACT, broken))[0]] == [rid]


def test_a_cursor_can_be_set_back_for_a_rescan(org, crm, clock):
    """`rewound` makes the nightly re-scan: rows older than any overlap are read again."""
    old = org.add("Contact", LastName="old")
    clock.sleep(86_400)
    org.add("Contact", LastName="new")
    _, cursor, _ = drain(crm.pull(CONTACT, None))
    _, cursor, _ = drain(crm.pull(CONTACT, cursor))
    assert old not in {r.id for r in drain(crm.pull(CONTACT, cursor))[0]}
    assert old in {r.id for r in drain(crm.pull(CONTACT, rewound(cursor, 48 * 3600)))[0]}


def test_large_objects_are_read_by_a_bulk_query_that_equals_rest(org, make):
    """A bulk query yields the very values that REST yields, in pages that can be resumed, and is removed afterwards."""
    feed = Feed("Account", ("Name", "AnnualRevenue", "Industry"))
    for n in range(60):
        org.add("Account", Name=f'L\nine "{n}" é', AnnualRevenue=50000.5 + n, Industry=None)
    rest = {r.id: r for r in drain(make().pull(feed, None))[0]}
    org.page_size = 25
    records, cursor, pages = drain(make(bulk_threshold=2).pull(feed, None))
    assert {r.id: r for r in records} == rest
    assert pages[-1].complete
    assert any("/jobs/query" in route for route in org.calls)
    assert not org.jobs
    first, second = list(make(bulk_threshold=2).pull(feed, None))[:2]
    left, _, _ = drain(make(bulk_threshold=2).pull(feed, second.cursor))
    assert {r.id for r in (*first.records, *second.records, *left)} >= set(rest)
    assert len(drain(make().pull(feed, cursor))[0]) == 60


def test_a_refused_bulk_query_falls_back_to_rest(org, make):
    """Where the org has no bulk queries left the walk is done over REST."""
    ids = {org.add("Account", Name=f"n{n}") for n in range(60)}
    org.faults.append(
        Fault("POST .*/jobs/query", 400, [{"errorCode": "LIMIT_EXCEEDED", "message": "Max bulk v2 query jobs"}])
    )
    records, _, pages = drain(make(bulk_threshold=2).pull(Feed("Account", ("Name",)), None))
    assert {r.id for r in records} == ids
    assert pages[-1].complete


@pytest.mark.law("row 36")
def test_a_hidden_field_is_missing_not_blank(org, crm):
    """A field that our user may no longer see is left out of the values; the rest is read on."""
    rid = org.add("Contact", LastName="a", Title="boss")
    org.fields["Contact"].remove("Title")
    [record] = drain(crm.pull(CONTACT, None))[0]
    assert record.values == {"LastName": "a", "Email": None}
    assert crm.fetch(CONTACT, [rid])[rid].values == {"LastName": "a", "Email": None}


def test_our_own_changes_are_known(org, crm):
    """`by_us` tells our user's last change from a person's, `version` is the stamp."""
    ours, theirs = org.add("Contact", by=US, LastName="a"), org.add("Contact", by=THEM, LastName="b")
    records = {r.id: r for r in drain(crm.pull(CONTACT, None))[0]}
    assert (records[ours].by_us, records[theirs].by_us) == (True, False)
    assert records[ours].version == "2026-11-20T09:00:00.000+0000"
    assert records[ours].changed_at == at("2026-11-20T09:00:00")


# reading by id and by value


def test_fetch_answers_none_only_for_rows_that_are_gone(org, crm):
    """Live rows come back, deleted and unknown ones are None, ids may be short; a filter does not make a row gone."""
    live, deleted, loser = (org.add("Contact", LastName=n) for n in "abc")
    org.delete("Contact", deleted)
    org.delete("Contact", loser, into=live)
    unknown = full("003ak0000999999")
    found = crm.fetch(replace(CONTACT, where="Title = 'boss'"), [live[:15], deleted, unknown, "no id", loser])
    assert found[live[:15]].id == live
    assert (found[deleted], found[unknown], found["no id"]) == (None, None, None)
    assert (found[loser].deleted, found[loser].merged_into) == (True, live)


def test_an_id_of_another_object_does_not_spoil_a_fetch(org, crm):
    """A refused retrieve is answered by a query instead."""
    live, foreign = org.add("Contact", LastName="a"), org.add("Account", Name="b")
    org.faults.append(Fault("composite", 400, [{"errorCode": "MALFORMED_ID", "message": "malformed id"}]))
    found = crm.fetch(CONTACT, [live, foreign])
    assert (found[live].id, found[foreign]) == (live, None)


@pytest.mark.law("row 35")
def test_another_org_behind_the_same_log_in_is_refused(org, crm):
    """A log-in that is renewed into another org stops the system before anything is read or written there."""
    drain(crm.pull(CONTACT, None))
    org.tokens.clear()
    org.tenant = "00D000000000002"
    with pytest.raises(TenantError):
        drain(crm.pull(CONTACT, None))


def test_relationship_paths_are_read(org, crm):
    """A path through a relationship is read by fetch and pull; below an empty relationship it is None."""
    account = org.add("Account", Key__c="acc-1", Name="Acme")
    with_, without = org.add("Contact", LastName="a", AccountId=account), org.add("Contact", LastName="b")
    feed = Feed("Contact", ("LastName", "Account.Key__c"))
    found = crm.fetch(feed, [with_, without])
    assert found[with_].values == {"LastName": "a", "Account.Key__c": "acc-1"}
    assert found[without].values == {"LastName": "b", "Account.Key__c": None}
    assert {r.values["Account.Key__c"] for r in drain(crm.pull(feed, None))[0]} == {"acc-1", None}


def test_lookup_finds_live_rows_by_value(org, crm):
    """Values are compared without case, quoted safely, answered for each; blanks and deleted rows find nothing."""
    one, two = (
        org.add("Contact", LastName="O'Reilly", Email="A@x.test"),
        org.add("Contact", LastName="O'Reilly", Email="b@x.test"),
    )
    org.delete("Contact", org.add("Contact", LastName="d", Email="d@x.test"))
    by_mail = crm.lookup(CONTACT, "Email", ["a@x.test", "d@x.test", "", None, "z' OR Id != '"])
    assert {text: [r.id for r in found] for text, found in by_mail.items()} == {
        "a@x.test": [one],
        "d@x.test": [],
        "": [],
        "None": [],
        "z' OR Id != '": [],
    }
    assert {r.id for r in crm.lookup(CONTACT, "LastName", ["o'reilly"])["o'reilly"]} == {one, two}


def test_lookup_of_many_values_stays_within_an_address(org, crm):
    """A thousand values are split so that no request line exceeds Salesforce's limit."""
    ids = [org.add("Contact", LastName="n", Email=f"person.{n}@example.test") for n in range(1000)]
    found = crm.lookup(CONTACT, "Email", [f"person.{n}@example.test" for n in range(1000)])
    assert [found[f"person.{n}@example.test"][0].id for n in range(1000)] == ids
    assert max(len(path) for _, path, _, _ in org.log) < 16_000


def test_a_query_too_long_for_an_address_travels_in_a_body(org, crm):
    """A select list beyond the address limit is read all the same."""
    org.fields["Contact"] += [f"A_very_long_custom_field_name_{n}__c" for n in range(400)]
    org.all_fields = lambda name: org.fields[name]
    rid = org.add("Contact", LastName="a")
    assert [r.id for r in drain(crm.pull(Feed("Contact", tuple(org.fields["Contact"])), None))[0]] == [rid]


def test_describe_and_capabilities_tell_what_our_user_can(org, crm):
    """The schema carries lengths, keys and references; unknown objects are drift."""
    fields = crm.describe("Contact").fields
    assert (fields["Title"].length, fields["LastName"].required, fields["AccountId"].refers_to) == (
        128,
        True,
        ("Account",),
    )
    assert not fields["SystemModstamp"].updateable
    able = crm.capabilities("Contact")
    assert able.repeatable_create
    assert able.tombstones
    assert able.lookup_paths == ("Key__c", "Id", "Email")
    with pytest.raises(DriftError):
        crm.describe("Nothing__c")


# the way in


def test_all_three_grants_open_the_org(org, make):
    """Client credentials, a signed assertion and a refresh token log in; the tenant is the org."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    for auth in (
        ClientCredentials("id", "secret"),
        JwtBearer("id", "me@acme.test", pem),
        RefreshToken("id", "secret", "refresh-0"),
    ):
        assert make(auth=auth).identify().id == full("00D000000000001")
        assert "secret" not in repr(auth)
        assert "PRIVATE" not in repr(auth)


@pytest.mark.parametrize(
    ("link", "tenant"),
    [("/id/00D000000000001/005000000000001", full("00D000000000001")), ("/id/00Dsandbox/005me", "00Dsandbox")],
)
def test_the_log_in_names_the_org(org, crm, link, tenant):
    """The org is the one that the log-in's answer names, also where an emulator made the name up: no call is spent."""
    org.identity = org.url + link
    assert crm.identify().id == tenant
    assert not org.calls


def test_an_assertion_is_for_the_audience_that_is_configured(org, make):
    """Without one it is for the generic log-in host, wherever that is asked for: Salesforce knows no other."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    for audience in (None, "https://test.salesforce.com"):
        make(auth=JwtBearer("id", "me@acme.test", pem, audience)).identify()
    assert org.audiences == ["https://login.salesforce.com", "https://test.salesforce.com"]


@pytest.mark.law("row 33")
def test_a_rotated_refresh_token_is_handed_over_before_use(org, make):
    """The new token is out of our hands before the first request that could use its session."""
    org.rotating = True
    kept = []
    crm = make(
        auth=RefreshToken("id", "secret", "refresh-0"),
        on_secret=lambda token: kept.append((token, sum(org.calls.values()))),
    )
    crm.fetch(CONTACT, [])
    org.add("Contact", LastName="a")
    drain(crm.pull(CONTACT, None))
    assert kept == [("refresh-1", 0)]
    org.tokens.clear()
    drain(crm.pull(CONTACT, None))
    assert [token for token, _ in kept] == ["refresh-1", "refresh-2"]


@pytest.mark.law("row 31")
def test_an_expired_session_is_renewed_once_with_the_same_request(org, crm):
    """A 401 in the middle leads to one log-in and the same request, headers and all; a write is applied once."""
    rid = org.add("Contact", LastName="a")
    drain(crm.pull(CONTACT, None))
    org.tokens.clear()
    [receipt] = crm.push([update(1, rid, Title="CTO")])
    assert receipt.outcome is Outcome.ACKED
    assert org.logins == 2
    refused, accepted = org.log[-2:]
    for name in ("Sforce-Auto-Assign", "Sforce-Call-Options", "Content-Type"):
        assert refused[2][name] == accepted[2][name]
    assert accepted[2]["Sforce-Auto-Assign"] == "FALSE"
    assert refused[3] == accepted[3]


def test_a_session_refused_twice_is_an_auth_error(org, crm):
    """No loop: two refusals and it is over, for reads and for writes."""
    body = [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]
    for act in (
        lambda: drain(crm.pull(CONTACT, None)),
        lambda: crm.push([update(1, full("003ak0000000001"), Title="x")]),
    ):
        org.faults += [Fault("services/data", 401, body) for _ in range(2)]
        with pytest.raises(AuthError):
            act()
        assert org.faults == []
    assert org.logins == 3


@pytest.mark.parametrize("body", [b"<html>", {"error": "x"}, []])
def test_a_strange_401_is_renewed_too(org, crm, body):
    """A 401 whose body is no error list is handled like any other."""
    org.faults.append(Fault("services/data", 401, body))
    assert drain(crm.pull(CONTACT, None))[0] == []


@pytest.mark.law("row 32")
def test_refused_credentials_are_not_tried_again_and_again(org, make, clock):
    """A refused grant is an AuthError with a remedy, and the log-in is left alone for a while."""
    crm = make(auth=ClientCredentials("id", "wrong"))
    for _ in range(3):
        with pytest.raises(AuthError) as caught:
            crm.identify()
    assert org.logins == 1
    assert "client_secret" in caught.value.remedy
    clock.sleep(400)
    with pytest.raises(AuthError):
        crm.identify()
    assert org.logins == 2


@pytest.mark.law("row 39")
@pytest.mark.parametrize(
    "instance", ["https://evil.example", "https://acme.my.salesforce.com.evil.example", "http://acme.my.salesforce.com"]
)
def test_a_foreign_instance_never_gets_the_token(org, make, instance):
    """A token answer that names a host outside Salesforce is refused before anything is sent there."""
    org.instance = instance
    with pytest.raises(AuthError, match="outside Salesforce"):
        drain(make().pull(CONTACT, None))


@pytest.mark.parametrize(
    ("url", "auth"),
    [
        ("http://acme.my.salesforce.com", ClientCredentials("id", "secret")),
        ("https://login.salesforce.com", ClientCredentials("id", "secret")),
        ("https://user:pw@acme.my.salesforce.com", ClientCredentials("id", "secret")),
        ("acme", ClientCredentials("id", "secret")),
        ("https://acme.my.salesforce.com", ("user", "password", "token")),
    ],
)
def test_what_cannot_work_is_refused_before_any_contact(make, url, auth):
    """Plain http, shared hosts for client credentials, and password log-in are configuration mistakes with a remedy."""
    with pytest.raises(ConfigError) as caught:
        make(login_url=url, auth=auth)
    assert caught.value.problems[0].remedy


def test_probe_reports_log_in_version_and_quota(org, make):
    """`probe` finds a version that the org does not serve."""
    assert all(finding.well for finding in make().probe())
    findings = {f.what: f for f in make(api_version="44.0").probe() if not f.well}
    assert "67.0" in findings["API version"].remedy


# being let down while reading


@pytest.mark.parametrize(
    "fault",
    [
        Fault("query", 503, b"<html>"),
        Fault("query", 500, [{"errorCode": "UNKNOWN_EXCEPTION", "message": "x"}]),
        Fault("query", 420, b""),
        Fault("query", 429, b"", {"Retry-After": "7"}),
        Fault(
            "query",
            403,
            [
                {
                    "errorCode": "REQUEST_LIMIT_EXCEEDED",
                    "message": "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
                }
            ],
        ),
        Fault(
            "query", 400, [{"errorCode": "QUERY_TIMEOUT", "message": "Your query request was running for too long."}]
        ),
        Fault("query", drop="before"),
        Fault("query", html=True),
        Fault("query", 200, b'{"totalSize": 1, "records": ['),
        Fault("query", raw=b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"done": true'),
    ],
    ids=str,
)
def test_reads_are_repeated_through_passing_trouble(org, crm, fault):
    """A read that failed in passing is repeated, and never taken for an empty result."""
    rid = org.add("Contact", LastName="a")
    org.faults += [fault, replace(fault)]
    assert [r.id for r in drain(crm.pull(CONTACT, None))[0]] == [rid]


def test_a_system_that_stays_down_is_unreachable(org, make, clock):
    """After the configured retries the read ends in UnreachableError; connection refused is the same."""
    crm = make(retries=2)
    org.faults += [Fault("query", 503, b"") for _ in range(3)]
    with pytest.raises(UnreachableError):
        drain(crm.pull(CONTACT, None))
    assert org.faults == []
    with pytest.raises(UnreachableError):
        drain(make(login_url="http://127.0.0.1:9", retries=1).pull(CONTACT, None))


def test_a_long_wait_is_given_back_to_the_runner(org, crm, clock):
    """A `Retry-After` beyond a minute is not slept through, and an absurd one is capped."""
    org.faults.append(Fault("query", 429, b"", {"Retry-After": "86400"}))
    before = clock.now()
    with pytest.raises(QuotaError) as caught:
        drain(crm.pull(CONTACT, None))
    assert caught.value.wait_s == 900
    assert clock.now() == before


@pytest.mark.law("row 29")
@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/services/data/v67.0/query/1",
        "@evil.example/services/data/",
        "//evil.example/services/data/",
        "",
    ],
)
def test_a_link_to_another_host_is_not_followed(org, crm, link):
    """The next page is only ever asked of the same host."""
    org.faults.append(Fault("query", 200, {"totalSize": 9, "done": False, "records": [], "nextRecordsUrl": link}))
    with pytest.raises(UnreachableError):
        drain(crm.pull(CONTACT, None))


@pytest.mark.law("row 28")
def test_pages_that_go_round_are_noticed(org, crm):
    """A next link that comes back ends the pull instead of running for ever."""
    again = {"totalSize": 9, "done": False, "records": [], "nextRecordsUrl": "/services/data/v67.0/query/01g-1"}
    org.faults += [Fault("query", 200, again) for _ in range(3)]
    with pytest.raises(UnreachableError):
        drain(crm.pull(CONTACT, None))


@pytest.mark.law("row 13")
def test_redirects_are_refused(org, crm):
    """A redirect is not followed, neither with nor without credentials."""
    org.faults.append(Fault("query", 307, b"", {"Location": "http://127.0.0.1:9/"}))
    with pytest.raises(UnreachableError, match="redirect"):
        drain(crm.pull(CONTACT, None))


def test_our_share_of_the_day_stops_reading_but_not_opt_outs(org, make, clock):
    """Past the share pulls and ordinary writes stop with QuotaError; a consent write and the look before it pass; it recovers."""
    rid = org.add("Contact", LastName="a", Email="a@x.test")
    crm = make(daily_call_share=0.5)
    org.limit, org.used = 100, 60
    drain(crm.pull(CONTACT, None))
    with pytest.raises(QuotaError):
        drain(crm.pull(CONTACT, None))
    with pytest.raises(QuotaError):
        crm.push([update(1, rid, Title="x")])
    assert crm.fetch(CONTACT, [rid])[rid].id == rid
    out = Write(2, Kind.SUBSCRIBE, "Contact", rid, "rec", {"HasOptedOutOfEmail": True}, address="a@x.test")
    assert crm.push([out])[0].outcome is Outcome.ACKED
    assert org.tables["Contact"][rid]["HasOptedOutOfEmail"] is True
    assert crm.usage().calls_limit == 100
    org.used = 10
    clock.sleep(901)
    drain(crm.pull(CONTACT, None))


@pytest.mark.law("row 24")
def test_a_spent_org_is_a_quota_error(org, crm):
    """The vendor's own limit stops everything."""
    org.faults.append(
        Fault("query", 403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}])
    )
    with pytest.raises(QuotaError):
        drain(crm.pull(CONTACT, None))


def test_requests_keep_our_pace(org, make, clock):
    """A ceiling of requests a minute is kept by waiting."""
    crm = make(requests_per_minute=6)
    before = clock.now()
    for _ in range(3):
        crm.lookup(CONTACT, "Email", ["a@x.test"])
    assert clock.now() - before == timedelta(seconds=20)


def test_connections_are_used_again(org, crm):
    """Many requests, pulls and writes alike, share a connection, and a log-in needs one of its own at most."""
    rid = org.add("Contact", LastName="a")
    for n in range(5):
        drain(crm.pull(CONTACT, None))
        crm.push([update(n, rid, Title=str(n))])
    assert org.connections <= 2


def test_importing_the_connector_loads_no_client_library():
    """simple-salesforce, zeep and requests are loaded by the first request only."""
    code = "import sys, sync.connectors.salesforce as s; sys.exit(any(n in sys.modules for n in ('simple_salesforce', 'zeep', 'requests', 'jwt')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_error_or_receipt_quotes_a_value(org, crm):
    """What Salesforce says about values stays inside; names of fields and our own words come out."""
    secret = "S3cr3t" * 30
    [receipt] = crm.push([create(1, LastName="a", Title=secret)])
    assert (receipt.error, receipt.fields) == ("STRING_TOO_LONG", ("Title",))
    assert "S3cr3t" not in repr(receipt)

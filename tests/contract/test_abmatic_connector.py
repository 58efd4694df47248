"""The Abmatic connector against a small server of our own and against scripted faults."""

from __future__ import annotations

import json
import random
from datetime import timedelta

import httpx
import pytest
from abmatic_server import NOW, Abmatic1
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sync.connectors.abmatic import Abmatic
from sync.errors import AuthError, DriftError, TenantError, UnreachableError
from sync.model.clock import ManualClock
from sync.model.remote import Feed, Kind, Outcome, Write

ACCOUNTS = Feed("accounts", ("name", "website", "industry"))
CONTACTS = Feed("contacts", ("email", "title", "account_id"))


def connect(server, **settings):
    settings = {"requests_per_minute": 100_000, "retries": 2} | settings
    return Abmatic(
        "abmatic",
        "https://api.abmatic.example/v1",
        "canary-key",
        clock=ManualClock(NOW),
        gate=settings.pop("gate", lambda address: False),
        transport=httpx.MockTransport(server),
        **settings,
    )


def drain(one, feed, cursor=None, **more):
    pages = list(one.pull(feed, cursor, **more))
    return pages, {record.id: record for page in pages for record in page.records}


def create(values, number=1, name="accounts", address=None):
    return Write(number, Kind.CREATE, name, None, f"rec{number}", values, address=address)


def update(key, values, number=1, name="accounts"):
    return Write(number, Kind.UPDATE, name, key, f"rec{number}", values)


def told(receipt, *paths):
    return [receipt.values[path] for path in paths]


def filled(count, age_days=30.0):
    server = Abmatic1()
    for number in range(count):
        server.add("accounts", age_days, name=f"n{number}", website=f"w{number}.example")
    return server


# Pull


def test_a_first_pull_yields_everything_and_then_one_call_tells_that_nothing_happened():
    """A verified walk is complete; the idle pull after it costs one call and yields nothing old."""
    server = filled(250)
    one = connect(server)
    pages, rows = drain(one, ACCOUNTS)
    assert len(rows) == 250
    assert [page.complete for page in pages] == [False, False, True]
    server.log.clear()
    pages, rows = drain(one, ACCOUNTS, pages[-1].cursor)
    assert rows == {}
    assert len(server.log) == 1
    assert pages[-1].cursor is not None


def test_a_changed_row_comes_and_only_the_feeds_paths_with_it():
    """A row changed since is yielded with mapped paths alone; null stays, absent stays absent."""
    server = filled(3)
    one = connect(server)
    cursor = drain(one, ACCOUNTS)[0][-1].cursor
    server.touch("accounts", "acc_2", industry=None, secret_note="x")
    _, rows = drain(one, ACCOUNTS, cursor)
    assert rows["acc_2"].values == {"name": "n1", "website": "w1.example", "industry": None}
    assert rows["acc_2"].changed_at == NOW


@pytest.mark.law("row 61")
def test_the_changed_filter_reaches_back_two_days_of_the_servers_date():
    """The date asked for is the server's, less the overlap, whatever our own clock says."""
    server = filled(1)
    server.now = NOW + timedelta(days=40)
    one = connect(server)
    cursor = drain(one, ACCOUNTS)[0][-1].cursor
    drain(one, ACCOUNTS, cursor)
    assert server.log[-1][2]["updated_after"] == "2026-03-12"


@pytest.mark.law("row 30")
def test_a_row_deleted_while_pages_are_read_makes_the_walk_start_again():
    """A delete that shifts rows left loses none of them: the walk is repeated before anything is believed."""
    server = filled(250)
    gone = []

    def delete(method, path, params):
        if params.get("page") == "2" and not gone:
            gone.append(server.rows["accounts"].pop("acc_1"))

    server.before.append(delete)
    pages, rows = drain(connect(server), ACCOUNTS)
    assert set(server.rows["accounts"]) <= set(rows)
    assert pages[-1].complete
    assert sum(call[2].get("page") == "1" for call in server.log) == 2


def test_a_list_that_never_holds_still_gives_rows_but_no_cursor():
    """Three unclean walks end the pull: rows are kept, the cursor stays, nothing counts as complete."""
    server = filled(350)

    def delete(method, path, params):
        if params.get("page") == "2":
            server.rows["accounts"].pop(next(iter(server.rows["accounts"])))

    server.before.append(delete)
    pages, rows = drain(connect(server), ACCOUNTS)
    assert pages[-1].cursor is None
    assert not any(page.complete for page in pages)
    assert set(server.rows["accounts"]) <= set(rows)


def test_rows_born_during_a_full_walk_do_not_spoil_it():
    """A busy account can be backfilled: what is new since the start is the next pull's."""
    server = filled(250)

    def born(method, path, params):
        if params.get("page") == "3":
            server.now += timedelta(seconds=1)
            server.rows["accounts"] = {
                server.add("accounts", name="new"): server.rows["accounts"].popitem()[1]
            } | server.rows["accounts"]

    server.before.append(born)
    pages, _ = drain(connect(server), ACCOUNTS)
    assert pages[-1].cursor is not None
    assert len(pages) == 3


@example(406, 331)  # a deletion and an addition while nobody looked, so that the totals agree
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(101, 420))
def test_no_stored_cursor_ever_passes_a_row(seed, count):
    """Whatever is deleted, changed and added while pages are read, and wherever we stop, rows do not get lost."""
    chance = random.Random(seed)
    server = filled(count)
    budget = [chance.randint(0, 4)]

    def churn(method, path, params):
        server.now += timedelta(seconds=7)
        if budget[0] and chance.random() < 0.5:
            budget[0] -= 1
            rows = server.rows["accounts"]
            key = chance.choice(list(rows))
            act = chance.choice(("delete", "change", "add"))
            if act == "delete":
                del rows[key]
            elif act == "change":
                server.touch("accounts", key, name="changed")
            else:
                server.add("accounts", name="added")

    server.before.append(churn)
    seen, cursor = {}, None
    for _ in range(8):
        for page in connect(server).pull(ACCOUNTS, cursor):
            seen.update({record.id: record.values for record in page.records})
            cursor = page.cursor or cursor
            if budget[0] and chance.random() < 0.2:
                break
    for key, row in server.rows["accounts"].items():
        assert seen[key]["name"] == row["name"]


def test_a_full_walk_goes_on_from_its_page_but_claims_nothing():
    """A backfill that was cut goes on where it was, and is not taken for an enumeration."""
    server = filled(350)
    first = next(iter(connect(server).pull(ACCOUNTS, None)))
    server.log.clear()
    pages, rows = drain(connect(server), ACCOUNTS, first.cursor)
    assert [call[2]["page"] for call in server.log] == ["2", "3", "4"]
    assert len(rows) == 250
    assert pages[-1].cursor is not None
    assert not pages[-1].complete


def test_a_resumed_walk_that_lost_rows_meanwhile_starts_again():
    """Rows that slipped over the page boundary while we were away are found."""
    server = filled(350)
    first = next(iter(connect(server).pull(ACCOUNTS, None)))
    del server.rows["accounts"]["acc_5"]
    _, rows = drain(connect(server), ACCOUNTS, first.cursor)
    assert set(server.rows["accounts"]) <= set(rows) | {record.id for record in first.records}


def test_a_cursor_of_another_feed_is_a_start_from_nothing():
    """A newly mapped path makes every row news."""
    server = filled(3)
    one = connect(server)
    cursor = drain(one, ACCOUNTS)[0][-1].cursor
    assert len(drain(one, Feed("accounts", ("name",)), cursor)[1]) == 3
    assert len(drain(one, ACCOUNTS, "{broken")[1]) == 3


def test_rows_without_a_change_time_are_asked_for_by_creation_too():
    """Where the server leaves updated_at unset on new rows, they are still found."""
    server = filled(2)
    del server.rows["accounts"]["acc_1"]["updated_at"]
    one = connect(server)
    cursor = drain(one, ACCOUNTS)[0][-1].cursor
    key = server.add("accounts", name="fresh")
    del server.rows["accounts"][key]["updated_at"]
    assert key in drain(one, ACCOUNTS, cursor)[1]


def test_rows_that_a_list_shows_in_part_are_read_alone():
    """The seed's list samples have id, name and score: what a row is matched by is then read by id, later of changed rows alone."""
    server = filled(3)
    server.listed = ("id", "name", "engagement_score", "updated_at")
    one = connect(server)
    pages, rows = drain(one, ACCOUNTS)
    assert {row.values["website"] for row in rows.values()} == {"w0.example", "w1.example", "w2.example"}
    server.log.clear()
    pages, _ = drain(one, ACCOUNTS, pages[-1].cursor)
    assert len(server.log) == 1
    server.touch("accounts", "acc_2", website="new.example")
    server.log.clear()
    _, rows = drain(one, ACCOUNTS, pages[-1].cursor)
    assert {key: row.values["website"] for key, row in rows.items()} == {"acc_2": "new.example"}
    assert len(server.log) == 2
    server.touch("accounts", "acc_1", industry="Mining")
    server._selected = lambda row, params: True
    server.touch("accounts", "acc_3", industry="Software")
    _, rows = drain(connect(server), Feed("accounts", ACCOUNTS.paths, where="industry=mining"))
    assert set(rows) == {"acc_1", "acc_2"}


def test_people_of_whom_a_list_shows_little_are_read_alone():
    """An address, and not half of what is mapped: the rest is where the person is read alone."""
    server = Abmatic1()
    server.listed = ("id", "email")
    server.add("contacts", email="ada@acme.example", title="CTO", account_id="acc_1")
    _, rows = drain(connect(server), CONTACTS)
    assert rows["con_1"].values == {"email": "ada@acme.example", "title": "CTO", "account_id": "acc_1"}


def test_rows_without_a_website_are_no_reason_to_read_them_alone():
    """One row is looked at, once: where it shows no more than the list, the list is believed from then on."""
    server = Abmatic1()
    for number in range(3):
        server.add("accounts", name=f"n{number}")
    one = connect(server)
    pages, rows = drain(one, ACCOUNTS)
    assert (len(rows), len(server.log)) == (3, 2)
    server.touch("accounts", "acc_1", name="other")
    server.log.clear()
    _, rows = drain(one, ACCOUNTS, pages[-1].cursor)
    assert (len(server.log), rows["acc_1"].values) == (1, {"name": "other"})


def test_filters_are_asked_checked_again_and_unknown_ones_refused():
    """A filter that the server ignores still holds; one that it does not document is not sent."""
    server = Abmatic1()
    server.add("accounts", name="miner", industry="Mining")
    server.add("accounts", name="maker", industry="Software")
    server._selected = lambda row, params: True
    _, rows = drain(connect(server), Feed("accounts", ("name",), where="industry=software"))
    assert [row.values["name"] for row in rows.values()] == ["maker"]
    assert server.log[0][2]["industry"] == "software"
    with pytest.raises(DriftError):
        drain(connect(server), Feed("accounts", ("name",), where="colour=red"))


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("size=1000+", {"big", "untold"}),
        ("size=1000%2B", {"big", "untold"}),
        ("size=11-50", {"small", "banded", "untold"}),
        ("engagement_score_min=50", {"big", "banded", "untold"}),
    ],
)
def test_sizes_and_scores_are_looked_at_again(where, found):
    """Where the server ignores `size` or a score, rows that are told to be of another stay out."""
    server = Abmatic1()
    server.add("accounts", name="small", employee_count=40, engagement_score=10)
    server.add("accounts", name="big", employee_count=4000, engagement_score=80)
    server.add("accounts", name="banded", employee_count=4000, size="11-50", engagement_score=60)
    server.add("accounts", name="untold")
    _, rows = drain(connect(server), Feed("accounts", ("name",), where=where))
    assert {row.values["name"] for row in rows.values()} == found
    assert server.log[0][2].get("size", "") in ("", "1000+", "11-50")


def test_the_common_filters_may_be_asked_of_contacts_too():
    """The vendor's page names the common filters for contacts as well."""
    server = Abmatic1()
    server.add("contacts", email="a@x.example", engagement_score=10)
    server.add("contacts", email="b@x.example", engagement_score=60)
    _, rows = drain(connect(server), Feed("contacts", ("email",), params={"engagement_score_min": 50}))
    assert [row.values["email"] for row in rows.values()] == ["b@x.example"]


def test_group_names_follow_the_members_even_if_the_account_did_not_change():
    """Joining and leaving a group are news of the account; an idle pull stays small."""
    server = filled(3)
    group = server.add("groups", 30, name="Tier 1")
    server.members[group] = ["acc_1"]
    feed = Feed("accounts", ("name", "groups"))
    one = connect(server)
    pages, rows = drain(one, feed)
    assert {key: row.values["groups"] for key, row in rows.items()} == {"acc_1": ["Tier 1"], "acc_2": [], "acc_3": []}
    server.log.clear()
    pages, rows = drain(one, feed, pages[-1].cursor)
    assert (len(server.log), rows) == (3, {})
    server.members[group] = ["acc_2"]
    _, rows = drain(one, feed, pages[-1].cursor)
    assert {key: row.values["groups"] for key, row in rows.items()} == {"acc_1": [], "acc_2": ["Tier 1"], "acc_3": []}


def test_without_groups_in_this_plan_the_path_is_missing():
    """A missing endpoint is a capability: accounts are read, the path is left out."""
    server = filled(1)
    del server.rows["groups"]
    _, rows = drain(connect(server), Feed("accounts", ("name", "groups")))
    assert rows["acc_1"].values == {"name": "n0"}


def test_campaign_analytics_come_with_the_campaign():
    """Metrics move without the campaign's change time and are still news."""
    server = Abmatic1()
    server.add("campaigns", 30, id="cam_1", name="Spring")
    server.analytics["cam_1"] = {"impressions": 5}
    feed = Feed("campaigns", ("name", "analytics.impressions", "analytics.conversions"))
    one = connect(server)
    pages, rows = drain(one, feed)
    assert rows["cam_1"].values == {"name": "Spring", "analytics.impressions": 5}
    server.analytics["cam_1"] = {"impressions": 6}
    assert drain(one, feed, pages[-1].cursor)[1]["cam_1"].values["analytics.impressions"] == 6


@pytest.mark.law("row 16")
@pytest.mark.parametrize(
    "broken",
    [
        httpx.Response(200, json={"data": []}),
        httpx.Response(200, json={"data": [1], "pagination": {"total": 1, "total_pages": 1}}),
        httpx.Response(200, text="<html>", headers={"content-type": "text/html"}),
    ],
)
def test_a_broken_list_is_no_empty_list(broken):
    """A page that is not a list envelope stops the pull; it never ends one."""
    with pytest.raises(UnreachableError):
        drain(connect(lambda request: broken), ACCOUNTS)


@pytest.mark.parametrize(
    "told",
    [
        lambda told: {name: str(value) for name, value in told.items()},
        lambda told: {name: value for name, value in told.items() if name != "total_pages"},
        lambda told: told | {"total_pages": None, "has_next": True},
        lambda told: {"total": told["total"]},
    ],
)
def test_counts_may_be_texts_and_pages_may_be_left_to_us(told):
    """A list is walked to its end, and believed, where its counts are texts, or where it tells rows and no pages."""
    server = Abmatic1()
    for number in range(250):
        server.add("accounts", 30, name="Acme", website=f"{number}.example")

    def change(method, path, params, answer):
        body = json.loads(answer.content)
        return httpx.Response(200, json=body | {"pagination": told(body["pagination"])})

    server.after.append(change)
    pages, rows = drain(connect(server), ACCOUNTS)
    assert len(rows) == 250
    assert pages[-1].cursor
    assert [params["page"] for _, _, params in server.log] == ["1", "2", "3"]


@pytest.mark.law("row 28")
def test_pages_without_end_are_cut():
    """A list that always promises another page is given up."""
    numbers = iter(range(10**6))

    def endless(request):
        page = int(request.url.params["page"])
        told = {"total": 10, "page": page, "per_page": 1, "total_pages": page + 1}
        row = {"id": f"a{next(numbers)}", "name": "Acme", "website": "acme.example"}
        return httpx.Response(200, json={"data": [row], "pagination": told})

    with pytest.raises(UnreachableError, match="do not end"):
        drain(connect(endless), ACCOUNTS)


# Fetch, lookup, tenant


def test_fetch_tells_present_and_gone():
    """A 404 is a deletion while other rows are still there."""
    server = filled(2)
    found = connect(server).fetch(ACCOUNTS, ["acc_1", "acc_9"])
    assert found["acc_1"].values["name"] == "n0"
    assert found["acc_9"] is None
    assert connect(server).fetch(ACCOUNTS, ["acc_9"]) == {"acc_9": None}


def test_a_404_for_everything_is_no_deletion():
    """If no row that is known exists any more, the key is another tenant's, and nothing is gone."""
    server = filled(5)
    linked = [("accounts", f"old_{number}") for number in range(4)]
    one = connect(server, canaries=lambda: linked)
    with pytest.raises(TenantError):
        one.fetch(ACCOUNTS, ["old_0"])
    with pytest.raises(TenantError):
        one.fetch(ACCOUNTS, [key for _, key in linked])
    with pytest.raises(TenantError):
        one.identify()
    assert connect(server, canaries=lambda: [("accounts", "acc_1")]).identify() == connect(filled(0)).identify()


def test_a_missing_endpoint_is_no_deletion():
    """Where rows are listed but none can be read by id, a 404 says nothing about a row."""
    server = filled(2)
    server.before.append(lambda method, path, params: httpx.Response(404, json={}) if "acc_" in path else None)
    with pytest.raises(TenantError):
        connect(server).fetch(ACCOUNTS, ["acc_7"])


def test_lookup_finds_rows_created_lately_whatever_their_case():
    """An in-doubt create is found by its key: e-mail without case, website by its host."""
    server = filled(1)
    server.add("contacts", email="Ada@Example.com")
    server.add("accounts", name="Acme", website="https://www.Acme.example/")
    one = connect(server)
    found = one.lookup(CONTACTS, "email", ["ada@example.com", "no@example.com"])
    assert [record.values["email"] for record in found["ada@example.com"]] == ["Ada@Example.com"]
    assert found["no@example.com"] == ()
    assert len(one.lookup(ACCOUNTS, "website", ["acme.example"])["acme.example"]) == 1
    old = Feed("accounts", ("name",), params={"created_after": "2020-01-01"})
    assert len(one.lookup(old, "website", ["w0.example"])["w0.example"]) == 1


# Push


def test_a_create_returns_the_row_and_its_id():
    """The receipt of a create carries the new id and what is stored, what the server made of it included; not what we put together."""
    server = Abmatic1()
    server.made = {"engagement_score": 0, "groups": "Tier 1", "location": {"city": None}}
    [receipt] = connect(server).push([create({"name": "Acme", "website": "acme.example"}, number=7)])
    assert (receipt.number, receipt.outcome, receipt.created) == (7, Outcome.ACKED, True)
    assert told(receipt, "name", "website", "engagement_score") == ["Acme", "acme.example", 0]
    assert receipt.values["location.city"] is None
    assert "groups" not in receipt.values
    assert set(receipt.values) == {"id", "created_at", "updated_at", "name", "website", "engagement_score", "location"}
    assert len(receipt.values) == 7
    assert receipt.remote_id in server.rows["accounts"]


def test_an_update_under_replace_loses_no_foreign_field():
    """PUT carries the whole writable row as it stands at that moment, and our values over it."""
    server = filled(1)
    server.touch("accounts", "acc_1", industry="Tech", field_07="theirs", engagement_score=81, employee_count=None)
    [receipt] = connect(server).push([update("acc_1", {"industry": "Software"})])
    row = server.rows["accounts"]["acc_1"]
    assert (row["industry"], row["field_07"], row["name"], row["engagement_score"]) == ("Software", "theirs", "n0", 81)
    assert told(receipt, "industry", "engagement_score") == ["Software", 81]


@pytest.mark.parametrize(("column", "ours"), [("field_07", False), ("industry", True)])
def test_a_refusal_that_blames_a_column_of_others_says_so(column, ours):
    """A PUT refused for a column that is not ours names that column and what to set, and is not sent without it: that might empty it."""
    server = filled(1)
    server.touch("accounts", "acc_1", field_07="theirs")

    def refuse(method, path, params):
        told = {"error": "invalid_request", "message": "read-only", "meta": {"field": column}}
        return httpx.Response(400, json=told) if method == "PUT" else None

    server.before.append(refuse)
    [receipt] = connect(server).push([update("acc_1", {"industry": "Software"})])
    assert (receipt.outcome, receipt.fields) == (Outcome.REJECTED, (column,))
    assert ("put_mode" in receipt.remedy, column in receipt.message) == (not ours, not ours)
    assert [call[0] for call in server.log] == ["GET", "PUT"]
    assert "theirs" not in receipt.message


def test_an_update_that_is_already_so_sends_nothing():
    """What the row already holds is not written again."""
    server = filled(1)
    [receipt] = connect(server).push([update("acc_1", {"name": "n0"})])
    assert receipt.outcome is Outcome.ACKED
    assert [call[0] for call in server.log] == ["GET"]


def test_a_silent_put_answer_is_read_back():
    """204 is a success; what is stored is read, not assumed."""
    server = filled(1)

    def trim(method, path, params, answer):
        if method == "PUT":
            server.rows["accounts"]["acc_1"]["name"] = "Acme I"
            return httpx.Response(204)
        return None

    server.after.append(trim)
    [receipt] = connect(server).push([update("acc_1", {"name": "Acme Inc."})])
    assert (receipt.outcome, told(receipt, "name")) == (Outcome.ACKED, ["Acme I"])


@pytest.mark.parametrize("stored", ["Acme I", "n0"])
def test_a_put_answer_that_names_no_row_is_read_back(stored):
    """An answer that only echoes what was sent is a success, and no word about what is stored."""
    server = filled(1)

    def echo(method, path, params, answer):
        if method == "PUT":
            server.rows["accounts"]["acc_1"]["name"] = stored
            return httpx.Response(200, json={"data": {"name": "Acme Inc."}})
        return None

    server.after.append(echo)
    [receipt] = connect(server).push([update("acc_1", {"name": "Acme Inc."})])
    assert (receipt.outcome, told(receipt, "name")) == (Outcome.ACKED, [stored])


@pytest.mark.parametrize("fault", [httpx.ReadTimeout("t"), httpx.ReadError("r"), 500, 503, "html", "empty"])
def test_a_create_with_an_unclear_answer_is_sent_once_and_left_in_doubt(fault):
    """Whatever goes wrong after the POST left, there is one row and the receipt says: look first."""
    server = Abmatic1()

    def spoil(method, path, params, answer):
        if method != "POST":
            return None
        if isinstance(fault, Exception):
            raise fault
        spoiled = {"html": httpx.Response(200, html="<p>"), "empty": httpx.Response(201)}
        return spoiled.get(fault) or httpx.Response(fault)

    server.after.append(spoil)
    one = connect(server)
    [receipt] = one.push([create({"email": "ada@example.com"}, name="contacts")])
    assert receipt.outcome is Outcome.DOUBT
    assert len(server.rows["contacts"]) == 1
    assert len(one.lookup(CONTACTS, "email", ["ada@example.com"])["ada@example.com"]) == 1


@pytest.mark.law("row 11")
def test_an_answer_about_another_row_is_doubt():
    """A proxy that mixes answers up cannot give our record a stranger's id."""
    server = filled(2)

    def swap(method, path, params, answer):
        return httpx.Response(200, json={"data": server.rows["accounts"]["acc_2"]}) if method == "PUT" else None

    server.after.append(swap)
    assert connect(server).push([update("acc_1", {"name": "x"})])[0].outcome is Outcome.DOUBT


def test_a_refused_row_does_not_hold_up_the_others_and_tells_no_values():
    """Each row gets its own receipt; a rejection names code and column, never what the vendor quoted."""
    server = Abmatic1()
    first, second = connect(server).push([create({"website": "x"}, 1), create({"name": "Acme"}, 2)])
    assert (first.outcome, first.error, first.fields) == (Outcome.REJECTED, "MISSING_REQUIRED_FIELD", ("name",))
    assert "secret" not in repr(first)
    assert (second.number, second.outcome) == (2, Outcome.ACKED)


def test_a_missing_row_is_gone_and_a_lost_tenant_stops_all():
    """GONE needs a tenant that stands."""
    server = filled(1)
    assert connect(server).push([update("acc_9", {"name": "x"})])[0].outcome is Outcome.GONE
    one = connect(server, canaries=lambda: [("accounts", f"old_{n}") for n in range(3)])
    with pytest.raises(TenantError):
        one.push([update("acc_9", {"name": "x"})])


@pytest.mark.law("row 37")
def test_refused_credentials_stop_before_the_first_row_and_mark_the_rest_as_unsent():
    """AuthError at the first row; later rows get receipts that say nothing was sent."""
    server = filled(2)
    server.before.append(
        lambda method, *_: httpx.Response(403, json={"error": "forbidden"}) if method == "PUT" else None
    )
    with pytest.raises(AuthError):
        connect(server).push([update("acc_1", {"name": "x"})])
    rows = connect(server).push(
        [update("acc_1", {"name": "n0"}), update("acc_2", {"name": "x"}, 2), update("acc_1", {"name": "y"}, 3)]
    )
    assert [row.outcome for row in rows] == [Outcome.ACKED, Outcome.THROTTLED, Outcome.THROTTLED]
    assert [row.number for row in rows] == [1, 2, 3]


def test_blanks_are_not_sent_while_clearing_is_off():
    """What a blank does there is undocumented: it stays at home unless the setting says so."""
    server = filled(1)
    [receipt] = connect(server).push([update("acc_1", {"name": "x", "website": None})])
    assert told(receipt, "name", "website") == ["x", "w0.example"]
    assert connect(server).push([update("acc_1", {"website": ""})])[0].outcome is Outcome.REJECTED
    connect(server, clearing="null").push([update("acc_1", {"website": None})])
    assert server.rows["accounts"]["acc_1"]["website"] is None


def test_the_last_gate_refuses_an_opt_in_of_a_suppressed_address():
    """No payload states an opt-in for an address that opted out, and the refusal is counted."""
    server = Abmatic1()
    one = connect(server, gate=lambda address: address == "ada@example.com")
    values = {"email": "ada@example.com", "field_01": "SUBSCRIBED"}
    [receipt] = one.push([create(values, name="contacts", address="ada@example.com")])
    assert (receipt.outcome, one.usage().gate_refusals, server.log) == (Outcome.REJECTED, 1, [])


@pytest.mark.parametrize("address", ["ada@example.com", None])
def test_the_last_gate_lets_no_flag_of_an_opt_out_be_taken_away(address):
    """Consent that is kept as a flag is gated too: to untick it is to opt in. So it is for nobody, when the address is not known."""
    server = filled(1)
    one = connect(server, gate=lambda known: known == "ada@example.com")
    [receipt] = one.push([Write(1, Kind.SUBSCRIBE, "contacts", "con_1", "r", {"opted_out": False}, address=address)])
    assert (receipt.outcome, one.usage().gate_refusals, server.log) == (Outcome.REJECTED, 1, [])


def test_other_flags_and_other_people_pass_the_last_gate():
    """A column that is not sent as consent is nobody's business; an opt-out passes always, and whoever is not out may be opted in."""
    one = connect(filled(1), gate=lambda known: known == "ada@example.com")
    for kind, values, address in [
        (Kind.UPDATE, {"is_customer": False}, "ada@example.com"),
        (Kind.SUBSCRIBE, {"opted_out": True}, "ada@example.com"),
        (Kind.SUBSCRIBE, {"opted_out": False}, "bob@example.com"),
    ]:
        one.push([Write(1, kind, "contacts", "con_1", "r", values, address=address)])
    assert one.usage().gate_refusals == 0


def test_what_cannot_be_written_says_so():
    """Deletes, campaigns and group memberships are refused in words, without a call."""
    server = filled(1)
    writes = [
        Write(1, Kind.DELETE, "accounts", "acc_1", "r", {}),
        update("cam_1", {"name": "x"}, name="campaigns"),
        update("acc_1", {"groups": ["Tier 1"]}),
    ]
    assert [row.outcome for row in connect(server).push(writes)] == [Outcome.REJECTED] * 3
    assert server.log == []


def test_a_group_is_created_and_its_members_read():
    """Target groups can be made, listed and looked into."""
    server = filled(2)
    one = connect(server)
    receipt = one.create_group("Tier 1", {"industry": "Technology"})
    server.members[receipt.remote_id] = ["acc_2"]
    assert [row["name"] for row in one.groups()] == ["Tier 1"]
    assert set(one.group_members(receipt.remote_id)) == {"acc_2"}


# Profiles


def read_only(rows):
    """A2: one sorted list, flat columns, no ids."""

    def answer(request):
        params = dict(request.url.params)
        if request.url.path != "/v1/accounts":
            return httpx.Response(404, json={"error": "not_found"})
        ordered = sorted(
            rows, key=lambda row: row[params.get("sort_by", "website")], reverse=params.get("order_by") == "desc"
        )
        page = int(params["page"])
        told = {"total": len(rows), "page": page, "per_page": 100, "total_pages": -(-len(rows) // 100)}
        return httpx.Response(
            200,
            json={"data": ordered[(page - 1) * 100 : page * 100], "pagination": told},
            headers={"date": "Mon, 02 Feb 2026 12:00:00 GMT"},
        )

    return answer


def test_a_read_only_revision_is_recognised_and_walked_by_change_time():
    """`auto` finds out what the key opens; changes are read newest first, only as far as needed."""
    rows = [
        {
            "website": f"W{n:03}.example",
            "location.country": "norway",
            "updated_at": f"2026-01-{n % 28 + 1:02}T00:00:00Z",
        }
        for n in range(250)
    ]
    one = connect(read_only(rows), profile="auto")
    feed = Feed("accounts", ("website", "location.country"))
    pages, found = drain(one, feed)
    assert len(found) == 250
    assert pages[-1].complete
    assert found["w007.example"].values["location.country"] == "norway"
    rows[9]["updated_at"] = "2026-02-02T13:00:00Z"
    before = one.usage().calls
    _, found = drain(one, feed, pages[-1].cursor)
    assert one.usage().calls == before + 1
    assert "w009.example" in found
    assert not one.capabilities("accounts").creatable
    assert one.push([create({"name": "x"})])[0].error == "UNSUPPORTED"
    with pytest.raises(DriftError):
        drain(one, CONTACTS)


def test_columns_are_asked_for_under_the_names_of_the_revision():
    """A2 refuses a list whose `fields` it does not know: what A1 calls otherwise is asked for by its later name."""

    def answer(request):
        asked = request.url.params["fields"].split(",")
        if not set(asked) <= {"website", "name", "last_seen", "created_at", "updated_at"}:
            return httpx.Response(400, json={"error": "invalid_request", "message": "unknown field"})
        told = {"total": 1, "page": 1, "per_page": 100, "total_pages": 1}
        row = {"website": "acme.example", "name": "acme", "last_seen": "2026-02-02T09:15:00Z"}
        return httpx.Response(200, json={"data": [{key: row.get(key) for key in asked}], "pagination": told})

    feed = Feed("accounts", ("id", "name", "last_seen_at"))
    _, rows = drain(connect(answer, profile="A2"), feed)
    assert rows["acme.example"].values == {"name": "acme", "last_seen_at": "2026-02-02T09:15:00Z"}


@pytest.mark.parametrize(
    ("applied", "believed"),
    [
        ({"min_score": "50", "sort_by": "website"}, True),
        ({"filters": {"min_score": 50}, "sort": "website asc"}, True),
        ({"min_score": None, "sort_by": "website"}, False),
        ({"sort_by": "website"}, False),
        ({"filters": {}, "sort_by": None}, False),
    ],
)
def test_a_filter_that_did_not_run_moves_no_cursor(applied, believed):
    """A3 tells what it applied: a filter of ours that is null there, or missing, leaves the walk without a cursor."""

    def answer(request):
        told = {"total": 1, "page": 1, "per_page": 100, "total_pages": 1}
        row = {"website": "acme.example", "engagement_score": 80}
        return httpx.Response(200, json={"data": [row], "pagination": told, "applied": applied})

    pages, rows = drain(
        connect(answer, profile="A3"), Feed("accounts", ("engagement_score",), params={"min_score": 50})
    )
    assert set(rows) == {"acme.example"}
    assert (pages[-1].cursor is not None) == pages[-1].complete == believed


def test_probe_tells_what_answers_and_what_does_not():
    """`check` learns the profile, each list, and the rate, without a write."""
    server = filled(3)
    del server.rows["groups"]
    found = {finding.what: finding for finding in connect(server).probe()}
    assert found["accounts"].detail == "3 rows; fields: created_at, id, name, updated_at, website"
    assert found["profile"].detail == "A1 fits"
    assert not found["groups"].well
    assert found["groups"].remedy
    assert all(call[0] == "GET" for call in server.log)
    refused = connect(lambda request: httpx.Response(401, json={})).probe()
    assert any(finding.what == "credentials" and not finding.well for finding in refused)

"""The ActiveCampaign connector, reading: against a small server of our own, nasty where the vendor's sheet is silent."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from activecampaign_client import ACCOUNTS, ADA, BOB, CONTACTS, LIST, connect, drained, error_text
from activecampaign_server import NOW, SIDES, ActiveCampaign3

from sync.errors import AuthError, DriftError, QuotaError, UnreachableError
from sync.model.remote import Feed

# Walks


def test_everybody_is_read_by_id_a_hundred_a_call():
    """A full read takes as many calls as there are hundreds, pages by id, and is complete on its last page alone."""
    server = ActiveCampaign3()
    ids = [server.person(f"p{n}@acme.example") for n in range(250)]
    pages = drained(connect(server), CONTACTS, full=True)
    assert [record.id for page in pages for record in page.records] == ids
    assert [page.complete for page in pages] == [False, False, True]
    assert len(server.calls("GET", "/contacts")) == 3
    assert pages[0].total == 250


def test_a_full_read_goes_on_where_it_was_broken_off():
    """The cursor of any page leads to the rest; a read that was resumed proves nothing about who is missing."""
    server = ActiveCampaign3()
    ids = [server.person(f"p{n}@acme.example") for n in range(250)]
    one = connect(server)
    first = next(one.pull(CONTACTS, None, full=True))
    rest = list(one.pull(CONTACTS, first.cursor, full=True))
    assert [record.id for page in rest for record in page.records] == ids[100:]
    assert not any(page.complete for page in rest)


def test_a_short_page_that_is_not_the_last_ends_nothing():
    """Where the total says that there are more, the walk goes on until a page is empty."""
    server = ActiveCampaign3()
    ids = [server.person(f"p{n}@acme.example") for n in range(120)]

    def short(method, path, body, answer):
        if path == "/contacts" and len(answer.json()["contacts"]) == 100:
            return httpx.Response(200, json=answer.json() | {"contacts": answer.json()["contacts"][:60]})
        return None

    server.after.append(short)
    pages = drained(connect(server), CONTACTS, full=True)
    assert [record.id for page in pages for record in page.records] == ids


def test_an_order_that_is_ignored_is_noticed():
    """Pages that do not come by id would skip people: that is an error, not a result."""
    server = ActiveCampaign3()
    for n in range(3):
        server.person(f"p{n}@acme.example")
    server.ignored.add("orders[id]")
    with pytest.raises(DriftError):
        drained(connect(server), CONTACTS, full=True)


def test_what_changed_is_read_by_day_and_sifted_by_the_second():
    """An incremental read asks for a day's margin and hands over what changed since the cursor less the overlap."""
    server = ActiveCampaign3()
    server.person("old@acme.example", NOW - timedelta(days=9))
    server.person("today@acme.example", NOW - timedelta(hours=3))
    one = connect(server)
    cursor = drained(one, CONTACTS)[-1].cursor
    changed = server.person(ADA, NOW + timedelta(minutes=5))
    server.now = NOW + timedelta(minutes=6)
    server.log.clear()
    pages = drained(one, CONTACTS, cursor)
    assert [record.id for page in pages for record in page.records] == [changed]
    assert server.calls("GET", "/contacts")[0][3]["filters[updated_after]"] == ["2026-07-09"]
    assert not pages[-1].complete


def test_an_idle_read_is_one_call():
    """With no news, contacts cost one call, whatever is mapped of them."""
    server = ActiveCampaign3()
    server.person(ADA, NOW - timedelta(days=9))
    one = connect(server)
    cursor = drained(one, CONTACTS)[-1].cursor
    server.log.clear()
    assert not drained(one, CONTACTS, cursor)[-1].records
    assert len(server.log) == 1


def test_a_filter_that_is_ignored_hands_over_nothing_old():
    """Where the vendor answers with everybody, only those who changed are news."""
    server = ActiveCampaign3()
    server.person("old@acme.example", NOW - timedelta(days=9))
    one = connect(server)
    cursor = drained(one, CONTACTS)[-1].cursor
    server.ignored.add("filters[updated_after]")
    assert not drained(one, CONTACTS, cursor)[-1].records


def test_a_vendors_clock_that_was_put_back_hides_nobody():
    """What changed after the clock went back bears an earlier time, and is handed over all the same."""
    server = ActiveCampaign3()
    one = connect(server)
    cursor = drained(one, CONTACTS)[-1].cursor
    server.now = NOW - timedelta(hours=1)
    changed = server.person(ADA)
    assert [record.id for record in drained(one, CONTACTS, cursor)[-1].records] == [changed]


def test_a_row_without_a_usable_time_is_always_news():
    """Zero dates and nulls are no times: such a row is never sifted out."""
    server = ActiveCampaign3()
    one = connect(server)
    cursor = drained(one, CONTACTS)[-1].cursor
    server.ignored.add("filters[updated_after]")
    odd = server.person(ADA)
    server.tables["contacts"][odd] |= {"udate": "0000-00-00 00:00:00", "cdate": None}
    (record,) = drained(one, CONTACTS, cursor)[-1].records
    assert (record.id, record.changed_at) == (odd, None)


def changed_today(server, count):
    return [server.person(f"p{n}@acme.example", NOW - timedelta(minutes=60 * 8 * n // count)) for n in range(count)]


def asked(server):
    return [
        call[3]["filters[updated_after]"][0]
        for call in server.calls("GET", "/contacts")
        if call[3].get("filters[updated_after]")
    ]


@pytest.mark.parametrize("fine", [True, False], ids=["seconds count", "days count"])
def test_seconds_are_asked_for_once_the_vendor_has_shown_that_they_count(fine):
    """After a busy day a poll is one call where the filter knows seconds, and everybody of that day where it does not; once a day
    that is asked. Nobody is missed either way."""
    server = ActiveCampaign3()
    server.fine = fine
    changed_today(server, 250)
    one = connect(server)
    cursor = drained(one, CONTACTS)[-1].cursor
    server.now = NOW + timedelta(hours=1)
    cursor = drained(one, CONTACTS, cursor)[-1].cursor
    for hours in (2, 3):
        server.log.clear()
        server.now = NOW + timedelta(hours=hours)
        changed = server.person(f"new{hours}@acme.example")
        pages = drained(one, CONTACTS, cursor)
        assert changed in {record.id for page in pages for record in page.records}
        assert len(asked(server)) == (1 if fine else 3)
        cursor = pages[-1].cursor


def proved(server, one):
    """A cursor of a connector that has seen that seconds count."""
    server.fine = True
    changed_today(server, 250)
    cursor = drained(one, CONTACTS)[-1].cursor
    for hours in (1, 2):
        server.now = NOW + timedelta(hours=hours)
        cursor = drained(one, CONTACTS, cursor)[-1].cursor
    assert "T" in asked(server)[-1]
    return cursor


def test_a_filter_that_knows_seconds_no_more_hides_nobody_for_longer_than_a_day():
    """What was proved is believed for a day; then the day before is read again, and what was hidden meanwhile comes."""
    server = ActiveCampaign3()
    one = connect(server)
    cursor = proved(server, one)
    server.fine = False
    server.now = NOW + timedelta(hours=3)
    hidden = server.person(ADA)
    found = []
    for hours in (4, 20, 27, 28):
        server.now = NOW + timedelta(hours=hours)
        pages = drained(one, CONTACTS, cursor)
        cursor, found = pages[-1].cursor, found + [record.id for page in pages for record in page.records]
    assert hidden in found


def test_rows_from_before_show_that_seconds_count_no_more():
    """An answer with rows that were not asked for ends the belief at once."""
    server = ActiveCampaign3()
    one = connect(server)
    cursor = proved(server, one)
    server.ignored.add("filters[updated_after]")
    server.now = NOW + timedelta(hours=3)
    cursor = drained(one, CONTACTS, cursor)[-1].cursor
    server.ignored.clear()
    server.log.clear()
    drained(one, CONTACTS, cursor)
    assert all("T" not in day for day in asked(server))


def test_a_clock_that_was_put_back_under_a_fine_filter_hides_nobody():
    """The day's margin is taken again as soon as the vendor's time lies behind the cursor's."""
    server = ActiveCampaign3()
    one = connect(server)
    cursor = proved(server, one)
    server.now = NOW + timedelta(minutes=30)
    changed = server.person(ADA)
    assert changed in {record.id for page in drained(one, CONTACTS, cursor) for record in page.records}


def test_an_order_that_does_not_go_with_the_filter_is_made_up_for_by_offset():
    """Where the changed cannot be had by id they are read by offset, twice, and each is handed over once."""
    server = ActiveCampaign3()
    ids = changed_today(server, 230)
    one = connect(server)
    cursor = drained(one, CONTACTS)[-1].cursor
    server.together = False
    server.now = NOW + timedelta(minutes=5)
    for name in ids[:150]:
        server.tables["contacts"][name]["udate"] = server.stamp()
    found = [record.id for page in drained(one, CONTACTS, cursor) for record in page.records]
    assert sorted(set(found)) == sorted(found)
    assert set(ids[:150]) <= set(found)


def test_a_condition_of_the_mapping_is_asked_of_the_vendor():
    """`where` goes into every read of the list as parameters; what is none is an error with a remedy."""
    server = ActiveCampaign3()
    server.person(ADA)
    one = connect(server)
    drained(one, Feed("contacts", ("email",), where="listid=3&status=1"))
    assert [server.log[0][3][name] for name in ("listid", "status")] == [["3"], ["1"]]
    drained(one, Feed("contacts", ("email",), where="listid=3", params={"status": 1}))
    assert [server.log[-1][3][name] for name in ("listid", "status")] == [["3"], ["1"]]
    for wrong in ("listid", "limit=5", "= 3", "IsActive = true and more"):
        with pytest.raises(DriftError):
            drained(one, Feed("contacts", ("email",), where=wrong))


def test_a_condition_that_the_vendor_would_pass_over_is_refused():
    """A parameter that is not on the vendor's sheet would read everybody: it is refused, with the nearest that is."""
    with pytest.raises(DriftError) as caught:
        drained(connect(ActiveCampaign3()), Feed("contacts", ("email",), where="lisitd=3"))
    assert "'lisitd'" in caught.value.message and "Did you mean listid?" in caught.value.remedy


def test_a_condition_on_other_collections_is_compared_here():
    """`where` and `params` are columns with patterns; one that no row has is refused, for nothing would ever fit it."""
    server = ActiveCampaign3()
    for name in ("abm:Tier 1", "abm:Tier 2", "other"):
        server.put("tags", tag=name, tagType="contact")
    one = connect(server)

    def found(**feed):
        return {row.values["tag"] for page in drained(one, Feed("tags", ("tag",), **feed)) for row in page.records}

    assert found(where="tag=ABM:*") == {"abm:Tier 1", "abm:Tier 2"}
    assert found(params={"tag": "*2"}) == found(where="tag=abm:*", params={"tag": "*2"}) == {"abm:Tier 2"}
    with pytest.raises(DriftError) as caught:
        found(where="tagg=abm:*")
    assert "'tagg'" in caught.value.message and "tagType" in caught.value.remedy


@pytest.mark.parametrize("cursor", ["", "{", "[]", "null", '{"feed": 1}', '{"feed": "x", "since": 3}', "\x00"])
def test_a_cursor_that_is_damaged_is_a_start_from_nothing(cursor):
    """Rather everybody once more than somebody never."""
    server = ActiveCampaign3()
    server.person(ADA, NOW - timedelta(days=90))
    assert len(drained(connect(server), CONTACTS, cursor)[-1].records) == 1


# What hangs on a contact


@pytest.mark.parametrize("includes", [set(SIDES), set()], ids=["sideloaded", "not sideloaded"])
def test_a_contact_is_one_row_with_what_hangs_on_it(includes):
    """Custom values by tag or title, list status, tags and account come as paths, whether or not the list brings them along."""
    server = ActiveCampaign3()
    server.includes = includes
    ada, bob = server.person(ADA, firstName="Ada"), server.person(BOB)
    server.set_value(ada, "Countess")
    server.set_status(ada, "2")
    server.tag(ada, "abm:Tier 1")
    server.put("accountContacts", contact=ada, account="7")
    feed = Feed("contacts", ("email", "firstName", "fields.JOB_TITLE", "fields.job title", LIST, "tags", "account"))
    one = connect(server)
    full = {record.id: record.values for page in drained(one, feed, full=True) for record in page.records}
    want = {"email": ADA, "firstName": "Ada", "fields.JOB_TITLE": "Countess", "fields.job title": "Countess", LIST: "2"}
    assert full[ada] == want | {"tags": ["abm:Tier 1"], "account": "7"}
    blank = {
        "firstName": "",
        "fields.JOB_TITLE": None,
        "fields.job title": None,
        LIST: None,
        "tags": [],
        "account": None,
    }
    assert full[bob] == {"email": BOB} | blank
    assert {name: record.values for name, record in one.fetch(feed, [ada, bob]).items()} == full


def test_an_inline_list_of_accounts_that_is_empty_proves_nothing():
    """The list form always shows an empty list there; who works where is taken from the table of its own."""
    server = ActiveCampaign3()
    server.includes.discard("accountContacts")
    ada = server.person(ADA)
    server.put("accountContacts", contact=ada, account="7")
    (record,) = drained(connect(server), Feed("contacts", ("email", "account")), full=True)[-1].records
    assert record.values["account"] == "7"


def test_only_the_feeds_paths_come():
    """A column that is not asked for is not handed over, and a column that is not there is left out."""
    server = ActiveCampaign3()
    server.person(ADA, secret="x")
    (record,) = drained(connect(server), Feed("contacts", ("email", "no_such_column")), full=True)[-1].records
    assert record.values == {"email": ADA}


def test_two_fields_of_one_title_are_a_question():
    """A title that two fields share is never guessed; their tags still work."""
    server = ActiveCampaign3()
    server.tables["fields"]["3"] = {"id": "3", "perstag": "JOB_TITLE_2", "title": "Job title"}
    server.person(ADA)
    one = connect(server)
    with pytest.raises(DriftError):
        drained(one, Feed("contacts", ("fields.Job title",)), full=True)
    assert drained(one, Feed("contacts", ("fields.JOB_TITLE",)), full=True)[-1].records


def test_a_bounce_and_an_erasure_are_told_as_such():
    """A hard bounce is status 3 on every list; of an erased person nothing but that is handed over."""
    server = ActiveCampaign3()
    hard, gone = server.person(ADA, bounced_hard="1"), server.person("x@x.invalid", anonymized="1", firstName="Ada")
    found = connect(server).fetch(CONTACTS, [hard, gone])
    assert found[hard].values[LIST] == "3"
    assert found[gone].values == {LIST: "erased"}


# Who is gone


def test_gone_is_who_the_vendor_says_is_not_there():
    """Absent from a list proves nothing: a contact counts as gone when asking for him alone says so."""
    server = ActiveCampaign3()
    ada = server.person(ADA)
    server.ignored.add("ids[]")
    for n in range(100):
        server.person(f"p{n}@acme.example")
    found = connect(server).fetch(CONTACTS, [ada, "999"])
    assert found[ada].values["email"] == ADA
    assert found["999"] is None


def test_nothing_is_gone_where_the_whole_route_is_missing():
    """A mistyped address answers 404 to everything: that is no evidence about any contact."""
    server = ActiveCampaign3()
    html = httpx.Response(404, text="<html/>", headers={"content-type": "text/html"})
    server.before.append(lambda method, path, body: html if path.startswith("/contacts/") else None)
    with pytest.raises(UnreachableError):
        connect(server).fetch(CONTACTS, ["999"])


def test_a_row_that_was_deleted_is_no_row():
    """A row that says of itself that it is deleted does not come."""
    server = ActiveCampaign3()
    dead = server.person(ADA, deleted="1")
    one = connect(server)
    assert not drained(one, CONTACTS, full=True)[-1].records
    assert one.fetch(CONTACTS, [dead]) == {dead: None}


def test_a_look_up_finds_the_address_and_nobody_else():
    """Another case is the same address; a filter that is ignored finds nobody, not the first."""
    server = ActiveCampaign3()
    server.person(BOB)
    ada = server.person("Ada+x@ACME.example")
    one = connect(server)
    found = one.lookup(CONTACTS, "email", ["ada+x@acme.example", "nobody@acme.example", " "])
    assert [record.id for record in found["ada+x@acme.example"]] == [ada]
    assert found["nobody@acme.example"] == found[" "] == ()
    server.ignored.add("email")
    assert one.lookup(CONTACTS, "email", ["nobody@acme.example"]) == {"nobody@acme.example": ()}


# Accounts


def test_accounts_are_walked_and_sifted_by_their_time_of_change():
    """The first read brings all, a later one those that say that they changed; a full one is complete."""
    server = ActiveCampaign3()
    for n in range(230):
        old = server.stamp(NOW - timedelta(days=3))
        server.put("accounts", name=f"Acme {n}", accountUrl=f"https://a{n}.example", updatedTimestamp=old)
    one = connect(server)
    pages = drained(one, ACCOUNTS)
    assert sum(len(page.records) for page in pages) == 230
    assert pages[-1].complete
    new = server.put("accounts", name="New", accountUrl=None, updatedTimestamp=server.stamp())
    assert [r.id for page in drained(one, ACCOUNTS, pages[-1].cursor) for r in page.records] == [new["id"]]


def test_a_custom_value_of_an_account_is_news_although_the_account_did_not_change():
    """The table of values is read beside the accounts; money is read in whole units, sets as lists."""
    server = ActiveCampaign3()
    metas = {"9": {"id": "9", "fieldLabel": "Revenue", "fieldType": "currency"}, "8": {"id": "8", "fieldLabel": "Regions", "fieldType": "multiselect"}}  # fmt: skip
    server.tables["accountCustomFieldMeta"] = metas
    old = server.stamp(NOW - timedelta(days=9))
    acme = server.put("accounts", name="Acme", updatedTimestamp=old)["id"]
    feed = Feed("accounts", ("name", "fields.Revenue", "fields.Regions"))
    one = connect(server)
    cursor = drained(one, feed)[-1].cursor
    stamp = NOW.strftime("%Y-%m-%d %H:%M:%S")
    server.put(
        "accountCustomFieldData", accountId=int(acme), customFieldId=9, fieldValue="10050", updatedTimestamp=stamp
    )
    server.put(
        "accountCustomFieldData", accountId=int(acme), customFieldId=8, fieldValue=["a", "b"], updatedTimestamp=stamp
    )
    (record,) = drained(one, feed, cursor)[-1].records
    assert record.values == {"name": "Acme", "fields.Revenue": "100.5", "fields.Regions": ["a", "b"]}
    assert one.fetch(feed, [acme])[acme].values == record.values


@pytest.mark.parametrize(("accounts", "ignored", "calls"), [(4, False, 1 + 4), (4, True, 1 + 7), (30, False, 1 + 7)])
def test_the_custom_values_of_some_accounts_cost_the_fewest_calls(accounts, ignored, calls):
    """Asked for one by one, or the table of all where that is less, and where the vendor does not heed the filter."""
    server = ActiveCampaign3()
    server.tables["accountCustomFieldMeta"] = {"9": {"id": "9", "fieldLabel": "Plan", "fieldType": "text"}}
    names = [server.put("accounts", name=f"Acme {n}", updatedTimestamp=server.stamp())["id"] for n in range(600)]
    for name in names:
        server.put("accountCustomFieldData", accountId=int(name), customFieldId=9, fieldValue=f"plan {name}")
    if ignored:
        server.ignored.add("filters[customerAccountId]")
    feed = Feed("accounts", ("name", "fields.Plan"))
    one = connect(server)
    found = one.fetch(feed, names[:accounts])
    assert [record.values["fields.Plan"] for record in found.values()] == [f"plan {n}" for n in names[:accounts]]
    asked = [path for _, path, *_ in server.log if path == "/accountCustomFieldData"]
    assert len(asked) == calls


def test_a_list_that_will_not_hold_still_is_not_complete():
    """Where the count never fits what came, nobody is concluded to be missing."""
    server = ActiveCampaign3()
    server.put("accounts", name="Acme", updatedTimestamp=server.stamp())

    def more(method, path, body, answer):
        if path == "/accounts":
            return httpx.Response(200, json=answer.json() | {"meta": {"total": "2"}})
        return None

    server.after.append(more)
    pages = drained(connect(server), ACCOUNTS, full=True)
    assert len(pages[-1].records) == 1
    assert not pages[-1].complete


def test_a_list_without_a_count_is_walked_once_and_proves_nothing():
    """Where the vendor tells no total, one walk is as good as three, and nobody is concluded to be missing."""
    server = ActiveCampaign3()
    server.put("accounts", name="Acme", updatedTimestamp=server.stamp())
    server.after.append(
        lambda method, path, body, answer: httpx.Response(200, json={"accounts": answer.json()["accounts"]})
    )
    pages = drained(connect(server), ACCOUNTS, full=True)
    assert (len(pages[-1].records), pages[-1].complete, len(server.log)) == (1, False, 1)


def test_deals_campaigns_automations_and_lists_can_be_read():
    """Every collection of the API comes with the columns that are asked for."""
    server = ActiveCampaign3()
    server.put("deals", title="Big", value="10050", mdate=server.stamp())
    server.put("campaigns", name="Spring", opens="3", mdate=server.stamp())
    one = connect(server)
    for name, paths in {"deals": ("title", "value"), "campaigns": ("name", "opens"), "automations": ("name",), "lists": ("name",)}.items():  # fmt: skip
        records = drained(one, Feed(name, paths))[-1].records
        assert records, name
        assert all(set(record.values) == set(paths) for record in records)


# Refusals


def test_a_refusal_by_mistake_is_asked_again_and_a_real_one_believed():
    """A valid key is now and then answered 403: three times in a row it is an error about the credentials."""
    server = ActiveCampaign3()
    left = [2]

    def forbid(method, path, body):
        left[0] -= 1
        return server.error(403, {"message": "Forbidden"}) if left[0] >= 0 else None

    server.before.append(forbid)
    assert connect(server).identify().id == "activecampaign:acme.api-us1.com"
    left[0] = 99
    with pytest.raises(AuthError) as found:
        connect(server).identify()
    assert "api_key" in found.value.remedy


@pytest.mark.parametrize(
    ("status", "error"), [(429, QuotaError), (500, UnreachableError), (503, UnreachableError), (401, AuthError)]
)
def test_reads_that_fail_say_so(status, error):
    """After all retries a read is an error of its kind, never an empty result."""
    server = ActiveCampaign3()
    server.before.append(lambda *call: httpx.Response(status, json={"message": "canary value"}))
    with pytest.raises(error) as caught:
        drained(connect(server, retries=1), CONTACTS)
    assert "canary" not in error_text(caught.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"contacts": 3', b'{"meta": {}}'])
def test_an_answer_that_is_none_is_no_empty_list(body):
    """An empty, broken or foreign body of a success is a fault of transport, and is asked again."""
    server = ActiveCampaign3()
    left = [1]

    def odd(method, path, _):
        left[0] -= 1
        return httpx.Response(200, content=body, headers={"content-type": "application/json"}) if left[0] >= 0 else None

    server.person(ADA)
    server.before.append(odd)
    assert len(drained(connect(server), CONTACTS)[-1].records) == 1


# What the account says of itself


def test_the_schema_names_fields_by_tag_and_title_and_what_they_allow():
    """Custom fields, lists, tags and the account can be mapped; options of a choice are told."""
    server = ActiveCampaign3()

    def options(method, path, body, answer):
        if path == "/fields":
            beside = [{"id": "1", "field": "2", "value": "red"}, {"id": "2", "field": "2", "value": "blue"}]
            return httpx.Response(200, json=answer.json() | {"fieldOptions": beside})
        return None

    server.after.append(options)
    fields = connect(server).describe("contacts").fields
    assert {"email", "fields.JOB_TITLE", "fields.Job title", LIST, "tags", "account"} <= set(fields)
    assert fields["fields.COLOURS"].values == ("red", "blue")
    assert fields["email"].required
    with pytest.raises(DriftError):
        connect(server).describe("opportunities")


def test_automations_are_described_as_not_to_be_built():
    """The schema and the capabilities of automations, deals, lists and fields say that they are only read."""
    one = connect(ActiveCampaign3())
    for name in ("automations", "deals", "lists", "fields"):
        can, schema = one.capabilities(name), one.describe(name)
        assert not (can.writable or can.creatable or can.deletable or schema.createable or schema.updateable)


def test_check_writes_nothing_and_says_what_it_found():
    """The findings name the account, the plan, what is gated and how contacts are read."""
    server = ActiveCampaign3()
    server.before.append(
        lambda method, path, body: server.error(403, {"message": "Forbidden"}) if path == "/deals" else None
    )
    found = {finding.what: finding for finding in connect(server).probe()}
    assert {"credentials", "plan", "deals", "sideloads", "updated_after", "feed"} <= set(found)
    assert not server.writes()
    assert all(finding.well for finding in found.values())


def test_check_with_a_wrong_key_is_one_finding():
    """Credentials that are refused are a finding with a remedy, not a traceback."""
    (finding,) = connect(ActiveCampaign3(), key="other").probe()
    assert (finding.what, finding.well) == ("credentials", False)
    assert finding.remedy

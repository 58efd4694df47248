"""The ActiveCampaign connector, writing: one row at a time, consent, engagements, accounts, campaigns."""

from __future__ import annotations

import httpx
import pytest
from activecampaign_client import ADA, BOB, CONTACTS, LIST, TITLE, connect, create, engage, outcomes, subscribe, update
from activecampaign_server import ActiveCampaign3
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.errors import AuthError, QuotaError, UnreachableError
from sync.model.remote import Kind, Outcome, Write


def cut(path, method="POST", times=1):
    """Commits and then drops the connection."""
    left = [times]

    def hook(verb, where, body, answer):
        if left[0] and where.startswith(path) and verb == method:
            left[0] -= 1
            raise httpx.ReadError("cut")

    return hook


# One contact


def test_a_contact_is_made_whole():
    """Columns, custom values, an opt-out, tags and the account of a new contact arrive with one create."""
    server = ActiveCampaign3()
    acme = server.put("accounts", name="Acme")["id"]
    values = {"firstName": "Ada", TITLE: "Countess", LIST: 2, "tags": ["abm:Tier 1", "VIP"], "account": acme}
    (receipt,) = connect(server).push([create(ADA, **values)])
    assert (receipt.outcome, receipt.created) == (Outcome.ACKED, True)
    contact = receipt.remote_id
    assert server.tables["contacts"][contact]["firstName"] == "Ada"
    assert server.value(contact) == "Countess"
    assert server.status(contact) == "2"
    assert server.tags(contact) == ["VIP", "abm:Tier 1"]
    assert [row["account"] for row in server.on("accountContacts", contact)] == [acme]


def test_a_plain_create_and_a_plain_update_are_one_call_each():
    """Where names are known, one row costs one request."""
    server = ActiveCampaign3()
    one = connect(server)
    (receipt,) = one.push([create(ADA, firstName="Ada")])
    one.push([update(receipt.remote_id, {"lastName": "King"})])
    assert [call[:2] for call in server.log] == [("POST", "/contacts"), ("PUT", f"/contacts/{receipt.remote_id}")]
    assert server.log[-1][2] == {"contact": {"lastName": "King"}}


def test_whoever_was_made_meanwhile_is_linked_and_not_overwritten():
    """An address that is taken by somebody with values of his own is an answer about him, not an upsert over him."""
    server = ActiveCampaign3()
    there = server.person(ADA, firstName="Augusta")
    (receipt,) = connect(server).push([create(ADA, firstName="Ada")])
    assert (receipt.outcome, receipt.remote_id) == (Outcome.MOVED, there)
    assert server.tables["contacts"][there]["firstName"] == "Augusta"


def test_our_own_create_whose_answer_was_lost_is_completed_when_repeated():
    """The lost answer is doubt; the repeated create finds the row, overwrites nothing and makes no second one."""
    server = ActiveCampaign3()
    server.after.append(cut("/contacts"))
    one = connect(server)
    assert outcomes(one.push([create(ADA, firstName="Ada")])) == ["doubt"]
    (receipt,) = one.push([create(ADA, firstName="Ada", lastName="King")])
    assert (receipt.outcome, receipt.created) == (Outcome.ACKED, False)
    (row,) = server.tables["contacts"].values()
    assert (row["firstName"], row["lastName"]) == ("Ada", "King")


def test_another_address_is_written_by_id():
    """An address is changed where the contact is; nobody is made a second time, and a taken one is refused."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    other = server.person(BOB)
    one = connect(server)
    assert outcomes(one.push([update(contact, {"email": "new@acme.example"})])) == ["acked"]
    (receipt,) = one.push([update(other, {"email": "new@acme.example"})])
    assert (receipt.outcome, receipt.error, receipt.fields) == (Outcome.REJECTED, "duplicate", ("email",))
    assert len(server.tables["contacts"]) == 2


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_blank_empties(blank):
    """A column and a custom value are emptied with an empty text."""
    server = ActiveCampaign3()
    contact = server.person(ADA, firstName="Ada")
    server.set_value(contact, "Countess")
    connect(server).push([update(contact, {"firstName": blank, TITLE: blank})])
    assert (server.tables["contacts"][contact]["firstName"], server.value(contact)) == ("", "")


@given(st.text(max_size=200), st.sampled_from(["firstName", TITLE]))
@settings(max_examples=40)
def test_any_text_is_read_back_as_it_was_sent(text, path):
    """Emoji, markup, quotes and controls survive the way there and back."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    one = connect(server)
    assert outcomes(one.push([update(contact, {path: text})])) == ["acked"]
    record = one.fetch(CONTACTS, [contact])[contact]
    assert record.values[path] == (text if text.strip() else "")


def test_values_of_every_kind_are_sent_as_text():
    """Numbers, flags and sets become what the vendor keeps them as."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    one = connect(server)
    for value, sent in ((12, "12"), (True, "1"), (False, "0"), (["a", "b"], "||a||b||"), ("||a||", "||a||"), (0, "0")):
        one.push([update(contact, {"fields.COLOURS": value})])
        assert server.value(contact, "2") == sent


def test_a_custom_field_that_went_away_is_said_so():
    """The vendor passes over a value of an unknown field; that is a refusal with its name, not a success."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    server.set_value(contact, "red", "2")
    one = connect(server)
    one.push([update(contact, {TITLE: "Countess"})])
    del server.tables["fields"]["1"]
    server.tables["fieldValues"] = {k: v for k, v in server.tables["fieldValues"].items() if v["field"] != "1"}
    (receipt,) = one.push([update(contact, {TITLE: "Baroness"})])
    assert (receipt.outcome, receipt.error, receipt.fields) == (Outcome.REJECTED, "NOT_STORED", (TITLE,))


@pytest.mark.parametrize("values", [{"fields.NOPE": "x"}, {"lists.Nope": 2}])
def test_a_name_that_is_not_there_stops_its_row_alone(values):
    """A row that names a field or list which the account has not is refused with a remedy; the next goes through."""
    server = ActiveCampaign3()
    ada, bob = server.person(ADA), server.person(BOB)
    receipts = connect(server).push([update(ada, values, 1), update(bob, {"firstName": "Bob"}, 2)])
    assert outcomes(receipts) == ["rejected", "acked"]
    assert receipts[0].remedy


def test_what_cannot_be_written_is_not_sent():
    """Columns of the vendor's own, a blank address, two rows of one address: refused before anything is sent."""
    server = ActiveCampaign3()
    one = connect(server)
    receipts = one.push([create(ADA, 1, udate="x"), create("", 2), create(BOB, 3), create(BOB.upper(), 4)])
    assert [receipt.error for receipt in receipts] == ["READ_ONLY", "EMAIL_MISSING", None, "DUPLICATE_KEY"]
    assert server.writes() == [("POST", "/contacts")]


def test_nothing_is_written_to_an_erased_person():
    """A contact that the vendor has anonymised is not filled again."""
    server = ActiveCampaign3()
    contact = server.person("x@x.invalid", anonymized="1")
    one = connect(server)
    one.fetch(CONTACTS, [contact])
    assert [receipt.error for receipt in one.push([update(contact, {"firstName": "Ada"})])] == ["ERASED"]
    assert not server.writes()


def test_what_is_left_of_a_second_is_no_allowance():
    """The vendor's headers count one second; usage tells of no quota, for there is none."""
    server = ActiveCampaign3()

    def counted(method, path, body, answer):
        answer.headers.update({"RateLimit-Limit": "5", "RateLimit-Remaining": "0"})

    server.after.append(counted)
    one = connect(server)
    one.identify()
    assert (one.usage().calls, one.usage().calls_left, one.usage().calls_limit) == (1, None, None)


def test_a_contact_is_deleted_once():
    """A delete is one call; one that was deleted by somebody else is gone."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    one = connect(server)
    delete = Write(1, Kind.DELETE, "contacts", contact, "rec1", {}, address=ADA)
    assert outcomes(one.push([delete])) == ["acked"]
    assert outcomes(one.push([delete])) == ["gone"]


# Tags and the account


def test_only_tags_that_stood_there_when_it_was_read_are_taken_off():
    """A tag that an automation put on since is left alone; what is named is put on, what is named no more is taken off."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    server.tag(contact, "abm:Old")
    server.tag(contact, "VIP")
    one = connect(server)
    one.fetch(CONTACTS, [contact])
    server.tag(contact, "came-since")
    assert outcomes(one.push([update(contact, {"tags": ["VIP", "abm:New"]})])) == ["acked"]
    assert server.tags(contact) == ["VIP", "abm:New", "came-since"]


def test_a_tag_that_exists_in_another_case_is_used():
    """Names of tags know no case; a tag that the list did not show yet is found after all."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    server.put("tags", tag="vip")
    assert outcomes(connect(server).push([update(contact, {"tags": ["VIP"]})])) == ["acked"]
    assert server.tags(contact) == ["vip"]


@pytest.mark.parametrize("read", [True, False], ids=["read before", "not read"])
def test_a_contact_moves_from_one_account_to_another(read):
    """The association that is there is changed, never doubled; none is made over none, and a blank leaves."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    one = connect(server)
    for account in ("7", "8", None, None):
        if read:
            one.fetch(CONTACTS, [contact])
        assert outcomes(one.push([update(contact, {"account": account})])) == ["acked"]
        assert [row["account"] for row in server.on("accountContacts", contact)] == ([account] if account else [])


def test_an_association_that_somebody_else_made_meanwhile_is_changed():
    """The vendor refuses a second association; then the first is written over."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    one = connect(server)
    one.fetch(CONTACTS, [contact])
    server.put("accountContacts", contact=contact, account="5")
    assert outcomes(one.push([update(contact, {"account": "7"})])) == ["acked"]
    assert [row["account"] for row in server.on("accountContacts", contact)] == ["7"]


# Consent


def test_an_opt_out_is_sent_until_it_is_answered():
    """An opt-out may be repeated: lost answers and faults do not leave it in doubt."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    server.after.append(cut("/contactLists", times=2))
    assert outcomes(connect(server).push([subscribe(contact, 2)])) == ["acked"]
    assert server.status(contact) == "2"


@pytest.mark.parametrize("kind", [Kind.CREATE, Kind.UPDATE, Kind.SUBSCRIBE])
def test_the_last_gate_refuses_a_suppressed_address(kind):
    """No payload puts a suppressed address on a list, whichever way it is asked for; the refusal is counted."""
    server = ActiveCampaign3()
    contact = None if kind is Kind.CREATE else server.person(ADA)
    one = connect(server, gate=lambda address: address == ADA)
    values = {LIST: 1} | ({"email": ADA} if kind is Kind.CREATE else {})
    (receipt,) = one.push([Write(1, kind, "contacts", contact, "rec1", values, address=ADA)])
    assert (receipt.outcome, receipt.error) == (Outcome.REJECTED, "SUPPRESSED")
    assert one.usage().gate_refusals == 1
    assert not server.writes()


def test_the_gate_is_asked_for_the_address_that_stands_there():
    """A contact whose own address is suppressed is not opted in under another that the record has."""
    server = ActiveCampaign3()
    contact = server.person("old@acme.example")
    one = connect(server, gate=lambda address: address == "old@acme.example")
    assert [receipt.error for receipt in one.push([subscribe(contact, 1)])] == ["SUPPRESSED"]
    assert server.status(contact) is None


def test_an_opt_in_without_any_address_is_refused():
    """Where nobody can be asked about, nobody is opted in."""
    server = ActiveCampaign3()
    contact = server.person("")
    assert [r.error for r in connect(server).push([subscribe(contact, 1, address=None)])] == ["SUPPRESSED"]


def test_an_opt_out_that_came_since_the_row_was_read_is_not_overwritten():
    """Joining a list would un-tick it silently: what stands there is read first, and the opt-in is dropped."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    one = connect(server)
    one.fetch(CONTACTS, [contact])
    server.set_status(contact, "2")
    assert outcomes(one.push([subscribe(contact, 1)])) == ["moved"]
    assert server.status(contact) == "2"


def test_a_granted_opt_in_over_a_known_opt_out_says_that_it_is_one():
    """What a person has granted is written over the opt-out that was read, with the source that the vendor asks for."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    server.set_status(contact, "2")
    one = connect(server)
    one.fetch(CONTACTS, [contact])
    assert outcomes(one.push([subscribe(contact, 1)])) == ["acked"]
    assert server.log[-1][2]["contactList"]["sourceid"] == 4
    assert server.status(contact) == "1"


def test_a_bounce_stays():
    """A bounce is the vendor's own and is never laid over, read or not."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    server.set_status(contact, "3")
    one = connect(server)
    assert [receipt.error for receipt in one.push([subscribe(contact, 1)])] == ["FINAL_STATE"]
    assert [receipt.error for receipt in one.push([subscribe(contact, 3)])] == ["NOT_SETTABLE"]
    assert server.status(contact) == "3"


def test_opt_outs_of_an_update_go_before_its_values():
    """An update that carries an opt-out says that first."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    connect(server).push([update(contact, {"firstName": "Ada", LIST: 2})])
    assert [path for _, path in server.writes()] == ["/contactLists", f"/contacts/{contact}"]


def test_a_list_that_went_away_is_not_a_contact_that_went_away():
    """For a missing list an opt-out waits until the list is found, or told as missing; the contact is not taken for gone."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    body = {
        "errors": [{"title": "List not found", "code": "field_invalid", "source": {"pointer": "/data/attributes/list"}}]
    }
    server.before.append(lambda method, path, _: server.error(404, body) if path == "/contactLists" else None)
    assert [(r.outcome, r.error) for r in connect(server).push([subscribe(contact, 2)])] == [
        (Outcome.THROTTLED, "LIST_GONE")
    ]


# When it goes wrong


@pytest.mark.parametrize(
    ("method", "path", "write"),
    [
        ("POST", "/contacts", lambda contact: create(BOB)),
        ("PUT", "/contacts/", lambda contact: update(contact, {"firstName": "Ada"})),
        ("DELETE", "/contacts/", lambda contact: Write(1, Kind.DELETE, "contacts", contact, "r", {}, address=ADA)),
        ("POST", "/contactAutomations", lambda contact: engage("automations", "Welcome", contact)),
        ("POST", "/notes", lambda contact: engage("notes", "Hello", contact)),
    ],
)
def test_an_answer_that_is_lost_is_doubt_and_is_never_repeated(method, path, write):
    """Nobody knows whether it happened: it is told as doubt, and the request was sent once."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    server.after.append(cut(path, method))
    assert outcomes(connect(server).push([write(contact)])) == ["doubt"]
    assert len(server.writes()) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_of_a_write_is_doubt(status):
    """A 5xx does not say whether the server acted."""
    server = ActiveCampaign3()
    server.before.append(lambda method, path, _: httpx.Response(status, text="down") if method == "POST" else None)
    assert outcomes(connect(server).push([create(ADA)])) == ["doubt"]


@pytest.mark.parametrize(("status", "error"), [(401, AuthError), (403, AuthError), (429, QuotaError)])
def test_what_concerns_all_rows_is_raised_for_the_first_and_told_for_the_rest(status, error):
    """Nothing was sent: it is raised. Something was: the rest is told as not sent, and nothing is lost."""
    server = ActiveCampaign3()
    left = [0]

    def refuse(method, path, _):
        left[0] -= method == "POST"
        return server.error(status, {"message": "Forbidden"}) if left[0] < 0 and method == "POST" else None

    server.before.append(refuse)
    with pytest.raises(error):
        connect(server).push([create(ADA)])
    left[0] = 1
    receipts = connect(server).push([create(ADA, 1), create(BOB, 2)])
    assert outcomes(receipts) == ["acked", "throttled"]


def test_a_create_that_ends_half_way_is_doubt():
    """Made, but the account is limited before all of it is there: it is looked up, not taken back."""
    server = ActiveCampaign3()
    server.before.append(lambda m, path, _: httpx.Response(429, json={}) if path == "/accountContacts" else None)
    assert outcomes(connect(server).push([create(ADA, account="7")])) == ["doubt"]
    assert server.find(ADA)


def test_a_refusal_names_the_column_and_holds_no_value():
    """The vendor's code and the path that it blames are told; its words, which quote values, are not."""
    server = ActiveCampaign3()
    server.before.append(lambda m, path, _: server.invalid("email_invalid", "email") if path == "/contacts" else None)
    (receipt,) = connect(server).push([create(ADA)])
    assert (receipt.outcome, receipt.error, receipt.fields) == (Outcome.REJECTED, "email_invalid", ("email",))
    assert receipt.remedy
    assert "secret" not in repr(receipt)
    assert ADA not in repr(receipt)


def test_a_server_that_cannot_be_reached_takes_nothing():
    """Without a connection nothing was sent: it is raised, and may be tried later."""
    server = ActiveCampaign3()

    def down(*_):
        raise httpx.ConnectError("down")

    server.before.append(down)
    with pytest.raises(UnreachableError):
        connect(server).push([create(ADA)])


# Engagements


def test_a_person_is_enrolled_noted_and_tagged_by_address():
    """The contact is found by address; the automation by its name, whatever its case."""
    server = ActiveCampaign3()
    contact = server.person(ADA.upper())
    one = connect(server)
    writes = [engage("automations", "welcome"), engage("notes", "Seen"), engage("tags", "hot")]
    for write in writes:
        assert outcomes(one.push([write])) == ["acked"]
    assert [row["automation"] for row in server.tables["contactAutomations"].values()] == ["42"]
    assert [(row["relid"], row["note"]) for row in server.tables["notes"].values()] == [(int(contact), "Seen")]
    assert server.tags(contact) == ["hot"]


def test_nobody_who_opted_out_is_enrolled():
    """An automation mails: a suppressed person is not enrolled, and that is no attempt at an opt-in."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    one = connect(server, gate=lambda address: True)
    assert [receipt.error for receipt in one.push([engage("automations", "Welcome", contact)])] == ["SUPPRESSED"]
    assert outcomes(one.push([engage("notes", "Seen", contact)])) == ["acked"]
    assert one.usage().gate_refusals == 0
    assert not server.tables["contactAutomations"]


def test_what_cannot_be_told_says_why():
    """No contact, no such automation, no text: refused with a remedy, and nothing is sent."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    one = connect(server)
    writes = [
        engage("notes", "x", None, 1, BOB),
        engage("automations", "Nope", contact, 2),
        engage("notes", " ", contact, 3),
    ]
    assert [one.push([write])[0].error for write in writes] == ["NO_CONTACT", "UNKNOWN_NAME", "INCOMPLETE"]
    assert not server.writes()


def test_a_contact_leaves_an_automation():
    """Every enrolment in that automation ends, and no other."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    server.tables["automations"]["43"] = {"id": "43", "name": "Onboarding"}
    one = connect(server)
    for name in ("Welcome", "Onboarding"):
        one.enrol(ADA, name)
    assert one.leave(contact, "Welcome") == 1
    assert [row["automation"] for row in server.tables["contactAutomations"].values()] == ["43"]


@pytest.mark.parametrize("kind", [Kind.CREATE, Kind.UPDATE, Kind.DELETE])
@pytest.mark.parametrize("name", ["automations", "deals", "lists", "fields"])
def test_what_the_api_does_not_build_is_unsupported(kind, name):
    """Automations, deals, lists and fields are not made, changed or deleted: an explicit refusal, and no request."""
    server = ActiveCampaign3()
    (receipt,) = connect(server).push([Write(1, kind, name, None if kind is Kind.CREATE else "42", "r", {"name": "x"})])
    assert (receipt.outcome, receipt.error) == (Outcome.REJECTED, "UNSUPPORTED")
    assert "unsupported" in receipt.message
    assert receipt.remedy
    assert not server.log


# Accounts, campaigns, tags


def rest(kind, name, remote_id=None, number=1, /, **values):
    return Write(
        number, kind, name, remote_id, "rec1", {key.replace("__", "."): value for key, value in values.items()}
    )


def test_an_account_is_made_and_changed_with_its_custom_values():
    """Custom values go with the account by number, sets as arrays, money in minor units with its currency."""
    server = ActiveCampaign3()
    server.tables["accountCustomFieldMeta"] = {
        "9": {"id": "9", "fieldLabel": "Revenue", "fieldType": "currency", "fieldDefaultCurrency": "GBP"},
        "8": {"id": "8", "fieldLabel": "Regions", "fieldType": "multiselect"},
    }
    one = connect(server)
    values = {
        "name": "Acme",
        "accountUrl": "https://acme.example",
        "fields__Revenue": "100.5",
        "fields__Regions": "||a||b||",
    }
    (receipt,) = one.push([rest(Kind.CREATE, "accounts", **values)])
    assert (receipt.outcome, receipt.created) == (Outcome.ACKED, True)
    sent = server.log[-1][2]["account"]["fields"]
    money = {"customFieldId": 9, "fieldValue": 10050, "fieldCurrency": "GBP"}
    assert sent == [money, {"customFieldId": 8, "fieldValue": ["a", "b"]}]
    assert outcomes(one.push([rest(Kind.UPDATE, "accounts", receipt.remote_id, name="Acme Ltd")])) == ["acked"]
    assert server.log[-1][2] == {"account": {"name": "Acme Ltd"}}
    assert outcomes(one.push([rest(Kind.UPDATE, "accounts", "999", name="x")])) == ["gone"]


def test_a_name_that_is_taken_is_the_same_company_or_a_question():
    """The same website: made meanwhile, and named to be linked. Another one: two companies of one name, for a person."""
    server = ActiveCampaign3()
    there = server.put("accounts", name="Acme", accountUrl="https://acme.example")["id"]
    server.put("accounts", name="Acme two", accountUrl="https://acme.example")
    one = connect(server)
    (same,) = one.push([rest(Kind.CREATE, "accounts", name="Acme", accountUrl="https://acme.example")])
    (other,) = one.push([rest(Kind.CREATE, "accounts", name="Acme", accountUrl="https://other.example")])
    assert (same.outcome, same.remote_id) == (Outcome.MOVED, there)
    assert (other.outcome, other.error, other.fields) == (Outcome.REJECTED, "duplicate", ("name",))


def test_a_campaign_is_drafted_edited_and_deleted():
    """A draft is made with name and type, the rest is an edit; a delete that failed says 200 and is not believed."""
    server = ActiveCampaign3()
    one = connect(server)
    (receipt,) = one.push([rest(Kind.CREATE, "campaigns", name="Spring", segmentid="3")])
    campaign = receipt.remote_id
    assert outcomes([receipt]) == ["acked"]
    assert [call[2] for call in server.log] == [
        {"name": "Spring", "type": "single", "canSplitContent": False},
        {"segmentId": "3"},
    ]
    assert outcomes(one.push([rest(Kind.UPDATE, "campaigns", campaign, name="Summer")])) == ["acked"]
    assert outcomes(one.push([rest(Kind.UPDATE, "campaigns", "999", name="x")])) == ["gone"]
    server.tables["campaigns"][campaign]["locked"] = True
    assert [(r.outcome, r.error) for r in one.push([rest(Kind.DELETE, "campaigns", campaign)])] == [
        (Outcome.REJECTED, "NOT_DELETED")
    ]
    del server.tables["campaigns"][campaign]["locked"]
    assert outcomes(one.push([rest(Kind.DELETE, "campaigns", campaign)])) == ["acked"]
    assert outcomes(one.push([rest(Kind.DELETE, "campaigns", campaign)])) == ["gone"]


def test_a_group_becomes_a_tag_for_contacts():
    """A tag that is made by a mapping shows in the vendor's lists; one that is there already is named."""
    server = ActiveCampaign3()
    one = connect(server)
    (made,) = one.push([rest(Kind.CREATE, "tags", tag="Tier 1")])
    assert server.tables["tags"][made.remote_id]["tagType"] == "contact"
    (again,) = one.push([rest(Kind.CREATE, "tags", tag="tier 1")])
    assert (again.outcome, again.remote_id) == (Outcome.MOVED, made.remote_id)


@given(st.lists(st.sampled_from([500, 429, 403, "cut", None, None]), max_size=12))
@settings(max_examples=40)
def test_every_write_gets_one_receipt_in_order(faults):
    """Whatever the server does in whatever order, a push answers for each write once, or raises having done nothing."""
    server = ActiveCampaign3()
    queue = list(faults)

    def trouble(method, path, body, answer):
        fault = queue.pop(0) if queue and method != "GET" else None
        if fault == "cut":
            raise httpx.ReadError("cut")
        return server.error(fault, {"message": "Forbidden"}) if fault else None

    server.after.append(trouble)
    writes = [create(f"p{n}@acme.example", n, firstName="P", **{LIST: 2}) for n in range(4)]
    try:
        receipts = connect(server, retries=1).push(writes)
    except (AuthError, QuotaError):
        return
    assert [receipt.number for receipt in receipts] == [write.number for write in writes]
    acked = {receipt.remote_id for receipt in receipts if receipt.outcome is Outcome.ACKED}
    assert all(server.status(contact) == "2" for contact in acked)


@pytest.mark.parametrize("path", ["/contactLists", "/contactTags"])
def test_a_spurious_403_stops_no_opt_out_and_no_tag(path):
    """A valid key is now and then answered 403; what may be repeated is asked twice more before that is believed."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    server.tag(server.person(BOB), "VIP")
    left = [2]

    def hook(method, where, body):
        if where != path or method != "POST" or not left[0]:
            return None
        left[0] -= 1
        return server.error(403, {"message": "Forbidden"})

    server.before.append(hook)
    (receipt,) = connect(server).push([update(contact, {LIST: 2, "tags": ["VIP"]})])
    assert (receipt.outcome, left) == (Outcome.ACKED, [0])
    assert (server.status(contact), server.tags(contact)) == ("2", ["VIP"])


def test_nobody_is_put_on_a_list_whose_status_there_cannot_be_read():
    """A 404 that does not say that the contact is gone tells nothing of its lists; over an opt-out that would be a guess."""
    server = ActiveCampaign3()
    contact = server.person(ADA)
    server.set_status(contact, "2")
    route = f"/contacts/{contact}/contactLists"
    server.before.append(lambda _, path, body: server.error(404, {"message": "Not Found"}) if path == route else None)
    with pytest.raises(UnreachableError):
        connect(server).push([update(contact, {LIST: 1})])
    assert server.status(contact) == "2"

"""The Conversion connector against a small server of our own and against scripted faults."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest
from conversion_server import NOW, Conversion0
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.connectors.conversion import Conversion
from sync.errors import AuthError, DriftError, QuotaError, UnreachableError
from sync.model.clock import ManualClock
from sync.model.remote import Feed, Kind, Outcome, Write

ADA, BOB = "ada@acme.example", "bob@acme.example"
CONTACTS = Feed("contacts", ("email", "variables.title", "variables.first_name", "subscriptionStatus"))
COMPANIES = Feed("companies", ("id", "baseDomain", "variables.company_name"))
STATUS = "subscriptionStatus"


def connect(server, **more):
    more = {"requests_per_second": 10_000, "retries": 2} | more
    return Conversion(
        "conversion",
        "https://pub-api.conversion.example/api/v1",
        "canary-key",
        clock=ManualClock(NOW),
        gate=more.pop("gate", lambda address: False),
        transport=httpx.MockTransport(server),
        **more,
    )


def create(email, number=1, **values):
    return Write(number, Kind.CREATE, "contacts", None, f"rec{number}", {"email": email} | values, address=email)


def update(email, number=1, /, **values):
    named = {name.replace("__", "."): value for name, value in values.items()}
    return Write(number, Kind.UPDATE, "contacts", email, f"rec{number}", named, address=email)


def subscribe(email, word, number=1):
    return Write(number, Kind.SUBSCRIBE, "contacts", email, f"rec{number}", {STATUS: word}, address=email)


def outcomes(receipts):
    return [receipt.outcome for receipt in receipts]


def cut(request_log, path):
    """Commits and then drops the connection, once."""
    armed = [True]

    def hook(method, where, body, answer):
        if armed and where == path:
            armed.pop()
            raise httpx.ReadError("cut")

    return hook


# Reading


def test_a_contact_is_read_by_its_address_and_only_the_feeds_paths_come():
    """Mapped paths alone; a variable that the answer lacks is left out, null stays None."""
    server = Conversion0()
    server.person(ADA, title=None, secret="x")
    found = connect(server).fetch(CONTACTS, [ADA, BOB])
    assert found[ADA].values == {"email": ADA, "variables.title": None, STATUS: "SUBSCRIBED"}
    assert found[BOB] is None


def test_a_company_keeps_our_id_whatever_the_answer_calls_it():
    """The id of a company is the one that was asked for; the vendor's own is not taken for it."""
    server = Conversion0()
    server.companies["acc_1"] = {"id": "vendor", "baseDomain": "acme.example", "variables": {}}
    found = connect(server).fetch(COMPANIES, ["acc_1"])
    assert found["acc_1"].id == "acc_1"
    assert found["acc_1"].values == {"id": "acc_1", "baseDomain": "acme.example"}


@pytest.mark.parametrize("address", ["a+b/c?d#e@acme.example", "a%2fb@acme.example", "o'neil&co@acme.example"])
def test_an_odd_address_reaches_its_own_row_and_no_other(address):
    """Characters that mean something in a web address are sent as what they are."""
    server = Conversion0()
    server.person(address)
    one = connect(server)
    assert one.fetch(CONTACTS, [address])[address] is not None
    receipts = one.push([Write(1, Kind.DELETE, "contacts", address, "rec1", {}, address=address)])
    assert outcomes(receipts) == [Outcome.ACKED]
    assert not server.contacts


def test_nothing_is_gone_where_the_whole_route_is_missing():
    """A mistyped base URL answers 404 to everything: that is no evidence about any contact."""
    server = Conversion0()
    server.before.append(lambda *call: httpx.Response(404, text="<html/>", headers={"content-type": "text/html"}))
    with pytest.raises(UnreachableError):
        connect(server).fetch(CONTACTS, [ADA])


def test_an_answer_about_another_person_is_no_answer():
    """A row that a proxy mixed up is refused."""
    server = Conversion0()
    server.person(ADA)
    server.before.append(
        lambda *call: httpx.Response(200, json={"success": True, "data": {"email": BOB, "variables": {}}})
    )
    with pytest.raises(UnreachableError):
        connect(server).fetch(CONTACTS, [ADA])


def test_look_ups_find_by_any_spelling_and_never_what_cannot_be_asked():
    """A key is looked up as the vendor keeps it; one that the vendor refuses is found nowhere."""
    server = Conversion0()
    server.person(ADA)
    server.before.append(lambda m, path, b: server.error(400, "VALIDATION_ERROR") if "odd" in path else None)
    found = connect(server).lookup(CONTACTS, "email", [" Ada@Acme.example", BOB, "odd@x", "no address", ""])
    assert [len(found[key]) for key in found] == [1, 0, 0, 0, 0]
    assert found[" Ada@Acme.example"][0].id == ADA


@pytest.mark.parametrize("status", [200, 401])
def test_a_refused_key_is_told_as_such(status):
    """UNAUTHORIZED is a refused key, also inside a 200."""
    server = Conversion0()
    server.before.append(lambda *call: server.error(status, "UNAUTHORIZED"))
    with pytest.raises(AuthError):
        connect(server).identify()
    with pytest.raises(AuthError):
        connect(server).push([create(ADA)])
    with pytest.raises(AuthError):
        connect(server).engage(ADA, "Demo", "45 minutes")
    with pytest.raises(AuthError):
        connect(server).push([Write(1, Kind.DELETE, "contacts", ADA, "rec1", {}, address=ADA)])


def test_a_success_without_a_row_proves_nothing():
    """`{"success": true, "data": null}`: nobody is found, so that somebody may be made, and nobody is taken for deleted."""
    server = Conversion0()
    server.before.append(lambda *call: httpx.Response(200, json={"success": True, "data": None}))
    one = connect(server)
    assert one.lookup(CONTACTS, "email", [ADA]) == {ADA: ()}
    assert one.fetch(CONTACTS, [ADA])[ADA].values == {"email": ADA}


def test_a_failure_inside_a_200_is_asked_again():
    """An internal error inside a 200 is no row; a read is repeated."""
    server = Conversion0()
    server.person(ADA)
    broken = [server.error(200, "INTERNAL_ERROR")]
    server.before.append(lambda *call: broken.pop() if broken else None)
    assert connect(server).fetch(CONTACTS, [ADA])[ADA] is not None


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "NOT_FOUND", "message": "m"}},
        {"error": "NOT_FOUND"},
        {"error": "not_found"},
        {"error": "Contact not found", "code": "NOT_FOUND"},
        {"error": "Error", "code": "NOT_FOUND"},
        {"error": True, "code": "NOT_FOUND", "message": "m"},
        {"code": "NOT_FOUND", "message": "m"},
    ],
)
@pytest.mark.parametrize("status", [200, 400, 404])
def test_an_error_is_understood_in_whatever_form_it_comes(status, body):
    """The code is found as an object's, as a text, or at the top, under every status."""
    server = Conversion0()
    server.before.append(lambda *call: httpx.Response(status, json={"success": False} | body))
    assert connect(server).fetch(CONTACTS, [ADA]) == {ADA: None}


def test_there_is_no_list():
    """It says that it cannot be listed, and refuses to pretend."""
    one = connect(Conversion0())
    assert not one.capabilities("contacts").listable
    with pytest.raises(DriftError):
        list(one.pull(CONTACTS, None))


# Upserts


def test_a_batch_goes_out_in_one_request_and_each_row_has_its_receipt():
    """Three people, one request, receipts in order; the address goes out in lower case."""
    server = Conversion0()
    writes = [create(f"P{n}@Acme.example", n, **{"variables.title": "CTO"}) for n in range(3)]
    receipts = connect(server).push(writes)
    assert outcomes(receipts) == [Outcome.ACKED] * 3
    assert [receipt.remote_id for receipt in receipts] == [f"p{n}@acme.example" for n in range(3)]
    assert [call[1] for call in server.writes()] == ["/contacts/batch"]
    assert receipts[0].values is None, "one is read back"
    assert receipts[1].values == {"email": "P1@Acme.example", "variables.title": "CTO"}


@pytest.mark.parametrize("status", [200, 400, 422])
@pytest.mark.parametrize("place", [0, 3, 6])
def test_one_bad_row_of_a_refused_batch_is_found(status, place):
    """A batch that is refused as a whole is halved: six are written, the one is rejected, whatever the status."""
    server = Conversion0()
    server.invalid = {f"p{place}@acme.example"}
    server.after.append(
        lambda m, p, b, answer: httpx.Response(status, json=answer.json()) if answer.status_code == 400 else None
    )
    receipts = connect(server).push([create(f"p{n}@acme.example", n) for n in range(7)])
    expected = [Outcome.REJECTED if n == place else Outcome.ACKED for n in range(7)]
    assert outcomes(receipts) == expected
    assert receipts[place].error == "VALIDATION_ERROR"
    assert receipts[place].fields == ("email",)
    assert "secret" not in receipts[place].message


@pytest.mark.law("row 15")
def test_a_row_that_fails_inside_a_success_is_rejected_alone():
    """`success: false` of one result rejects that row and no other."""
    server = Conversion0()

    def one_fails(method, path, body, answer):
        data = answer.json()["data"]
        data[1] = {"email": BOB, "success": False, "error": "INVALID"}
        return httpx.Response(200, json={"success": True, "data": data})

    server.after.append(one_fails)
    receipts = connect(server).push([create(ADA, 1), create(BOB, 2)])
    assert outcomes(receipts) == [Outcome.ACKED, Outcome.REJECTED]


@pytest.mark.law("row 19")
def test_results_are_matched_by_address_and_a_missing_one_is_looked_at():
    """Reversed results are paired right; a row nobody mentions is read: stored is acked, absent is rejected."""
    server = Conversion0()

    def shuffle(method, path, body, answer):
        if method != "POST":
            return None
        server.contacts.pop("gone@acme.example")
        return httpx.Response(200, json={"success": True, "data": [answer.json()["data"][0]]})

    server.after.append(shuffle)
    rows = [create(ADA, 1), create(BOB, 2, **{"variables.title": "x"}), create("gone@acme.example", 3)]
    receipts = connect(server).push(rows)
    assert outcomes(receipts) == [Outcome.ACKED, Outcome.ACKED, Outcome.REJECTED]
    assert receipts[2].error == "NOT_STORED"


def test_a_success_that_names_nobody_is_doubt_where_reads_lag():
    """`{"success": true, "message": …}` says that the rows were taken: one that cannot be read yet is not refused for good."""
    server = Conversion0()
    server.person(BOB, title="CTO")
    late = [True]
    server.before.append(lambda method, path, body: server.error(404, "NOT_FOUND") if late and "ada" in path else None)
    server.after.append(lambda *call: httpx.Response(200, json={"success": True, "message": "ok"}) if call[0] == "POST" else None)  # fmt: skip
    one = connect(server)
    rows = [create(ADA, 1, **{"variables.title": "CEO"}), create(BOB, 2, **{"variables.title": "CTO"})]
    assert outcomes(one.push(rows)) == [Outcome.DOUBT, Outcome.ACKED]
    late.clear()
    assert outcomes(one.push(rows)) == [Outcome.ACKED] * 2


def test_an_answer_to_somebody_else_is_never_taken_for_ours():
    """Results that name other people acknowledge nothing by themselves."""
    server = Conversion0()
    server.before.append(
        lambda m, p, b: (
            httpx.Response(200, json={"success": True, "data": [{"email": BOB, "operation": "created"}]})
            if m == "POST"
            else None
        )
    )
    assert outcomes(connect(server).push([create(ADA)])) == [Outcome.REJECTED]


@pytest.mark.parametrize("kind", ["500", "cut", "html"])
def test_an_unknown_outcome_is_doubt_and_is_not_repeated(kind):
    """After a 500, a cut connection or a page of HTML the rows are in doubt; the request went out once."""
    server = Conversion0()

    def spoil(method, path, body, answer):
        if kind == "cut":
            raise httpx.ReadError("cut")
        if kind == "500":
            return httpx.Response(500)
        return httpx.Response(200, text="<html/>", headers={"content-type": "text/html"})

    server.after.append(spoil)
    receipts = connect(server).push([create(ADA, 1), create(BOB, 2)])
    assert outcomes(receipts) == [Outcome.DOUBT] * 2
    assert len(server.writes()) == 1


def test_a_spent_allowance_raises_before_the_first_row_and_is_told_after_it():
    """Nothing sent: the error. Something sent: receipts, the rest later."""
    server = Conversion0()
    server.before.append(lambda m, p, b: httpx.Response(429) if len(server.writes()) > 1 else None)
    one = connect(server, batch_size=1)
    receipts = one.push([create(ADA, 1), create(BOB, 2)])
    assert outcomes(receipts) == [Outcome.ACKED, Outcome.THROTTLED]
    with pytest.raises(QuotaError):
        one.push([create(BOB, 2)])


def test_blanks_stay_at_home_unless_clearing_is_on():
    """By default no blank is sent; a write of blanks alone is refused; `null` sends null."""
    server = Conversion0()
    server.person(ADA, title="CTO")
    receipts = connect(server).push([update(ADA, variables__title=None)])
    assert receipts[0].error == "NOTHING_TO_SEND"
    assert outcomes(connect(server, clearing="null").push([update(ADA, variables__title="")])) == [Outcome.ACKED]
    assert server.contacts[ADA]["variables"]["title"] is None


def test_a_vendor_that_replaces_variables_is_found_out_on_one_row_which_is_mended():
    """The first update goes alone: variables that vanish by it are put back, and nothing more is sent."""
    server = Conversion0()
    server.replaces = True
    people = [f"p{n}@acme.example" for n in range(5)]
    for person in people:
        server.person(person, title="CTO", city="Rome")
    receipts = connect(server).push([update(p, n, variables__title="CEO") for n, p in enumerate(people)])
    assert outcomes(receipts) == [Outcome.ACKED] + [Outcome.THROTTLED] * 4
    assert all(server.contacts[person]["variables"]["city"] == "Rome" for person in people)
    assert "variables_mode" in receipts[1].remedy


def test_in_replace_mode_nothing_is_lost():
    """With `variables_mode = "replace"` every update carries the variables that stand there."""
    server = Conversion0()
    server.replaces = True
    server.person(ADA, title="CTO", city="Rome")
    receipts = connect(server, variables_mode="replace").push([update(ADA, variables__title="CEO")])
    assert outcomes(receipts) == [Outcome.ACKED]
    assert server.contacts[ADA]["variables"] == {"title": "CEO", "city": "Rome"}


def test_two_records_with_one_address_are_not_sent_together():
    """A second create for the same address is refused; two updates of one row keep their order."""
    server = Conversion0()
    receipts = connect(server).push([create(ADA, 1), create("ADA@acme.example", 2)])
    assert outcomes(receipts) == [Outcome.ACKED, Outcome.REJECTED]
    receipts = connect(server).push([update(ADA, 1, variables__title="a"), update(ADA, 2, variables__title="b")])
    assert outcomes(receipts) == [Outcome.ACKED] * 2
    assert server.contacts[ADA]["variables"]["title"] == "b"


def test_a_company_is_made_under_our_records_id():
    """The id that is sent is our record's; the domain and the variables go where they belong."""
    server = Conversion0()
    values = {"baseDomain": "acme.example", "variables.company_name": "Acme"}
    receipts = connect(server).push([Write(1, Kind.CREATE, "companies", None, "acc_1", values)])
    assert receipts[0].remote_id == "acc_1"
    assert server.companies["acc_1"]["baseDomain"] == "acme.example"
    assert server.companies["acc_1"]["variables"] == {"company_name": "Acme"}


# Consent


@pytest.mark.parametrize(("form", "held"), [("omit", {}), ("object_id", {"id": "rec1"}), ("string", "rec1")])
def test_names_in_bodies_are_those_of_the_settings(form, held):
    """What no document tells (`contacts_key`, `companies_key`, `subscription_key`, `status_key`, `external_contact`) is sent as configured."""
    server = Conversion0()
    server.person("eve@acme.example.com")
    server.before.append(lambda method, path, body: server.error(400, "STRANGE") if method == "POST" else None)
    keys = {"contacts_key": "people", "companies_key": "firms", "subscription_key": "words", "status_key": "state"}
    one = connect(server, external_contact=form, **keys)
    one.push([create("ada@acme.example.com")])
    one.push([Write(1, Kind.CREATE, "companies", None, "rec1", {"baseDomain": "acme.example.com"})])
    one.push([subscribe("eve@acme.example.com", "UNSUBSCRIBED")])
    bodies = {path: body for method, path, body in server.log if method == "POST"}
    [person] = bodies["/contacts/batch"]["people"]
    assert person.get("externalContact", {}) == held
    assert "firms" in bodies["/companies/batch"]
    assert bodies["/contacts/batch-subscription"]["words"] == [
        {"email": "eve@acme.example.com", "state": "UNSUBSCRIBED"}
    ]


def test_an_opt_out_goes_alone_and_first():
    """Opt-outs are one request of their own, before any other word of consent."""
    server = Conversion0()
    for person in (ADA, BOB):
        server.person(person)
    receipts = connect(server).push([subscribe(ADA, "PENDING", 1), subscribe(BOB, "UNSUBSCRIBED", 2)])
    assert outcomes(receipts) == [Outcome.ACKED] * 2
    assert [call[2] for call in server.writes()] == [
        {"contacts": [{"email": BOB, STATUS: "UNSUBSCRIBED"}]},
        {"contacts": [{"email": ADA, STATUS: "PENDING"}]},
    ]


@pytest.mark.law("L6")
@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ({"operation": "updated", STATUS: "UNSUBSCRIBED"}, Outcome.ACKED),
        ({}, Outcome.ACKED),
        ({"operation": "not_found"}, Outcome.THROTTLED),
        ({"operation": "updated", STATUS: "SUBSCRIBED"}, Outcome.THROTTLED),
        ({"status": "failed", "code": "INTERNAL_ERROR"}, Outcome.DOUBT),
    ],
)
def test_an_opt_out_counts_as_told_only_where_its_result_says_so(result, outcome):
    """A result in other words, or with another state, is looked at: an opt-out that was not taken is sent again."""
    server = Conversion0()
    server.person(ADA)
    server.before.append(
        lambda method, path, body: server._stored([{"email": ADA} | result]) if method == "POST" else None
    )
    assert outcomes(connect(server).push([subscribe(ADA, "UNSUBSCRIBED")])) == [outcome]


def test_an_opt_out_is_repeated_on_doubt():
    """A cut connection does not keep an opt-out waiting: it is sent again."""
    server = Conversion0()
    server.person(ADA)
    server.after.append(cut(server, "/contacts/batch-subscription"))
    assert outcomes(connect(server).push([subscribe(ADA, "UNSUBSCRIBED")])) == [Outcome.ACKED]


@pytest.mark.law("L6")
@given(st.sampled_from(["SUBSCRIBED", "subscribed", " Subscribed "]), st.sampled_from(["create", "subscribe"]))
@settings(max_examples=12, deadline=None)
def test_no_spelling_opts_a_suppressed_address_in(word, kind):
    """The last gate refuses every payload that would subscribe a suppressed address, and counts it."""
    server = Conversion0()
    server.person(ADA, "UNSUBSCRIBED")
    one = connect(server, gate=lambda address: address.strip().lower() == ADA)
    write = create("Ada@acme.example", **{STATUS: word}) if kind == "create" else subscribe(ADA, word)
    assert one.push([write])[0].error == "SUPPRESSED"
    assert server.writes() == []
    assert one.usage().gate_refusals == 1


def test_consent_of_a_new_contact_follows_its_upsert():
    """The upsert never carries a status; the word goes after it, when the contact exists."""
    server = Conversion0()
    receipts = connect(server).push([create(ADA, **{STATUS: "UNSUBSCRIBED"})])
    assert outcomes(receipts) == [Outcome.ACKED]
    assert receipts[0].values is None
    assert [call[1] for call in server.writes()] == ["/contacts/batch", "/contacts/batch-subscription"]
    assert STATUS not in json.dumps(server.writes()[0])
    assert server.contacts[ADA][STATUS] == "UNSUBSCRIBED"


@pytest.mark.parametrize("state", ["UNSUBSCRIBED", "BOUNCED", "COMPLAINED"])
def test_a_create_that_meets_an_opt_out_leaves_it(state):
    """Somebody who is there already and opted out is not subscribed by our create."""
    server = Conversion0()
    server.person(ADA, state)
    receipts = connect(server).push([create(ADA, **{STATUS: "SUBSCRIBED"})])
    assert outcomes(receipts) == [Outcome.ACKED]
    assert server.contacts[ADA][STATUS] == state


def test_a_create_whose_consent_did_not_arrive_is_in_doubt():
    """The contact is there but nobody knows of the opt-out: the whole is done again."""
    server = Conversion0()
    server.before.append(lambda m, path, b: httpx.Response(500) if path.endswith("subscription") else None)
    assert outcomes(connect(server).push([create(ADA, **{STATUS: "UNSUBSCRIBED"})])) == [Outcome.DOUBT]


def test_a_bounce_is_never_overwritten():
    """SUBSCRIBED over BOUNCED is refused, also when nothing else forbids it."""
    server = Conversion0()
    server.person(ADA, "BOUNCED")
    assert connect(server).push([subscribe(ADA, "SUBSCRIBED")])[0].error == "FINAL_STATE"


@pytest.mark.law("L6")
@pytest.mark.parametrize("shown", ["nothing", "SNOOZED", 7])
@pytest.mark.parametrize("word", ["SUBSCRIBED", "PENDING"])
def test_nobody_is_opted_in_over_a_state_that_is_not_shown(shown, word):
    """What an answer does not tell, or in a word that no document knows, may be an opt-out: only an opt-out goes over it."""
    server = Conversion0()
    server.person(ADA, "UNSUBSCRIBED")
    server.after.append(lambda m, path, b, answer: hide(answer, shown) if m == "GET" else None)
    [receipt] = connect(server).push([subscribe(ADA, word)])
    assert (receipt.outcome, receipt.error) == (Outcome.REJECTED, "STATE_NOT_SHOWN")
    assert "subscribe" in receipt.remedy
    assert outcomes(connect(server).push([create(ADA, **{STATUS: word})])) == [Outcome.ACKED]
    assert server.contacts[ADA][STATUS] == "UNSUBSCRIBED"
    assert outcomes(connect(server).push([subscribe(ADA, "UNSUBSCRIBED")])) == [Outcome.ACKED]


@pytest.mark.parametrize("state", [None, "", "NOT_SUBSCRIBED", "PENDING"])
def test_a_contact_that_never_had_a_state_can_be_opted_in(state):
    """A state that is told to be empty is one that nobody has set."""
    server = Conversion0()
    server.person(ADA, state)
    assert outcomes(connect(server).push([subscribe(ADA, "SUBSCRIBED")])) == [Outcome.ACKED]
    assert server.contacts[ADA][STATUS] == "SUBSCRIBED"


def test_somebody_new_is_opted_in_though_no_state_is_shown():
    """Where the vendor says that our create made the contact there is nothing that could be overwritten."""
    server = Conversion0()
    server.after.append(lambda m, path, b, answer: hide(answer, "nothing") if m == "GET" else None)
    assert outcomes(connect(server).push([create(ADA, **{STATUS: "SUBSCRIBED"})])) == [Outcome.ACKED]
    assert server.contacts[ADA][STATUS] == "SUBSCRIBED"


@pytest.mark.law("L6")
@pytest.mark.parametrize("known", [None, "SUBSCRIBED", "NOT_SUBSCRIBED", "UNSUBSCRIBED"])
def test_an_opt_in_goes_over_no_opt_out_that_it_does_not_know(known):
    """A person's own word lifts an opt-out that was seen; one that came meanwhile stands."""
    server = Conversion0()
    server.person(ADA, "UNSUBSCRIBED")
    write = replace(subscribe(ADA, "SUBSCRIBED"), expected={STATUS: known})
    granted = known == "UNSUBSCRIBED"
    assert outcomes(connect(server).push([write])) == [Outcome.ACKED if granted else Outcome.MOVED]
    assert server.contacts[ADA][STATUS] == ("SUBSCRIBED" if granted else "UNSUBSCRIBED")


def hide(answer, shown):
    """The same answer with another state in it, or none."""
    body = json.loads(answer.content)
    row = body.get("data") or {}
    row.pop(STATUS, None)
    return httpx.Response(
        answer.status_code, json=body | ({"data": row | ({} if shown == "nothing" else {STATUS: shown})} if row else {})
    )


# Another address


@pytest.mark.parametrize("state", ["SUBSCRIBED", "UNSUBSCRIBED", "BOUNCED"])
def test_a_new_address_takes_the_old_ones_variables_and_its_opt_out(state):
    """The new row has all variables and the stricter consent; the old one stays as it is and the receipt says so."""
    server = Conversion0()
    server.person(ADA, state, title="CTO", city="Rome")
    receipts = connect(server).push([update(ADA, email="Ada.New@acme.example", variables__title="CEO")])
    assert outcomes(receipts) == [Outcome.ACKED]
    assert receipts[0].remote_id == "ada.new@acme.example"
    assert receipts[0].error == "OLD_ROW_LEFT"
    new = server.contacts["ada.new@acme.example"]
    assert new["variables"] == {"title": "CEO", "city": "Rome"}
    assert new[STATUS] == ("PENDING" if state == "SUBSCRIBED" else "UNSUBSCRIBED")
    assert server.contacts[ADA][STATUS] == state


@pytest.mark.law("L4")
@pytest.mark.parametrize("path", ["/contacts/batch", "/contacts/batch-subscription"])
def test_an_address_change_that_breaks_can_be_done_again(path):
    """Whatever breaks, the change is in doubt, and doing it again ends in the same two rows."""
    server = Conversion0()
    server.person(ADA, "UNSUBSCRIBED", title="CTO")
    server.after.append(cut(server, path))
    one = connect(server)
    write = update(ADA, email=BOB)
    first = one.push([write])
    assert first[0].outcome in (Outcome.DOUBT, Outcome.ACKED)
    assert outcomes(one.push([write])) == [Outcome.ACKED]
    assert set(server.contacts) == {ADA, BOB}
    assert server.contacts[BOB][STATUS] == "UNSUBSCRIBED"


def test_a_contact_that_is_gone_is_not_made_anew_by_a_new_address():
    """A change of address of somebody who was deleted answers GONE and writes nothing."""
    server = Conversion0()
    assert outcomes(connect(server).push([update(ADA, email=BOB)])) == [Outcome.GONE]
    assert server.writes() == []


# Deletes, engagements, other profiles


def test_a_delete_is_done_once_and_gone_after():
    """A delete without a body in its answer is a success; of what is not there, GONE."""
    server = Conversion0()
    server.person(ADA)
    write = Write(1, Kind.DELETE, "contacts", ADA, "rec1", {}, address=ADA)
    one = connect(server)
    assert outcomes(one.push([write])) == [Outcome.ACKED]
    assert outcomes(one.push([write])) == [Outcome.GONE]


def test_an_engagement_in_doubt_is_reported_and_not_repeated():
    """One request, whatever becomes of it; the answer says that nobody knows."""
    server = Conversion0()
    server.after.append(cut(server, "/contacts/engagements"))
    receipt = connect(server).engage(ADA, "Demo", "held", {"source_event_id": "e1"})
    assert receipt.outcome is Outcome.DOUBT
    assert server.engagements == [
        {
            "contactEmail": ADA,
            "type": "ACTIVITY",
            "name": "Demo",
            "description": "held",
            "data": {"source_event_id": "e1"},
        }
    ]


def test_with_the_vendors_own_salesforce_sync_on_nothing_is_written():
    """The declared native sync makes this system a source only, and `check` says why."""
    one = connect(Conversion0(), native_salesforce_sync=True)
    assert not one.capabilities("contacts").writable
    assert not all(finding.well for finding in one.probe())


def test_c1_speaks_its_own_names():
    """C1: X-API-Key, list key `batch`, its variable names, answers without results."""
    seen = []

    def server(request):
        seen.append((request.url.path, request.headers.get("x-api-key"), json.loads(request.content or b"null")))
        return httpx.Response(200, json={})

    receipts = connect(server, profile="C1").push([create(ADA, **{"variables.title": "CTO"})])
    assert outcomes(receipts) == [Outcome.ACKED]
    assert seen == [
        ("/api/v1/contacts/batch", "canary-key", {"batch": [{"email": ADA, "variables": {"job_title": "CTO"}}]})
    ]


def test_c1_takes_nobody_for_gone_by_a_route_that_was_never_published():
    """C1's pages tell of no way to read one contact: a 404 there counts only once the route has shown somebody."""
    people = {}

    def server(request):
        who = request.url.path.rpartition("/")[2]
        if request.method == "GET" and who in people:
            return httpx.Response(200, json={"email": who, "variables": {}})
        if request.url.path == "/api/v1/contacts/batch":
            return httpx.Response(200, json={})
        return httpx.Response(404, json={"message": "Not found"})

    one = connect(server, profile="C1")
    assert one.fetch(CONTACTS, [ADA])[ADA].values == {"email": ADA}
    assert one.lookup(CONTACTS, "email", [ADA])[ADA] == ()
    delete = Write(1, Kind.DELETE, "contacts", ADA, "rec1", {}, address=ADA)
    refused = [one.push([delete])[0], one.push([update(ADA, email=BOB)])[0]]
    assert [(receipt.outcome, receipt.error) for receipt in refused] == [
        (Outcome.REJECTED, "UNSUPPORTED"),
        (Outcome.REJECTED, "UNREADABLE"),
    ]
    assert outcomes(one.push([update(ADA, variables__title="CEO")])) == [Outcome.ACKED]
    people[BOB] = {}
    assert one.fetch(CONTACTS, [BOB])[BOB] is not None
    assert one.fetch(CONTACTS, [ADA])[ADA] is None


def c2(answers, seen):
    def server(request):
        body = json.loads(request.content or b"null")
        seen.append((request.url.path.removeprefix("/api/v2"), body))
        return answers(*seen[-1])

    return connect(server, profile="C2", exports=True)


@pytest.mark.law("row 19")
def test_c2_pairs_results_by_position_and_refuses_a_wrong_count():
    """Results without addresses are taken in order; one too few and the whole batch is in doubt."""
    told = [{"success": True, "cnvContactId": "a"}, {"success": False, "error": {"code": "invalid_field"}}]
    one = c2(lambda path, body: httpx.Response(200, json={"data": {"results": told}}), seen := [])
    rows = [update(ADA, 1, variables__title="x"), update(BOB, 2, variables__title="y")]
    assert outcomes(one.push(rows)) == [Outcome.ACKED, Outcome.REJECTED]
    assert seen[0][1]["updateOnly"]
    told.pop()
    assert outcomes(one.push(rows)) == [Outcome.DOUBT] * 2


def test_c2_lists_by_export_over_empty_pages_and_ends_at_a_cursor_that_stands():
    """An empty page is not the end; the vendor's last cursor is where the next pull goes on."""
    row = {"id": "1", "email": "Ada@acme.example", STATUS: "SUBSCRIBED", "fields": {"job_title": "CTO"},
           "updatedAt": "2026-01-15T10:30:00.123456789Z"}  # fmt: skip
    pages = {None: ([], "c1"), "c1": ([row, row], "c2"), "c2": ([], "c2")}

    def answer(path, body):
        rows, following = pages[body.get("cursor")]
        return httpx.Response(
            200, json={"data": {"contacts": rows}, "pagination": {"nextCursor": following}, "error": None}
        )

    one = c2(answer, [])
    found = list(one.pull(CONTACTS, None))
    assert [[record.id for record in page.records] for page in found] == [[], [ADA], []]
    assert found[1].records[0].values["variables.title"] == "CTO"
    assert found[-1].cursor == "c2"
    assert not any(page.complete for page in found)


def test_c2_asks_whether_a_contact_exists_without_changing_it():
    """Somebody whom the export does not show is asked for; only contact_not_found means gone."""

    def answer(path, body):
        if path == "/exports/contacts":
            return httpx.Response(200, json={"data": {"contacts": []}, "pagination": {"nextCursor": None}})
        if body["email"] == ADA:
            return httpx.Response(200, json={"data": {"cnvContactId": "a", "contactCreated": False}})
        return httpx.Response(404, json={"error": {"code": "contact_not_found", "message": "m"}})

    one = c2(answer, seen := [])
    found = one.fetch(CONTACTS, [ADA, BOB])
    assert found[ADA].values == {"email": ADA}
    assert found[BOB] is None
    assert all(body["updateOnly"] and body["preserveExistingFields"] for path, body in seen if path == "/contacts")

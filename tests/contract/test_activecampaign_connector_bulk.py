"""The ActiveCampaign connector, many at once: bulk import of contacts, what it costs and what it must not do."""

from __future__ import annotations

import httpx
import pytest
from activecampaign_client import ADA, CONTACTS, LIST, TITLE, connect, create, outcomes, subscribe, update
from activecampaign_server import ActiveCampaign3

from sync.connectors.http.body import encode
from sync.model.remote import Feed, Outcome


def people(count, **values):
    return [create(f"p{n}@acme.example", n, firstName=f"P{n}", **values) for n in range(count)]


def imports(server):
    return [call[2] for call in server.calls("POST", "/import/bulk_import")]


def test_many_are_made_with_few_calls():
    """1,000 new contacts take four imports, a look at each and a read by id, and every one is known by its own id."""
    server = ActiveCampaign3()
    one = connect(server)
    assert one.journal_size("contacts", 10_000) == 2500
    receipts = one.push(people(1000, **{TITLE: "Countess", LIST: 2}))
    assert {receipt.outcome for receipt in receipts} == {Outcome.ACKED}
    assert all(receipt.created for receipt in receipts)
    assert [server.tables["contacts"][r.remote_id]["firstName"] for r in receipts[:3]] == ["P0", "P1", "P2"]
    assert server.value(receipts[9].remote_id) == "Countess"
    assert server.status(receipts[9].remote_id) == "2"
    assert len(imports(server)) == 4
    assert len(server.log) == 4 + 4 + 10 + 2  # imports, looks, ids by the hundred, names of field and list


def test_an_import_never_starts_automations():
    """Every import says so, where the vendor's prose wants it said."""
    server = ActiveCampaign3()
    connect(server).push(people(60))
    assert all(body["exclude_automations"] is True for body in imports(server))


def test_few_go_alone():
    """Below the threshold contacts are made one by one, and the answer tells at once."""
    server = ActiveCampaign3()
    one = connect(server, bulk_threshold=5)
    assert outcomes(one.push(people(4))) == ["acked"] * 4
    assert not imports(server)
    assert one.journal_size("contacts", 4) == 4


def test_an_import_is_bounded_by_bytes_as_well():
    """No request is larger than the vendor takes; a row that is too large for any goes alone."""
    server = ActiveCampaign3()
    writes = [create(f"p{n}@acme.example", n, **{TITLE: "ä" * 8000}) for n in range(60)]
    writes.append(create("huge@acme.example", 99, **{TITLE: "x" * 300_000}))
    assert set(outcomes(connect(server).push(writes))) == {"acked"}
    assert len(imports(server)) > 1
    assert all(len(encode(body)) <= 399_999 for body in imports(server))
    assert server.find("huge@acme.example")


def test_one_bad_row_does_not_stop_the_others():
    """The vendor refuses the whole import and counts from one: that row is set aside, the rest is sent again."""
    server = ActiveCampaign3()
    writes = [*people(59), create("no address", 59)]
    receipts = connect(server).push(writes)
    assert outcomes(receipts) == ["acked"] * 59 + ["rejected"]
    assert receipts[-1].error == "IMPORT_INVALID"
    assert len(imports(server)) == 2


def test_a_refusal_that_blames_nobody_is_halved():
    """Reasons that are texts name no row: the import is halved, and the few among whom one spoils it go alone, where it is told which."""
    server = ActiveCampaign3()

    def refuse(method, path, body):
        if path == "/contacts" and method == "POST" and body["contact"]["email"] == "p7@acme.example":
            return server.invalid("email_invalid", "email")
        if path != "/import/bulk_import" or all(row["email"] != "p7@acme.example" for row in body["contacts"]):
            return None
        return server.error(400, {"success": 0, "message": "no", "failureReasons": ["something"]})

    server.before.append(refuse)
    receipts = connect(server).push(people(60))
    assert [(r.number, r.error) for r in receipts if r.outcome is not Outcome.ACKED] == [(7, "email_invalid")]
    assert len(server.calls("POST", "/contacts")) < 10


def test_an_account_whose_import_takes_nothing_is_filled_all_the_same():
    """A refusal that has nothing to do with the rows sets nobody aside: they go alone."""
    server = ActiveCampaign3()
    general = {"success": 0, "message": "no", "failureReasons": ["Imports are disabled."]}
    server.before.append(lambda method, path, body: server.error(400, general) if "import" in path else None)
    assert set(outcomes(connect(server).push(people(60)))) == {"acked"}
    assert len(server.calls("POST", "/contacts")) == 60


def test_the_imports_own_limit_is_waited_for():
    """It is told as a 400; nothing was taken, and the same import is sent again after a while."""
    server = ActiveCampaign3()
    left = [2]

    def limited(method, path, body):
        if path == "/import/bulk_import" and left[0]:
            left[0] -= 1
            return server.error(400, {"success": 0, "message": "Rate limit exceeded.", "failureReasons": ["Up to 100"]})
        return None

    server.before.append(limited)
    assert set(outcomes(connect(server).push(people(60)))) == {"acked"}


def test_a_row_that_the_import_leaves_out_is_refused():
    """Excluded and bounced addresses land among the failures, and are set aside with a remedy."""
    server = ActiveCampaign3()
    receipts = connect(server).push([*people(59), create("excluded@acme.example", 59)])
    assert (receipts[-1].outcome, receipts[-1].error) == (Outcome.REJECTED, "IMPORT_REFUSED")
    assert receipts[-1].remedy
    assert "excluded" not in receipts[-1].message.split(":")[0]


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_an_import_that_breaks_off_leaves_doubt(status):
    """Which of its rows landed nobody knows: all are looked up."""
    server = ActiveCampaign3()
    body = {"status": status, "success": [], "failure": []}
    server.before.append(lambda method, path, _: httpx.Response(200, json=body) if path == "/import/info" else None)
    assert set(outcomes(connect(server).push(people(60)))) == {"doubt"}


def test_an_import_that_does_not_end_leaves_doubt():
    """The vendor answers false at first and may go on for ever; beyond the horizon it is doubt."""
    server = ActiveCampaign3()
    server.before.append(
        lambda method, path, _: httpx.Response(200, json={"status": False}) if path == "/import/info" else None
    )
    assert set(outcomes(connect(server).push(people(60)))) == {"doubt"}


def test_a_lost_answer_to_an_import_is_doubt_and_repeating_it_makes_nobody_twice():
    """The import may have been taken; sent again, it meets the same contacts."""
    server = ActiveCampaign3()
    left = [1]

    def cut(method, path, body, answer):
        if path == "/import/bulk_import" and left[0]:
            left[0] -= 1
            raise httpx.ReadError("cut")

    server.after.append(cut)
    one = connect(server)
    assert set(outcomes(one.push(people(60)))) == {"doubt"}
    assert set(outcomes(one.push(people(60)))) == {"acked"}
    assert len(server.tables["contacts"]) == 60


def test_what_cannot_be_found_out_about_an_import_is_doubt_and_never_taken_back():
    """It was sent: when the vendor stops answering afterwards, nothing is raised as if it had not been."""
    server = ActiveCampaign3()
    server.before.append(lambda method, path, _: server.error(500, {}) if path == "/import/info" else None)
    assert set(outcomes(connect(server, retries=1).push(people(60)))) == {"doubt"}


def test_a_value_that_the_import_passes_over_is_not_taken_for_stored():
    """A new contact without all its values is named, to be linked and filled; a changed one is written alone."""
    server = ActiveCampaign3()
    one = connect(server)
    import_one = server._import
    server._import = lambda told, row: import_one(told, {key: value for key, value in row.items() if key != "fields"})
    assert set(outcomes(one.push(people(60, **{TITLE: "Countess"})))) == {"moved"}
    ids = list(server.tables["contacts"])
    one.fetch(CONTACTS, ids)
    receipts = one.push([update(name, {TITLE: "Baroness"}, n, f"p{n}@acme.example") for n, name in enumerate(ids)])
    assert set(outcomes(receipts)) == {"acked"}
    assert {server.value(name) for name in ids} == {"Baroness"}


def test_an_opt_out_that_the_import_passes_over_is_sent_by_itself():
    """Were the import to leave people alone who are on no list, each is told."""
    server = ActiveCampaign3()
    import_one = server._import
    server._import = lambda told, row: import_one(told, {k: v for k, v in row.items() if k != "unsubscribe"})
    one = connect(server)
    receipts = one.push(people(60, **{LIST: 2}))
    assert set(outcomes(receipts)) == {"acked"}
    assert {server.status(receipt.remote_id) for receipt in receipts} == {"2"}
    ids = [server.person(f"q{n}@acme.example") for n in range(60)]
    assert set(outcomes(one.push([subscribe(name, 2, n) for n, name in enumerate(ids)]))) == {"acked"}
    assert {server.status(name) for name in ids} == {"2"}


def test_a_name_that_is_not_there_stops_its_row_alone():
    """A row whose field the account has not is refused; the others are imported."""
    server = ActiveCampaign3()
    receipts = connect(server).push([*people(60), create("odd@acme.example", 60, **{"fields.NOPE": "x"})])
    assert outcomes(receipts) == ["acked"] * 60 + ["rejected"]
    assert receipts[-1].error == "UNKNOWN_NAME"


# Accounts of new contacts


def staffed(server, count, names=("Acme", "Beta Corp.")):
    accounts = [server.put("accounts", name=name)["id"] for name in names]
    return [create(f"p{n}@acme.example", n, account=accounts[n % len(accounts)]) for n in range(count)]


def test_new_contacts_join_their_account_within_the_import():
    """The company's name goes with the row, so that no call is needed for it; every link is looked at afterwards."""
    server = ActiveCampaign3()
    writes = staffed(server, 120)
    receipts = connect(server).push(writes)
    assert set(outcomes(receipts)) == {"acked"}
    for write, receipt in zip(writes, receipts, strict=True):
        assert [row["account"] for row in server.on("accountContacts", receipt.remote_id)] == [write.values["account"]]
    assert not server.calls("POST", "/accountContacts")
    assert [len(body["contacts"]) for body in imports(server)] == [1, 119]


def test_an_import_that_does_not_find_the_account_is_tried_on_one_row_only():
    """Were the vendor to make a new account for each name, one shows it, is put right, and the rest go by number."""
    server = ActiveCampaign3()
    writes = staffed(server, 120)
    import_one = server._import

    def strange(told, row):
        if "customer_acct_name" in row:
            row["customer_acct_name"] += " (imported)"
        import_one(told, row)

    server._import = strange
    receipts = connect(server).push(writes)
    assert set(outcomes(receipts)) == {"acked"}
    for write, receipt in zip(writes, receipts, strict=True):
        assert [row["account"] for row in server.on("accountContacts", receipt.remote_id)] == [write.values["account"]]
    assert len(server.tables["accounts"]) == 3


def test_who_works_where_costs_no_call_a_contact_where_contacts_do_not_bring_it():
    """The sheet knows no `include=accountContacts`: then the table of all is read, at the import and when its rows are read back."""
    server = ActiveCampaign3()
    server.includes.discard("accountContacts")
    writes = staffed(server, 600)
    one = connect(server)
    receipts = one.push(writes)
    assert set(outcomes(receipts)) == {"acked"}
    found = one.fetch(Feed("contacts", ("account",)), [receipt.remote_id for receipt in receipts])
    for write, receipt in zip(writes, receipts, strict=True):
        assert found[receipt.remote_id].values["account"] == write.values["account"]
    assert not server.calls("POST", "/accountContacts")
    assert len([path for _, path, *_ in server.log if path.endswith("/accountContacts")]) < 30


def test_an_import_that_passes_over_companies_costs_one_call_a_contact():
    """Where the import links nobody and contacts do not tell, each is linked by one call, and nobody is asked about before."""
    server = ActiveCampaign3()
    server.includes.discard("accountContacts")
    writes = staffed(server, 120)
    import_one = server._import
    server._import = lambda told, row: import_one(told, {k: v for k, v in row.items() if k != "customer_acct_name"})
    receipts = connect(server).push(writes)
    assert set(outcomes(receipts)) == {"acked"}
    assert len(server.calls("POST", "/accountContacts")) == len(server.tables["accountContacts"]) == 120
    assert len([path for _, path, *_ in server.log if path.endswith("/accountContacts")]) < 125


@pytest.mark.parametrize("name", ["Müller & Söhne", "  Acme", "Acme  Inc", "<b>Acme</b>", "A" * 300, ""])
def test_an_oddly_spelled_company_goes_by_its_number(name):
    """A name that an importer may read otherwise is not sent; the contact is linked by id."""
    server = ActiveCampaign3()
    receipts = connect(server).push(staffed(server, 60, (name,)))
    assert set(outcomes(receipts)) == {"acked"}
    assert not any("customer_acct_name" in row for body in imports(server) for row in body["contacts"])
    assert len(server.tables["accountContacts"]) == 60
    assert len(server.tables["accounts"]) == 1


# Changes and opt-outs in bulk


def standing(server, one, count):
    ids = [server.person(f"p{n}@acme.example", firstName="Old") for n in range(count)]
    one.fetch(CONTACTS, ids)
    server.log.clear()
    return ids


def test_many_are_changed_in_bulk_under_the_address_that_stands_there():
    """Changes go by address: the one that was read there just now, whatever the record says."""
    server = ActiveCampaign3()
    one = connect(server)
    ids = standing(server, one, 300)
    receipts = one.push(
        [update(name, {"firstName": "New", TITLE: "Countess"}, n, "else@x.example") for n, name in enumerate(ids)]
    )
    assert set(outcomes(receipts)) == {"acked"}
    assert all(server.tables["contacts"][name]["firstName"] == "New" for name in ids)
    assert len(server.tables["contacts"]) == 300
    assert len(imports(server)) == 2
    assert not server.calls("PUT")


def test_what_an_import_cannot_do_goes_alone():
    """Blanks, another address, tags and accounts are written by id, beside an import of the rest."""
    server = ActiveCampaign3()
    one = connect(server)
    ids = standing(server, one, 64)
    odd = [{"firstName": ""}, {"email": "new@acme.example"}, {"tags": ["VIP"]}, {"account": "7"}]
    writes = [update(name, odd[n] if n < 4 else {"firstName": "New"}, n) for n, name in enumerate(ids)]
    assert set(outcomes(one.push(writes))) == {"acked"}
    assert [len(body["contacts"]) for body in imports(server)] == [60]
    assert server.tables["contacts"][ids[0]]["firstName"] == ""
    assert server.tables["contacts"][ids[1]]["email"] == "new@acme.example"
    assert server.tags(ids[2]) == ["VIP"]


def test_many_opt_outs_go_in_bulk_and_none_is_left_behind():
    """A mass opt-out takes one import per 250; who is left out of it is told alone, until it is answered."""
    server = ActiveCampaign3()
    one = connect(server)
    ids = standing(server, one, 60)
    server.tables["contacts"][ids[7]]["email"] = "excluded@acme.example"
    one.fetch(CONTACTS, ids)
    assert set(outcomes(one.push([subscribe(name, 2, n) for n, name in enumerate(ids)]))) == {"acked"}
    assert {server.status(name) for name in ids} == {"2"}
    assert len(server.calls("POST", "/contactLists")) == 1


def test_an_address_that_changed_under_an_import_is_told():
    """The import made another contact under the old address: that is said, with both, and not taken for the row."""
    server = ActiveCampaign3()
    one = connect(server)
    ids = standing(server, one, 60)
    server.tables["contacts"][ids[7]]["email"] = ADA
    receipts = one.push([update(name, {"firstName": "New"}, n) for n, name in enumerate(ids)])
    (odd,) = [receipt for receipt in receipts if receipt.outcome is not Outcome.ACKED]
    assert (odd.number, odd.error) == (7, "ADDRESS_MOVED")
    assert server.find("p7@acme.example")["id"] in odd.message


def test_no_opt_in_ever_goes_by_import():
    """To join a list is looked at row by row, whatever their number."""
    server = ActiveCampaign3()
    one = connect(server)
    ids = standing(server, one, 60)
    assert set(outcomes(one.push([subscribe(name, 1, n) for n, name in enumerate(ids)]))) == {"acked"}
    assert not imports(server)


def test_an_opt_out_in_an_import_is_not_laid_over_a_bounce():
    """Where the import left a bounce in place it stays one: it is as strict, and the vendor's own."""
    server = ActiveCampaign3()
    server.set_status(server.person("p0@acme.example"), "3")
    server.after.append(
        lambda method, path, *_: path == "/import/bulk_import" and server.set_status("101", "3") and None
    )
    assert set(outcomes(connect(server).push(people(60, **{LIST: "2"})))) == {"acked"}
    assert server.status("101") == "3"
    assert not server.calls("POST", "/contactLists")

"""Consent: an opt-out anywhere is honoured everywhere, at once and for good; only a person's own word lifts it."""

import pytest

from sync.connectors.conversion.writer import Writer
from sync.errors import UsageError
from sync.model.remote import Kind


@pytest.fixture
def scene(scene):
    """Both systems carry the flag: Abmatic in a custom field."""
    scene.mapping("contacts.fields.subscription.abmatic", {"field": "opted_out", "lens": "opt_out_flag"})
    return scene


def opted_out(scene, system="salesforce"):
    scene.linked("ada", opted_out=False)
    scene.edit("ada", **{system: {"opted_out": True}})
    scene.quiet(scene.sync())


@pytest.mark.parametrize("system", ["abmatic", "salesforce"])
def test_an_opt_out_reaches_everybody_in_one_run(scene, system):
    """Wherever it was said."""
    opted_out(scene, system)
    scene.expect("ada", opted_out=True)
    scene.nothing_to_do()


@pytest.mark.parametrize("system", ["abmatic", "salesforce"])
def test_a_flag_that_somebody_takes_back_is_put_right(scene, system):
    """Unticking the box by hand, or by another tool, is out-voted."""
    opted_out(scene)
    scene.edit("ada", **{system: {"opted_out": False}})
    scene.quiet(scene.sync())
    scene.expect("ada", opted_out=True)


def test_an_opt_out_wins_at_first_contact(scene):
    """Whichever side the mapping prefers."""
    scene.person("ada", abmatic={"opted_out": True}, salesforce={})
    scene.person("bob", abmatic={}, salesforce={"opted_out": True})
    scene.quiet(scene.sync())
    scene.expect("ada", opted_out=True)
    scene.expect("bob", opted_out=True)


def test_whoever_opted_out_stays_out_under_a_new_address(scene):
    """An opt-out follows the person to the address that they change to."""
    opted_out(scene)
    scene.edit("ada", salesforce={"email": "ada.new@acme.example"})
    scene.quiet(scene.sync())
    assert scene.consented("ada.new@acme.example")["state"] == "UNSUBSCRIBED"


def test_an_address_that_opted_out_stays_out_for_whoever_has_it_next(scene):
    """The ledger knows an address that no record has any longer; whoever is entered with it anew is not opted in."""
    opted_out(scene)
    scene.edit("ada", salesforce={"email": "ada.new@acme.example"})
    scene.quiet(scene.sync())
    scene.person("ada", abmatic={"opted_out": False})
    scene.quiet(scene.sync())
    scene.expect("ada", opted_out=True)
    scene.nothing_to_do()


@pytest.mark.law("L6")
@pytest.mark.parametrize("names", [("ada", "bob"), ("bob", "ada")])
def test_whoever_else_has_an_address_that_goes_out_is_told_in_the_same_run(scene, names):
    """Of two people with one address, one of whom opted out, both are out; the other is told at once, without any news of their own."""
    scene.linked(*names, opted_out=False)
    address = scene.key("bob")
    scene.edit("ada", abmatic={"email": address}, salesforce={"opted_out": True})
    scene.sync()
    assert {row["opted_out"] for row in scene.table("abmatic", "contacts") if row["email"] == address} == {True}
    assert {row["HasOptedOutOfEmail"] for row in scene.table("salesforce", "Contact")} == {True}


@pytest.mark.law("L6")
def test_an_opt_out_that_an_old_file_takes_back_before_it_was_read_back_is_told_again(scene):
    """The write was acknowledged, nobody could look, and then the old value stands there: that is no refusal to be remembered."""
    scene.linked("ada", opted_out=False)
    scene.edit("ada", abmatic={"opted_out": True})
    scene.fault("salesforce", "drop_before", method="POST", path="composite/sobjects/Contact", after=1, times=None)
    scene.sync()
    scene.no_faults()
    assert scene.held("ada", "salesforce", "opted_out") is True
    scene.edit("ada", salesforce={"opted_out": False})
    scene.sync()
    scene.expect("ada", opted_out=True)
    scene.quiet(scene.sync())
    scene.nothing_to_do()


@pytest.mark.law("row 149")
def test_whoever_is_deleted_and_made_anew_is_still_out(scene):
    """The ledger survives the row."""
    opted_out(scene)
    scene.linked("bob")
    for system in ("abmatic", "salesforce"):
        scene.delete("ada", system)
    scene.sync(full=True)
    scene.sync(full=True)
    scene.person("ada", salesforce={"opted_out": False})
    scene.sync()
    scene.sync()
    assert scene.held("ada", "salesforce", "opted_out") is True


def test_show_says_why(scene):
    """The answer first, then every system's own word, then the ledger with its source."""
    opted_out(scene)
    shown = scene.consent("ada")
    assert (shown["state"], shown["mailable"]) == ("UNSUBSCRIBED", False)
    assert set(shown["systems"]) == {"abmatic", "salesforce"}
    assert shown["ledger"][-1]["source"] == "salesforce"
    assert "salesforce" in shown["why"]


def test_nobody_knows_is_not_a_yes(scene):
    """Without a word from anybody nobody may be mailed."""
    scene.linked("ada")
    shown = scene.consent("ada")
    assert (shown["state"], shown["mailable"]) == (None, False)


def test_grant_lifts_an_opt_out_with_its_evidence(scene):
    """The one way back: on the person's own word, recorded, and written at once."""
    opted_out(scene)
    shown = scene.grant("ada", "asked by telephone, 21 November")
    assert shown["state"] == "SUBSCRIBED"
    assert any(row["evidence"] == "asked by telephone, 21 November" for row in shown["ledger"])
    scene.expect("ada", opted_out=False)
    scene.quiet(scene.sync())
    scene.expect("ada", opted_out=False)


def test_an_opt_out_after_a_grant_counts_again(scene):
    """A grant is not for ever."""
    opted_out(scene)
    scene.grant("ada", "asked by telephone")
    scene.edit("ada", abmatic={"opted_out": True})
    scene.quiet(scene.sync())
    scene.expect("ada", opted_out=True)


def test_forget_erases_the_person_and_keeps_them_away(scene):
    """No trace of the address is left in the state, and a later read stores nothing of it and writes nothing for it."""
    scene.linked("ada", "bob", title="CTO", city="Turin")
    assert scene.forget("ada")["erased"] == 1
    with pytest.raises(UsageError):
        scene.explain("ada")
    scene.edit("ada", abmatic={"title": "CEO"})
    scene.sync()
    scene.sync(full=True)
    scene.expect("ada", salesforce={"title": "CTO"})
    assert not scene.state_holds(b"ada@acme.example")
    assert scene.state_holds(b"bob@acme.example")


def test_forget_remote_deletes_where_that_is_possible(scene):
    """Salesforce deletes; of Abmatic, which cannot, it says what is left to do by hand."""
    scene.linked("ada", "bob", title="CTO")
    done = scene.forget("ada", remote=True)["systems"]
    assert done["salesforce"] == "deleted"
    assert "cannot delete" in done["abmatic"]
    scene.expect("ada", salesforce=None)


def test_what_forget_could_not_delete_is_named_with_its_id(scene):
    """The state forgets the row, so the answer is the last that tells which one is left; the exit code says that somebody must act."""
    scene.linked("ada", title="CTO")
    left = scene.id("ada", "salesforce")
    scene.fault("salesforce", "status", method="DELETE", status=503, times=None)
    scene.fault("salesforce", "status", method="POST", path="composite", status=503, times=None)
    done = scene.forget("ada", remote=True)["systems"]
    assert done["salesforce"].startswith("not deleted")
    assert left in done["salesforce"]


def test_who_was_told_what_when_is_on_record(scene):
    """For a complaint: from whom the opt-out was learnt, to which system it was sent when, what became of it, and who was last seen when."""
    opted_out(scene, "abmatic")
    found = scene.consent("ada")
    [learnt] = [act for act in found["ledger"] if act["state"] == "UNSUBSCRIBED"]
    told = found["told"][0]
    assert learnt["source"] == "abmatic"
    assert (told["system"], told["id"], told["state"], told["status"]) == (
        "salesforce", scene.id("ada", "salesforce"), "UNSUBSCRIBED", "settled",
    )  # fmt: skip
    assert learnt["at"] <= told["at"] <= found["seen_at"]["salesforce"]
    assert any(row["system"] == "salesforce" for row in scene.run(told["run"])["operations"])


def test_whoever_is_forgotten_here_is_said_to_be_still_there(scene):
    """Without --remote the systems keep their rows: each is named once, for afterwards nobody here knows it."""
    scene.linked("ada", opted_out=False)
    rows = {(system, scene.id("ada", system)) for system in ("abmatic", "salesforce")}
    assert {(row["system"], row["id"]) for row in scene.forget("ada")["kept"]} == rows
    assert scene.forget("ada")["kept"] == []


@pytest.mark.law("L6")
def test_an_opt_out_flows_past_the_daily_share(scene):
    """Where our share of Salesforce's calls is spent nothing is read or written there but opt-outs, and the run says so."""
    scene.with_accounts()
    scene.linked("ada", title="CTO", opted_out=False)
    scene.control("limits", {"system": "salesforce", "daily_calls": 15_000})
    scene.settings("systems.salesforce.daily_call_share", 0.0001)
    scene.edit("ada", abmatic={"title": "CEO", "opted_out": True})
    run = scene.sync()
    assert run.exit_code == 5
    assert [(failure.system, failure.kind) for failure in run.failures] == [("salesforce", "quota")]
    assert scene.held("ada", "salesforce", "opted_out") is True
    assert scene.held("ada", "salesforce", "title") == "CTO"
    scene.settings("systems.salesforce.daily_call_share", 1.0)
    scene.quiet(scene.sync())
    scene.expect("ada", title="CEO", opted_out=True)


@pytest.mark.law("L6")
@pytest.mark.parametrize("system", ["abmatic", "salesforce"])
def test_a_grant_opts_nobody_in_whose_address_is_another_by_now(scene, system):
    """A row that has gone to an address that opted out, and was not read since, is read before it is opted in: it stays out."""
    scene.person("bob", abmatic={"opted_out": True}, salesforce={})
    opted_out(scene)
    scene.delete("bob", system)
    scene.edit("ada", **{system: {"email": scene.key("bob")}})
    done = scene.grant("ada", "asked by telephone")["report"]["operations"]
    sent = [row for row in done if row["system"] == system and row["status"] == "settled"]
    assert [change["after"] for row in sent for change in row["changes"] if change["after"] is False] == []
    assert scene.held("bob", system, "opted_out") is True
    assert scene.consented(scene.key("bob"))["state"] == "UNSUBSCRIBED"


@pytest.mark.law("L6")
def test_an_opt_out_in_the_moment_before_an_opt_in_stands(scene, monkeypatch):
    """Whoever opts out in Conversion between our last look and an opt-in stays out, and everybody learns it; a grant lifts it."""
    quick = {"horizon": "1s", "verify_delays": ["0.1s"], "retries": 2, "requests_per_second": 1000}
    scene.settings("systems.conversion", {"base_url": scene.urls["conversion"], "api_key": "env:KEY", **quick})
    scene.mapping("contacts.systems.conversion", {"object": "contacts", "create": True})
    scene.mapping("contacts.fields.email.conversion", "email")
    scene.mapping("contacts.fields.last_name.conversion", "variables.last_name")
    scene.mapping("contacts.fields.subscription.abmatic", "opted_out")
    scene.mapping("contacts.fields.subscription.conversion", {"field": "subscriptionStatus", "subscribe": True})
    scene.linked("ada")
    [row] = scene.table("conversion", "contacts")
    opts_out = {"system": "conversion", "object": "contacts", "id": row["id"], "set": {"subscriptionStatus": "UNSUBSCRIBED"}}  # fmt: skip
    push, told = Writer.push, []

    def late(self, writes):
        if any(write.kind is Kind.SUBSCRIBE for write in writes) and not told:
            told.append(scene.control("edit", opts_out))
        return push(self, writes)

    monkeypatch.setattr(Writer, "push", late)
    scene.edit("ada", abmatic={"opted_out": "SUBSCRIBED"})
    scene.sync(full=True)
    assert told
    assert scene.table("conversion", "contacts")[0]["subscriptionStatus"] == "UNSUBSCRIBED"
    scene.quiet(scene.sync(full=True))
    scene.expect("ada", salesforce={"opted_out": True})
    scene.grant("ada", "a letter of 2 February")
    assert scene.table("conversion", "contacts")[0]["subscriptionStatus"] == "SUBSCRIBED"

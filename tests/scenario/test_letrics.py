"""Letrics: a source that fills what is empty, overwrites nothing, and makes nobody unless the mapping says so."""

import pytest
from scene import BOTH, QUICK

from sync.cli.options import Settings
from sync.cli.workspace import read_workspace
from sync.runner import api
from sync.runner.context import Silence

FILLED = {"first_name": "first_name", "last_name": "last_name", "title": "job_title"}


@pytest.fixture
def fed(scene):
    """The scene with Letrics beside the two systems."""
    scene.control("limits", {"system": "letrics", "requests_per_minute": None})
    scene.config["systems"]["letrics"] = {"base_url": scene.urls["letrics"], "api_key": "env:KEY", **QUICK}
    scene.mappings["contacts"]["systems"]["letrics"] = {"object": "contacts", "mode": "read"}
    scene.mappings["contacts"]["fields"]["email"]["letrics"] = "email"
    for name, path in FILLED.items():
        scene.mappings["contacts"]["fields"][name]["letrics"] = {"field": path, "mode": "fill"}
    scene.write()
    return scene


def known(scene, name, /, company=None, **row):
    """A person as Letrics has collected them, at a company of theirs; the id."""
    scene.known.setdefault(name, "contact")
    company = company or firm(scene)
    own = {
        "email": f"{name}@acme.example",
        "first_name": name.title(),
        "last_name": name.title(),
        "company_id": company,
    }
    return scene.control("edit", {"system": "letrics", "object": "contacts", "create": own | row})["id"]


def firm(scene, **row):
    made = {"name": "Acme", "domain": "acme.example", "tld": "example"} | row
    return scene.control("edit", {"system": "letrics", "object": "companies", "create": made})["id"]


def read_both(scene, secrets):
    workspace = read_workspace(Settings(config=scene.folder / "config.toml"), secrets)
    return workspace.config, workspace.mappings


def nobody_creates(scene):
    for system in BOTH:
        scene.mapping(f"contacts.systems.{system}.create", value=False)


def asked(scene):
    return scene.control("calls?log=true")["letrics"]["log"]


def test_it_fills_what_is_empty_and_overwrites_nothing(fed):
    """An empty title is filled in both systems; a first name that is there stays; and Letrics is never written."""
    fed.linked("ada", first_name="Ada")
    known(fed, "ada", first_name="Adelheid", job_title="Chief")
    fed.quiet(fed.sync())
    fed.expect("ada", title="Chief", first_name="Ada")
    fed.nothing_to_do()
    assert not any(row["write"] for row in asked(fed))


def test_a_person_s_later_word_stands(fed):
    """What Letrics filled is a person's to change; another word of Letrics does not take it back."""
    fed.linked("ada")
    row = known(fed, "ada", job_title="Chief")
    fed.quiet(fed.sync())
    fed.edit("ada", salesforce={"title": "CEO"})
    fed.quiet(fed.sync())
    fed.control("edit", {"system": "letrics", "object": "contacts", "id": row, "set": {"job_title": "Head"}})
    fed.quiet(fed.sync(full=True))
    fed.expect("ada", title="CEO")
    fed.nothing_to_do()


def test_it_creates_nobody_where_the_mapping_does_not_say_so(fed):
    """Somebody only Letrics knows is made in no system whose mapping does not create."""
    nobody_creates(fed)
    known(fed, "eve", job_title="Chief")
    run = fed.quiet(fed.sync())
    assert run.operations == []
    fed.expect("eve", abmatic=None, salesforce=None)


def test_it_creates_people_once_where_the_mapping_says_so(fed):
    """Where the mapping creates, somebody whom only Letrics knows is made once in each system, subscribed to nothing."""
    known(fed, "eve", job_title="Chief")
    fed.quiet(fed.sync())
    fed.expect("eve", first_name="Eve", title="Chief")
    assert fed.held("eve", "salesforce", "opted_out") in (None, False)
    fed.nothing_to_do()
    fed.nothing_to_do()


def test_params_and_where_choose_whom_to_read(fed):
    """`params` and `where` go to the vendor, and what comes back is compared word by word: half a word is nobody."""
    company = firm(fed, industry="Software", tld="io")
    fed.mapping("contacts.systems.letrics.params", {"job_titles": ["manager"], "industries": ["Software"]})
    fed.mapping("contacts.systems.letrics.where", "tlds=io&tlds=com")
    for name, title in (("eve", "Finance Manager"), ("bob", "Managerial Aide"), ("kim", "CTO")):
        known(fed, name, company, job_title=title)
    fed.quiet(fed.sync())
    fed.expect("eve", title="Finance Manager")
    for name in ("bob", "kim"):
        fed.expect(name, abmatic=None, salesforce=None)
    assert fed.control("calls?log=true")["letrics"]["log"]


def test_other_params_read_other_people_and_delete_nobody(fed):
    """Changing the filter reads everything that it now means; people who left it stay where they are."""
    known(fed, "eve", firm(fed), seniority="VP")
    known(fed, "bob", firm(fed, domain="b.example"), seniority="Director")
    fed.mapping("contacts.systems.letrics.params", {"seniorities": ["VP"]})
    fed.quiet(fed.sync())
    fed.expect("bob", abmatic=None, salesforce=None)
    fed.mapping("contacts.systems.letrics.params", {"seniorities": ["Director"]})
    fed.quiet(fed.sync())
    fed.quiet(fed.sync(full=True))
    fed.expect("bob")
    fed.expect("eve")


def test_a_mistyped_filter_stops_letrics_alone(fed):
    """A filter that Letrics has not is named with the right one; the other systems are served."""
    fed.linked("ada", title="CTO")
    fed.mapping("contacts.systems.letrics.params", {"senioritys": ["VP"]})
    known(fed, "eve")
    fed.edit("ada", abmatic={"title": "CEO"})
    run = fed.sync()
    assert run.exit_code == 5
    fed.expect("ada", title="CEO")
    fed.expect("eve", abmatic=None, salesforce=None)
    assert any("senioritys" in note for note in run.to_json().get("notes", [])) or "senioritys" in str(run.to_json())


def test_one_full_name_fills_two_fields(fed):
    """The `split` lens reads first and last name out of one; the last word is the last name."""
    for name, part in (("first_name", "first"), ("last_name", "last")):
        cell = {"field": "full_name", "lens": "split", "part": part, "on": " ", "mode": "fill"}
        fed.mapping(f"contacts.fields.{name}.letrics", cell)
    known(fed, "eve", full_name="Eve Maria van Oak", job_title="Chief")
    fed.quiet(fed.sync())
    fed.expect("eve", first_name="Eve Maria van", last_name="Oak")
    fed.nothing_to_do()


def test_a_private_address_makes_nobody(fed):
    """Somebody with a private address alone has none that may be used: made nowhere, and kept nowhere."""
    mails = [{"email": "eve.home@gmail.com", "type": "personal"}]
    known(fed, "eve", email=None, emails=mails, job_title="Chief")
    fed.quiet(fed.sync())
    for system in BOTH:
        assert fed.table(system, {"abmatic": "contacts", "salesforce": "Contact"}[system]) == []
    assert not fed.state_holds(b"eve.home")


def test_an_opt_out_stands_whatever_letrics_holds(fed):
    """A Letrics record brings back nobody who is out: the flag stays, and the gate had nothing to refuse."""
    fed.linked("ada", opted_out=False)
    fed.edit("ada", salesforce={"opted_out": True})
    fed.quiet(fed.sync())
    known(fed, "ada", job_title="Chief", subscription_status="SUBSCRIBED", opted_out=False)
    fed.quiet(fed.sync())
    assert fed.held("ada", "salesforce", "opted_out") is True
    fed.expect("ada", title="Chief")


def test_a_forgotten_person_is_not_brought_back(fed):
    """Who was erased is not stored again because Letrics still knows them."""
    fed.linked("ada")
    fed.forget("ada")
    known(fed, "ada", job_title="Chief of a secret kind")
    fed.sync(full=True)
    assert not fed.state_holds(b"secret kind")


def test_an_idle_run_asks_once(fed):
    """A run with no news is one walk over the newest companies, in an own window."""
    known(fed, "eve", firm(fed))
    fed.quiet(fed.sync())
    fed.nothing_to_do()
    assert len(asked(fed)) == 1


def test_the_daily_budget_holds_over_runs(fed):
    """Run after run reads no more of a day than was allowed; the count survives the process."""
    company = firm(fed)
    for number in range(12):
        known(fed, f"p{number}", company)
    fed.settings("systems.letrics.daily_records", 5)
    fed.forget_calls()
    for _ in range(3):
        fed.quiet(fed.sync())
    assert sum(row["rows"] or 0 for row in asked(fed)) <= 5
    assert len(fed.table("salesforce", "Contact")) <= 5


def test_companies_fill_accounts(fed):
    """A company of Letrics fills an account's empty fields, by its domain."""
    fed.with_accounts()
    fed.mapping("accounts.systems.letrics", {"object": "companies", "mode": "read"})
    fed.mapping("accounts.fields.domain.letrics", "domain")
    fed.mapping("accounts.fields.city.letrics", {"field": "location", "mode": "fill"})
    fed.account("acme", abmatic={}, salesforce={})
    firm(fed, name="Acme by Letrics", location="Berlin")
    fed.quiet(fed.sync())
    fed.expect("acme", name="Acme", city="Berlin")
    fed.nothing_to_do()


def checked(scene):
    found = api.check(*scene.both, progress=Silence())
    return found, {(row["system"], row["what"]): row for row in found["findings"]}


def test_check_looks_at_every_system_whatever_one_of_them_answers(fed):
    """A key that is refused is one finding of its system; the others are looked at, and nothing is written."""
    fed.person("ada", abmatic={"title": "x" * 300})
    fed.settings("systems.letrics.api_key", "env:BAD")
    found = api.check(*read_both(fed, {"KEY": "sandbox", "BAD": "nobody's"}), progress=Silence())
    rows = {(row["system"], row["what"]): row for row in found["findings"]}
    assert not rows["letrics", "credentials"]["well"] and found["unreachable"] == ["letrics"]
    assert rows["abmatic", "profile"]["well"] and rows["salesforce", "API version"]["well"]
    assert any(row["count"] == 1 for row in found["findings"]), "the title that is too long is still counted"
    assert not any(row["write"] for row in asked(fed))


def test_check_names_a_mistyped_filter(fed):
    """A filter that Letrics has not is drift, with what was meant."""
    fed.mapping("contacts.systems.letrics.params", {"senioritys": ["VP"]})
    found, rows = checked(fed)
    assert found["drift"] and found["unreachable"] == []
    assert "seniorities" in rows["letrics", "mapping"]["remedy"]


def test_check_is_content_with_what_works(fed):
    """With all in order there is nothing to do."""
    known(fed, "eve")
    found, rows = checked(fed)
    assert found["well"], [row for row in found["findings"] if not row["well"]]
    assert rows["letrics", "form"]["detail"] == "POST"

"""The loaded mapping as the other rooms see it."""

import shutil
from pathlib import Path

import pytest

from sync.mapping import NO_REFS, load
from sync.model.values import MISSING

DATA = Path(__file__).parents[2] / "data"
KINDS = {name: name for name in ("abmatic", "salesforce", "conversion", "activecampaign", "letrics")}


def loaded(tmp_path, edit=lambda text: text):
    for name in ("accounts", "every_lens"):
        text = (DATA / f"good_mapping_{name}.toml").read_text()
        (tmp_path / f"{name}.toml").write_text(edit(text))
    return load(tmp_path, KINDS).entities


@pytest.fixture(scope="module")
def entities(tmp_path_factory):
    return loaded(tmp_path_factory.mktemp("mappings"))


@pytest.fixture(scope="module")
def contact(entities):
    return entities["contact"]


def test_systems(contact):
    """A system's settings are as the file has them; paths are those of all its cells, once."""
    salesforce = contact.systems["salesforce"]
    assert (salesforce.objects, salesforce.create, salesforce.deleted) == (("Contact", "Lead"), True, "delete")
    assert (salesforce.external_id, salesforce.where, salesforce.mode) == (
        "CRM_Sync_Id__c",
        "IsPersonAccount = false",
        "both",
    )
    assert salesforce.when.evaluate({"account": {"engagement_score": 70}}) is True
    assert "Abmatic_Tier__c" in salesforce.paths and len(set(salesforce.paths)) == len(salesforce.paths)
    assert contact.systems["letrics"].params == {"seniorities": ["executive"], "industries": ["Software"]}
    assert contact.systems["letrics"].paths.count("full_name") == 1


def test_fields(contact):
    """A field's settings are as the file has them; the order of systems is completed."""
    assert contact.required == ("email",) and contact.match_keys == ("email", "phone")
    assert contact.fields["site"].prefer == (
        "salesforce",
        "abmatic",
        "conversion",
        "activecampaign",
        "letrics",
    )
    assert (contact.fields["last_name"].conflict, contact.fields["site"].conflict) == ("manual", "prefer")
    assert contact.fields["seniority"].default == "Staff" and contact.fields["email"].sensitive
    assert (contact.consent_field, contact.address_field) == ("subscription", "email")
    assert (
        not contact.fields["email"].clearable
        and not contact.fields["phone"].clearable
        and contact.fields["site"].clearable
    )


@pytest.mark.parametrize(
    ("field", "system", "reads", "writes"),
    [
        ("email", "salesforce", True, True),
        ("email", "letrics", True, False),
        ("email", "conversion", False, True),
        ("score", "salesforce", False, True),
        ("tier", "salesforce", False, True),
        ("rating", "salesforce", False, True),
        ("full_name", "conversion", False, True),
        ("first_name", "letrics", True, False),
        ("account", "conversion", False, True),
    ],
)
def test_directions(contact, field, system, reads, writes):
    """A cell's direction follows from its own mode, what it is made of, and its system."""
    cell = contact.fields[field].cells[system]
    assert (cell.reads, cell.writes) == (reads, writes)


def test_sources(contact):
    """A cell writes its field, a join of several, or what an expression makes of them."""
    values = {"first_name": "Ada", "last_name": "Quill", "score": 85, "email": "a@b.c"}
    source = {
        field: next(iter(contact.fields[field].cells.values())).source(values, {})
        for field in ("email", "full_name", "rating", "tier")
    }
    assert source == {"email": "a@b.c", "full_name": "Ada Quill", "rating": "Hot", "tier": None}, (
        "tier is computed by the merge"
    )
    assert contact.fields["full_name"].cells["conversion"].source({"last_name": "Quill"}, {}) == "Quill"
    assert contact.fields["full_name"].cells["conversion"].source({}, {}) is None


def test_a_blank_parent_name_clears(contact):
    """A ref written as the name of its target is blank where the target has no name."""
    assert contact.fields["account"].cells["conversion"].put("rec1", "Old", NO_REFS) is None
    assert contact.fields["account"].cells["conversion"].put(None, MISSING, NO_REFS) is None


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("domain", "acme.example.com", "acme.example.com"),
        ("domain", "WWW.Acme.com", "acme.com"),
        ("domain", "gmail.com", None),
        ("domain", "co.uk", None),
        ("domain", "n/a", None),
        ("domain", "10.0.0.1", None),
        ("domain", None, None),
        ("name", " Acme\u00a0 Inc ", "acme inc"),
    ],
)
def test_account_keys(entities, field, value, expected):
    """Free-mail domains, public suffixes and blanks never match an account."""
    assert entities["account"].key_of(field, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Info@GMAIL.com", "info@gmail.com"),
        ("ada@b\u00fccher.de", "ada@xn--bcher-kva.de"),
        ("nobody", None),
        ("", None),
        (MISSING, None),
    ],
)
def test_contact_keys(contact, value, expected):
    """People match by their address, role and free mail too."""
    assert contact.key_of("email", value) == expected


def test_fingerprints(entities, tmp_path):
    """A fingerprint changes with the translation of its own cell, and with nothing else."""
    before = {
        (name, system): cell.fingerprint
        for name, field in entities["contact"].fields.items()
        for system, cell in field.cells.items()
    }
    after = loaded(
        tmp_path,
        lambda text: text.replace('chief = "C-Level"', 'boss = "C-Level"').replace(
            'conflict = "manual"', 'conflict = "latest"'
        ),
    )
    changed = {
        (name, system)
        for name, field in after["contact"].fields.items()
        for system, cell in field.cells.items()
        if before[name, system] != cell.fingerprint
    }
    assert changed == {("seniority", "abmatic")}


def test_good_files_are_clean(tmp_path):
    """The good examples load without a note."""
    for file in DATA.glob("good_mapping_*.toml"):
        shutil.copy(file, tmp_path)
    assert load(tmp_path, KINDS).notes == ()


SECRETS = """
entity = "contact"
[match]
keys = ["email"]
[systems.salesforce]
object = "Contact"
[systems.conversion]
object = "contacts"
[fields.email]
type = "email"
salesforce = "Email"
conversion = "email"
[fields.pay]
type = "integer"
sensitive = true
salesforce = "Pay__c"
[fields.name]
salesforce = "Name"
[fields.band]
compute = '(pay ?? 0) > 9 ? "high" : "low"'
conversion = "variables.band"
[fields.verdict]
compute = '(band ?? "") + "!"'
conversion = "variables.verdict"
[fields.card]
conversion = { field = "variables.card", lens = "join", of = ["name", "pay"] }
[fields.word]
compute = '(name ?? "") + "pay"'
conversion = "variables.word"
[fields.account]
type = "ref"
entity = "account"
salesforce = "AccountId"
conversion = { field = "variables.site", of = "site" }
[fields.worth]
compute = 'account.worth'
conversion = "variables.worth"
"""
COMPANIES = """
entity = "account"
[match]
keys = ["site"]
[systems.salesforce]
object = "Account"
[fields.site]
type = "domain"
sensitive = true
salesforce = "Website"
[fields.worth]
sensitive = true
salesforce = "Worth__c"
"""


def test_what_is_made_of_a_sensitive_field_is_sensitive(tmp_path):
    """Through compute, join, a ref's `of` and a parent's field; a word in a text is no name. Ids that are a sensitive value are, too."""
    (tmp_path / "contacts.toml").write_text(SECRETS)
    (tmp_path / "accounts.toml").write_text(COMPANIES)
    found = load(tmp_path, KINDS).entities["contact"]
    hidden = {name for name, field in found.fields.items() if field.sensitive}
    assert hidden == {"pay", "band", "verdict", "card", "account", "worth"} and found.hidden_ids == frozenset()
    (tmp_path / "contacts.toml").write_text(SECRETS.replace('type = "email"', 'type = "email"\nsensitive = true'))
    assert load(tmp_path, KINDS).entities["contact"].hidden_ids == {"conversion"}

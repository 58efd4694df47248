"""The mapping against a live schema, and records against it."""

from dataclasses import replace
from pathlib import Path

import pytest

from sync.mapping import check_laws, drift, failing, load
from sync.model.remote import FieldSchema, ObjectSchema

SHIPPED = Path(__file__).parents[3] / "mappings"
TIERS = ("Hot", "Warm", "Cold")
LEVELS = ("C-Level", "VP", "Director", "Manager", "Staff")
NATIVE = {
    "CRM_Sync_Id__c": FieldSchema("CRM_Sync_Id__c", "string", length=64, unique=True, external_id=True),
    "Email": FieldSchema("Email", "email", length=80),
    "FirstName": FieldSchema("FirstName", "string", length=40),
    "LastName": FieldSchema("LastName", "string", length=80, required=True),
    "Title": FieldSchema("Title", "string", length=128),
    "Phone": FieldSchema("Phone", "phone", length=40),
    "AccountId": FieldSchema("AccountId", "reference", refers_to=("Account",)),
    "HasOptedOutOfEmail": FieldSchema("HasOptedOutOfEmail", "boolean"),
    "Seniority__c": FieldSchema("Seniority__c", "picklist", length=255, values=LEVELS, restricted=True),
    "Abmatic_Score__c": FieldSchema("Abmatic_Score__c", "double", precision=3, scale=0),
    "Abmatic_Tier__c": FieldSchema("Abmatic_Tier__c", "picklist", length=255, values=TIERS, restricted=True),
}


@pytest.fixture(scope="module")
def contact():
    return load(SHIPPED, {"abmatic": "abmatic", "salesforce": "salesforce"}).entities["contact"]


def schema(**changes):
    fields = {**NATIVE, **{path: field and replace(field, path=path) for path, field in changes.items()}}
    return {"Contact": ObjectSchema("Contact", {path: field for path, field in fields.items() if field})}


def test_what_fits_is_silent(contact):
    """The shipped mapping fits the schema it was made for; what is not described is not judged."""
    assert drift(contact, "salesforce", schema()) == []
    assert drift(contact, "abmatic", {}) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Title": None, "Titel": NATIVE["Title"]}, "Title hides Titel"),
        ({"HasOptedOutOfEmail": None}, "HasOptedOutOfEmail hides"),
        ({"Title": replace(NATIVE["Title"], createable=False, updateable=False)}, "Title written"),
        ({"Abmatic_Score__c": replace(NATIVE["Abmatic_Score__c"], type="boolean")}, "Abmatic_Score__c boolean integer"),
        ({"Email": replace(NATIVE["Email"], type="double")}, "Email double email"),
        ({"HasOptedOutOfEmail": replace(NATIVE["HasOptedOutOfEmail"], type="date")}, "HasOptedOutOfEmail date consent"),
        ({"Seniority__c": replace(NATIVE["Seniority__c"], length=5)}, "Seniority__c 5 8"),
        (
            {"Abmatic_Tier__c": replace(NATIVE["Abmatic_Tier__c"], values=("Hot", "Cold", "Warmish"))},
            "Abmatic_Tier__c 'Warm' 'Warmish'",
        ),
        ({"Department": FieldSchema("Department", "string", required=True)}, "Department created"),
        ({"CRM_Sync_Id__c": replace(NATIVE["CRM_Sync_Id__c"], unique=False)}, "CRM_Sync_Id__c unique"),
        ({"CRM_Sync_Id__c": None}, "CRM_Sync_Id__c record id"),
    ],
)
def test_what_does_not_fit(contact, changes, words):
    """Each mismatch is told once, with file, line, native field and remedy."""
    (found,) = drift(contact, "salesforce", schema(**changes))
    assert found.file == "mappings/contacts.toml" and found.line and found.remedy
    assert not [word for word in words.split() if word not in f"{found.message} {found.remedy}"], found


def test_an_open_object_takes_any_path(contact):
    """Where other paths may exist, a path that is not described is no mistake."""
    open_schema = {"Contact": ObjectSchema("Contact", {}, open=True)}
    assert drift(contact, "salesforce", open_schema) == []


def test_no_right_to_create(contact):
    """A user who may not create is told of."""
    closed = {"Contact": replace(schema()["Contact"], createable=False)}
    assert "may not create" in drift(contact, "salesforce", closed)[0].message


GOOD = {"email": "a@b.c", "last_name": "Quill", "seniority": "VP", "engagement_score": 85}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, []),
        ({"title": "x" * 129}, [("too_long", "title")]),
        ({"seniority": "Wizard"}, [("picklist", "seniority")]),
        ({"engagement_score": 1000}, [("number_range", "engagement_score")]),
        ({"email": "nobody"}, [("email", "email")]),
        ({"last_name": None}, [("required", "last_name"), ("required", "last_name")]),
    ],
)
def test_failing(contact, values, expected):
    """A record that would be refused is told with rule and field, and without its value."""
    found = failing(contact, "salesforce", schema(), {**GOOD, **values})
    assert [(rule, field) for rule, field, _ in found] == expected
    assert not [value for value in values.values() if value and str(value) in str(found)]


def test_sampled_rows_keep_the_laws(contact):
    """Rows as vendors send them pass; a lens that breaks PutGet is told with its line and no value."""
    rows = [
        {"Email": "A@b.c", "Title": " CTO ", "Seniority__c": "vp", "HasOptedOutOfEmail": False, "AccountId": "001"},
        {"Email": None},
    ]
    assert check_laws(contact, "salesforce", rows) == []
    cells = dict(contact.systems["salesforce"].cells)
    lens = replace(cells["title"].lens, put=lambda _value, _before, _refs: "other")
    cells["title"] = replace(cells["title"], lens=lens)
    systems = {"salesforce": replace(contact.systems["salesforce"], cells=cells)}
    (found,) = check_laws(replace(contact, systems=systems), "salesforce", rows)
    assert found.line and "1 of 2" in found.message and "CTO" not in found.message

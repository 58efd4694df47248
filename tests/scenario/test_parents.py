"""What is written, or decided, by the fields of a parent follows the parent."""

import pytest

TIER = '(account.employees ?? 0) >= 100 ? "Hot" : "Cold"'


@pytest.fixture
def staff(scene):
    """A person of a company with fifty people, linked in both systems."""
    scene.with_accounts()
    employees = {"type": "integer", "abmatic": "employee_count", "salesforce": "NumberOfEmployees"}
    scene.mapping("accounts.fields.employees", employees)
    scene.account("acme", abmatic={"employees": 50})
    scene.sync()
    scene.person("ada", abmatic={"account": scene.id("acme", "abmatic")})
    return scene


def tier(scene):
    return scene.rows("ada", "salesforce")[0]["Abmatic_Tier__c"]


@pytest.mark.parametrize(
    "cell",
    [
        {"compute": TIER, "salesforce": "Abmatic_Tier__c"},
        {"salesforce": {"field": "Abmatic_Tier__c", "expr": TIER, "mode": "write"}},
    ],
    ids=["compute", "expr"],
)
def test_an_expression_over_the_parent_is_written_and_follows_it(staff, cell):
    """A tier made of the company's size is written as it was computed, and again when the company grows, though nobody touched the person."""
    staff.mapping("contacts.fields.tier", {"type": "string", **cell})
    staff.quiet(staff.sync())
    assert tier(staff) == "Cold"
    staff.edit("acme", abmatic={"employees": 500})
    run = staff.quiet(staff.sync())
    assert tier(staff) == "Hot"
    assert {row["entity"] for row in run.operations} == {"account", "contact"}
    staff.nothing_to_do()
    assert staff.verify()["unexplained"] == []


def test_a_condition_over_the_parent_is_asked_again_when_the_parent_changes(staff):
    """A person is created once the company is large enough, by the run that learns of it, and not before."""
    staff.mapping("contacts.systems.salesforce.when", "(account.employees ?? 0) >= 100")
    staff.sync()
    assert staff.rows("ada", "salesforce") == []
    staff.edit("acme", abmatic={"employees": 500})
    staff.sync()
    assert len(staff.rows("ada", "salesforce")) == 1
    staff.nothing_to_do()


def test_the_parent_s_name_follows_the_parent(staff):
    """A reference that is written as the company's name is written again when the company is renamed."""
    staff.mapping("contacts.fields.account.salesforce", {"field": "Department", "of": "name"})
    staff.quiet(staff.sync())
    name = staff.rows("ada", "salesforce")[0]["Department"]
    staff.edit("acme", abmatic={"name": "Acme Renamed"})
    staff.quiet(staff.sync())
    assert name != staff.rows("ada", "salesforce")[0]["Department"] == "Acme Renamed"
    staff.nothing_to_do()

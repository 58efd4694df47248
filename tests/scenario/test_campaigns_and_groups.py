"""Campaigns and groups: what Abmatic runs reaches Salesforce with its numbers; membership and new groups."""

import shutil
import sqlite3
import tomllib
from contextlib import closing

import pytest
from scene import BOTH, ROOT

OWN = {"system": "abmatic", "object": "campaigns"}
GROUPS = {
    "entity": "group",
    "match": {"keys": ["name"]},
    "systems": {
        "abmatic": {"object": "groups", "create": True},
        "salesforce": {"object": "Campaign", "mode": "read", "where": "Type = 'Target Group'"},
    },
    "fields": {"name": {"type": "string", "required": True, "abmatic": "name", "salesforce": "Name"}},
}


@pytest.fixture
def shipped(scene):
    """The shipped mappings of campaigns and groups beside the accounts of the scene."""
    scene.with_accounts()

    def ship(name):
        shutil.copy(ROOT / "mappings" / f"{name}.toml", scene.folder / "mappings" / f"{name}.toml")

    scene.ship = ship
    return scene


def campaign(scene, row=None, **values):
    change = {"create": values} if row is None else {"id": row, "set": values}
    return scene.control("edit", {**OWN, **change})["id"]


def campaigns(scene):
    return {row["Name"]: row for row in scene.table("salesforce", "Campaign")}


def group(scene, name, members):
    return scene.control(
        "edit", {"system": "abmatic", "object": "groups", "create": {"name": name, "members": members}}
    )


def test_campaign_with_its_numbers(shipped):
    """A campaign that runs in Abmatic becomes one in Salesforce, with status and analytics, and follows both."""
    shipped.ship("campaigns")
    row = campaign(shipped, name="Spring", status="active", analytics={"impressions": 1200, "conversions": 14})
    shipped.quiet(shipped.sync())
    [made] = campaigns(shipped).values()
    assert (made["Name"], made["Status"], made["IsActive"]) == ("Spring", "In Progress", True)
    assert (made["Abmatic_Impressions__c"], made["Abmatic_Conversions__c"]) == (1200, 14)
    campaign(shipped, row, name="Summer", status="completed", analytics={"impressions": 1300, "conversions": 15})
    shipped.quiet(shipped.sync())
    [moved] = campaigns(shipped).values()
    assert (moved["Id"], moved["Name"], moved["Status"], moved["IsActive"]) == (
        made["Id"],
        "Summer",
        "Completed",
        False,
    )
    assert moved["Abmatic_Impressions__c"] == 1300
    shipped.nothing_to_do()


def test_campaign_that_is_there(shipped):
    """A Salesforce campaign of that name is linked, not made again; its own numbers are put right."""
    shipped.ship("campaigns")
    made = {"Name": "Spring", "IsActive": False, "Abmatic_Impressions__c": 7}
    there = shipped.control("edit", {"system": "salesforce", "object": "Campaign", "create": made})["id"]
    campaign(shipped, name="spring", status="active", analytics={"impressions": 1200, "conversions": 14})
    shipped.quiet(shipped.sync())
    [row] = shipped.table("salesforce", "Campaign")
    assert (row["Id"], row["Abmatic_Impressions__c"], row["IsActive"]) == (there, 1200, True)


def test_campaign_of_salesforce_alone(shipped):
    """What Salesforce runs alone is left as it is."""
    shipped.ship("campaigns")
    made = {"Name": "Trade fair", "IsActive": True, "Status": "Completed"}
    shipped.control("edit", {"system": "salesforce", "object": "Campaign", "create": made})
    shipped.quiet(shipped.sync())
    shipped.forget_calls()
    shipped.quiet(shipped.sync(full=True))
    assert shipped.writes() == 0
    assert campaigns(shipped)["Trade fair"]["IsActive"] is True


def test_member_of_the_mapped_campaign(shipped):
    """An event of an Abmatic campaign makes the person a member of the Salesforce campaign that was made of it."""
    from test_streams import event, route

    shipped.ship("campaigns")
    row = campaign(shipped, name="Spring", status="active")
    shipped.linked("ada")
    route(shipped, {"on": "abmatic:conversion.tracked", "to": "salesforce", "object": "CampaignMember", "fields": {"Status": "Responded"}})  # fmt: skip
    event(shipped, "conversion.tracked", contact_id=shipped.id("ada", "abmatic"), campaign_id=row)
    shipped.quiet(shipped.sync())
    [member] = shipped.table("salesforce", "CampaignMember")
    assert member["CampaignId"] == campaigns(shipped)["Spring"]["Id"]
    assert member["ContactId"] == shipped.id("ada", "salesforce")


def test_membership(shipped):
    """The names of an account's groups stand in the picklist; a change of membership follows, others' picks are put right."""
    fields = dict(zip(BOTH, ("groups", "Abmatic_Groups__c"), strict=True))
    shipped.mapping("accounts.fields.groups", {"type": "multi", "owner": "abmatic", **fields})
    shipped.account("acme", abmatic={})
    shipped.quiet(shipped.sync())
    own = shipped.id("acme", "abmatic")
    group(shipped, "Tier 1", [own])
    second = group(shipped, "Fintech", [own])["id"]
    shipped.quiet(shipped.sync())
    assert picks(shipped) == ["Fintech", "Tier 1"]
    shipped.control("edit", {"system": "abmatic", "object": "groups", "id": second, "set": {"members": []}})
    shipped.quiet(shipped.sync())
    assert picks(shipped) == ["Tier 1"]
    shipped.nothing_to_do()


def test_membership_is_only_shown(shipped):
    """Membership changed in Salesforce cannot be written to Abmatic: nothing is tried, and verify explains the difference."""
    fields = dict(zip(BOTH, ("groups", "Abmatic_Groups__c"), strict=True))
    shipped.mapping("accounts.fields.groups", {"type": "multi", **fields})
    shipped.account("acme", abmatic={})
    shipped.quiet(shipped.sync())
    shipped.edit("acme", salesforce={"Abmatic_Groups__c": "Tier 1"})
    shipped.quiet(shipped.sync())
    verdict = shipped.verify()
    assert verdict["unexplained"] == []
    assert [row["why"] for row in verdict["explained"]] == ["one-way: this side is read, not written"]


def picks(scene):
    return sorted((scene.rows("acme", "salesforce")[0]["Abmatic_Groups__c"] or "").split(";"))


def test_group_from_a_campaign(shipped):
    """Where the mapping says so, a Salesforce campaign of that type becomes a target group in Abmatic, once."""
    shipped.mappings["groups"] = GROUPS
    shipped.write()
    for name, kind in (("Fintech", "Target Group"), ("Trade fair", "Conference")):
        made = {"Name": name, "Type": kind, "IsActive": True}
        shipped.control("edit", {"system": "salesforce", "object": "Campaign", "create": made})
    shipped.quiet(shipped.sync())
    assert [row["name"] for row in shipped.table("abmatic", "groups")] == ["Fintech"]
    shipped.nothing_to_do()


@pytest.mark.law("L10")
def test_a_group_that_the_picklist_cannot_hold_stops_itself_alone(shipped):
    """A name with the picklist's own separator has no word there: that account waits for a person, and everything else goes on."""
    fields = dict(zip(BOTH, ("groups", "Abmatic_Groups__c"), strict=True))
    shipped.mapping("accounts.fields.groups", {"type": "multi", "owner": "abmatic", **fields})
    for name in ("one", "two"):
        shipped.account(name, abmatic={"name": name, "city": "Bonn"})
    shipped.quiet(shipped.sync())
    group(shipped, "Tier 1; Tier 2", [shipped.id("one", "abmatic")])
    shipped.edit("two", abmatic={"city": "Kiel"})
    assert shipped.sync().exit_code == 3
    [row] = shipped.quarantine()
    assert (row["error"], row["system"], row["field"]) == ("UNMAPPED_VALUE", "salesforce", "groups")
    assert shipped.held("two", "salesforce", "city") == "Kiel"


def test_campaigns_and_groups_of_one_object(shipped):
    """Each reads its own rows of the object, and goes on from its own place."""
    shipped.mappings["campaigns"] = tomllib.loads((ROOT / "mappings" / "campaigns.toml").read_text())
    shipped.mapping("campaigns.systems.salesforce.where", "Type != 'Target Group'")
    shipped.mappings["groups"] = GROUPS
    shipped.write()
    for name, kind in (("Fintech", "Target Group"), ("Trade fair", "Conference")):
        made = {"Name": name, "Type": kind, "IsActive": True}
        shipped.control("edit", {"system": "salesforce", "object": "Campaign", "create": made})
    campaign(shipped, name="Spring", status="active")
    shipped.quiet(shipped.sync())
    assert [row["name"] for row in shipped.table("abmatic", "groups")] == ["Fintech"]
    assert set(campaigns(shipped)) == {"Fintech", "Trade fair", "Spring"}
    shipped.quiet(shipped.sync())
    shipped.nothing_to_do()
    with closing(sqlite3.connect(shipped.folder / "state.db")) as state:
        places = state.execute("SELECT cursor FROM cursor WHERE system = 'salesforce' AND object = 'Campaign'")
        assert len(places.fetchall()) == 2


def test_group_in_doubt(shipped):
    """A group whose answer was lost is looked up by its name: one group in the end."""
    shipped.mappings["groups"] = GROUPS
    shipped.write()
    made = {"Name": "Fintech", "Type": "Target Group", "IsActive": True}
    shipped.control("edit", {"system": "salesforce", "object": "Campaign", "create": made})
    shipped.fault("abmatic", "drop_after", method="POST", path="groups", times=1)
    shipped.sync()
    shipped.sync()
    assert [row["name"] for row in shipped.table("abmatic", "groups")] == ["Fintech"]
    shipped.quiet(shipped.sync())


def with_activecampaign(scene):
    quick = {"horizon": "1s", "verify_delays": ["0.1s"], "retries": 2, "requests_per_minute": 60000}
    scene.settings("systems.activecampaign", {"base_url": scene.urls["activecampaign"], "api_key": "env:KEY", **quick})


def tag(scene, name):
    scene.control("edit", {"system": "activecampaign", "object": "tags", "create": {"tag": name, "tagType": "contact"}})


def test_group_from_a_tag(shipped):
    """A tag that begins with abm: becomes a target group; any other tag is not even read."""
    with_activecampaign(shipped)
    shipped.ship("groups")
    for name in ("abm:Fintech", "Customer"):
        tag(shipped, name)
    group(shipped, "Tier 1", [])
    tag(shipped, "abm:tier 1")
    shipped.quiet(shipped.sync())
    assert sorted(row["name"] for row in shipped.table("abmatic", "groups")) == ["Fintech", "Tier 1"]
    assert not shipped.state_holds(b"Customer")
    shipped.nothing_to_do()


def test_groups_of_the_company_as_tags(shipped):
    """A person wears the groups of the company as tags that begin with abm:; other tags stay as they are."""
    with_activecampaign(shipped)
    groups = {"type": "multi", "owner": "abmatic", "abmatic": "groups", "salesforce": {"field": "Abmatic_Groups__c", "mode": "write"}}  # fmt: skip
    shipped.mapping("accounts.fields.groups", groups)
    shipped.mapping("contacts.systems.activecampaign", {"object": "contacts", "create": True})
    for name, path in (("email", "email"), ("last_name", "lastName")):
        shipped.mapping(f"contacts.fields.{name}.activecampaign", path)
    worn = {"type": "multi", "compute": "account.groups", "activecampaign": {"field": "tags", "prefix": "abm:"}}
    shipped.mapping("contacts.fields.groups", worn)
    shipped.account("acme", abmatic={})
    shipped.quiet(shipped.sync())
    company = shipped.id("acme", "abmatic")
    shipped.person("ada", abmatic={"account": company})
    own = {"email": "ada@acme.example", "lastName": "Ada", "tags": ["Customer"]}
    shipped.control("edit", {"system": "activecampaign", "object": "contacts", "create": own})
    group(shipped, "Tier 1", [company])
    for _ in range(2):
        shipped.quiet(shipped.sync())
    assert tags(shipped) == ["Customer", "abm:Tier 1"]
    shipped.nothing_to_do()


def tags(scene):
    dump = scene.control("dump?system=activecampaign")
    names = {row["id"]: row["tag"] for row in dump["tags"]}
    return sorted(names[row["tag"]] for row in dump["contactTags"] if not row["_deleted"])

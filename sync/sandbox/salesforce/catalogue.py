"""The objects of the emulated org as text: standard fields of apis/salesforce.md 5.1, custom ones of the contract.

One field a line: name, type with its size, then flags.

* ``required`` not nillable · ``ro`` read-only · ``c`` createable only · ``u`` updateable only · ``default=X``
* ``values=SET`` · ``restricted`` · ``of=COMPOUND`` a component
* ``to=A,B rel=NAME`` a reference · ``cascade`` the child is deleted with its parent
* ``ext`` external id · ``unique`` · ``exact`` case-sensitive · ``lookup`` idLookup
"""

from __future__ import annotations

VALUE_SETS = {
    "industry": "Agriculture|Apparel|Banking|Biotechnology|Chemicals|Communications|Construction|Consulting|"
    "Education|Electronics|Energy|Engineering|Entertainment|Environmental|Finance|Food & Beverage|Government|"
    "Healthcare|Hospitality|Insurance|Machinery|Manufacturing|Media|Not For Profit|Recreation|Retail|Shipping|"
    "Technology|Telecommunications|Transportation|Utilities|Other|-Dot-com",
    "account_type": "Prospect|Customer - Direct|Customer - Channel|Channel Partner / Reseller|Installation Partner|"
    "Technology Partner|Other",
    "rating": "Hot|Warm|Cold",
    "source": "Web|Phone Inquiry|Partner Referral|Purchased List|Other",
    "lead_status": "Open - Not Contacted|Working - Contacted|Closed - Converted|Closed - Not Converted",
    "ownership": "Public|Private|Subsidiary|Other",
    "salutation": "Mr.|Ms.|Mrs.|Dr.|Prof.|Mx.",
    "clean": "Matched|Different|Acknowledged|NotFound|Inactive|Pending|SelectMatch|Skipped",
    "campaign_type": "Conference|Webinar|Trade Show|Public Relations|Partners|Referral Program|Advertisement|Email|"
    "Other",
    "campaign_status": "Planned|In Progress|Completed|Aborted",
    "member_status": "Sent|Responded",
    "task_status": "Not Started|In Progress|Completed|Waiting on someone else|Deferred",
    "priority": "High|Normal|Low",
    "subject": "Call|Email|Send Letter|Send Quote|Other",
    "subtype": "Task|Email|ListEmail|Cadence|Call",
    "call_type": "Internal|Inbound|Outbound",
    "seniority": "C-Level|VP|Director|Manager|Staff",
    "groups": "Tier 1|Tier 2|Tier 3|Enterprise|Mid-Market",
    "yes_no": "Yes|No",
}

SYSTEM = """
Id id:18 ro required default=- lookup
IsDeleted boolean ro required
CreatedDate datetime ro required
CreatedById reference:18 ro required to=User rel=CreatedBy
LastModifiedDate datetime ro required
LastModifiedById reference:18 ro required to=User rel=LastModifiedBy
SystemModstamp datetime ro required
"""

OURS = """
CRM_Sync_Id__c string:64 ext unique exact lookup
Abmatic_Id__c string:64 ext exact lookup
"""

SCORED = """
Abmatic_Score__c double:3,0
Abmatic_Tier__c picklist:255 restricted values=rating
Abmatic_Groups__c multipicklist:4099 values=groups
"""


def address(prefix: str) -> str:
    """The compound field and its components; `prefix` is empty on Lead."""
    whole = f"{prefix}Address"
    parts = "Street textarea:255|City string:40|State string:80|PostalCode string:20|Country string:80"
    lines = [f"{prefix}{part} of={whole}" for part in parts.split("|")]
    lines += [f"{prefix}{part} double:18,15 of={whole}" for part in ("Latitude", "Longitude")]
    return "\n".join([*lines, f"{prefix}GeocodeAccuracy picklist:40 of={whole}", f"{whole} address ro"])


PERSON = """
LastName string:80 required of=Name
FirstName string:40 of=Name
Salutation picklist:40 values=salutation of=Name
Name string:121 ro required default=-
Title string:128
Email email:80 lookup
Phone phone:40
MobilePhone phone:40
Fax phone:40
Description textarea:32000
OwnerId reference:18 required to=User rel=Owner
HasOptedOutOfEmail boolean required
HasOptedOutOfFax boolean required
DoNotCall boolean required
IsEmailBounced boolean ro required
IndividualId reference:18 ro to=User rel=Individual
LastActivityDate date ro
Jigsaw string:20
"""

ACCOUNT = (
    """
MasterRecordId reference:18 ro to=Account rel=MasterRecord
Name string:255 required
Type picklist:40 values=account_type
ParentId reference:18 to=Account rel=Parent
"""
    + address("Billing")
    + "\n"
    + address("Shipping")
    + """
Phone phone:40
Fax phone:40
AccountNumber string:40
Website url:255
Sic string:20
Industry picklist:40 values=industry
AnnualRevenue currency:18,0
NumberOfEmployees int:8
Ownership picklist:40 values=ownership
TickerSymbol string:20
Description textarea:32000
Rating picklist:40 values=rating
Site string:80
OwnerId reference:18 required to=User rel=Owner
LastActivityDate date ro
Jigsaw string:20
CleanStatus picklist:40 restricted values=clean
AccountSource picklist:40 values=source
DunsNumber string:9
NaicsCode string:8
YearStarted string:4
SicDesc string:80
IsPersonAccount boolean ro required
"""
    + OURS
    + SCORED
)

CONTACT = (
    """
MasterRecordId reference:18 ro to=Contact rel=MasterRecord
AccountId reference:18 to=Account rel=Account cascade
"""
    + PERSON
    + address("Mailing")
    + "\n"
    + address("Other")
    + """
HomePhone phone:40
OtherPhone phone:40
AssistantPhone phone:40
AssistantName string:40
ReportsToId reference:18 to=Contact rel=ReportsTo
Department string:80
LeadSource picklist:255 values=source
Birthdate date
EmailBouncedReason string:255
EmailBouncedDate datetime
IsPersonAccount boolean ro required
CleanStatus picklist:40 restricted values=clean
Seniority__c picklist:255 restricted values=seniority
"""
    + OURS
    + SCORED
)

LEAD = (
    """
MasterRecordId reference:18 ro to=Lead rel=MasterRecord
Company string:255 required
"""
    + PERSON
    + address("")
    + """
Website url:255
LeadSource picklist:255 values=source
Status picklist:255 required values=lead_status default=Open_-_Not_Contacted
Industry picklist:255 values=industry
Rating picklist:255 values=rating
AnnualRevenue currency:18,0
NumberOfEmployees int:8
IsConverted boolean c required
ConvertedDate date ro
ConvertedAccountId reference:18 ro to=Account rel=ConvertedAccount
ConvertedContactId reference:18 ro to=Contact rel=ConvertedContact
ConvertedOpportunityId reference:18 ro
IsUnreadByOwner boolean required
EmailBouncedReason string:255 u
EmailBouncedDate datetime u
Seniority__c picklist:255 restricted values=seniority
"""
    + OURS
    + SCORED
)

CAMPAIGN = (
    """
Name string:80 required
ParentId reference:18 to=Campaign rel=Parent
Type picklist:40 values=campaign_type
Status picklist:40 values=campaign_status default=Planned
StartDate date
EndDate date
ExpectedRevenue currency:18,0
BudgetedCost currency:18,0
ActualCost currency:18,0
ExpectedResponse percent:10,2
NumberSent double:18,0
IsActive boolean required
Description textarea:32000
NumberOfLeads int:9 ro required default=0
NumberOfContacts int:9 ro required default=0
NumberOfResponses int:9 ro required default=0
OwnerId reference:18 required to=User rel=Owner
LastActivityDate date ro
Abmatic_Impressions__c double:18,0
Abmatic_Conversions__c double:18,0
"""
    + OURS
)

CAMPAIGN_MEMBER = """
CampaignId reference:18 c required to=Campaign rel=Campaign cascade
LeadId reference:18 c to=Lead rel=Lead cascade
ContactId reference:18 c to=Contact rel=Contact cascade
Status picklist:40 values=member_status default=Sent
HasResponded boolean ro required
FirstRespondedDate date ro
LeadOrContactId reference:18 ro to=Contact,Lead rel=LeadOrContact
LeadOrContactOwnerId reference:18 ro to=User rel=LeadOrContactOwner
CompanyOrAccount string:255 ro
Name string:121 ro
FirstName string:40 ro
LastName string:80 ro
Title string:128 ro
Email email:80 ro
Phone phone:40 ro
HasOptedOutOfEmail boolean ro required
"""

TASK = """
WhoId reference:18 to=Contact,Lead rel=Who cascade
WhatId reference:18 to=Account,Campaign rel=What cascade
Subject combobox:255 values=subject
ActivityDate date
Status picklist:255 required values=task_status default=Not_Started
Priority picklist:255 required values=priority default=Normal
IsHighPriority boolean ro required
OwnerId reference:18 required to=User rel=Owner
Description textarea:32000
AccountId reference:18 ro to=Account rel=Account
IsClosed boolean ro required
IsArchived boolean ro required
CallDurationInSeconds int:8
CallType picklist:40 values=call_type
CallDisposition string:255
CallObject string:255
TaskSubtype picklist:40 c restricted values=subtype default=Task
"""

USER = """
Username string:80 ro required default=-
LastName string:80 ro required default=- of=Name
FirstName string:40 ro of=Name
Name string:121 ro required default=-
Email email:128 ro required default=- lookup
Alias string:8 ro
IsActive boolean ro required
UserType picklist:40 ro
ProfileId string:18 ro
TimeZoneSidKey picklist:40 ro
LocaleSidKey picklist:40 ro
"""

ORGANIZATION = """
Name string:80 ro required default=-
InstanceName string:5 ro
IsSandbox boolean ro required
OrganizationType picklist:40 ro
LanguageLocaleKey picklist:40 ro
TimeZoneSidKey picklist:40 ro
NamespacePrefix string:15 ro
"""

PREFIXES = {
    "Account": "001",
    "Contact": "003",
    "Lead": "00Q",
    "Campaign": "701",
    "CampaignMember": "00v",
    "Task": "00T",
    "User": "005",
    "Organization": "00D",
}

OBJECTS = {
    "Account": ACCOUNT,
    "Contact": CONTACT,
    "Lead": LEAD,
    "Campaign": CAMPAIGN,
    "CampaignMember": CAMPAIGN_MEMBER,
    "Task": TASK,
    "User": USER,
    "Organization": ORGANIZATION,
}

CHILD_NAMES = {
    ("Contact", "AccountId"): "Contacts",
    ("Contact", "ReportsToId"): "ReportsTo",
    ("Account", "ParentId"): "ChildAccounts",
    ("Campaign", "ParentId"): "ChildCampaigns",
    ("CampaignMember", "CampaignId"): "CampaignMembers",
    ("CampaignMember", "ContactId"): "CampaignMembers",
    ("CampaignMember", "LeadId"): "CampaignMembers",
    ("Task", "WhoId"): "Tasks",
    ("Task", "WhatId"): "Tasks",
}

"""What every account has from the start, and the columns that the vendor fills when nobody does."""

from __future__ import annotations

from sync.sandbox.store import Row

SENIORITIES = ("C-Level", "VP", "Director", "Manager", "Staff")
LISTS = ("Newsletter", "Product Updates", "Events")
AUTOMATIONS = ("Welcome", "Re-engagement", "Onboarding")
STATUS_WORDS = {
    "PENDING": "0",
    "UNCONFIRMED": "0",
    "SUBSCRIBED": "1",
    "ACTIVE": "1",
    "UNSUBSCRIBED": "2",
    "BOUNCED": "3",
}

OBJECTS = ("contacts", "accounts", "fields", "tags", "lists", "campaigns", "automations", "notes", "deals")
SIDE_TABLES = (
    "fieldValues",
    "contactLists",
    "contactTags",
    "accountContacts",
    "accountCustomFieldMeta",
    "accountCustomFieldData",
    "contactAutomations",
    "fieldOptions",
    "fieldRels",
    "exclusions",
    "messages",
    "webhooks",
    "trackingLogs",
)
CONTACT_SIDES = ("fieldValues", "contactLists", "contactTags", "accountContacts", "contactAutomations")

CONTACT: Row = {
    "email": "",
    "phone": "",
    "firstName": "",
    "lastName": "",
    "email_local": "",
    "email_domain": "",
    "email_empty": False,
    "orgid": "0",
    "orgname": "",
    "organization": None,
    "segmentio_id": "",
    "ip": "0",
    "ua": None,
    "gravatar": "0",
    "sentcnt": "0",
    "bounced_hard": "0",
    "bounced_soft": "0",
    "bounced_date": None,
    "deleted": "0",
    "anonymized": "0",
    "deleted_at": None,
    "mpp_tracking": "0",
    "best_send_hour": None,
    "last_click_date": None,
    "last_open_date": None,
    "last_mpp_open_date": None,
    "sms_consent": None,
    "sms_consent_updated_at": None,
    "whatsapp_id": None,
    "whatsapp_username": None,
    "adate": None,
    "edate": None,
    "created_by": None,
    "updated_by": None,
    "rating_tstamp": None,
    "socialdata_lastcheck": None,
}
CONTACT_DERIVED = (
    *("created_timestamp", "updated_timestamp", "created_utc_timestamp", "updated_utc_timestamp"),
    *("email_empty", "links", "scoreValues", "accountContacts", "id", "hash", "_deleted"),
)
CONTACT_WRITABLE = ("firstName", "lastName", "phone")
CONTACT_LINKS = [
    "bounceLogs",
    "contactAutomations",
    "contactData",
    "contactGoals",
    "contactLists",
    "contactLogs",
    "contactTags",
    "contactDeals",
    "deals",
    "fieldValues",
    "geoIps",
    "notes",
    "organization",
    "plusAppend",
    "trackingLogs",
    "scoreValues",
    "accountContacts",
    "automationEntryCounts",
]
FIELD: Row = {
    "title": "",
    "descript": "",
    "type": "text",
    "isrequired": "0",
    "perstag": "",
    "defval": None,
    "show_in_list": "0",
    "visible": "1",
    "service": "",
    "ordernum": "1",
}
LIST: Row = {
    "name": "",
    "stringid": "",
    "userid": "1",
    "sender_url": "https://acme.example.com",
    "sender_reminder": "You subscribed on our site",
    "channel": "email",
    "private": "0",
    "deletestamp": None,
}
MEMBERSHIP: Row = {
    "form": None,
    "seriesid": "0",
    "sdate": None,
    "udate": None,
    "status": "1",
    "responder": "1",
    "sync": "0",
    "unsubreason": None,
    "campaign": None,
    "message": None,
    "sourceid": "0",
    "unsubscribeAutomation": None,
    "automation": None,
}
TAG: Row = {"tag": "", "tagType": "contact", "description": "", "subscriber_count": "0"}
AUTOMATION: Row = {
    "name": "",
    "userid": "1",
    "status": "1",
    "entered": "0",
    "exited": "0",
    "hidden": "0",
    "multientry": "1",
    "exit_on_unsubscribe": "0",
    "description": None,
}
CAMPAIGN_COUNTERS = [
    "send_amt",
    "total_amt",
    "opens",
    "uniqueopens",
    "linkclicks",
    "uniquelinkclicks",
    "subscriberclicks",
    "forwards",
    "uniqueforwards",
    "hardbounces",
    "softbounces",
    "unsubscribes",
    "unsubreasons",
    "updates",
    "socialshares",
    "replies",
    "uniquereplies",
]
CAMPAIGN: Row = {
    "type": "single",
    "userid": "1",
    "segmentid": "0",
    "seriesid": "0",
    "formid": "0",
    "addressid": "0",
    "name": "",
    "sdate": None,
    "ldate": None,
    "status": "0",
    "deletestamp": None,
    "scheduleddate": None,
    "user": "1",
    "automation": None,
    **dict.fromkeys(CAMPAIGN_COUNTERS, "0"),
}
NOTE: Row = {"relid": "0", "reltype": "Subscriber", "userid": "1", "note": ""}
ACCOUNT: Row = {"name": "", "accountUrl": None, "owner": "1"}
DEAL: Row = {
    "title": "",
    "contact": None,
    "account": None,
    "value": "0",
    "currency": "usd",
    "group": "1",
    "stage": "1",
    "owner": "1",
    "status": "0",
    "percent": None,
    "description": "",
    "nextdate": None,
    "edate": None,
    "hash": "",
    "isDisabled": "0",
}
STAGES = ("To Contact", "In Contact", "Follow Up")
WEBHOOK: Row = {
    "name": "",
    "url": "",
    "events": [],
    "sources": ["public", "admin", "api", "system"],
    "listid": "0",
    "state": "1",
}
DEFAULTS: dict[str, Row] = {
    "contacts": CONTACT,
    "accounts": ACCOUNT,
    "fields": FIELD,
    "lists": LIST,
    "tags": TAG,
    "automations": AUTOMATION,
    "campaigns": CAMPAIGN,
    "notes": NOTE,
    "webhooks": WEBHOOK,
    "deals": DEAL,
    "contactLists": MEMBERSHIP,
}
STAMPS: dict[str, tuple[str, str]] = {
    "accounts": ("createdTimestamp", "updatedTimestamp"),
    "accountContacts": ("createdTimestamp", "updatedTimestamp"),
    "accountCustomFieldMeta": ("createdTimestamp", "updatedTimestamp"),
    "accountCustomFieldData": ("createdTimestamp", "updatedTimestamp"),
    "tags": ("cdate", ""),
    "contactTags": ("cdate", ""),
    "contactLists": ("created_timestamp", "updated_timestamp"),
    "campaigns": ("cdate", "mdate"),
    "automations": ("cdate", "mdate"),
    "notes": ("cdate", "mdate"),
    "deals": ("cdate", "mdate"),
    "contactAutomations": ("adddate", "lastdate"),
    "messages": ("cdate", "mdate"),
    "webhooks": ("cdate", ""),
}
LEAN = ("contacts", "contactLists")
"""Tables that hold many rows are stored without the columns that still have the vendor's default."""
NAIVE = ("accountCustomFieldMeta", "accountCustomFieldData", "contactLists")

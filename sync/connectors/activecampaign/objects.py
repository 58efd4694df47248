"""The collections of the API beside contacts, as a table: routes, names of keys, what may be written, when a row changed.

Sources: `apis/activecampaign.md` 5 and 7 to 11. Automations are built in the vendor's designer only; deals, lists and custom
fields are read, because what they mean is decided there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sync.errors import DriftError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One collection.

    ``key`` and ``single`` wrap lists and rows. ``writable``: native path -> name on the wire. ``needed`` of a create.
    ``changed`` is the column of the last change (None: rows do not tell). ``name`` is what a row is called.
    """

    object: str
    key: str
    single: str
    name: str
    changed: str | None
    created: str | None
    writable: Mapping[str, str] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    deletable: bool = False
    columns: tuple[str, ...] = ()

    @property
    def route(self) -> str:
        """The list's address."""
        return f"/{self.key}"


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_CAMPAIGN: Final = (
    *("name", "type", "segmentId", "addressId", "listIds", "replyTrackingEnabled", "linkTrackingEnabled"),
    *("readTrackingEnabled", "googleAnalyticsLinkTrackingEnabled", "googleAnalyticsCampaignName", "canSplitContent"),
    *("sendToExistingSubscribers", "recurring", "responderDaysOffset", "responderHoursOffset", "scheduledDate"),
    *("rssInterval", "publicCampaignArchive"),
)
_CAMPAIGN_READ: Final = {"segmentid": "segmentId", "addressid": "addressId", "scheduleddate": "scheduledDate"}
_COUNTERS: Final = (
    *("send_amt", "total_amt", "opens", "uniqueopens", "linkclicks", "uniquelinkclicks", "subscriberclicks"),
    *("hardbounces", "softbounces", "unsubscribes", "replies"),
)

ENDPOINTS: Final[Mapping[str, Endpoint]] = {
    endpoint.object: endpoint
    for endpoint in (
        Endpoint(
            "accounts",
            "accounts",
            "account",
            "name",
            "updatedTimestamp",
            "createdTimestamp",
            _same("name", "accountUrl", "owner"),
            needed=("name",),
            deletable=True,
        ),
        Endpoint(
            "campaigns",
            "campaigns",
            "campaign",
            "name",
            "mdate",
            "cdate",
            _same(*_CAMPAIGN) | _CAMPAIGN_READ,
            needed=("name",),
            deletable=True,
            columns=("status", "sdate", "ldate", "automation", *_COUNTERS),
        ),
        Endpoint(
            "tags", "tags", "tag", "tag", None, "cdate", _same("tag", "description"), needed=("tag",), deletable=True
        ),
        Endpoint(
            "notes",
            "notes",
            "note",
            "note",
            "mdate",
            "cdate",
            _same("note", "relid", "reltype"),
            needed=("note", "relid"),
            deletable=True,
        ),
        Endpoint("lists", "lists", "list", "name", "udate", "cdate", columns=("stringid", "channel")),
        Endpoint("fields", "fields", "field", "title", "udate", "cdate", columns=("perstag", "type")),
        Endpoint("automations", "automations", "automation", "name", "mdate", "cdate", columns=("status", "entered")),
        Endpoint(
            "deals",
            "deals",
            "deal",
            "title",
            "mdate",
            "cdate",
            columns=("value", "currency", "status", "stage", "group", "owner", "contact", "account"),
        ),
    )
}


def endpoint_of(object_name: str) -> Endpoint:
    """The endpoint of a collection. Raises DriftError for one that the API has not."""
    found = ENDPOINTS.get(object_name)
    if found is None:
        known = ", ".join(sorted(("contacts", *ENDPOINTS)))
        raise DriftError(f"ActiveCampaign has no {object_name}", remedy=f"It has: {known}.")
    return found

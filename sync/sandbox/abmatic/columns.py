"""The columns of the later surfaces' accounts: all that the vendor's page of March 2026 lists, and where each comes from.

What the emulated tenant does not hold is null; a name that is not here is refused (fact sheet 1.5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sync.sandbox.abmatic.fields import WRITABLE
from sync.sandbox.store import Row

SORTABLE = (
    *("website", "name", "industry", "employee_count", "engagement_score", "fit_score", "overall_score"),
    *("created_at", "updated_at", "last_seen"),
)
DEFAULT = (
    *("website", "name", "industry", "employee_count", "size", "location.name", "location.country", "linkedin_url"),
    *("logo", "engagement_score", "fit_score", "overall_score", "created_at", "updated_at"),
)
_PLACE = "name country state city locality region continent metro postal_code street_address address_line_2 geo"
_PLAIN = """
website name display_name companyName industry sub_industry type headline summary founded ticker logo
engagement_score website_engagement_score linkedin_engagement_score agentic_chat_engagement_score
third_party_intent_score fit_score overall_score pmf_score temperature last_turned_hot_at
employee_count no_of_employees size inferred_revenue total_funding_raised number_funding_rounds
latest_funding_stage last_funding_date average_employee_tenure location city countryShort countryLong
linkedin_url linkedin_id linkedin_slug linkedin_follower_count twitter_url facebook_url abmatic_link
salesforce_id salesforce_account_id salesforce_ownerId hubspot_id hubspot_ownerId pipedrive_id primary_outreach_id
outreach_ownerId duplicate_salesforce_ids duplicate_hubspot_ids external_id
linkedin_last_visited_at linkedin_recently_visited_campaign_id linkedin_recently_visited_campaign_name
last_seen confidence ip_source visited_pages visitors_count utm_params
chat_last_interaction_at chat_has_high_intent chat_summary conversion_events last_conversion_at
demo_booked demo_booked_at demo_scheduled_at demo_time demo_ae is_enriched enriched_at source created_at updated_at tags
naicsDesc naicsGroup gics_sector tradeName immediate_parent ultimate_parent mic_exchange associated_account_collections
"""
_WINDOW = "sessions visitors page_views unique_page_views time_on_page form_submissions avg_scroll_depth conversions"
_BANDS = (
    *((10, "1-10"), (50, "11-50"), (200, "51-200"), (500, "201-500"), (1000, "501-1000")),
    *((5000, "1001-5000"), (10_000, "5001-10000")),
)


def _listed() -> Iterator[str]:
    yield from _PLAIN.split()
    yield "NAICS Code"
    yield from (f"location.{part}" for part in _PLACE.split())
    yield from (f"utm_params.utm_{part}" for part in ("source", "medium", "campaign", "term"))
    yield from (f"last_{days}_days_{what}" for days in (7, 30, 90) for what in _WINDOW.split())
    clicks = ("impressions", "clicks", "externalWebsiteConversions")
    yield from (f"linkedin_last_{days}_days_{what}" for days in (7, 30, 60, 90) for what in clicks)
    yield from (f"field_{number:02}" for number in range(1, 31))


KNOWN = frozenset(_listed())


def unknown(names: Iterable[str], custom: set[str]) -> list[str]:
    """The names that are neither columns of any revision nor such that people brought in."""
    return [name for name in names if name not in KNOWN | WRITABLE["accounts"].keys() | custom]


def value(row: Row, field: str) -> Any:
    """Later names for the same facts; A2 spells names in lower case, and nested fields as flat dotted keys."""
    if field in _MADE:
        return _MADE[field](row)
    if field.startswith("location"):
        return _place(row, field)
    return row.get(field)


def _place(row: Row, field: str) -> Any:
    place = {"name": row.get("city"), **{part: row.get(part) for part in ("city", "state", "country")}}
    return place if field == "location" else place.get(field.partition(".")[2])


def _band(row: Row) -> str | None:
    count = row.get("employee_count")
    if row.get("size") or not isinstance(count, int):
        return row.get("size")
    return next((word for top, word in _BANDS if count <= top), "10001+")


_MADE: dict[str, Callable[[Row], Any]] = {
    "name": lambda row: str(row.get("name") or "").lower(),
    "display_name": lambda row: row.get("display_name") or row.get("name"),
    "companyName": lambda row: row.get("companyName") or row.get("name"),
    "last_seen": lambda row: row.get("last_seen_at"),
    "no_of_employees": lambda row: row.get("employee_count"),
    "salesforce_account_id": lambda row: row.get("salesforce_id"),
    "size": _band,
}

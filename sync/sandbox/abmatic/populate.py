"""Abmatic's own view of the invented world: its spellings, its words for seniority, stamps in the past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sync.sandbox.abmatic.rows import Rows
from sync.sandbox.abmatic.stamps import stamp
from sync.sandbox.people import Company, Person, Population

EPOCH = datetime(2025, 1, 6, 8, 0, tzinfo=UTC)
SENIORITY = {"C-Level": "executive", "VP": "vp", "Director": "director", "Manager": "manager", "Staff": "staff"}
WEBSITES = ("https://www.{}/", "{}", "http://{}", "www.{}", "https://{}")
CAMPAIGNS = ("Spring launch", "Retargeting: pricing page", "Tier 1 outreach")
TIER_SCORE = 70
VISITORS_MAX = 50


def populate(rows: Rows, population: Population) -> None:
    """Stores what Abmatic knows. Stamps are fixed, so that the same seed gives the same rows to the letter."""
    ids: dict[int, str] = {}
    for company in population.companies:
        if "abmatic" in company.systems:
            ids[company.number] = rows.make("accounts", _account(company))["id"]
    for person in population.people:
        if "abmatic" in person.systems:
            rows.make("contacts", _contact(person, ids.get(person.company)))
    if ids:
        _extras(rows, population, ids)


def _account(company: Company) -> dict[str, Any]:
    return {
        "name": company.name if company.number % 4 else f"{company.name}, Inc.",
        "website": WEBSITES[company.number % len(WEBSITES)].format(company.domain),
        "industry": company.industry,
        "employee_count": company.employees,
        "engagement_score": company.score,
        "phone": _dashed(company.phone),
        "city": company.city,
        "state": company.state,
        "country": company.country,
        "last_seen_at": _at(company.number, 90),
        **_stamps(company.number),
    }


def _contact(person: Person, account_id: str | None) -> dict[str, Any]:
    return {
        "email": person.email if person.number % 5 else person.email.title(),
        "first_name": person.first_name,
        "last_name": person.last_name,
        "title": person.title,
        "seniority": SENIORITY[person.seniority],
        "phone": _dashed(person.phone),
        "engagement_score": person.score,
        "account_id": account_id,
        **_stamps(person.number),
    }


def _extras(rows: Rows, population: Population, ids: dict[int, str]) -> None:
    known = [company for company in population.companies if company.number in ids]
    for number, name in enumerate(CAMPAIGNS):
        seen = {"impressions": 1200 * (number + 1), "conversions": 14 * (number + 1)}
        rows.make("campaigns", {"name": name, "status": "active", "analytics": seen, **_stamps(number)})
    hot = [ids[company.number] for company in known if company.score >= TIER_SCORE]
    rows.make(
        "groups", {"name": "Tier 1", "criteria": {"engagement_score_min": TIER_SCORE}, "members": hot, **_stamps(0)}
    )
    for company in known[:VISITORS_MAX]:
        rows.make("visitors", _visitor(company, ids[company.number]))


def _visitor(company: Company, account_id: str) -> dict[str, Any]:
    seen_at = _at(company.number, 90)
    return {
        "company": {"id": account_id, "name": company.name, "website": company.domain},
        "page_views": [{"url": "/pricing", "viewed_at": seen_at}],
        "created_at": seen_at,
        "updated_at": seen_at,
    }


def _stamps(number: int) -> dict[str, str]:
    return {"created_at": _at(number, 0), "updated_at": _at(number, 60)}


def _at(number: int, days: int) -> str:
    """A moment some days after the epoch, another one for each number."""
    return stamp(EPOCH + timedelta(days=days, seconds=number * 97 % (90 * 86400)))


def _dashed(phone: str) -> str:
    """``+12125550123`` as people in the United States write it."""
    return f"({phone[2:5]}) {phone[5:8]}-{phone[8:]}"

"""The invented companies and people as Letrics has collected them."""

from __future__ import annotations

from sync.sandbox.people import Company, Person
from sync.sandbox.store import Row

TECHNOLOGIES = ("Shopify", "HubSpot", "AWS", "Stripe", "Snowflake")
FUNCTIONS = ("ecommerce", "saas", "services", "manufacturing")
DEPARTMENTS = ("Sales", "Marketing", "Engineering", "Finance")
DECIDERS = ("c-level", "vp", "executive", "director")


def company_row(company: Company) -> Row:
    """A company with the attributes that searches filter by."""
    number = company.number
    return {
        "name": company.name,
        "domain": company.domain,
        "tld": company.domain.rpartition(".")[2],
        "location": company.country,
        "industry": company.industry,
        "functions": [FUNCTIONS[number % len(FUNCTIONS)]],
        "technologies": sorted({TECHNOLOGIES[number % 5], TECHNOLOGIES[number // 5 % 5]}),
        "linkedin_url": None,
        "generic_email": f"info@{company.domain}" if number % 2 else None,
    }


def contact_row(person: Person) -> Row:
    """A person; every fifth also has a private address."""
    slug = f"{person.first_name}-{person.last_name}-{person.number}".lower()
    mails = [{"email": person.email, "type": "work"}]
    if person.number % 5 == 0:
        mails.append({"email": f"{slug}@mail.example", "type": "personal"})
    return {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "job_title": person.title,
        "department": DEPARTMENTS[person.number % len(DEPARTMENTS)],
        "seniority": person.seniority,
        "is_decision_maker": person.seniority.lower() in DECIDERS,
        "emails": mails,
        "linkedin_url": f"https://www.linkedin.example/in/{slug}" if person.number % 3 else None,
    }

"""The org's own view of the invented companies and people: spelt as sales people spell them."""

from __future__ import annotations

from sync.sandbox.people import Company, Person, Population
from sync.sandbox.salesforce.database import Author
from sync.sandbox.salesforce.org import HUMAN_USER, Org
from sync.sandbox.store import Row

STATES = {
    "Alabama": "AL", "Arizona": "AZ", "California": "CA", "Colorado": "CO", "Connecticut": "CT", "Florida": "FL",
    "Georgia": "GA", "Illinois": "IL", "Indiana": "IN", "Maryland": "MD", "Massachusetts": "MA", "Michigan": "MI",
    "Minnesota": "MN", "Missouri": "MO", "New Jersey": "NJ", "New York": "NY", "North Carolina": "NC", "Ohio": "OH",
    "Oregon": "OR", "Pennsylvania": "PA", "Tennessee": "TN", "Texas": "TX", "Utah": "UT", "Virginia": "VA",
    "Washington": "WA", "Wisconsin": "WI",
}  # fmt: skip
SUFFIXES = ("", ", Inc.", " Inc", " LLC", "", " Corp.")
SITES = ("https://www.{}", "http://www.{}/", "www.{}", "https://{}/en-us")
SENIORITIES = frozenset({"C-Level", "VP", "Director", "Manager", "Staff"})
COUNTRIES = {
    "US": "United States",
    "USA": "United States",
    "DE": "Germany",
    "GB": "United Kingdom",
    "UK": "United Kingdom",
    "FR": "France",
}
ODD_INDUSTRIES = {11: "Software & Services", 23: "Dot-com", 37: "technology"}
LEAD_EVERY = 20


def populate(org: Org, population: Population) -> None:
    """Stores accounts and contacts that know this system, and a few leads among the people that do not."""
    author = Author(HUMAN_USER, org.database.now())
    accounts = _companies(org, population.companies, author)
    contact, lead = org.schema.known("Contact"), org.schema.known("Lead")
    for person in population.people:
        if "salesforce" in person.systems:
            row = {**_person(person), "AccountId": accounts.get(person.company)}
            org.database.stand(contact, row, author)
        elif person.number % LEAD_EVERY == 0:
            company = population.companies[person.company]
            row = {
                **_person(person),
                "Company": company.name,
                "Website": company.domain,
                "Status": "Open - Not Contacted",
            }
            org.database.stand(lead, row, author)


def _companies(org: Org, companies: tuple[Company, ...], author: Author) -> dict[int, str]:
    """Stores the companies that know this system; ids by their place in the population."""
    kind = org.schema.known("Account")
    known = ((at, company) for at, company in enumerate(companies) if "salesforce" in company.systems)
    return {at: org.database.stand(kind, _company(company), author) for at, company in known}


def _company(company: Company) -> Row:
    number = company.number
    return {
        "Name": company.name + SUFFIXES[number % len(SUFFIXES)],
        "Website": SITES[number % len(SITES)].format(company.domain),
        "Industry": ODD_INDUSTRIES.get(number % 41, company.industry),
        "NumberOfEmployees": company.employees,
        "AnnualRevenue": float(company.revenue),
        "Phone": company.phone,
        "BillingCity": company.city,
        "BillingState": STATES.get(company.state, company.state),
        "BillingCountry": COUNTRIES.get(company.country, company.country),
    }


def _person(person: Person) -> Row:
    first = person.first_name.upper() if person.number % 29 == 0 else person.first_name
    seniority = person.seniority if person.seniority in SENIORITIES else None
    return {
        "FirstName": first,
        "LastName": person.last_name,
        "Email": person.email.lower(),
        "Title": person.title,
        "Seniority__c": seniority,
        "Phone": person.phone,
        "HasOptedOutOfEmail": person.opted_out,
        "LeadSource": "Web" if person.number % 3 == 0 else None,
    }

"""What an account holds on the first day, and the invented companies and people that it knows."""

from __future__ import annotations

from sync.sandbox.activecampaign import schema
from sync.sandbox.activecampaign.state import State
from sync.sandbox.people import Company, Person, Population
from sync.sandbox.store import Row

SENIORITY_WORDS = {"executive": "C-Level", **{word.lower(): word for word in schema.SENIORITIES}}
TITLE_ID, SENIORITY_ID, NEWSLETTER_ID = "1", "2", "1"


def furnish(state: State) -> None:
    """Fields JOB_TITLE and SENIORITY, three lists, three automations, a pipeline with three stages."""
    state.insert("fields", {"title": "Job Title", "perstag": "JOB_TITLE", "type": "text"})
    state.insert("fields", {"title": "Seniority", "perstag": "SENIORITY", "type": "dropdown", "ordernum": "2"})
    for order, word in enumerate(schema.SENIORITIES, 1):
        option = {"field": SENIORITY_ID, "orderid": str(order), "value": word, "label": word, "isdefault": "0"}
        state.insert("fieldOptions", option)
    for field_id in (TITLE_ID, SENIORITY_ID):
        state.insert("fieldRels", {"field": field_id, "relid": "0", "dorder": "0"})
    for name in schema.LISTS:
        state.insert("lists", {"name": name, "stringid": name.lower().replace(" ", "-")})
    for name in schema.AUTOMATIONS:
        state.insert("automations", {"name": name})
    pipeline = state.insert("dealGroups", {"title": "Pipeline", "currency": "usd"})
    for order, title in enumerate(schema.STAGES, 1):
        state.insert("dealStages", {"title": title, "group": pipeline["id"], "order": str(order)})


def populate(state: State, population: Population, system: str) -> None:
    """Stores the companies and people that ``system`` knows, people linked to the company that is here."""
    accounts = {
        place: _add_account(state, company)
        for place, company in enumerate(population.companies)
        if system in company.systems
    }
    for person in population.people:
        if system in person.systems:
            _add_contact(state, person, accounts.get(person.company))


def _add_account(state: State, company: Company) -> str:
    name = company.name
    while state.account_names.get(name):
        name = f"{name} {company.number}"
    return str(state.insert("accounts", {"name": name, "accountUrl": f"https://www.{company.domain}/"})["id"])


def _add_contact(state: State, person: Person, account_id: str | None) -> None:
    if state.emails.get(person.email):
        return
    names = {"firstName": person.first_name, "lastName": person.last_name, "phone": person.phone}
    row: Row = state.insert("contacts", {"email": person.email, **names})
    state.set_value(row["id"], TITLE_ID, person.title)
    word = SENIORITY_WORDS.get(person.seniority.lower())
    if word:
        state.set_value(row["id"], SENIORITY_ID, word)
    state.set_status(row["id"], NEWSLETTER_ID, "2" if person.opted_out else "1")
    if account_id is not None:
        state.insert("accountContacts", {"contact": row["id"], "account": account_id, "jobTitle": ""})

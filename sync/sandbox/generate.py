"""An invented world from a seed: the same numbers give the same companies and people, to the letter.

Every domain is reserved for documentation (RFC 2606, RFC 6761), every telephone number is fictional (555-01XX).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import accumulate

from sync.sandbox.people import Company, Person, Population
from sync.sandbox.words import AREA_CODES, FIRST, HEADS, INDUSTRIES, LAST, PLACES, TAILS, TITLES

SENIORITY_WEIGHTS = tuple(accumulate((1, 2, 3, 5, 9)))
ENDINGS = ("example.com", "example", "example.org", "example.net")
SIZES = (8, 35, 120, 350, 800, 2600, 7400, 24000)
OPTED_OUT_SHARE = 0.05
ASCII = str.maketrans("áçéóüøŁł", "aceouoLl")


def generate(seed: int, accounts: int, contacts: int, overlap: float, systems: Sequence[str]) -> Population:
    """`accounts` companies and `contacts` people; exactly the share `overlap` of each is in more than one system."""
    chance = random.Random(f"{seed}/companies")  # noqa: S311 - invented data
    companies = tuple(_company(n, chance, _knowers(n, overlap, systems, chance)) for n in range(accounts))
    chance = random.Random(f"{seed}/people")  # noqa: S311 - invented data
    people = tuple(_person(n, chance, companies, _knowers(n, overlap, systems, chance)) for n in range(contacts))
    return Population(seed, companies, people)


def _knowers(number: int, overlap: float, systems: Sequence[str], chance: random.Random) -> frozenset[str]:
    """One system, or several for the `overlap` that is spread evenly over the numbers."""
    shared = int((number + 1) * overlap + 1e-9) > int(number * overlap + 1e-9)
    many = chance.randint(2, len(systems)) if shared and len(systems) > 1 else 1
    return frozenset(chance.sample(list(systems), many))


def _company(number: int, chance: random.Random, systems: frozenset[str]) -> Company:
    head, tail = HEADS[number % len(HEADS)], TAILS[(number + number // len(HEADS)) % len(TAILS)]
    unique = f" {number}" if number >= len(HEADS) * len(TAILS) else ""
    name = f"{head} {tail}{unique}"
    city, state, country = chance.choice(PLACES)
    employees = chance.choice(SIZES) + chance.randrange(90)
    return Company(
        number=number,
        name=name,
        domain=f"{name.lower().replace(' ', '-')}.{ENDINGS[number % len(ENDINGS)]}",
        industry=chance.choice(INDUSTRIES),
        employees=employees,
        city=city,
        state=state,
        country=country,
        phone=_phone(chance),
        revenue=employees * chance.randrange(80, 400) * 1000,
        score=chance.randrange(101),
        systems=systems,
    )


def _person(number: int, chance: random.Random, companies: Sequence[Company], systems: frozenset[str]) -> Person:
    first, last = chance.choice(FIRST), chance.choice(LAST)
    seniority, titles = chance.choices(TITLES, cum_weights=SENIORITY_WEIGHTS)[0]
    company = chance.randrange(len(companies)) if companies else -1
    domain = companies[company].domain if companies else "example.com"
    return Person(
        number=number,
        first_name=first,
        last_name=last,
        email=f"{first}.{last}.{number}@{domain}".translate(ASCII).lower(),
        title=chance.choice(titles),
        seniority=seniority,
        phone=_phone(chance),
        company=company,
        score=chance.randrange(101),
        opted_out=chance.random() < OPTED_OUT_SHARE,
        systems=systems,
    )


def _phone(chance: random.Random) -> str:
    return f"+1{chance.choice(AREA_CODES)}55501{chance.randrange(100):02d}"

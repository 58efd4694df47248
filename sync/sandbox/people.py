"""Deterministic invented companies and people, the same for every vendor, each of which stores its own view of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Company:
    """One invented company. ``systems`` are the vendors that know it, each with small differences of spelling."""

    number: int
    name: str
    domain: str
    industry: str
    employees: int
    city: str
    state: str
    country: str
    phone: str
    revenue: int
    score: int
    systems: frozenset[str]


@dataclass(frozen=True, slots=True)
class Person:
    """One invented person at `companies[company]`; ``company`` is -1 in a world without companies."""

    number: int
    first_name: str
    last_name: str
    email: str
    title: str
    seniority: str
    phone: str
    company: int
    score: int
    opted_out: bool
    systems: frozenset[str]


@dataclass(frozen=True, slots=True)
class Population:
    """What a reset stores: vendors keep what names them in ``systems``."""

    seed: int
    companies: tuple[Company, ...]
    people: tuple[Person, ...]

"""Mappings that several of the engine's tests share."""

import pytest
from engine_records import HEAD, loaded

ACCOUNT = """
entity = "account"
[match]
keys = ["domain"]
[systems.one]
object = "companies"
create = true
[systems.two]
object = "companies"
create = true
[fields.domain]
type = "domain"
required = true
one = "domain"
two = "domain"
[fields.score]
type = "integer"
one = "score"
two = "score"
"""
CONTACT = """
[fields.account]
type = "ref"
entity = "account"
one = "company"
two = "company"
"""


@pytest.fixture(scope="session")
def account_of_contact():
    """Contacts that refer to an account."""
    return loaded({"accounts.toml": ACCOUNT, "contacts.toml": HEAD + CONTACT})["contact"]


@pytest.fixture(scope="session")
def warm_contacts():
    """Contacts that are created in `two` only where their account has a score of 50 and more."""
    head = HEAD.replace('[systems.three]\nobject = "people"\ncreate = true\n', "").replace('three = "email"\n', "")
    when = head.replace(
        '[systems.two]\nobject = "people"\ncreate = true\n',
        "[systems.two]\nobject = \"people\"\ncreate = true\nwhen = '(account.score ?? 0) >= 50'\n",
    )
    return loaded({"accounts.toml": ACCOUNT, "contacts.toml": when + CONTACT}, ("one", "two"))["contact"]

"""Whether the configuration and the mappings fit one another, told without asking any system."""

import pytest

from sync.config import load as read_config
from sync.mapping import load as read_mappings
from sync.runner.fit import unfit

CONFIG = """[systems.salesforce]
login_url = "https://acme.my.salesforce.com"
client_id = "env:KEY"
client_secret = "env:KEY"
[systems.mailing]
kind = "conversion"
base_url = "https://pub-api.conversion.ai/api/v1"
api_key = "env:KEY"
"""
MAPPING = """entity = "contact"
[match]
keys = ["email"]
[systems.salesforce]
object = "Contact"
create = true
[systems.mailing]
object = "contacts"
deleted = "delete"
[fields.email]
type = "email"
salesforce = "Email"
mailing = "email"
"""


@pytest.fixture
def problems(tmp_path):
    """What is said of these settings of Conversion beside a mapping that deletes there."""
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "contacts.toml").write_text(MAPPING)

    def problems(more):
        (tmp_path / "config.toml").write_text(CONFIG + more)
        config = read_config(tmp_path / "config.toml", {"KEY": "x"})
        kinds = {name: system.kind for name, system in config.systems.items()}
        return unfit(config, read_mappings(config.mappings, kinds))

    return problems


def test_a_deletion_that_the_configuration_forbids_is_refused(problems):
    """`deletes = false` beside `deleted = "delete"`: one of the two would be a lie; file and line of the mapping, and a remedy."""
    (problem,) = problems("deletes = false\n")
    assert (problem.file, problem.line) == ("mappings/contacts.toml", 7)
    assert "systems.mailing.deletes" in problem.message and problem.remedy
    assert problems("") == []

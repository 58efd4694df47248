"""One sandbox and one workspace with a past for all tests that only look; a fresh one for each that changes something."""

import httpx
import pytest
from stage import Stage

from sync.sandbox.start import Sandbox

SMALL = {"accounts": 5, "contacts": 40, "limits": False}


@pytest.fixture(scope="session")
def stage(tmp_path_factory):
    with Sandbox(**SMALL) as sandbox:
        yield Stage(sandbox.urls, tmp_path_factory.mktemp("web")).past()


@pytest.fixture(scope="session")
def url(stage):
    with stage.served() as found:
        yield found


@pytest.fixture
def web(url):
    """A visitor on this machine, who needs no token."""
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def open_stage(stage, tmp_path_factory):
    """The same state behind an address that other machines can reach: a token is needed."""
    folder = tmp_path_factory.mktemp("open")
    other = Stage(stage.urls, folder)
    for file in stage.folder.glob("crm-sync.db*"):
        (folder / file.name).write_bytes(file.read_bytes())
    other.listen("0.0.0.0:0", 'hosts = ["crm.example.com"]\n')
    return other


@pytest.fixture
def stranger(open_stage):
    """A visitor from elsewhere, of whom nothing is known yet."""
    with open_stage.served() as found, httpx.Client(base_url=found, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def fresh(tmp_path):
    """A workspace of its own, to change."""
    with Sandbox(**SMALL) as sandbox:
        yield Stage(sandbox.urls, tmp_path / "fresh").past()

"""A real Chromium (Debian's package), started by Playwright; screenshots are kept in $CRM_SYNC_ARTEFACTS."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from stage import Stage

from sync.sandbox.start import Sandbox

CHROMIUM = "/usr/bin/chromium"
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", CHROMIUM), args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory):
    folder = os.environ.get("CRM_SYNC_ARTEFACTS")
    found = Path(folder) if folder else tmp_path_factory.mktemp("artefacts")
    found.mkdir(parents=True, exist_ok=True)
    return found


@pytest.fixture
def fresh(tmp_path):
    """A workspace with a past that only this test changes; a token is needed."""
    with Sandbox(accounts=8, contacts=50, limits=False) as sandbox:
        yield Stage(sandbox.urls, tmp_path / "fresh", listen="0.0.0.0:0").past()


@pytest.fixture(scope="session")
def looked_at(tmp_path_factory):
    """A workspace with a past that nobody changes; open on this machine."""
    with Sandbox(accounts=15, contacts=60, limits=False) as sandbox:
        yield Stage(sandbox.urls, tmp_path_factory.mktemp("looked-at")).past()
